package channels

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// bursts are what has no room in a slot, by number and by bytes.
var bursts = map[string]struct {
	count   int
	payload string
}{
	"by number": {3 * slotQueue, "{}"},
	"by bytes":  {40, `"` + strings.Repeat("x", 500_000) + `"`},
}

// What is sent faster than it is handled waits with its sender, and all of it is answered.
func TestBurstIsHandled(t *testing.T) {
	for name, tt := range bursts {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			channel := room()
			channel.in["slow"] = func(*Call) { <-release }
			s := serve(t, anyOrigin(channel))
			c := s.dial().join("room:a")
			sent := make(chan error, 1)
			go func() {
				err := c.WriteMessage(websocket.TextMessage, []byte(`["1",null,"room:a","slow",{}]`))
				for i := 0; i < tt.count && err == nil; i++ {
					err = c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `["1","%d","room:a","nope",%s]`, i, tt.payload))
				}
				if err == nil {
					err = c.WriteMessage(websocket.TextMessage, []byte(`["9","9","room:b","phx_join",{}]`))
				}
				sent <- err
			}()
			await.Until(t, "the reader waits", s.readerWaits)
			close(release)
			next, joined := 0, false
			for next < tt.count || !joined {
				switch got := c.receive(); got {
				case `["9","9","room:b","phx_reply",{"status":"ok","response":{}}]`:
					joined = true
				case fmt.Sprintf(`["1","%d","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched event"}}]`, next):
					next++
				default:
					t.Fatalf("received %s after %d answers", got, next)
				}
			}
			if err := await.From(t, "all is sent", sent); err != nil {
				t.Error(err)
			}
		})
	}
}

// So does what comes back of a burst to those who filter it, the sender among them.
func TestBurstIsFiltered(t *testing.T) {
	for name, tt := range bursts {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			channel := room()
			channel.in["slow"] = func(*Call) { <-release }
			channel.out = map[string]func(*Call){"new_msg": func(c *Call) { must(c.Push(c.Event, value.Payload{})) }}
			s := serve(t, anyOrigin(channel))
			c := s.dial().join("room:a")
			go func() {
				c.WriteMessage(websocket.TextMessage, []byte(`["1",null,"room:a","slow",{}]`))
				for range tt.count {
					c.WriteMessage(websocket.TextMessage, []byte(`["1",null,"room:a","new_msg",`+tt.payload+`]`)) // what failed is not received
				}
			}()
			await.Until(t, "the reader waits", s.readerWaits)
			close(release)
			for range tt.count {
				c.expect(`["1",null,"room:a","new_msg",{}]`)
			}
		})
	}
}

// A filter that is slower than its topic costs its own connection, by number and by bytes.
func TestSlowFilterIsDropped(t *testing.T) {
	for name, tt := range map[string]struct {
		count   int
		payload string
	}{
		"by number": {2*slotOuts + 2, "{}"}, // as many may be taken out of the queue at once
		"by bytes":  {filterBytes/900_000 + 2, `"` + strings.Repeat("x", 900_000) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			channel := room()
			channel.join = func(c *Call) { c.Membership.Names = string(c.Payload.Bytes) }
			channel.out = map[string]func(*Call){"news": func(c *Call) {
				if c.Membership.Names == `"slow"` {
					<-release
				}
			}}
			s := serve(t, anyOrigin(channel))
			defer close(release)
			slow, quick := s.dial(), s.dial().join("room:a")
			slow.play(`> ["1","1","room:a","phx_join","slow"]`, `< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`)
			for i := range tt.count {
				if err := s.hub.Broadcast("room:a", "news", value.JSON([]byte(tt.payload))); err != nil {
					t.Fatal(err)
				}
				if i%16 == 0 { // the quick one keeps up
					quick.play(`> ["1","2","room:a","echo",{}]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":{}}]`)
				}
			}
			if code := slow.closed(); code != websocket.CloseInternalServerErr {
				t.Errorf("closed with %d, want 1011", code)
			}
			quick.play(`> ["1","3","room:a","echo",{}]`, `< ["1","3","room:a","phx_reply",{"status":"ok","response":{}}]`)
		})
	}
}

func (s *server) readerWaits() bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	for c := range s.hub.conns {
		c.mu.Lock()
		waits := c.room != nil
		c.mu.Unlock()
		if waits {
			return true
		}
	}
	return false
}

// A reader that waits for room does not hold up the end of the connection.
func TestEndWhileTheReaderWaits(t *testing.T) {
	release := make(chan struct{})
	channel := room()
	channel.in["slow"] = func(*Call) { <-release }
	s := serve(t, withID(anyOrigin(channel)))
	defer close(release)
	c := s.dial("id=u").join("room:a")
	go func() {
		for range 3 * slotQueue {
			c.WriteMessage(websocket.TextMessage, []byte(`["1",null,"room:a","slow",{}]`)) // fails once closed
		}
	}()
	await.Until(t, "the reader waits", s.readerWaits)
	began := time.Now()
	s.hub.Disconnect("u")
	if code := c.closed(); code != websocket.CloseGoingAway || time.Since(began) >= roomWait {
		t.Errorf("closed with %d after %s, want 1001 at once", code, time.Since(began))
	}
}

// Where nothing gets done, waiting ends.
func TestTooManyMessagesAtOnce(t *testing.T) {
	for name, tt := range bursts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				channel := room()
				channel.in["slow"] = func(*Call) { <-release }
				s := &server{t: t, hub: newHub(t)}
				s.hub.Apply(map[string]Rules{"/socket": anyOrigin(channel)})
				listener := make(pipes)
				web := &http.Server{Handler: s}
				go web.Serve(listener)
				dialer := websocket.Dialer{NetDialContext: listener.dial}
				ws, _, err := dialer.Dial("ws://pipe/socket/websocket?vsn=2.0.0", nil)
				if err != nil {
					t.Fatal(err)
				}
				c := (&client{t, ws}).join("room:a")
				began := time.Now()
				go func() {
					c.WriteMessage(websocket.TextMessage, []byte(`["1","2","room:a","slow",{}]`))
					for range tt.count {
						c.WriteMessage(websocket.TextMessage, []byte(`["1","3","room:a","echo",`+tt.payload+`]`)) // fails once closed
					}
				}()
				if code := c.closed(); code != websocket.ClosePolicyViolation || time.Since(began) != roomWait {
					t.Errorf("closed with %d after %s, want 1008 after %s", code, time.Since(began), roomWait)
				}
				ws.Close()
				close(release)
				synctest.Wait()
				if n := s.hub.Connections(); n != 0 {
					t.Errorf("%d connections left", n)
				}
				close(listener)
				web.Close()
			})
		})
	}
}

// What nobody filters waits behind what is still filtered.
func TestFilteredEventsAreNotOvertaken(t *testing.T) {
	release := make(chan struct{})
	channel := room()
	channel.out = map[string]func(*Call){"news": func(c *Call) { <-release; must(c.Push(c.Event, value.Payload{})) }}
	s := serve(t, anyOrigin(channel))
	c := s.dial().join("room:a")
	for _, event := range []string{"plain", "news", "plain", "news"} {
		must(s.hub.Broadcast("room:a", event, value.Payload{}))
	}
	c.play(`< [null,null,"room:a","plain",{}]`)
	close(release)
	c.play(`< ["1",null,"room:a","news",{}]`, `< [null,null,"room:a","plain",{}]`, `< ["1",null,"room:a","news",{}]`)
	must(s.hub.Broadcast("room:a", "plain", value.Payload{}))
	c.play(`< [null,null,"room:a","plain",{}]`)
}
