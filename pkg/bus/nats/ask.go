package nats

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	client "github.com/nats-io/nats.go"

	"github.com/openmanifest/gateway/pkg/bus"
)

// The first byte of an answer.
const (
	isAnswer   = 'a'
	isTooLarge = 'l' // the answer was, and is not here
)

// The server's own answer when no node subscribed to a subject: a message without data and
// with this status (NATS, "No Responders").
const (
	statusHeader = "Status"
	noResponders = "503"
)

// pending are the questions that this node waits for the answers of.
type pending struct {
	mu   sync.Mutex
	next uint64
	of   map[uint64]chan<- reply
}

type reply struct {
	data []byte
	err  error
}

func newPending() pending { return pending{of: map[uint64]chan<- reply{}} }

func (p *pending) add() (uint64, <-chan reply) {
	answer := make(chan reply, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	p.of[p.next] = answer
	return p.next, answer
}

func (p *pending) remove(id uint64) chan<- reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer := p.of[id]
	delete(p.of, id)
	return answer
}

// Ask implements bus.Bus.
func (b *Bus) Ask(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if err := b.fits(subject, data); err != nil {
		return nil, err
	}
	link := b.link.Load()
	if link == nil {
		return nil, bus.ErrDown
	}
	id, answer := b.pending.add()
	defer b.pending.remove(id)
	question := message{subject: b.prefix + subject, reply: b.inbox + strconv.FormatUint(id, 36)}
	if err := b.queue.publish(question, data); err != nil {
		return nil, err
	}
	select {
	case got := <-answer:
		return got.data, got.err
	case <-link.lost:
		return nil, bus.ErrDown
	case <-ctx.Done():
		return nil, fmt.Errorf("ask another node about %s: %w", subject, ctx.Err())
	}
}

// answered takes what comes to the inbox.
func (b *Bus) answered(m *client.Msg) {
	id, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, b.inbox), 36, 64)
	if err != nil {
		return
	}
	var got reply
	switch {
	case len(m.Data) == 0 && m.Header.Get(statusHeader) == noResponders:
		got.err = bus.ErrNobody
	case len(m.Data) > 0 && m.Data[0] == isAnswer:
		got.data = m.Data[1:]
	case len(m.Data) > 0 && m.Data[0] == isTooLarge:
		got.err = bus.ErrTooLarge
	default:
		return
	}
	if answer := b.pending.remove(id); answer != nil {
		answer <- got
	}
}

// question has a question answered on a goroutine of its own.
func (b *Bus) question(m *client.Msg, handle func(ctx context.Context, data []byte) []byte) {
	if m.Reply == "" {
		return
	}
	if b.questions.Add(1) > bus.MaxQuestions {
		b.questions.Add(-1)
		if !b.overwhelmed.Swap(true) {
			b.log.Error("questions of other nodes are not answered: too many at once", "subject", m.Subject)
		}
		return
	}
	b.answering.Go(func() {
		defer b.questionEnds()
		defer b.survive(m.Subject)
		kind, data := byte(isAnswer), handle(b.ctx, m.Data)
		if int64(len(data)) > b.maxBytes.Load() {
			b.log.Error("an answer to another node was too large", "subject", m.Subject, "bytes", len(data))
			kind, data = isTooLarge, nil
		}
		// An error says that it cannot cross, as who asked finds out.
		_ = b.queue.publish(message{subject: m.Reply}, []byte{kind}, data)
	})
}

func (b *Bus) questionEnds() {
	if b.questions.Add(-1) < bus.MaxQuestions/2 && b.overwhelmed.Load() {
		b.overwhelmed.Store(false)
	}
}
