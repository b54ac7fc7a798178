package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
)

const (
	// DefaultBeat is how often a node says that it is there.
	DefaultBeat = 3 * time.Second
	// DefaultLease is how long a node is believed without a word from it: five beats, and
	// longer than a bus takes to notice that its own connection is dead.
	DefaultLease = 15 * time.Second

	// lookEvery is how often leases are looked at.
	lookEvery = time.Second
	// asleep is a pause between two looks after which this process has missed things and
	// may not judge others.
	asleep = 3 * time.Second

	confirmTimeout = 2 * time.Second

	subjectAll = "presence"
)

func subjectOf(node string) string { return "presence.of." + node }

// ClusterOptions are what a Cluster needs from outside.
type ClusterOptions struct {
	Bus   bus.Bus
	Log   *slog.Logger
	Beat  time.Duration // 0: DefaultBeat
	Lease time.Duration // 0: DefaultLease; several beats
}

// A Cluster ties a Table to those of other nodes. Each node owns the entries of its members
// and is the only one that says anything about them: in numbered batches, and whole to who
// asks. Who finds a gap in the numbers asks. A node that is not heard for a lease is gone,
// with its entries, until it is heard again.
type Cluster struct {
	table *Table
	bus   bus.Bus
	log   *slog.Logger
	beat  time.Duration
	lease time.Duration

	out      outlog
	sessions sessions
	inbox    inbox
	loaded   chan load
	back     chan struct{} // of one place: the connection is back

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	ended   sync.WaitGroup
	closing sync.Once
	leave   []func() // what ends subscriptions

	peers // of the goroutine that runs, and after it of Close

	nodes                          atomic.Int64
	gaps, drops, bad, lost, unsent atomic.Uint64
}

// ErrClustered means that a table has a cluster already.
var ErrClustered = errors.New("the table is tied to other nodes already")

// NewCluster ties a table to the nodes of a bus until Close. It does not wait for a
// connection. The bus stays the caller's.
func NewCluster(t *Table, o ClusterOptions) (*Cluster, error) {
	c := &Cluster{
		table: t, bus: o.Bus, log: o.Log, beat: o.Beat, lease: o.Lease,
		inbox:  inbox{ready: make(chan struct{}, 1)},
		loaded: make(chan load),
		back:   make(chan struct{}, 1),
		peers:  peers{known: map[string]*peer{}},
	}
	if c.beat == 0 {
		c.beat = DefaultBeat
	}
	if c.lease == 0 {
		c.lease = DefaultLease
	}
	// A second cluster of one process begins above the numbers of the first, so that who
	// missed the end of that one finds a gap.
	c.out.seq = uint64(time.Now().UnixMicro())
	c.measure()
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if !t.cluster.CompareAndSwap(nil, c) {
		c.cancel()
		return nil, ErrClustered
	}
	if err := c.subscribe(); err != nil {
		c.detach()
		return nil, err
	}
	c.ended.Go(c.run)
	return c, nil
}

func (c *Cluster) subscribe() error {
	all, err := c.bus.Subscribe(subjectAll, c.receive)
	if err != nil {
		return fmt.Errorf("listen to the presence of other nodes: %w", err)
	}
	c.leave = append(c.leave, all.Close)
	asked, err := c.bus.Answer(subjectOf(c.bus.Node()), c.answer)
	if err != nil {
		return fmt.Errorf("answer other nodes who is present: %w", err)
	}
	c.leave = append(c.leave, asked.Close, c.bus.Watch(c.changed))
	return nil
}

func (c *Cluster) detach() {
	c.cancel()
	for _, leave := range c.leave {
		leave()
	}
	c.table.cluster.CompareAndSwap(c, nil)
}

// Close tells the others what happened last and that this node is gone, and takes their
// entries out of the table. Members that are still tracked stay in it.
func (c *Cluster) Close() {
	c.closing.Do(func() {
		c.table.flush()
		c.detach()
		c.ended.Wait()
		c.say(kindBye)
		for _, p := range c.known {
			c.forget(p)
		}
	})
}

// receive is called by the bus, for one message at a time.
func (c *Cluster) receive(data []byte) {
	if !c.inbox.put(data) {
		c.lost.Add(1)
	}
}

func (c *Cluster) changed(up bool) {
	if up {
		select {
		case c.back <- struct{}{}:
		default:
		}
	}
}

func (c *Cluster) run() {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	c.returned()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.inbox.ready:
			c.read()
		case l := <-c.loaded:
			c.finish(l)
		case <-c.back:
			c.returned()
		case <-look.C:
			c.read() // who was heard is not judged by what was not read
			c.look(time.Now())
		}
	}
}

// returned begins anew with the others when there is a connection again: whoever has another
// number than we know, or knows another one than we have, asks.
func (c *Cluster) returned() {
	c.judge(time.Now())
	if !c.bus.Up() {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, confirmTimeout)
	defer cancel()
	if err := c.bus.Confirm(ctx); err != nil && c.ctx.Err() == nil {
		c.log.Info("presence: listening to other nodes is not confirmed yet", "error", err)
	}
	c.measure()
	c.say(kindHello)
	c.said = time.Now()
}

// read handles all messages that wait.
func (c *Cluster) read() {
	asked := false
	for _, a := range c.inbox.take() {
		m, err := parseMessage(a.data)
		if err != nil {
			c.garbled(err)
			continue
		}
		if m.node != c.bus.Node() {
			asked = asked || m.kind == kindHello
			c.handle(m, a.at)
		}
	}
	if asked { // once for all that said hello
		c.say(kindBeat)
		c.said = time.Now()
	}
	c.startLoads()
}

func (c *Cluster) look(now time.Time) {
	if now.Sub(c.looked) > asleep || !c.bus.Up() {
		c.judge(now)
	}
	c.looked = now
	if now.Sub(c.said) >= c.beat {
		c.measure()
		c.say(kindBeat)
		c.said = now
	}
	for _, p := range c.known {
		if heard := p.heard; now.Sub(later(heard, c.since)) > c.lease {
			c.drop(p, "a node is not heard any more: its presences leave")
		}
	}
	c.startLoads()
	c.sessions.expire(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// garbled counts a message that cannot be read and logs it, one of many.
func (c *Cluster) garbled(err error) {
	if n := c.bad.Add(1); n&(n-1) == 0 {
		c.log.Warn("presence: a message between nodes cannot be read", "so far", n, "error", err)
	}
}

// Stats are counts of a cluster.
type Stats struct {
	Nodes  int    // other nodes that are known now
	Gaps   uint64 // how often messages of a node were missed, and it was asked
	Drops  uint64 // nodes that were not heard for a lease
	Bad    uint64 // messages that cannot be read
	Lost   uint64 // messages of others that found no room
	Unsent uint64 // messages to others that did not leave
}

// Stats counts what happened so far. Entries are counted by Table.Len.
func (c *Cluster) Stats() Stats {
	return Stats{
		Nodes: int(c.nodes.Load()), Gaps: c.gaps.Load(), Drops: c.drops.Load(),
		Bad: c.bad.Load(), Lost: c.lost.Load(), Unsent: c.unsent.Load(),
	}
}
