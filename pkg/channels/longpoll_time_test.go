package channels

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// inBubble runs a test with a clock of its own, on a server without a network whose polls
// wait for ten seconds.
func inBubble(t *testing.T, rules *testRules, test func(t *testing.T, s *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := quiet(t, polling(rules, 0))
		test(t, s)
		s.drain()
	})
}

// begun starts a poll in the background and gives its answer.
func (p *poller) begun(ctx context.Context) <-chan answer {
	got := make(chan answer, 1)
	go func() { got <- p.pollWith(ctx) }()
	synctest.Wait()
	return got
}

func TestPollWaitsForAWindow(t *testing.T) {
	inBubble(t, anyOrigin(room()), func(t *testing.T, s *server) {
		p := s.open("").join("room:a")
		start := time.Now()
		a := p.poll()
		if want := `{"status":204,"token":"` + p.token + `","messages":[]}`; a.body != want || time.Since(start) != defaultWindow {
			t.Errorf("answered %s after %s, want %s after %s", a.body, time.Since(start), want, defaultWindow)
		}
		got := p.begun(t.Context())
		<-time.After(3 * time.Second)
		must(s.hub.Broadcast("room:a", "x", value.Payload{}))
		start = time.Now()
		a = <-got
		if want := `{"status":200,"token":"` + p.token + `","messages":["[null,null,\"room:a\",\"x\",{}]"]}`; a.body != want || time.Since(start) != 0 {
			t.Errorf("answered %s %s after the message, want %s at once", a.body, time.Since(start), want)
		}
	})
}

// The later of two polls gets the messages, and the earlier one nothing.
func TestTwoPollsAtOnce(t *testing.T) {
	inBubble(t, anyOrigin(room()), func(t *testing.T, s *server) {
		p := s.open("").join("room:a")
		start := time.Now()
		earlier := p.begun(t.Context())
		<-time.After(time.Second)
		later := p.begun(t.Context())
		must(s.hub.Broadcast("room:a", "x", value.Payload{}))
		if a := <-later; a.Status != pollMessages || len(a.Messages) != 1 {
			t.Errorf("the later one was answered %s", a.body)
		}
		must(s.hub.Broadcast("room:a", "y", value.Payload{}))
		if a := <-earlier; a.Status != pollNothing || time.Since(start) != defaultWindow {
			t.Errorf("the earlier one was answered %s after %s", a.body, time.Since(start))
		}
		p.play(`< [null,null,"room:a","y",{}]`)
	})
}

// A poll whose client has left takes nothing along.
func TestPollThatIsLeft(t *testing.T) {
	inBubble(t, anyOrigin(room()), func(t *testing.T, s *server) {
		p := s.open("").join("room:a")
		ctx, leave := context.WithCancel(t.Context())
		got := p.begun(ctx)
		leave()
		must(s.hub.Broadcast("room:a", "x", value.Payload{}))
		if a := <-got; a.Status != pollNothing {
			t.Errorf("answered %s", a.body)
		}
		p.play(`< [null,null,"room:a","x",{}]`)
	})
}

// A session lives for a window and a half without a poll, posts or not, and then ends like
// any other connection.
func TestSessionThatIsNotPolled(t *testing.T) {
	var left, gone atomic.Int32
	channel := room()
	channel.leave = func(*Call) { left.Add(1) }
	rules := anyOrigin(channel)
	rules.connect = func(*Handshake) (*Identity, error) { return &Identity{Gone: func() { gone.Add(left.Load()) }}, nil }
	inBubble(t, rules, func(t *testing.T, s *server) {
		p := s.open("").join("room:a")
		for range 5 { // each poll starts the time anew
			p.poll()
			<-time.After(14 * time.Second)
		}
		p.play("> "+beat, "< "+beatReply)
		<-time.After(14 * time.Second)
		if status := p.post(beat); status != pollMessages {
			t.Errorf("a post after 14 s answered %d", status)
		}
		synctest.Wait()
		if left.Load() != 0 || s.hub.Stats().Polls != 1 {
			t.Fatal("it ended too soon")
		}
		<-time.After(time.Second)
		synctest.Wait()
		if left.Load() != 1 || gone.Load() != 1 || s.hub.Stats().Polls != 0 || s.members("room:a") != 0 {
			t.Errorf("left %d, gone %d, %+v", left.Load(), gone.Load(), s.hub.Stats())
		}
		if status := p.post(beat); status != pollGone {
			t.Errorf("a post to it answered %d", status)
		}
	})
}

// Nobody works for sessions that are not polled.
func TestIdleSessionsHaveNoGoroutine(t *testing.T) {
	inBubble(t, anyOrigin(room()), func(t *testing.T, s *server) {
		before := runtime.NumGoroutine()
		for range 50 {
			s.open("").join("room:a")
		}
		synctest.Wait()
		if now := runtime.NumGoroutine(); now > before {
			t.Errorf("%d goroutines, %d before", now, before)
		}
		if got := s.hub.Stats(); got.Polls != 50 || got.Websockets != 0 || got.Members != 50 {
			t.Errorf("%+v", got)
		}
	})
}

