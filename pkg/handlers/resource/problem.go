package resource

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A problem is a refusal in the dialect's shape: PostgREST's code, message, details and
// hint beside what RFC 9457 has. Codes are PostgREST's or SQLSTATEs where it has one.
type problem struct {
	status                       int
	code, message, details, hint string
	meant                        []postgrest.Relationship // stands in place of details
	errors                       map[string][]string
	headers                      http.Header
}

// Error implements error.
func (p *problem) Error() string { return p.code + ": " + p.message }

// Codes of the dialect.
const (
	badParameter = "PGRST100"
	badBody      = "PGRST102"
	noPrivilege  = "42501"
)

func notFound() *problem {
	return &problem{status: http.StatusNotFound, code: "not_found", message: "there is no such row"}
}

// notOneRow refuses the form of one row for several, or none.
func notOneRow(n int) *postgrest.Error {
	return &postgrest.Error{Status: http.StatusNotAcceptable, Code: "PGRST116", Message: "Cannot coerce the result to a single JSON object",
		Details: "The result contains " + strconv.Itoa(n) + " rows"}
}

func forbidden() *problem {
	return &problem{status: http.StatusForbidden, code: noPrivilege, message: "this is not allowed"}
}

func invalid(errs map[string][]string) *problem {
	return &problem{status: http.StatusUnprocessableEntity, code: "invalid", message: "some fields are not valid", errors: errs}
}

func invalidFields(err error) *problem {
	var bad *changeset.Invalid
	if errors.As(err, &bad) {
		return invalid(bad.Errors)
	}
	return nil
}

// broken tells what a rule of the database refused: 422 where the schema declares the
// rule too, else what PostgREST answers.
func broken(b *records.Broken, deleting bool) *problem {
	if b.Declared && !deleting {
		return invalid(b.Errors)
	}
	p := &problem{status: http.StatusBadRequest, errors: b.Errors}
	switch b.Kind {
	case store.Unique:
		p.status, p.code, p.message = http.StatusConflict, "23505", "a row with these values is there already"
	case store.ForeignKey:
		p.status, p.code, p.message = http.StatusConflict, "23503", "a row that this one refers to is not there"
		if deleting {
			p.message, p.errors = "other rows refer to this one", nil
		}
	case store.NotNull:
		p.code, p.message = "23502", "a value is missing"
	case store.Check:
		p.code, p.message = "23514", "a value breaks a rule of the database"
	default:
		p.code, p.message = "22P02", "a value is not one that its column can hold"
	}
	return p
}

// unread tells what a read did not give. What the database refuses of a client's filters is
// told as PostgREST tells it.
func (x *rules) unread(c *pipeline.Context, err error) error {
	var asked *postgrest.Error
	var refused *problem
	if errors.As(err, &asked) || errors.As(err, &refused) {
		return err
	}
	if p := toldOf(c, err); p != nil {
		return p
	}
	return records.Ours(x.table.Store.Name, err)
}

// toldOf makes a problem of what a database said of a statement that a client put together;
// nil where it is ours to answer for.
func toldOf(c *pipeline.Context, err error) *problem {
	told := store.ToldOf(err)
	p := &problem{code: told.Code, details: told.Details, hint: told.Hint}
	var invalid *store.Invalid
	var conflict *store.Conflict
	var fault *store.Fault
	switch {
	case errors.As(err, &invalid):
		p.message = invalid.Message
		if p.code == "" {
			p.code = "22P02"
		}
	case errors.As(err, &conflict):
		p.message = conflict.Message
		if p.code == "" {
			return nil
		}
	case errors.As(err, &fault) && !errors.Is(err, store.ErrTooManyRows):
		p.message = fault.Message
		if p.code == "" { // SQLite tells no code
			p.code = "22000"
		}
		c.Log.Warn("the database refused what a client asked", "code", p.code, "error", err)
	default:
		return nil
	}
	if p.status = statusOf(p.code); p.status >= http.StatusInternalServerError {
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
	case class == "0L", class == "0P", class == "28", code == noPrivilege:
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

// problemOf gives the answer of an error, nil for one that is ours.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
	}
	var e *postgrest.Error
	if errors.As(err, &e) {
		return &problem{status: e.Status, code: e.Code, message: e.Message, details: e.Details, hint: e.Hint, meant: e.DetailsList}
	}
	var r *pipeline.Refusal
	if errors.As(err, &r) {
		return &problem{status: r.Status, code: r.Reason, message: r.Message, errors: r.Errors, headers: r.Headers}
	}
	return nil
}

// send answers with the problem.
func (p *problem) send(c *pipeline.Context) error {
	for name, values := range p.headers {
		c.W.Header()[name] = values
	}
	c.W.Header().Del("Preference-Applied")
	buf, err := p.append(c.Scratch())
	if err != nil {
		return err
	}
	err = c.Answer(p.status, []string{"application/problem+json"}, buf)
	c.Lend(buf)
	return err
}

func (p *problem) append(dst []byte) ([]byte, error) {
	text := func(key, s string) {
		dst = append(append(append(dst, `,"`...), key...), `":`...)
		if s == "" {
			dst = append(dst, "null"...)
			return
		}
		dst = value.AppendJSONString(dst, s)
	}
	dst = append(dst, `{"type":"about:blank"`...)
	text("title", http.StatusText(p.status))
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(p.status), 10)
	text("code", p.code)
	text("message", p.message)
	if len(p.meant) > 0 {
		list, err := json.Marshal(p.meant)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"details":`...), list...)
	} else {
		text("details", p.details)
	}
	text("hint", p.hint)
	if len(p.errors) == 0 {
		return append(dst, '}'), nil
	}
	fields := make(map[string]any, len(p.errors))
	for name, messages := range p.errors {
		list := make([]any, len(messages))
		for i, m := range messages {
			list[i] = m
		}
		fields[name] = list
	}
	dst, err := value.AppendJSON(append(dst, `,"errors":`...), fields)
	return append(dst, '}'), err
}
