package routes

import (
	"net/http"

	"github.com/julienschmidt/httprouter"
)

// Among very many routes a lookup waits for memory, not for the processor: what it reads
// one after the other is rarely in a cache. So what a found path needs lies in the one
// piece of memory that httprouter points at, and all here is by value, never by pointer,
// where nearly every lookup would follow it.

// onlyMethod is the one method that our httprouter trees know: methods are told apart at
// the leaves.
const onlyMethod = http.MethodGet

// fewRuns is up to how many runs of a node are compared one by one. Behind a parameter
// there are rarely more, and a router for each such node would be read through its map.
const fewRuns = 4

// A node is the place in front of a path, or behind a parameter. From it go runs: static
// segments up to the next parameter or to the end. It never changes.
type node struct {
	few  []run    // longest first, unless there are more than fewRuns
	many *runTree // instead of few; nil: none
	here branch   // of the run without segments
}

type run struct {
	key    string // such as "/api/posts"
	length int    // in segments
	branch branch
}

// manyRuns is up to how many runs of a node stand in a router. Its nodes lie apart in
// memory, several to a look-up, and among thousands none is in a cache: there a map, which
// reads two places, costs about half.
const manyRuns = 1024

// runTree finds one run of many.
type runTree struct {
	lengths []runLength // longest first
	router  httprouter.Router
	wide    map[string]branch // instead of router, where there are more than manyRuns
}

// runLength tells that runs of so many segments exist, and what is behind some of them.
type runLength struct {
	length int
	ends   bool // a path can end there
	goesOn bool // a parameter can follow
}

// A branch is what stands behind a run. With the address of the function that carries it,
// it fills a cache line of 64 bytes.
type branch struct {
	end      leaf    // the path ends here
	paramEnd leaf    // it ends behind one :name; so here.end of a node behind one is empty
	on       *beyond // nil: nothing else can follow
}

// beyond is what few branches have.
type beyond struct {
	rest leaf // a *name follows
	next node // a :name with more behind it follows
}

// behindParam is what else can follow where a path ends behind one :name.
func (on *beyond) behindParam() *beyond {
	if on == nil {
		return nil
	}
	return on.next.here.on
}

// slot receives what was found. httprouter hands out nothing but handlers, so ours write
// into the slot that they get as the response.
type slot struct{ branch branch }

func (*slot) Header() http.Header         { return nil }
func (*slot) Write(b []byte) (int, error) { return len(b), nil }
func (*slot) WriteHeader(int)             {}

// handle carries b in the memory of the function itself, as Go captures by value what is
// never set again.
func (b branch) handle() httprouter.Handle {
	return func(w http.ResponseWriter, _ *http.Request, _ httprouter.Params) { w.(*slot).branch = b }
}

// find looks a run up and leaves its branch in s.
func (t *runTree) find(key string, s *slot) bool {
	if t.wide != nil {
		b, ok := t.wide[key]
		s.branch = b
		return ok
	}
	handle, _, _ := t.router.Lookup(onlyMethod, key)
	if handle == nil {
		return false
	}
	handle(s, nil, nil)
	return true
}

// A leaf holds the routes of one shape on one host.
type leaf struct {
	takes [2]take // free ones have no method and stand behind the others
	more  *leaf   // for the third method on
}

// take is a route for one of its methods.
type take struct {
	route        int32
	method       methodCode
	hostCaptures bool
}

// methodCode stands for a method in one Table.
type methodCode uint16

const (
	noMethod      methodCode = iota
	unknownMethod            // no route names it
	anyMethod
	getMethod // the first of Table.methods
	headMethod
)

// choose gives the route for a method: the one that names it, then GET for HEAD, then any.
func (l *leaf) choose(method methodCode) (chosen take, ok bool) {
	for ; l != nil; l = l.more {
		for _, t := range l.takes {
			switch t.method {
			case noMethod:
				return chosen, ok
			case method:
				return t, true
			case getMethod:
				if method == headMethod {
					chosen, ok = t, true
				}
			case anyMethod:
				if !ok {
					chosen, ok = t, true
				}
			}
		}
	}
	return chosen, ok
}
