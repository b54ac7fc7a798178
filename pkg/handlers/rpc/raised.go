package rpc

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/handlers/internal/rows"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// refused tells what a call did not give: what the function raised in its own words
// (PostgREST's documentation, Errors, RAISE errors with HTTP Status Codes).
func (x *served) refused(c *pipeline.Context, err error) error {
	if p := rows.Of(err); p != nil {
		return p
	}
	told := store.ToldOf(err)
	p := &rows.Problem{Status: http.StatusInternalServerError, Code: told.Code, Message: messageOf(err), Details: told.Details, Hint: told.Hint}
	switch {
	case told.Code == "PGRST":
		return raised(p)
	case strings.HasPrefix(told.Code, "PT"):
		if n, err := strconv.Atoi(told.Code[2:]); err == nil && n >= 200 && n <= 599 {
			p.Status = n
		}
		return p
	case strings.HasPrefix(told.Code, "P0") && told.Code != "P0001": // its author's: assert, no_data_found
		c.Log.Error("a function failed", "function", x.Name, "code", told.Code, "error", err)
		return p
	}
	if p := rows.Told(c, err); p != nil {
		p.Unknown(c)
		return p
	}
	return records.Ours(x.all.Store.Name, err)
}

// messageOf is what the database said, alone.
func messageOf(err error) string {
	var conflict *store.Conflict
	var invalid *store.Invalid
	var fault *store.Fault
	switch {
	case errors.As(err, &conflict):
		return conflict.Message
	case errors.As(err, &invalid):
		return invalid.Message
	case errors.As(err, &fault):
		return fault.Message
	}
	return ""
}

// raised reads an answer that a function raised as JSON: its body in the message, its status
// and headers in the details.
func raised(p *rows.Problem) *rows.Problem {
	var body struct{ Code, Message, Details, Hint *string }
	var head struct {
		Status  *int
		Headers map[string]string
	}
	bad := &rows.Problem{Status: http.StatusInternalServerError, Code: "PGRST121", Message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`}
	if json.Unmarshal([]byte(p.Message), &body) != nil || body.Code == nil || body.Message == nil {
		bad.Details = "Invalid JSON value for MESSAGE: '" + p.Message + "'"
		bad.Hint = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'."
		return bad
	}
	bad.Hint = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'."
	if p.Details == "" {
		bad.Details = "DETAIL is missing in the RAISE statement"
		return bad
	}
	if json.Unmarshal([]byte(p.Details), &head) != nil || head.Status == nil || head.Headers == nil || *head.Status < 200 || *head.Status > 599 {
		bad.Details = "Invalid JSON value for DETAIL: '" + p.Details + "'"
		return bad
	}
	out := &rows.Problem{Status: *head.Status, Code: *body.Code, Message: *body.Message, Headers: http.Header{}}
	if body.Details != nil {
		out.Details = *body.Details
	}
	if body.Hint != nil {
		out.Hint = *body.Hint
	}
	for name, text := range head.Headers {
		if pipeline.ValidHeaderName(name) && !strings.ContainsAny(text, "\r\n\x00") && !framing(name) {
			out.Headers.Set(name, text)
		}
	}
	return out
}
