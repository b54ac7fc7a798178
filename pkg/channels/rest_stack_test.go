//go:build !race

package channels

import (
	"runtime"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// A goroutine begins with 2 KB, and one that waits with more than some 900 bytes in use never
// has so little again. What a reader at rest waits in may change with the compiler.
func TestQuietConnectionsHaveSmallStacks(t *testing.T) {
	const count, most = 1000, 2600
	s := serve(t, anyOrigin(room()))
	stacks := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.StackInuse)
	}
	s.dial().join("room:a") // what is made once
	before := stacks()
	becomeSmall := func(when string) {
		t.Helper()
		for end := time.Now().Add(await.Patience); ; runtime.Gosched() {
			each := (stacks() - before) / count
			if each <= most {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s each connection has a stack of %d bytes, want at most %d", when, each, most)
			}
		}
	}
	clients := make([]*client, count)
	for i := range clients {
		clients[i] = s.dial().join("room:a")
	}
	becomeSmall("joined,")
	for _, c := range clients {
		c.play("> "+beat, "< "+beatReply, "> "+beat, "< "+beatReply)
	}
	becomeSmall("after some work,")
}
