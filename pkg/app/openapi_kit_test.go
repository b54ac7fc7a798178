package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/postgrest"
)

// A description is an OpenAPI document, to judge answers by.
type description struct {
	*testing.T
	root    map[string]any
	schemas *js.Compiler
	seen    map[string]bool // METHOD template status: what an answer was seen of
}

// describedBy asks an App for its document, which must be a valid one.
func describedBy(t *testing.T, a http.Handler) *description {
	t.Helper()
	answer := apptest.Request(a, "GET", "/openapi.json", "")
	for _, problem := range gatewaytest.OpenAPIProblems(t, answer.Body.Bytes()) {
		t.Error(problem)
	}
	root, err := js.UnmarshalJSON(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	d := &description{T: t, root: root.(map[string]any), schemas: js.NewCompiler(), seen: map[string]bool{}}
	d.schemas.DefaultDraft(js.Draft2020)
	d.schemas.AssertFormat()
	if err := d.schemas.AddResource("http://localhost/openapi.json", root); err != nil {
		t.Fatal(err)
	}
	return d
}

// at gives what stands at a path of keys, references followed; nil for nothing.
func (d *description) at(keys ...string) any {
	var v any = d.root
	for _, key := range keys {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
		if m, ok = v.(map[string]any); ok && m["$ref"] != nil {
			v = d.at(strings.Split(strings.TrimPrefix(m["$ref"].(string), "#/"), "/")...)
		}
	}
	return v
}

// fits tells how a JSON text differs from the schema at a path of keys; nil: it does not.
func (d *description) fits(text string, keys ...string) error {
	d.Helper()
	pointer := ""
	for _, key := range keys {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	schema, err := d.schemas.Compile("http://localhost/openapi.json#" + pointer)
	if err != nil {
		d.Fatal(err)
	}
	v, err := js.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// template finds the path that a request is described under: one without parameters first.
func (d *description) template(path string) string {
	d.Helper()
	if d.at("paths", path) != nil {
		return path
	}
	given := strings.Split(path, "/")
	for template := range d.at("paths").(map[string]any) {
		parts := strings.Split(template, "/")
		if slices.EqualFunc(parts, given, func(part, g string) bool { return part == g || strings.HasPrefix(part, "{") }) {
			return template
		}
	}
	d.Fatalf("%s is not described", path)
	return ""
}

// A call is a request and the status that it is answered with.
type call struct {
	request string // METHOD URL, and headers behind it, each after " | "
	body    string
	status  int
}

// judges sends requests and compares them and their answers with what is described. A body
// that is refused with 400, 404 or 422 must be none that is described.
func (d *description) judges(a *app.App, calls []call) {
	d.Helper()
	for _, c := range calls {
		parts := strings.Split(c.request, " | ")
		method, target, _ := strings.Cut(parts[0], " ")
		u, err := url.Parse(target)
		if err != nil {
			d.Fatal(err)
		}
		key := []string{"paths", d.template(u.Path), strings.ToLower(method)}
		if d.at(key...) == nil {
			d.Errorf("%s: the method is not described", c.request)
			continue
		}
		w := apptest.Request(a, method, target, c.body, parts[1:]...)
		if w.Code != c.status {
			d.Errorf("%s %s: %d, want %d: %s", c.request, c.body, w.Code, c.status, w.Body)
			continue
		}
		d.asked(c, u.Query(), parts[1:], key)
		d.answered(c, w.Header().Get("Content-Type"), w.Body.String(), key)
		d.seen[fmt.Sprintf("%s %s %d", method, key[1], w.Code)] = true
	}
}

// asked compares a request with what is described.
func (d *description) asked(c call, query url.Values, headers, key []string) {
	d.Helper()
	known := map[string]bool{}
	list, _ := d.at(append(key, "parameters")...).([]any)
	for _, p := range list {
		m := p.(map[string]any)
		if r, ok := m["$ref"].(string); ok {
			m = d.at(strings.Split(strings.TrimPrefix(r, "#/"), "/")...).(map[string]any)
		}
		name := m["name"].(string)
		known[name] = true
		if m["in"] == "query" && m["required"] == true && !query.Has(name) && c.status < 300 {
			d.Errorf("%s: %s is not needed, as is described", c.request, name)
		}
	}
	for name := range query {
		if !known[name] && c.status < 300 {
			d.Errorf("%s: the parameter %s is not described", c.request, name)
		}
	}
	if c.body == "" {
		if body, _ := d.at(append(key, "requestBody")...).(map[string]any); body["required"] == true && c.status < 300 {
			d.Errorf("%s: no body is needed, as is described", c.request)
		}
		return
	}
	kind := "application/json"
	for _, h := range headers {
		if rest, ok := strings.CutPrefix(h, "Content-Type: "); ok {
			kind = rest
		}
	}
	if d.at(append(key, "requestBody", "content", kind)...) == nil {
		d.Errorf("%s: a body of %s is not described", c.request, kind)
		return
	}
	if kind != "application/json" {
		return
	}
	err := d.fits(c.body, append(key, "requestBody", "content", kind, "schema")...)
	if refused := c.status == 400 || c.status == 404 || c.status == 422; refused != (err != nil) {
		d.Errorf("%s %s: answered %d, described: %v", c.request, c.body, c.status, err)
	}
}

// answered compares an answer with what is described.
func (d *description) answered(c call, kind, body string, key []string) {
	d.Helper()
	status := fmt.Sprint(c.status)
	if d.at(append(key, "responses", status)...) == nil {
		d.Errorf("%s: %s is not described", c.request, status)
		return
	}
	types, _ := d.at(append(key, "responses", status, "content")...).(map[string]any)
	if body == "" && (types == nil || c.status == http.StatusCreated || c.status == http.StatusOK) {
		return
	}
	kind = postgrest.ParseMedia(kind).String()
	if types[kind] == nil {
		d.Errorf("%s: %s of %s is not described", c.request, status, kind)
		return
	}
	if !json.Valid([]byte(body)) || !strings.Contains(kind, "json") {
		return
	}
	if err := d.fits(body, append(key, "responses", status, "content", kind, "schema")...); err != nil {
		d.Errorf("%s: answered %s\nwhich is not as described: %v", c.request, body, err)
	}
}

// unseen lists the successes that are described and were not answered.
func (d *description) unseen() (list []string) {
	for template, item := range d.at("paths").(map[string]any) {
		for method, operation := range item.(map[string]any) {
			for status := range operation.(map[string]any)["responses"].(map[string]any) {
				line := strings.ToUpper(method) + " " + template + " " + status
				if status[0] == '2' && !d.seen[line] {
					list = append(list, line)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}
