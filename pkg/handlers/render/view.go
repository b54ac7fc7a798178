package render

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"sync"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// Options say what a page gets beside the visible names.
type Options struct {
	Layout  File                          // in place of that of put_layout
	Assigns []spec.Named[*pipeline.Value] // computed for each page
	Given   map[string]expr.Type          // names that Answer is given
}

// A Page is one use of a template, compiled for the place where it stands: with its
// layouts and the names that it reads.
type Page struct {
	page         *page
	layout, root chosen
	assigns      []spec.Named[*pipeline.Value]
	names        []expr.Name // visible, and read by the page or a layout
	form         bool        // it reads the form, and no plug bound one
	buffers      sync.Pool
}

// Compile checks a template where it is rendered. It is nil when there was a problem with
// the file; problems with names are reported and do not stop it.
func Compile(b *pipeline.Build, f File, o Options) *Page {
	l := libraryOf(b.Env)
	main := l.load(b.Problems, f)
	v := &Page{page: main, assigns: o.Assigns}
	var layouts, roots []*page
	v.layout, layouts = choice(b, AppLayout, o.Layout)
	v.root, roots = choice(b, RootLayout, File{})
	if main.set == nil {
		return nil
	}
	k := &known{names: namesAt(b, o), at: b.At, problems: b.Problems, loose: b.Loose(), hint: bindIt}
	used := newUsage()
	main.check(k, used)
	k.names[innerContent], k.hint = expr.String, bindItOnEach
	for _, p := range slices.Concat(layouts, roots) {
		p.check(k, used)
	}
	v.takeNames(b, o, used)
	return v
}

func bindIt(name string) string {
	return fmt.Sprintf("bind it before `render`, with `as: %s` or `assign`, or give it in `assigns: {%s: …}`", name, name)
}

func bindItOnEach(name string) string {
	return fmt.Sprintf("a layout sees the names of the page: bind it there too, or read it with {{index $ %q}}, which may be nothing", name)
}

// namesAt lists what a page can read.
func namesAt(b *pipeline.Build, o Options) map[string]expr.Type {
	names := map[string]expr.Type{formName: FormType()}
	for _, n := range b.Visible() {
		names[n.Name] = n.Type
	}
	if _, ok := names["request"]; ok {
		names["request"] = shownOf(pipeline.RequestType())
	}
	for name, t := range o.Given {
		names[name] = t
	}
	for _, a := range o.Assigns {
		names[a.Name] = expr.Any
		if a.Value != nil {
			names[a.Name] = a.Value.Type
		}
	}
	return names
}

// shownOf is what a page sees of the request: headers, cookies and the body stay behind.
func shownOf(t expr.Type) expr.Type {
	shown := map[string]expr.Type{}
	for _, name := range (&pipeline.Request{}).Names() {
		shown[name], _ = t.Member(name)
	}
	return expr.Record(shown)
}

// takeNames keeps the names that are read, so that no other is copied for each page.
func (v *Page) takeNames(b *pipeline.Build, o Options, used *usage) {
	bound := map[string]bool{}
	for _, a := range o.Assigns {
		bound[a.Name] = true
	}
	for name := range o.Given {
		bound[name] = true
	}
	for _, n := range b.Visible() {
		if bound[n.Name] || !used.whole && !used.names[n.Name] {
			continue
		}
		bound[n.Name] = true
		v.names = append(v.names, n)
		b.Reads(n.Name)
	}
	v.form = !bound[formName] && (used.whole || used.names[formName])
	if v.form {
		b.Reads("failure")
		if slices.ContainsFunc(b.Visible(), func(n expr.Name) bool { return n.Name == "failure" }) {
			b.Reads("params")
		}
	}
}

// Answer sends the page, which is made whole before any of it is sent. status is what
// `status:` may change.
func (v *Page) Answer(c *pipeline.Context, status int, given map[string]any) error {
	buffer, _ := v.buffers.Get().(*bytes.Buffer)
	if buffer == nil {
		buffer = &bytes.Buffer{}
	}
	err := v.Make(c, buffer, given)
	if err == nil {
		err = c.Answer(status, pipeline.HTMLType, buffer.Bytes())
	}
	if buffer.Cap() <= maxKept {
		buffer.Reset()
		v.buffers.Put(buffer)
	}
	return err
}

// maxKept bounds the buffers that are kept for the next page.
const maxKept = 256 << 10

// Make writes the page with its layouts.
func (v *Page) Make(c *pipeline.Context, buffer *bytes.Buffer, given map[string]any) error {
	data, err := v.data(c, given)
	if err != nil {
		return err
	}
	return within(buffer, data, v.page, v.layout.page(c), v.root.page(c))
}

// within writes a page and puts it into each layout in turn.
func within(buffer *bytes.Buffer, data map[string]any, inner *page, layouts ...*page) error {
	if err := inner.execute(buffer, data); err != nil {
		return err
	}
	for _, layout := range layouts {
		if layout == nil {
			continue
		}
		data[innerContent] = template.HTML(buffer.String()) // made by html/template: escaped already
		buffer.Reset()
		if err := layout.execute(buffer, data); err != nil {
			return err
		}
	}
	return nil
}

func (v *Page) data(c *pipeline.Context, given map[string]any) (map[string]any, error) {
	data := make(map[string]any, len(v.names)+len(v.assigns)+len(given)+2)
	for _, n := range v.names {
		data[n.Name] = value.Plain(c.Slots[n.Slot])
	}
	for name, x := range given {
		data[name] = value.Plain(x)
	}
	for _, a := range v.assigns {
		x, err := a.Value.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		data[a.Name] = value.Plain(x)
	}
	if v.form {
		data[formName] = formOfFailure(c)
	}
	return data, nil
}
