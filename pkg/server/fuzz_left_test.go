package server

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func writeStrange(tb testing.TB, dir string) {
	tb.Helper()
	if err := os.WriteFile(filepath.Join(dir, "app.yaml"), []byte(strangeManifest), 0o644); err != nil {
		tb.Fatal(err)
	}
}

const (
	// strangeGoroutines may be there besides: of the fuzzing, and of HTTP.
	strangeGoroutines = 10
	// strangeHeap is how many bytes may be there besides a quarter of what there was.
	strangeHeap = 16 << 20
)

// nothingGrows waits until the strangers are gone, and compares what is left with what there
// was before them.
func (b *bystander) nothingGrows(tb testing.TB) {
	tb.Helper()
	b.polls.CloseIdleConnections()
	deadline := time.After(strangePatience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		now, here := b.s.hub.Stats(), b.s.hub.Presence().Len()
		goroutines := runtime.NumGoroutine()
		if now.Websockets == 1 && now.Polls == 0 && now.PollsWaiting == 0 && now.Members == 1 && now.Topics == 1 && here.Local == 1 && here.Topics == 1 &&
			goroutines <= b.goroutines+strangeGoroutines {
			break
		}
		select {
		case <-deadline:
			tb.Fatalf("after %d strangers there are %+v, presences %+v, %d goroutines (%d before)", b.echoes, now, here, goroutines, b.goroutines)
		case <-tick.C:
		}
	}
	heap := heapInUse()
	tb.Logf("after %d strangers: heap %d KB, %d goroutines (%d before), %+v", b.echoes, heap>>10, runtime.NumGoroutine(), b.goroutines, b.s.hub.Stats())
	switch {
	case b.echoes < 2000:
	case b.heap == 0:
		b.heap = heap
	case heap > b.heap+b.heap/4+strangeHeap:
		tb.Errorf("after %d strangers the heap is %d bytes, it was %d", b.echoes, heap, b.heap)
	}
}
