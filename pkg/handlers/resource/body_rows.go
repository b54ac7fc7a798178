package resource

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/value"
)

// sentRows are the rows of a body.
type sentRows struct {
	rows    []map[string]any
	columns []string // those that are taken: of `columns`, or the keys of the rows; sorted
	one     bool     // an object, not a list
	chosen  bool     // `columns` says which
	raw     []byte   // the JSON as it came; nil for other bodies
}

// maxBodyRows bounds the rows of one body.
const maxBodyRows = 10_000

func badRows(message string) *postgrest.Error {
	return &postgrest.Error{Status: http.StatusBadRequest, Code: badBody, Message: message}
}

// What PostgREST says of bodies (PostgREST.ApiRequest.Payload).
const (
	badJSON   = "Empty or invalid json"
	unlikeObj = "All object keys must match"
	badCSV    = "Empty or invalid csv"
	unlikeCSV = "All lines must have same number of fields"
)

// readRows reads one row or a list of them. columns are those of the query, nil for none:
// then all rows must have the same keys.
func readRows(c *pipeline.Context, columns []string) (*sentRows, error) {
	raw, kind, err := bodyOf(c)
	if err != nil {
		return nil, err
	}
	s := &sentRows{chosen: columns != nil, columns: columns}
	switch kind {
	case jsonBody:
		err = s.readJSON(raw)
	case csvBody:
		err = s.readCSV(string(raw))
	case formBody:
		err = s.readForm(string(raw))
	}
	if err != nil {
		return nil, err
	}
	if len(s.rows) > maxBodyRows {
		return nil, pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "more than %d rows", maxBodyRows)
	}
	return s, s.alike()
}

func (s *sentRows) readJSON(raw []byte) error {
	v, err := value.DecodeJSON(raw)
	if err != nil {
		return badRows(badJSON)
	}
	s.raw = raw
	switch v := v.(type) {
	case map[string]any:
		s.one, s.rows = true, []map[string]any{v}
	case []any:
		s.rows = make([]map[string]any, len(v))
		for i := range v {
			row, ok := v[i].(map[string]any)
			if !ok {
				return badRows(unlikeObj)
			}
			s.rows[i] = row
		}
	default:
		return badRows(badJSON)
	}
	return nil
}

// readCSV reads lines below a line of names. NULL is nil.
func (s *sentRows) readCSV(text string) error {
	if !utf8.ValidString(text) {
		return badRows(badCSV)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	names, err := r.Read()
	if err != nil {
		return badRows(badCSV)
	}
	names = slices.Clone(names)
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong) && errors.Is(wrong.Err, csv.ErrFieldCount):
			return badRows(unlikeCSV)
		case err != nil:
			return badRows(badCSV)
		}
		row := make(map[string]any, len(names))
		for i, name := range names {
			if row[name] = line[i]; line[i] == "NULL" {
				row[name] = nil
			}
		}
		if s.rows = append(s.rows, row); len(s.rows) > maxBodyRows {
			return nil
		}
	}
}

func (s *sentRows) readForm(text string) error {
	row, err := pipeline.ReadForm(text)
	s.one, s.rows = true, []map[string]any{row}
	return err
}

// alike finds the columns, which all rows must have where the query does not choose them.
func (s *sentRows) alike() error {
	if s.chosen || len(s.rows) == 0 {
		return nil
	}
	first := s.rows[0]
	s.columns = make([]string, 0, len(first))
	for name := range first {
		s.columns = append(s.columns, name)
	}
	slices.Sort(s.columns)
	for _, row := range s.rows[1:] {
		if len(row) != len(first) {
			return badRows(unlikeObj)
		}
		for name := range row {
			if _, there := first[name]; !there {
				return badRows(unlikeObj)
			}
		}
	}
	return nil
}

// given are the fields of a row that are taken. A column that `columns` names and the row
// lacks is nil, unless it shall have its default (Prefer: missing=default).
func (s *sentRows) given(i int, defaults bool) map[string]any {
	if !s.chosen {
		return s.rows[i]
	}
	out := make(map[string]any, len(s.columns))
	for _, name := range s.columns {
		if v, there := s.rows[i][name]; there || !defaults {
			out[name] = v
		}
	}
	return out
}

// list is the rows as a JSON list of objects, with what the manifest sets itself beside.
// Values are passed on as they were written: a database keeps documents to the letter.
func (s *sentRows) list(fixed map[string]any) ([]byte, error) {
	if s.raw == nil {
		list := make([]any, len(s.rows))
		for i, row := range s.rows {
			for name, v := range fixed {
				row[name] = v
			}
			list[i] = row
		}
		return value.AppendJSON(nil, list)
	}
	if len(fixed) == 0 {
		if s.one {
			return append(append([]byte{'['}, s.raw...), ']'), nil
		}
		return s.raw, nil
	}
	return s.overlaid(fixed)
}

func (s *sentRows) overlaid(fixed map[string]any) ([]byte, error) {
	var rows []map[string]json.RawMessage
	raw := s.raw
	if s.one {
		raw = append(append([]byte{'['}, raw...), ']')
	}
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, badRows(badJSON)
	}
	for name, v := range fixed {
		text, err := value.AppendJSON(nil, v)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			row[name] = text
		}
	}
	return json.Marshal(rows)
}
