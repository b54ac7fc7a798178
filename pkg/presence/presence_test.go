package presence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type member struct{ ended atomic.Bool }

func (m *member) Ended() bool { return m.ended.Load() }

// A recorder notes diffs with their refs written R1, R2, ... in order of appearance.
type recorder struct {
	diffs []string
	names []string
}

func (r *recorder) emit(topic string, diff []byte) {
	r.diffs = append(r.diffs, topic+" "+r.plain(diff))
}

func (r *recorder) plain(payload []byte) string {
	text := string(payload)
	for _, key := range []string{`"phx_ref":"`, `"phx_ref_prev":"`} {
		rest := text
		for {
			_, after, ok := strings.Cut(rest, key)
			if !ok {
				break
			}
			if ref := after[:strings.IndexByte(after, '"')]; len(ref) == refLength {
				r.names = append(r.names, ref)
				text = strings.ReplaceAll(text, ref, r.name(ref))
			}
			rest = after
		}
	}
	return text
}

func (r *recorder) name(ref string) string {
	n := 0
	seen := map[string]bool{}
	for _, known := range r.names {
		if !seen[known] {
			seen[known] = true
			n++
		}
		if known == ref {
			break
		}
	}
	return fmt.Sprintf("R%d", n)
}

func newTable(t *testing.T, r *recorder) *Table {
	t.Helper()
	refs, err := NewRefs(bytes.NewReader([]byte("abcdef")), time.UnixMicro(1_700_000_000_000_000))
	if err != nil {
		t.Fatal(err)
	}
	return NewTable(Options{Refs: refs, Emit: r.emit})
}

func TestRefsAreUniqueAndShapedLikePhoenix(t *testing.T) {
	refs, err := NewRefs(bytes.NewReader([]byte{1, 2, 3, 4, 5, 6}), time.UnixMicro(1))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 1000 {
		ref := refs.Next()
		if len(ref) != 16 || strings.Trim(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("ref %q is not 16 characters of base64url", ref)
		}
		if seen[ref] {
			t.Fatalf("ref %q came twice", ref)
		}
		seen[ref] = true
	}
	if _, err := NewRefs(bytes.NewReader([]byte{1}), time.Now()); err == nil {
		t.Error("NewRefs with one random byte gave no error")
	}
}

func TestDiffs(t *testing.T) {
	a, b := &member{}, &member{}
	steps := []struct {
		do   func(*Table) error
		want string // the diff; "" for none
	}{
		{func(p *Table) error { return p.Track("t", "u1", a, []byte(`{"device":"a"}`), nil) },
			`t {"joins":{"u1":{"metas":[{"phx_ref":"R1","device":"a"}]}},"leaves":{}}`},
		{func(p *Table) error { return p.Track("t", "u1", b, []byte(`{}`), nil) },
			`t {"joins":{"u1":{"metas":[{"phx_ref":"R2"}]}},"leaves":{}}`},
		{func(p *Table) error { return p.Update("t", "u1", a, []byte(`{"n":12345678901234567890}`)) },
			`t {"joins":{"u1":{"metas":[{"phx_ref":"R3","phx_ref_prev":"R1","n":12345678901234567890}]}},"leaves":{"u1":{"metas":[{"phx_ref":"R1","device":"a"}]}}}`},
		{func(p *Table) error { p.Untrack("t", "u1", b); return nil },
			`t {"joins":{},"leaves":{"u1":{"metas":[{"phx_ref":"R2"}]}}}`},
		{func(p *Table) error { p.Untrack("t", "u1", b); return nil }, ""},
		{func(p *Table) error { p.Leave("t", a); return nil },
			`t {"joins":{},"leaves":{"u1":{"metas":[{"phx_ref":"R3","phx_ref_prev":"R1","n":12345678901234567890}]}}}`},
		{func(p *Table) error { p.Leave("t", a); return nil }, ""},
		{func(p *Table) error {
			return p.Track("t", `q"`, a, []byte(`{"phx_ref":"mine","phx_ref_prev":"x","a":"<&>"}`), nil)
		}, `t {"joins":{"q\"":{"metas":[{"phx_ref":"R4","a":"<&>"}]}},"leaves":{}}`},
	}
	r := &recorder{}
	p := newTable(t, r)
	for i, step := range steps {
		r.diffs = nil
		if err := step.do(p); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if got := strings.Join(r.diffs, "\n"); got != step.want {
			t.Errorf("step %d:\n got %s\nwant %s", i, got, step.want)
		}
	}
}

