package resource

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/handlers/render"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// pages is what one route does for a browser. Nil in rules: the route answers with JSON
// alone.
type pages struct {
	show   *render.Page // nil for delete
	format bool         // `format` tells whether it is a browser; else every client is one

	form bool // the page has a form

	choices map[string]any // the values of its enums, by field

	told *pipeline.Text
	to   target // where a browser goes when it is done
}

// pages compiles what the route of an action does for a browser. path is that of the route.
func (x *rules) pagesOf(b *pipeline.Build, a Action, path string) *pages {
	if !x.entry.Pages.Given() {
		return nil
	}
	p := &pages{}
	for _, n := range b.Visible() {
		p.format = p.format || n.Name == "format"
	}
	if !a.Reads() {
		b.Reads("session") // whatever signs a browser in comes along from any page
		p.told = x.toldOf(b, a)
		p.to = x.targetOf(b, a, path)
	}
	page, shows := a.page()
	if !shows {
		return p
	}
	given := map[string]expr.Type{}
	for above := x.above; above != nil; above = above.above {
		above.kept = b.Leave("row of "+above.table.Schema, "row")
		given[above.table.Schema] = above.shape()
	}
	switch {
	case page == Index:
		given[x.plural()] = expr.List(x.shape())
	case page.OfRow():
		given[x.table.Schema] = x.shape()
	}
	if p.form = page.form(); p.form {
		given["form"] = x.formType()
		p.choices = x.choices()
	}
	file := x.entry.Pages.files[page]
	p.show = render.Compile(b, render.NewFile(file.Name, file.At), render.Options{Given: given})
	return p
}

// plural names the rows of an index page, as Phoenix's generators do: like the table.
func (r *Resource) plural() string {
	if spec.IsName(r.table.Name) && r.table.Name != r.table.Schema {
		return r.table.Name
	}
	return r.table.Schema + "_list"
}

// shape is what pages know of a row: what is hidden stays behind.
func (r *Resource) shape() expr.Type {
	members := map[string]expr.Type{}
	for i := range r.table.Set.Fields {
		if f := &r.table.Set.Fields[i]; !f.Virtual && !f.Hidden {
			members[f.Name] = f.ExprType()
		}
	}
	return expr.Record(members)
}

// formType is what pages know of the form: beside that of render the choices of enums.
func (r *Resource) formType() expr.Type {
	options := map[string]expr.Type{}
	for name := range r.choices() {
		options[name] = expr.List(expr.String)
	}
	form := render.FormType()
	members := map[string]expr.Type{"options": expr.Record(options)}
	for _, name := range form.Members() {
		members[name], _ = form.Member(name)
	}
	return expr.Record(members)
}

// choices are the values of enums that a client may write, by field.
func (r *Resource) choices() map[string]any {
	out := map[string]any{}
	for i := range r.table.Set.Fields {
		f := &r.table.Set.Fields[i]
		if len(f.Choices()) == 0 || !f.Writable {
			continue
		}
		list := make([]any, len(f.Choices()))
		for k, choice := range f.Choices() {
			list[k] = choice
		}
		out[f.Name] = list
	}
	return out
}

// toldOf compiles what the flash tells when the action is done; nil: nothing.
func (x *rules) toldOf(b *pipeline.Build, a Action) *pipeline.Text {
	written := x.entry.Pages.told[a]
	if written != nil && written.node == nil {
		return nil
	}
	seen := false
	for _, n := range b.Visible() {
		seen = seen || n.Name == "flash" && !n.MaybeNil
	}
	if !seen {
		b.Problem(x.at, "needs-plug", "pages tell what was done by the flash, which needs `fetch_flash` before it").
			Suggest("put `fetch_flash` into its pipeline, or write `flash: false`")
		return nil
	}
	node := source.NewScalar(x.at, capital(x.table.Schema)+" "+doneNames()[a-Create]+" successfully.")
	if written != nil {
		node = written.node
	}
	text := b.Nested(false, expr.Name{Name: "record", Slot: pipeline.SlotRecord, Type: x.shape()}).Text(node)
	if text != nil && a == Delete && usesText(text, "record") {
		x.ofRecord = true // it is read before it goes
	}
	return text
}

func usesText(t *pipeline.Text, name string) bool {
	for _, used := range t.Uses() {
		if used == name || strings.HasPrefix(used, name+".") {
			return true
		}
	}
	return false
}

// capital is a schema's name as a sentence begins: "Blog post".
func capital(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
