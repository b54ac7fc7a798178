package main

import (
	"runtime"
	"runtime/metrics"
	"sync"
)

const (
	// leastLive, in bytes, is what the garbage collector is to find alive at least. It waits
	// until the heap has doubled, and a gateway keeps a few MB alive: it would be collected
	// dozens of times a second. Measured, that took 7 % of the CPU of a small answer.
	leastLive = 24 << 20
	// floorPart is in bytes, too.
	floorPart = 2 << 20
)

// A floor is memory that is never written to, and so takes none when it is fresh from the
// system, but counts as live: so much as the rest of the heap lacks of leastLive. More of it,
// with thousands of connections, would be nothing but more garbage that is kept. It looks
// behind each collection.
type floor struct {
	mu    sync.Mutex
	parts [][]byte // of floorPart each
	ended bool
	live  [1]metrics.Sample
}

// layFloor makes a floor, to be ended.
func layFloor() *floor {
	f := &floor{}
	f.live[0].Name = "/gc/heap/live:bytes"
	f.collected()
	return f
}

// watch has the next collection tell its end: it finds something that nobody holds.
func (f *floor) watch() {
	runtime.AddCleanup(new([64]byte), (*floor).collected, f)
}

func (f *floor) collected() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	metrics.Read(f.live[:])
	f.settle(int(f.live[0].Value.Uint64()))
	f.watch()
}

// settle takes what the last collection found alive, in bytes, the floor too. A part comes
// back only where two are missing, so that none comes and goes all the time.
func (f *floor) settle(live int) {
	have := len(f.parts)
	rest := live - have*floorPart
	want := max(0, leastLive-rest) / floorPart
	switch {
	case want < have:
		clear(f.parts[want:])
		f.parts = f.parts[:want]
	case want > have+1:
		for range want - have {
			f.parts = append(f.parts, make([]byte, floorPart))
		}
	}
}

func (f *floor) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.parts = true, nil
}
