package rows

import (
	"errors"
	"net/http"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// NoPrivilege is the code of what may not be done.
const NoPrivilege = "42501"

// Told makes a problem of what a database said of a statement that a client put together;
// nil where it is ours to answer for.
func Told(c *pipeline.Context, err error) *Problem {
	told := store.ToldOf(err)
	p := &Problem{Code: told.Code, Details: told.Details, Hint: told.Hint}
	var invalid *store.Invalid
	var conflict *store.Conflict
	var fault *store.Fault
	switch {
	case errors.As(err, &invalid):
		p.Message = invalid.Message
		if p.Code == "" {
			p.Code = "22P02"
		}
	case errors.As(err, &conflict):
		p.Message = conflict.Message
		if p.Code == "" {
			return nil
		}
	case errors.As(err, &fault) && !errors.Is(err, store.ErrTooManyRows):
		p.Message = fault.Message
		if p.Code == "" { // SQLite tells no code
			p.Code = "22000"
		}
		c.Log.Warn("the database refused what a client asked", "code", p.Code, "error", err)
	default:
		return nil
	}
	if p.Status = statusOf(p.Code); p.Status >= http.StatusInternalServerError {
		return nil
	}
	return p
}

// statusOf is PostgREST's status of an SQLSTATE (PostgREST.Error, mapSQLtoHTTP), but for what
// is the client's doing here: what is too complex (54), a row that is upserted twice (21000),
// a write to a view that takes none (55000).
func statusOf(code string) int {
	class := code[:min(2, len(code))]
	switch {
	case class == "0L", class == "0P", class == "28", code == NoPrivilege:
		return http.StatusForbidden
	case code == "23503", code == "23505":
		return http.StatusConflict
	case code == "25006":
		return http.StatusMethodNotAllowed
	case code == "42883", code == "42P01":
		return http.StatusNotFound
	case code == "42P17":
		return http.StatusInternalServerError
	case code == "55000", code == "P0001":
		return http.StatusBadRequest
	}
	switch class {
	case "08", "53":
		return http.StatusServiceUnavailable
	case "09", "25", "2D", "38", "39", "3B", "40", "55", "57", "58", "F0", "HV", "P0", "XX":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// Unknown turns a refusal of somebody who did not say who it is into 401.
func (p *Problem) Unknown(c *pipeline.Context) {
	if p.Code == NoPrivilege && c.R.Header.Get("Authorization") == "" {
		p.Status, p.Headers = http.StatusUnauthorized, http.Header{"Www-Authenticate": {"Bearer"}}
	}
}
