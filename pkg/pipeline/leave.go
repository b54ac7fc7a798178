package pipeline

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/expr"
)

// Leave gives the slot of something that the plug leaves for a later plug and that is no
// name of the manifest: a layout for `render`. choice says which of several it is: like a
// name it follows branches, and Left tells all that it may be.
func (b *Build) Leave(what, choice string) int {
	f, name := b.flow, hiddenName(what)
	choices := map[string]expr.Type{choice: expr.Any}
	n, seen := f.scope.Lookup(name)
	if !seen {
		slot, kept := f.reuse[name]
		if !kept {
			slot = f.next
			f.next++
		}
		n = expr.Name{Name: name, Slot: slot, MaybeNil: f.maybe}
	} else if f.maybe {
		for _, before := range n.Type.Members() {
			choices[before] = expr.Any
		}
	} else {
		n.MaybeNil = false
	}
	n.Type = expr.Record(choices)
	f.scope = f.scope.With(n)
	f.bound = maps.Clone(f.bound)
	if f.bound == nil {
		f.bound = map[string]string{}
	}
	f.bound[name] = "assign"
	return n.Slot
}

// Left gives the slot and the choices of what an earlier plug left. ok is false where none
// did.
func (b *Build) Left(what string) (slot int, choices []string, ok bool) {
	n, ok := b.flow.scope.Lookup(hiddenName(what))
	return n.Slot, n.Type.Members(), ok
}

// hiddenName is a name that no expression can hold.
func hiddenName(what string) string { return "(" + what + ")" }

func hidden(name string) bool { return name != "" && name[0] == '(' }

// either is what is known of what one of two arms left.
func either(a, b expr.Type) expr.Type {
	choices := map[string]expr.Type{}
	for _, choice := range slices.Concat(a.Members(), b.Members()) {
		choices[choice] = expr.Any
	}
	return expr.Record(choices)
}
