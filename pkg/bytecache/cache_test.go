package bytecache_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/openmanifest/gateway/pkg/bytecache"
)

func TestWhatIsKept(t *testing.T) {
	c := bytecache.New[int](1000)
	want := func(step, key string, value int, there bool) {
		t.Helper()
		if v, ok := c.Get(key); v != value || ok != there {
			t.Errorf("%s: Get(%q) = %d, %v, want %d, %v", step, key, v, ok, value, there)
		}
	}
	want("empty", "a", 0, false)
	c.Put("a", 1, 10)
	want("one", "a", 1, true)
	c.Put("a", 2, 20)
	want("in its place", "a", 2, true)
	if c.Len() != 1 {
		t.Errorf("%d entries after one was replaced", c.Len())
	}
	c.Put("large", 3, 900)
	want("larger than the cache", "large", 0, false)
	want("nothing made room for it", "a", 2, true)
	c.Put("a", 4, 900)
	want("one that grew too large is forgotten, not old", "a", 0, false)
	c.Put("b", 5, 1)
	c.Delete("b")
	c.Delete("never there")
	want("deleted", "b", 0, false)
	c.Put("c", 6, 1)
	c.Clear()
	want("cleared", "c", 0, false)
	if c.Size() != 0 || c.Len() != 0 {
		t.Errorf("an empty cache has %d bytes, %d entries", c.Size(), c.Len())
	}
}

// What is read stays while what is not read makes room.
func TestReadingKeeps(t *testing.T) {
	c := bytecache.New[int](10_000)
	c.Put("hot", 1, 100)
	for i := range 1000 {
		c.Put("cold"+strconv.Itoa(i), i, 100)
		if _, ok := c.Get("hot"); !ok {
			t.Fatalf("what is read all the time was dropped after %d others", i)
		}
		if c.Size() > 10_000 {
			t.Fatalf("%d bytes kept", c.Size())
		}
	}
	if n := c.Len(); n < 20 || n > 40 {
		t.Errorf("%d entries of 300 bytes in 10,000", n)
	}
}

func TestAtOnce(t *testing.T) {
	c := bytecache.New[string](20_000)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				key := fmt.Sprint("k", (i*7+g)%100)
				switch i % 10 {
				case 0:
					c.Put(key, key, int64(i%500))
				case 1:
					c.Delete(key)
				default:
					if v, ok := c.Get(key); ok && v != key {
						t.Errorf("%s holds %s", key, v)
					}
				}
			}
		})
	}
	all.Wait()
	if c.Size() > 20_000 || c.Size() < 0 {
		t.Errorf("%d bytes kept", c.Size())
	}
}

func BenchmarkGet(b *testing.B) {
	c := bytecache.New[int](1 << 20)
	c.Put("assets/app.js", 1, 10)
	name := []byte("/assets/app.js")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		key := string(name)
		for pb.Next() {
			if _, ok := c.Get(key[1:]); !ok {
				b.Fatal("gone")
			}
		}
	})
}
