package channels

import (
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/value"
)

// A point is how far a client has come, as it says when it joins again.
type point struct {
	given  bool // it says so
	epoch  string
	offset uint64
}

// comesBack reads what the client says beside its other params: `epoch`, and as `offset` a
// number, or the ref of a frame. What cannot be read is no point of any history.
func (s *slot) comesBack(params value.Payload) (p point) {
	h := s.conn.hub
	if params.Binary || h.kept.asked.Load() == nil || h.askHistory(s.rules, s.conn.mount, s.topic).Size == 0 {
		return point{}
	}
	sent, err := value.DecodeJSON(params.Bytes)
	fields, ok := sent.(map[string]any)
	if err != nil || !ok || fields["epoch"] == nil {
		return point{}
	}
	epoch, _ := fields["epoch"].(string)
	offset, ok := offsetOf(fields["offset"])
	if !ok {
		return point{given: true}
	}
	return point{true, epoch, offset}
}

func offsetOf(v any) (uint64, bool) {
	switch x := v.(type) {
	case int64:
		return uint64(x), x >= 0
	case string:
		n, err := strconv.ParseUint(strings.TrimPrefix(x, "h"), 10, 63)
		return n, err == nil
	}
	return 0, false
}

// A miss is a broadcast that a member is sent after it came back.
type miss struct {
	entry
	ref []byte
}

// welcome says in the reply to a join how far the topic's history is, and gives what this
// member missed. Called before any later broadcast can be made.
func (s *slot) welcome(c *Call, back point) []miss {
	h := s.conn.hub
	if h.kept.asked.Load() == nil || h.askHistory(s.rules, s.conn.mount, s.topic).Size == 0 {
		return nil
	}
	history := h.historyOf(s.topic)
	if history.Size == 0 {
		return nil // the rules are being replaced
	}
	r := h.ring(s.topic, history)
	if heard := c.Membership.heard; r.heard != heard {
		if r.last > 0 || r.heard != (hearing{}) {
			h.kept.shards[h.shardOf(s.topic)].forget(r)
			r.mu.Unlock()
			r = h.ring(s.topic, history)
		}
		r.heard = heard
	}
	defer r.mu.Unlock()
	missed, ok := r.since(back)
	said := `"epoch":"` + r.epoch + `","offset":` + strconv.FormatUint(r.last, 10)
	if back.given {
		said += `,"recovered":` + strconv.FormatBool(ok)
	}
	c.response = withMembers(c.response, said)
	out := make([]miss, len(missed))
	for i, e := range missed {
		out[i] = miss{e, historyRef(r.last - uint64(len(missed)-1-i))}
	}
	return out
}

// withMembers adds members to a response that is an object. Of a name that is there already
// the added one counts, since it comes last.
func withMembers(response value.Payload, members string) value.Payload {
	text := strings.TrimSpace(string(response.Bytes))
	switch {
	case response.Binary, text != "" && text[0] != '{':
		return response
	case text == "" || strings.TrimSpace(text[1:len(text)-1]) == "":
		return value.JSON([]byte("{" + members + "}"))
	}
	return value.JSON([]byte(text[:len(text)-1] + "," + members + "}"))
}

// replay queues what a member missed, in order and before any later broadcast.
func (s *slot) replay(m *Membership, missed []miss) {
	c := s.conn
	for _, e := range missed {
		if _, filtered := c.hub.filter(s.rules, c.mount, s.topic, e.event); filtered {
			s.offer(work{kind: workOut, member: m, ref: e.ref, event: e.event, payload: e.payload})
		} else if frame := c.form.broadcast(e.ref, s.topic, e.event, e.payload); frame != nil {
			s.offer(work{kind: workPass, member: m, payload: value.Payload{Bytes: frame}})
		}
	}
}
