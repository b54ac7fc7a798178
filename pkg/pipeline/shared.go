package pipeline

import (
	"fmt"
	"sync"
)

// Shared holds what is expensive and outlives a reload: pools, transports, counters. Each
// thing is kept under its canonical settings, so that an application whose settings did
// not change finds the one that is open. It is closed when the last lease lets go.
type Shared struct {
	mu      sync.Mutex
	entries map[string]*shared
}

type shared struct {
	value any
	close func()
	refs  int
}

// Lease starts the use of shared things by one application.
func (s *Shared) Lease() *Lease { return &Lease{shared: s, held: map[string]*shared{}} }

// A Lease is one application's hold on shared things.
type Lease struct {
	shared *Shared
	held   map[string]*shared
}

// Get gives the thing kept under key, making it if there is none yet. close, which may be
// nil, ends it.
func Get[T any](l *Lease, key string, make func() (v T, close func(), err error)) (T, error) {
	l.shared.mu.Lock()
	defer l.shared.mu.Unlock()
	if e := l.held[key]; e != nil {
		return as[T](e.value, key)
	}
	e := l.shared.entries[key]
	if e == nil {
		v, closer, err := make()
		if err != nil {
			var none T
			return none, err
		}
		e = &shared{value: v, close: closer}
		if l.shared.entries == nil {
			l.shared.entries = map[string]*shared{}
		}
		l.shared.entries[key] = e
	}
	e.refs++
	l.held[key] = e
	return as[T](e.value, key)
}

func as[T any](v any, key string) (T, error) {
	t, ok := v.(T)
	if !ok {
		return t, fmt.Errorf("shared %s holds a %T", key, v)
	}
	return t, nil
}

// Release lets go of everything; what no other lease holds is closed.
func (l *Lease) Release() {
	l.shared.mu.Lock()
	var closers []func()
	for key, e := range l.held {
		if e.refs--; e.refs == 0 {
			delete(l.shared.entries, key)
			if e.close != nil {
				closers = append(closers, e.close)
			}
		}
	}
	l.held = map[string]*shared{}
	l.shared.mu.Unlock()
	for _, f := range closers {
		f()
	}
}

// Len counts what is open.
func (s *Shared) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}
