// Package lru keeps the values used last, up to a bound.
package lru

import "container/list"

// Cache holds at most a fixed number of values. It is for one goroutine at a time.
type Cache[K comparable, V any] struct {
	max     int
	order   *list.List // of entry[K, V], the one used last in front
	byKey   map[K]*list.Element
	dropped func(V)
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// New makes a cache for max values. dropped is told each value that leaves.
func New[K comparable, V any](max int, dropped func(V)) *Cache[K, V] {
	return &Cache[K, V]{max: max, order: list.New(), byKey: make(map[K]*list.Element), dropped: dropped}
}

// Get finds a value and marks it as used.
func (c *Cache[K, V]) Get(key K) (v V, ok bool) {
	e, ok := c.byKey[key]
	if !ok {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// Put adds a value under a key that is not there; the one used longest ago makes room.
func (c *Cache[K, V]) Put(key K, v V) {
	if c.order.Len() >= c.max {
		c.DropOldest()
	}
	c.byKey[key] = c.order.PushFront(&entry[K, V]{key, v})
}

// Drop lets go of a value, if it is there.
func (c *Cache[K, V]) Drop(key K) {
	if e, ok := c.byKey[key]; ok {
		delete(c.byKey, key)
		c.dropped(c.order.Remove(e).(*entry[K, V]).value)
	}
}

// Len counts the values.
func (c *Cache[K, V]) Len() int { return c.order.Len() }

// DropOldest lets go of the value used longest ago, if there is one.
func (c *Cache[K, V]) DropOldest() {
	if e := c.order.Back(); e != nil {
		c.Drop(e.Value.(*entry[K, V]).key)
	}
}
