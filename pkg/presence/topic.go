package presence

import (
	"slices"
)

// A topic is guarded by the lock of its shard.
type topic struct {
	name   string
	home   *shard
	keys   map[string]*present // those with entries, and those with something to tell
	here   []*present          // those with entries
	owners map[Owner]*entry    // the first entry of each member of this node; nil without any
	size   int                 // bytes of the presence_state, or a few more

	pending
}

// A present is a key of a topic. Its first three fields never change.
type present struct {
	topic   *topic
	key     string
	head    string // `"key":{"metas":[`
	entries []*entry
	place   int // in topic.here

	ops   []op // what is to be told, in order
	step  uint8
	dirty bool // it is in topic.dirty
}

// An entry is one meta of one membership, rendered once. at, json and the lengths never
// change, and may be read without a lock.
type entry struct {
	owner   Owner  // nil: another node has it
	sibling *entry // the next one of the same owner
	at      *present
	json    string // {"phx_ref":"...","phx_ref_prev":"...",members}
	born    uint64 // how many states were shown in this window before it
	refLen  uint8
	prevLen uint8 // 0 for a first one
	fresh   bool  // its join is pending
	step    uint8 // of the pending join
}

const (
	refHead  = `{"phx_ref":"`
	prevHead = `","phx_ref_prev":"`
)

func newEntry(owner Owner, ref, prev, body string) *entry {
	e := &entry{owner: owner, refLen: uint8(len(ref)), prevLen: uint8(len(prev))}
	middle, comma := "", ""
	if prev != "" {
		middle = prevHead
	}
	if body != "" {
		comma = ","
	}
	e.json = refHead + ref + middle + prev + `"` + comma + body + "}"
	return e
}

func (e *entry) ref() string { return e.json[len(refHead) : len(refHead)+int(e.refLen)] }

func (e *entry) prev() string {
	if e.prevLen == 0 {
		return ""
	}
	from := len(refHead) + int(e.refLen) + len(prevHead)
	return e.json[from : from+int(e.prevLen)]
}

// body gives the members of the meta, without braces and refs.
func (e *entry) body() string {
	from := len(refHead) + int(e.refLen) + len(`"`)
	if e.prevLen > 0 {
		from += len(prevHead) + int(e.prevLen)
	}
	if e.json[from] == ',' {
		from++
	}
	return e.json[from : len(e.json)-1]
}

func (at *topic) find(key string, owner Owner) *entry {
	if at == nil {
		return nil
	}
	for e := at.owners[owner]; e != nil; e = e.sibling {
		if e.at.key == key {
			return e
		}
	}
	return nil
}

// insert enters e under key.
func (at *topic) insert(key string, e *entry) {
	p := at.keys[key]
	if p == nil {
		p = &present{topic: at, key: key, head: keyHead(key)}
		at.keys[key] = p
	}
	if len(p.entries) == 0 {
		p.place = len(at.here)
		at.here = append(at.here, p)
		at.size += len(p.head) + len(keyTail) + 1
	}
	e.at = p
	p.entries = append(p.entries, e)
	at.count(e, 1)
	at.link(e)
	at.noteJoin(e, p.step)
}

func (at *topic) remove(e *entry) {
	p := e.at
	i := slices.Index(p.entries, e)
	p.entries = slices.Delete(p.entries, i, i+1)
	at.count(e, -1)
	at.unlink(e)
	if len(p.entries) == 0 {
		at.hide(p)
	}
	if e.fresh && !at.wasShown(e) {
		i := p.joinOf(e)
		p.ops = slices.Delete(p.ops, i, i+1)
		return
	}
	at.noteLeave(e)
}

// replace puts e where old is. When nobody knows of old, e also takes over its pending
// join: whatever old itself replaced must not leave in a diff before the one in which e
// joins, or the key would vanish between the two.
func (at *topic) replace(old, e *entry) {
	p := old.at
	e.at = p
	p.entries[slices.Index(p.entries, old)] = e
	at.count(old, -1)
	at.count(e, 1)
	at.unlink(old)
	at.link(e)
	if old.fresh && !at.wasShown(old) {
		p.ops[p.joinOf(old)].entry = e
		e.fresh, e.step, e.born = true, old.step, at.states
		return
	}
	at.noteJoin(e, p.stepAfter(old))
	at.noteLeave(old)
}

// hide takes a key without entries out of the list.
func (at *topic) hide(p *present) {
	last := len(at.here) - 1
	at.here[p.place] = at.here[last]
	at.here[p.place].place = p.place
	at.here[last] = nil
	at.here = at.here[:last]
	at.size -= len(p.head) + len(keyTail) + 1
}

func (at *topic) count(e *entry, by int) {
	at.size += by * (len(e.json) + 1)
	if e.owner != nil {
		at.home.local += by
	} else {
		at.home.remote += by
	}
}

func (at *topic) link(e *entry) {
	if e.owner == nil {
		return
	}
	if at.owners == nil {
		at.owners = map[Owner]*entry{}
	}
	e.sibling = at.owners[e.owner]
	at.owners[e.owner] = e
}

func (at *topic) unlink(e *entry) {
	if e.owner == nil {
		return
	}
	first := at.owners[e.owner]
	if first != e {
		for first.sibling != e {
			first = first.sibling
		}
		first.sibling = e.sibling
		return
	}
	if e.sibling == nil {
		delete(at.owners, e.owner)
		return
	}
	at.owners[e.owner] = e.sibling
}
