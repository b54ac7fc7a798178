package channels

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/value"
)

// lobby tracks its members under the id of their connection.
func lobby() *testChannel {
	channel := room()
	channel.afterJoin = func(c *Call) { must(c.Track(c.Membership.Identity().ID, []byte("{}"))) }
	return channel
}

func TestPresenceCrosses(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b := f.ship("a", lobby()), f.ship("b", lobby())
		ann := a.board("ann")
		ann.says(joinOne)
		bob := b.board("bob")
		bob.says(joinOne)
		<-time.After(time.Second)
		if got := bob.heard(); !strings.Contains(got[len(got)-1], `"presence_state",{"ann":`) && !strings.Contains(strings.Join(got, "\n"), `"ann"`) {
			t.Errorf("bob heard %q", got)
		}
		ann.heard()
		for _, s := range []*ship{a, b} {
			if got := s.present("room:1"); got != "ann bob" {
				t.Errorf("on %s present: %s", s.name, got)
			}
		}
		bob.conn.close(1001, "")
		<-time.After(time.Second)
		if got := ann.heard(); len(got) != 1 || !strings.Contains(got[0], `"presence_diff",{"joins":{},"leaves":{"bob"`) {
			t.Errorf("ann heard %q", got)
		}
	})
}

// A diff of another node reaches members here; nobody sends diffs on.
func TestPresenceDiffsAreLocal(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b, c := f.ship("a", lobby()), f.ship("b", lobby()), f.ship("c", room())
		ann, cid := a.board("ann"), c.board("").join("room:1")
		ann.says(joinOne)
		bob := b.board("bob")
		bob.says(joinOne)
		<-time.After(time.Second)
		for _, x := range []*sailor{ann, bob, cid} {
			times := 0
			for _, frame := range x.heard() {
				if strings.Contains(frame, `"presence_diff"`) {
					times += strings.Count(frame, `"bob":{"metas"`)
				}
			}
			if times != 1 && x != bob || times > 1 {
				t.Errorf("on %s bob joined %d times", x.ship.name, times)
			}
		}
		for _, s := range []*ship{a, b, c} {
			if n := s.hub.Stats().Cluster.Published; n != 0 {
				t.Errorf("%s published %d events", s.name, n)
			}
		}
	})
}

func TestADrainedNodeSaysGoodbye(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a := f.ship("a", lobby())
		b, node := f.lone("b", lobby()), f.node("b")
		b.use(node)
		watching := a.board("watching")
		a.board("ann").says(joinOne)
		b.board("bob").says(joinOne)
		<-time.After(time.Second)
		if got := a.present("room:1"); got != "ann bob" {
			t.Fatalf("present: %s", got)
		}
		b.sink()
		if got := a.present("room:1"); got != "ann" {
			t.Errorf("after b has stopped, present: %s", got)
		}
		if got := a.hub.Stats().Cluster; got.Presence.Nodes != 0 || got.Presence.Drops != 0 {
			t.Errorf("%+v", got)
		}
		if watching.code != 0 {
			t.Error("somebody else was closed")
		}
	})
}

func TestANodeThatVanishes(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a := f.ship("a", lobby())
		b, node := f.lone("b", lobby()), f.node("b")
		b.use(node)
		ann := a.board("ann")
		ann.says(joinOne)
		b.board("bob").says(joinOne)
		<-time.After(time.Second)
		ann.heard()
		f.net.Cut("b") // as if it was killed
		<-time.After(30 * time.Second)
		if got := ann.heard(); a.present("room:1") != "ann" || len(got) != 1 || !strings.Contains(got[0], `"leaves":{"bob"`) {
			t.Errorf("present %s, heard %q", a.present("room:1"), got)
		}
	})
}

func TestOutage(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b := f.ship("a", lobby()), f.ship("b", lobby())
		ann, bob := a.board("ann"), b.board("bob")
		ann.says(joinOne)
		bob.says(joinOne)
		<-time.After(time.Second)
		f.net.Cut("a")
		f.net.Cut("b")
		<-time.After(time.Minute)
		late := b.board("late") // joins go on
		late.says(joinOne)
		if got := late.heard(); len(got) == 0 || got[0] != `["1","1","room:1","phx_reply",{"status":"ok","response":{}}]` {
			t.Errorf("a join while cut off: %q", got)
		}
		ann.heard()
		if err := a.hub.Broadcast("room:1", "e", value.Payload{}); !errors.Is(err, ErrNotCrossed) {
			t.Error(err)
		}
		ann.hears(`[null,null,"room:1","e",{}]`)
		f.net.Mend("a")
		f.net.Mend("b")
		<-time.After(20 * time.Second)
		for _, s := range []*ship{a, b} {
			if got := s.present("room:1"); got != "ann bob late" {
				t.Errorf("on %s present: %s", s.name, got)
			}
		}
		got := ann.heard()
		if all := strings.Join(got, "\n"); len(got) != 1 || strings.Contains(all, `"leaves":{"`) || !strings.Contains(all, `"late"`) {
			t.Errorf("ann heard %q", got)
		}
		bob.heard()
		if err := a.hub.Broadcast("room:1", "e", value.Payload{}); err != nil {
			t.Error(err)
		}
		bob.hears(`[null,null,"room:1","e",{}]`)
	})
}

