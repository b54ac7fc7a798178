package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// writing are plugs that use a store: all alone, and a transaction around them.
func writing() []*Def {
	main := &Store{Name: "main", Store: notedStore{notes: new([]string)}}
	return []*Def{
		Define(Traits{Name: "write", Places: Anywhere, Result: "a value", Fails: []Reason{{"conflict", 409}}},
			func(s *Settings, v **Value) { s.Whole(s.Value(v, "value", "A value.")) },
			func(v *Value, b *Build) Plug {
				b.UsesStore(main, b.At)
				return func(c *Context) (any, error) { return v.Eval(c.Frame) }
			}),
		Define(Traits{Name: "transaction", Places: Anywhere, Fails: []Reason{{"conflict", 409}}},
			func(s *Settings, n **source.Node) { s.Whole(s.Node(n, "plugs", "plugs", "The plugs.", nil)) },
			func(n *source.Node, b *Build) Plug {
				steps, st := b.Transaction(n)
				return func(c *Context) (any, error) {
					own, err := c.Transact(st, steps)
					return nil, errors.Join(own, err)
				}
			}),
	}
}

// A slow client must not hold the store: what the plugs read of the request is read before
// the transaction begins.
func TestATransactionReadsTheBodyBefore(t *testing.T) {
	for _, list := range []string{
		"[{transaction: [{write: '${params.x}'}]}, {say: 1}]",
		"[{transaction: [{write: 1}, {when: params.x == 'a', do: [{write: 2}]}]}, {say: 1}]",
		"[{transaction: [{write: 1}, {pipe_through: other}]}, {say: 1}]",
	} {
		l := compileTest(t, Route, "  other: [{write: '${params.y ?? 1}'}]\n  main: "+list+"\n")
		if len(l.problems) > 0 {
			t.Fatalf("%s: %s", list, told(l.problems))
		}
		if l.steps.list[0].needs&needParams == 0 {
			t.Errorf("%s: the transaction does not ask for the body", list)
		}
	}
	l := compileTest(t, Route, "  main: [{transaction: [{write: 1}]}, {say: 1}]\n")
	if l.steps.list[0].needs != 0 {
		t.Error("a transaction that reads nothing asks for the body")
	}
}

// A notedStore notes what a transaction comes to. Its statements do nothing.
type notedStore struct {
	store.Store
	notes *[]string
}

func (s notedStore) note(what string) { *s.notes = append(*s.notes, what) }

func (s notedStore) Tx(_ context.Context, do func(store.Tx) error) error {
	s.note("begin")
	if err := do(notedTx{notes: s.notes}); err != nil {
		s.note("rollback")
		return err
	}
	s.note("commit")
	return nil
}

type notedTx struct {
	store.Tx
	notes *[]string
}

func (t notedTx) Exec(context.Context, *store.Statement, []any) (*store.Result, error) {
	*t.notes = append(*t.notes, "write")
	return &store.Result{}, nil
}

// A notedMember notes what is sent; the rest of a Member is not for these tests.
type notedMember struct {
	Member
	notes *[]string
}

func (m notedMember) Push(event string, payload value.Payload) error {
	*m.notes = append(*m.notes, event+" "+string(payload.Bytes))
	return nil
}

func (m notedMember) Untrack(key string) { *m.notes = append(*m.notes, "untrack "+key) }

// transact runs do as the only plug of a transaction and gives what came of it.
func transact(do Plug) (notes []string, own, err error) {
	s := &Store{Name: "main", Store: notedStore{notes: &notes}}
	c := NewContext(FirstNameSlot)
	c.Log, c.Member = slog.New(slog.DiscardHandler), notedMember{notes: &notes}
	own, err = c.Transact(s, &Steps{list: []step{{def: &Def{Traits: Traits{Name: "plug"}}, run: func(c *Context) (any, error) {
		if _, err := c.On(s).Exec(c.Context(), &store.Statement{}, nil); err != nil {
			return nil, err
		}
		return do(c)
	}}}})
	if c.InTransaction() {
		notes = append(notes, "still in it")
	}
	return notes, own, err
}

func TestTransactions(t *testing.T) {
	tests := []struct {
		name, want string
		do         Plug
		refused    bool
	}{
		{"what tells others follows the commit", "begin write commit hello {} untrack k after", func(c *Context) (any, error) {
			notes, payload := c.tx.store.Store.(notedStore).notes, []byte("{}")
			err := c.Member.Push("hello", value.JSON(payload))
			copy(payload, "XX") // the buffer is used again
			c.Member.Untrack("k")
			c.AfterCommit(func() error { *notes = append(*notes, "after"); return errors.New("is logged") })
			return nil, err
		}, false},
		{"a failure tells nobody", "begin write rollback undone", func(c *Context) (any, error) {
			notes := c.tx.store.Store.(notedStore).notes
			c.AfterRollback(func() { *notes = append(*notes, "undone") })
			return nil, errors.Join(c.Member.Push("hello", value.JSON(nil)), Refuse(404, "not_found", ""))
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			notes, own, err := transact(tt.do)
			if got := strings.Join(notes, " "); got != tt.want || (own != nil) != tt.refused || (err != nil) != tt.refused {
				t.Errorf("%s, own %v, err %v; want %s, refused %v", got, own, err, tt.want, tt.refused)
			}
		})
	}
}

// A transaction that takes too long is undone, and its plugs get no further statement.
func TestATransactionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late error
		notes, own, err := transact(func(c *Context) (any, error) {
			s := c.tx.store
			<-time.After(maxTransaction + time.Second)
			_, late = c.On(s).Exec(c.Context(), &store.Statement{}, nil)
			return nil, nil
		})
		var down *store.Unavailable
		if !errors.As(late, &down) {
			t.Errorf("a late statement gave %v, want that the store is unavailable", late)
		}
		if got := strings.Join(notes, " "); got != "begin write rollback" || own != nil || !errors.As(err, &down) {
			t.Errorf("%s, own %v, err %v; want it undone and the store unavailable", got, own, err)
		}
	})
}
