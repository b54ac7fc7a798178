package tlscert

import (
	"context"
	"errors"
	"sync"

	"github.com/caddyserver/certmagic"
)

var errClosed = errors.New("the storage of certificates is closed")

// storage keeps certificates in a folder until it is closed. Work that the library has
// begun by then may go on for a while: what it would still write is refused.
type storage struct {
	certmagic.Storage

	mu     sync.RWMutex // held for writing to close
	closed bool
}

func (s *storage) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// Store implements certmagic.Storage.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	return s.write(func() error { return s.Storage.Store(ctx, key, value) })
}

// Lock implements certmagic.Locker. Who waits for one is told to stop before closing.
func (s *storage) Lock(ctx context.Context, name string) error {
	return s.write(func() error { return s.Storage.Lock(ctx, name) })
}

func (s *storage) write(do func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	return do()
}
