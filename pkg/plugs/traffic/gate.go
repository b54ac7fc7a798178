package traffic

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A gate lets a number of requests in at a time, for each key, and others wait their turn.
// It holds nothing for a key that nobody uses, so it is never larger than the requests
// under way. The bounds come with each request: a gate outlives a reload that changes them.
type gate struct {
	mu   sync.Mutex
	keys map[string]*lane
}

// A lane is what one key has under way.
type lane struct {
	inside  int
	waiting list.List // of *turn, the longest waiting first
}

type turn struct {
	max     int
	granted chan struct{}
	taken   bool // under the gate's lock: the place is this one's
}

// bounds say how many may be inside, and how many may wait for how long.
type bounds struct {
	max, queue int
	wait       time.Duration
}

func newGate() *gate { return &gate{keys: map[string]*lane{}} }

// enter takes a place, waiting for one where the queue has room. It is false where there is
// none in time, or when ctx ends first.
func (g *gate) enter(ctx context.Context, key string, b bounds) bool {
	g.mu.Lock()
	l := g.keys[key]
	if l == nil {
		l = &lane{}
		g.keys[key] = l
	}
	if l.inside < b.max && l.waiting.Len() == 0 {
		l.inside++
		g.mu.Unlock()
		return true
	}
	if l.waiting.Len() >= b.queue || ctx.Err() != nil {
		g.drop(key, l)
		g.mu.Unlock()
		return false
	}
	t := &turn{max: b.max, granted: make(chan struct{})}
	place := l.waiting.PushBack(t)
	g.mu.Unlock()
	return g.await(ctx, key, l, place, b.wait)
}

func (g *gate) await(ctx context.Context, key string, l *lane, place *list.Element, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	t := place.Value.(*turn)
	select {
	case <-t.granted:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.taken {
		if ctx.Err() == nil {
			return true // it came in the same moment
		}
		g.leaveLane(key, l)
		return false
	}
	l.waiting.Remove(place)
	// Who stood behind may have smaller needs: a reload has given them other bounds.
	g.admit(key, l)
	return false
}

// leave gives a place back, to the one that has waited longest.
func (g *gate) leave(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.keys[key]; l != nil {
		g.leaveLane(key, l)
	}
}

func (g *gate) leaveLane(key string, l *lane) {
	l.inside--
	g.admit(key, l)
}

func (g *gate) admit(key string, l *lane) {
	for first := l.waiting.Front(); first != nil; first = l.waiting.Front() {
		t := first.Value.(*turn)
		if l.inside >= t.max {
			break
		}
		l.waiting.Remove(first)
		l.inside++
		t.taken = true
		close(t.granted)
	}
	g.drop(key, l)
}

// drop forgets a key that nobody uses.
func (g *gate) drop(key string, l *lane) {
	if l.inside == 0 && l.waiting.Len() == 0 {
		delete(g.keys, key)
	}
}
