package app

import (
	"context"
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
// outlives a reload: the App that followed last is told, and the connection is made anew
// only where that one listens to other channels.
type listening struct {
	from    store.Listener
	current atomic.Pointer[follower]

	mu        sync.Mutex // guards what follows
	followers []*follower
	channels  []string
	stop      func() // ends the connection's goroutine and waits for it; nil: there is none
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
	var last *follower
	var channels []string
	if n := len(l.followers); n > 0 {
		last = l.followers[n-1]
		channels = last.channels
	}
	l.current.Store(last)
	if slices.Equal(channels, l.channels) {
		return
	}
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
	if l.channels = channels; len(channels) > 0 {
		l.start()
	}
}

func (l *listening) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done, channels := make(chan struct{}), l.channels
	go func() {
		defer close(done)
		l.from.Listen(ctx, channels, l.told, l.missed)
	}()
	l.stop = func() { cancel(); <-done }
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
