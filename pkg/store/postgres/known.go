package postgres

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/lru"
)

const (
	// knownMax bounds the statements of which the store remembers what they take.
	knownMax = 4 * store.PreparedMax
	// slowTime is how long a statement that said it was quick, and was not, goes without
	// the company of others.
	slowTime = 10 * time.Second
)

// known is what all connections share about a statement that says it is quick: values can
// be written before there is a connection.
type known struct {
	params []kind
	slow   atomic.Int64 // unix nanoseconds until which it goes alone
	lazy   atomic.Bool  // its last run by itself took too long for others to wait behind it
}

// alone tells that the statement was slow when it ran by itself last, or held up others a
// short while ago.
func (k *known) alone() bool {
	until := k.slow.Load()
	return k.lazy.Load() || until != 0 && time.Now().UnixNano() < until
}

func (k *known) wasSlow() { k.slow.Store(time.Now().Add(slowTime).UnixNano()) }

// knowledge is the known statements, those used last.
type knowledge struct {
	mu    sync.Mutex
	cache *lru.Cache[*store.Statement, *known]
}

func newKnowledge() *knowledge {
	return &knowledge{cache: lru.New[*store.Statement](knownMax, func(*known) {})}
}

// of finds what is known, nil for nothing.
func (k *knowledge) of(st *store.Statement) *known {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, _ := k.cache.Get(st)
	return found
}

// took remembers how long a quick statement took by itself.
func (k *knowledge) took(st *store.Statement, long time.Duration) {
	if !st.Quick {
		return
	}
	if found := k.of(st); found != nil {
		found.lazy.Store(long > stuckAfter)
	}
}

// learn remembers what a connection was told when it prepared st. How slow it was stays.
func (k *knowledge) learn(st *store.Statement, params []kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	learned := &known{params: params}
	if before, ok := k.cache.Get(st); ok {
		learned.slow.Store(before.slow.Load())
		learned.lazy.Store(before.lazy.Load())
		k.cache.Drop(st)
	}
	k.cache.Put(st, learned)
}
