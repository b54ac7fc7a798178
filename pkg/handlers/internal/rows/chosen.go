package rows

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/store"
)

// Chosen is what SQL says of the answer of the request that it serves (PostgREST's
// documentation, Transactions, Response Headers and Response Status Code).
type Chosen struct {
	Status  int // 0: none
	Headers http.Header
}

// NewAsk is the statement that asks for it.
func NewAsk() *store.Statement {
	return &store.Statement{SQL: `select nullif(current_setting('response.status', true), ''), nullif(current_setting('response.headers', true), '')`}
}

// Ask reads it in the transaction in which it was said.
func Ask(ctx context.Context, q store.Querier, ask *store.Statement) (c Chosen, err error) {
	got, err := q.Query(ctx, ask, nil, 1)
	if err != nil {
		return c, err
	}
	if status, given := got.Rows[0][0].(string); given {
		n, err := strconv.Atoi(status)
		if err != nil || !sendable(n) {
			return c, wrong("PGRST112", "response.status guc must be a valid status code")
		}
		c.Status = n
	}
	if headers, given := got.Rows[0][1].(string); given {
		c.Headers, err = headersOf(headers)
	}
	return c, err
}

func headersOf(text string) (http.Header, error) {
	const rule = "response.headers guc must be a JSON array composed of objects with a single key and a string value"
	var list []map[string]string
	if json.Unmarshal([]byte(text), &list) != nil {
		return nil, wrong("PGRST111", rule)
	}
	set := http.Header{}
	for _, one := range list {
		if len(one) != 1 {
			return nil, wrong("PGRST111", rule)
		}
		for name, text := range one {
			if !MaySet(name, text) {
				return nil, wrong("PGRST111", rule)
			}
			set.Add(name, text)
		}
	}
	return set, nil
}

// wrong is the answer when SQL says what no answer can have. That is the database's doing, and
// who wrote the function is told.
func wrong(code, message string) *Problem {
	return &Problem{Status: http.StatusInternalServerError, Code: code, Message: message}
}
