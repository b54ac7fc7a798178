package lru_test

import (
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/store/internal/lru"
)

func TestCache(t *testing.T) {
	var dropped []int
	c := lru.New[string](2, func(v int) { dropped = append(dropped, v) })
	c.Put("a", 1)
	c.Put("b", 2)
	if v, ok := c.Get("a"); v != 1 || !ok {
		t.Errorf("a is %d, %v", v, ok)
	}
	c.Put("c", 3)
	if _, ok := c.Get("b"); ok || !slices.Equal(dropped, []int{2}) {
		t.Errorf("b was used longest ago and is there: %v; dropped %v", ok, dropped)
	}
	c.Drop("a")
	c.Drop("a")
	c.DropOldest()
	c.DropOldest()
	if c.Len() != 0 || !slices.Equal(dropped, []int{2, 1, 3}) {
		t.Errorf("%d left, dropped %v", c.Len(), dropped)
	}
}
