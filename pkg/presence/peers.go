package presence

import (
	"context"
	"time"
)

const (
	// maxNodes bounds the other nodes that are known at the same time.
	maxNodes = 1024
	// maxLoads bounds the nodes that are asked at the same time.
	maxLoads = 4
	// maxQueue bounds the batches, in bytes, that wait until a node has answered. Over it
	// the node is asked again.
	maxQueue = 8 << 20
	// retryAfter is the pause before a node is asked again that did not answer.
	retryAfter = time.Second
)

// peers are the other nodes, as one goroutine knows them.
type peers struct {
	known  map[string]*peer
	loads  int
	since  time.Time // silence before it proves nothing about the others
	looked time.Time
	said   time.Time // our last beat
}

// A peer is another node.
type peer struct {
	node  string
	view  view
	seq   uint64 // of the last batch in the view
	heard time.Time

	stale  bool // the view is not known to be whole: the node is to be asked
	retry  time.Time
	cancel context.CancelFunc // of the load that runs; nil without one
	queue  []message          // that came while it runs
	bytes  int
	missed bool // the queue had no room
}

// judge gives everybody a whole lease from now: who was cut off or asleep knows nothing
// about the others.
func (c *Cluster) judge(now time.Time) { c.since, c.looked = now, now }

func (c *Cluster) handle(m message, at time.Time) {
	p := c.known[m.node]
	if m.kind == kindBye {
		if p != nil {
			c.log.Info("a node said goodbye", "node", p.node, "presences", len(p.view))
			c.forget(p)
		}
		return
	}
	if p == nil {
		if len(c.known) >= maxNodes {
			c.lost.Add(1)
			return
		}
		p = &peer{node: m.node, view: view{}, stale: true}
		c.known[m.node] = p
		c.nodes.Store(int64(len(c.known)))
		c.log.Info("a node is there", "node", m.node)
	}
	p.heard = at
	switch {
	case p.cancel != nil:
		c.keep(p, m)
	case p.stale: // it will be asked after this, and then its answer holds this
	case m.kind == kindBatch:
		c.advance(p, m)
	case m.seq > p.seq:
		c.gap(p)
	}
}

// keep holds a message until the answer of the node is there.
func (c *Cluster) keep(p *peer, m message) {
	if p.bytes+len(m.body)+messageHead > maxQueue {
		p.missed = true
	}
	if !p.missed {
		p.queue = append(p.queue, m)
		p.bytes += len(m.body) + messageHead
	}
}

// advance takes a batch that follows on the last one.
func (c *Cluster) advance(p *peer, m message) {
	if m.seq <= p.seq {
		return
	}
	if m.seq > p.seq+1 {
		c.gap(p)
		return
	}
	groups, err := parseChanges(m.body)
	if err != nil {
		c.garbled(err)
		c.gap(p)
		return
	}
	for _, g := range groups {
		c.table.apply(g.topic, g.changes, p.view)
	}
	p.seq = m.seq
}

func (c *Cluster) gap(p *peer) {
	p.stale = true
	c.gaps.Add(1)
	c.log.Info("presence: messages of a node were missed, it is asked for all it has", "node", p.node)
}

// startLoads asks nodes whose view is not whole.
func (c *Cluster) startLoads() {
	if !c.bus.Up() {
		return
	}
	for _, p := range c.known {
		if c.loads >= maxLoads {
			return
		}
		if !p.stale || p.cancel != nil || time.Now().Before(p.retry) {
			continue
		}
		ctx, cancel := context.WithCancel(c.ctx)
		p.cancel = cancel
		c.loads++
		c.ended.Go(func() { c.fetch(ctx, p) })
	}
}

// finish takes what a node answered, and what it said meanwhile.
func (c *Cluster) finish(l load) {
	c.loads--
	p := l.peer
	if c.known[p.node] == p {
		p.cancel()
		p.cancel = nil
		c.settleLoad(p, l)
	}
	c.startLoads()
}

func (c *Cluster) settleLoad(p *peer, l load) {
	queue, missed := p.queue, p.missed
	p.queue, p.bytes, p.missed = nil, 0, false
	if l.err != nil {
		p.retry = time.Now().Add(retryAfter)
		c.log.Info("presence: a node did not tell what it has, it is asked again", "node", p.node, "error", l.err)
		return
	}
	c.table.replaceView(l.groups, p.view)
	p.seq, p.stale = l.seq, missed
	for _, m := range queue {
		if p.stale {
			return
		}
		if m.kind == kindBatch {
			c.advance(p, m)
		} else if m.seq > p.seq {
			c.gap(p)
		}
	}
}

// drop takes out a node that has ended without a word.
func (c *Cluster) drop(p *peer, why string) {
	c.drops.Add(1)
	c.log.Warn(why, "node", p.node, "presences", len(p.view))
	c.forget(p)
}

// forget takes a node and its entries out.
func (c *Cluster) forget(p *peer) {
	if p.cancel != nil {
		p.cancel()
	}
	delete(c.known, p.node)
	c.nodes.Store(int64(len(c.known)))
	c.table.replaceView(nil, p.view)
}
