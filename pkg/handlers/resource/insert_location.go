package resource

import (
	"net/url"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/value"
)

// location is where a row that was made is found: by its path, or with return=headers-only
// by PostgREST's filter. A list has none.
func (w *write) location(s *sentRows) (location string, ok bool, err error) {
	if len(w.keys) != 1 || w.rows != 1 {
		return "", false, nil
	}
	path := strings.TrimSuffix(w.c.R.URL.EscapedPath(), "/")
	if w.answer == postgrest.HeadersOnly {
		location, err = w.filterOf(path, w.keys[0])
		return location, err == nil, err
	}
	if !w.locates(s) {
		return "", false, nil
	}
	if w.entry.Singleton {
		return path, true, nil
	}
	text, err := value.AppendText([]byte(path+"/"), w.keys[0][0])
	return string(text), err == nil, err
}

// locates tells a create of one row whose path is told. A table that the database declares
// may let nobody read it, so there only who states no preference is told.
func (w *write) locates(s *sentRows) bool {
	return s.one && w.id != nil && w.c.R.URL.RawQuery == "" && w.prefer.Resolution == "" && w.answer != postgrest.HeadersOnly &&
		(!w.table.Found || len(w.c.R.Header["Prefer"]) == 0)
}

// filterOf is the path of the rows with the filter that finds one (PostgREST.Response).
func (w *write) filterOf(path string, key []any) (string, error) {
	separator := "?"
	for i, name := range w.served.Relation().Key {
		test := "is.null"
		if key[i] != nil {
			text, err := value.AppendText([]byte("eq."), key[i])
			if err != nil {
				return "", err
			}
			test = string(text)
		}
		path += separator + queryText(name) + "=" + queryText(test)
		separator = "&"
	}
	return path, nil
}

func queryText(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
