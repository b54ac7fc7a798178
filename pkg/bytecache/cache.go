// Package bytecache keeps values in memory up to a number of bytes. Reading takes no lock.
package bytecache

import (
	"sync"
	"sync/atomic"
)

// overhead is what an entry costs beside its key and value, roughly.
const overhead = 200

// A Cache keeps values by key. What was not read for longest makes room, roughly: the
// CLOCK algorithm. Safe for concurrent use.
type Cache[V any] struct {
	max   int64
	byKey sync.Map // string to *entry[V]

	mu   sync.Mutex // held to write
	ring []*entry[V]
	hand int
	size int64
}

type entry[V any] struct {
	key   string
	value V
	size  int64
	place int // in ring
	used  atomic.Bool
}

// New makes a cache for at most max bytes.
func New[V any](max int64) *Cache[V] { return &Cache[V]{max: max} }

// Get finds a value.
func (c *Cache[V]) Get(key string) (v V, ok bool) {
	found, ok := c.byKey.Load(key)
	if !ok {
		return v, false
	}
	e := found.(*entry[V])
	if !e.used.Load() { // a write for each read would have processors fight for the line
		e.used.Store(true)
	}
	return e.value, true
}

// Put keeps a value of size bytes in place of any other under its key. One that is larger
// than the whole cache is not kept.
func (c *Cache[V]) Put(key string, v V, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delete(key)
	size += int64(len(key)) + overhead
	if size > c.max {
		return
	}
	for c.size+size > c.max {
		c.evict()
	}
	e := &entry[V]{key: key, value: v, size: size, place: len(c.ring)}
	c.ring = append(c.ring, e)
	c.size += size
	c.byKey.Store(key, e)
}

// Delete forgets a value.
func (c *Cache[V]) Delete(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.delete(key)
}

// Clear forgets everything.
func (c *Cache[V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byKey.Clear()
	c.ring, c.hand, c.size = nil, 0, 0
}

// Len counts the values.
func (c *Cache[V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ring)
}

// Size is how many bytes are kept, with what each entry costs.
func (c *Cache[V]) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// evict drops the next entry that was not read since the hand passed it.
func (c *Cache[V]) evict() {
	for {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		e := c.ring[c.hand]
		if !e.used.Swap(false) {
			c.remove(e)
			return
		}
		c.hand++
	}
}

func (c *Cache[V]) delete(key string) {
	if found, ok := c.byKey.Load(key); ok {
		c.remove(found.(*entry[V]))
	}
}

// remove fills the hole with the last entry of the ring.
func (c *Cache[V]) remove(e *entry[V]) {
	last := len(c.ring) - 1
	moved := c.ring[last]
	c.ring[e.place], moved.place = moved, e.place
	c.ring[last] = nil
	c.ring = c.ring[:last]
	c.size -= e.size
	c.byKey.Delete(e.key)
}
