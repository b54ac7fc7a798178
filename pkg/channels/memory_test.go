package channels

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// What a membership keeps is its refs, not the message that brought them.
func TestJoinsDoNotHoldTheirMessages(t *testing.T) {
	s := serve(t, anyOrigin(room()))
	c := s.dial()
	const topics, size = 60, 500_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools held goes with the second
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before, payload := heap(), strings.Repeat("x", size)
	for i := range topics {
		c.send(fmt.Sprintf(`["%d","%d","room:%d","phx_join",%q]`, i, i, i, payload))
		c.expect(fmt.Sprintf(`["%d","%d","room:%d","phx_reply",{"status":"ok","response":{}}]`, i, i, i))
	}
	if grown := heap() - before; grown > topics*size/4 {
		t.Errorf("%d memberships hold %d bytes after joins of %d", topics, grown, topics*size)
	}
}
