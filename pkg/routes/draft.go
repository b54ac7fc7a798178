package routes

import (
	"maps"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// A draft is a node to which routes are still added.
type draft struct {
	branches map[string]*draftBranch // by their run
	runs     []run
}

type draftBranch struct {
	end  leaf
	rest leaf
	next *draft // behind a :name
}

func newDraft() *draft { return &draft{branches: map[string]*draftBranch{}} }

// leafOf gives the leaf of a pattern, an empty one where there is none.
func (d *draft) leafOf(segments []segment) *leaf {
	for {
		key, length := "", 0
		for length < len(segments) && segments[length].kind == static {
			key += "/" + segments[length].text
			length++
		}
		b := d.branches[key]
		if b == nil {
			b = new(draftBranch)
			d.branches[key] = b
		}
		segments = segments[length:]
		switch {
		case len(segments) == 0:
			d.noteRun(length, true, false)
			return &b.end
		case segments[0].kind == rest:
			d.noteRun(length, true, true)
			return &b.rest
		}
		d.noteRun(length, false, true)
		if b.next == nil {
			b.next = newDraft()
		}
		d, segments = b.next, segments[1:]
	}
}

func (d *draft) noteRun(length int, ends, goesOn bool) {
	i, known := slices.BinarySearchFunc(d.runs, length, func(r run, l int) int { return l - r.length })
	if !known {
		d.runs = slices.Insert(d.runs, i, run{length: length})
	}
	d.runs[i].ends = d.runs[i].ends || ends
	d.runs[i].goesOn = d.runs[i].goesOn || goesOn
}

// seal makes the node. Its keys are pieces of one text, so that they lie close together
// in memory. A key begins with a slash, is new, and has neither : nor *: httprouter has
// nothing to refuse.
func (d *draft) seal() node {
	n := node{runs: slices.Clip(d.runs)}
	keys := slices.Sorted(maps.Keys(d.branches))
	text := strings.Join(keys, "")
	for _, key := range keys {
		b := d.branches[key].seal()
		if key == "" {
			n.here = b
			continue
		}
		if n.tree == nil {
			n.tree = new(httprouter.Router)
		}
		n.tree.Handle(onlyMethod, text[:len(key)], b.handle())
		text = text[len(key):]
	}
	return n
}

func (d *draftBranch) seal() branch {
	b := branch{end: d.end}
	if d.next != nil {
		if here := d.next.branches[""]; here != nil {
			b.paramEnd, here.end = here.end, leaf{}
		}
	}
	switch {
	case d.next.continues():
		b.on = &beyond{rest: d.rest, next: d.next.seal()}
	case !d.rest.empty():
		b.on = &beyond{rest: d.rest}
	}
	return b
}

// continues tells whether anything but the end of a path stands behind a parameter.
func (d *draft) continues() bool {
	if d == nil {
		return false
	}
	here := d.branches[""]
	return here == nil || len(d.branches) > 1 || here.next != nil || !here.rest.empty()
}

func (l *leaf) empty() bool { return l.takes[0].method == noMethod }

// of gives the take of exactly this method.
func (l *leaf) of(method methodCode) (take, bool) {
	for ; l != nil; l = l.more {
		for _, t := range l.takes {
			if t.method == method {
				return t, true
			}
		}
	}
	return take{}, false
}

func (l *leaf) add(t take) {
	for i := range l.takes {
		if l.takes[i].method == noMethod {
			l.takes[i] = t
			return
		}
	}
	if l.more == nil {
		l.more = new(leaf)
	}
	l.more.add(t)
}
