package ratelimit

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// answer is what Allow gives.
type answer struct {
	ok                bool
	remaining         int
	retryAfter, reset time.Duration
}

func ask(l *Limiter, key string) answer {
	ok, remaining, retryAfter, reset := l.Allow(key)
	return answer{ok, remaining, retryAfter, reset}
}

// a clock that tests turn.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() int64              { return c.ns.Load() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }

func TestAllow(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	type step struct {
		later time.Duration
		want  answer
	}
	for _, c := range []struct {
		name  string
		rate  Rate
		burst int
		steps []step
	}{
		{"burst of 3 at 10/s", Rate{10, s}, 3, []step{
			{0, answer{true, 2, 0, 100 * ms}},
			{0, answer{true, 1, 0, 200 * ms}},
			{0, answer{true, 0, 0, 300 * ms}},
			{0, answer{false, 0, 100 * ms, 300 * ms}},
			{99 * ms, answer{false, 0, 1 * ms, 201 * ms}},
			{1 * ms, answer{true, 0, 0, 300 * ms}},
			{0, answer{false, 0, 100 * ms, 300 * ms}},
			{250 * ms, answer{true, 1, 0, 150 * ms}},
			{time.Hour, answer{true, 2, 0, 100 * ms}},
		}},
		{"no burst", Rate{1, time.Minute}, 1, []step{
			{0, answer{true, 0, 0, time.Minute}},
			{s, answer{false, 0, 59 * s, 59 * s}},
			{59 * s, answer{true, 0, 0, time.Minute}},
		}},
		{"a burst of 0 is 1", Rate{1, s}, 0, []step{
			{0, answer{true, 0, 0, s}},
			{0, answer{false, 0, s, s}},
		}},
		{"3/s is rounded to the strict side", Rate{3, s}, 1, []step{
			{0, answer{true, 0, 0, 333333334}},
			{333333333, answer{false, 0, 1, 1}},
			{1, answer{true, 0, 0, 333333334}},
		}},
		{"more than one in a nanosecond", Rate{math.MaxInt, s}, 2, []step{
			{0, answer{true, 1, 0, 1}},
			{0, answer{true, 0, 0, 2}},
			{0, answer{false, 0, 1, 2}},
			{1, answer{true, 0, 0, 2}},
		}},
		{"one in 290 years is one in 73", Rate{1, math.MaxInt64}, 5, []step{
			{0, answer{true, 0, 0, maxSpan}},
			{0, answer{false, 0, maxSpan, maxSpan}},
		}},
		{"a burst of 73 years", Rate{1, maxSpan / 4}, math.MaxInt, []step{
			{0, answer{true, 3, 0, maxSpan / 4}},
			{0, answer{true, 2, 0, maxSpan / 4 * 2}},
		}},
		{"no count", Rate{0, s}, 5, []step{{0, answer{false, 0, maxSpan, 0}}}},
		{"negative count", Rate{-1, s}, 5, []step{{0, answer{false, 0, maxSpan, 0}}, {time.Hour, answer{false, 0, maxSpan, 0}}}},
		{"no period", Rate{1, 0}, 5, []step{{0, answer{false, 0, maxSpan, 0}}}},
	} {
		for _, start := range []int64{0, 1_800_000_000_000_000_000, -5} {
			t.Run(fmt.Sprint(c.name, " from ", start), func(t *testing.T) {
				var now clock
				now.ns.Store(start)
				l := New(c.rate, c.burst, now.now)
				for i, step := range c.steps {
					now.advance(step.later)
					if got := ask(l, "key"); got != step.want {
						t.Fatalf("step %d: got %+v, want %+v", i, got, step.want)
					}
				}
			})
		}
	}
}

func TestKeysAreApart(t *testing.T) {
	var now clock
	l := New(Rate{1, time.Second}, 1, now.now)
	for i := range 10_000 {
		key := strconv.Itoa(i)
		if !ask(l, key).ok || ask(l, key).ok {
			t.Fatalf("key %s is not counted alone", key)
		}
	}
	if !ask(l, "").ok || ask(l, "").ok {
		t.Error("the empty key is not counted")
	}
}

// bucket is the naive reference: a bucket of tokens, counted in nanoseconds of refill.
type bucket struct{ interval, full, level, at int64 }

