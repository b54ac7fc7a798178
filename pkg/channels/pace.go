package channels

import (
	"errors"
	"math"
	"time"
)

// errRate closes a connection. Phoenix has nothing of the kind and so no reply that clients
// would know: an error for each message would cost as much as handling it, a message dropped
// without a word leaves its sender waiting, and reading later would fill the network's
// buffers with what is old. A client that was closed comes back ever more slowly.
var errRate = errors.New("too many messages")

// A pace bounds how often one connection sends, by GCRA: a burst at once, and the rate for
// ever.
type pace struct {
	interval, span time.Duration // between two messages at the rate; in which a burst is whole again
	whole          time.Time     // when the burst is whole again
}

// newPace gives nil where there is no limit.
func newPace(s Settings) *pace {
	if s.Rate.Count < 1 || s.Rate.Per < 1 {
		return nil
	}
	burst := s.Burst
	if burst < 1 {
		burst = s.Rate.Count
	}
	const most = math.MaxInt64 / 4 // some 73 years: sums stay far from the end
	p := &pace{interval: (s.Rate.Per-1)/time.Duration(s.Rate.Count) + 1}
	p.span = p.interval * min(time.Duration(burst), most/p.interval)
	return p
}

// allow counts a message; one that is refused does not count. now must not run backwards.
func (p *pace) allow(now time.Time) bool {
	next := now
	if p.whole.After(now) {
		next = p.whole
	}
	if next = next.Add(p.interval); next.Sub(now) > p.span {
		return false
	}
	p.whole = next
	return true
}
