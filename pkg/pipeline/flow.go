package pipeline

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// Slots of the names that the language itself gives. Names of the manifest's author come
// after them, in the order in which they are bound.
const (
	SlotRequest = expr.FirstSlot + iota
	SlotParams
	SlotFormat
	SlotFailure
	SlotSession
	SlotFlash
	SlotSocket
	SlotTopic
	SlotEvent
	SlotPayload
	SlotRecord
	SlotChanges
	SlotCSRFToken
	SlotCSPNonce
	FirstNameSlot
)

// ReservedNames lists the names that no `as` may bind anywhere.
func ReservedNames() []string {
	return slices.DeleteFunc(reserved(), func(name string) bool { return name == "claims" })
}

// reserved are names that no author may bind. claims is given by verify_token alone.
func reserved() []string {
	return []string{"request", "params", "session", "flash", "format", "failure", "claims", "socket", "topic", "event", "payload",
		"record", "changes", "csrf_token", "csp_nonce", "env", "assigns", "nil", "true", "false"}
}

// flow is what is known at one point of a list, in order of running. It is copied for each
// branch.
type flow struct {
	scope    *expr.Scope
	next     int               // the next free slot
	bound    map[string]string // author's names: how they were bound, "as" or "assign"; copied on write
	fixed    map[string]bool   // names that assign may not set here: those of a connection
	loose    bool              // a fault hides names: unknown ones are not reported again
	ended    bool              // every path has answered
	endedAt  diag.Pos          // by this plug
	forgery  bool              // protect_from_forgery was passed
	admitted diag.Pos          // this plug of endpoint.plugs lets callers in by a cookie
	byCookie map[string]bool   // names that endpoint.plugs made of a cookie; copied on write
	bodyless bool              // the route ends in proxy: the body is never parsed
	reuse    map[string]int    // slots that the other arm of a branch gave
	maybe    bool              // what is bound now may not be
	early    map[string]string // names bound when a join could first be accepted early; nil: it could not

	functions map[string]bool // names that are functions
}

// bind makes a name visible. A name that is visible already is an error.
func (f *flow) bind(ps *diag.Problems, how, name string, at diag.Pos, t expr.Type) int {
	if !f.mayBind(ps, name, at) {
		return 0
	}
	if _, seen := f.scope.Lookup(name); seen {
		ps.Add(at, "name-taken", "%q is already bound", name).Suggest("choose another name; only `assign` may set a name again, and only one that `assign` bound")
		return 0
	}
	slot, kept := f.reuse[name]
	if !kept {
		slot = f.next
		f.next++
	}
	f.scope = f.scope.With(expr.Name{Name: name, Slot: slot, Type: t, MaybeNil: f.maybe})
	f.bound = maps.Clone(f.bound)
	if f.bound == nil {
		f.bound = map[string]string{}
	}
	f.bound[name] = how
	return slot
}

func (f *flow) mayBind(ps *diag.Problems, name string, at diag.Pos) bool {
	switch {
	case !spec.IsName(name):
		ps.Add(at, "bad-name", "%q is not a name", name).Suggest("a name is letters, digits and _, and does not begin with a digit")
	case slices.Contains(reserved(), name):
		ps.Add(at, "reserved-name", "%q is a name of the language", name).Suggest("choose another name")
	case f.functions[name]:
		ps.Add(at, "reserved-name", "%q is a function", name).Suggest("choose another name")
	default:
		return true
	}
	return false
}

// assign sets a name that assign may set again.
func (f *flow) assign(ps *diag.Problems, name string, at diag.Pos, t expr.Type) int {
	seen, ok := f.scope.Lookup(name)
	if !ok || f.bound[name] == "" {
		return f.bind(ps, "assign", name, at, t)
	}
	if f.bound[name] != "assign" || f.fixed[name] {
		ps.Add(at, "name-taken", "%q is bound and cannot be set again", name).Suggest("`assign` may set only a name that `assign` bound; names of `connect` never change")
		return 0
	}
	f.scope = f.scope.With(expr.Name{Name: name, Slot: seen.Slot, Type: join(seen.Type, t, f.maybe), MaybeNil: seen.MaybeNil && f.maybe})
	return seen.Slot
}

// join is what is known of a name that may have either type.
func join(a, b expr.Type, either bool) expr.Type {
	if either {
		return a.Or(b)
	}
	return b
}

// merge is what is known after a branch whose arms ended in a and b.
func merge(before, a, b flow) flow {
	before.mergeCookies(&a, &b)
	out := before
	out.next = max(a.next, b.next)
	out.loose = a.loose || b.loose
	switch {
	case a.ended && b.ended:
		out.ended, out.endedAt = true, a.endedAt
		return out
	case a.ended:
		b.next, b.loose = out.next, out.loose
		return b
	case b.ended:
		a.next, a.loose = out.next, out.loose
		return a
	}
	out.forgery = a.forgery && b.forgery
	out.bound = maps.Clone(before.bound)
	if out.bound == nil {
		out.bound = map[string]string{}
	}
	names := slices.Sorted(maps.Keys(a.bound))
	for name := range b.bound {
		if a.bound[name] == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		out.mergeName(before, a, b, name)
	}
	return out
}

func (f *flow) mergeName(before, a, b flow, name string) {
	inA, okA := a.scope.Lookup(name)
	inB, okB := b.scope.Lookup(name)
	n, how := inA, a.bound[name]
	if !okA {
		n, how = inB, b.bound[name]
	}
	if okA && okB {
		n.Type = join(inA.Type, inB.Type, true)
		n.MaybeNil = inA.MaybeNil || inB.MaybeNil
		if hidden(name) {
			n.Type = either(inA.Type, inB.Type)
		}
	} else {
		n.MaybeNil = true
	}
	if was, ok := before.scope.Lookup(name); ok && was.Type.Key() == n.Type.Key() && was.MaybeNil == n.MaybeNil {
		return
	}
	f.scope = f.scope.With(n)
	f.bound[name] = how
}

// newNames lists what arm bound beyond before, with its slots.
func newNames(before, arm flow) map[string]int {
	out := map[string]int{}
	for name := range arm.bound {
		if _, had := before.scope.Lookup(name); !had {
			n, _ := arm.scope.Lookup(name)
			out[name] = n.Slot
		}
	}
	return out
}
