package observe

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestParts(t *testing.T) {
	tests := []struct {
		name string
		ask  func(context.Context) error
		want string
	}{
		{"well", func(context.Context) error { return nil }, ""},
		{"away", func(context.Context) error { return errors.New("refused") }, "refused"},
		{"slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "no answer within 2s"},
		{"one that panics", func(context.Context) error { panic("boom") }, "panic: boom"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &Health{}
				h.Add("stores", "main", tt.ask)
				h.Add("other", "x", func(context.Context) error { return nil })
				began := time.Now()
				parts := h.Parts(t.Context(), "stores")
				got := ""
				if len(parts) == 1 && parts[0].Err != nil {
					got = parts[0].Err.Error()
				}
				if got == context.DeadlineExceeded.Error() {
					got = errSlow.Error() // both ends come at the same time
				}
				if len(parts) != 1 || got != tt.want || time.Since(began) > probeDeadline {
					t.Errorf("%v after %s, want %q", parts, time.Since(began), tt.want)
				}
				synctest.Wait()
			})
		})
	}
}

func TestPartsAreAskedOnceInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		h := &Health{}
		h.Add("stores", "main", func(context.Context) error { asked.Add(1); return nil })
		for range 100 {
			go h.Parts(t.Context(), "stores")
		}
		synctest.Wait()
		if asked.Load() != 1 {
			t.Errorf("asked %d times by 100 at once, want once", asked.Load())
		}
		<-time.After(probeFresh)
		h.Parts(t.Context(), "stores")
		if asked.Load() != 2 {
			t.Errorf("asked %d times after a second, want twice", asked.Load())
		}
	})
}

// A part that does not end with its context is not asked again before it has.
func TestAPartThatHangsIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free, asked := make(chan struct{}), 0
		h := &Health{}
		h.Add("stores", "main", func(context.Context) error { asked++; <-free; return nil })
		for range 3 {
			if parts := h.Parts(t.Context(), "stores"); !errors.Is(parts[0].Err, errSlow) {
				t.Errorf("%v, want slow", parts[0].Err)
			}
		}
		close(free)
		synctest.Wait()
		if parts := h.Parts(t.Context(), "stores"); parts[0].Err != nil || asked != 1 {
			t.Errorf("%v after %d askings, want well after one", parts[0].Err, asked)
		}
	})
}
