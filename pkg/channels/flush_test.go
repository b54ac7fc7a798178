package channels

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// A tube is a connection that holds what is not read, up to some 64 KiB, and counts the two
// sorts of writes.
type tube struct {
	*os.File
	tries, waits atomic.Int64
	deadline     time.Time // of writes; the writer's
	before       func()    // a write that does not wait
}

func (t *tube) SetWriteDeadline(d time.Time) error {
	t.deadline = d
	return t.File.SetWriteDeadline(d)
}

func (t *tube) LocalAddr() net.Addr  { return nil }
func (t *tube) RemoteAddr() net.Addr { return nil }

func (t *tube) Write(p []byte) (int, error) {
	t.waits.Add(1)
	return t.File.Write(p)
}

func (t *tube) SyscallConn() (syscall.RawConn, error) {
	raw, err := t.File.SyscallConn()
	return tries{raw, t}, err
}

type tries struct {
	syscall.RawConn
	of *tube
}

func (t tries) Write(f func(fd uintptr) bool) error {
	t.of.tries.Add(1)
	if t.of.before != nil {
		t.of.before()
	}
	return t.RawConn.Write(f)
}

// A listener is a socket on a tube, and the end at which it is read.
type listener struct {
	t testing.TB
	*socket
	tube *tube
	from *os.File
}

func listen(t testing.TB, h *Hub) *listener {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, socket: &socket{conn: conn{hub: h, mount: h.mount("/socket"), identity: &Identity{}, maxFrame: defaultMaxFrame}}, tube: &tube{File: to}, from: from}
	l.link, l.wire.Conn, l.raw = l.socket, l.tube, rawOf(l.tube)
	if !h.register(&l.conn) {
		t.Fatal("not registered")
	}
	t.Cleanup(func() {
		from.Close()
		l.drop(0, "")
		await.Until(t, "the connection is gone", func() bool { return h.Connections() == 0 })
		to.Close()
	})
	return l
}

func (l *listener) join(topic string) *listener {
	l.t.Helper()
	l.says(fmt.Sprintf(`["1","1",%q,"phx_join",{}]`, topic))
	l.hears(fmt.Sprintf(`["1","1",%q,"phx_reply",{"status":"ok","response":{}}]`, topic))
	return l
}

func (l *listener) says(text string) {
	l.t.Helper()
	if err := l.receive([]byte(text), false); err != nil {
		l.t.Fatal(err)
	}
}

// hears reads frames.
func (l *listener) hears(want ...string) {
	l.t.Helper()
	must(l.from.SetReadDeadline(time.Now().Add(await.Patience)))
	for _, w := range want {
		frame := sealed(append(textFrame(len(w)), w...), opText)
		got := make([]byte, len(frame))
		if n, err := io.ReadFull(l.from, got); err != nil || string(got) != string(frame) {
			l.t.Fatalf("read %.80q, %v, want %.80q", got[:n], err, frame)
		}
	}
}

// quiet waits until nobody writes.
func (l *listener) quiet() *listener {
	l.t.Helper()
	await.Until(l.t, "all is written", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return !l.writing && !l.listed && len(l.out.frames) == 0
	})
	return l
}

func roomHub(t testing.TB) *Hub {
	h := newHub(t)
	h.Apply(map[string]Rules{"/socket": anyOrigin(room())})
	return h
}

