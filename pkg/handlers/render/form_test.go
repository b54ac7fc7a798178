package render_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

// token gives csrf_token as protect_from_forgery does.
func token() *pipeline.Def {
	type nothing struct{}
	return pipeline.Define(pipeline.Traits{Name: "token", Group: "browser", Doc: "Gives a token.", Places: pipeline.HTTP},
		func(*pipeline.Settings, *nothing) {}, func(_ nothing, b *pipeline.Build) pipeline.Plug {
			slot := b.Give("csrf_token", expr.String)
			return func(c *pipeline.Context) (any, error) {
				c.Lazily(slot, func(*pipeline.Context) (any, error) { return "T", nil })
				return nil, nil
			}
		})
}

// fails refuses its input, as insert and validate do.
func fails() *pipeline.Def {
	type nothing struct{}
	return pipeline.Define(pipeline.Traits{Name: "fails", Group: "data", Doc: "Refuses.", Places: pipeline.HTTP, Fails: []pipeline.Reason{{Name: "invalid", Status: 422}}},
		func(*pipeline.Settings, *nothing) {}, func(nothing, *pipeline.Build) pipeline.Plug {
			return func(*pipeline.Context) (any, error) {
				return nil, pipeline.Invalid(map[string][]string{"title": {"can't be blank"}})
			}
		})
}

