package channels

import (
	"math/rand/v2"
	"slices"
	"time"
)

// A tick is an interval of one membership. Its timer belongs to the membership, and is
// stopped by the slot's goroutine when that ends.
type tick struct {
	member   *Membership
	interval time.Duration
	timer    *time.Timer

	// Under conn.mu.
	waits   bool // it is in the slot's queue, or at work
	stopped bool
}

// jittered is the interval give or take a tenth, so that the members that came back at one
// moment do not tick at one moment ever after.
func jittered(interval time.Duration) time.Duration {
	tenth := int64(interval / 10)
	return interval - time.Duration(tenth) + time.Duration(rand.Int64N(2*tenth+1))
}

// setTicks makes the timers of the member those that its rules ask for. One whose interval
// they still have goes on.
func (s *slot) setTicks() {
	m := s.member
	wanted := s.intervals()
	m.ticks = slices.DeleteFunc(m.ticks, func(t *tick) bool {
		gone := !slices.Contains(wanted, t.interval)
		if gone {
			t.stop()
		}
		return gone
	})
	for _, interval := range wanted {
		if interval > 0 && !slices.ContainsFunc(m.ticks, func(t *tick) bool { return t.interval == interval }) {
			m.ticks = append(m.ticks, newTick(m, interval))
		}
	}
}

// intervals asks the rules; ones that panic have none.
func (s *slot) intervals() (list []time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			s.report("intervals", p)
			list = nil
		}
	}()
	return s.channel.Intervals()
}

func (s *slot) stopTicks() {
	for _, t := range s.member.ticks {
		t.stop()
	}
	s.member.ticks = nil
}

func newTick(m *Membership, interval time.Duration) *tick {
	t := &tick{member: m, interval: interval}
	c := m.slot.conn
	c.mu.Lock() // the timer may fire before it is kept
	defer c.mu.Unlock()
	t.timer = time.AfterFunc(jittered(interval), t.fire)
	return t
}

// fire queues the tick, unless the one before is not over yet, and sets the timer anew.
func (t *tick) fire() {
	s := t.member.slot
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.stopped || c.closing {
		return
	}
	t.timer.Reset(jittered(t.interval))
	if !t.waits {
		t.waits = true
		s.addLocked(work{kind: workTick, member: t.member, tick: t})
	}
}

func (t *tick) stop() {
	c := t.member.slot.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	t.stopped = true
	t.timer.Stop()
}

// tick runs the rules of an interval, unless they have it no longer.
func (s *slot) tick(w *work) {
	t := w.tick
	defer t.over()
	if t.member != s.member || t.member.Ended() || !s.enter() {
		return
	}
	defer s.rules.Release()
	if !slices.Contains(t.member.ticks, t) {
		return
	}
	c := s.call(phaseEvery, &work{})
	c.Interval = t.interval
	s.guarded(c)
	s.settle(t.member, c.stop)
}

func (t *tick) over() {
	c := t.member.slot.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	t.waits = false
}
