package routes

import (
	"net/http"
	"slices"

	"github.com/julienschmidt/httprouter"
)

// onlyMethod is the one method that our httprouter trees know: methods are told apart at
// the leaves.
const onlyMethod = http.MethodGet

// A node is the place in front of a path, or behind a parameter. From it go runs: static
// segments up to the next parameter or to the end.
type node struct {
	tree *httprouter.Router // the branches by their run, such as "/api/posts"; nil: none
	here *branch            // of the run without segments
	runs []run              // the lengths of the runs, longest first
}

// run tells that runs of so many segments exist, and what is behind some of them.
type run struct {
	length int
	ends   bool // a path can end there
	goesOn bool // a parameter can follow
}

// A branch is what stands behind a run.
type branch struct {
	end  *leaf // the path ends here
	next *node // behind a :name
	rest *leaf // a *name follows
}

// slot receives what was found. httprouter hands out nothing but handlers, so ours write
// into the slot that they get as the response.
type slot struct{ branch *branch }

func (*slot) Header() http.Header         { return nil }
func (*slot) Write(b []byte) (int, error) { return len(b), nil }
func (*slot) WriteHeader(int)             {}

// find looks a run up.
func (n *node) find(key string, s *slot) *branch {
	if key == "" {
		return n.here
	}
	if n.tree == nil {
		return nil
	}
	handle, _, _ := n.tree.Lookup(onlyMethod, key)
	if handle == nil {
		return nil
	}
	handle(s, nil, nil)
	found := s.branch
	s.branch = nil // a kept Match must not keep an old table
	return found
}

// grow gives the branch for a run, a new one where there is none. A key begins with a
// slash, is new, and has neither : nor *: httprouter has nothing to refuse.
func (n *node) grow(key string) *branch {
	var s slot
	if b := n.find(key, &s); b != nil {
		return b
	}
	b := new(branch)
	if key == "" {
		n.here = b
		return b
	}
	if n.tree == nil {
		n.tree = new(httprouter.Router)
	}
	n.tree.Handle(onlyMethod, key, func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) {
		w.(*slot).branch = b
	})
	return b
}

func (n *node) noteRun(length int, ends, goesOn bool) {
	i, known := slices.BinarySearchFunc(n.runs, length, func(r run, l int) int { return l - r.length })
	if !known {
		n.runs = slices.Insert(n.runs, i, run{length: length})
	}
	n.runs[i].ends = n.runs[i].ends || ends
	n.runs[i].goesOn = n.runs[i].goesOn || goesOn
}

// leafOf gives the leaf of a pattern, a new one where there is none.
func (n *node) leafOf(segments []segment) *leaf {
	for {
		key, length := "", 0
		for length < len(segments) && segments[length].kind == static {
			key += "/" + segments[length].text
			length++
		}
		b := n.grow(key)
		segments = segments[length:]
		switch {
		case len(segments) == 0:
			n.noteRun(length, true, false)
			return sprout(&b.end)
		case segments[0].kind == rest:
			n.noteRun(length, true, true)
			return sprout(&b.rest)
		}
		n.noteRun(length, false, true)
		n = sprout(&b.next)
		segments = segments[1:]
	}
}

func sprout[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// A leaf holds the routes of one shape on one host.
type leaf struct {
	takes []take
	any   *take
}

type take struct {
	method string
	route  int
}

// route chooses by method. head is true where a GET route answers HEAD.
func (l *leaf) route(method string) (route int, head, ok bool) {
	for i := range l.takes {
		if l.takes[i].method == method {
			return l.takes[i].route, false, true
		}
	}
	if method == http.MethodHead {
		for i := range l.takes {
			if l.takes[i].method == http.MethodGet {
				return l.takes[i].route, true, true
			}
		}
	}
	if l.any != nil {
		return l.any.route, false, true
	}
	return 0, false, false
}

// walk is the state of one search. It goes through all that match a path, most specific
// first, until one takes the method.
type walk struct {
	path   *requestPath
	slot   *slot
	method string

	onlyRest bool        // only a *name may answer
	visit    func(*leaf) // set: nothing answers, all are shown

	route    int // what answered
	head     bool
	redirect bool
}

// from tries the runs that begin at segment i.
func (w *walk) from(n *node, i int) bool {
	left := len(w.path.ends) - i
	for _, r := range n.runs {
		if r.length > left || r.length == left && !r.ends || r.length < left && !r.goesOn {
			continue
		}
		b := n.find(w.path.run(i, i+r.length), w.slot)
		if b != nil && w.at(b, i+r.length) {
			return true
		}
	}
	return false
}

// at goes on behind a run, where segment i is next.
func (w *walk) at(b *branch, i int) bool {
	ended := i == len(w.path.ends)
	if !ended {
		return b.next != nil && w.from(b.next, i+1) || w.takes(b.rest, false)
	}
	if w.onlyRest {
		return w.takes(b.rest, false)
	}
	if !w.path.slash {
		return w.takes(b.end, false) || w.takes(b.rest, false)
	}
	return w.takes(b.rest, false) || w.takes(b.end, true)
}

func (w *walk) takes(l *leaf, redirect bool) bool {
	switch {
	case l == nil:
		return false
	case w.visit != nil:
		w.visit(l)
		return false
	}
	var ok bool
	w.route, w.head, ok = l.route(w.method)
	w.redirect = redirect
	return ok
}
