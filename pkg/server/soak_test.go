package server

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// A soak is how much of it: a little by default, all of it with GATEWAY_SOAK=10m, and
// GATEWAY_SOAK_CONNS for a machine that does not give 5,000 connections two descriptors each.
type soak struct {
	clients                           int
	time, reload, think, life, window time.Duration
	every                             string
	heapGrowth                        uint64 // bytes besides a quarter of what there was
}

// underWay is how many more bytes what is under way may hold at one moment than at another: on
// a slow machine more of it waits.
const underWay = 16 << 20

func soakOf(t *testing.T) soak {
	s := soak{clients: 300, time: 10 * time.Second, reload: time.Second, think: 500 * time.Millisecond, life: 3 * time.Second, window: 2 * time.Second, every: "1s", heapGrowth: 4 << 20}
	long, err := time.ParseDuration(os.Getenv("GATEWAY_SOAK"))
	if os.Getenv("GATEWAY_SOAK") == "" {
		return s
	}
	if err != nil {
		t.Fatalf("GATEWAY_SOAK, which is how long to soak, such as 10m: %v", err)
	}
	s = soak{clients: 5000, time: long, reload: 5 * time.Second, think: 6 * time.Second, life: time.Minute, window: 5 * time.Second, every: "10s", heapGrowth: 16 << 20}
	if n := os.Getenv("GATEWAY_SOAK_CONNS"); n != "" {
		if s.clients, err = strconv.Atoi(n); err != nil {
			t.Fatalf("GATEWAY_SOAK_CONNS: %v", err)
		}
	}
	return s
}

// Clients join, push, leave and vanish while the manifest is loaded anew again and again: no
// reply and no broadcast is lost, and nothing of them is left.
func TestChannelsSoak(t *testing.T) {
	how := soakOf(t)
	f := folder{t, t.TempDir()}
	manifest := func(version int) string {
		return strings.NewReplacer("VERSION", fmt.Sprint(version), "EVERY", how.every, "WINDOW", how.window.String()).Replace(soakManifest)
	}
	f.write("app.yaml", manifest(0))
	c := &crowd{rooms: max(1, how.clients/25), think: how.think, life: how.life, patience: 30 * time.Second, window: how.window, stop: make(chan struct{})}
	s := serveLogged(t, f.dir, &c.faults)
	c.address = s.Addr().String()
	goroutines, before := runtime.NumGoroutine(), heapInUse()
	c.start(how.clients)

	third := how.time / 3
	reloads := soakReloads{s: s, f: f, manifest: manifest, every: how.reload}
	arrived := func() bool { return s.hub.Connections() >= how.clients/2 }
	await.Until(t, "half of the clients are there", arrived)
	reloads.runFor(t, third)
	early := heapInUse()
	t.Logf("after %s: %v; %d reloads, heap %d KB, %d connections", third, c, reloads.n, early>>10, s.hub.Connections())
	reloads.runFor(t, how.time-third)
	late, connections := heapInUse(), s.hub.Connections()
	t.Logf("after %s: %v; %d reloads, heap %d KB, %d connections, %d goroutines", how.time, c, reloads.n, late>>10, connections, runtime.NumGoroutine())
	if late > early+early/4+underWay {
		t.Errorf("the heap grew from %d to %d bytes", early, late)
	}
	await.Until(t, "half of the clients are there still", arrived)

	close(c.stop)
	c.done.Wait()
	c.faults.tell(t)
	if sent, known := c.sent.Load(), c.answered.Load()+c.abandoned.Load(); sent != known || c.answered.Load() == 0 {
		t.Errorf("%d pushes were sent, and of %d it is known what became of them", sent, known)
	}
	nothingIsLeft(t, s, goroutines)
	if after := heapInUse(); after > before+before/4+how.heapGrowth {
		t.Errorf("the heap was %d bytes and is %d", before, after)
	}
	t.Logf("at the end: %v; %d reloads, goroutines %d then %d, heap %d KB then %d KB", c, reloads.n, goroutines, runtime.NumGoroutine(), before>>10, heapInUse()>>10)
}

func nothingIsLeft(t *testing.T, s *Server, goroutines int) {
	t.Helper()
	left := func() string {
		now, present := s.hub.Stats(), s.hub.Presence().Len()
		return fmt.Sprintf("%d websockets, %d sessions, %d polls, %d members, %d topics, presences %+v, %d goroutines",
			now.Websockets, now.Polls, now.PollsWaiting, now.Members, now.Topics, present, max(0, runtime.NumGoroutine()-goroutines-5))
	}
	defer func() { t.Logf("left: %s", left()) }()
	await.Until(t, "nothing is left", func() bool {
		return !strings.ContainsAny(left(), "123456789")
	})
}

// soakReloads loads a changed manifest again and again.
type soakReloads struct {
	s        *Server
	f        folder
	manifest func(version int) string
	every    time.Duration
	n        int
}

func (r *soakReloads) runFor(t *testing.T, d time.Duration) {
	t.Helper()
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for end := time.After(d); ; {
		select {
		case <-end:
			return
		case <-tick.C:
		}
		r.n++
		r.f.write("app.yaml", r.manifest(r.n))
		if err := r.s.Reload(); err != nil {
			t.Fatal(err)
		}
	}
}
