package channels

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A member that comes and goes while others broadcast gets all of it, once and in order, as
// long as it is told that it did.
func TestNothingIsLostBetweenMemberships(t *testing.T) {
	const senders, each = 4, 400
	rules := keeping(2000, time.Hour)
	rules.channels[0].out = map[string]func(*Call){"filtered": func(c *Call) { must(c.Push(c.Event, c.Payload)) }}
	s := serve(t, rules)
	var sent sync.WaitGroup
	for k := range senders {
		sent.Go(func() {
			for i := range each {
				event := []string{"plain", "filtered"}[(i+k)%2]
				must(s.hub.Broadcast("room:a", event, value.JSON(fmt.Appendf(nil, "%d", i))))
			}
		})
	}
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() { follow(t, s, senders*each) })
	}
	sent.Wait()
	readers.Wait()
}

// follow joins again and again until the last broadcast was received.
func follow(t *testing.T, s *server, total int) {
	epoch, offset := "", 0
	for turn := 1; offset < total; turn++ {
		c := s.dial()
		params := `{}`
		if epoch != "" {
			params = fmt.Sprintf(`{"epoch":%q,"offset":%d}`, epoch, offset)
		}
		c.send(`["1","1","room:a","phx_join",` + params + `]`)
		reply := c.receive()
		var parts []json.RawMessage
		var body struct{ Response told }
		if json.Unmarshal([]byte(reply), &parts) != nil || json.Unmarshal(parts[4], &body) != nil {
			t.Errorf("the join gave %s", reply)
			return
		}
		if epoch == "" {
			epoch, offset = body.Response.Epoch, body.Response.Offset
		} else if body.Response.Recovered == nil || !*body.Response.Recovered {
			t.Errorf("not recovered: %s", reply)
			return
		}
		for n := 0; n < 37*turn && offset < total; n++ {
			frame := c.receive()
			got, err := strconv.Atoi(strings.TrimPrefix(strings.SplitN(frame, `"`, 5)[refPart(frame)], "h"))
			if err != nil || got != offset+1 {
				t.Errorf("after %d came %s", offset, frame)
				return
			}
			offset = got
		}
		c.NetConn().Close()
	}
}

// refPart is where the ref stands among the parts of a frame between quotes.
func refPart(frame string) int {
	if strings.HasPrefix(frame, "[null") {
		return 1
	}
	return 3
}
