package presence

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
)

// A testNet may lose messages, as a real one does where somebody is slow, and takes time to
// answer, so that much can happen in between.
type testNet struct {
	bustest.Net
	lose atomic.Pointer[func(to string) bool] // asked for each message to each node
	deaf atomic.Bool                          // nobody answers
}

// latency is what half an answer takes.
const latency = time.Millisecond

type testBus struct {
	bus.Bus
	net *testNet
}

func newNet() *testNet {
	n := &testNet{}
	n.losing(nobody)
	return n
}

func nobody(string) bool { return false }

func (n *testNet) losing(lose func(to string) bool) { n.lose.Store(&lose) }

func (n *testNet) node(name string) *testBus { return &testBus{n.Node(name), n} }

// set cuts a node off or mends it.
func (b *testBus) set(up bool) {
	if up {
		b.net.Mend(b.Node())
	} else {
		b.net.Cut(b.Node())
	}
}

func (b *testBus) Subscribe(subject string, handle func([]byte)) (bus.Subscription, error) {
	return b.Bus.Subscribe(subject, func(data []byte) {
		if !(*b.net.lose.Load())(b.Node()) {
			handle(data)
		}
	})
}

func (b *testBus) Ask(ctx context.Context, subject string, data []byte) ([]byte, error) {
	<-time.After(latency)
	if b.net.deaf.Load() {
		return nil, bus.ErrNobody
	}
	got, err := b.Bus.Ask(ctx, subject, data)
	<-time.After(latency)
	return got, err
}