// What ends a session from outside answers the poll that waits, at once.
func TestSessionsEndFromOutside(t *testing.T) {
	tests := []struct {
		name string
		end  func(s *server, rules *testRules)
		want int
	}{
		{"disconnected by id", func(s *server, _ *testRules) { must(s.hub.Broadcast("user:1", "disconnect", value.Payload{})) }, pollGone},
		{"the path is gone", func(s *server, _ *testRules) { s.hub.Apply(nil) }, pollFailed},
		{"rules that it does not fit", func(s *server, rules *testRules) {
			next := polling(withID(anyOrigin(room())), 0)
			next.fits = func(*Identity) bool { return false }
			s.hub.Apply(map[string]Rules{"/socket": next})
		}, pollFailed}, // and no new one either
		{"drained", func(s *server, _ *testRules) { s.drain() }, pollFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := withID(anyOrigin(room()))
			inBubble(t, rules, func(t *testing.T, s *server) {
				p, other := s.open("id=user:1").join("room:a"), s.open("id=user:2")
				got, start := p.begun(t.Context()), time.Now()
				tt.end(s, rules)
				a := <-got
				if a.Status != tt.want && !(tt.want == pollFailed && a.Status == pollGone) || time.Since(start) != 0 {
					t.Errorf("answered %s after %s, want %d at once", a.body, time.Since(start), tt.want)
				}
				synctest.Wait()
				if s.members("room:a") != 0 {
					t.Error("it is a member still")
				}
				if tt.want == pollGone {
					other.play("> "+beat, "< "+beatReply)
				}
			})
		})
	}
}

// Posts of one session come in order: a second waits for the first, at most for a window.
func TestPostsTakeTurns(t *testing.T) {
	channel := room()
	inBubble(t, anyOrigin(channel), func(t *testing.T, s *server) {
		release := make(chan struct{})
		channel.in["slow"] = func(*Call) { <-release }
		p := s.open("").join("room:a")
		flood := strings.TrimSuffix(strings.Repeat(`["1","2","room:a","slow",{}]`+"\n", maxLines), "\n")
		p.post(`["1","2","room:a","slow",{}]`)
		synctest.Wait() // it is being handled, and what comes now waits behind it
		for n := 0; n+maxLines <= slotQueue; n += maxLines {
			if status := p.post(flood); status != pollMessages {
				t.Fatalf("post %d answered %d", n, status)
			}
		}
		start := time.Now()
		first, second := make(chan int, 1), make(chan int, 1)
		go func() { first <- p.post(flood) }()
		synctest.Wait()
		go func() { second <- p.post(beat) }()
		if status := <-first; status != pollStuck || time.Since(start) > defaultWindow {
			t.Errorf("a post without room answered %d after %s", status, time.Since(start))
		}
		if status := <-second; status != pollStuck && status != pollGone {
			t.Errorf("the post behind it answered %d", status)
		}
		if got := s.hub.Stats().Flooded; got != 1 {
			t.Errorf("%d flooded, want 1", got)
		}
		close(release)
	})
}

// A window that is shorter than the time in which room is awaited bounds a post all the same.
func TestPostIsBoundedByTheWindow(t *testing.T) {
	channel := room()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		channel.in["slow"] = func(*Call) { <-release }
		s := quiet(t, polling(anyOrigin(channel), 2*time.Second))
		p := s.open("").join("room:a")
		big := `["1","2","room:a","slow","` + strings.Repeat("x", 900_000) + `"]`
		status, start := pollMessages, time.Now()
		for n := 0; status == pollMessages && n < 100; n++ {
			start = time.Now()
			status = p.post(big)
		}
		if status != pollStuck || time.Since(start) != 2*time.Second {
			t.Errorf("answered %d after %s", status, time.Since(start))
		}
		close(release)
		s.drain()
	})
}

// Rules that panic outside of a channel end their session alone.
func TestPostWhoseRulesPanic(t *testing.T) {
	rules := anyOrigin(room(), &testChannel{topic: "not a * pattern"})
	inBubble(t, rules, func(t *testing.T, s *server) {
		p := s.open("")
		if status := p.post(`["1","1","elsewhere","phx_join",{}]`); status != pollStuck {
			t.Errorf("answered %d", status)
		}
		if status := p.post(beat); status != pollGone {
			t.Errorf("a post after it answered %d", status)
		}
	})
}

// Clients of both transports in one topic get each message once, in order, whatever polls
// overlap.
func TestPollsUnderLoad(t *testing.T) {
	const count, pollers = 2000, 8
	s := serve(t, polling(anyOrigin(room()), await.Patience))
	type result struct {
		seen []string
		err  error
	}
	results := make(chan result, pollers)
	for range pollers {
		p := s.open("").join("room:a")
		go func() {
			var r result
			for len(r.seen) < count && r.err == nil {
				a := p.poll()
				if r.seen = append(r.seen, a.Messages...); a.Status != pollMessages {
					r.err = fmt.Errorf("answered %s", a.body)
				}
			}
			results <- r
		}()
	}
	for n := range count {
		must(s.hub.Broadcast("room:a", "n", value.JSON(fmt.Appendf(nil, "%d", n))))
	}
	for range pollers {
		r := await.From(t, "all messages are polled", results)
		if r.err != nil {
			t.Fatal(r.err)
		}
		for n, text := range r.seen {
			if want := fmt.Sprintf(`[null,null,"room:a","n",%d]`, n); text != want {
				t.Fatalf("message %d is %s, want %s", n, text, want)
			}
		}
	}
}
