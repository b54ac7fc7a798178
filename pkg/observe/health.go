package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How parts are asked: at most once in a while however many ask, and none for longer than
// the deadline.
const (
	probeFresh    = time.Second
	probeDeadline = 2 * time.Second
	probeMoment   = 250 * time.Millisecond // for parts that do not decide
)

// Health asks the parts of an application how they are.
type Health struct {
	draining func() bool
	probes   []*probe
}

// A Part is how one part is. Err is for the operator: it may name hosts.
type Part struct {
	Kind, Name string
	Err        error
}

// A probe asks one part.
type probe struct {
	kind, name string
	ask        func(context.Context) error

	mu      sync.Mutex
	at      time.Time
	err     error
	running chan struct{} // closed when the one that asks has the answer; nil when none does
}

// Of a part that did not answer.
var (
	errSlow  = errors.New("no answer within 2s")
	errNoYet = errors.New("no answer yet")
)

// Add adds a part that is asked. ask should end with its context; where it does not, it is
// not asked again before it has.
func (h *Health) Add(kind, name string, ask func(context.Context) error) {
	h.probes = append(h.probes, &probe{kind: kind, name: name, ask: ask})
}

// Draining tells whether the process takes no new work.
func (h *Health) Draining() bool { return h.draining != nil && h.draining() }

// Parts asks all parts of these kinds at once.
func (h *Health) Parts(ctx context.Context, kinds ...string) []Part {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	return h.ask(ctx, ctx, func(kind string) bool { return slices.Contains(kinds, kind) }, kinds)
}

// All asks all parts. Only those of the kinds that decide are waited for until they answer:
// of another, what is known after a moment is told, so that one service that is away does not
// make the answer late for who asks with a deadline of its own.
func (h *Health) All(ctx context.Context, decide []string) []Part {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	soon, cancelSoon := context.WithTimeout(ctx, probeMoment)
	defer cancelSoon()
	return h.ask(ctx, soon, func(string) bool { return true }, decide)
}

func (h *Health) ask(ctx, soon context.Context, of func(kind string) bool, decide []string) []Part {
	parts := []Part{}
	var asked []*probe
	for _, p := range h.probes {
		if of(p.kind) {
			asked = append(asked, p)
			p.start()
		}
	}
	for _, p := range asked {
		if slices.Contains(decide, p.kind) {
			parts = append(parts, Part{p.kind, p.name, p.wait(ctx, false)})
		} else {
			parts = append(parts, Part{p.kind, p.name, p.wait(soon, true)})
		}
	}
	return parts
}

// start asks, unless what is known is fresh or the part is being asked.
func (p *probe) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil || !p.at.IsZero() && time.Since(p.at) < probeFresh {
		return
	}
	done := make(chan struct{})
	p.running = done
	go func() {
		defer close(done)
		err := p.answer()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.err, p.at, p.running = err, time.Now(), nil
	}()
}

// answer asks the part on behalf of all who wait.
func (p *probe) answer() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), probeDeadline)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return p.ask(ctx)
}

// wait gives the answer that is under way, or the one there is. Where it does not come in
// time the one before counts, if that is enough.
func (p *probe) wait(ctx context.Context, before bool) error {
	p.mu.Lock()
	running, err, known := p.running, p.err, !p.at.IsZero()
	p.mu.Unlock()
	if running == nil {
		return err
	}
	select {
	case <-running:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-ctx.Done():
	}
	switch {
	case !before:
		return errSlow
	case known:
		return err
	}
	return errNoYet
}
