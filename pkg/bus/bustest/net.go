// Package bustest holds what tests of the bus between nodes need: its contract, a net of
// nodes in memory, and a NATS server of a test's own.
package bustest

import (
	"context"
	"fmt"
	"log"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/openmanifest/gateway/pkg/bus"
)

// A Net is some nodes in memory. The zero value is one without nodes. It is made for bubbles
// of testing/synctest: its waits are on channels, and its nodes have to be closed before the
// bubble ends.
type Net struct {
	// Max is what MaxBytes of its nodes gives; 0 is 1 MiB.
	Max int

	mu    sync.Mutex
	nodes []*node
	cut   map[string]bool
	made  map[string]int
}

// Node gives a new node of the net, whose name is also what Node() of the bus gives. One of a
// name that was there before is called name-2, name-3: a process that was started again.
func (n *Net) Node(name string) bus.Bus {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made == nil {
		n.cut, n.made = map[string]bool{}, map[string]int{}
	}
	n.made[name]++
	if times := n.made[name]; times > 1 {
		name = fmt.Sprintf("%s-%d", name, times)
	}
	x := &node{net: n, name: name, wake: make(chan struct{}, 1), lost: make(chan struct{}), ended: make(chan struct{})}
	x.ctx, x.cancel = context.WithCancel(context.Background())
	n.nodes = append(n.nodes, x)
	go x.dispatch()
	return x
}

// Cut takes the connection of the node called name away: what it and others send each other
// is lost, and it knows.
func (n *Net) Cut(name string) { n.set(name, true) }

// Mend gives it back.
func (n *Net) Mend(name string) { n.set(name, false) }

func (n *Net) set(name string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := slices.IndexFunc(n.nodes, func(x *node) bool { return x.name == name })
	if at < 0 {
		panic("bustest: there is no node " + name)
	}
	if x := n.nodes[at]; n.cut[name] != cut {
		n.cut[name] = cut
		if cut {
			close(x.lost)
		} else {
			x.lost = make(chan struct{})
		}
		x.add(func() { x.watchers.Tell(!cut) })
	}
}

// reaches tells whether a node has a connection. The lock is held.
func (n *Net) reaches(x *node) bool { return !n.cut[x.name] && !x.closed }

// A node is a bus.Bus. Its fields are under the lock of the net.
type node struct {
	net      *Net
	name     string
	subs     []*subscription
	watchers bus.Watchers
	tasks    []func() // what waits for dispatch
	wake     chan struct{}
	lost     chan struct{} // closed while cut, and after Close
	closed   bool
	ended    chan struct{} // closed when dispatch has ended
	ctx      context.Context
	cancel   context.CancelFunc
	asked    int // questions being answered
	answers  sync.WaitGroup
}

type subscription struct {
	node    *node
	subject string
	handle  func(data []byte)
	answer  func(ctx context.Context, data []byte) []byte
	closed  bool
}

// add leaves something to dispatch. The lock is held.
func (x *node) add(task func()) {
	x.tasks = append(x.tasks, task)
	select {
	case x.wake <- struct{}{}:
	default:
	}
}

func (x *node) dispatch() {
	defer close(x.ended)
	for {
		select {
		case <-x.wake:
		case <-x.ctx.Done():
			return
		}
		x.net.mu.Lock()
		tasks := x.tasks
		x.tasks = nil
		x.net.mu.Unlock()
		for _, task := range tasks {
			if x.ctx.Err() == nil {
				survive(task)
			}
		}
	}
}

