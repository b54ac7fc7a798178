package routes

import (
	"maps"
	"slices"
	"strings"
)

// A draft is a node to which routes are still added: its branches by their run.
type draft map[string]*draftBranch

type draftBranch struct {
	end  leaf
	rest leaf
	next draft // behind a :name
}

// leafOf gives the leaf of a pattern, an empty one where there is none.
func (d draft) leafOf(segments []segment) *leaf {
	for {
		key := ""
		for len(segments) > 0 && segments[0].kind == static {
			key += "/" + segments[0].text
			segments = segments[1:]
		}
		b := d[key]
		if b == nil {
			b = new(draftBranch)
			d[key] = b
		}
		switch {
		case len(segments) == 0:
			return &b.end
		case segments[0].kind == rest:
			return &b.rest
		}
		if b.next == nil {
			b.next = draft{}
		}
		d, segments = b.next, segments[1:]
	}
}

// widths say how a node keeps its runs: up to few one by one, up to many in a router, more
// in a map.
type widths struct{ few, many int }

// seal makes the node.
func (d draft) seal(w widths) node {
	var n node
	runs := d.runs(w)
	if here := d[""]; here != nil {
		n.here = here.seal(w)
	}
	if len(runs) > w.few {
		n.many = plant(runs, w.many)
		return n
	}
	n.few = runs
	slices.SortStableFunc(n.few, func(a, b run) int { return b.length - a.length })
	return n
}

// runs gives the runs by their keys. These are pieces of one text, so that they lie close
// together in memory.
func (d draft) runs(w widths) []run {
	keys := slices.Sorted(maps.Keys(d))
	text := strings.Join(keys, "")
	runs := make([]run, 0, len(keys))
	for _, k := range keys {
		if k == "" {
			continue
		}
		key := text[:len(k)]
		text = text[len(k):]
		runs = append(runs, run{key, strings.Count(key, "/"), d[k].seal(w)})
	}
	return runs
}

// plant makes a tree. A key begins with a slash, is new, and has neither : nor *:
// httprouter has nothing to refuse.
func plant(runs []run, many int) *runTree {
	t := new(runTree)
	if len(runs) > many {
		t.wide = make(map[string]branch, len(runs))
	}
	for _, r := range runs {
		if t.wide != nil {
			t.wide[r.key] = r.branch
		} else {
			t.router.Handle(onlyMethod, r.key, r.branch.handle())
		}
		t.note(r)
	}
	return t
}

func (t *runTree) note(r run) {
	i, known := slices.BinarySearchFunc(t.lengths, r.length, func(l runLength, length int) int { return length - l.length })
	if !known {
		t.lengths = slices.Insert(t.lengths, i, runLength{length: r.length})
	}
	hasRest := r.branch.on != nil && !r.branch.on.rest.empty()
	l := &t.lengths[i]
	l.ends = l.ends || !r.branch.end.empty() || hasRest
	l.goesOn = l.goesOn || !r.branch.paramEnd.empty() || r.branch.on != nil
}

func (d *draftBranch) seal(w widths) branch {
	b := branch{end: d.end}
	if here := d.next[""]; here != nil {
		b.paramEnd, here.end = here.end, leaf{}
	}
	switch {
	case d.next.continues():
		b.on = &beyond{rest: d.rest, next: d.next.seal(w)}
	case !d.rest.empty():
		b.on = &beyond{rest: d.rest}
	}
	return b
}

// continues tells whether anything but the end of a path stands behind a parameter.
func (d draft) continues() bool {
	here := d[""]
	return len(d) > 1 || len(d) == 1 && (here == nil || here.next != nil || !here.rest.empty())
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
