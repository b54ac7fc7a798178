package presence

import (
	"slices"
)

// pending is what happened in a topic and was not told yet.
//
// A join and a leave of one ref cancel out as long as no client was shown the ref. A client
// is shown it by a `presence_state` that was made in between: then the join must be told,
// and the leave after it, in the next diff of the same window. Such diffs are its steps.
type pending struct {
	dirty  []*present
	steps  uint8  // the highest that was used
	queued bool   // the topic is in its shard's list
	states uint64 // how many states were shown in this window while something was pending
	shown  []showing
}

// A showing is a state that was given to somebody.
type showing struct {
	n     uint64
	owner Owner // nil: nobody knows who has it
}

// An op is one thing to tell.
type op struct {
	entry *entry
	join  bool
	step  uint8
}

// maxSteps bounds the diffs that one window of one topic makes. What would need more is
// told at once.
const maxSteps = 4

func (at *topic) noteJoin(e *entry, step uint8) {
	e.fresh, e.step, e.born = true, step, at.states
	at.note(e.at, op{e, true, step})
}

func (at *topic) noteLeave(e *entry) {
	at.note(e.at, op{e, false, e.at.stepAfter(e)})
}

func (at *topic) note(p *present, o op) {
	p.ops = append(p.ops, o)
	at.steps = max(at.steps, o.step)
	if !p.dirty {
		p.dirty = true
		at.dirty = append(at.dirty, p)
	}
}

// stepAfter gives the step in which the end of e may be told. All that happens to the key
// later is told no earlier.
func (p *present) stepAfter(e *entry) uint8 {
	if e.fresh {
		p.step = max(p.step, e.step+1)
	}
	return p.step
}

// joinOf finds the pending join of a fresh entry.
func (p *present) joinOf(e *entry) int {
	for i, o := range slices.Backward(p.ops) {
		if o.entry == e && o.join {
			return i
		}
	}
	panic("presence: a fresh entry has no pending join")
}

// shownTo notes that owner, or somebody, has seen all that is pending. With nothing pending
// there is nothing to note.
func (at *topic) shownTo(owner Owner) {
	if len(at.dirty) > 0 {
		at.states++
		at.shown = append(at.shown, showing{at.states, owner})
	}
}

// wasShown tells whether somebody who is still there was shown a fresh entry. The last
// showing that counts decides; those behind it are of members that are gone for good.
func (at *topic) wasShown(e *entry) bool {
	for n := len(at.shown); n > 0; n-- {
		if s := at.shown[n-1]; s.owner == nil || !s.owner.Ended() {
			return s.n > e.born
		}
		at.shown = at.shown[:n-1]
	}
	return false
}

// refTold gives the ref that clients know for e: its own, or that of what it replaced.
func (at *topic) refTold(e *entry) string {
	if e.fresh && !at.wasShown(e) {
		return e.prev()
	}
	return e.ref()
}

// told ends the window.
func (at *topic) told() {
	for _, p := range at.dirty {
		for _, o := range p.ops {
			o.entry.fresh = false
		}
		p.ops, p.step, p.dirty = nil, 0, false
		if len(p.entries) == 0 {
			delete(at.keys, p.key)
		}
	}
	clear(at.dirty)
	at.dirty, at.shown = at.dirty[:0], nil
	at.steps, at.states = 0, 0
	if cap(at.dirty) > keepDirty {
		at.dirty = nil
	}
}

// keepDirty bounds the places that a topic keeps for the next window.
const keepDirty = 64
