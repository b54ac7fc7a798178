package httpcache

import (
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/openmanifest/gateway/pkg/bytecache"
)

// maxVariants bounds how many answers are kept under one key, told apart by Vary.
const maxVariants = 32

// uncacheableFor is how long it is remembered that a key has no answer to keep, so that
// requests for it do not wait for one another.
const uncacheableFor = 10 * time.Second

// A Cache holds answers by key. Safe for concurrent use.
type Cache struct {
	kept *bytecache.Cache[[]*Entry]

	mu      sync.Mutex // held to change what is kept or under way
	flights map[string]*Flight
	changes [256]uint64 // counts what Invalidate was told, by a hash of the key
	seed    maphash.Seed
}

// New makes a cache for at most max bytes.
func New(max int64) *Cache {
	return &Cache{kept: bytecache.New[[]*Entry](max), flights: map[string]*Flight{}, seed: maphash.MakeSeed()}
}

// Lookup finds the answer for a request. It may be of any State. by is the fingerprint of
// the route: what the route made before it was edited is none of its answers.
func (c *Cache) Lookup(key string, by uint64, r *http.Request, o *Options) *Entry {
	variants, _ := c.kept.Get(key)
	for _, e := range variants {
		if !e.uncacheable && e.made == by && (o.Covered || e.openTo(r)) && e.matches(r) {
			return e
		}
	}
	return nil
}

// Uncacheable tells a key that had no answer to keep a moment ago.
func (c *Cache) Uncacheable(key string, now time.Time) bool {
	variants, _ := c.kept.Get(key)
	for _, e := range variants {
		if e.uncacheable && e.Age(now) < e.fresh {
			return true
		}
	}
	return false
}

// Store keeps an answer in place of the one that answers the same requests.
func (c *Cache) Store(key string, r *http.Request, e *Entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, _ := c.kept.Get(key)
	next := make([]*Entry, 1, len(before)+1)
	next[0] = e
	total := e.size()
	for _, other := range before {
		if !other.uncacheable && other.made == e.made && !other.matches(r) && len(next) < maxVariants {
			next = append(next, other)
			total += other.size()
		}
	}
	c.kept.Put(key, next, total)
}

// noteUncacheable remembers that there is nothing to keep under a key.
func (c *Cache) noteUncacheable(key string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, kept := c.kept.Get(key); kept {
		return // it has answers for other requests
	}
	note := &Entry{uncacheable: true, born: now, fresh: uncacheableFor}
	c.kept.Put(key, []*Entry{note}, note.size())
}

// Invalidate forgets what is kept under a key: a request changed it (section 4.4).
func (c *Cache) Invalidate(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Delete(key)
	delete(c.flights, key) // an answer that is under way may be older than the change
	c.changes[c.place(key)]++
}

func (c *Cache) place(key string) uint8 { return uint8(maphash.String(c.seed, key)) }

// changed counts the changes of a key; of a few others too, which costs no more than an
// answer that is not kept.
func (c *Cache) changed(key string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes[c.place(key)]
}

// Clear forgets everything.
func (c *Cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept.Clear()
	clear(c.flights)
}

// Len counts the keys, and Size the bytes that are kept.
func (c *Cache) Len() int { return c.kept.Len() }

// Size is how many bytes are kept.
func (c *Cache) Size() int64 { return c.kept.Size() }

// A Flight is one request that fetches an answer for all that ask for the same meanwhile.
type Flight struct {
	cache *Cache
	key   string
	done  chan struct{}
	once  sync.Once
}

// Begin starts a flight, or finds the one under way: then leading is false.
func (c *Cache) Begin(key string) (f *Flight, leading bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.flights[key]; f != nil {
		return f, false
	}
	f = &Flight{cache: c, key: key, done: make(chan struct{})}
	c.flights[key] = f
	return f, true
}

// Done is closed when the flight has landed.
func (f *Flight) Done() <-chan struct{} { return f.done }

// Land ends the flight; those that wait go on. It may be called again.
func (f *Flight) Land() {
	f.once.Do(func() {
		f.cache.mu.Lock()
		if f.cache.flights[f.key] == f {
			delete(f.cache.flights, f.key)
		}
		f.cache.mu.Unlock()
		close(f.done)
	})
}

// current tells whether nothing was invalidated since the flight began.
func (f *Flight) current() bool {
	f.cache.mu.Lock()
	defer f.cache.mu.Unlock()
	return f.cache.flights[f.key] == f
}
