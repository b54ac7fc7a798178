package channels

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
)

const (
	// confirmWait is how long a join waits until events of other nodes are sure to arrive.
	// Without them it goes on: those of this node do.
	confirmWait = 2 * time.Second
	// keepListening is how long, at least, a topic is listened to after its last member left:
	// who loads a page anew leaves and joins.
	keepListening = 10 * time.Second
	// sweepEvery is how often topics without members are looked for.
	sweepEvery = 5 * time.Second
)

// A listening is a topic that this node hears of from others. There is one for each topic
// with members or with joins under way, and for a while after.
type listening struct {
	cluster   *cluster
	topic     string
	sub       bus.Subscription // nil where the bus was closed
	confirmed atomic.Uint64    // the link in which the subscription was in force

	// Under the shard's lock.
	joins int       // under way
	idle  time.Time // since when there were no members and no joins; zero: there are
}

type listeningShard struct {
	mu     sync.Mutex
	topics map[string]*listening
}

func (s *listeningShard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.topics)
}

// entering is called before a member is in: what other nodes send from now on reaches this
// one, where that can be had within confirmWait. What it gives is for entered.
func (h *Hub) entering(topic string) *listening {
	for {
		c := h.nodes.current.Load()
		if c == nil {
			return nil
		}
		l := c.hold(topic)
		sure := l.confirmed.Load() == c.links.Load() || l.confirm()
		if !c.isCurrent() {
			l.release()
			continue
		}
		if !sure {
			h.nodes.unconfirmed.Add(1)
		}
		return l
	}
}

// entered is called when the member is in, or is not to be after all.
func (h *Hub) entered(topic string, l *listening) {
	if l != nil {
		l.release()
	}
	// UseBus looks for members after it has changed what is current. This one may have come
	// after that, with the bus before.
	if c := h.nodes.current.Load(); c != nil && (l == nil || l.cluster != c) {
		c.hold(topic).release()
	}
}

func (c *cluster) shard(topic string) *listeningShard {
	return &c.shards[c.hub.shardOf(topic)]
}

// hold gives the listening of a topic, which stays until release.
func (c *cluster) hold(topic string) *listening {
	s := c.shard(topic)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.topics[topic]
	if l == nil {
		l = &listening{cluster: c, topic: topic}
		subject, said := subjectOf(topic)
		sub, err := c.bus.Subscribe(subject, func(data []byte) { c.receive(topic, said, data) })
		if err == nil {
			l.sub = sub
		} // else the bus is closed, and another one is about to be the current one
		s.topics[topic] = l
	}
	l.joins++
	l.idle = time.Time{}
	return l
}

func (l *listening) release() {
	s := l.cluster.shard(l.topic)
	s.mu.Lock()
	defer s.mu.Unlock()
	l.joins--
}

// confirm waits until the subscription is in force. Joins of one moment, also to different
// topics, share a round trip of the bus.
func (l *listening) confirm() bool {
	link, ok := l.cluster.confirm()
	if ok {
		l.confirmed.Store(link)
	}
	return ok
}

// confirm tells in which link all subscriptions so far are in force.
func (c *cluster) confirm() (link uint64, ok bool) {
	link = c.links.Load()
	ctx, cancel := context.WithTimeout(c.ctx, confirmWait)
	defer cancel()
	return link, c.bus.Confirm(ctx) == nil
}

// listenToMembers listens to all topics that have members.
func (c *cluster) listenToMembers() {
	for i := range c.hub.shards {
		for _, topic := range c.hub.shards[i].names() {
			c.hold(topic).release()
		}
	}
}

func (s *topicShard) names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, 0, len(s.topics))
	for name := range s.topics {
		names = append(names, name)
	}
	return names
}

func (s *topicShard) has(topic string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.topics[topic]) > 0
}

// sweepIdle ends what is not listened to any more, until close.
func (c *cluster) sweepIdle() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for i := range c.shards {
				c.shards[i].sweep(&c.hub.shards[i], &c.hub.kept.shards[i], now)
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// sweep looks at the topics of one shard, whose members are in the hub's of the same number.
func (s *listeningShard) sweep(members *topicShard, kept *rings, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, l := range s.topics {
		switch {
		case l.joins > 0 || members.has(topic) || kept.has(topic): // who comes back is to miss nothing
			l.idle = time.Time{}
		case l.idle.IsZero():
			l.idle = now
		case now.Sub(l.idle) >= keepListening:
			delete(s.topics, topic)
			l.end()
		}
	}
}

func (s *listeningShard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.topics {
		l.end()
	}
	s.topics = map[string]*listening{}
}

func (l *listening) end() {
	if l.sub != nil {
		l.sub.Close()
	}
}