// What does not fit into the network's buffers is written to its end by a goroutine that
// waits, and what comes meanwhile behind it; after that no write waits.
func TestWritesThatFitInPart(t *testing.T) {
	for name, size := range map[string]int{"small frames": 1000, "frames larger than a gathered write": 3 * gather, "frames larger than one write": 3 * flushBytes} {
		t.Run(name, func(t *testing.T) {
			h := roomHub(t)
			l := listen(t, h).join("room:a").quiet()
			if l.tube.waits.Load() != 0 {
				t.Fatal("a reply was written by a goroutine")
			}
			var want []string
			for i := range 1_000_000 / size {
				payload := fmt.Sprintf(`{"n":%d,"x":%q}`, i, strings.Repeat("x", size))
				shout(t, h, "room:a", "e", payload)
				want = append(want, fmt.Sprintf(`[null,null,"room:a","e",%s]`, payload))
			}
			l.send(formV2.push(nil, "t", "last", value.Payload{}))
			l.hears(append(want, `[null,null,"t","last",{}]`)...)
			tries, waits := l.quiet().tube.tries.Load(), l.tube.waits.Load()
			if waits == 0 || !l.tube.deadline.IsZero() {
				t.Errorf("%d writes waited, and leave the deadline %s", waits, l.tube.deadline)
			}
			shout(t, h, "room:a", "e", "1")
			l.hears(`[null,null,"room:a","e",1]`)
			if l.quiet(); l.tube.tries.Load() != tries+1 || l.tube.waits.Load() != waits {
				t.Errorf("an event after that took %d writes and %d that wait, want 1 and 0", l.tube.tries.Load()-tries, l.tube.waits.Load()-waits)
			}
		})
	}
}

// A reader that stalls is tried once. It costs nothing more until it is closed.
func TestAStalledReaderIsTriedOnce(t *testing.T) {
	h := roomHub(t)
	l := listen(t, h).join("room:a").quiet()
	payload := `"` + strings.Repeat("x", 32_000) + `"`
	for l.tube.waits.Load() == 0 {
		shout(t, h, "room:a", "e", payload)
		await.Until(t, "it was tried", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return !l.listed && (!l.writing || l.tube.waits.Load() > 0)
		})
	}
	tries := l.tube.tries.Load()
	for range outboxBytes / len(payload) {
		shout(t, h, "room:a", "e", payload)
	}
	if n := l.tube.tries.Load() - tries; n != 0 || l.tube.waits.Load() != 1 || h.Stats().Slow != 1 {
		t.Errorf("%d more tries, %d writes that wait, %d closed as slow, want 0, 1 and 1", n, l.tube.waits.Load(), h.Stats().Slow)
	}
}

// A deadline of a write before fails writes that do not wait. They are made up for.
func TestADeadlineThatIsOver(t *testing.T) {
	h := roomHub(t)
	l := listen(t, h).join("room:a").quiet()
	must(l.tube.SetWriteDeadline(time.Now().Add(-time.Second)))
	for i, waits := range []int64{1, 1} {
		shout(t, h, "room:a", "e", fmt.Sprint(i))
		l.hears(fmt.Sprintf(`[null,null,"room:a","e",%d]`, i))
		if l.quiet(); l.tube.waits.Load() != waits {
			t.Errorf("event %d: %d writes that wait, want %d", i, l.tube.waits.Load(), waits)
		}
	}
}

// A client that is gone is noticed by the write.
func TestAWriteThatFails(t *testing.T) {
	h := roomHub(t)
	l := listen(t, h).join("room:a").quiet()
	l.from.Close()
	shout(t, h, "room:a", "e", "1")
	l.quiet()
	if _, err := l.tube.File.Write([]byte("x")); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("the connection is still open: %v", err)
	}
}

// Replies to a burst go out together, and before the slot rests.
func TestRepliesShareAWrite(t *testing.T) {
	begun, gate := make(chan struct{}), make(chan struct{})
	channel := room()
	channel.in["gate"] = func(c *Call) { close(begun); <-gate; must(c.Reply("ok", c.Payload)) }
	h := newHub(t)
	h.Apply(map[string]Rules{"/socket": anyOrigin(channel)})
	l := listen(t, h).join("room:a").quiet()
	tries := l.tube.tries.Load()
	l.says(`["1",null,"room:a","gate",{}]`)
	await.From(t, "the gate is reached", begun)
	want := []string{`["1",null,"room:a","phx_reply",{"status":"ok","response":{}}]`}
	for i := range heldFrames - 1 {
		l.says(fmt.Sprintf(`["1","%d","room:a","echo",{}]`, i))
		want = append(want, fmt.Sprintf(`["1","%d","room:a","phx_reply",{"status":"ok","response":{}}]`, i))
	}
	close(gate)
	l.hears(want...)
	if n := l.quiet().tube.tries.Load() - tries; n != 1 || l.tube.waits.Load() != 0 {
		t.Errorf("%d writes and %d that wait, want 1 and 0", n, l.tube.waits.Load())
	}
}
