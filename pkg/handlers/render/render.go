// Package render answers with pages made from the templates of the manifest's folder by
// html/template, which escapes each value for the place where it stands. Templates are
// read, parsed and checked when the manifest is loaded.
package render

import (
	"bytes"
	"html/template"
	"maps"
	"net/http"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// All lists the plugs.
func All() []*pipeline.Def { return []*pipeline.Def{Render()} }

type settings struct {
	file    File
	assigns []spec.Named[*pipeline.Value]
}

// Render answers with a page.
func Render() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{
		Name: "render", Group: "answer", Places: pipeline.HTTP, Answers: pipeline.HTTP,
		Doc: "Answers with a page made from a template, which sees the visible names as `{{.name}}`.",
	}, func(s *pipeline.Settings, o *settings) {
		s.Main(o.file.Bind(s, "template", "A file of the folder `templates`.").Require())
		s.Values(&o.assigns, "assigns", "Further names for the template, before those that are visible.")
	}, build)
}

func build(o settings, b *pipeline.Build) pipeline.Plug {
	p := load(b, o.file)
	if p.set == nil {
		return nil
	}
	v := view{page: p, assigns: o.assigns, layoutSlot: -1}
	known := map[string]bool{}
	for _, n := range b.Visible() {
		if n.Name != layoutName {
			known[n.Name] = true
		}
	}
	for _, a := range o.assigns {
		known[a.Name] = true
	}
	used := p.check(b, known)
	for _, l := range layoutsOf(b, &v) {
		used.add(l.check(b, withInner(known)))
	}
	v.takeNames(b, used)
	return v.answer
}

func withInner(known map[string]bool) map[string]bool {
	with := maps.Clone(known)
	with[innerContent] = true
	return with
}

// A view is one use of a template.
type view struct {
	page       *page
	assigns    []spec.Named[*pipeline.Value]
	names      []expr.Name // visible, and read by the page or a layout
	layoutSlot int         // of put_root_layout; -1 without one
}

// takeNames keeps the names that are read, so that no other is copied for each page.
func (v *view) takeNames(b *pipeline.Build, used *usage) {
	for _, n := range b.Visible() {
		given := slices.ContainsFunc(v.assigns, func(a spec.Named[*pipeline.Value]) bool { return a.Name == n.Name })
		if n.Name == layoutName || given || !used.whole && !used.names[n.Name] {
			continue
		}
		v.names = append(v.names, n)
		b.Reads(n.Name)
	}
}

// answer makes the whole page before any of it is sent.
func (v *view) answer(c *pipeline.Context) (any, error) {
	data, err := v.data(c)
	if err != nil {
		return nil, err
	}
	buffer := bytes.NewBuffer(c.Scratch())
	err = v.page.execute(buffer, data)
	if layout := v.layout(c); layout != nil && err == nil {
		data[innerContent] = template.HTML(buffer.String()) // made by html/template: escaped already
		buffer.Reset()
		err = layout.execute(buffer, data)
	}
	if err == nil {
		err = c.Answer(http.StatusOK, pipeline.HTMLType, buffer.Bytes())
	}
	c.Lend(buffer.Bytes())
	return nil, err
}

func (v *view) data(c *pipeline.Context) (map[string]any, error) {
	data := make(map[string]any, len(v.names)+len(v.assigns)+1)
	for _, n := range v.names {
		data[n.Name] = value.Plain(c.Slots[n.Slot])
	}
	for _, a := range v.assigns {
		x, err := a.Value.Eval(c.Frame)
		if err != nil {
			return nil, err
		}
		data[a.Name] = value.Plain(x)
	}
	return data, nil
}

func (v *view) layout(c *pipeline.Context) *page {
	if v.layoutSlot < 0 {
		return nil
	}
	layout, _ := c.Slots[v.layoutSlot].(*page)
	return layout
}
