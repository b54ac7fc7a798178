// Package rows has what all handlers share that answer with rows in PostgREST's dialect: its
// errors, its forms of an answer, and the statements that are kept for what clients ask.
package rows

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

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

	raised bool // SQL has chosen it, and it stays as it is
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

// ProblemType is the type of a problem.
const ProblemType = "application/problem+json"

// Send answers with the problem.
func (p *Problem) Send(c *pipeline.Context) error {
	p.Head(c.W.Header())
	c.W.Header().Del("Preference-Applied")
	buf, err := p.Append(c.Scratch())
	if err != nil {
		return err
	}
	err = c.Answer(p.Status, nil, buf)
	c.Lend(buf)
	return err
}

// Head sets the headers of the problem.
func (p *Problem) Head(h http.Header) {
	h["Content-Type"] = []string{ProblemType}
	if isToken(p.Code) { // RFC 9209; to a HEAD nothing else tells the code
		h["Proxy-Status"] = []string{"gateway; error=" + p.Code}
	}
	for name, lines := range p.Headers {
		h[name] = lines
	}
}

// isToken tells a token of RFC 8941, section 3.3.4. Codes that begin with a digit are none.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789!#$%&'*+-.^_`|~:/", rune(c))) {
			return false
		}
	}
	return s != ""
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
	if title := http.StatusText(p.Status); title != "" {
		text("title", title)
	}
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
