package presence

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A node is a process: its table, its members' clients and its tie to the others.
type node struct {
	*Table
	audience *audience
	bus      *testBus
	cluster  *Cluster
	dead     bool
}

func startNode(t *testing.T, net *testNet, name string, window time.Duration) *node {
	t.Helper()
	refs, err := NewRefs(rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	n := &node{audience: newAudience(), bus: net.node(name)}
	n.Table = NewTable(Options{Refs: refs, Emit: n.audience.emit, Window: window})
	n.cluster, err = NewCluster(n.Table, ClusterOptions{Bus: n.bus, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// kill ends a process without a word.
func (n *node) kill() {
	n.dead = true
	n.bus.set(false)
	n.stop()
}

func (n *node) stop() {
	n.cluster.Close()
	n.Table.Close()
	n.bus.Close()
}

func (n *node) track(t *testing.T, topic, key string) *member {
	t.Helper()
	m := &member{}
	if err := n.Track(topic, key, m, []byte(`{"n":1}`), nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// sees checks which keys a node shows in topic t.
func (n *node) sees(t *testing.T, when string, want ...string) {
	t.Helper()
	got := n.Keys("t")
	slices.Sort(got)
	if !slices.Equal(got, want) || n.Count("t") != len(want) {
		t.Errorf("%s: node %s sees %q, want %q", when, n.bus.Node(), got, want)
	}
	if err := n.audience.problem(); err != nil {
		t.Errorf("%s: node %s: %v", when, n.bus.Node(), err)
	}
}

// inCluster runs a test with nodes a, b and c, and stops those that live.
func inCluster(t *testing.T, test func(t *testing.T, net *testNet, a, b, c *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := newNet()
		a, b, c := startNode(t, net, "a", window), startNode(t, net, "b", window), startNode(t, net, "c", 0)
		pass(time.Second)
		test(t, net, a, b, c)
		for _, n := range []*node{a, b, c} {
			if !n.dead {
				n.stop()
			}
		}
	})
}

func TestPresenceCrossesNodes(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		ann := a.track(t, "t", "ann")
		c.track(t, "t", "cid")
		annToo := b.track(t, "t", "ann")
		pass(100 * time.Millisecond)
		for _, n := range []*node{a, b, c} {
			n.sees(t, "tracked", "ann", "cid")
		}
		if n := b.Len(); n != (Size{Local: 1, Remote: 2, Topics: 1}) {
			t.Errorf("b holds %+v", n)
		}
		if n := c.cluster.Stats().Nodes; n != 2 {
			t.Errorf("c knows %d nodes", n)
		}
		if err := a.Update("t", "ann", ann, []byte(`{"n":2}`)); err != nil {
			t.Fatal(err)
		}
		pass(100 * time.Millisecond)
		if state := string(c.State("t")); !strings.Contains(state, `"n":2`) || strings.Count(state, "phx_ref_prev") != 1 {
			t.Errorf("after the update c has %s", state)
		}
		if b.Untrack("t", "ann", ann) {
			t.Error("b took away what is a's")
		}
		if _, ok := b.Meta("t", "ann", ann); ok {
			t.Error("b has the meta of a's member")
		}
		a.Leave("t", ann)
		b.Untrack("t", "ann", annToo)
		pass(100 * time.Millisecond)
		for _, n := range []*node{a, b, c} {
			n.sees(t, "ann left", "cid")
		}
	})
}

func TestANewNodeGetsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNet()
		net.Max = 500 // a snapshot has many chunks, and changes come in between
		a := startNode(t, net, "a", window)
		pass(time.Second)
		var want []string
		var gone []*member
		for i := range 200 {
			key := fmt.Sprintf("k%03d", i)
			m := a.track(t, "t", key)
			if i%2 == 0 {
				gone = append(gone, m)
			} else {
				want = append(want, key)
			}
		}
		pass(window)
		b := startNode(t, net, "b", window)
		for i, m := range gone {
			pass(latency)
			a.Leave("t", m)
			if i%10 == 0 {
				key := fmt.Sprintf("n%03d", i)
				want = append(want, key)
				a.track(t, "t", key)
			}
		}
		pass(time.Second)
		slices.Sort(want)
		b.sees(t, "after the snapshot", want...)
		if gaps := b.cluster.Stats().Gaps; gaps != 0 {
			t.Errorf("%d gaps on a net that loses nothing", gaps)
		}
		a.stop()
		b.stop()
	})
}

