// Package presence knows who is where: for each topic the keys that are present and,
// for each key, one meta per membership that tracks it. It holds data and makes the
// messages of Phoenix.Presence; it knows no sockets. A Table holds what is present, of this
// process and of others; a Cluster tells other nodes about the one and learns the other.
package presence

import (
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// What Track and Update refuse.
var (
	ErrTracked    = errors.New("this membership already tracks this key")
	ErrNotTracked = errors.New("this membership does not track this key")
	ErrEnded      = errors.New("the membership has ended")
	ErrMeta       = errors.New("a presence meta must be a JSON object of at most 64 KiB")
)

// An Owner is who tracks: one membership of one topic. Owners are compared with ==.
type Owner interface {
	// Ended is asked under the table's lock. Once true it stays true, and a call of Leave
	// follows or has happened, so that no entry outlives its owner.
	Ended() bool
}

// DefaultWindow is long enough that a crowd which joins in a third of a second makes a
// dozen diffs, and too short to be noticed.
const DefaultWindow = 25 * time.Millisecond

// Options are what a Table needs from outside.
type Options struct {
	Refs *Refs
	// Emit is called with the payload of a `presence_diff`, under the lock of the topic, so
	// that diffs leave in the order in which they happened. It must not block and must not
	// call the table. The payload is the callee's to keep.
	Emit func(topic string, diff []byte)
	// Window is how long changes of a topic are collected before they are emitted as one
	// diff. 0 emits each change at once, as Phoenix does.
	Window time.Duration
}

// shards keeps topics from waiting for each other. A power of two.
const shards = 256

// A Table holds the presences that this process knows of. Safe for use by many goroutines.
type Table struct {
	refs   *Refs
	emit   func(topic string, diff []byte)
	window atomic.Int64 // a time.Duration
	seed   maphash.Seed
	shards [shards]shard

	timer    *time.Timer
	armed    atomic.Bool // the timer runs, or the flush that it began has not looked yet
	flushing sync.Mutex
	closed   atomic.Bool
	cluster  atomic.Pointer[Cluster] // nil: there are no other nodes
}

type shard struct {
	mu            sync.Mutex
	topics        map[string]*topic
	changed       []*topic // those with something to tell
	local, remote int      // entries
}

// NewTable makes an empty table.
func NewTable(o Options) *Table {
	t := &Table{refs: o.Refs, emit: o.Emit, seed: maphash.MakeSeed()}
	t.SetWindow(o.Window)
	for i := range t.shards {
		t.shards[i].topics = map[string]*topic{}
	}
	t.timer = time.AfterFunc(time.Hour, t.flush)
	t.timer.Stop()
	return t
}

// SetWindow changes Options.Window for what comes.
func (t *Table) SetWindow(d time.Duration) { t.window.Store(int64(d)) }

func (t *Table) shard(name string) *shard {
	return &t.shards[maphash.String(t.seed, name)&(shards-1)]
}

// unlock ends a change. Without a window the other nodes are told at once as well.
func (t *Table) unlock(s *shard) {
	s.mu.Unlock()
	if t.window.Load() == 0 {
		t.publish()
	}
}

// Track enters owner under key. meta is a JSON object; members called phx_ref and
// phx_ref_prev are dropped. seen gets the payload of a `presence_state` that holds the new
// entry and all that is pending; every diff that is emitted later comes after it. It must
// not block.
func (t *Table) Track(name, key string, owner Owner, meta []byte, seen func(state []byte)) error {
	key = jsonKey(key)
	body, err := metaBody(name, key, meta)
	if err != nil {
		return err
	}
	s := t.shard(name)
	s.mu.Lock()
	defer t.unlock(s)
	if owner.Ended() || t.closed.Load() {
		return ErrEnded
	}
	at := s.open(name)
	if at.find(key, owner) != nil {
		return ErrTracked
	}
	at.insert(key, newEntry(owner, t.refs.Next(), "", body))
	t.noted(s, at)
	if seen != nil {
		at.shownTo(owner)
		seen(at.state())
	}
	return nil
}

// Update replaces the meta that owner has under key. One diff carries the new meta in
// joins and the old one in leaves, as Phoenix does.
func (t *Table) Update(name, key string, owner Owner, meta []byte) error {
	key = jsonKey(key)
	body, err := metaBody(name, key, meta)
	if err != nil {
		return err
	}
	s := t.shard(name)
	s.mu.Lock()
	defer t.unlock(s)
	at := s.topics[name]
	old := at.find(key, owner)
	if old == nil {
		return ErrNotTracked
	}
	t.replace(at, old, t.refs.Next(), body)
	t.noted(s, at)
	return nil
}

// Untrack takes owner away from key. It tells whether there was something to take.
func (t *Table) Untrack(name, key string, owner Owner) bool {
	s := t.shard(name)
	s.mu.Lock()
	defer t.unlock(s)
	at := s.topics[name]
	e := at.find(jsonKey(key), owner)
	if e == nil {
		return false
	}
	t.remove(at, e)
	t.noted(s, at)
	return true
}

// Leave takes owner away from all its keys of a topic, in one diff.
func (t *Table) Leave(name string, owner Owner) {
	s := t.shard(name)
	s.mu.Lock()
	defer t.unlock(s)
	at := s.topics[name]
	if at == nil || at.owners[owner] == nil {
		return
	}
	for e := at.owners[owner]; e != nil; {
		next := e.sibling
		t.remove(at, e)
		e = next
	}
	t.noted(s, at)
}

// Meta gives the meta that owner has under key, as a JSON object without its refs.
func (t *Table) Meta(name, key string, owner Owner) ([]byte, bool) {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.topics[name].find(jsonKey(key), owner)
	if e == nil {
		return nil, false
	}
	return []byte("{" + e.body() + "}"), true
}

// State gives the payload of a `presence_state`: {} for a topic where nobody is.
func (t *Table) State(name string) []byte {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.topics[name]
	if at == nil {
		return []byte("{}")
	}
	at.shownTo(nil)
	return at.state()
}

// Count counts the keys that are present in a topic on all nodes, each once.
func (t *Table) Count(name string) int {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.topics[name]; at != nil {
		return len(at.here)
	}
	return 0
}

// Keys gives the keys that are present in a topic on all nodes, each once, in no order.
func (t *Table) Keys(name string) []string {
	s := t.shard(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.topics[name]
	if at == nil {
		return nil
	}
	keys := make([]string, len(at.here))
	for i, p := range at.here {
		keys[i] = p.key
	}
	return keys
}

// A Size counts what a table holds: entries of this node's members and of other nodes', and
// topics. A topic that was emptied counts until its last diff was emitted.
type Size struct{ Local, Remote, Topics int }

// Len counts what the table holds.
func (t *Table) Len() Size {
	var n Size
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n.Local += s.local
		n.Remote += s.remote
		n.Topics += len(s.topics)
		s.mu.Unlock()
	}
	return n
}

func (s *shard) open(name string) *topic {
	at := s.topics[name]
	if at == nil {
		at = &topic{name: name, home: s, keys: map[string]*present{}}
		s.topics[name] = at
	}
	return at
}

// sweep forgets a topic where nothing is and nothing is left to tell.
func (s *shard) sweep(at *topic) {
	if len(at.keys) == 0 {
		delete(s.topics, at.name)
	}
}

// replace puts a new meta in the place of an entry.
func (t *Table) replace(at *topic, old *entry, ref, body string) *entry {
	t.settle(at, old)
	e := newEntry(old.owner, ref, at.refTold(old), body)
	at.replace(old, e)
	return e
}

func (t *Table) remove(at *topic, e *entry) {
	t.settle(at, e)
	at.remove(e)
}

// settle tells what is pending when one more diff would be needed for the end of e, and the
// window has as many already as it may.
func (t *Table) settle(at *topic, e *entry) {
	if e.fresh && e.step+1 >= maxSteps && at.wasShown(e) {
		t.tell(at)
	}
}
