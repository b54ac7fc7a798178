package app

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// A follower is what one App does with what a store's database notifies.
type follower struct {
	channels []string // sorted
	told     func(channel, payload string)
	missed   func() // the connection was lost and is there again
}

// A listening is the one connection over which a store's database tells of events. It
// outlives a reload: the App that followed last is told.
type listening struct {
	from    store.Listener
	current atomic.Pointer[follower]

	mu        sync.Mutex // guards what follows
	followers []*follower
	open      store.Listening // nil: nobody listens
}

// listen has f told from when the App opens until it closes.
func listen(env *pipeline.Env, st *pipeline.Store, f *follower) {
	env.OnOpen(func(l *pipeline.Lease) error {
		from, ok := st.Store.(store.Listener)
		if !ok {
			return nil
		}
		shared, err := pipeline.Get(l, fmt.Sprintf("listening|%p", st.Store), func() (*listening, func(), error) {
			return &listening{from: from}, nil, nil // it stops with its last follower
		})
		if err != nil {
			return err
		}
		_, err = pipeline.Get(l, fmt.Sprintf("follower|%p", f), func() (bool, func(), error) {
			shared.follow(f)
			return true, func() { shared.unfollow(f) }, nil
		})
		return err
	})
}

func (l *listening) follow(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers = append(l.followers, f)
	l.adjust()
}

func (l *listening) unfollow(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers = slices.DeleteFunc(l.followers, func(other *follower) bool { return other == f })
	l.adjust()
}

// adjust lets the last follower be told, over a connection that listens to its channels. The
// caller holds the lock.
func (l *listening) adjust() {
	if len(l.followers) == 0 {
		l.current.Store(nil)
		l.open.Close()
		l.open = nil
		return
	}
	last := l.followers[len(l.followers)-1]
	l.current.Store(last)
	if l.open == nil {
		l.open = l.from.Listen(l.told, l.missed)
	}
	l.open.On(last.channels)
}

func (l *listening) told(channel, payload string) {
	if f := l.current.Load(); f != nil {
		f.told(channel, payload)
	}
}

func (l *listening) missed() {
	if f := l.current.Load(); f != nil {
		f.missed()
	}
}
