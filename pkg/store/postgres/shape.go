package postgres

import (
	"fmt"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// encoder makes JSON objects, or lines of CSV, of the rows of one statement. It is compiled
// when a connection prepares the statement.
type encoder struct {
	shown   []shown // the columns that leave, in their order
	kept    int     // columns from here on are kept back
	kinds   []kind
	formats []int16
	strip   bool
	csv     bool

	keptLast bool
}

// shown is a column that leaves.
type shown struct {
	at   int
	name string
	key  []byte // its name as JSON with what stands around it: {"id": or ,"name":
}

func newEncoder(shape *store.Shape, columns *value.Columns, kinds []kind, formats []int16) *encoder {
	if shape == nil {
		shape = &store.Shape{}
	}
	e := &encoder{kept: max(len(kinds)-shape.Kept, 0), kinds: kinds, formats: formats, strip: shape.StripNulls, csv: shape.CSV, keptLast: shape.KeptLast}
	for i := range e.kept {
		if columns.Hidden(i) {
			continue
		}
		before := byte(',')
		if len(e.shown) == 0 {
			before = '{'
		}
		name := columns.Names()[i]
		key := append(value.AppendJSONString([]byte{before}, name), ':')
		e.shown = append(e.shown, shown{i, name, key})
	}
	if e.csv { // all that leaves comes as text
		e.formats = append(make([]int16, e.kept), formats[e.kept:]...)
	}
	return e
}

// append writes a row behind dst; a row behind another one needs a comma before it.
func (e *encoder) append(dst []byte, raw [][]byte, zone *time.Location) ([]byte, error) {
	switch {
	case len(raw) != len(e.kinds):
		return dst, &store.Fault{Message: errShort.Error()}
	case e.csv:
		return e.appendLine(dst, raw), nil
	case len(e.shown) == 0:
		return append(dst, "{}"...), nil
	}
	start := len(dst)
	var err error
	for i := range e.shown {
		c := &e.shown[i]
		dst = append(dst, c.key...)
		if raw[c.at] == nil {
			dst = append(dst, "null"...)
		} else if dst, err = e.kinds[c.at].appendJSON(dst, raw[c.at], zone); err != nil {
			return dst, &store.Fault{Message: fmt.Sprintf("column %s: %v", c.name, err)}
		}
	}
	dst = append(dst, '}')
	if e.strip {
		dst = form.AppendStripped(dst[:start], dst[start:])
	}
	return dst, nil
}

// appendLine writes a line of CSV.
func (e *encoder) appendLine(dst []byte, raw [][]byte) []byte {
	for i := range e.shown {
		if i > 0 {
			dst = append(dst, ',')
		}
		if text := raw[e.shown[i].at]; text != nil {
			dst = form.AppendCSV(dst, text)
		}
	}
	return append(dst, '\n')
}

// keep gives the columns that are kept back.
func (e *encoder) keep(raw [][]byte) ([]any, error) {
	row := make([]any, len(e.kinds)-e.kept)
	return row, decodeRow(row, e.kinds[e.kept:], raw[e.kept:])
}

// decodeRow reads values that may be NULL into row.
func decodeRow(row []any, kinds []kind, raw [][]byte) error {
	if len(raw) != len(row) {
		return &store.Fault{Message: errShort.Error()}
	}
	for i, r := range raw {
		if r == nil {
			continue
		}
		v, err := kinds[i].decode(r)
		if err != nil {
			return &store.Fault{Message: fmt.Sprintf("column %d: %v", i+1, err)}
		}
		row[i] = v
	}
	return nil
}
