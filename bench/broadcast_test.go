package bench

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/channels"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/presence"
	"github.com/openmanifest/gateway/pkg/value"
)

const room = `version: 1
sockets:
  - path: /socket
    connect: []
    websocket: {timeout: 120s}
    channels:
      - topic: room:{room}
        join: []
`

// BenchmarkBroadcast sends one message to all members of a topic and waits until each has
// it written to its connection.
func BenchmarkBroadcast(b *testing.B) {
	for _, members := range []int{1, 1000} {
		b.Run(fmt.Sprint("members=", members), func(b *testing.B) {
			refs, err := presence.NewRefs(rand.Reader, time.Now())
			if err != nil {
				b.Fatal(err)
			}
			hub := channels.New(channels.Options{Log: slog.New(slog.DiscardHandler), Refs: refs})
			d := deps()
			d.Hub = app.NewHub(hub)
			l := app.Load(write(b, room), "prod", d)
			if l.Failed() {
				b.Fatal(l.Problems[0])
			}
			if err := l.App.Open(new(pipeline.Shared)); err != nil {
				b.Fatal(err)
			}
			hub.Apply(l.App.SocketRules())
			b.Cleanup(func() { hub.Apply(nil) })
			f := join(b, l.App, members)
			payload := []byte(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"}`)
			b.ReportAllocs()
			for b.Loop() {
				f.expect(members)
				if err := hub.Broadcast("room:a", "new_msg", value.JSON(payload)); err != nil {
					b.Fatal(err)
				}
				f.wait(b)
			}
		})
	}
}

// join opens connections whose first words join room:a, and returns when each was let in.
func join(b *testing.B, h http.Handler, members int) *frames {
	b.Helper()
	f := &frames{all: make(chan struct{}, 1)}
	f.expect(2 * members) // the handshake's answer and the join's
	for range members {
		c := &client{frames: f, words: joinFrame(), closed: make(chan struct{})}
		b.Cleanup(func() { c.Close() })
		r := httptest.NewRequest("GET", "http://localhost:4000/socket/websocket?vsn=2.0.0", nil)
		r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"d3Nsb2FkLXdzbG9hZC13cw=="}}
		h.ServeHTTP(&hijacked{httptest.NewRecorder(), c}, r)
	}
	f.wait(b)
	return f
}

// joinFrame is a masked text frame (RFC 6455 section 5.2) that joins room:a; its mask is
// of zeros.
func joinFrame() []byte {
	text := `["1","1","room:a","phx_join",{}]`
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

// frames counts what is written to all connections: one write each, for nothing else is
// waiting to be sent.
type frames struct {
	left atomic.Int64
	all  chan struct{}
}

func (f *frames) expect(n int) { f.left.Store(int64(n)) }

func (f *frames) written() {
	if f.left.Add(-1) == 0 {
		f.all <- struct{}{}
	}
}

func (f *frames) wait(b *testing.B) {
	b.Helper()
	select {
	case <-f.all:
	case <-time.After(10 * time.Second):
		b.Fatalf("%d frames are missing", f.left.Load())
	}
}

// A client is a connection that says its words, then nothing, and takes everything.
type client struct {
	frames *frames
	words  []byte
	once   sync.Once
	closed chan struct{}
}

func (c *client) Read(p []byte) (int, error) {
	if n := copy(p, c.words); n > 0 {
		c.words = c.words[n:]
		return n, nil
	}
	<-c.closed
	return 0, io.EOF
}

func (c *client) Write(p []byte) (int, error) {
	c.frames.written()
	return len(p), nil
}

func (c *client) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *client) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *client) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *client) SetDeadline(time.Time) error      { return nil }
func (c *client) SetReadDeadline(time.Time) error  { return nil }
func (c *client) SetWriteDeadline(time.Time) error { return nil }

// hijacked gives the connection to the one who asks for it.
type hijacked struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}
