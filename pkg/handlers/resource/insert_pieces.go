package resource

import (
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// maxPieceValues bounds the values of one insert: package relations plans no more, for
// SQLite takes no more.
const maxPieceValues = 25_000

// cut divides rows that one statement cannot take; nil: it can. Postgres takes rows of JSON
// as one value.
func (in *insertion) cut(w *write, s *sentRows) []*relations.Change {
	c := in.change
	if c.JSON != nil && w.table.Store.Dialect == expr.Postgres || in.rows*max(len(c.Columns), 1) <= maxPieceValues {
		return nil
	}
	most := max(maxPieceValues/max(len(c.Columns), 1), 1)
	var out []*relations.Change
	for from := 0; from < in.rows; from += most {
		to := min(from+most, in.rows)
		piece := *c
		if c.JSON == nil {
			piece.Rows = c.Rows[from:to]
		} else {
			part := sentRows{rows: s.rows[from:to], columns: s.columns}
			text, err := part.list(in.fixed)
			if err != nil {
				return nil // the whole was written once
			}
			piece.JSON = text
		}
		out = append(out, &piece)
	}
	return out
}

// insertPieces writes one piece after the other, and joins what is answered.
func (w *write) insertPieces(q store.Querier, in *insertion, answered bool) error {
	var body []byte
	var keys [][]any
	var rows int64
	w.piece = true
	for i, change := range in.pieces {
		plan, err := relations.Insert(w.free, w.chosen(), change, answered, in.options)
		if err != nil {
			return err
		}
		w.body = nil
		if err := w.run(q, plan, answered); err != nil {
			return err
		}
		if i == 0 {
			body = w.begin(nil, w.names)
		}
		if rows > 0 && w.rows > 0 && w.media.Kind != postgrest.CSV {
			body = append(body, ',')
		}
		body, keys, rows = append(body, w.body...), append(keys, w.keys...), rows+w.rows
	}
	w.body, w.keys, w.rows = w.end(body, int(rows)), keys, rows
	return nil
}
