// Package presence knows who is where: for each topic the keys that are present and,
// for each key, one meta per membership that tracks it. It holds data and makes the
// messages of Phoenix.Presence; it knows no sockets.
package presence

import (
	"errors"
	"hash/maphash"
	"slices"
	"sync"
)

// What Track and Update refuse.
var (
	ErrTracked    = errors.New("this membership already tracks this key")
	ErrNotTracked = errors.New("this membership does not track this key")
	ErrEnded      = errors.New("the membership has ended")
	ErrMeta       = errors.New("a presence meta must be a JSON object")
)

// An Owner is who tracks: one membership of one topic. Owners are compared with ==.
type Owner interface {
	// Ended is asked under the table's lock. Once true it stays true, and a call of Leave
	// follows or has happened, so that no entry outlives its owner.
	Ended() bool
}

// shards keeps topics from waiting for each other. A power of two.
const shards = 256

// A Table holds the presences of this process. Safe for use by many goroutines.
type Table struct {
	refs   *Refs
	emit   func(topic string, diff []byte)
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu     sync.Mutex
	topics map[string]*topic
}

type topic struct {
	keys   map[string][]entry
	owners map[Owner][]string
}

type entry struct {
	owner Owner
	ref   string
	prev  string // the ref before an update; "" for a first one
	body  []byte // the members of the meta, without braces and refs
}

// New makes an empty table. emit is called for each change with the payload of a
// `presence_diff`, under the lock of the topic, so that diffs leave in the order in
// which they happened. It must not block and must not call the table.
func New(refs *Refs, emit func(topic string, diff []byte)) *Table {
	t := &Table{refs: refs, emit: emit, seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].topics = map[string]*topic{}
	}
	return t
}

func (t *Table) shard(name string) *shard {
	return &t.shards[maphash.String(t.seed, name)&(shards-1)]
}

// Track enters owner under key. meta is a JSON object; members called phx_ref and
// phx_ref_prev are dropped. After the diff was emitted, and before any later one, seen
// gets the payload of a `presence_state` that holds the new entry; it must not block.
func (t *Table) Track(name, key string, owner Owner, meta []byte, seen func(state []byte)) error {
	body, err := metaBody(meta)
	if err != nil {
		return err
	}
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner.Ended() {
		return ErrEnded
	}
	at := s.topics[name]
	if at == nil {
		at = &topic{keys: map[string][]entry{}, owners: map[Owner][]string{}}
		s.topics[name] = at
	}
	if at.find(key, owner) >= 0 {
		return ErrTracked
	}
	e := entry{owner: owner, ref: t.refs.Next(), body: body}
	at.keys[key] = append(at.keys[key], e)
	at.owners[owner] = append(at.owners[owner], key)
	t.emit(name, appendDiff(nil, []change{{key, e}}, nil))
	if seen != nil {
		seen(appendState(nil, at))
	}
	return nil
}

// Update replaces the meta that owner has under key. One diff carries the new meta in
// joins and the old one in leaves, as Phoenix does.
func (t *Table) Update(name, key string, owner Owner, meta []byte) error {
	body, err := metaBody(meta)
	if err != nil {
		return err
	}
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.topics[name]
	if at == nil {
		return ErrNotTracked
	}
	i := at.find(key, owner)
	if i < 0 {
		return ErrNotTracked
	}
	old := at.keys[key][i]
	now := entry{owner: owner, ref: t.refs.Next(), prev: old.ref, body: body}
	at.keys[key][i] = now
	t.emit(name, appendDiff(nil, []change{{key, now}}, []change{{key, old}}))
	return nil
}

// Untrack takes owner away from key. It tells whether there was something to take.
func (t *Table) Untrack(name, key string, owner Owner) bool {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.topics[name]
	if at == nil {
		return false
	}
	e, ok := at.remove(key, owner)
	if !ok {
		return false
	}
	at.forget(owner, key)
	s.sweep(name, at)
	t.emit(name, appendDiff(nil, nil, []change{{key, e}}))
	return true
}

// Leave takes owner away from all its keys of a topic, in one diff.
func (t *Table) Leave(name string, owner Owner) {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.topics[name]
	if at == nil {
		return
	}
	var leaves []change
	for _, key := range at.owners[owner] {
		if e, ok := at.remove(key, owner); ok {
			leaves = append(leaves, change{key, e})
		}
	}
	delete(at.owners, owner)
	s.sweep(name, at)
	if len(leaves) > 0 {
		t.emit(name, appendDiff(nil, nil, leaves))
	}
}

// Meta gives the meta that owner has under key, as a JSON object without its refs.
func (t *Table) Meta(name, key string, owner Owner) ([]byte, bool) {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.topics[name]; at != nil {
		if i := at.find(key, owner); i >= 0 {
			return slices.Concat([]byte{'{'}, at.keys[key][i].body, []byte{'}'}), true
		}
	}
	return nil, false
}

// State gives the payload of a `presence_state`: {} for a topic where nobody is.
func (t *Table) State(name string) []byte {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	return appendState(nil, s.topics[name])
}

// Count counts the keys that are present in a topic, each once.
func (t *Table) Count(name string) int {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.topics[name]; at != nil {
		return len(at.keys)
	}
	return 0
}

func (at *topic) find(key string, owner Owner) int {
	return slices.IndexFunc(at.keys[key], func(e entry) bool { return e.owner == owner })
}

func (at *topic) remove(key string, owner Owner) (entry, bool) {
	i := at.find(key, owner)
	if i < 0 {
		return entry{}, false
	}
	e := at.keys[key][i]
	if rest := slices.Delete(at.keys[key], i, i+1); len(rest) > 0 {
		at.keys[key] = rest
	} else {
		delete(at.keys, key)
	}
	return e, true
}

func (at *topic) forget(owner Owner, key string) {
	keys := slices.DeleteFunc(at.owners[owner], func(k string) bool { return k == key })
	if len(keys) > 0 {
		at.owners[owner] = keys
	} else {
		delete(at.owners, owner)
	}
}

func (s *shard) sweep(name string, at *topic) {
	if len(at.keys) == 0 {
		delete(s.topics, name)
	}
}
