package presence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A world is three nodes with members who come, change and go, cuts and deaths between the
// nodes, and the simplest account of it: who tracks what.
type world struct {
	t     *testing.T
	net   *testNet
	nodes []*worldNode
	data  []byte
	n     int // of the last meta
}

type worldNode struct {
	*node
	members []*worldMember
}

type worldMember struct {
	member
	topic  string
	client *simClient
	metas  map[string]int // by key
}

// next reads a number below n from the test's data; when that is used up, 0.
func (w *world) next(n int) int {
	if len(w.data) == 0 {
		return 0
	}
	b := w.data[0]
	w.data = w.data[1:]
	return int(b) % n
}

func (w *world) start(i int) {
	windows := []time.Duration{window, 0, window}
	w.nodes[i] = &worldNode{node: startNode(w.t, w.net, fmt.Sprint("node", i), windows[i])}
	w.nodes[i].audience.trust(w.nodes[i].refs)
}

var topics = []string{"t", "u"}

func (w *world) step() {
	i := w.next(len(w.nodes))
	n := w.nodes[i]
	switch op := w.next(16); {
	case op < 3:
		m := &worldMember{topic: topics[w.next(2)], metas: map[string]int{}}
		m.client = n.audience.join(m.topic)
		n.members = append(n.members, m)
		w.track(n, m)
	case op == 3: // somebody who only looks
		m := &worldMember{topic: topics[w.next(2)], metas: map[string]int{}}
		m.client = n.audience.join(m.topic)
		n.members = append(n.members, m)
		n.audience.show(m.client, n.State(m.topic))
	case op < 7:
		if m := w.pick(n); m != nil {
			w.track(n, m)
		}
	case op < 9:
		if m := w.pick(n); m != nil {
			w.n++
			key := w.key()
			_, tracked := m.metas[key]
			if err := n.Update(m.topic, key, m, fmt.Appendf(nil, `{"n":%d}`, w.n)); (err == nil) != tracked {
				w.t.Fatalf("update of a key that is tracked (%v): %v", tracked, err)
			}
			if tracked {
				m.metas[key] = w.n
			}
		}
	case op == 9:
		if m := w.pick(n); m != nil {
			key := w.key()
			n.Untrack(m.topic, key, m)
			delete(m.metas, key)
		}
	case op == 10:
		if m := w.pick(n); m != nil {
			m.ended.Store(true)
			n.Leave(m.topic, m)
			n.audience.leave(m.topic, m.client)
			n.members = slices.DeleteFunc(n.members, func(other *worldMember) bool { return other == m })
		}
	case op == 11:
		n.bus.set(w.next(2) == 0)
	case op == 12 && w.next(4) == 0:
		n.kill()
		w.start(i)
	case op == 13 && w.next(4) == 0:
		pass(time.Duration(w.next(256)) * 100 * time.Millisecond)
	default:
		pass(time.Duration(w.next(20)) * time.Millisecond)
	}
}

func (w *world) key() string { return string(rune('a' + w.next(3))) }

func (w *world) pick(n *worldNode) *worldMember {
	if len(n.members) == 0 {
		return nil
	}
	return n.members[w.next(len(n.members))]
}

func (w *world) track(n *worldNode, m *worldMember) {
	w.n++
	key := w.key()
	var seen func([]byte)
	if _, synced := n.audience.shows(m.client); w.next(4) > 0 || !synced {
		seen = func(state []byte) { n.audience.show(m.client, state) }
	}
	err := n.Track(m.topic, key, m, fmt.Appendf(nil, `{"n":%d}`, w.n), seen)
	if _, tracked := m.metas[key]; tracked != errors.Is(err, ErrTracked) {
		w.t.Fatalf("track of a key that is tracked (%v): %v", tracked, err)
	} else if !tracked {
		m.metas[key] = w.n
	}
}

// check compares all that is shown with the account.
func (w *world) check() {
	for _, topic := range topics {
		var want []string
		for _, n := range w.nodes {
			for _, m := range n.members {
				for key, meta := range m.metas {
					if m.topic == topic {
						want = append(want, fmt.Sprint(key, " ", meta))
					}
				}
			}
		}
		slices.Sort(want)
		var first []string
		for i, n := range w.nodes {
			state := parseState(w.t, n.State(topic)).facts()
			if i == 0 {
				first = state
			} else if !slices.Equal(state, first) {
				w.t.Errorf("topic %s: node %d has\n%q and node 0\n%q", topic, i, state, first)
			}
			var got []string
			for _, fact := range state {
				part := strings.Fields(fact)
				got = append(got, part[0]+" "+part[2])
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				w.t.Errorf("topic %s: node %d has %q, want %q", topic, i, got, want)
			}
			for j, m := range n.members {
				shows, synced := n.audience.shows(m.client)
				if m.topic == topic && synced && !slices.Equal(shows, state) {
					w.t.Errorf("topic %s: client %d of node %d shows\n%q of\n%q", topic, j, i, shows, state)
				}
			}
		}
	}
	for i, n := range w.nodes {
		if err := n.audience.problem(); err != nil {
			w.t.Errorf("node %d: %v", i, err)
		}
	}
}

