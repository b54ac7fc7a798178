package resource

import (
	"mime"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// readBody reads the fields that a client sent, and says what becomes of others: in JSON they
// are an error, a form holds more than fields.
func (x *rules) readBody(c *pipeline.Context, a Action) (map[string]any, changeset.Keys, error) {
	kind, _, _ := mime.ParseMediaType(c.R.Header.Get("Content-Type")) // what cannot be read is refused below
	parts := kind == "multipart/form-data" && c.BodyFields() != nil && (x.pages != nil || len(x.savers) > 0)
	if parts || x.browser(c) && kind == "application/x-www-form-urlencoded" && c.Parser != nil && c.Parser.Form {
		return x.sent(c, a), changeset.Loose, nil
	}
	given, err := readFields(c)
	return given, changeset.Strict, err
}

// readFields reads the fields of one row: the body alone, not the query or path.
func readFields(c *pipeline.Context) (map[string]any, error) {
	raw, kind, err := bodyOf(c)
	if err != nil {
		return nil, err
	}
	switch {
	case kind == jsonBody && len(raw) == 0:
		return nil, notAnObject("there is no body")
	case kind == jsonBody:
		return readObject(raw)
	case kind == formBody:
		return pipeline.ReadForm(string(raw))
	}
	return nil, unsupported("a body of this type is not read")
}

// bodyKind is what a body is written in.
type bodyKind uint8

const (
	jsonBody bodyKind = iota
	formBody
	csvBody
)

// bodyOf gives the body that a client sent. JSON is read even where no parsers are declared,
// a form only where they allow it. A body without a type is JSON, as in PostgREST.
func bodyOf(c *pipeline.Context) ([]byte, bodyKind, error) {
	raw, _, err := c.PeekBody(pipeline.DefaultMaxBody) // read already: the step needs it
	if err != nil {
		return nil, 0, err
	}
	h := c.R.Header
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, 0, unsupported("a body in this encoding is not read")
	}
	typ := h.Get("Content-Type")
	if typ == "application/json" || typ == "" {
		return raw, jsonBody, nil
	}
	name, params, err := pipeline.MediaType(typ)
	if err != nil {
		return nil, 0, unsupported("the body has no content-type that can be read")
	}
	if charset := params["charset"]; !pipeline.IsUTF8(charset) {
		return nil, 0, unsupported("a body in this charset is not read")
	}
	switch {
	case name == "application/json" || strings.HasSuffix(name, "+json"):
		return raw, jsonBody, nil
	case name == "text/csv":
		return raw, csvBody, nil
	case name == "application/x-www-form-urlencoded" && c.Parser != nil && c.Parser.Form:
		if int64(len(raw)) > c.Parser.MaxForm {
			return nil, 0, pipeline.Refuse(http.StatusRequestEntityTooLarge, "too_large", "the form is larger than %d bytes", c.Parser.MaxForm)
		}
		return raw, formBody, nil
	}
	return nil, 0, unsupported("a body of this type is not read")
}

func readObject(raw []byte) (map[string]any, error) {
	v, err := value.DecodeJSON(raw)
	if err != nil {
		return nil, notAnObject(err.Error())
	}
	if fields, ok := v.(map[string]any); ok {
		return fields, nil
	}
	return nil, notAnObject("it is " + value.Describe(v))
}

func notAnObject(details string) *problem {
	return &problem{Status: http.StatusBadRequest, Code: badBody, Message: "the body is not a JSON object", Details: details}
}

func unsupported(message string) *problem {
	return &problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported", Message: message}
}

// wantsRow tells whether the client asks for the row that it wrote (RFC 7240,
// return=representation), and says that it is heard.
func wantsRow(c *pipeline.Context) bool {
	for _, line := range c.R.Header["Prefer"] {
		for preference := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(preference) == "return=representation" {
				c.W.Header()["Preference-Applied"] = []string{"return=representation"}
				return true
			}
		}
	}
	return false
}

// wantsObject tells a client that asks for the one row without the list around it.
func wantsObject(c *pipeline.Context) bool {
	return strings.Contains(c.R.Header.Get("Accept"), "application/vnd.pgrst.object+json")
}
