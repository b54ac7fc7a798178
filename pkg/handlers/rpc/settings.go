package rpc

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// settings are what a function can read of the request (PostgREST's documentation,
// Transactions, Transaction-Scoped Settings): the method, the path, and as JSON the headers
// and the cookies.
func settings(c *pipeline.Context) map[string]string {
	headers, cookies := map[string]string{"host": c.R.Host}, map[string]string{} // net/http takes it out of the headers
	for name, lines := range c.R.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(lines, ", ")
		}
	}
	for _, cookie := range c.R.Cookies() {
		cookies[cookie.Name] = cookie.Value
	}
	return map[string]string{"request.method": c.R.Method, "request.path": strings.ToValidUTF8(c.R.URL.Path, ""), "request.headers": asJSON(headers), "request.cookies": asJSON(cookies)}
}

// asJSON writes texts; of what is no UTF-8 the encoder keeps what can be read.
func asJSON(m map[string]string) string {
	text, err := json.Marshal(m)
	if err != nil {
		return "{}"
	}
	return strings.ReplaceAll(string(text), `\u0000`, "")
}

// newAnswered asks what the function says of the answer.
func newAnswered() *store.Statement {
	return &store.Statement{SQL: `select nullif(current_setting('response.status', true), ''), nullif(current_setting('response.headers', true), '')`}
}

// chosen takes the status and the headers that the function chose.
func (r *call) chosen(tx store.Tx) error {
	got, err := tx.Query(r.c.Context(), r.all.answered, nil, 1)
	if err != nil {
		return err
	}
	if status, given := got.Rows[0][0].(string); given {
		n, err := strconv.Atoi(status)
		if err != nil || n < 200 || n > 599 {
			return wrong("PGRST112", "response.status guc must be a valid status code")
		}
		r.status = n
	}
	headers, given := got.Rows[0][1].(string)
	if !given {
		return nil
	}
	var list []map[string]string
	if json.Unmarshal([]byte(headers), &list) != nil {
		return wrong("PGRST111", headersRule)
	}
	set := http.Header{}
	for _, one := range list {
		if len(one) != 1 {
			return wrong("PGRST111", headersRule)
		}
		for name, text := range one {
			if !rows.MaySet(name, text) {
				return wrong("PGRST111", headersRule)
			}
			set.Add(name, text)
		}
	}
	for name, lines := range set {
		r.c.W.Header()[name] = lines
	}
	return nil
}

const headersRule = "response.headers guc must be a JSON array composed of objects with a single key and a string value"

// wrong is the answer when a function says what no answer can have. That is the database's
// doing, and who wrote the function is told.
func wrong(code, message string) *rows.Problem {
	return &rows.Problem{Status: http.StatusInternalServerError, Code: code, Message: message}
}
