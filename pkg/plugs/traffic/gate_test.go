package traffic

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// try is one request at the gate: it enters or gives up, and says after how long.
type try struct {
	ok    bool
	after time.Duration
}

func attempt(ctx context.Context, g *gate, key string, b bounds) <-chan try {
	out, start := make(chan try, 1), time.Now()
	go func() { out <- try{g.enter(ctx, key, b), time.Since(start)} }()
	synctest.Wait()
	return out
}

// pass lets the time of the bubble go on.
func pass(d time.Duration) { <-time.After(d) }

func want(t *testing.T, name string, got <-chan try, ok bool, after time.Duration) {
	t.Helper()
	synctest.Wait()
	select {
	case x := <-got:
		if x != (try{ok, after}) {
			t.Errorf("%s: %+v, want %v after %s", name, x, ok, after)
		}
	default:
		t.Errorf("%s: is still waiting, want %v after %s", name, ok, after)
	}
}

func waiting(t *testing.T, name string, got <-chan try) {
	t.Helper()
	synctest.Wait()
	select {
	case x := <-got:
		t.Errorf("%s: %+v, want it to wait", name, x)
	default:
	}
}

func TestGateGivesPlacesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := newGate(), bounds{2, 2, time.Second}
		a, c := attempt(t.Context(), g, "", b), attempt(t.Context(), g, "", b)
		want(t, "the first", a, true, 0)
		want(t, "the second", c, true, 0)
		d, e := attempt(t.Context(), g, "", b), attempt(t.Context(), g, "", b)
		waiting(t, "the third", d)
		want(t, "with a full queue", attempt(t.Context(), g, "", b), false, 0)
		pass(300 * time.Millisecond)
		g.leave("")
		want(t, "the third", d, true, 300*time.Millisecond)
		waiting(t, "the fourth", e)
		f := attempt(t.Context(), g, "", b) // there is room in the queue again
		pass(300 * time.Millisecond)
		g.leave("")
		want(t, "the fourth", e, true, 600*time.Millisecond)
		waiting(t, "the fifth", f)
		pass(700 * time.Millisecond)
		want(t, "the fifth", f, false, time.Second)
		g.leave("")
		g.leave("")
		if len(g.keys) != 0 {
			t.Errorf("%d keys are held though nobody is inside", len(g.keys))
		}
	})
}

func TestGateForgetsThoseWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := newGate(), bounds{1, 5, time.Second}
		want(t, "the first", attempt(t.Context(), g, "", b), true, 0)
		ctx, cancel := context.WithCancel(t.Context())
		gone, next := attempt(ctx, g, "", b), attempt(t.Context(), g, "", b)
		cancel()
		want(t, "the one that left", gone, false, 0)
		want(t, "one that had left before", attempt(ctx, g, "", b), false, 0)
		g.leave("")
		want(t, "the next", next, true, 0)
		g.leave("")
		want(t, "a place that is free", attempt(t.Context(), g, "", b), true, 0)
	})
}

func TestGateKeysAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := newGate(), bounds{1, 0, 0}
		want(t, "a", attempt(t.Context(), g, "a", b), true, 0)
		want(t, "a again", attempt(t.Context(), g, "a", b), false, 0)
		want(t, "b", attempt(t.Context(), g, "b", b), true, 0)
		g.leave("a")
		want(t, "a, free again", attempt(t.Context(), g, "a", b), true, 0)
		g.leave("a")
		g.leave("b")
		g.leave("never entered")
		if len(g.keys) != 0 {
			t.Errorf("%d keys are held", len(g.keys))
		}
	})
}

// A reload may change the bounds while requests of the old ones are inside.
func TestGateWithOtherBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, wide, narrow := newGate(), bounds{3, 5, time.Second}, bounds{1, 5, time.Second}
		for range 3 {
			want(t, "under the old bounds", attempt(t.Context(), g, "", wide), true, 0)
		}
		next := attempt(t.Context(), g, "", narrow)
		g.leave("")
		g.leave("")
		waiting(t, "with one still inside", next)
		g.leave("")
		want(t, "with nobody inside", next, true, 0)
		blocked, behind := attempt(t.Context(), g, "", bounds{1, 5, 100 * time.Millisecond}), attempt(t.Context(), g, "", wide)
		pass(100 * time.Millisecond)
		want(t, "the one with one place", blocked, false, 100*time.Millisecond)
		want(t, "the one behind it, for whom there are three", behind, true, 100*time.Millisecond)
	})
}

// TestGateUnderLoad has many come, wait, give up and leave at once, with and without the
// race detector.
func TestGateUnderLoad(t *testing.T) {
	for _, b := range []bounds{{1, 0, 0}, {3, 2, time.Microsecond}, {4, 64, time.Second}, {7, 1000, 50 * time.Microsecond}} {
		t.Run(fmt.Sprint(b), func(t *testing.T) {
			var mu sync.Mutex
			inside, most, entered := map[string]int{}, 0, 0
			var group sync.WaitGroup
			g := newGate()
			for i := range 16 {
				group.Go(func() {
					key := string(rune('a' + i%2))
					for n := range 200 {
						ctx, cancel := context.WithCancel(t.Context())
						if n%7 == 0 {
							go cancel()
						}
						if g.enter(ctx, key, b) {
							mu.Lock()
							inside[key]++
							entered++
							most = max(most, inside[key])
							mu.Unlock()
							mu.Lock()
							inside[key]--
							mu.Unlock()
							g.leave(key)
						}
						cancel()
					}
				})
			}
			group.Wait()
			if most > b.max || entered == 0 {
				t.Errorf("%d inside at once of %d allowed, %d entered", most, b.max, entered)
			}
			if len(g.keys) != 0 {
				t.Errorf("%d keys are held though all have left", len(g.keys))
			}
		})
	}
}

// In order: who came first enters first.
func TestGateIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, b := newGate(), bounds{1, 50, time.Minute}
		g.enter(t.Context(), "", b)
		var mu sync.Mutex
		var order []int
		for i := range 50 {
			go func() {
				if g.enter(t.Context(), "", b) {
					mu.Lock()
					order = append(order, i)
					mu.Unlock()
					g.leave("")
				}
			}()
			synctest.Wait()
		}
		g.leave("")
		synctest.Wait()
		if len(order) != 50 || !slices.IsSorted(order) {
			t.Errorf("they entered in the order %v", order)
		}
	})
}

func BenchmarkGate(b *testing.B) {
	g, bounds := newGate(), bounds{100, 50, time.Second}
	b.ReportAllocs()
	for b.Loop() {
		g.enter(b.Context(), "10.0.0.1", bounds)
		g.leave("10.0.0.1")
	}
}
