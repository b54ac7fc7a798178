package request

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// maxPeek is how much of a body is read ahead for `_method`, in bytes. A longer urlencoded
// body keeps its method.
const maxPeek = 64 << 10

// MethodOverride lets a form ask for PUT, PATCH or DELETE, by Plug.MethodOverride's rules:
// only a POST, only by the body's `_method`, never by the query or a header.
func MethodOverride() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "method_override", Group: group, Places: pipeline.Endpoint,
		Doc:   "Routes a POST of a form as the PUT, PATCH or DELETE that its field `_method` names.",
		Fails: []pipeline.Reason{{Name: "malformed", Status: http.StatusBadRequest}},
	}, func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug { return override })
}

func override(c *pipeline.Context) (any, error) {
	if c.Method != http.MethodPost {
		return nil, nil
	}
	kind, boundary := formKind(c.R.Header)
	if kind == "" || boundary != "" && c.R.Header["Expect"] != nil {
		return nil, nil // who asks whether to send files is answered by who takes them
	}
	raw, whole, err := c.PeekBody(maxPeek)
	if err != nil {
		return nil, err
	}
	name := ""
	if boundary != "" {
		name = methodOfParts(raw, boundary)
	} else if whole {
		fields, err := pipeline.ReadForm(string(raw))
		if err != nil {
			return nil, nil // whoever reads the body refuses it; a route that does not may pass it on
		}
		name, _ = fields["_method"].(string)
	}
	switch method := strings.ToUpper(name); method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		c.Method = method
	}
	return nil, nil
}

// formKind is the type of a body that a form sends; "" is another one. boundary is there for
// one of several parts.
func formKind(h http.Header) (kind, boundary string) {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", ""
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	switch {
	case err != nil:
	case kind == "application/x-www-form-urlencoded":
		return kind, ""
	case kind == "multipart/form-data" && params["boundary"] != "":
		return kind, params["boundary"]
	}
	return "", ""
}

// maxMethod is longer than any method that is taken, in bytes.
const maxMethod = 16

// methodOfParts finds `_method` in the beginning of a body of several parts. A form with a
// file has it before that: what stands behind is not looked at.
func methodOfParts(raw []byte, boundary string) (name string) {
	parts := multipart.NewReader(bytes.NewReader(raw), boundary)
	for {
		part, err := parts.NextRawPart()
		if err != nil {
			return name // the end, or that of what was read ahead
		}
		if part.FormName() != "_method" || part.FileName() != "" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, maxMethod))
		if err != nil {
			return name
		}
		name = string(text) // the last one counts, as in params
	}
}
