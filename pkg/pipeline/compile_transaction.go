package pipeline

import (
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// transacting is what is known of a transaction while its list is compiled.
type transacting struct {
	store *Store   // of its plugs; nil: none has used one yet
	at    diag.Pos // where one first did
}

// Transaction compiles a list that runs in one transaction, and tells the store that its
// plugs use. The names that it binds are visible behind it. The list is nil where a problem
// was reported.
func (b *Build) Transaction(n *source.Node) (*Steps, *Store) {
	inner := *b.list
	if inner.tx != nil {
		b.Problem(b.At, "nested-transaction", "a transaction cannot stand inside another").Suggest("write its plugs into the outer one: all are kept or none")
		return nil, nil
	}
	before := b.Problems.Len()
	inner.tx, inner.conditional, inner.path = &transacting{}, true, b.Path
	b.inner = inner.compile(n, b.flow)
	switch {
	case b.Problems.Len() > before:
		return nil, nil
	case inner.tx.store == nil && !b.flow.loose:
		b.Problem(b.At, "no-store-used", "nothing in this transaction uses a store").Suggest("it is for plugs such as `insert`, `update` and `execute`")
		return nil, nil
	}
	return b.inner, inner.tx.store
}

// UsesStore notes that the plug works on a store. All plugs of a transaction use one.
func (b *Build) UsesStore(s *Store, at diag.Pos) {
	t := b.list.tx
	switch {
	case t == nil:
	case t.store == nil:
		t.store, t.at = s, at
	case t.store != s:
		b.Problem(at, "two-stores", "a transaction has one store, and this is not %s", t.store.Name).
			Suggest("put it before or behind the transaction").Relate(t.at, "it uses %s from here on", t.store.Name)
	}
}

// outside reports a plug that cannot stand in a transaction.
func (l *list) outside(e *entry, d *Def) {
	switch {
	case l.tx == nil:
	case d.Answers&l.place != 0:
		l.ps.Add(e.at, "answer-in-transaction", "`%s` answers, and no answer stands inside a transaction", d.Name).
			Suggest("answer behind it; a plug inside it may answer in its `else`")
	case d.Waits:
		l.ps.Add(e.at, "waits-in-transaction", "`%s` waits for others, and a transaction would hold the store meanwhile", d.Name).
			Suggest("put it before or behind the transaction")
	}
}

// undone gives what is known in the `else` of a transaction: what was before it, for it may
// have failed anywhere. f goes on behind the transaction, which may have been skipped.
func (l *list) undone(before flow, f *flow, skippable bool) flow {
	f.ended = before.ended
	before.next, before.loose = f.next, f.loose
	if skippable {
		*f = merge(before, *f, before)
	}
	return before
}

// allNeeds is what the steps of a list read of the request. A transaction reads it before
// it begins: a slow client must not hold the store.
func (s *Steps) allNeeds() (n needs) {
	if s == nil {
		return 0
	}
	for i := range s.list {
		st := &s.list[i]
		n |= st.asks | st.needs | st.do.allNeeds() | st.otherwise.allNeeds()
	}
	return n
}