// runWorld plays data and gives what its clients saw.
func runWorld(t *testing.T, data []byte) (clients []*simClient) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: newNet(), nodes: make([]*worldNode, 3), data: data}
		w.net.Max = 400 // some changes and all snapshots are more than one message
		for i := range w.nodes {
			w.start(i)
		}
		if w.next(2) == 1 {
			var lock sync.Mutex
			r := rand.New(rand.NewPCG(uint64(len(data)), 1))
			w.net.losing(func(string) bool {
				lock.Lock()
				defer lock.Unlock()
				return r.IntN(10) == 0
			})
		}
		for len(w.data) > 0 {
			w.step()
		}
		w.net.losing(nobody)
		for _, n := range w.nodes {
			n.bus.set(true)
		}
		pass(40 * time.Second)
		w.check()
		for _, n := range w.nodes {
			n.stop()
			for _, m := range n.members {
				clients = append(clients, m.client)
			}
		}
	})
	return clients
}

func FuzzTable(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomBytes(seed, 300))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 5000 {
			runWorld(t, data)
		}
	})
}

func randomBytes(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return data
}

func TestRandomWorldsConverge(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runWorld(t, randomBytes(seed+1000, 2000)) })
	}
}

// The npm client's own Presence must show what our account of it shows.
func TestTheNpmClientShowsTheSame(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is needed to run the Phoenix client: %v", err)
	}
	type story struct {
		Events []event  `json:"events"`
		Facts  []string `json:"facts"`
	}
	var stories []story
	for seed := range uint64(5) {
		for _, c := range runWorld(t, randomBytes(seed, 1500)) {
			stories = append(stories, story{c.events, c.state.facts()})
		}
	}
	if len(stories) < 20 {
		t.Fatalf("only %d clients", len(stories))
	}
	in, err := json.Marshal(stories)
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, "testdata/presence.cjs")
	run.Stdin = strings.NewReader(string(in))
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("node presence.cjs: %v\n%s", err, out)
	}
}

func FuzzWire(f *testing.F) {
	at := &topic{name: "t", home: &shard{}, keys: map[string]*present{}}
	old, e := newEntry(&member{}, "R1", "", ""), newEntry(&member{}, "R2", "R1", `"a":1`)
	at.insert("k", old)
	at.replace(old, e)
	p := packer{limit: 1000}
	for _, o := range []op{{entry: old, join: true}, {entry: e, join: true}, {entry: old}} {
		p.add(o)
	}
	body := p.take()
	f.Add(message{kind: kindBatch, node: "a", seq: 2, body: body}.append(nil), answer{statusHere, 1, 1, 0, body}.append(nil))
	f.Add(message{kind: kindHello, node: "b", seq: 2}.append(nil), answer{statusHere, 1, 7, 3, body}.append(nil))
	f.Add(message{kind: kindBye, node: "a"}.append(nil), answer{status: statusBusy}.append(nil))
	f.Fuzz(func(t *testing.T, said, answered []byte) {
		synctest.Test(t, func(t *testing.T) {
			net := newNet()
			n, liar := startNode(t, net, "n", window), net.node("a")
			n.audience.trust(n.refs)
			mine := n.track(t, "t", "k")
			asked, err := liar.Answer(subjectOf("a"), func(context.Context, []byte) []byte { return answered })
			if err != nil {
				t.Fatal(err)
			}
			for _, data := range [][]byte{said, message{kind: kindHello, node: "a", seq: 1}.append(nil), said} {
				_ = liar.Publish(subjectAll, data)
				pass(50 * time.Millisecond)
			}
			n.cluster.answer(t.Context(), said)
			n.cluster.answer(t.Context(), question{1, uint64(len(said))}.append(nil))
			pass(time.Second)
			if _, ok := n.Meta("t", "k", mine); !ok {
				t.Error("another node took what is ours")
			}
			for _, topic := range []string{"t", "u"} {
				if state := n.State(topic); !json.Valid(state) {
					t.Errorf("the state is no JSON: %s", state)
				}
			}
			if err := n.audience.problem(); err != nil {
				t.Error(err)
			}
			asked.Close()
			liar.Close()
			pass(30 * time.Second)
			n.sees(t, "after the liar's lease", "k")
			if size := n.Len(); size != (Size{Local: 1, Topics: 1}) {
				t.Errorf("the table holds %+v", size)
			}
			n.stop()
		})
	})
}