func TestForms(t *testing.T) {
	const hidden = `<input type="hidden" name="_csrf_token" value="T">`
	tests := []struct{ name, list, page, want string }{
		{"a form that posts", "- token\n", `<.form action="/posts">x</.form>`, `<form method="post" action="/posts">` + hidden + `x</form>`},
		{"a form without protection", "", `<.form action="/posts">x</.form>`, `<form method="post" action="/posts">x</form>`},
		{"a form that only asks", "- token\n", `<.form action="/posts" method="get">x</.form>`, `<form method="get" action="/posts">x</form>`},
		{"a form of another method", "- token\n", `<.form action="/posts/1" method="DELETE">x</.form>`, `<form method="post" action="/posts/1">` + hidden + `<input type="hidden" name="_method" value="delete">x</form>`},
		{"the token goes to no other host", "- token\n", `<.form action="//evil.example/x">x</.form><.form action="https://evil.example/">x</.form><.form action="/\evil.example">x</.form>`,
			`<form method="post" action="//evil.example/x">x</form><form method="post" action="https://evil.example/">x</form><form method="post" action="/%5cevil.example">x</form>`},
		{"a form with files", "", `<.form action="/a" multipart class="f" id="i">x</.form>`, `<form method="post" action="/a" enctype="multipart/form-data" class="f" id="i">x</form>`},
		{"a form in a loop", "- token\n- assign: {posts: [1, 2]}\n", `{{range .posts}}<.form action="/p/{{.}}">{{.}}</.form>{{end}}`,
			`<form method="post" action="/p/1">` + hidden + `1</form><form method="post" action="/p/2">` + hidden + `2</form>`},
		{"action and method of the form", "- assign: {form: {action: /p/1, method: patch, values: {title: T}, errors: {}}}\n", `<.form><.input field="title"/></.form>`,
			`<form method="post" action="/p/1"><input type="hidden" name="_method" value="patch"><div class="field"><input type="text" id="title" name="title" value="T" class="input"></div></form>`},
		{"a form of its own", "- assign: {post: {title: T}}\n", `<.form for={{to_form .post}} action="/p"><.input field="title" label="Title" required maxlength="9"/></.form>`,
			`<form method="post" action="/p"><div class="field"><label for="title">Title</label><input type="text" id="title" name="title" value="T" class="input" required="true" maxlength="9"></div></form>`},
		{"nested names", "- assign: {post: {post: {title: T}}}\n", `<.form for={{to_form .post}} action="/p"><.input field="post[title]"/></.form>`,
			`<form method="post" action="/p"><div class="field"><input type="text" id="post_title" name="post[title]" value="T" class="input"></div></form>`},
		{"a link does not fill a form", "", `<.form action="/p"><.input field="title"/></.form>`, `<form method="post" action="/p"><div class="field"><input type="text" id="title" name="title" class="input"></div></form>`},
		{"0 and false are values", "- assign: {form: {values: {n: 0, b: false, c: false}, errors: {}}}\n", `<.input field="n" type="number"/><.input field="b"/><.input field="c" type="checkbox"/>`,
			`<div class="field"><input type="number" id="n" name="n" value="0" class="input"></div><div class="field"><input type="text" id="b" name="b" value="false" class="input"></div>` +
				`<div class="field"><input type="hidden" name="c" value="false"><label for="c"><input type="checkbox" id="c" name="c" value="true" class="input"></label></div>`},
		{"a select", "- assign: {v: b}\n", `<.input field="s" type="select" value={{.v}} options={{.options}} prompt="Choose"/>`,
			`<div class="field"><select id="s" name="s" class="input"><option value="">Choose</option><option value="a">a</option><option value="b" selected>b</option><option value="c">See</option><option value="d">Dee</option></select></div>`},
		{"a select of several", "- assign: {v: [a, d]}\n", `<.input field="s" type="select" multiple value={{.v}} options={{.options}}/>`,
			`<div class="field"><select id="s" name="s[]" multiple class="input"><option value="a" selected>a</option><option value="b">b</option><option value="c">See</option><option value="d" selected>Dee</option></select></div>`},
		{"a checkbox", "", `<.input field="c" type="checkbox" label="Yes" value={{true}}/>`,
			`<div class="field"><input type="hidden" name="c" value="false"><label for="c"><input type="checkbox" id="c" name="c" value="true" checked class="input"> Yes</label></div>`},
		{"a password is never sent back", "- assign: {post: {p: secret}}\n", `<.form for={{to_form .post}} action="/p"><.input field="p" type="password"/></.form>`,
			`<form method="post" action="/p"><div class="field"><input type="password" id="p" name="p" class="input"></div></form>`},
		{"buttons and errors", "", `<.button disabled name="a">Save</.button><.error>No</.error>`, `<button type="submit" class="button" disabled="true" name="a">Save</button><p class="error" role="alert">No</p>`},
		{"no messages", "", `<.flash_group/>`, ``},
		{"values of unlike types are not equal", "- assign: {l: [a], m: {a: b}, d: 1.0}\n", `{{eq .l "a"}} {{ne .m "a"}} {{eq .l .l}} {{eq .d 1}} {{eq "b" "a" "b"}} {{eq (len .l) 1}} {{eq .params.none "a"}} {{ne .params.none nil}}`,
			`false true true true true true false false`},
		{"helpers", "", `{{pluralize 1 "post" "posts"}}, {{pluralize 2 "post" "posts"}}, {{truncate "abcdef" 3}}, <i {{attr "hidden" true}} {{attr "inert" false}}>, {{strftime "2024-02-09" "%-d %B %Y"}}, {{path "/posts/:id" "id" 5 "q" "a b"}}, {{url "/posts"}}`,
			`1 post, 2 posts, abc…, <i hidden >, 9 February 2024, /posts/5?q=a&#43;b, https://app.example/posts`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: append(defs(), token(), fails()), Files: templates(map[string]string{"a.html": tt.page}),
				List: tt.list + "- render: {template: a.html, assigns: {options: [a, b, [See, c], {label: Dee, value: d}]}}\n"}.Compile(t)
			if got := c.Serve(httptest.NewRequest("GET", "/?title=evil", nil)); got.Body != tt.want {
				t.Errorf("%d %s (%v)\nwant %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

// The `else` of a plug shows the page again: with what was sent and what was wrong.
func TestAFormThatIsShownAgain(t *testing.T) {
	c := pipetest.App{Defs: append(defs(), fails()), Unsafe: true, Files: templates(map[string]string{"new.html": `<.form action="/posts"><.input field="title"/><.input field="body"/></.form>`}),
		List: "- fails:\n  else: {render: new.html}\n- show: 1\n"}.Compile(t)
	got := c.Serve(httptest.NewRequest("POST", "/?title=%3Cb%3E&body=B", strings.NewReader("")))
	want := `<form method="post" action="/posts"><div class="field field-invalid"><input type="text" id="title" name="title" value="&lt;b&gt;" class="input" aria-invalid="true" aria-describedby="title-errors">` +
		`<div class="errors" id="title-errors"><p class="error">can&#39;t be blank</p></div></div><div class="field"><input type="text" id="body" name="body" value="B" class="input"></div></form>`
	if got.Status != 422 || got.Body != want {
		t.Errorf("%d %s (%v)\nwant %s", got.Status, got.Body, got.Err, want)
	}
}

// A value that a helper cannot take is our fault: the page is not sent.
func TestHelpersThatCannotDoIt(t *testing.T) {
	for _, page := range []string{`{{strftime "soon" "%Y"}}`, `{{strftime "2024-01-01" "%Q"}}`, `<.form method={{.params.q}}>x</.form>`,
		`<.input field="a" type="select" options="x"/>`, `<.input field="a" type="select" options={{.lists}}/>`, `{{path "/posts/:id" "id" ""}}`, `{{path "/posts/:id" "id" .params.none}}`} {
		c := pipetest.App{Defs: defs(), Files: templates(map[string]string{"a.html": page}), List: "- assign: {lists: [[1, 2, 3]]}\n- render: a.html\n"}.Compile(t)
		if got := c.Serve(httptest.NewRequest("GET", "/?q=steal", nil)); got.Status != 500 || got.Body != "" {
			t.Errorf("%s: %d %q", page, got.Status, got.Body)
		}
	}
}