func TestANodeKilledIsGoneWithinHalfAMinuteAndNotBeforeItsLease(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		a.track(t, "t", "ann")
		b.track(t, "t", "bob")
		b.track(t, "t", "ben")
		pass(time.Second)
		b.kill()
		pass(DefaultLease - DefaultBeat - time.Second)
		a.sees(t, "before the lease ended", "ann", "ben", "bob")
		told := a.audience.told("t")
		pass(30*time.Second - DefaultLease)
		a.sees(t, "after half a minute", "ann")
		c.sees(t, "after half a minute", "ann")
		if n := a.audience.told("t") - told; n != 1 {
			t.Errorf("the dead node left in %d diffs", n)
		}
		if s := a.cluster.Stats(); s.Nodes != 1 || s.Drops != 1 {
			t.Errorf("a counts %+v", s)
		}
	})
}

func TestANodeThatSaysGoodbyeIsGoneAtOnce(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		b.track(t, "t", "bob")
		pass(time.Second)
		b.dead = true
		b.stop()
		pass(100 * time.Millisecond)
		a.sees(t, "after goodbye")
		if s := a.cluster.Stats(); s.Nodes != 1 || s.Drops != 0 {
			t.Errorf("a counts %+v", s)
		}
		if n := a.Len(); n != (Size{}) {
			t.Errorf("a holds %+v", n)
		}
	})
}

func TestARestartLeavesNoGhost(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		b.track(t, "t", "bob")
		pass(time.Second)
		b.kill()
		again := startNode(t, net, "b", window) // its name is b-2
		again.track(t, "t", "bob")
		pass(time.Second)
		a.sees(t, "while the old one has its lease", "bob")
		pass(30 * time.Second)
		a.sees(t, "after the old one's lease", "bob")
		if n := a.Len(); n.Remote != 1 {
			t.Errorf("a holds %+v", n)
		}
		again.stop()
	})
}

// A cluster that begins anew in one process, under the same name, is found out even by who
// missed the end of the first.
func TestANewClusterUnderTheSameName(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		b.track(t, "t", "bob")
		pass(time.Second)
		b.bus.set(false)
		b.cluster.Close()
		b.bus.set(true)
		for range 3 { // its number is lower than what a has seen, if it counts from the same one
			b.track(t, "t", fmt.Sprint("b", b.Count("t")))
			pass(window)
		}
		var err error
		if b.cluster, err = NewCluster(b.Table, ClusterOptions{Bus: b.bus, Log: slog.New(slog.DiscardHandler)}); err != nil {
			t.Fatal(err)
		}
		if _, err := NewCluster(b.Table, ClusterOptions{Bus: b.bus, Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Error("a table was tied twice")
		}
		pass(2 * DefaultBeat)
		a.sees(t, "after b began anew", "b1", "b2", "b3", "bob")
		b.sees(t, "after b began anew", "b1", "b2", "b3", "bob")
	})
}

func TestAnOutageDoesNotFlap(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
				a.track(t, "t", "ann")
				b.track(t, "t", "bob")
				c.track(t, "t", "cid")
				pass(time.Second)
				nodes := []*node{a, b, c}
				var told []int
				for _, n := range nodes {
					told = append(told, n.audience.told("t"))
					n.bus.set(false)
				}
				pass(outage)
				for i, n := range nodes { // they do not all come back at once
					n.sees(t, "cut off", "ann", "bob", "cid")
					pass(time.Duration(i) * time.Second)
					n.bus.set(true)
				}
				pass(time.Minute)
				for i, n := range nodes {
					n.sees(t, "after the outage", "ann", "bob", "cid")
					if n.audience.told("t") != told[i] {
						t.Errorf("node %s told %d diffs although nothing changed", n.bus.Node(), n.audience.told("t")-told[i])
					}
				}
			})
		})
	}
}

func TestWhatChangedInAnOutageIsLearnedAfterIt(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		ann := a.track(t, "t", "ann")
		a.track(t, "t", "abe")
		pass(time.Second)
		b.bus.set(false)
		a.Leave("t", ann)
		a.track(t, "t", "amy")
		b.track(t, "t", "bob")
		pass(5 * time.Second)
		b.sees(t, "cut off", "abe", "ann", "bob")
		a.sees(t, "cut off", "abe", "amy")
		told := b.audience.told("t")
		b.bus.set(true)
		pass(time.Second)
		for _, n := range []*node{a, b, c} {
			n.sees(t, "mended", "abe", "amy", "bob")
		}
		if n := b.audience.told("t") - told; n != 1 {
			t.Errorf("b told the difference in %d diffs", n)
		}
	})
}

