package request

import (
	"mime"
	"net/http"
	"strings"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// maxPeek is how much of a body is read ahead for `_method`, in bytes. A longer body keeps
// its method.
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
	if c.Method != http.MethodPost || !isForm(c.R.Header) {
		return nil, nil
	}
	raw, whole, err := c.PeekBody(maxPeek)
	if err != nil || !whole {
		return nil, err
	}
	fields, err := pipeline.ReadForm(string(raw))
	if err != nil {
		return nil, nil // whoever reads the body refuses it; a route that does not may pass it on
	}
	name, _ := fields["_method"].(string)
	switch method := strings.ToUpper(name); method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		c.Method = method
	}
	return nil, nil
}

func isForm(h http.Header) bool {
	if e := h.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return false
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "application/x-www-form-urlencoded"
}
