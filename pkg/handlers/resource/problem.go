package resource

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A problem is a refusal in the dialect's shape: PostgREST's code, message, details and
// hint beside what RFC 9457 has. Codes are PostgREST's or SQLSTATEs where it has one.
type problem struct {
	status                       int
	code, message, details, hint string
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

// problemOf gives the answer of an error, nil for one that is ours.
func problemOf(err error) *problem {
	var p *problem
	if errors.As(err, &p) {
		return p
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
	text("details", p.details)
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