func TestUseBus(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		s := f.lone("a", lobby())
		ann := s.board("ann")
		ann.says(joinOne)
		ann.heard()
		if err := s.hub.Broadcast("room:1", "alone", value.Payload{}); err != nil {
			t.Error(err)
		}
		ann.hears(`[null,null,"room:1","alone",{}]`)

		// Members that were there before a bus are reached over it.
		one := f.node("one")
		s.use(one)
		b := f.ship("b", lobby())
		<-time.After(time.Second)
		if got := b.present("room:1"); got != "ann" {
			t.Errorf("present on b: %s", got)
		}
		if err := b.hub.Broadcast("room:1", "first", value.Payload{}); err != nil {
			t.Error(err)
		}
		ann.hears(`[null,null,"room:1","first",{}]`)

		// The same bus again is nothing.
		before := s.hub.nodes.current.Load()
		if s.use(one); s.hub.nodes.current.Load() != before {
			t.Error("the same bus was taken anew")
		}

		// Another one: all moves over, and the old one is let go of.
		other := &fleet{t: t, net: &bustest.Net{}}
		c := other.ship("c", lobby())
		bob := c.board("bob").says(joinOne)
		bob.heard()
		two := &lazyBus{Bus: other.node("two")}
		s.use(two)
		one.Close()
		if err := b.hub.Broadcast("room:1", "from the old", value.Payload{}); err != nil {
			t.Error(err)
		}
		if err := c.hub.Broadcast("room:1", "from the new", value.Payload{}); err != nil {
			t.Error(err)
		}
		<-time.After(time.Second)
		got := ann.heard()
		if len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), `[null,null,"room:1","from the new",{}]`) || !strings.Contains(strings.Join(got, "\n"), `"joins":{"bob"`) {
			t.Errorf("ann heard %q", got)
		}
		if b.present("room:1") != "" || c.present("room:1") != "ann bob" {
			t.Errorf("present on b: %s, on c: %s", b.present("room:1"), c.present("room:1"))
		}
		if _, err := c.hub.Disconnect("ann"); err != nil {
			t.Error(err)
		}
		if synctest.Wait(); ann.code != 1001 {
			t.Errorf("closed with %d", ann.code)
		}

		// None: this process is alone.
		s.use(nil)
		if got := s.hub.Stats().Cluster; got.Tied || got.Up || got.Topics != 0 {
			t.Errorf("%+v", got)
		}
		two.Close()
		if err := s.hub.Broadcast("room:1", "alone", value.Payload{}); err != nil {
			t.Error(err)
		}
	})
}

// While another bus is being prepared all goes over the one before, and members that come
// meanwhile are moved too.
func TestUseBusMovesWithoutAGap(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		s, other := f.ship("a", room()), f.ship("b", room())
		ann := s.board("").join("room:1")
		next := &lazyBus{Bus: f.node("c"), takes: time.Second} // on the same net, so that b is heard twice
		moved := make(chan struct{})
		go func() { defer close(moved); s.hub.UseBus(next) }()
		<-time.After(time.Second / 2)
		late := s.board("").join("room:2")
		say := func(text string) {
			for topic, x := range map[string]*sailor{"room:1": ann, "room:2": late} {
				must(other.hub.Broadcast(topic, text, value.Payload{}))
				x.hears(fmt.Sprintf(`[null,null,%q,%q,{}]`, topic, text))
			}
		}
		say("meanwhile")
		<-moved
		say("after")

		// A join that began without a bus and ended with one.
		if s.hub.entered("room:3", nil); s.hub.Stats().Cluster.Topics != 3 {
			t.Errorf("%d topics", s.hub.Stats().Cluster.Topics)
		}
	})
}

// Members join and leave while the bus is changed again and again: those that stay hear
// what comes over the last one.
func TestUseBusUnderJoins(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		s := f.lone("a", room())
		var joining sync.WaitGroup
		members := make([]*sailor, 200)
		for i := range members {
			members[i] = s.board("")
			joining.Go(func() {
				<-time.After(time.Duration(i) * time.Millisecond)
				must(members[i].conn.receive(fmt.Appendf(nil, `["1","1","room:%d","phx_join",{}]`, i), false))
			})
		}
		var old bus.Bus
		for range 10 {
			<-time.After(20 * time.Millisecond)
			next := &lazyBus{Bus: f.node("x"), takes: 7 * time.Millisecond}
			s.hub.UseBus(next)
			if old != nil {
				old.Close()
			}
			old = next
		}
		joining.Wait()
		<-time.After(time.Second)
		other := f.node("y")
		for i, x := range members {
			x.heard()
			subject, _ := subjectOf(fmt.Sprintf("room:%d", i))
			if err := other.Publish(subject, crossing{event: "e"}.append(nil)); err != nil {
				t.Fatal(err)
			}
			x.hears(fmt.Sprintf(`[null,null,"room:%d","e",{}]`, i))
		}
	})
}

// The goroutines and subscriptions of a tie end with it: the bubble waits for the ones.
func TestUseBusEnds(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		s, other := f.lone("a", room()), f.node("b")
		b := &lazyBus{Bus: f.node("a")}
		s.board("").join("room:1")
		for range 3 {
			s.use(b)
			s.use(nil)
		}
		subject, _ := subjectOf("room:1")
		for _, to := range []string{subject, disconnectSubject} {
			if err := other.Publish(to, crossing{event: "e"}.append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Minute)
		if got := s.hub.Stats().Cluster; got.Crossed+got.Unreadable != 0 || b.open.Load() != 0 {
			t.Errorf("%+v, %d subscriptions", got, b.open.Load())
		}
	})
}
