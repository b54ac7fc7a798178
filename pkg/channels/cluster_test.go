package channels

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/value"
)

func TestBroadcastCrosses(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b, c := f.ship("a", room()), f.ship("b", room()), f.ship("c", room())
		ann, too, bob, cid, other := a.board("").join("room:1"), a.board("").join("room:1"), b.board("").join("room:1"), c.board("").join("room:1"), b.board("").join("room:2")
		ann.says(`["1","2","room:1","new_msg",{"n": 1.0, "n": 1e400}]`)
		for _, x := range []*sailor{ann, too, bob, cid} {
			x.hears(`[null,null,"room:1","new_msg",{"n": 1.0, "n": 1e400}]`)
		}
		ann.says(`["1","3","room:1","others",[]]`)
		ann.hears()
		for _, x := range []*sailor{too, bob, cid} {
			x.hears(`[null,null,"room:1","from",[]]`)
		}
		if err := b.hub.Broadcast("room:1", "outside", value.Payload{Bytes: []byte{0, 255}, Binary: true}); err != nil {
			t.Fatal(err)
		}
		for _, x := range []*sailor{ann, too, bob, cid} {
			x.hears(fmt.Sprintf("%q", "\x02\x06\x07room:1outside\x00\xff"))
		}
		if err := b.hub.BroadcastLocal("room:1", "here", value.Payload{}); err != nil {
			t.Fatal(err)
		}
		bob.hears(`[null,null,"room:1","here",{}]`)
		for _, x := range []*sailor{ann, too, cid, other} {
			x.hears()
		}
		if got := a.hub.Stats().Cluster; !got.Tied || !got.Up || got.Published != 2 || got.Crossed != 1 || got.NotCrossed != 0 || got.Topics != 1 {
			t.Errorf("stats of a: %+v", got)
		}
	})
}

func TestTopicsOfAllKinds(t *testing.T) {
	long := strings.Repeat("x", 900)
	topics := []string{"", "a", "a.b", "*", ">", "with spaces", "ü", "日本", "\x00", long, long + "y", long[:maxWhole], long[:maxWhole+1]}
	sail(t, func(t *testing.T, f *fleet) {
		open := room()
		open.topic = "*"
		a, b := f.ship("a", open), f.ship("b", open)
		members := make([]*sailor, len(topics))
		for i, topic := range topics {
			members[i] = b.board("")
			members[i].says(string(value.AppendJSONString([]byte(`["1","1",`), topic)) + `,"phx_join",{}]`)
			members[i].heard()
		}
		for i, topic := range topics {
			if err := a.hub.Broadcast(topic, "e", value.Payload{}); err != nil {
				t.Errorf("to %q: %v", topic, err)
			}
			for j, x := range members {
				if got := len(x.heard()); got == 1 != (i == j) {
					t.Errorf("the member of %q heard %d events of %q", topics[j], got, topic)
				}
			}
		}
	})
}

// A topic that is as long as the hash of another one is not taken for it.
func TestSubjects(t *testing.T) {
	seen := map[string]string{}
	for _, topic := range []string{"", "a", "A", strings.Repeat("x", 150), strings.Repeat("x", 151), strings.Repeat("x", 100_000), "room:1", "a.b", "a b"} {
		subject, said := subjectOf(topic)
		if !bus.IsSubject(subject) || len(subject) > 202 {
			t.Errorf("%q is the subject of a topic of %d bytes", subject, len(topic))
		}
		if whole := len(topic) > 0 && len(topic) <= 150; whole != (said == "" && topic != "") {
			t.Errorf("the topic of %d bytes has to be said: %q", len(topic), said)
		}
		if before, ok := seen[subject]; ok {
			t.Errorf("%q and %q have one subject", before, topic)
		}
		seen[subject] = topic
	}
}

func TestOrderAcrossNodes(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b := f.ship("a", room()), f.ship("b", room())
		bob := b.board("").join("room:1")
		for i := range 1000 {
			if err := a.hub.Broadcast("room:1", "e", value.JSON(fmt.Appendf(nil, "%d", i))); err != nil {
				t.Fatal(err)
			}
		}
		for i, got := range bob.heard() {
			if want := fmt.Sprintf(`[null,null,"room:1","e",%d]`, i); got != want {
				t.Fatalf("at %d heard %s", i, got)
			}
		}
	})
}

