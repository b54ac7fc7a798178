package main

import (
	"runtime"
	"testing"
	"time"
)

func TestFloorIsWhatTheHeapLacks(t *testing.T) {
	f := &floor{}
	for _, step := range []struct{ rest, parts int }{
		{4 << 20, 10},
		{4<<20 + 1, 9},
		{4 << 20, 9}, // one part is not worth it
		{2 << 20, 11},
		{leastLive, 0},
		{1 << 30, 0},
		{leastLive - floorPart, 0},
		{leastLive - 2*floorPart, 2},
		{0, leastLive / floorPart},
	} {
		f.settle(step.rest + len(f.parts)*floorPart)
		if got := len(f.parts); got != step.parts {
			t.Errorf("with %d bytes beside it the floor has %d parts, want %d", step.rest, got, step.parts)
		}
	}
}

func TestFloorGoesAndComesWithTheHeap(t *testing.T) {
	f := layFloor()
	defer f.end()
	awaits := func(what string, fits func(parts int) bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; runtime.Gosched() {
			runtime.GC()
			f.mu.Lock()
			parts := len(f.parts)
			f.mu.Unlock()
			if fits(parts) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: the floor has %d parts", what, parts)
			}
		}
	}
	large := make([]byte, leastLive)
	awaits("a large heap", func(parts int) bool { return parts == 0 })
	runtime.KeepAlive(large)
	large = nil
	awaits("a small heap", func(parts int) bool { return parts > 0 })
	f.end()
	awaits("the end", func(parts int) bool { return parts == 0 })
}
