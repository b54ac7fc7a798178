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
}

// alone tells that the statement was slow a short while ago.
func (k *known) alone() bool {
	until := k.slow.Load()
	return until != 0 && time.Now().UnixNano() < until
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

// learn remembers what a connection was told when it prepared st.
func (k *knowledge) learn(st *store.Statement, params []kind) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cache.Drop(st)
	k.cache.Put(st, &known{params: params})
}