func TestDisconnectCrosses(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, b := f.ship("a", room()), f.ship("b", room())
		here, there, idle, other := a.board("user:1").join("room:1"), b.board("user:1").join("room:1"), b.board("user:1"), b.board("user:2")
		if n, err := a.hub.Disconnect("user:1"); n != 1 || err != nil {
			t.Errorf("Disconnect: %d, %v", n, err)
		}
		synctest.Wait()
		for _, x := range []*sailor{here, there, idle} {
			if x.code != 1001 {
				t.Errorf("on %s closed with %d, want 1001", x.ship.name, x.code)
			}
		}
		if other.code != 0 {
			t.Errorf("another id was closed with %d", other.code)
		}
		if err := a.hub.Broadcast("user:2", "disconnect", value.Payload{}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if other.code != 1001 {
			t.Errorf("the broadcast of disconnect closed with %d", other.code)
		}
	})
}

func TestWhatCannotCross(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		f.net.Max = 1000
		a, b := f.ship("a", room()), f.ship("b", room())
		ann, bob := a.board("").join("room:1"), b.board("").join("room:1")
		large := value.JSON([]byte(`"` + strings.Repeat("x", 2000) + `"`))
		if err := a.hub.Broadcast("room:1", "large", large); !errors.Is(err, ErrNotCrossed) || !errors.Is(err, bus.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		f.net.Cut("a")
		if err := a.hub.Broadcast("room:1", "lost", value.Payload{}); !errors.Is(err, ErrNotCrossed) || !errors.Is(err, bus.ErrDown) {
			t.Errorf("while cut off: %v", err)
		}
		if n, err := a.hub.Disconnect("user:1"); n != 0 || !errors.Is(err, ErrNotCrossed) {
			t.Errorf("Disconnect while cut off: %d, %v", n, err)
		}
		if got := ann.heard(); len(got) != 2 {
			t.Errorf("the members here heard %d events", len(got))
		}
		bob.hears()
		if got := a.hub.Stats().Cluster; got.Up || got.NotCrossed != 3 {
			t.Errorf("stats: %+v", got)
		}
		f.net.Mend("a")
		if err := a.hub.Broadcast("room:1", "back", value.Payload{}); err != nil {
			t.Error(err)
		}
		bob.hears(`[null,null,"room:1","back",{}]`)
		if err := b.hub.Broadcast("room:1", "back", value.Payload{}); err != nil {
			t.Error(err)
		}
		ann.hears(`[null,null,"room:1","back",{}]`, `[null,null,"room:1","back",{}]`)
	})
}

func TestUnreadableMessages(t *testing.T) {
	good := crossing{event: "e", payload: value.JSON([]byte("1"))}.append(nil)
	whole := crossing{topic: "room:2", event: "e"}.append(nil)
	sail(t, func(t *testing.T, f *fleet) {
		a := f.ship("a", room())
		ann := a.board("").join("room:1")
		stranger := f.node("stranger")
		subject, _ := subjectOf("room:1")
		bad := [][]byte{nil, {1}, {2, 0, 1, 'e'}, {1, 4, 1, 'e'}, {1, 0, 5, 'e'}, {1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, {1, 0, 1, 0xff}, whole, {1, 2, 1, 'e', 200},
			crossing{event: "phx_close"}.append(nil)}
		for _, data := range append(bad, good) {
			if err := stranger.Publish(subject, data); err != nil {
				t.Fatal(err)
			}
		}
		for _, data := range [][]byte{nil, {9, 'a'}} {
			if err := stranger.Publish(disconnectSubject, data); err != nil {
				t.Fatal(err)
			}
		}
		ann.hears(`[null,null,"room:1","e",1]`)
		logged := func() int { return strings.Count(a.log.String(), "a message of another node cannot be read") }
		if got := a.hub.Stats().Cluster; got.Unreadable != uint64(len(bad)+2) || got.Crossed != 1 || logged() != 1 {
			t.Errorf("stats %+v, logged %d times", got, logged())
		}
		<-time.After(complainEvery)
		if err := stranger.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if synctest.Wait(); logged() != 2 {
			t.Errorf("logged %d times after a minute", logged())
		}
	})
}

func FuzzCrossing(f *testing.F) {
	f.Add(crossing{event: "e", payload: value.JSON([]byte("{}"))}.append(nil))
	f.Add(crossing{topic: "t", event: "", payload: value.Payload{Bytes: []byte{0}, Binary: true}}.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseCrossing(data)
		if err != nil {
			return
		}
		again, err := parseCrossing(m.append(nil))
		if err != nil || again.topic != m.topic || again.event != m.event || again.payload.Binary != m.payload.Binary || string(again.payload.Bytes) != string(m.payload.Bytes) {
			t.Errorf("%+v came back as %+v, %v", m, again, err)
		}
	})
}
