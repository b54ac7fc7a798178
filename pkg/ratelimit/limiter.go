// Package ratelimit counts requests per key by the generic cell rate algorithm (GCRA): a
// key may pass burst times at once, and rate times per period for ever.
//
// A key costs one int64, the time at which its burst will be whole again. There are no
// windows at whose edge twice as many pass, and no goroutine that refills.
package ratelimit

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"
)

// MaxKeys bounds the keys that one Limiter remembers: some 12 MB, however many come. Beyond
// it keys are forgotten, which gives them a whole burst again: first those that have one
// anyway, then those that are nearest to it.
//
// So who has many keys (addresses, accounts) gets the burst of each of them, as anywhere,
// and can make the limiter forget callers that have used little, who only gain by it. To
// free a key that is refused he needs MaxKeys others that have each used as much, which is
// more than he gains.
const MaxKeys = 1 << 18

const (
	shardCount = 64 // a power of two
	// When a shard is full, at least this part of it is forgotten at once, so that
	// looking for whom to forget is done once in many new keys.
	forgetPart = 8
	// maxSpan, some 73 years in nanoseconds, keeps sums with a clock inside int64.
	maxSpan = math.MaxInt64 / 4
)

// Rate is Count passes in each Per.
type Rate struct {
	Count int
	Per   time.Duration
}

// A Limiter holds the counters of one rate. It is safe for concurrent use.
type Limiter struct {
	interval int64 // ns between two passes at the rate
	span     int64 // ns in which a burst is refilled
	now      func() int64
	seed     maphash.Seed
	perShard int
	shards   [shardCount]shard
}

// A shard holds a part of the keys by their hash. Two keys of one hash share a counter;
// with a secret seed and MaxKeys keys the odds are one in 500 million.
type shard struct {
	mu sync.Mutex
	// whole is when a key has its whole burst again (the theoretical arrival time of
	// GCRA). A key that is not in it has it now.
	whole   map[uint64]int64
	scratch []int64
	_       [64]byte // keeps neighbours off one cache line
}

// New makes a limiter. now gives nanoseconds and must not run backwards. A burst below 1
// is 1; one that takes more than 73 years to refill is cut to that. Where the rate has no
// positive Count and Per, nothing passes.
func New(rate Rate, burst int, now func() int64) *Limiter {
	return newLimiter(rate, burst, now, MaxKeys/shardCount)
}

func newLimiter(rate Rate, burst int, now func() int64, perShard int) *Limiter {
	l := &Limiter{interval: maxSpan, now: now, seed: maphash.MakeSeed(), perShard: perShard}
	for i := range l.shards {
		l.shards[i].whole = make(map[uint64]int64)
	}
	if rate.Count < 1 || rate.Per < 1 {
		return l
	}
	// Rounded up, so that never more than the rate passes.
	l.interval = min(maxSpan, (int64(rate.Per)-1)/int64(rate.Count)+1)
	l.span = l.interval * min(int64(max(burst, 1)), maxSpan/l.interval)
	return l
}

// Allow counts one request of key, unless it is refused. remaining is how many more would
// pass now, retryAfter when the next one will (0 if this one passed), reset when the burst
// is whole again. An expired or unknown key has a whole burst.
func (l *Limiter) Allow(key string) (ok bool, remaining int, retryAfter, reset time.Duration) {
	hash := maphash.String(l.seed, key)
	s := &l.shards[hash%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	now := l.now()
	whole, known := s.whole[hash]
	if !known {
		whole = now
	}
	next := max(whole, now) + l.interval
	if wait := next - l.span - now; wait > 0 {
		return false, 0, time.Duration(wait), time.Duration(max(whole-now, 0))
	}
	if !known && len(s.whole) >= l.perShard {
		s.forget(now)
	}
	s.whole[hash] = next
	left := l.span - (next - now)
	return true, int(left / l.interval), 0, time.Duration(next - now)
}

// forget makes room in a full shard.
func (s *shard) forget(now int64) {
	most := len(s.whole) - max(1, len(s.whole)/forgetPart)
	for key, whole := range s.whole {
		if whole <= now {
			delete(s.whole, key)
		}
	}
	if len(s.whole) <= most {
		return
	}
	s.scratch = s.scratch[:0]
	for _, whole := range s.whole {
		s.scratch = append(s.scratch, whole)
	}
	slices.Sort(s.scratch)
	surplus := len(s.whole) - most
	last := s.scratch[surplus-1] // the latest that has to go
	before, _ := slices.BinarySearch(s.scratch, last)
	ties := surplus - before
	for key, whole := range s.whole {
		switch {
		case whole < last:
			delete(s.whole, key)
		case whole == last && ties > 0:
			delete(s.whole, key)
			ties--
		}
	}
}
