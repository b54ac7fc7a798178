package nats

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

// A fake speaks as much of the protocol of NATS as a real server cannot be brought to do.
type fake struct {
	listener net.Listener
	subs     chan string // the subjects that are subscribed to
	pings    atomic.Int64
	pong     atomic.Int64 // how long an answer to a ping takes
	mu       sync.Mutex
	conn     net.Conn
}

func newFake(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{listener: l, subs: make(chan string, 10_000)}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return f
}

func (f *fake) serve(c net.Conn) {
	defer c.Close()
	f.mu.Lock()
	f.conn = c
	f.mu.Unlock()
	fmt.Fprintf(c, "INFO {\"server_id\":\"fake\",\"version\":\"2.9.0\",\"proto\":1,\"headers\":true,\"max_payload\":1000}\r\n")
	for lines := bufio.NewReader(c); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "PING":
			f.pings.Add(1)
			<-time.After(time.Duration(f.pong.Load()))
			_, err = io.WriteString(c, "PONG\r\n")
		case "SUB":
			f.subs <- words[1]
		}
		if err != nil {
			return
		}
	}
}

// says makes the server say something on its latest connection.
func (f *fake) says(t *testing.T, line string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := io.WriteString(f.conn, line+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

func openFake(t *testing.T, f *fake) *Bus {
	t.Helper()
	b, err := Open(t.Context(), Options{URL: "nats://" + f.listener.Addr().String(), Name: "shop", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// The driver gives up for good at an error that it does not know. The bus does not.
func TestServerSaysSomethingUnknown(t *testing.T) {
	f := newFake(t)
	b := openFake(t, f)
	told := make(chan bool, 10)
	b.Watch(func(up bool) { told <- up })
	if _, err := b.Subscribe("kept", func([]byte) {}); err != nil {
		t.Fatal(err)
	}
	ended, err := b.Subscribe("ended", func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	ended.Close()
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(f.subs) > 0 {
		<-f.subs
	}
	f.says(t, "-ERR 'Out of Cheese'")
	for _, want := range []bool{false, true} {
		if up := await.From(t, "word of the connection", told); up != want {
			t.Errorf("told %v, want %v", up, want)
		}
	}
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := map[string]bool{}
	for len(f.subs) > 0 {
		again[<-f.subs] = true
	}
	if len(again) != 2 || !again["shop.kept"] || !again[b.inbox+"*"] {
		t.Errorf("subscribed again to %v", again)
	}
}

// A thousand joins at once do not wait for a thousand round trips.
func TestRoundTripsAreShared(t *testing.T) {
	f := newFake(t)
	b := openFake(t, f)
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := f.pings.Load()
	f.pong.Store(int64(50 * time.Millisecond))
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if err := b.Confirm(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := f.pings.Load() - before; n > 200 { // some few, where none of them is late
		t.Errorf("%d round trips for 1000 who waited", n)
	}
}

// What is written after a gap would be taken for something else.
func TestAFailedWriteBreaksTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		start := time.Now()
		if _, err := (conn{near}).Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a write that nobody reads: %v", err)
		}
		if took := time.Since(start); took != writeTime {
			t.Errorf("it took %v", took)
		}
		if _, err := far.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other end: %v", err)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	piece := make([]byte, 1<<20)
	n := 0
	for q.publish(message{subject: "x"}, piece) == nil {
		n++
	}
	if n != MaxUnsent>>20-1 {
		t.Errorf("%d MiB were taken", n)
	}
	if err := q.change(&subscription{}); err != nil {
		t.Errorf("a subscription behind many messages: %v", err)
	}
	taken := q.take(batch{})
	if len(taken.messages) != n+1 || taken.size < n<<20 || taken.size > MaxUnsent {
		t.Errorf("%d messages of %d bytes were taken", len(taken.messages), taken.size)
	}
	if err := q.publish(message{subject: "x"}, piece); err != nil {
		t.Errorf("after the queue was taken: %v", err)
	}
	taken.reset()
	if cap(taken.chunk) > chunkSize {
		t.Errorf("%d bytes are kept", cap(taken.chunk))
	}
}

func TestTooManyQuestions(t *testing.T) {
	server := bustest.NewServer(t)
	a, b := openReal(t, server), openReal(t, server)
	if _, err := b.Answer("who", func(context.Context, []byte) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := b.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.questions.Add(bus.MaxQuestions)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := a.Ask(ctx, "who", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("one question too many: %v", err)
	}
	b.questions.Add(-1)
	if _, err := a.Ask(t.Context(), "who", nil); err != nil {
		t.Errorf("the last question that has room: %v", err)
	}
	b.questions.Add(1 - bus.MaxQuestions)
}

func openReal(t *testing.T, server *bustest.Server) *Bus {
	t.Helper()
	b, err := Open(t.Context(), Options{URL: server.URL(), Name: "shop", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}
