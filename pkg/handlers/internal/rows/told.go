package rows

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/observe"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// NoPrivilege is the code of what may not be done.
const NoPrivilege = "42501"

// Told makes a problem of what a database said of a statement that a client put together, or
// of what the SQL behind it did; nil where nothing of it is for a client.
func Told(c *pipeline.Context, err error) *Problem {
	if p := Raised(c, err); p != nil {
		return p
	}
	p := said(err)
	if p == nil {
		return nil
	}
	if p.Status = statusOf(p.Code, p.Message); p.Status >= http.StatusInternalServerError {
		return p.failed(c, err)
	}
	var fault *store.Fault
	if errors.As(err, &fault) {
		c.Log.Warn("the database refused what a client asked", "code", p.Code, "error", err)
	}
	return p
}

// said is what the database said, in its words; nil where it said nothing of the statement.
func said(err error) *Problem {
	told := store.ToldOf(err)
	p := &Problem{Code: told.Code, Details: told.Details, Hint: told.Hint}
	var invalid *store.Invalid
	var conflict *store.Conflict
	var fault *store.Fault
	var down *store.Unavailable
	switch {
	case errors.As(err, &invalid):
		p.Message, p.Code = invalid.Message, cmp.Or(p.Code, "22P02")
	case errors.As(err, &conflict):
		if p.Message = conflict.Message; p.Code == "" {
			return nil
		}
	case errors.As(err, &fault) && !errors.Is(err, store.ErrTooManyRows):
		p.Message, p.Code = fault.Message, cmp.Or(p.Code, "22000") // SQLite tells no code
	case errors.As(err, &down) && ended(p.Code):
		p.Message = down.Message
	default:
		return nil
	}
	return p
}

// ended tells that a database which can be had has ended a statement: others had what it
// needed, or it took too long.
func ended(code string) bool {
	return strings.HasPrefix(code, "40") || code == "55P03" || code == "57014"
}

// RetryAfter is when what was not done may be tried again, in seconds.
const RetryAfter = "1"

// failed tells what is not the client's doing, and logs it; nil where only the server is
// concerned. Who has left, or has no time left, is answered elsewhere.
func (p *Problem) failed(c *pipeline.Context, err error) *Problem {
	if concernsServer(p.Code) || c.Context().Err() != nil {
		return nil
	}
	p.logged(c, err)
	if p.Status == http.StatusServiceUnavailable {
		p.Headers = http.Header{"Retry-After": {RetryAfter}}
	}
	return p
}

func (p *Problem) logged(c *pipeline.Context, err error) {
	observe.Failed(c.Context(), err)
	c.Log.Error("the database failed at what was asked", "code", p.Code, "error", err)
}

// concernsServer tells the codes of a server's own state, whose words are for its operator.
func concernsServer(code string) bool {
	switch code[:min(2, len(code))] {
	case "53":
		return code != "53400" // a limit that was set for the statement
	case "57":
		return code != "57014"
	case "08", "58", "F0", "XX":
		return true
	}
	return false
}

// statusOf is PostgREST's status of an SQLSTATE (PostgREST.Error, mapSQLtoHTTP), with these
// differences. What stood in the way of others is 503, for the same may work later. What is too
// complex (54), its stack too, is 400, for filters can bring it about: a deep JSON value does. A
// row that is upserted twice (21000) and a write to a view that takes none (55000) are 400.
func statusOf(code, message string) int {
	switch code {
	case "23503", "23505":
		return http.StatusConflict
	case "25006":
		return http.StatusMethodNotAllowed
	case "42883", "42P01":
		return http.StatusNotFound
	case "40001", "40P01", "55P03":
		return http.StatusServiceUnavailable
	case "42P17", "53400":
		return http.StatusInternalServerError
	case "55000", "P0001":
		return http.StatusBadRequest
	case "21000":
		if !strings.Contains(message, "ON CONFLICT") && !strings.HasSuffix(message, "requires a WHERE clause") {
			return http.StatusInternalServerError // a subquery of the author's gives several rows
		}
	case NoPrivilege:
		return http.StatusForbidden
	}
	switch code[:min(2, len(code))] {
	case "0L", "0P", "28":
		return http.StatusForbidden
	case "08", "53":
		return http.StatusServiceUnavailable
	case "09", "25", "2D", "38", "39", "3B", "40", "55", "57", "58", "F0", "HV", "P0", "XX":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// Unknown turns a refusal of somebody who did not say who it is into 401.
func (p *Problem) Unknown(c *pipeline.Context) {
	if p.Code == NoPrivilege && !p.raised && c.R.Header.Get("Authorization") == "" {
		p.Status, p.Headers = http.StatusUnauthorized, http.Header{"Www-Authenticate": {"Bearer"}}
	}
}
