package channels

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
)

// TestGone: the rules are told once that a connection has gone, after its channels were
// left, whatever ended it.
func TestGone(t *testing.T) {
	tests := []struct {
		name string
		end  func(*server, *client)
	}{
		{"the client closes", func(_ *server, c *client) {
			must(c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")))
		}},
		{"the network goes", func(_ *server, c *client) { c.NetConn().Close() }},
		{"it is disconnected", func(s *server, c *client) { s.hub.Disconnect("me"); c.closed() }},
		{"it sends nonsense", func(_ *server, c *client) { c.send(`{`); c.closed() }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var left, gone atomic.Int32
			channel := room()
			channel.leave = func(*Call) { left.Add(1) }
			rules := anyOrigin(channel)
			rules.connect = func(*Handshake) (*Identity, error) {
				return &Identity{ID: "me", Gone: func() {
					if left.Load() != 1 {
						t.Error("told before the channel was left")
					}
					gone.Add(1)
				}}, nil
			}
			s := serve(t, rules)
			c := s.dial().join("room:a")
			if gone.Load() != 0 {
				t.Fatal("told while it is open")
			}
			tt.end(s, c)
			await.Until(t, "nothing is left", func() bool { return s.hub.Connections() == 0 })
			if n := gone.Load(); n != 1 {
				t.Errorf("told %d times, want once", n)
			}
		})
	}
}

// TestGoneWithoutOpening: a connection that was let in and could not be opened has gone too.
func TestGoneWithoutOpening(t *testing.T) {
	tests := []struct {
		name string
		from func(*Hub, http.Handler) // what asks
	}{
		{"a writer that cannot be taken over", func(_ *Hub, h http.Handler) {
			h.ServeHTTP(httptest.NewRecorder(), handshake())
		}},
		{"a hub that drains", func(hub *Hub, h http.Handler) {
			must(hub.Drain(handshake().Context()))
			h.ServeHTTP(httptest.NewRecorder(), handshake())
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			gone := 0
			rules := anyOrigin()
			rules.connect = func(*Handshake) (*Identity, error) { return &Identity{Gone: func() { gone++ }}, nil }
			s := &server{t: t, hub: newHub(t)}
			s.hub.Apply(map[string]Rules{"/socket": rules})
			tt.from(s.hub, s)
			if gone != 1 {
				t.Errorf("told %d times, want once", gone)
			}
		})
	}
}

func handshake() *http.Request {
	r := httptest.NewRequest("GET", "/socket/websocket?vsn=2.0.0", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-Websocket-Version": "13", "Sec-Websocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
		r.Header.Set(name, value)
	}
	return r
}
