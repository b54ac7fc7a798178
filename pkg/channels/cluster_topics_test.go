package channels

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/value"
)

// A lazyBus confirms late, or never.
type lazyBus struct {
	bus.Bus
	takes    time.Duration
	confirms atomic.Int64
	subs     atomic.Int64
	open     atomic.Int64
}

// A counted subscription is open until it is closed.
type counted struct {
	bus.Subscription
	open *atomic.Int64
}

func (c *counted) Close() {
	c.open.Add(-1)
	c.Subscription.Close()
}

func (l *lazyBus) Confirm(ctx context.Context) error {
	l.confirms.Add(1)
	select {
	case <-time.After(l.takes):
		return l.Bus.Confirm(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *lazyBus) Subscribe(subject string, handle func([]byte)) (bus.Subscription, error) {
	l.subs.Add(1)
	l.open.Add(1)
	sub, err := l.Bus.Subscribe(subject, handle)
	return &counted{sub, &l.open}, err
}

// aboard runs a test with one hub over a lazy bus.
func aboard(t *testing.T, takes time.Duration, test func(t *testing.T, f *fleet, s *ship, l *lazyBus)) {
	t.Helper()
	sail(t, func(t *testing.T, f *fleet) {
		s := f.lone("a", room())
		l := &lazyBus{Bus: f.node("a"), takes: takes}
		s.use(l)
		test(t, f, s, l)
	})
}

const joinOne = `["1","1","room:1","phx_join",{}]`

func TestAJoinWaitsForItsSubscription(t *testing.T) {
	aboard(t, time.Second, func(t *testing.T, f *fleet, s *ship, l *lazyBus) {
		<-time.After(confirmWait) // what the presences confirmed
		l.confirms.Store(0)
		first, second, other := s.board(""), s.board(""), s.board("")
		first.says(joinOne)
		second.says(joinOne)
		other.says(`["1","1","room:2","phx_join",{}]`)
		first.hears()
		<-time.After(time.Second)
		for _, x := range []*sailor{first, second, other} {
			if got := x.heard(); len(got) != 1 {
				t.Errorf("after it was confirmed: %q", got)
			}
		}
		confirmed := l.confirms.Load()
		s.board("").join("room:1") // at once
		if l.confirms.Load() != confirmed || s.hub.Stats().Cluster.Unconfirmed != 0 {
			t.Errorf("%d confirmations after %d", l.confirms.Load(), confirmed)
		}
	})
}

func TestAJoinWaitsNotForever(t *testing.T) {
	aboard(t, time.Hour, func(t *testing.T, f *fleet, s *ship, l *lazyBus) {
		ann := s.board("").says(joinOne)
		<-time.After(confirmWait - time.Millisecond)
		ann.hears()
		<-time.After(time.Millisecond)
		ann.hears(`["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`)
		if got := s.hub.Stats().Cluster.Unconfirmed; got != 1 {
			t.Errorf("%d joins went on without", got)
		}
		l.takes = 0
		s.board("").join("room:1") // tries again
		confirmed := l.confirms.Load()
		if s.board("").join("room:1"); l.confirms.Load() != confirmed {
			t.Error("a topic that is confirmed is confirmed again")
		}
		f.net.Cut("a")
		synctest.Wait()
		s.board("").join("room:1") // at once: it is known to be down
		if got := s.hub.Stats().Cluster.Unconfirmed; got != 2 {
			t.Errorf("%d joins went on without, want 2", got)
		}
		f.net.Mend("a")
		synctest.Wait()
		confirmed = l.confirms.Load()
		if s.board("").join("room:1"); l.confirms.Load() != confirmed+1 {
			t.Error("after an outage it is not confirmed again")
		}
	})
}

// The bus is changed while a join waits: it waits for the new one.
func TestAJoinThatIsMovedWaits(t *testing.T) {
	aboard(t, time.Hour, func(t *testing.T, f *fleet, s *ship, _ *lazyBus) {
		ann := s.board("").says(joinOne)
		<-time.After(time.Second / 2)
		s.use(&lazyBus{Bus: f.node("b"), takes: time.Second})
		<-time.After(time.Second - time.Millisecond)
		ann.hears()
		<-time.After(time.Millisecond)
		ann.hears(`["1","1","room:1","phx_reply",{"status":"ok","response":{}}]`)
		if got := s.hub.Stats().Cluster; got.Unconfirmed != 0 || got.Topics != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestManyTopicsAtOnce(t *testing.T) {
	aboard(t, 100*time.Millisecond, func(t *testing.T, f *fleet, s *ship, l *lazyBus) {
		<-time.After(time.Second)
		began := time.Now()
		const topics = 3000
		members := make([]*sailor, topics)
		for i := range members {
			members[i] = s.board("")
			if err := members[i].conn.receive(fmt.Appendf(nil, `["1","1","room:%d","phx_join",{}]`, i), false); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		<-time.After(100 * time.Millisecond)
		for _, x := range members {
			if got := x.heard(); len(got) != 1 {
				t.Fatalf("%q after %s", got, time.Since(began))
			}
		}
		if got := s.hub.Stats().Cluster; got.Topics != topics || got.Unconfirmed != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestATopicIsListenedToForAWhile(t *testing.T) {
	aboard(t, 0, func(t *testing.T, f *fleet, s *ship, l *lazyBus) {
		topics := func() int { return s.hub.Stats().Cluster.Topics }
		ann, stays := s.board("").join("room:1"), s.board("").join("room:2")
		<-time.After(time.Hour)
		subs := l.subs.Load()
		for range 5 { // a page that is loaded anew
			ann.conn.close(1001, "")
			<-time.After(2 * time.Second)
			ann = s.board("").join("room:1")
			<-time.After(time.Minute)
		}
		if topics() != 2 || l.subs.Load() != subs {
			t.Errorf("%d topics, %d new subscriptions", topics(), l.subs.Load()-subs)
		}
		<-time.After(sweepEvery/2 + sweepEvery) // between two looks
		ann.conn.close(1001, "")
		<-time.After(keepListening - time.Second)
		if topics() != 2 {
			t.Error("the topic is not kept")
		}
		<-time.After(2*sweepEvery + 2*time.Second)
		if topics() != 1 {
			t.Errorf("%d topics are kept", topics())
		}
		s.board("").join("room:1")
		other := f.node("b")
		for _, topic := range []string{"room:1", "room:2"} {
			subject, _ := subjectOf(topic)
			if err := other.Publish(subject, crossing{event: "e"}.append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		stays.hears(`[null,null,"room:2","e",{}]`)
		if got := s.hub.Stats().Cluster.Crossed; got != 2 {
			t.Errorf("%d messages crossed", got)
		}
	})
}

func TestRefusedJoinsListenToNothing(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		closed := room()
		closed.join = func(c *Call) { must(c.Reply("error", value.Payload{})) }
		a := f.ship("a", closed)
		ann := a.board("").says(joinOne)
		if got := ann.heard(); len(got) != 1 || a.hub.Stats().Cluster.Topics != 0 {
			t.Errorf("%q, %d topics", got, a.hub.Stats().Cluster.Topics)
		}
	})
}
