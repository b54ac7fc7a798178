package pipeline

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A BodyParser says which bodies are read and how large they may be. `parsers` sets it. A
// kind's limit of 0 is MaxBody; sizes are in bytes, of what is left after decoding.
type BodyParser struct {
	JSON, Form, Multipart bool

	MaxBody int64
	MaxJSON int64
	MaxForm int64 // of an urlencoded body, and of all texts of a multipart body together
	Parts   Parts

	Pass []string      // media types that are left unread; a/* and */* stand for many
	Gzip bool          // a body in this encoding is decoded
	Idle time.Duration // that a client may send nothing; 0 is 30 s
}

// body is what was read of the request's body, and what bounds it.
type body struct {
	read     bool // raw holds all of it
	parsed   bool
	streamed bool // it was parsed as it came: there are no raw bytes
	raw      []byte
	typed    map[string]any // the fields of a JSON body: of these the types are the client's
	fields   map[string]any // of any body that was parsed

	limited bool      // by max_body
	limit   int64     // of max_body, in bytes
	counted *counted  // what counts for it
	until   time.Time // when the time for the whole request is over; zero: never
}

func (c *Context) need(n needs) error {
	if n&needToken != 0 {
		if err := c.made(SlotCSRFToken); err != nil {
			return err
		}
	}
	if n&needNonce != 0 {
		if err := c.made(SlotCSPNonce); err != nil {
			return err
		}
	}
	if n&needBody != 0 {
		if err := c.readBody(); err != nil {
			return err
		}
	}
	if n&needParams != 0 && !c.body.parsed {
		c.body.parsed = true
		return c.parseBody()
	}
	return nil
}