func TestANodeThatWasDroppedIsTakenInAgain(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		b.track(t, "t", "bob")
		a.track(t, "t", "ann")
		pass(time.Second)
		b.bus.set(false)
		pass(time.Minute)
		a.sees(t, "without b", "ann")
		b.sees(t, "without a", "ann", "bob")
		told := b.audience.told("t")
		b.bus.set(true)
		pass(time.Second)
		a.sees(t, "with b", "ann", "bob")
		b.sees(t, "with a", "ann", "bob")
		if b.audience.told("t") != told {
			t.Error("b, which judged nobody, told a diff")
		}
	})
}

// A node that died while this one was cut off has a whole lease from the return on.
func TestWhoDiedDuringAnOutageIsDroppedALeaseAfterIt(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		b.track(t, "t", "bob")
		pass(time.Second)
		a.bus.set(false)
		b.kill()
		pass(time.Minute)
		a.bus.set(true)
		pass(DefaultLease - time.Second)
		a.sees(t, "a lease after the return, less a second", "bob")
		pass(3 * time.Second)
		a.sees(t, "after the lease")
	})
}

// A process that was stopped for a while has heard nobody, and it is nobody's fault.
func TestWhoWasAsleepJudgesNobody(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		a.track(t, "t", "ann")
		b.track(t, "t", "bob")
		pass(time.Second)
		told, wake := c.audience.told("t"), make(chan struct{})
		c.audience.sleep.Store(&wake)
		a.track(t, "other", "ann") // c falls asleep over it
		pass(time.Second)
		net.losing(func(to string) bool { return to == "c" })
		pass(time.Minute)
		net.losing(nobody)
		c.audience.sleep.Store(nil)
		close(wake)
		pass(time.Minute)
		c.sees(t, "after a minute of sleep", "ann", "bob")
		if c.audience.told("t") != told || c.cluster.Stats().Drops != 0 {
			t.Error("c let somebody leave")
		}
	})
}

func TestALostMessageIsFoundByTheNextBeat(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		ann := a.track(t, "t", "ann")
		pass(time.Second)
		net.losing(func(string) bool { return true })
		a.Leave("t", ann)
		pass(2 * window)
		net.losing(nobody)
		b.sees(t, "nothing came", "ann")
		pass(DefaultBeat + 100*time.Millisecond)
		b.sees(t, "after a beat")
		if gaps := b.cluster.Stats().Gaps; gaps != 1 {
			t.Errorf("%d gaps", gaps)
		}
	})
}

func TestAnEntryThatNoMessageHoldsStaysHereAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNet()
		net.Max = 1000
		a, b := startNode(t, net, "a", window), startNode(t, net, "b", window)
		pass(time.Second)
		if err := a.Track("t", "big", &member{}, []byte(`{"a":"`+strings.Repeat("x", 2000)+`"}`), nil); err != nil {
			t.Fatal(err)
		}
		a.track(t, "t", "ann")
		pass(time.Second)
		a.sees(t, "a", "ann", "big")
		b.sees(t, "b", "ann")
		c := startNode(t, net, "c", window)
		pass(time.Second)
		c.sees(t, "c, by a snapshot", "ann")
		for _, n := range []*node{a, b, c} {
			n.stop()
		}
	})
}

func TestMessagesThatAreNoneAreIgnored(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		a.track(t, "t", "ann")
		pass(time.Second)
		stranger := net.node("stranger")
		batch := func(node string, body string) []byte {
			return message{kind: kindBatch, node: node, seq: a.cluster.lastSeq() + 1, body: []byte(body)}.append(nil)
		}
		bad := [][]byte{
			nil, {}, {9}, {wireVersion}, {wireVersion, 77, 1, 'x', 0}, []byte("hello"),
			batch("a", "x"), batch("a", "l\x02ab"), batch("a", "t\x01tj\x01k\x01r\x00\x03}{}"), batch("a", "t\x01tj\x01k\x03a\"b\x00\x00"),
			batch("a.b", ""), batch("", ""), batch("*", ""), batch(strings.Repeat("n", maxNode+1), ""),
		}
		for _, data := range bad {
			if err := stranger.Publish(subjectAll, data); err != nil {
				t.Fatal(err)
			}
		}
		if a.cluster.answer(t.Context(), []byte("x")) != nil {
			t.Error("a question that is none was answered")
		}
		pass(time.Second)
		b.sees(t, "after rubbish", "ann")
		if n := b.cluster.Stats().Bad; n < uint64(len(bad)-4) {
			t.Errorf("b counted %d bad messages of %d", n, len(bad))
		}
		a.track(t, "t", "abe")
		pass(2 * DefaultBeat)
		b.sees(t, "later", "abe", "ann")
		stranger.Close()
	})
}

