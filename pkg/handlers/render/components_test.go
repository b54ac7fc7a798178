package render_test

import (
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

const card = `{{/* attrs: title, class?; slots: actions? */ -}}
<div class="card {{.class}}"><h2>{{.title}}</h2>{{.inner_block}}{{if .actions}}<footer>{{.actions}}</footer>{{end}}</div>`

func TestComponents(t *testing.T) {
	const posts = "- assign: {title: All, post: {title: One, tags: [a, b]}, posts: [{id: 1, title: '<A>'}, {id: 2, title: B}]}\n- render: a.html"
	tests := []struct {
		name       string
		components map[string]string
		page, want string
	}{
		{"an attribute of a value", map[string]string{"card": card}, `<.card title={{.post.title}} class="wide"></.card>`, `<div class="card wide"><h2>One</h2></div>`},
		{"content and a slot", map[string]string{"card": card}, `<.card title="T">body <:actions><b>{{.title}}</b></:actions></.card>`, `<div class="card "><h2>T</h2>body <footer><b>All</b></footer></div>`},
		{"self-closing", map[string]string{"icon": `{{/* attrs: name */}}<i class="{{.name}}"></i>`}, `<.icon name="x"/>`, `<i class="x"></i>`},
		{"text and values in an attribute", map[string]string{"card": card}, `<.card title="{{.title}}: {{.post.title}}!"/>`, `<div class="card "><h2>All: One!</h2></div>`},
		{"entities in an attribute", map[string]string{"card": card}, `<.card title="a &amp; b"/>`, `<div class="card "><h2>a &amp; b</h2></div>`},
		{"an attribute that stands alone is true", map[string]string{"x": `{{/* attrs: on? */}}{{if .on}}yes{{else}}no{{end}}`}, `<.x on/><.x/>`, `yesno`},
		{"a default", map[string]string{"x": `{{/* attrs: kind=info */}}{{.kind}}`}, `<.x/> <.x kind="error"/>`, `info error`},
		{"in a loop, dot is the item", map[string]string{"card": card}, `{{range .posts}}<.card title={{.title}}>{{.id}} of {{$.title}}</.card>{{end}}`,
			`<div class="card "><h2>&lt;A&gt;</h2>1 of All</div><div class="card "><h2>B</h2>2 of All</div>`},
		{"variables of the caller in a slot", map[string]string{"box": `{{/* attrs: */}}{{$i := 9}}[{{.inner_block}}{{$i}}]`}, `{{range $i, $p := .posts}}<.box>{{$i}}{{$p.id}}</.box>{{end}}`, `[019][129]`},
		{"a slot in a loop of the component", map[string]string{"twice": `{{/* attrs: list */}}{{range .list}}<{{.}}:{{$.inner_block}}>{{end}}`}, `{{with .post}}<.twice list={{.tags}}>{{.title}}{{$.title}}</.twice>{{end}}`, `&lt;a:OneAll>&lt;b:OneAll>`},
		{"a loop in a slot in a loop", map[string]string{"twice": `{{/* attrs: list */}}{{range .list}}({{$.inner_block}}){{end}}`}, `<.twice list={{.post.tags}}>{{range .posts}}{{.id}}{{end}}{{if .title}}{{.post.title}}{{end}}</.twice>`, `(12One)(12One)`},
		{"a component in a slot in a loop", map[string]string{"twice": `{{/* attrs: list */}}{{range .list}}({{$.inner_block}}){{end}}`, "card": card},
			`{{range .posts}}<.twice list={{$.post.tags}}><.card title={{.id}}>{{.id}}</.card></.twice>{{end}}`,
			strings.Repeat(`(<div class="card "><h2>1</h2>1</div>)`, 2) + strings.Repeat(`(<div class="card "><h2>2</h2>2</div>)`, 2)},
		{"a slot handed on", map[string]string{"outer": `<.inner>{{.inner_block}}!</.inner>`, "inner": `{{$x := 1}}<p>{{.inner_block}}</p>`}, `{{with .post}}<.outer>{{.title}}</.outer>{{end}}`, `<p>One!</p>`},
		{"a slot handed on into a loop", map[string]string{"outer": `{{/* attrs: list */}}{{range .list}}<.inner list={{$.list}}>{{.}}{{$.inner_block}}</.inner>{{end}}`, "inner": `{{/* attrs: list */}}{{range .list}}[{{$.inner_block}}]{{end}}`},
			`{{with .post}}<.outer list={{.tags}}>{{.title}}</.outer>{{end}}`, `[aOne][aOne][bOne][bOne]`},
		{"a slot twice", map[string]string{"tabs": `{{/* slots: tab */}}<ul>{{.tab}}</ul>`}, `<.tabs><:tab><li>1</:tab> <:tab><li>2</:tab></.tabs>`, `<ul><li>1<li>2</ul>`},
		{"a component of components", map[string]string{"page": `{{/* attrs: title */}}<.card title="{{.title}}!">{{.inner_block}}</.card>`, "card": card}, `<.page title={{.title}}>x</.page>`, `<div class="card "><h2>All!</h2>x</div>`},
		{"further attributes", map[string]string{"x": `{{/* attrs: kind?; rest: disabled value */}}<a{{.rest}}>{{.kind}}</a>`}, `<.x id="i" data-n={{.post.title}} aria-label="l" disabled kind="k" value={{false}}/>`, `<a id="i" data-n="One" aria-label="l" disabled="true">k</a>`},
		{"an attribute of the component around", map[string]string{"outer": `{{/* attrs: for */}}{{.inner_block}}`, "inner": `{{/* attrs: for from outer, x? */}}{{.for}}`}, `<.outer for="F">{{if .title}}<.inner/>{{end}}<.inner for="G"/></.outer><.inner/>`, `FG`},
		{"in a partial", map[string]string{"card": card}, `{{define "p"}}<.card title={{.title}}/>{{end}}{{template "p" .post}}`, `<div class="card "><h2>One</h2></div>`},
		{"comments, scripts and styles are text", map[string]string{"x": "X"}, `<style>a<.x/></style><script>var s = "<.x/>"</script><.x/>`, `<style>a<.x/></style><script>var s = "<.x/>"</script>X`},
		{"what looks like a tag", nil, `a <.5 <: <.> </.> <:tag>`, `a &lt;.5 &lt;: &lt;.> &lt;/.> &lt;:tag>`},
		{"an empty content is none", map[string]string{"x": `{{if .inner_block}}yes{{else}}no{{end}}{{.inner_block}}`}, "<.x></.x><.x>\n</.x>", `nono`},
		{"chosen text", map[string]string{"card": card}, `<.card title={{if_else .title "yes" "no"}} class={{classes "a" (and .title "b") (and .params.none "c")}}/>`, `<div class="card a b"><h2>yes</h2></div>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"a.html": tt.page}
			for name, text := range tt.components {
				files["components/"+name+".html"] = text
			}
			c := pipetest.App{Defs: defs(), Files: templates(files), List: posts + "\n"}.Compile(t)
			for range 2 {
				if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Body != tt.want {
					t.Errorf("%d %s (%v)\nwant %s", got.Status, got.Body, got.Err, tt.want)
				}
			}
			for name := range templates(files) {
				if !slices.Contains(c.Env.Files.All(), c.Env.Path(filepath.FromSlash(name))) {
					t.Errorf("%s is not watched", name)
				}
			}
		})
	}
}

func TestProblemsOfComponents(t *testing.T) {
	tests := []struct {
		name       string
		components map[string]string
		page       string
		want       []string
	}{
		{"an unknown component", map[string]string{"card": card}, "<p>\n ä<.crad/>", []string{`a.html:2:3: there is no component "crad" (did you mean "card"?)`}},
		{"one like no other", nil, "<.xylophone/>", []string{`a.html:1:1: there is no component "xylophone" (create templates/components/xylophone.html beside the manifest)`}},
		{"an unknown attribute", map[string]string{"card": card}, `<.card title="a" clas="b"/>`, []string{`a.html:1:18: <.card> has no attribute "clas" (did you mean "class"?)`}},
		{"no attributes at all", map[string]string{"x": "x"}, `<.x wide/>`, []string{`a.html:1:5: <.x> has no attribute "wide" (declare it at the head of components/x.html: {{/* attrs: wide? */}})`}},
		{"a missing attribute", map[string]string{"card": card}, `<.card class="b"/>`, []string{`a.html:1:1: <.card> needs the attribute "title"`}},
		{"several at once", map[string]string{"card": card}, `<.card clas="b" titel="x"/>`, []string{
			`a.html:1:1: <.card> needs the attribute "title"`, `a.html:1:17: <.card> has no attribute "titel" (did you mean "title"?)`, `a.html:1:8: <.card> has no attribute "clas" (did you mean "class"?)`}},
		{"an attribute twice", map[string]string{"card": card}, `<.card title="a" title="b"/>`, []string{`a.html:1:18: the attribute "title" stands twice`}},
		{"an unknown slot", map[string]string{"card": card}, `<.card title="a"><:action>x</:action></.card>`, []string{`a.html:1:18: <.card> has no slot "action" (did you mean "actions"?)`}},
		{"a missing slot", map[string]string{"x": `{{/* slots: head */}}{{.head}}`}, `<.x/>`, []string{`a.html:1:1: <.x> needs the slot "head"`}},
		{"content that nothing shows", map[string]string{"icon": `<i></i>`}, `<.icon>x</.icon>`, []string{`a.html:1:1: <.icon> takes no content (write <.icon/>, or let the component show it with {{.inner_block}})`}},
		{"not closed", map[string]string{"card": card}, `<p><.card title="a">x`, []string{"a.html:1:4: <.card> is not closed (close it with </.card>, in the same arm of {{if}}, {{with}} or {{range}}, or write <.card/>)"}},
		{"closed in another arm", map[string]string{"card": card}, `{{if .params}}<.card title="a">{{end}}</.card>`, []string{"a.html:1:15: <.card> is not closed (close it with </.card>, in the same arm of {{if}}, {{with}} or {{range}}, or write <.card/>)"}},
		{"closed and not opened", nil, "x</.card>", []string{"a.html:1:2: </.card> closes nothing here (a component or slot is opened and closed in the same arm of {{if}}, {{with}} or {{range}})"}},
		{"closed by another", map[string]string{"card": card}, `<.card title="a"></.crad>`, []string{"a.html:1:18: </.crad> stands where </.card> is expected"}},
		{"a slot that is not closed", map[string]string{"card": card}, `<.card title="a"><:actions></.card>`, []string{"a.html:1:28: </.card> stands where </:actions> is expected"}},
		{"a slot in an arm", map[string]string{"card": card}, `<.card title="a">{{if .params}}<:actions>x</:actions>{{end}}</.card>`, []string{"a.html:1:32: the slot <:actions> does not stand directly inside of <.card> (put {{if}}, {{with}} and {{range}} inside of the slot)"}},
		{"an action between attributes", map[string]string{"card": card}, `<.card {{.params}} title="a"/>`, []string{"a.html:1:10: an action cannot stand between the attributes of <.card> (give each attribute by its name: name={{.value}})"}},
		{"a branch in an attribute", map[string]string{"card": card}, `<.card title="{{if .params}}a{{end}}"/>`, []string{"a.html:1:20: the attribute \"title\" takes text and values, no other action (choose with a function, such as {{if_else .on \"yes\" \"no\"}} or {{classes \"a\" (and .on \"b\")}})"}},
		{"no quotes", map[string]string{"card": card}, `<.card title=a/>`, []string{`a.html:1:8: the attribute "title" has no value that can be read (write title="text" or title={{.value}})`}},
		{"a quote that does not end", map[string]string{"card": card}, `<.card title="a/>`, []string{`a.html:1:8: the value of "title" does not end (close its quote)`}},
		{"a tag that does not end", map[string]string{"card": card}, `<.card title="a"`, []string{`a.html:1:1: the tag <.card> does not end (end it with > or />)`}},
		{"a component of itself", map[string]string{"a": "<.b/>", "b": "<p>\n<.a/>"}, `<.a/>`, []string{`components/b.html:2:1: the component a takes itself in: a → b → a`}},
		{"a name that is not declared", map[string]string{"card": `{{/* attrs: title */}}{{.titel}}`}, `<.card title="a"/>`, []string{`components/card.html:1:25: the component card has no attribute or slot "titel" (did you mean "title"?)`}},
		{"all attributes at once", map[string]string{"x": `{{template "y" .}}`}, `<.x/>`, []string{`components/x.html:1:16: a component cannot give all of its attributes on at once (name those that are needed)`}},
		{"a template defined in a component", map[string]string{"x": `x{{define "y"}}{{end}}`}, `<.x/>`, []string{`components/x.html:1:1: a component cannot hold {{define "y"}} (put it into a file of its own)`}},
		{"a slot as a list", map[string]string{"x": `{{/* slots: rows? */}}{{range .rows}}x{{end}}`}, `<.x/>`, []string{"components/x.html:1:31: a slot is neither a value nor a list (ask with {{if .rows}} whether it is given)"}},
		{"a component that does not parse", map[string]string{"x": "<p>\n{{if}}"}, `<.x/>`, []string{"components/x.html:2:1: missing value for if"}},
		{"a declaration that is none", map[string]string{"x": "{{/* attrs: a b */}}x"}, `<.x/>`, []string{`components/x.html:1:13: "a b" does not declare a name (write NAME, NAME? where it may be left out, or NAME=DEFAULT)`}},
		{"a name of the page in an attribute", map[string]string{"card": card}, `<.card title={{.nope}}/>`, []string{"a.html:1:16: there is no name \"nope\" here (bind it before `render`, with `as: nope` or `assign`, or give it in `assigns: {nope: …}`)"}},
		{"a name of the page in a slot", map[string]string{"card": card}, `<.card title="a">{{.nope}}</.card>`, []string{"a.html:1:20: there is no name \"nope\" here (bind it before `render`, with `as: nope` or `assign`, or give it in `assigns: {nope: …}`)"}},
		{"a name of the page in a slot of a loop", map[string]string{"x": `{{/* attrs: list */}}{{range .list}}{{$.inner_block}}{{end}}`}, `<.x list={{.params.a}}>{{.nope}}</.x>`, []string{"a.html:1:26: there is no name \"nope\" here (bind it before `render`, with `as: nope` or `assign`, or give it in `assigns: {nope: …}`)"}},
		{"a member through an attribute", map[string]string{"x": `{{/* attrs: post */}}{{.post.titel}}`}, `<.x post={{.post}}/>`, []string{`components/x.html:1:29: there is no member "titel" here (did you mean "title"?)`}},
		{"arms that differ in a component", map[string]string{"x": `{{/* attrs: a? */}}<a {{if .a}}href='{{end}}x'>`}, `<.x/>`, []string{"components/x.html:1:28: the arms of this branch end in different places: one inside a tag, attribute, script or style, the other not"}},
		{"a form in a template without the page", nil, `{{define "row"}}<.form action="/x">x</.form>{{end}}{{template "row" .post}}`, []string{
			"a.html:1:17: a component here reads `csrf_token` of the page, and this template was not given the page (make this template a component, or take it in with {{template \"a.html\" $}})",
			"a.html:1:17: a component here reads `form` of the page, and this template was not given the page (make this template a component, or take it in with {{template \"a.html\" $}})"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{"a.html": tt.page}
			for name, text := range tt.components {
				files["components/"+name+".html"] = text
			}
			got := pipetest.App{Defs: defs(), Files: templates(files), List: "- assign: {post: {title: One}}\n- render: a.html\n"}.Problems(t)
			for i := range got {
				got[i] = strings.TrimPrefix(filepath.ToSlash(got[i]), "templates/")
			}
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}
