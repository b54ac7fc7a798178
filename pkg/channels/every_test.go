package channels

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

func ticking(every map[time.Duration]func(*Call)) *testChannel {
	c := room()
	c.every = every
	return c
}

func join(d *desk) *desk {
	d.says(`["1","1","room:a","phx_join",{}]`)
	synctest.Wait()
	d.got()
	return d
}

func TestEvery(t *testing.T) {
	var short, long atomic.Int64
	rules := anyOrigin(ticking(map[time.Duration]func(*Call){
		10 * time.Second: func(c *Call) { short.Add(1); must(c.Push("tick", value.Payload{})) },
		time.Minute:      func(c *Call) { long.Add(1) },
	}))
	bubble(t, rules, func(t *testing.T, h *Hub) {
		short.Store(0)
		d := join(open(t, h, formV2))
		pass(8 * time.Second) // nothing comes before nine tenths of the interval
		d.gets()
		pass(4 * time.Second)
		d.gets(`["1",null,"room:a","tick",{}]`)
		pass(10*time.Minute - 12*time.Second)
		if s, l := short.Load(), long.Load(); s < 54 || s > 67 || l < 9 || l > 11 {
			t.Errorf("in ten minutes %d and %d ticks, want about 60 and 10", s, l)
		}
		d.says(`["1","2","room:a","phx_leave",{}]`)
		synctest.Wait()
		before := short.Load()
		pass(time.Hour)
		if short.Load() != before {
			t.Error("it ticks after the membership has ended")
		}
	})
}

func TestMembersDoNotTickAtOnce(t *testing.T) {
	moments := map[time.Time]int{}
	rules := anyOrigin(ticking(map[time.Duration]func(*Call){time.Minute: func(*Call) {}}))
	channel := rules.channels[0]
	bubble(t, rules, func(t *testing.T, h *Hub) {
		var most atomic.Int64
		ticks := make(chan time.Time, 1000)
		channel.every[time.Minute] = func(*Call) { ticks <- time.Now() }
		for range 200 {
			join(open(t, h, formV2))
		}
		pass(70 * time.Second)
		close(ticks)
		for at := range ticks {
			moments[at.Truncate(time.Second)]++
		}
		for _, n := range moments {
			most.Store(max(most.Load(), int64(n)))
		}
		if len(moments) < 8 || most.Load() > 60 {
			t.Errorf("200 members ticked in %d seconds, %d of them in one", len(moments), most.Load())
		}
		for _, c := range h.connections() {
			c.close(1001, "")
		}
	})
}

func TestATickDoesNotPileUp(t *testing.T) {
	var ran atomic.Int64
	rules := anyOrigin(ticking(nil))
	channel := rules.channels[0]
	bubble(t, rules, func(t *testing.T, h *Hub) {
		hold := make(chan struct{})
		channel.every = map[time.Duration]func(*Call){time.Second: func(*Call) { ran.Add(1); <-hold }}
		d := join(open(t, h, formV2))
		pass(time.Minute)
		d.says(`["1","2","room:a","echo",1]`) // waits behind the tick that runs
		synctest.Wait()
		d.gets()
		if n := ran.Load(); n != 1 {
			t.Errorf("%d ticks ran", n)
		}
		close(hold)
		synctest.Wait()
		d.gets(`["1","2","room:a","phx_reply",{"status":"ok","response":1}]`)
		if n := ran.Load(); n != 1 {
			t.Errorf("%d ticks ran: they piled up", n)
		}
		pass(1200 * time.Millisecond)
		if n := ran.Load(); n < 2 {
			t.Error("it ticks no more")
		}
		d.leaves()
	})
}

func TestATickThatFailsEndsItsMembership(t *testing.T) {
	for name, fail := range map[string]func(*Call){"stop": func(c *Call) { c.Stop(StopError) }, "panic": func(*Call) { panic("boom") }} {
		var ran atomic.Int64
		rules := anyOrigin(ticking(map[time.Duration]func(*Call){time.Second: func(c *Call) { ran.Add(1); fail(c) }}))
		bubble(t, rules, func(t *testing.T, h *Hub) {
			d := join(open(t, h, formV2))
			pass(time.Minute)
			d.gets(`["1","1","room:a","phx_error",{}]`)
			if ran.Load() != 1 {
				t.Errorf("%s: %d ticks", name, ran.Load())
			}
		})
	}
}

func TestRulesThatWereReplacedTickAnew(t *testing.T) {
	var old, kept, fresh atomic.Int64
	rules := anyOrigin(ticking(map[time.Duration]func(*Call){
		time.Second: func(*Call) { old.Add(1) }, time.Minute: func(*Call) { kept.Add(1) },
	}))
	bubble(t, rules, func(t *testing.T, h *Hub) {
		d := join(open(t, h, formV2))
		pass(50 * time.Second)
		before := old.Load()
		h.Apply(map[string]Rules{"/socket": anyOrigin(ticking(map[time.Duration]func(*Call){
			10 * time.Second: func(*Call) { fresh.Add(1) }, time.Minute: func(*Call) { kept.Add(100) },
		}))})
		pass(20 * time.Second) // the minute goes on from where it was
		if old.Load() != before || fresh.Load() < 1 || kept.Load() != 100 {
			t.Errorf("old %d (was %d), fresh %d, kept %d", old.Load(), before, fresh.Load(), kept.Load())
		}
		d.leaves()
		synctest.Wait()
		after := fresh.Load()
		pass(time.Hour)
		if fresh.Load() != after {
			t.Error("it ticks after the connection has ended")
		}
	})
}

// connections lists those that are there.
func (h *Hub) connections() (list []*conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		list = append(list, c)
	}
	return list
}