func survive(task func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Printf("bustest: a handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	task()
}

func (x *node) Node() string { return x.name }

func (x *node) MaxBytes() int {
	if x.net.Max > 0 {
		return x.net.Max
	}
	return 1 << 20
}

func (x *node) Up() bool {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	return x.net.reaches(x)
}

func (x *node) Watch(changed func(up bool)) (stop func()) { return x.watchers.Add(changed) }

// fits looks at a message that is to be sent. The lock is held.
func (x *node) fits(subject string, data []byte) error {
	switch {
	case !bus.IsSubject(subject):
		return bus.ErrSubject
	case len(data) > x.MaxBytes():
		return bus.ErrTooLarge
	case !x.net.reaches(x):
		return bus.ErrDown
	}
	return nil
}

func (x *node) Publish(subject string, data []byte) error {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	if err := x.fits(subject, data); err != nil {
		return err
	}
	for _, s := range x.others(subject) {
		if s.handle != nil {
			own := slices.Clone(data)
			s.node.add(func() {
				if s.open() {
					s.handle(own)
				}
			})
		}
	}
	return nil
}

// others are the subscriptions of other nodes to a subject. The lock is held.
func (x *node) others(subject string) (found []*subscription) {
	for _, y := range x.net.nodes {
		if y == x || !x.net.reaches(y) {
			continue
		}
		for _, s := range y.subs {
			if s.subject == subject {
				found = append(found, s)
			}
		}
	}
	return found
}

func (s *subscription) open() bool {
	s.node.net.mu.Lock()
	defer s.node.net.mu.Unlock()
	return !s.closed
}

func (s *subscription) Close() {
	s.node.net.mu.Lock()
	defer s.node.net.mu.Unlock()
	s.closed = true
	s.node.subs = slices.DeleteFunc(s.node.subs, func(other *subscription) bool { return other == s })
}

func (x *node) Subscribe(subject string, handle func(data []byte)) (bus.Subscription, error) {
	return x.subscribe(&subscription{node: x, subject: subject, handle: handle})
}

func (x *node) Answer(subject string, handle func(ctx context.Context, data []byte) []byte) (bus.Subscription, error) {
	return x.subscribe(&subscription{node: x, subject: subject, answer: handle})
}

func (x *node) subscribe(s *subscription) (bus.Subscription, error) {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	switch {
	case !bus.IsSubject(s.subject):
		return nil, bus.ErrSubject
	case x.closed:
		return nil, bus.ErrDown
	}
	x.subs = append(x.subs, s)
	return s, nil
}

func (x *node) Confirm(ctx context.Context) error {
	if !x.Up() {
		return bus.ErrDown
	}
	if ctx.Err() != nil {
		return fmt.Errorf("confirm subscriptions: %w", ctx.Err())
	}
	return nil
}

type reply struct {
	data []byte
	err  error
}

func (x *node) Ask(ctx context.Context, subject string, data []byte) ([]byte, error) {
	answer, lost, err := x.ask(subject, data)
	if err != nil {
		return nil, err
	}
	select {
	case got := <-answer:
		return got.data, got.err
	case <-lost:
		return nil, bus.ErrDown
	case <-ctx.Done():
		return nil, fmt.Errorf("ask another node about %s: %w", subject, ctx.Err())
	}
}

func (x *node) ask(subject string, data []byte) (<-chan reply, <-chan struct{}, error) {
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	if err := x.fits(subject, data); err != nil {
		return nil, nil, err
	}
	for _, s := range x.others(subject) {
		if s.answer != nil {
			answer, own := make(chan reply, 1), slices.Clone(data)
			s.node.add(func() { s.question(x, own, answer) })
			return answer, x.lost, nil
		}
	}
	return nil, nil, bus.ErrNobody
}

// question has a question of another node answered.
func (s *subscription) question(from *node, data []byte, answer chan<- reply) {
	x := s.node
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	if s.closed || x.asked == bus.MaxQuestions {
		return
	}
	x.asked++
	x.answers.Go(func() {
		var got reply
		answered := false
		survive(func() { got.data = s.answer(x.ctx, data); answered = true })
		x.net.mu.Lock()
		defer x.net.mu.Unlock()
		x.asked--
		if len(got.data) > x.MaxBytes() {
			got = reply{err: bus.ErrTooLarge}
		}
		if answered && x.net.reaches(x) && from.net.reaches(from) {
			got.data = slices.Clone(got.data)
			answer <- got
		}
	})
}

func (x *node) Close() {
	x.cancel()
	<-x.ended
	x.answers.Wait()
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	if x.net.reaches(x) {
		close(x.lost)
	}
	x.closed, x.subs = true, nil
	x.net.nodes = slices.DeleteFunc(x.net.nodes, func(other *node) bool { return other == x })
}