func newBucket(rate Rate, burst int, now int64) *bucket {
	interval := (int64(rate.Per) + int64(rate.Count) - 1) / int64(rate.Count)
	full := interval * int64(burst)
	return &bucket{interval, full, full, now}
}

func (b *bucket) take(now int64) answer {
	b.level = min(b.full, b.level+now-b.at)
	b.at = now
	if b.level < b.interval {
		return answer{false, 0, time.Duration(b.interval - b.level), time.Duration(b.full - b.level)}
	}
	b.level -= b.interval
	return answer{true, int(b.level / b.interval), 0, time.Duration(b.full - b.level)}
}

func FuzzAgainstBucket(f *testing.F) {
	f.Add(10, int64(time.Second), 3, []byte{0, 0, 0, 0, 50, 99, 1, 255, 4, 4})
	f.Add(7, int64(time.Minute), 1, []byte{255, 0, 255, 0, 128})
	f.Add(1000, int64(17), 100, []byte{1, 1, 2, 3, 0, 0, 0})
	f.Fuzz(func(t *testing.T, count int, per int64, burst int, steps []byte) {
		rate := Rate{1 + count&0xfffff, time.Duration(1 + per&0xffffffffffff)}
		compare(t, rate, 1+burst&0xfff, steps)
	})
}

// compare lets both count for three keys. A step picks a key, and how much of an interval
// passes before it.
func compare(t *testing.T, rate Rate, burst int, steps []byte) {
	t.Helper()
	var now clock
	l := New(rate, burst, now.now)
	var buckets [3]*bucket
	for i := range buckets {
		buckets[i] = newBucket(rate, burst, 0)
	}
	for i, step := range steps {
		now.advance(time.Duration(l.interval / 16 * int64(step>>2)))
		if step&64 != 0 {
			now.advance(time.Duration(step & 15))
		}
		which := int(step) % len(buckets)
		want := buckets[which].take(now.now())
		if got := ask(l, strconv.Itoa(which)); got != want {
			t.Fatalf("%+v burst %d, step %d: got %+v, want %+v", rate, burst, i, got, want)
		}
	}
}

func TestAgainstBucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		steps := make([]byte, 100)
		for i := range steps {
			steps[i] = byte(random.Uint32()) >> (random.Uint32() % 8)
		}
		rate := Rate{1 + random.IntN(1<<random.IntN(20)), time.Duration(1 + random.Int64N(1<<(1+random.IntN(45))))}
		compare(t, rate, 1+random.IntN(20), steps)
	}
}

// TestNeverMore counts what passes in each window of a random run.
func TestNeverMore(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		rate  Rate
		burst int
	}{{Rate{100, time.Second}, 1}, {Rate{3, time.Second}, 5}, {Rate{7, time.Millisecond}, 20}} {
		var now clock
		l := New(c.rate, c.burst, now.now)
		var passed []int64
		for range 3000 {
			now.advance(time.Duration(random.Int64N(l.interval)))
			if ask(l, "key").ok {
				passed = append(passed, now.now())
			}
		}
		for i := range passed {
			for k := i; k < len(passed); k++ {
				allowed := float64(c.burst) + float64(c.rate.Count)*float64(passed[k]-passed[i])/float64(c.rate.Per)
				if n := k - i + 1; float64(n) > allowed+1e-9 {
					t.Fatalf("%+v: %d passed in %s", c, n, time.Duration(passed[k]-passed[i]))
				}
			}
		}
		if least := int((now.now()) / l.interval / 2); len(passed) < least {
			t.Errorf("%+v: only %d of at least %d passed", c, len(passed), least)
		}
	}
}

func TestAtOnce(t *testing.T) {
	const callers, turns, keys, burst = 8, 3000, 5, 50
	rate := Rate{1000, time.Second}
	var now clock
	l := New(rate, burst, now.now)
	var passed [keys]atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for i := range turns {
				if i%10 == 0 {
					now.advance(50 * time.Microsecond)
				}
				if key := i % keys; ask(l, strconv.Itoa(key)).ok {
					passed[key].Add(1)
				}
			}
		})
	}
	group.Wait()
	most := int64(burst) + now.now()*int64(rate.Count)/int64(rate.Per)
	for key := range passed {
		if n := passed[key].Load(); n > most || n < burst {
			t.Errorf("key %d: %d passed, between %d and %d are right", key, n, burst, most)
		}
	}
}

