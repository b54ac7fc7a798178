// Package rows has what all handlers share that answer with rows in PostgREST's dialect: its
// errors, its forms of an answer, and the statements that are kept for what clients ask.
package rows

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Problem is a refusal in the dialect's shape: PostgREST's code, message, details and hint
// beside what RFC 9457 has. Codes are PostgREST's or SQLSTATEs where it has one.
type Problem struct {
	Status                       int
	Code, Message, Details, Hint string
	Meant                        []postgrest.Relationship // stands in place of Details
	Errors                       map[string][]string
	Headers                      http.Header
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Message }

// Of gives the answer of an error, nil for one that is ours.
func Of(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *postgrest.Error
	if errors.As(err, &e) {
		return &Problem{Status: e.Status, Code: e.Code, Message: e.Message, Details: e.Details, Hint: e.Hint, Meant: e.DetailsList}
	}
	var r *pipeline.Refusal
	if errors.As(err, &r) {
		return &Problem{Status: r.Status, Code: r.Reason, Message: r.Message, Errors: r.Errors, Headers: r.Headers}
	}
	return nil
}

var problemType = []string{"application/problem+json"}

// Send answers with the problem.
func (p *Problem) Send(c *pipeline.Context) error {
	for name, values := range p.Headers {
		c.W.Header()[name] = values
	}
	c.W.Header().Del("Preference-Applied")
	buf, err := p.Append(c.Scratch())
	if err != nil {
		return err
	}
	err = c.Answer(p.Status, problemType, buf)
	c.Lend(buf)
	return err
}

// Append writes the problem as JSON.
func (p *Problem) Append(dst []byte) ([]byte, error) {
	text := func(key, s string) {
		dst = append(append(append(dst, `,"`...), key...), `":`...)
		if s == "" {
			dst = append(dst, "null"...)
			return
		}
		dst = value.AppendJSONString(dst, s)
	}
	dst = append(dst, `{"type":"about:blank"`...)
	text("title", http.StatusText(p.Status))
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(p.Status), 10)
	text("code", p.Code)
	text("message", p.Message)
	if len(p.Meant) > 0 {
		list, err := json.Marshal(p.Meant)
		if err != nil {
			return dst, err
		}
		dst = append(append(dst, `,"details":`...), list...)
	} else {
		text("details", p.Details)
	}
	text("hint", p.Hint)
	if len(p.Errors) == 0 {
		return append(dst, '}'), nil
	}
	fields := make(map[string]any, len(p.Errors))
	for name, messages := range p.Errors {
		list := make([]any, len(messages))
		for i, m := range messages {
			list[i] = m
		}
		fields[name] = list
	}
	dst, err := value.AppendJSON(append(dst, `,"errors":`...), fields)
	return append(dst, '}'), err
}
