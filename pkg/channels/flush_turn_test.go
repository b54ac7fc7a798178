package channels

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// A log notes whose writes come, in order, once the gate lets them.
type log struct {
	mu    sync.Mutex
	lines []string
	gate  func()
}

type logged struct {
	syscall.RawConn
	log  *log
	name string
}

func (l logged) Write(f func(fd uintptr) bool) error {
	l.log.gate()
	l.log.mu.Lock()
	defer l.log.mu.Unlock()
	l.log.lines = append(l.log.lines, l.name)
	return nil // as if the network took nothing
}

// waveOf makes a wave of n connections that log their writes.
func (l *log) waveOf(h *Hub, name string, n int) *wave {
	w := h.flushers.begin()
	for range n {
		s := &socket{conn: conn{hub: h, identity: &Identity{}}, raw: logged{log: l, name: name}, wire: wire{Conn: sink{new(atomic.Int64)}}}
		s.link = s
		s.mu.Lock()
		s.queueLocked([]byte{0x81, 0}, w, false)
		s.mu.Unlock()
	}
	return w
}

// A large topic does not hold up the others: each has its turns.
func TestTopicsTakeTurns(t *testing.T) {
	h := newHub(t)
	h.flushers.most = 1
	begun, gate := make(chan struct{}, 5*flushTurn), make(chan struct{})
	l := &log{gate: func() { begun <- struct{}{}; <-gate }}
	h.flushers.add(l.waveOf(h, "none", 0))
	h.flushers.add(l.waveOf(h, "first", 1))
	await.From(t, "the first is written to", begun)
	h.flushers.add(l.waveOf(h, "large", 3*flushTurn))
	h.flushers.add(l.waveOf(h, "small", 2))
	h.flushers.add(l.waveOf(h, "middle", flushTurn+1))
	close(gate)
	h.flushersEnd(t)
	var got []string
	for i := 0; i < len(l.lines); {
		n := 0
		for ; i+n < len(l.lines) && l.lines[i+n] == l.lines[i]; n++ {
		}
		got = append(got, fmt.Sprint(l.lines[i], " ", n))
		i += n
	}
	if want := []string{"first 1", "large 64", "small 2", "middle 64", "large 64", "middle 1", "large 64"}; !slices.Equal(got, want) {
		t.Errorf("written to %v, want %v", got, want)
	}
}

func (h *Hub) flushersEnd(t testing.TB) {
	t.Helper()
	await.Until(t, "all turns are over", func() bool {
		h.flushers.mu.Lock()
		defer h.flushers.mu.Unlock()
		return h.flushers.working == 0 && h.flushers.first == nil
	})
}

// Several goroutines share one broadcast.
func TestFlushersShareAWave(t *testing.T) {
	h := newHub(t)
	h.flushers.most = 3
	var arrived sync.WaitGroup
	arrived.Add(h.flushers.most)
	var first atomic.Int64
	l := &log{gate: func() {
		if first.Add(1) <= 3 { // none goes on before there are three
			arrived.Done()
			arrived.Wait()
		}
	}}
	h.flushers.add(l.waveOf(h, "all", 5*flushTurn))
	h.flushersEnd(t)
	if len(l.lines) != 5*flushTurn {
		t.Errorf("%d writes, want %d", len(l.lines), 5*flushTurn)
	}
}

// What comes while a write is under way is written behind it.
func TestFramesThatComeDuringAWrite(t *testing.T) {
	h := roomHub(t)
	l := listen(t, h).join("room:a").quiet()
	var once sync.Once
	l.tube.before = func() {
		once.Do(func() { shout(t, h, "room:a", "e", "2"); l.send(formV2.push(nil, "t", "last", value.Payload{})) })
	}
	shout(t, h, "room:a", "e", "1")
	l.hears(`[null,null,"room:a","e",1]`, `[null,null,"room:a","e",2]`, `[null,null,"t","last",{}]`)
	l.quiet()
}

// A slot that writes takes a broadcast along for which the flushers have no time yet. When
// they have, they leave the connection to it.
func TestASlotTakesABroadcastAlong(t *testing.T) {
	h := roomHub(t)
	h.flushers.most = 1
	l := listen(t, h).join("room:a").quiet()
	busy, free := make(chan struct{}), make(chan struct{})
	h.flushers.add((&log{gate: func() { close(busy); <-free }}).waveOf(h, "another", 1))
	await.From(t, "the flusher is busy", busy)
	writes, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.tube.before = func() { once.Do(func() { close(writes); <-goOn }) }
	shout(t, h, "room:a", "e", "1")
	l.says(`["1","2","room:a","echo",{}]`)
	await.From(t, "the slot writes", writes)
	l.send(formV2.push(nil, "t", "last", value.Payload{}))
	close(free)
	h.flushersEnd(t)
	close(goOn)
	l.hears(`[null,null,"room:a","e",1]`, `["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`, `[null,null,"t","last",{}]`)
	l.quiet()
}