func remembered(l *Limiter) (n int) {
	for i := range l.shards {
		n += len(l.shards[i].whole)
	}
	return n
}

func TestMemoryIsBounded(t *testing.T) {
	var now clock
	l := newLimiter(Rate{1, time.Hour}, 3, now.now, 16)
	for range 3 {
		if !ask(l, "victim").ok {
			t.Fatal("the burst is cut")
		}
	}
	for i := range 50_000 {
		now.advance(time.Microsecond)
		if !ask(l, "new"+strconv.Itoa(i)).ok {
			t.Fatal("a new key is refused")
		}
	}
	if n := remembered(l); n > 16*shardCount || n < 12*shardCount {
		t.Errorf("%d keys are remembered", n)
	}
	if ask(l, "victim").ok {
		t.Error("a flood of keys frees one that is refused")
	}
}

// A million callers: the memory is the one that the docs tell, a caller who has used up a
// burst is not freed, and new callers are let in.
func TestAMillionKeys(t *testing.T) {
	const callers, bound = 1_000_000, 14_000_000
	var now clock
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := New(Rate{10, time.Hour}, 10, now.now)
	for range 10 {
		l.Allow("used up")
	}
	for i := range callers {
		now.advance(10 * time.Microsecond)
		if !ask(l, strconv.Itoa(i)).ok {
			t.Fatalf("caller %d is refused at the first time", i)
		}
	}
	used := heap() - before
	if n := remembered(l); n > MaxKeys || n < MaxKeys/2 {
		t.Errorf("%d keys are remembered of at most %d", n, MaxKeys)
	}
	if used > bound {
		t.Errorf("%d bytes are held for %d callers, want at most %d", used, callers, bound)
	}
	if ask(l, "used up").ok {
		t.Error("a flood of callers frees one that has used up its burst")
	}
	t.Logf("%d callers: %d keys, %.1f MB", callers, remembered(l), float64(used)/1e6)
	runtime.KeepAlive(l)
}

// TestForget looks at one full shard.
func TestForget(t *testing.T) {
	for _, c := range []struct {
		name  string
		whole []int64
		want  []int64
	}{
		{"all are over", []int64{1, 2, 3, 4, 5, 6, 7, 10}, nil},
		{"some are over", []int64{1, 2, 11, 12, 13, 14, 15, 16}, []int64{11, 12, 13, 14, 15, 16}},
		{"none is over", []int64{18, 17, 11, 12, 13, 14, 15, 16}, []int64{12, 13, 14, 15, 16, 17, 18}},
		{"ties", []int64{11, 11, 11, 11}, []int64{11, 11, 11}},
		{"two of sixteen, of them a tie", []int64{11, 12, 12, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13},
			[]int64{12, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13, 13}},
		{"one alone", []int64{11}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shard{whole: make(map[uint64]int64)}
			for i, whole := range c.whole {
				s.whole[uint64(i)] = whole
			}
			s.forget(10)
			var left []int64
			for _, whole := range s.whole {
				left = append(left, whole)
			}
			slices.Sort(left)
			if !slices.Equal(left, c.want) {
				t.Errorf("left are %v, want %v", left, c.want)
			}
		})
	}
}

func TestNoAllocation(t *testing.T) {
	var now clock
	l := New(Rate{10, time.Second}, 5, now.now)
	l.Allow("10.0.0.1")
	if n := testing.AllocsPerRun(100, func() { now.advance(time.Millisecond); l.Allow("10.0.0.1") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	start := time.Now()
	now := func() int64 { return int64(time.Since(start)) }
	b.Run("one key", func(b *testing.B) {
		l := New(Rate{1_000_000, time.Second}, 100, now)
		b.ReportAllocs()
		for b.Loop() {
			l.Allow("10.0.0.1")
		}
	})
	b.Run("many keys in parallel", func(b *testing.B) {
		l := New(Rate{100, time.Second}, 100, now)
		keys := make([]string, 10_000)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				l.Allow(keys[i%len(keys)])
			}
		})
	})
	b.Run("flood of new keys", func(b *testing.B) {
		l := New(Rate{1, time.Hour}, 5, now)
		key := make([]byte, 0, 20)
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			key = strconv.AppendInt(key[:0], int64(i), 10)
			l.Allow(string(key))
		}
	})
}
