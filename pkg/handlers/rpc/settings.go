package rpc

import (
	"encoding/json"
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

// chosen takes the status and the headers that the function chose.
func (r *call) chosen(tx store.Tx) error {
	chosen, err := rows.Ask(r.c.Context(), tx, r.all.answered)
	if err != nil {
		return err
	}
	r.status = chosen.Status
	for name, lines := range chosen.Headers {
		r.c.W.Header()[name] = lines
	}
	return nil
}
