package render_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/value"
)

// What a stranger sent is text wherever it stands.
func TestWhatAStrangerSentIsText(t *testing.T) {
	const evil = `"><script>alert('1')</script>`
	const text = `&#34;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;`
	const x = `{{/* attrs: a?, href?; rest: */}}`
	tests := []struct{ name, sent, component, page, want string }{
		{"text", evil, "", `<p>{{.params.q}}</p>`, `<p>` + text + `</p>`},
		{"an attribute", evil, "", `<p title="{{.params.q}}">`, `<p title="` + text + `">`},
		{"an attribute without quotes", "a onclick=x", "", `<p title={{.params.q}}>`, `<p title=a&#32;onclick&#61;x>`},
		{"a URL", "javascript:alert(1)", "", `<a href="{{.params.q}}">`, `<a href="#ZgotmplZ">`},
		{"a query", "a&b=c", "", `<a href="/?q={{.params.q}}">`, `<a href="/?q=a%26b%3dc">`},
		{"a script", evil, "", `<script>var q = {{.params.q}}</script>`, `<script>var q = "\"\u003e\u003cscript\u003ealert('1')\u003c/script\u003e"</script>`},
		{"a handler", "');alert('1", "", `<a onclick="f({{.params.q}})">`, `<a onclick="f(&#34;&#39;);alert(&#39;1&#34;)">`},
		{"a style", "expression(alert(1))", "", `<style>p{width:{{.params.q}}}</style>`, `<style>p{width:ZgotmplZ}</style>`},
		{"an attribute of a component as text", evil, x + `<b>{{.a}}</b>`, `<.x a={{.params.q}}/>`, `<b>` + text + `</b>`},
		{"an attribute of a component as attribute", evil, x + `<b title="{{.a}}">`, `<.x a="-{{.params.q}}-"/>`, `<b title="-` + text + `-">`},
		{"an attribute of a component as URL", "javascript:alert(1)", x + `<a href="{{.href}}">`, `<.x href={{.params.q}}/>`, `<a href="#ZgotmplZ">`},
		{"an attribute of a component in a script", `</script>`, x + `<script>f({{.a}})</script>`, `<.x a={{.params.q}}/>`, `<script>f("\u003c/script\u003e")</script>`},
		{"a further attribute", evil, x + `<b{{.rest}}>`, `<.x title={{.params.q}}/>`, `<b title="` + text + `">`},
		{"a style as further attribute", "expression(alert(1))", x + `<b{{.rest}}>`, `<.x style="width: {{.params.q}}"/>`, `<b style="ZgotmplZ">`},
		{"a slot as text", evil, `<b>{{.inner_block}}</b>`, `<.x>{{.params.q}}</.x>`, `<b>` + text + `</b>`},
		{"a slot in an attribute", evil, `<b title="{{.inner_block}}">`, `<.x>{{.params.q}}</.x>`, `<b title="` + text + `">`},
		{"a slot in a URL", "javascript:alert(1)", `<a href="{{.inner_block}}">`, `<.x>{{.params.q}}</.x>`, `<a href="#ZgotmplZ">`},
		{"a slot in a script", `</script>`, `<script>f({{.inner_block}})</script>`, `<.x>{{.params.q}}</.x>`, `<script>f("\u003c/script\u003e")</script>`},
		{"a value of a form", evil, "", `<.input field="q" value={{.params.q}} type="hidden"/>`, `<input type="hidden" id="q" name="q" value="` + text + `">`},
		{"the name of a field", evil, "", `<.input field={{.params.q}} type="hidden" id="i"/>`, `<input type="hidden" id="i" name="` + text + `" value="">`},
		{"the type of a field", `x" onfocus="f()`, "", `<.input field="q" type={{.params.q}}/>`,
			`<div class="field"><input type="x&#34; onfocus=&#34;f()" id="q" name="q" class="input"></div>`},
		{"the message of a field", evil, "", `<.input field="q" errors={{.params.q}}/>`, `<div class="field field-invalid"><input type="text" id="q" name="q" class="input" aria-invalid="true" aria-describedby="q-errors"><div class="errors" id="q-errors"><p class="error">` + text + `</p></div></div>`},
		{"a textarea", `</textarea><script>`, "", `<.input field="q" type="textarea" value={{.params.q}}/>`, "<div class=\"field\"><textarea id=\"q\" name=\"q\" class=\"input\">\n&lt;/textarea&gt;&lt;script&gt;</textarea></div>"},
		{"the action of a form", "javascript:alert(1)", "", `<.form action={{.params.q}} method="get">x</.form>`, `<form method="get" action="#ZgotmplZ">x</form>`},
		{"a segment of a path", "a/../b?c", "", `<a href="{{path "/posts/:id" "id" .params.q}}">`, `<a href="/posts/a%2F..%2Fb%3Fc">`},
		{"a text that is cut", "<b>bold</b>", "", `{{truncate .params.q 4}}`, `&lt;b&gt;b…`},
		{"a class", evil, "", `<p class="{{classes "a" .params.q}}">`, `<p class="a ` + text + `">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"a.html": tt.page, "components/x.html": tt.component}
			c := pipetest.App{Defs: defs(), Files: templates(files), List: "- render: a.html\n"}.Compile(t)
			r := httptest.NewRequest("GET", "/", nil)
			q := r.URL.Query()
			q.Set("q", tt.sent)
			r.URL.RawQuery = q.Encode()
			if got := c.Serve(r); got.Body != tt.want {
				t.Errorf("%d %s (%v)\nwant %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

// rows binds a row of a table with a hidden column, as the data plugs do.
func rows() *pipeline.Def {
	type nothing struct{}
	return pipeline.Define(pipeline.Traits{Name: "rows", Group: "data", Doc: "Binds rows.", Places: pipeline.HTTP, Result: "rows"},
		func(*pipeline.Settings, *nothing) {}, func(nothing, *pipeline.Build) pipeline.Plug {
			columns := value.NewColumns([]string{"name", "password_hash"}, func(name string) bool { return name == "password_hash" })
			return func(*pipeline.Context) (any, error) {
				return []any{&value.Row{Columns: columns, Values: []any{"Ann", "secret"}}}, nil
			}
		})
}

func TestHiddenColumnsStayBehind(t *testing.T) {
	for _, page := range []string{
		`{{range .users}}{{.name}}{{.password_hash}}{{end}}`, `{{range .users}}{{.}}{{end}}`, `{{.users}}`, `<script>{{.users}}</script>`, `{{range .users}}<.x a={{.}}/>{{end}}`, `{{index . "users"}}`,
	} {
		files := map[string]string{"a.html": page, "components/x.html": "{{/* attrs: a */}}{{.a.name}}{{.a.password_hash}}{{.a}}"}
		c := pipetest.App{Defs: append(defs(), rows()), Files: templates(files), List: "- rows:\n  as: users\n- render: a.html\n"}.Compile(t)
		if got := c.Serve(httptest.NewRequest("GET", "/", nil)); !strings.Contains(got.Body, "Ann") || strings.Contains(got.Body, "secret") {
			t.Errorf("%s: %d %s (%v)", page, got.Status, got.Body, got.Err)
		}
	}
}
