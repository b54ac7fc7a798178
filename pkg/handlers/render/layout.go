package render

import (
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// innerContent is the name under which a layout takes the page in, as in Phoenix.
const innerContent = "inner_content"

// A Layer is one of the two layouts around a page.
type Layer string

// The layers, as in Phoenix: the page stands in the layout, the layout in the root layout.
const (
	AppLayout  Layer = "layout"
	RootLayout Layer = "root layout"
)

// noLayout is the choice of a layer that was taken away.
const noLayout = ""

// Layout makes the file the layout of the pages that are rendered after it. Its names are
// checked where a page is rendered: there it is known which there are.
func (f File) Layout(b *pipeline.Build, layer Layer) pipeline.Plug {
	l := libraryOf(b.Env)
	var p *page
	if !f.none {
		p = l.load(b.Problems, f)
	}
	slot := b.Leave(string(layer), f.name)
	if p != nil && p.set == nil {
		return nil
	}
	return func(c *pipeline.Context) (any, error) {
		c.Slots[slot] = p
		return nil, nil
	}
}

// A chosen is the layout of one layer: fixed, or what a plug left.
type chosen struct {
	fixed *page
	slot  int // -1: none was left
}

func (x chosen) page(c *pipeline.Context) *page {
	if x.slot < 0 {
		return x.fixed
	}
	p, _ := c.Slots[x.slot].(*page)
	return p
}

// choice finds the layout of a layer, and all pages that it may be. A file written at
// `render` comes before what plugs left.
func choice(b *pipeline.Build, layer Layer, own File) (chosen, []*page) {
	l := libraryOf(b.Env)
	if own.none {
		return chosen{slot: -1}, nil
	}
	if own.name != "" {
		p := l.load(b.Problems, own)
		return chosen{fixed: p, slot: -1}, sound(p)
	}
	slot, choices, ok := b.Left(string(layer))
	if !ok {
		return chosen{slot: -1}, nil
	}
	var all []*page
	for _, name := range choices {
		if name != noLayout {
			all = append(all, sound(l.page(File{name: name}))...)
		}
	}
	return chosen{slot: slot}, all
}

// sound leaves out a page with a fault, which is told where it is named.
func sound(p *page) []*page {
	if p.set == nil {
		return nil
	}
	return []*page{p}
}
