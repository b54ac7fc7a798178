package app

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/value"
)

// A nameSet is the names that a connect or join binds, with their slots in one App. It
// outlives its App in the connections that were made by it.
type nameSet struct {
	names []string // sorted
	slots []int
}

// newNameSet takes bound without what an earlier list bound. earlier may be nil.
func newNameSet(bound map[string]int, earlier *nameSet) *nameSet {
	n := &nameSet{}
	for _, name := range slices.Sorted(maps.Keys(bound)) {
		if earlier != nil && earlier.index(name) >= 0 {
			continue
		}
		n.names, n.slots = append(n.names, name), append(n.slots, bound[name])
	}
	return n
}

func (n *nameSet) index(name string) int {
	if i, ok := slices.BinarySearch(n.names, name); ok {
		return i
	}
	return -1
}

// read lists the names that one of lists reads.
func (n *nameSet) read(lists []*pipeline.Steps) []string {
	var out []string
	for _, name := range n.names {
		if slices.ContainsFunc(lists, func(s *pipeline.Steps) bool { return s.Reads(name) }) {
			out = append(out, name)
		}
	}
	return out
}

// bound is names with their values, as they live on between events.
type bound struct {
	set    *nameSet
	values []any
}

// take copies the values of a set from the slots of its App.
func take(n *nameSet, slots []any) bound {
	values := make([]any, len(n.slots))
	for i, slot := range n.slots {
		values[i] = slots[slot]
	}
	return bound{n, values}
}

// value gives what a name holds, nil where there is none.
func (b *bound) value(name string) any {
	if b.set == nil {
		return nil
	}
	if i := b.set.index(name); i >= 0 {
		return b.values[i]
	}
	return nil
}

// lay puts the values into slots as n has them, which may be of a later App.
func (b *bound) lay(n *nameSet, slots []any) {
	if b.set == n {
		for i, slot := range n.slots {
			slots[slot] = b.values[i]
		}
		return
	}
	for i, name := range n.names {
		if k := b.set.index(name); k >= 0 {
			slots[n.slots[i]] = b.values[k]
		}
	}
}

// keep takes back what assign may have set.
func (b *bound) keep(n *nameSet, slots []any) {
	if b.set == n {
		for i, slot := range n.slots {
			b.values[i] = slots[slot]
		}
		return
	}
	for i, name := range n.names {
		if k := b.set.index(name); k >= 0 {
			b.values[k] = slots[n.slots[i]]
		}
	}
}

// has tells whether every name is there.
func (b *bound) has(names []string) bool {
	if len(names) == 0 {
		return true
	}
	return b.set != nil && !slices.ContainsFunc(names, func(name string) bool { return b.set.index(name) < 0 })
}

// settle makes a value fit to outlive the run that made it and to be read by many
// goroutines: a request becomes a copy of what it says, and JSON that would be decoded
// when first read is decoded now. What it does not change it does not write to, for it
// may be a constant that other runs read.
func settle(v any) (_ any, changed bool) {
	switch x := v.(type) {
	case *pipeline.Request:
		return value.Plain(x), true
	case *value.Raw:
		_, _ = x.Value() // what cannot be decoded says so to its reader
	case *value.Row:
		if x != nil {
			settleAll(x.Values)
		}
	case []any:
		settleAll(x)
	case map[string]any:
		settleMap(x)
	case value.Claims:
		settleMap(x)
	}
	return v, false
}

func settleAll(list []any) {
	for i, e := range list {
		if v, changed := settle(e); changed {
			list[i] = v
		}
	}
}

func settleMap(m map[string]any) {
	for k, e := range m {
		if v, changed := settle(e); changed {
			m[k] = v
		}
	}
}
