//go:build linux

package main

import (
	"context"
	"fmt"
	"math/bits"
	"strconv"
	"sync/atomic"
	"time"
)

// fanout: the first subscriber of each topic publishes, with window messages
// in flight. A message is done when every subscriber of the topic has it, and
// only then does its slot carry the next one.

type fanoutMode struct {
	topics []*fanoutTopic
	body   string
	stop   atomic.Bool
}

type fanoutTopic struct {
	publisher   *conn
	subscribers int32
	slots       []atomic.Int32 // deliveries of the message in each slot
	busy        atomic.Int32
}

func (m *fanoutMode) publish(t *fanoutTopic, slot int) {
	t.slots[slot].Store(0)
	msg := append(t.publisher.push(nil, "new_msg"), `{"n":"`...)
	msg = strconv.AppendInt(msg, int64(slot), 10)
	msg = append(msg, `","t":"`...)
	msg = strconv.AppendInt(msg, now(), 10)
	msg = append(append(append(msg, `","body":"`...), m.body...), `"}]`...)
	t.publisher.send(msg)
}

func (m *fanoutMode) message(c *conn, e envelope, at int64) {
	if string(e.event) != "new_msg" {
		return
	}
	l := c.loop
	t := m.topics[c.id%len(m.topics)]
	var slotText, sentText []byte
	eachKey(e.payload, func(key, val []byte) {
		switch string(key) {
		case "n":
			slotText = val
		case "t":
			sentText = val
		}
	})
	slot, ok1 := decimal(slotText)
	sent, ok2 := decimal(sentText)
	if !ok1 || !ok2 || int(slot) >= len(t.slots) {
		l.pool.bad.Add(1)
		return
	}
	measuring := l.pool.measuring.Load()
	if measuring {
		l.count++
		l.lat.add(at - sent)
	}
	if t.slots[slot].Add(1) != t.subscribers {
		return
	}
	if measuring {
		l.done.add(at - sent)
	}
	if m.stop.Load() {
		t.busy.Add(-1)
		return
	}
	m.publish(t, int(slot))
}

func runFanout(ctx context.Context, cfg config) (r result, err error) {
	r.Mode, r.Window, r.Topics = "fanout", cfg.window, cfg.topics
	m := &fanoutMode{body: filler(cfg.size)}
	for range cfg.topics {
		m.topics = append(m.topics, &fanoutTopic{slots: make([]atomic.Int32, cfg.window)})
	}
	p, err := setUp(ctx, cfg, &r, m)
	if p != nil {
		defer func() {
			p.close()
			collect(p, &r)
			r.Publishes = float64(r.Count) / r.Seconds / float64(cfg.conns/cfg.topics)
		}()
	}
	if err != nil {
		return r, err
	}
	for i, c := range p.conns {
		t := m.topics[i%cfg.topics]
		t.subscribers++
		if t.publisher == nil {
			t.publisher = c
		}
	}
	if err = joinAll(ctx, cfg, p, &r, func(i int) string { return cfg.room + "fan" + strconv.Itoa(i%cfg.topics) }); err != nil {
		return r, err
	}
	for _, t := range m.topics {
		t.busy.Store(int32(cfg.window))
		for slot := range cfg.window {
			m.publish(t, slot)
		}
	}
	err = measure(ctx, cfg, p, &r)
	m.stop.Store(true)
	// What is still on its way must arrive too: a message that never reaches
	// everybody is a lost delivery, not a fast one.
	deadline := time.Now().Add(cfg.timeout)
	for {
		r.Unfinished = 0
		for _, t := range m.topics {
			r.Unfinished += int(t.busy.Load())
		}
		if r.Unfinished == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return r, err
		}
		_ = pause(ctx, time.Millisecond) // healthy tells the end of ctx
	}
}

// presence: everybody joins one tracked topic at once; it is over when every
// client knows of every other.

type presenceMode struct {
	clients   []presenceClient
	want      int
	converged atomic.Int64
	last      atomic.Int64
	states    atomic.Int64
	diffs     atomic.Int64
}

type presenceClient struct {
	seen  []uint64 // bit per user
	count int
	done  bool
}

func (m *presenceMode) message(c *conn, e envelope, at int64) {
	client := &m.clients[c.id]
	// The users are called u0, u1, ...
	mark := func(present bool) func(key, _ []byte) {
		return func(key, _ []byte) {
			if len(key) < 2 || key[0] != 'u' {
				return
			}
			n, ok := decimal(key[1:])
			if !ok || n >= int64(m.want) {
				c.loop.pool.bad.Add(1)
				return
			}
			word, bit := &client.seen[n/64], uint64(1)<<(n%64)
			if present {
				*word |= bit
			} else {
				*word &^= bit
			}
		}
	}
	switch string(e.event) {
	case "presence_state":
		m.states.Add(1)
		eachKey(e.payload, mark(true))
	case "presence_diff":
		m.diffs.Add(1)
		eachKey(e.payload, func(key, val []byte) {
			switch string(key) {
			case "leaves":
				eachKey(val, mark(false))
			case "joins":
				eachKey(val, mark(true))
			}
		})
	default:
		return
	}
	client.count = 0
	for _, w := range client.seen {
		client.count += bits.OnesCount64(w)
	}
	if client.count == m.want && !client.done {
		client.done = true
		m.last.Store(at)
		m.converged.Add(1)
	}
}

func runPresence(ctx context.Context, cfg config) (r result, err error) {
	r.Mode = "presence"
	m := &presenceMode{want: cfg.conns, clients: make([]presenceClient, cfg.conns)}
	for i := range m.clients {
		m.clients[i].seen = make([]uint64, (cfg.conns+63)/64)
	}
	p, err := setUp(ctx, cfg, &r, m)
	if p != nil {
		defer func() { p.close(); collect(p, &r); r.Count = uint64(m.states.Load() + m.diffs.Load()) }()
	}
	if err != nil {
		return r, err
	}
	s, err := startSpan(cfg.pid)
	if err != nil {
		return r, err
	}
	start := now()
	topic := cfg.lobby + "load" + strconv.FormatInt(time.Now().UnixNano(), 36)
	err = p.join(ctx, cfg.conns, func(int) string { return topic },
		func(i int) string { return `{"user":"u` + strconv.Itoa(i) + `"}` })
	r.JoinSec = time.Since(s.at).Seconds()
	if err != nil {
		return r, err
	}
	deadline := time.Now().Add(cfg.timeout)
	for m.converged.Load() < int64(cfg.conns) {
		if time.Now().After(deadline) {
			r.Unfinished = cfg.conns - int(m.converged.Load())
			return r, fmt.Errorf("%d of %d clients did not converge in %v", r.Unfinished, cfg.conns, cfg.timeout)
		}
		if err := p.healthy(ctx); err != nil {
			return r, err
		}
		_ = pause(ctx, time.Millisecond) // healthy tells the end of ctx
	}
	if err := s.end(&r); err != nil {
		return r, err
	}
	r.Seconds = time.Duration(m.last.Load() - start).Seconds()
	return r, nil
}
