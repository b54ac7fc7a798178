package presence

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// maxSessions bounds the snapshots that are given out at the same time.
	maxSessions = 16
	// sessionLife is how long a snapshot is kept for who does not ask for more of it.
	sessionLife = 30 * time.Second
	// askTimeout bounds the wait for one answer.
	askTimeout = 5 * time.Second
)

// A session is a snapshot that is being read by others. Entries never change, so it holds
// nothing but pointers and needs no lock. It need not be of one moment: what happened after
// seq follows in batches, and applying those to entries that show it already does nothing.
type session struct {
	id, seq uint64
	entries []*entry
	used    time.Time
}

type sessions struct {
	mu   sync.Mutex
	last uint64
	open []*session
}

// answer is called for questions of other nodes.
func (c *Cluster) answer(_ context.Context, data []byte) []byte {
	q, err := parseQuestion(data)
	if err != nil {
		c.garbled(err)
		return nil
	}
	s, status := c.session(q.session)
	if s == nil || q.place > uint64(len(s.entries)) {
		return answer{status: status}.append(nil)
	}
	p := packer{limit: int(c.out.limit.Load())}
	next := q.place
	for ; next < uint64(len(s.entries)); next++ {
		o := op{entry: s.entries[next], join: true}
		if p.tooLarge(o) {
			c.tooLarge(o.entry)
		} else if !p.add(o) {
			break
		}
	}
	if next == uint64(len(s.entries)) {
		next = 0
	}
	size := messageHead + len(p.body)
	return answer{statusHere, s.id, s.seq, next, p.take()}.append(make([]byte, 0, size))
}

// session finds a snapshot, or begins one. Who asks at the same number shares it.
func (c *Cluster) session(id uint64) (*session, status) {
	now, seq := time.Now(), c.lastSeq()
	c.sessions.mu.Lock()
	defer c.sessions.mu.Unlock()
	for _, s := range c.sessions.open {
		if s.id == id || id == 0 && s.seq == seq {
			s.used = now
			return s, statusHere
		}
	}
	if id != 0 {
		return nil, statusGone
	}
	if len(c.sessions.open) >= maxSessions {
		return nil, statusBusy
	}
	c.sessions.last++
	s := &session{id: c.sessions.last, seq: seq, entries: c.table.locals(), used: now}
	c.sessions.open = append(c.sessions.open, s)
	return s, statusHere
}

func (s *sessions) expire(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.open[:0]
	for _, one := range s.open {
		if now.Sub(one.used) < sessionLife {
			kept = append(kept, one)
		}
	}
	clear(s.open[len(kept):])
	s.open = kept
}

// A load is what another node answered when it was asked for all that it has.
type load struct {
	peer   *peer
	seq    uint64
	groups []group
	err    error
}

var (
	errGone    = errors.New("it has forgotten the snapshot halfway")
	errBusy    = errors.New("it is giving out too many snapshots")
	errEndless = errors.New("it does not come to an end")
)

// fetch asks a node for all that it has and hands it to the goroutine that runs.
func (c *Cluster) fetch(ctx context.Context, p *peer) {
	l := load{peer: p}
	l.seq, l.groups, l.err = c.ask(ctx, p.node)
	select {
	case c.loaded <- l:
	case <-c.ctx.Done():
	}
}

func (c *Cluster) ask(ctx context.Context, node string) (seq uint64, groups []group, err error) {
	var q question
	entries := 0
	for {
		a, err := c.askOnce(ctx, node, q)
		if err != nil {
			return 0, nil, fmt.Errorf("ask node %s who is present there: %w", node, err)
		}
		part, err := parseChanges(a.body)
		if err != nil {
			return 0, nil, fmt.Errorf("ask node %s who is present there: %w", node, err)
		}
		groups = append(groups, part...)
		for _, g := range part {
			entries += len(g.changes)
		}
		switch {
		case a.next == 0:
			return a.seq, groups, nil
		case a.next <= q.place || entries > maxView:
			return 0, nil, fmt.Errorf("ask node %s who is present there: %w", node, errEndless)
		}
		q = question{a.session, a.next}
	}
}

func (c *Cluster) askOnce(ctx context.Context, node string, q question) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	data, err := c.bus.Ask(ctx, subjectOf(node), q.append(nil))
	if err != nil {
		return answer{}, err
	}
	a, err := parseAnswer(data)
	switch {
	case err != nil:
		return answer{}, err
	case a.status == statusGone:
		return answer{}, errGone
	case a.status == statusBusy:
		return answer{}, errBusy
	}
	return a, nil
}