// hasBody lists the methods whose bodies are read, as Plug.Parsers does.
func hasBody(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

// DefaultMaxBody bounds a body in bytes, as Plug.Parsers does.
const DefaultMaxBody = 8_000_000

// bodyLimit is how large a body of a kind may be. max_body takes the place of what parsers
// says for all kinds, and cannot widen what it says for one.
func (c *Context) bodyLimit(ofKind int64) int64 {
	limit := int64(DefaultMaxBody)
	if c.Parser != nil && c.Parser.MaxBody > 0 {
		limit = c.Parser.MaxBody
	}
	if c.body.limited {
		limit = c.body.limit
		if ofKind > 0 {
			return min(limit, ofKind)
		}
	}
	if ofKind > 0 {
		return ofKind
	}
	return limit
}

// readBody reads the body whole, as it came.
func (c *Context) readBody() error {
	if c.body.read || c.body.streamed {
		return nil
	}
	var ofKind int64
	if p := c.Parser; p != nil {
		kind, _, _ := mime.ParseMediaType(c.R.Header.Get("Content-Type")) // what cannot be read is refused where it is parsed
		switch {
		case kind == formType:
			ofKind = p.MaxForm
		case isJSON(kind):
			ofKind = p.MaxJSON
		}
	}
	return c.readWithin(c.bodyLimit(ofKind))
}

func (c *Context) readWithin(limit int64) error {
	if c.body.read {
		if int64(len(c.body.raw)) > limit {
			return tooLarge(limit)
		}
		return nil
	}
	if c.R.ContentLength > limit {
		return tooLarge(limit)
	}
	raw, err := c.readAll(limit + 1)
	if err != nil {
		return bodyError(err, "the body could not be read")
	}
	if int64(len(raw)) > limit {
		return tooLarge(limit)
	}
	c.body.read, c.body.raw = true, raw
	return nil
}

func tooLarge(limit int64) *Refusal {
	return Refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", limit)
}

func malformed(format string, args ...any) *Refusal {
	return Refuse(http.StatusBadRequest, "malformed", format, args...)
}

func unsupported(format string, args ...any) *Refusal {
	return Refuse(http.StatusUnsupportedMediaType, "unsupported", format, args...)
}

// bodyError tells a client that sent too much, too slowly or something else from a fault of
// ours.
func bodyError(err error, otherwise string) error {
	var large *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	var ours *Unavailable
	switch {
	case asRefusal(err) != nil, errors.As(err, &ours):
		return err
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.As(err, &timeout) && timeout.Timeout():
		return Refuse(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
	}
	return malformed("%s", otherwise)
}

const (
	formType      = "application/x-www-form-urlencoded"
	multipartType = "multipart/form-data"
)

func isJSON(kind string) bool { return kind == "application/json" || strings.HasSuffix(kind, "+json") }

// parseBody merges the body's fields into params: path over body over query.
func (c *Context) parseBody() error {
	if c.Parser == nil || !hasBody(c.Method) || c.R.ContentLength == 0 || c.R.Body == nil || c.R.Body == http.NoBody && !c.body.read {
		return nil
	}
	kind, params, err := c.bodyKind()
	if err != nil {
		return err
	}
	switch {
	case kind == multipartType && c.Parser.Multipart:
		return c.parseMultipart(params["boundary"])
	case kind == formType && c.Parser.Form:
		return c.parseWhole(c.Parser.MaxForm, false)
	case isJSON(kind) && c.Parser.JSON:
		return c.parseWhole(c.Parser.MaxJSON, true)
	case c.Parser.passes(kind):
		return nil
	case kind != "":
		return unsupported("a body of the type %q is not read", clip(kind))
	}
	if err := c.readBody(); err != nil {
		return err
	}
	if len(c.body.raw) == 0 {
		return nil // chunked, and nothing in it
	}
	return unsupported("the body has no content-type")
}

// parseWhole reads a form or JSON, whole.
func (c *Context) parseWhole(ofKind int64, asJSON bool) error {
	limit := c.bodyLimit(ofKind)
	if err := c.readWithin(limit); err != nil {
		return err
	}
	raw, err := c.decoded(limit)
	if err != nil || len(raw) == 0 {
		return err
	}
	if asJSON {
		fields, err := decodeJSONBody(raw)
		c.body.typed = fields
		c.mergeParams(fields)
		return err
	}
	fields := map[string]any{}
	if err := decodeForm(fields, string(raw)); err != nil {
		return err
	}
	c.mergeParams(fields)
	return nil
}

// decoded gives the bytes of the body without its encoding.
func (c *Context) decoded(limit int64) ([]byte, error) {
	encoded, err := c.encoded()
	if err != nil || !encoded || len(c.body.raw) == 0 {
		return c.body.raw, err
	}
	plain, err := io.ReadAll(newGunzip(bytes.NewReader(c.body.raw), limit))
	if err != nil {
		return nil, bodyError(err, "the body could not be decoded")
	}
	return plain, nil
}

// encoded tells whether the body must be decoded, and refuses encodings that are not.
func (c *Context) encoded() (bool, error) {
	lines := c.R.Header["Content-Encoding"]
	switch {
	case len(lines) == 0, len(lines) == 1 && (lines[0] == "" || strings.EqualFold(lines[0], "identity")):
		return false, nil
	case len(lines) == 1 && c.Parser != nil && c.Parser.Gzip && (strings.EqualFold(lines[0], "gzip") || strings.EqualFold(lines[0], "x-gzip")):
		return true, nil
	}
	return false, unsupported("a body in the encoding %q is not read", clip(strings.Join(lines, ", ")))
}

// bodyKind gives the media type of the body, "" where it says none.
func (c *Context) bodyKind() (kind string, params map[string]string, err error) {
	if _, err := c.encoded(); err != nil {
		return "", nil, err
	}
	header := c.R.Header.Get("Content-Type")
	if header == "" {
		return "", nil, nil
	}
	kind, params, err = MediaType(header)
	if err != nil {
		return "", nil, unsupported("the content-type cannot be read")
	}
	if charset := params["charset"]; !IsUTF8(charset) && !c.Parser.passes(kind) {
		return "", nil, unsupported("a body in the charset %q is not read", clip(charset))
	}
	return kind, params, nil
}

// MediaType reads a Content-Type. What stands behind a type that can be read and cannot be
// read itself is left out, as other servers do.
func MediaType(header string) (kind string, params map[string]string, err error) {
	kind, params, err = mime.ParseMediaType(header)
	if errors.Is(err, mime.ErrInvalidMediaParameter) {
		err = nil
	}
	return kind, params, err
}

// IsUTF8 tells whether a charset is UTF-8, by its name or the one that many write, or is not
// said.
func IsUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// passes tells whether a body of this type is left unread.
func (p *BodyParser) passes(kind string) bool {
	for _, pass := range p.Pass {
		prefix, wild := strings.CutSuffix(pass, "*")
		if pass == kind || pass == "*/*" || wild && kind != "" && strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	return false
}

// clip bounds what of a stranger's text is said back.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// decodeJSONBody reads an object; any other JSON stands under _json, as in Plug.
func decodeJSONBody(raw []byte) (map[string]any, error) {
	v, err := value.DecodeJSON(raw)
	if err != nil {
		return nil, malformed("the body is not JSON: %v", err)
	}
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	return map[string]any{"_json": v}, nil
}
