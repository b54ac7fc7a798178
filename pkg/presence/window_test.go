package presence

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const window = 20 * time.Millisecond

func newWindowTable(t *testing.T, emit func(topic string, diff []byte)) *Table {
	t.Helper()
	refs, err := NewRefs(bytes.NewReader([]byte("abcdef")), time.UnixMicro(1_700_000_000_000_000))
	if err != nil {
		t.Fatal(err)
	}
	return NewTable(Options{Refs: refs, Emit: emit, Window: window})
}

// pass lets fake time go by; in a bubble this takes none.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestDiffsOfOneWindow(t *testing.T) {
	type kit struct {
		*Table
		a, b, c *member
	}
	track := func(m func(kit) *member, key, meta string) func(kit) error {
		return func(k kit) error { return k.Track("t", key, m(k), []byte(meta), nil) }
	}
	see := func(m func(kit) *member, key, meta string) func(kit) error {
		return func(k kit) error { return k.Track("t", key, m(k), []byte(meta), func([]byte) {}) }
	}
	update := func(m func(kit) *member, key, meta string) func(kit) error {
		return func(k kit) error { return k.Update("t", key, m(k), []byte(meta)) }
	}
	untrack := func(m func(kit) *member, key string) func(kit) error {
		return func(k kit) error { k.Untrack("t", key, m(k)); return nil }
	}
	end := func(m func(kit) *member) func(kit) error {
		return func(k kit) error { m(k).ended.Store(true); k.Leave("t", m(k)); return nil }
	}
	a, b, c := func(k kit) *member { return k.a }, func(k kit) *member { return k.b }, func(k kit) *member { return k.c }
	next := func(kit) error { pass(window); return nil }

	tests := []struct {
		name  string
		steps []func(kit) error
		want  []string
	}{
		{"joins of several keys are one diff", []func(kit) error{track(a, "u", `{}`), track(b, "v", `{"x":1}`), track(c, "u", `{}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"},{"phx_ref":"R2"}]},"v":{"metas":[{"phx_ref":"R3","x":1}]}},"leaves":{}}`}},
		{"a join and its leave cancel out", []func(kit) error{track(a, "u", `{}`), untrack(a, "u")}, nil},
		{"who joined, saw the state and is gone cancels out", []func(kit) error{see(a, "u", `{}`), end(a)}, nil},
		{"an update of a join that nobody saw is a join", []func(kit) error{track(a, "u", `{}`), update(a, "u", `{"n":2}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1","n":2}]}},"leaves":{}}`}},
		{"a chain of updates is one, from the ref that was seen", []func(kit) error{track(a, "u", `{}`), next, update(a, "u", `{"n":2}`), update(a, "u", `{"n":3}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","n":3}]}},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"a chain of updates that ends in a leave is that leave", []func(kit) error{track(a, "u", `{}`), next, update(a, "u", `{"n":2}`), untrack(a, "u")},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`, `{"joins":{},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"a key that left and came back", []func(kit) error{track(a, "u", `{}`), next, untrack(a, "u"), track(a, "u", `{}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R2"}]}},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"an update of what a member was shown is told after it", []func(kit) error{see(a, "u", `{}`), update(a, "u", `{"n":2}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","n":2}]}},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"what another member was shown is told with its leave", []func(kit) error{see(a, "u", `{}`), see(b, "v", `{}`), end(a)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]},"v":{"metas":[{"phx_ref":"R2"}]}},"leaves":{}}`,
				`{"joins":{},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"what was shown before a join does not hold it", []func(kit) error{see(a, "u", `{}`), track(b, "v", `{}`), untrack(b, "v")},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`}},
		{"a state that somebody asked for counts as shown", []func(kit) error{track(a, "u", `{}`), func(k kit) error { k.State("t"); return nil }, untrack(a, "u")},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`, `{"joins":{},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`}},
		{"a chain keeps the key where another one's end made a second diff", []func(kit) error{
			track(a, "u", `{}`), next, update(a, "u", `{"n":2}`), see(b, "u", `{}`), untrack(b, "u"), update(a, "u", `{"n":3}`), update(a, "u", `{"n":4}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","n":2},{"phx_ref":"R3"}]}},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R4","phx_ref_prev":"R2","n":4}]}},"leaves":{"u":{"metas":[{"phx_ref":"R3"},{"phx_ref":"R2","phx_ref_prev":"R1","n":2}]}}}`}},
		{"a chain takes the place of what nobody saw, before another one's end", []func(kit) error{
			track(a, "u", `{}`), next, update(a, "u", `{"n":2}`), see(b, "u", `{}`), untrack(b, "u"), end(b), update(a, "u", `{"n":3}`)},
			[]string{`{"joins":{"u":{"metas":[{"phx_ref":"R1"}]}},"leaves":{}}`,
				`{"joins":{"u":{"metas":[{"phx_ref":"R2","phx_ref_prev":"R1","n":3},{"phx_ref":"R3"}]}},"leaves":{"u":{"metas":[{"phx_ref":"R1"}]}}}`,
				`{"joins":{},"leaves":{"u":{"metas":[{"phx_ref":"R3"}]}}}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &recorder{}
				p := newWindowTable(t, func(_ string, diff []byte) { r.diffs = append(r.diffs, r.plain(diff)) })
				k := kit{p, &member{}, &member{}, &member{}}
				for i, step := range tt.steps {
					if err := step(k); err != nil {
						t.Fatalf("step %d: %v", i, err)
					}
				}
				pass(window)
				if got, want := strings.Join(r.diffs, "\n"), strings.Join(tt.want, "\n"); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
				for _, m := range []*member{k.a, k.b, k.c} {
					p.Leave("t", m)
				}
				pass(window)
				if n := p.Len(); n != (Size{}) {
					t.Errorf("after all left: %+v", n)
				}
				p.Close()
			})
		})
	}
}

func TestAWindowIsToldWhenItEndsAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var diffs atomic.Int32
		p := newWindowTable(t, func(string, []byte) { diffs.Add(1) })
		track := func(topic string) {
			if err := p.Track(topic, "k", &member{}, []byte(`{}`), nil); err != nil {
				t.Fatal(err)
			}
		}
		track("a")
		pass(window - time.Millisecond)
		track("b")
		if n := diffs.Load(); n != 0 {
			t.Fatalf("%d diffs were told before the window's end", n)
		}
		pass(time.Millisecond)
		if n := diffs.Load(); n != 2 {
			t.Fatalf("%d diffs were told at the window's end, want those of a and b", n)
		}
		track("a")
		pass(window)
		if n := diffs.Load(); n != 3 {
			t.Errorf("%d diffs were told after a second window", n)
		}
		p.Close()
	})
}

func TestCloseEndsTheTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		p := newWindowTable(t, func(string, []byte) { told++ })
		m := &member{}
		if err := p.Track("t", "k", m, []byte(`{}`), nil); err != nil {
			t.Fatal(err)
		}
		p.Close()
		if told != 1 {
			t.Errorf("Close told %d diffs, want the one that waited", told)
		}
		if err := p.Track("t", "x", &member{}, []byte(`{}`), nil); err == nil {
			t.Error("a closed table tracked")
		}
		p.Leave("t", m)
		if size := p.Len(); size != (Size{}) {
			t.Errorf("who left after Close is still there: %+v", size)
		}
		pass(time.Second)
		if told != 1 {
			t.Errorf("%d diffs after Close, want 1", told)
		}
	})
}

func TestManyEndsInOneWindowAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var diffs [][]byte
		p := newWindowTable(t, func(_ string, diff []byte) { diffs = append(diffs, diff) })
		m := &member{}
		for range 20 {
			if err := p.Track("t", "k", m, []byte(`{}`), func([]byte) {}); err != nil {
				t.Fatal(err)
			}
			p.Untrack("t", "k", m)
			s := p.shard("t")
			s.mu.Lock()
			if at := s.topics["t"]; at.steps >= maxSteps {
				t.Errorf("%d diffs wait", at.steps+1)
			}
			s.mu.Unlock()
		}
		pass(window)
		if len(replay(t, diffs)) != 0 {
			t.Error("the diffs leave somebody behind")
		}
		p.Close()
	})
}

func TestACrowdMakesFewFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		frames, members := 0, 0
		refs, err := NewRefs(bytes.NewReader([]byte("abcdef")), time.UnixMicro(1))
		if err != nil {
			t.Fatal(err)
		}
		p := NewTable(Options{Refs: refs, Emit: func(string, []byte) { frames += members }, Window: DefaultWindow})
		for i := range 500 {
			members++
			if err := p.Track("t", fmt.Sprint(i), &member{}, []byte(`{"a":1}`), func([]byte) { frames++ }); err != nil {
				t.Fatal(err)
			}
			pass(600 * time.Microsecond)
		}
		pass(window)
		if frames > 5000 {
			t.Errorf("500 joins in 0.3 s made %d frames of presence", frames)
		}
		p.Close()
	})
}

func TestKeysAndLen(t *testing.T) {
	p := newTable(t, &recorder{})
	m := &member{}
	for _, key := range []string{"a", "b", "c"} {
		if err := p.Track("t", key, m, []byte(`{}`), nil); err != nil {
			t.Fatal(err)
		}
	}
	p.Untrack("t", "a", m)
	if keys := p.Keys("t"); len(keys) != 2 || keys[0] != "c" && keys[0] != "b" {
		t.Errorf("Keys = %v, want b and c", keys)
	}
	if n := p.Len(); n != (Size{Local: 2, Topics: 1}) {
		t.Errorf("Len = %+v", n)
	}
	if p.Keys("u") != nil {
		t.Error("an unknown topic has keys")
	}
}
