package channels

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

// A fleet is some hubs on one net in memory, for a bubble of synctest.
type fleet struct {
	t   *testing.T
	net *bustest.Net
	ids int
}

// A ship is one hub with its rules.
type ship struct {
	fleet *fleet
	name  string
	hub   *Hub
	bus   bus.Bus
	log   *lines
	rules *testRules
	sunk  sync.Once
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sail runs a test on a fleet.
func sail(t *testing.T, test func(t *testing.T, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, &fleet{t: t, net: &bustest.Net{}})
	})
}

// node makes a node of the net.
func (f *fleet) node(name string) bus.Bus {
	b := f.net.Node(name)
	f.t.Cleanup(b.Close)
	return b
}

// ship makes a hub on a node of its own.
func (f *fleet) ship(name string, channels ...*testChannel) *ship {
	b := f.node(name)
	s := f.lone(name, channels...)
	s.use(b)
	return s
}

// lone makes a hub without a bus. It drains at the end of the test.
func (f *fleet) lone(name string, channels ...*testChannel) *ship {
	s := &ship{fleet: f, name: name, hub: newHub(f.t), log: &lines{}, rules: withID(anyOrigin(channels...))}
	s.hub.log = slog.New(slog.NewTextHandler(s.log, nil))
	s.hub.Apply(map[string]Rules{"/socket": s.rules})
	f.t.Cleanup(s.sink)
	return s
}

func (s *ship) use(b bus.Bus) {
	s.bus = b
	s.hub.UseBus(b)
	synctest.Wait()
}

// sink is the end of a process that is stopped.
func (s *ship) sink() { s.sunk.Do(s.drain) }

func (s *ship) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
	defer cancel()
	if err := s.hub.Drain(ctx); err != nil {
		s.fleet.t.Error(err)
	}
	s.hub.UseBus(nil)
	s.hub.Apply(nil)
	synctest.Wait()
	if n := s.rules.uses.Load(); n != 0 {
		s.fleet.t.Errorf("%s: the rules are held %d times", s.name, n)
	}
}

// A sailor is a client whose frames stay in memory.
type sailor struct {
	ship *ship
	conn *conn
	code int
}

func (s *sailor) wake(*wave, bool)          {}
func (s *sailor) flush()                    {}
func (s *sailor) ending(code int, _ string) { s.code = code }
func (s *sailor) sever()                    {}

// board connects a client, which has an id if it is not "".
func (s *ship) board(id string) *sailor {
	s.fleet.t.Helper()
	x := &sailor{ship: s}
	x.conn = &conn{hub: s.hub, mount: s.hub.mount("/socket"), identity: &Identity{ID: id}, form: formV2, link: x, maxFrame: defaultMaxFrame}
	if !s.hub.register(x.conn) {
		s.fleet.t.Fatal("the hub takes no connection")
	}
	return x
}

// says sends a frame and lets all that follows happen.
func (x *sailor) says(text string) *sailor {
	x.ship.fleet.t.Helper()
	if err := x.conn.receive([]byte(text), false); err != nil {
		x.ship.fleet.t.Fatal(err)
	}
	synctest.Wait()
	return x
}

func (x *sailor) join(topic string) *sailor {
	x.ship.fleet.t.Helper()
	x.says(fmt.Sprintf(`["1","1",%q,"phx_join",{}]`, topic))
	x.hears(fmt.Sprintf(`["1","1",%q,"phx_reply",{"status":"ok","response":{}}]`, topic))
	return x
}

// heard gives the frames that came since the last time.
func (x *sailor) heard() (got []string) {
	synctest.Wait()
	x.conn.mu.Lock()
	batch, size := x.conn.out.takeLocked()
	x.conn.mu.Unlock()
	for _, frame := range batch {
		content, isText := unsealed(frame)
		if isText {
			got = append(got, string(content))
		} else {
			got = append(got, fmt.Sprintf("%q", content))
		}
	}
	x.conn.written(batch, size, nil)
	return got
}

func (x *sailor) hears(want ...string) {
	x.ship.fleet.t.Helper()
	if got := x.heard(); !slices.Equal(got, want) {
		x.ship.fleet.t.Fatalf("on %s heard\n%s\nwant\n%s", x.ship.name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// present gives the keys that this node knows in a topic, sorted.
func (s *ship) present(topic string) string {
	synctest.Wait()
	keys := s.hub.Presence().Keys(topic)
	slices.Sort(keys)
	return strings.Join(keys, " ")
}
