package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// Content types, ready to be put into a header without allocating.
var (
	JSONType = []string{"application/json"}
	TextType = []string{"text/plain; charset=utf-8"}
	HTMLType = []string{"text/html; charset=utf-8"}
)

// smallBody is the size below which net/http counts the bytes by itself.
const smallBody = 2000

// Answer sends a whole answer and ends the list. status is what `status:` may change, and
// what a failure's own status replaces inside an `else`.
func (c *Context) Answer(status int, contentType []string, body []byte) error {
	if c.failure != nil {
		status = c.failure.Status
	}
	return c.AnswerExactly(status, contentType, body)
}

// AnswerExactly is Answer where a failure's status does not replace the plug's own: a
// redirect is a redirect in an `else` too.
func (c *Context) AnswerExactly(status int, contentType []string, body []byte) error {
	status, err := c.Modified(status)
	if err != nil {
		return err
	}
	h := c.W.Header()
	if contentType != nil && h["Content-Type"] == nil {
		h["Content-Type"] = contentType
	}
	if len(body) > smallBody {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	c.Begin()
	c.W.WriteHeader(status)
	if len(body) > 0 && status != http.StatusNoContent && status != http.StatusNotModified {
		c.write(body)
	}
	return nil
}

// An Announcer is told the size of a body that follows at once and whole, in bytes, so that a
// connection may send it together with its header. What is announced need not come to pass: a
// plug may compress it.
type Announcer interface{ Announce(size int) }

type announcerKey struct{}

// WithAnnouncer gives the context of a connection's requests.
func WithAnnouncer(ctx context.Context, a Announcer) context.Context {
	return context.WithValue(ctx, announcerKey{}, a)
}

// AnnouncerOf finds it; nil where there is none.
func AnnouncerOf(ctx context.Context) Announcer {
	a, _ := ctx.Value(announcerKey{}).(Announcer)
	return a
}

func (c *Context) announce(size int) {
	if size <= smallBody || c.R.Method == http.MethodHead {
		return
	}
	if a := AnnouncerOf(c.R.Context()); a != nil {
		a.Announce(size)
	}
}

// A large body is sent in pieces, each with a deadline of its own, so that a client that
// reads nothing does not hold it for ever and one that reads slowly gets it all.
const (
	writePiece = 64 << 10
	writeIdle  = 30 * time.Second
)

// write sends the body. A client that went away is no fault of ours.
func (c *Context) write(body []byte) {
	if len(body) <= writePiece {
		c.announce(len(body))
		_, _ = c.W.Write(body)
		return
	}
	control := http.NewResponseController(c.W)
	for piece := range slices.Chunk(body, writePiece) {
		_ = control.SetWriteDeadline(time.Now().Add(writeIdle)) // a writer without deadlines has none to set
		if _, err := c.W.Write(piece); err != nil {
			return
		}
	}
}

// Begin marks the answer as begun and ends the list.
func (c *Context) Begin() { c.answered, c.halted = true, true }

// Modified applies `status:` and `headers:` of the answer that is being made.
func (c *Context) Modified(status int) (int, error) {
	m := c.modified
	if m == nil {
		return status, nil
	}
	for _, h := range m.headers {
		text, err := h.text.String(c)
		if err != nil {
			return 0, err
		}
		if err := c.SetHeader(h.name, text); err != nil {
			return 0, err
		}
	}
	if m.status == nil {
		return status, nil
	}
	v, err := m.status.Eval(c.Frame)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok || n < 200 || n > 599 {
		return 0, m.status.Misfit(c.Frame, v, fmt.Errorf("status is %v, not a number from 200 to 599", describe(v)))
	}
	return int(n), nil
}

// describe names a value without showing what a stranger sent.
func describe(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case string:
		return "a text"
	case int64:
		return "out of range"
	}
	return "another kind of value"
}

// SetHeader sets a header of the answer. Line breaks are refused: they would end the
// header and begin another.
func (c *Context) SetHeader(name, text string) error {
	if strings.ContainsAny(text, "\r\n\x00") {
		return Refuse(http.StatusBadRequest, "malformed", "a header cannot hold a line break")
	}
	c.W.Header().Set(name, text)
	return nil
}

func validHeaderName(s string) bool {
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return s != ""
}

// ValidHeaderName tells whether s can name a header (RFC 9110 section 5.6.2, token).
func ValidHeaderName(s string) bool { return validHeaderName(s) }

// AnswerJSON sends a value as JSON.
func (c *Context) AnswerJSON(status int, v *Value) error {
	buf, err := v.Append(c.Scratch(), c.Frame)
	if err != nil {
		return err
	}
	err = c.Answer(status, JSONType, buf)
	c.Lend(buf)
	return err
}

// ProblemJSON is the default answer of a refusal (RFC 9457), and of the error pages of
// formats that are not HTML.
func ProblemJSON(dst []byte, r *Refusal) []byte {
	dst = append(dst, `{"type":"about:blank","title":`...)
	dst = value.AppendJSONString(dst, http.StatusText(r.Status))
	dst = append(dst, `,"status":`...)
	dst = strconv.AppendInt(dst, int64(r.Status), 10)
	if r.Reason != "" {
		dst = value.AppendJSONString(append(dst, `,"reason":`...), r.Reason)
	}
	if r.Message != "" {
		dst = value.AppendJSONString(append(dst, `,"detail":`...), r.Message)
	}
	if len(r.Errors) > 0 {
		dst = append(dst, `,"errors":`...)
		dst, _ = value.AppendJSON(dst, r.errors())
	}
	return append(dst, '}')
}