// Who read a snapshot in the middle of a window knows of joins that were not told yet.
func TestWhatASnapshotShowedIsToldWithItsLeave(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		a.track(t, "other", "abe")
		pass(2 * window) // a new number, so that no earlier snapshot is shared
		ann := a.track(t, "t", "ann")
		got, err := parseAnswer(a.cluster.answer(t.Context(), question{}.append(nil)))
		if err != nil || !strings.Contains(string(got.body), "ann") {
			t.Errorf("the snapshot: %+v, %v", got, err)
		}
		a.Leave("t", ann)
		seq := a.cluster.lastSeq()
		pass(time.Second)
		if n := a.audience.told("t"); n != 2 {
			t.Errorf("%d diffs were told, want the join and the leave", n)
		}
		if n := a.cluster.lastSeq() - seq; n != 1 {
			t.Errorf("%d batches were sent, want one", n)
		}
	})
}

func TestANodeThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		net.deaf.Store(true)
		a.track(t, "t", "ann")
		d := startNode(t, net, "d", window)
		pass(5 * time.Second)
		d.sees(t, "without an answer")
		abe := a.track(t, "t", "abe")
		net.deaf.Store(false)
		pass(retryAfter + 2*lookEvery)
		d.sees(t, "with an answer", "abe", "ann")
		a.Leave("t", abe)
		pass(time.Second)
		d.sees(t, "and what follows", "ann")
		d.stop()
	})
}

func TestWhatWaitsForAnAnswerIsBounded(t *testing.T) {
	p := newTable(t, &recorder{})
	c := &Cluster{table: p, log: slog.New(slog.DiscardHandler), peers: peers{known: map[string]*peer{}}}
	other := &peer{node: "b", view: view{}, stale: true}
	c.keep(other, message{kind: kindBeat, seq: 1, body: make([]byte, maxQueue/2)})
	c.keep(other, message{kind: kindBatch, seq: 3, body: make([]byte, maxQueue/2)})
	c.keep(other, message{kind: kindBatch, seq: 4})
	if len(other.queue) != 1 {
		t.Errorf("%d messages wait", len(other.queue))
	}
	c.settleLoad(other, load{peer: other, seq: 1})
	if !other.stale || other.missed || other.queue != nil {
		t.Errorf("after the answer: %+v, want a node that is asked again", other)
	}
	in := &inbox{ready: make(chan struct{}, 1)}
	for in.put(make([]byte, maxInbox/4)) {
		if len(in.waiting) > 4 {
			t.Fatal("the inbox takes more than it may")
		}
	}
	if len(in.take()) != 4 || !in.put(nil) {
		t.Error("the inbox took less than it may")
	}
}

func TestSnapshotsAreSharedAndBounded(t *testing.T) {
	inCluster(t, func(t *testing.T, net *testNet, a, b, c *node) {
		begin := question{}.append(nil)
		for i := range maxSessions + 2 {
			got, err := parseAnswer(a.cluster.answer(t.Context(), begin))
			again, _ := parseAnswer(a.cluster.answer(t.Context(), begin))
			if err != nil || got.session != again.session {
				t.Fatalf("%v: sessions %d and %d at one number", err, got.session, again.session)
			}
			if i > maxSessions && got.status != statusBusy {
				t.Errorf("snapshot %d: status %d", i, got.status)
			}
			a.track(t, "t", fmt.Sprint(i))
			pass(window)
		}
		pass(sessionLife + 2*time.Second)
		if got, _ := parseAnswer(a.cluster.answer(t.Context(), question{session: 1}.append(nil))); got.status != statusGone {
			t.Errorf("a snapshot nobody read: status %d", got.status)
		}
		if got, _ := parseAnswer(a.cluster.answer(t.Context(), begin)); got.status != statusHere {
			t.Errorf("a new snapshot: status %d", got.status)
		}
	})
}

func TestWireRoundTrips(t *testing.T) {
	m := message{kind: kindBatch, node: "n_1-x", seq: 1 << 60, body: []byte("body")}
	if got, err := parseMessage(m.append(nil)); err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("message %+v came back as %+v, %v", m, got, err)
	}
	at := &topic{name: "room:ü", home: &shard{}, keys: map[string]*present{}}
	e := newEntry(&member{}, "R1", "R0", `"a":1`)
	at.insert(`k"`, e)
	p := packer{limit: 1000}
	p.add(op{entry: e, join: true})
	p.add(op{entry: e})
	groups, err := parseChanges(p.take())
	want := []group{{"room:ü", []change{{join: true, key: `k"`, ref: "R1", prev: "R0", body: `"a":1`}, {ref: "R1"}}}}
	if err != nil || !reflect.DeepEqual(groups, want) {
		t.Errorf("changes came back as %+v, %v", groups, err)
	}
}
