package render

import (
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// innerContent is the name under which a layout takes the page in, as in Phoenix.
const innerContent = "inner_content"

// layoutName is the name that put_root_layout binds for render: so a layout follows the
// rules of all names, in branches and in pipelines that several routes share.
const layoutName = "_root_layout"

// layouts remembers the layouts of an application by file.
type layouts map[string]*page

func layoutsSeen(b *pipeline.Build) layouts {
	seen, _ := b.Env.Memo("layouts", func() any { return layouts{} }).(layouts)
	return seen
}

// Layout makes the file the layout of the pages that are rendered after it. Its names are
// checked where a page is rendered: there it is known which there are.
func (f File) Layout(b *pipeline.Build) pipeline.Plug {
	p := load(b, f)
	layoutsSeen(b)[f.name] = p
	slot := b.Assign(layoutName, b.At, expr.Record(map[string]expr.Type{f.name: expr.Any}))
	if p.set == nil {
		return nil
	}
	return func(c *pipeline.Context) (any, error) {
		c.Slots[slot] = p
		return nil, nil
	}
}

// layoutsOf gives the layouts that may stand around a page, and tells v where to look:
// one, or, where branches chose different ones, all.
func layoutsOf(b *pipeline.Build, v *view) []*page {
	for _, n := range b.Visible() {
		if n.Name != layoutName {
			continue
		}
		v.layoutSlot = n.Slot
		var all []*page
		for file, p := range layoutsSeen(b) {
			if p.set == nil {
				continue // reported where it is named
			}
			if _, this := n.Type.Member(file); this {
				return []*page{p}
			}
			all = append(all, p)
		}
		return all
	}
	return nil
}
