package channels

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A desk is a connection without a network: what is sent to it stays in its outbox.
type desk struct {
	t testing.TB
	*conn
}

type noLink struct{}

func (noLink) wake(*wave, bool)   {}
func (noLink) flush()             {}
func (noLink) ending(int, string) {}
func (noLink) sever()             {}

// open makes a connection at /socket.
func open(t testing.TB, h *Hub, f form) *desk {
	t.Helper()
	h.mu.Lock()
	m := h.mounts["/socket"]
	h.mu.Unlock()
	c := &conn{hub: h, mount: m, identity: &Identity{}, form: f, link: noLink{}, maxFrame: defaultMaxFrame}
	if !h.register(c) {
		t.Fatal("not registered")
	}
	return &desk{t, c}
}

// says has the client send messages; inside of synctest it waits until they are handled.
func (d *desk) says(texts ...string) *desk {
	d.t.Helper()
	for _, text := range texts {
		if err := d.receive([]byte(text), false); err != nil {
			d.t.Fatal(err)
		}
	}
	return d
}

// got takes all that was sent.
func (d *desk) got() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	frames, size := d.out.takeLocked()
	d.out.bytes -= size
	var texts []string
	for _, f := range frames {
		content, _ := unsealed(f)
		texts = append(texts, string(content))
	}
	return texts
}

func (d *desk) gets(want ...string) *desk {
	d.t.Helper()
	if got := d.got(); !slices.Equal(got, want) {
		d.t.Fatalf("sent\n got %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	return d
}

func (d *desk) leaves() { d.close(1001, "") }

// bubble runs a test with rules of its own in a bubble.
func bubble(t *testing.T, rules *testRules, f func(t *testing.T, h *Hub)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.Apply(map[string]Rules{"/socket": rules})
		f(t, h)
	})
}

func shout(t testing.TB, h *Hub, topic, event, payload string) {
	t.Helper()
	if err := h.Broadcast(topic, event, value.JSON([]byte(payload))); err != nil {
		t.Fatal(err)
	}
}

// pass lets time go by inside of synctest, and all that comes of it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
