package pipeline

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/value"
)

// A BodyParser says which bodies are read and how large they may be. `parsers` sets it.
type BodyParser struct {
	JSON, Form bool
	MaxBody    int64 // bytes
	MaxForm    int64 // bytes of an urlencoded body
}

// body is what was read of the request's body.
type body struct {
	read   bool
	parsed bool
	raw    []byte
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

func (c *Context) readBody() error {
	if c.body.read {
		return nil
	}
	limit := int64(DefaultMaxBody)
	if c.Parser != nil {
		limit = c.Parser.MaxBody
	}
	if c.R.ContentLength > limit {
		return tooLarge(limit)
	}
	raw, err := c.readAll(limit + 1)
	if err != nil {
		return bodyError(err)
	}
	if int64(len(raw)) > limit {
		return tooLarge(limit)
	}
	c.body.read, c.body.raw = true, raw
	return nil
}

// bodyIdle is how long a client may send nothing while its body is read.
const bodyIdle = 30 * time.Second

// readAll reads at most limit bytes of the body, each piece within bodyIdle. The deadline
// stays where the body did not end: net/http reads on after the answer, and would wait
// without end for a client that sends nothing.
func (c *Context) readAll(limit int64) ([]byte, error) {
	if c.R.Body == nil || c.R.Body == http.NoBody {
		return nil, nil
	}
	control := http.NewResponseController(c.W)
	raw, err := io.ReadAll(io.LimitReader(&patient{body: c.R.Body, control: control}, limit))
	if err == nil && int64(len(raw)) < limit {
		_ = control.SetReadDeadline(time.Time{}) // a writer without deadlines has none to lift
	}
	return raw, err
}

// patient reads a body with a new deadline for each piece.
type patient struct {
	body    io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(bodyIdle)) // a writer without deadlines has none to set
	return p.body.Read(b)
}

func tooLarge(limit int64) *Refusal {
	return Refuse(http.StatusRequestEntityTooLarge, "too_large", "the body is larger than %d bytes", limit)
}

// bodyError tells a client that sent too slowly or broke off from a fault of ours.
func bodyError(err error) error {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return Refuse(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
	}
	return Refuse(http.StatusBadRequest, "malformed", "the body could not be read")
}

// parseBody merges the body's fields into params: path over body over query.
func (c *Context) parseBody() error {
	if c.Parser == nil || !hasBody(c.Method) || c.R.ContentLength == 0 || c.R.Body == nil || c.R.Body == http.NoBody && !c.body.read {
		return nil
	}
	if e := c.R.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return Refuse(http.StatusUnsupportedMediaType, "unsupported", "a body in the encoding %q is not read", clip(e))
	}
	kind, form, err := c.bodyKind()
	if err != nil {
		return err
	}
	if form && c.R.ContentLength > c.Parser.MaxForm {
		return tooLarge(c.Parser.MaxForm)
	}
	if err := c.readBody(); err != nil {
		return err
	}
	if len(c.body.raw) == 0 {
		return nil
	}
	if kind == "" {
		return Refuse(http.StatusUnsupportedMediaType, "unsupported", "the body has no content-type")
	}
	fields := map[string]any{}
	if form {
		if int64(len(c.body.raw)) > c.Parser.MaxForm {
			return tooLarge(c.Parser.MaxForm)
		}
		err = decodeForm(fields, string(c.body.raw))
	} else {
		fields, err = decodeJSONBody(c.body.raw)
	}
	if err != nil {
		return err
	}
	c.mergeParams(fields)
	return nil
}

// bodyKind tells how the body is to be read, by its content-type.
func (c *Context) bodyKind() (kind string, form bool, err error) {
	header := c.R.Header.Get("Content-Type")
	if header == "" {
		return "", false, nil
	}
	kind, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", false, Refuse(http.StatusUnsupportedMediaType, "unsupported", "the content-type cannot be read")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", false, Refuse(http.StatusUnsupportedMediaType, "unsupported", "a body in the charset %q is not read", clip(charset))
	}
	switch {
	case kind == "application/x-www-form-urlencoded" && c.Parser.Form:
		return kind, true, nil
	case (kind == "application/json" || strings.HasSuffix(kind, "+json")) && c.Parser.JSON:
		return kind, false, nil
	}
	return "", false, Refuse(http.StatusUnsupportedMediaType, "unsupported", "a body of the type %q is not read", clip(kind))
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
		return nil, Refuse(http.StatusBadRequest, "malformed", "the body is not JSON: %v", err)
	}
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	return map[string]any{"_json": v}, nil
}

// mergeParams adds the body's fields; what the path said stays.
func (c *Context) mergeParams(fields map[string]any) {
	for k, v := range fields {
		if !slices.Contains(c.pathParams, k) {
			c.Params[k] = v
		}
	}
}

// SetParams makes `params` of the path's captures over the query.
func (c *Context) SetParams(names []string, captures []string) error {
	if c.Params == nil {
		c.Params = make(map[string]any, 8)
	}
	if q := c.R.URL.RawQuery; q != "" {
		if err := decodeForm(c.Params, q); err != nil {
			return err
		}
	}
	c.pathParams = names
	for i, name := range names {
		if !utf8.ValidString(captures[i]) {
			return Refuse(http.StatusBadRequest, "malformed", "the path is not valid UTF-8")
		}
		c.Params[name] = captures[i]
	}
	c.Slots[SlotParams] = c.Params
	return nil
}

// PeekBody gives the bytes of the body, at most limit of them; the stream then still gives
// all. ok is false when the body is longer.
func (c *Context) PeekBody(limit int64) (raw []byte, ok bool, err error) {
	if c.body.read {
		return c.body.raw, true, nil
	}
	raw, err = c.readAll(limit + 1)
	if err != nil {
		return nil, false, bodyError(err)
	}
	rest := c.R.Body
	c.R.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(strings.NewReader(string(raw)), rest), rest}
	return raw, int64(len(raw)) <= limit, nil
}

// ReadForm decodes an urlencoded text into nested maps and lists.
func ReadForm(text string) (map[string]any, error) {
	out := map[string]any{}
	return out, decodeForm(out, text)
}
