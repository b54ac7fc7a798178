package app_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// BenchmarkFilter is a broadcast to a thousand clients, each with a list of whom it does not
// want to hear, until all of it is written.
func BenchmarkFilter(b *testing.B) {
	const members = 1000
	for _, tt := range []struct {
		name, event string
		distinct    int
	}{{"unfiltered", "plain", 1}, {"distinct=1", "msg", 1}, {"distinct=10", "msg", 10}, {"distinct=1000", "msg", 1000}} {
		b.Run(tt.name, func(b *testing.B) {
			h := serve(b, rooms(`
      - topic: room:{id}
        join: [{assign: {blocked: "${payload.blocked}"}}]
        handle_out:
          msg: [{require: "not has(blocked, payload.user_id)"}, push]
`))
			for i := range members {
				var blocked []string
				for k := range 20 {
					blocked = append(blocked, fmt.Sprint(1000*(i%tt.distinct)+k+100))
				}
				c := h.dial("/socket/websocket?user=ann").join("room:1", `{"blocked":[`+strings.Join(blocked, ",")+`]}`, okReply)
				go func() { _, _ = io.Copy(io.Discard, c.NetConn()) }()
			}
			payload := value.JSON([]byte(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"}`))
			sent := h.hub.Stats().Sent
			b.ReportAllocs()
			for b.Loop() {
				if err := h.hub.Broadcast("room:1", tt.event, payload); err != nil {
					b.Fatal(err)
				}
				sent += members
				await.Until(b, "all is written", func() bool { return h.hub.Stats().Sent >= sent })
			}
		})
	}
}
