package rows

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
)

// Media tells the forms that rows are answered in.
func Media(m postgrest.Media) bool {
	switch m.Kind {
	case postgrest.JSON, postgrest.Object, postgrest.CSV:
		return true
	}
	return false
}

// Begin opens the answer of a list; names are those of its columns.
func Begin(dst []byte, m postgrest.Media, names []string) []byte {
	switch m.Kind {
	case postgrest.JSON, postgrest.AnyMedia:
		return append(dst, '[')
	case postgrest.CSV:
		return append(CSVLine(dst, names), '\n')
	}
	return dst
}

// End closes what Begin opened, behind a number of rows.
func End(dst []byte, m postgrest.Media, rows int) []byte {
	switch m.Kind {
	case postgrest.JSON, postgrest.AnyMedia:
		return append(dst, ']')
	case postgrest.CSV:
		if rows > 0 {
			return dst[:len(dst)-1]
		}
	}
	return dst
}

// CSVLine appends names as a line of RFC 4180, without its end.
func CSVLine(dst []byte, names []string) []byte {
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !strings.ContainsAny(name, "\",\r\n") {
			dst = append(dst, name...)
			continue
		}
		dst = append(append(append(dst, '"'), strings.ReplaceAll(name, `"`, `""`)...), '"')
	}
	return dst
}

// NotOne refuses the form of one row for several, or none.
func NotOne(n int) *postgrest.Error {
	return &postgrest.Error{Status: http.StatusNotAcceptable, Code: "PGRST116", Message: "Cannot coerce the result to a single JSON object",
		Details: "The result contains " + strconv.Itoa(n) + " rows"}
}

// jsonType is the type of answers that ask for no other.
var jsonType = []string{"application/json; charset=utf-8"}

// ContentType is the header of an answer in a form.
func ContentType(m postgrest.Media) []string {
	if !m.Stripped && (m.Kind == postgrest.AnyMedia || m.Kind == postgrest.JSON) {
		return jsonType
	}
	return []string{m.ContentType()}
}

// Clip bounds what of a stranger's text is said back.
func Clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// HasZone tells whether times can be told in a zone.
func HasZone(name string) bool {
	if name == "Local" || len(name) > 64 {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// NoKeys refuses a request with an Idempotency-Key, where none are kept: who sends one relies
// on it.
func NoKeys(c *pipeline.Context) error {
	if len(c.R.Header["Idempotency-Key"]) == 0 {
		return nil
	}
	return &Problem{Status: http.StatusBadRequest, Code: "idempotency_key", Message: "no idempotency keys are kept here", Hint: "leave the header out"}
}
