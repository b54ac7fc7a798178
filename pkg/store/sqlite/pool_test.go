package sqlite

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// lent is a pool of one connection, which is lent.
func lent(t *testing.T) (*pool, *conn) {
	t.Helper()
	p := newPool(store.Options{Pool: 1, Wait: time.Second}, func() (*conn, error) { return &conn{}, nil })
	c, err := p.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p, c
}

// asks is what acquire gives to another goroutine.
func asks(ctx context.Context, p *pool) (<-chan *conn, <-chan error) {
	got, failed := make(chan *conn, 1), make(chan error, 1)
	go func() {
		c, err := p.acquire(ctx)
		got <- c
		failed <- err
	}()
	synctest.Wait()
	return got, failed
}

// TestWhoWaitsLong gets the connection, whoever comes just then; who has waited short does
// not hold it up.
func TestWhoWaitsLong(t *testing.T) {
	for _, tt := range []struct {
		waited time.Duration
		pass   bool
	}{{patience / 2, true}, {2 * patience, false}} {
		synctest.Test(t, func(t *testing.T) {
			p, c := lent(t)
			got, _ := asks(t.Context(), p)
			<-time.After(tt.waited)
			p.release(c)
			p.mu.Lock()
			next, ok, err := p.take()
			p.mu.Unlock()
			if ok != tt.pass || err != nil {
				t.Errorf("after %s another one gets it: %v, %v, want %v", tt.waited, ok, err, tt.pass)
			}
			if ok {
				p.release(next)
			}
			if <-got != c {
				t.Errorf("after %s the one who waited gets another connection", tt.waited)
			}
			p.release(c)
			if p.lent != 0 || len(p.idle) != 1 || len(p.waiters) != 0 {
				t.Errorf("after all: %d lent, %d idle, %d wait", p.lent, len(p.idle), len(p.waiters))
			}
		})
	}
}

// TestWhoGivesUp leaves the connection to the next.
func TestWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := lent(t)
		ctx, leave := context.WithCancel(t.Context())
		_, left := asks(ctx, p)
		_, late := asks(t.Context(), p)
		<-time.After(time.Second / 2)
		got, _ := asks(t.Context(), p)
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who leaves: %v", err)
		}
		if err := <-late; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits too long: %v", err)
		}
		p.release(c)
		if <-got != c {
			t.Error("the next gets another connection")
		}
	})
}

// TestCloseWhileWaiting tells those who wait.
func TestCloseWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := lent(t)
		_, first := asks(t.Context(), p)
		_, second := asks(t.Context(), p)
		p.close()
		for _, failed := range []<-chan error{first, second} {
			var unavailable *store.Unavailable
			if err := <-failed; !errors.As(err, &unavailable) || unavailable.Err != nil {
				t.Errorf("who waits when it is closed: %v", err)
			}
		}
	})
}

// TestOpenFails gives its place back.
func TestOpenFails(t *testing.T) {
	broken := errors.New("no such file")
	p := newPool(store.Options{Pool: 1, Wait: time.Second}, func() (*conn, error) { return nil, broken })
	for range 2 {
		if _, err := p.acquire(t.Context()); !errors.Is(err, broken) {
			t.Errorf("%v, want %v", err, broken)
		}
	}
}
