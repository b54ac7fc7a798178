package presence

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A simClient is the class Presence of the npm client, written in Go from its source
// (assets/js/phoenix/presence.js of 1.8.16): syncState, syncDiff and the diffs that wait
// for a state.
type simClient struct {
	state   presences
	synced  bool
	waiting []diffPayload

	events []event // as they came, for the real one
}

type event struct {
	Event   string          `json:"event"`
	Payload json.RawMessage `json:"payload"`
}

type metas struct {
	Metas []map[string]any `json:"metas"`
}

type presences map[string]metas

type diffPayload struct {
	Joins  presences `json:"joins"`
	Leaves presences `json:"leaves"`
}

func (c *simClient) onState(payload []byte) error {
	c.events = append(c.events, event{"presence_state", payload})
	var state presences
	if err := json.Unmarshal(payload, &state); err != nil {
		return fmt.Errorf("state %s: %w", payload, err)
	}
	c.state = syncState(c.state, state)
	c.synced = true
	for _, diff := range c.waiting {
		c.state = syncDiff(c.state, diff)
	}
	c.waiting = nil
	return nil
}

func (c *simClient) onDiff(payload []byte) error {
	c.events = append(c.events, event{"presence_diff", payload})
	var diff diffPayload
	if err := json.Unmarshal(payload, &diff); err != nil {
		return fmt.Errorf("diff %s: %w", payload, err)
	}
	if diff.Joins == nil || diff.Leaves == nil {
		return fmt.Errorf("diff %s lacks one of its keys", payload)
	}
	if !c.synced {
		c.waiting = append(c.waiting, diff)
		return nil
	}
	c.state = syncDiff(c.state, diff)
	return nil
}

func syncState(current, next presences) presences {
	joins, leaves := presences{}, presences{}
	for key, p := range current {
		if _, ok := next[key]; !ok {
			leaves[key] = p
		}
	}
	for key, p := range next {
		now, ok := current[key]
		if !ok {
			joins[key] = p
			continue
		}
		if joined := without(p.Metas, now.Metas); len(joined) > 0 {
			joins[key] = metas{joined}
		}
		if left := without(now.Metas, p.Metas); len(left) > 0 {
			leaves[key] = metas{left}
		}
	}
	return syncDiff(current, diffPayload{joins, leaves})
}

func syncDiff(state presences, diff diffPayload) presences {
	out := presences{}
	maps.Copy(out, state)
	for key, p := range diff.Joins {
		out[key] = metas{slices.Concat(without(out[key].Metas, p.Metas), p.Metas)}
	}
	for key, p := range diff.Leaves {
		current, ok := out[key]
		if !ok {
			continue
		}
		if left := without(current.Metas, p.Metas); len(left) > 0 {
			out[key] = metas{left}
		} else {
			delete(out, key)
		}
	}
	return out
}

// without gives the metas whose refs are not among others.
func without(all, others []map[string]any) []map[string]any {
	return slices.DeleteFunc(slices.Clone(all), func(m map[string]any) bool {
		return slices.ContainsFunc(others, func(o map[string]any) bool { return o["phx_ref"] == m["phx_ref"] })
	})
}

// facts gives what a client shows, in an order of its own: key, ref, and the meta's member n.
func (p presences) facts() []string {
	var all []string
	for key, m := range p {
		for _, meta := range m.Metas {
			all = append(all, fmt.Sprint(key, " ", meta["phx_ref"], " ", meta["n"]))
		}
	}
	slices.Sort(all)
	return all
}

func parseState(t *testing.T, state []byte) presences {
	t.Helper()
	var p presences
	if err := json.Unmarshal(state, &p); err != nil {
		t.Fatalf("state %s: %v", state, err)
	}
	return p
}

// A witness sees all diffs of a topic from the beginning, and insists that each ref comes
// once and leaves once, and that phx_ref_prev is one that came.
type witness struct {
	here, ever map[string]bool
}

func (w *witness) see(payload []byte, process string) error {
	var diff diffPayload
	if err := json.Unmarshal(payload, &diff); err != nil {
		return fmt.Errorf("diff %s: %w", payload, err)
	}
	for key, p := range diff.Joins {
		for _, m := range p.Metas {
			ref := fmt.Sprint(key, " ", m["phx_ref"])
			if w.here[ref] {
				return fmt.Errorf("%s joined twice: %s", ref, payload)
			}
			own := strings.HasPrefix(fmt.Sprint(m["phx_ref"]), process)
			if prev := m["phx_ref_prev"]; prev != nil && own && !w.ever[fmt.Sprint(key, " ", prev)] {
				return fmt.Errorf("%s has a phx_ref_prev that never joined: %s", ref, payload)
			}
			w.here[ref], w.ever[ref] = true, true
		}
	}
	for key, p := range diff.Leaves {
		for _, m := range p.Metas {
			ref := fmt.Sprint(key, " ", m["phx_ref"])
			if !w.here[ref] {
				return fmt.Errorf("%s left and was not there: %s", ref, payload)
			}
			delete(w.here, ref)
		}
	}
	return nil
}

// An audience is the clients of one node.
type audience struct {
	mu        sync.Mutex
	process   string                  // what refs begin with whose phx_ref_prev must have been seen
	clients   map[string][]*simClient // by topic
	witnesses map[string]*witness
	diffs     map[string]int
	err       error
	sleep     atomic.Pointer[chan struct{}] // what holds up who emits
}

func newAudience() *audience {
	return &audience{clients: map[string][]*simClient{}, witnesses: map[string]*witness{}, diffs: map[string]int{}}
}

func (a *audience) emit(topic string, diff []byte) {
	if wake := a.sleep.Load(); wake != nil {
		<-*wake
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.diffs[topic]++
	if a.witnesses[topic] == nil {
		a.witnesses[topic] = &witness{map[string]bool{}, map[string]bool{}}
	}
	a.fail(a.witnesses[topic].see(diff, a.process))
	for _, c := range a.clients[topic] {
		a.fail(c.onDiff(diff))
	}
}

// trust has a phx_ref_prev only looked at in what this process made: what a snapshot brought
// may have replaced something that was never seen here.
func (a *audience) trust(refs *Refs) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.process = refs.Next()[:8]
}

func (a *audience) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// told counts the diffs of a topic so far.
func (a *audience) told(topic string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.diffs[topic]
}

// problem is the first that a client or witness found.
func (a *audience) problem() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// shows gives what a client shows.
func (a *audience) shows(c *simClient) (facts []string, synced bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return c.state.facts(), c.synced
}

// join subscribes a client, as a channel does before it tracks.
func (a *audience) join(topic string) *simClient {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := &simClient{}
	a.clients[topic] = append(a.clients[topic], c)
	return c
}

func (a *audience) leave(topic string, c *simClient) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.clients[topic] = slices.DeleteFunc(a.clients[topic], func(other *simClient) bool { return other == c })
}

// show gives a client a state. It may be called under the lock of the table.
func (a *audience) show(c *simClient, state []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail(c.onState(state))
}
