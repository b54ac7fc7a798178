package channels

import (
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/ratelimit"
)

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		after time.Duration
		sent  int // messages at once
		pass  int // of them
	}
	tests := []struct {
		name  string
		rate  ratelimit.Rate
		burst int
		steps []step
	}{
		{"a burst, then the rate", ratelimit.Rate{Count: 10, Per: time.Second}, 3, []step{{0, 5, 3}, {99 * ms, 1, 0}, {ms, 2, 1}, {100 * ms, 1, 1}, {time.Hour, 9, 3}}},
		{"the burst is the count", ratelimit.Rate{Count: 2, Per: time.Minute}, 0, []step{{0, 3, 2}, {29 * time.Second, 1, 0}, {time.Second, 1, 1}}},
		{"what is refused does not count", ratelimit.Rate{Count: 1, Per: time.Second}, 1, []step{{0, 100, 1}, {time.Second, 100, 1}}},
		{"a burst that takes ages", ratelimit.Rate{Count: 1, Per: 24 * time.Hour}, 1 << 31, []step{{0, 20_000, 20_000}, {time.Hour, 100, 100}}},
		{"faster than the clock ticks", ratelimit.Rate{Count: 1 << 40, Per: time.Second}, 2, []step{{0, 3, 2}, {2, 3, 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, now := newPace(Settings{Rate: tt.rate, Burst: tt.burst}), time.Now()
			for i, s := range tt.steps {
				now = now.Add(s.after)
				pass := 0
				for range s.sent {
					if p.allow(now) {
						pass++
					}
				}
				if pass != s.pass {
					t.Errorf("step %d: %d of %d pass, want %d", i, pass, s.sent, s.pass)
				}
			}
		})
	}
	if newPace(Settings{}) != nil {
		t.Error("a limit where none is set")
	}
}

// The limit is of a connection: joins, events of any topic and heartbeats count, not what
// others send. One more is the end, and none of it is handled.
func TestRateLimit(t *testing.T) {
	notes := &notebook{}
	channel := room()
	channel.in["note"] = func(c *Call) { notes.add("%s", c.Payload.Bytes); must(c.Reply("ok", c.Payload)) }
	rules := anyOrigin(channel)
	rules.settings.Rate, rules.settings.Burst = ratelimit.Rate{Count: 1, Per: time.Hour}, 5
	s := serve(t, rules)
	c, other := s.dial().join("room:a").join("room:b"), s.dial().join("room:a")
	heartbeat(c)
	for i, topic := range []string{"room:a", "room:b"} {
		c.play(fmt.Sprintf(`> ["1","2","%s","note",%d]`, topic, i), fmt.Sprintf(`< ["1","2","%s","phx_reply",{"status":"ok","response":%d}]`, topic, i))
	}
	c.send(`["1","3","room:a","note",3]`)
	if code := c.closed(); code != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1008", code)
	}
	heartbeat(other)
	now := s.hub.Stats()
	if now.Limited != 1 || now.Malformed != 0 || notes.text() != "0\n1" {
		t.Errorf("%d limited, %d malformed, want 1 and 0; handled %q", now.Limited, now.Malformed, notes.text())
	}
}

// It is the same over long poll, whether messages come in one POST or in several.
func TestRateLimitOverLongpoll(t *testing.T) {
	rules := polling(anyOrigin(room()), await.Patience)
	rules.settings.Rate, rules.settings.Burst = ratelimit.Rate{Count: 1, Per: time.Hour}, 3
	s := serve(t, rules)
	other := s.open("")
	for i, last := range [][]string{{beat}, {beat, beat}} {
		p := s.open("").join("room:a")
		p.play("> "+beat, "< "+beatReply)
		if len(last) == 1 {
			p.play("> "+beat, "< "+beatReply)
		}
		if status := p.post(last...); status != pollStuck {
			t.Errorf("one too many answered %d, want %d", status, pollStuck)
		}
		await.Until(t, "the session is gone", func() bool { return s.hub.Connections() == 1 })
		if status := p.post(beat); status != pollGone {
			t.Errorf("a post after it answered %d, want %d", status, pollGone)
		}
		if n := s.hub.Stats().Limited; n != uint64(i+1) {
			t.Errorf("%d limited, want %d", n, i+1)
		}
	}
	other.play("> "+beat, "< "+beatReply)
}