func TestRefusals(t *testing.T) {
	a, gone := &member{}, &member{}
	gone.ended.Store(true)
	r := &recorder{}
	p := newTable(t, r)
	if err := p.Track("t", "k", a, []byte(`{}`), nil); err != nil {
		t.Fatal(err)
	}
	r.diffs = nil
	tests := []struct {
		name string
		got  error
		want error
	}{
		{"the same key twice", p.Track("t", "k", a, []byte(`{}`), nil), ErrTracked},
		{"an owner that ended", p.Track("t", "x", gone, []byte(`{}`), nil), ErrEnded},
		{"a list as meta", p.Track("t", "x", a, []byte(`[]`), nil), ErrMeta},
		{"null as meta", p.Track("t", "x", a, []byte(`null`), nil), ErrMeta},
		{"a meta of 64 KiB", p.Track("t", "x", a, []byte(`{"a":"`+strings.Repeat("x", maxEntry)+`"}`), nil), ErrMeta},
		{"broken meta", p.Update("t", "k", a, []byte(`{`)), ErrMeta},
		{"update of a key not tracked", p.Update("t", "x", a, []byte(`{}`)), ErrNotTracked},
		{"update in an unknown topic", p.Update("u", "k", a, []byte(`{}`)), ErrNotTracked},
	}
	for _, tt := range tests {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if len(r.diffs) != 0 {
		t.Errorf("refusals emitted %v", r.diffs)
	}
}

func TestKeysThatAreNotUTF8(t *testing.T) {
	r := &recorder{}
	p := newTable(t, r)
	m := &member{}
	if err := p.Track("t", "a\xff", m, []byte(`{}`), nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Track("t", "a\xfe", m, []byte(`{}`), nil); !errors.Is(err, ErrTracked) {
		t.Errorf("a key with the same JSON: %v, want %v", err, ErrTracked)
	}
	if _, ok := p.Meta("t", "a\xff", m); !ok {
		t.Error("the key has no meta")
	}
	if !p.Untrack("t", "a\xff", m) {
		t.Error("the key was not untracked")
	}
}

func TestStateHoldsTheOneWhoTracks(t *testing.T) {
	a, b := &member{}, &member{}
	r := &recorder{}
	p := newTable(t, r)
	var states []string
	seen := func(state []byte) { states = append(states, string(state)) }
	for _, m := range []*member{a, b} {
		if err := p.Track("t", "u", m, []byte(`{"x":1}`), seen); err != nil {
			t.Fatal(err)
		}
	}
	if len(states) != 2 || strings.Count(states[0], "phx_ref") != 1 || strings.Count(states[1], "phx_ref") != 2 {
		t.Fatalf("states %v, want one meta, then two", states)
	}
	if got := string(p.State("t")); got != states[1] {
		t.Errorf("State = %s, want %s", got, states[1])
	}
	if got := p.Count("t"); got != 1 {
		t.Errorf("Count = %d, want 1 key", got)
	}
	if meta, ok := p.Meta("t", "u", a); !ok || string(meta) != `{"x":1}` {
		t.Errorf("Meta = %s, %v", meta, ok)
	}
	p.Leave("t", a)
	p.Leave("t", b)
	if got := string(p.State("t")); got != "{}" || p.Count("t") != 0 {
		t.Errorf("after all left: State %s, Count %d", got, p.Count("t"))
	}
	if s := p.shard("t"); len(s.topics) != 0 {
		t.Error("the empty topic was kept")
	}
}

// replay applies diffs as the client does: joins first, then leaves, by phx_ref.
func replay(t *testing.T, diffs [][]byte) map[string]map[string]bool {
	t.Helper()
	type side map[string]struct {
		Metas []struct {
			Ref string `json:"phx_ref"`
		}
	}
	state := map[string]map[string]bool{}
	for _, raw := range diffs {
		var diff struct{ Joins, Leaves side }
		if err := json.Unmarshal(raw, &diff); err != nil {
			t.Fatalf("diff %s: %v", raw, err)
		}
		for key, p := range diff.Joins {
			if state[key] == nil {
				state[key] = map[string]bool{}
			}
			for _, m := range p.Metas {
				state[key][m.Ref] = true
			}
		}
		for key, p := range diff.Leaves {
			for _, m := range p.Metas {
				if !state[key][m.Ref] {
					t.Fatalf("a leave of %s of %s that had not joined", m.Ref, key)
				}
				delete(state[key], m.Ref)
			}
			if len(state[key]) == 0 {
				delete(state, key)
			}
		}
	}
	return state
}

func TestDiffsInOrderGiveTheStateUnderConcurrency(t *testing.T) {
	var diffs [][]byte // emit runs under the topic's lock
	refs, err := NewRefs(bytes.NewReader([]byte("abcdef")), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := NewTable(Options{Refs: refs, Emit: func(_ string, diff []byte) { diffs = append(diffs, diff) }})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for round := range 50 {
				m, key := &member{}, fmt.Sprint("k", (worker+round)%3)
				if err := p.Track("t", key, m, []byte(`{}`), nil); err != nil {
					t.Error(err)
				}
				if err := p.Update("t", key, m, []byte(`{"u":1}`)); err != nil {
					t.Error(err)
				}
				if round%2 == 0 {
					p.Leave("t", m)
				}
			}
		})
	}
	all.Wait()
	want := replay(t, [][]byte{[]byte(`{"joins":` + string(p.State("t")) + `,"leaves":{}}`)})
	if got := replay(t, diffs); !reflect.DeepEqual(got, want) {
		t.Errorf("diffs give %d keys, state has %d", len(got), len(want))
	}
	if len(want) != 3 {
		t.Errorf("%d keys left, want 3", len(want))
	}
}
