package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// maxTransaction is how long the plugs of one transaction may take. It holds a connection,
// on SQLite the one that writes.
const maxTransaction = 10 * time.Second

// A transaction is under way while the plugs of `transaction` run.
type transaction struct {
	store    *Store
	tx       store.Tx
	until    time.Time
	commit   []func() error // to be done when it is kept
	rollback []func()       // to be done when it is undone
}

// On gives what runs statements on a store: inside `transaction` that.
func (c *Context) On(s *Store) store.Querier {
	if c.tx == nil || c.tx.store != s {
		return s
	}
	if c.tx.late() {
		return overdueTx{c.tx.tooLong()}
	}
	return c.tx.tx
}

// InTransaction tells whether the plug runs inside `transaction`.
func (c *Context) InTransaction() bool { return c.tx != nil }

// AfterCommit does what tells others of the run when the transaction is kept; when it is
// undone, not at all. What fails then is logged: the writes stay.
func (c *Context) AfterCommit(do func() error) { c.tx.commit = append(c.tx.commit, do) }

// AfterRollback runs do when the transaction is undone, before an `else`.
func (c *Context) AfterRollback(do func()) { c.tx.rollback = append(c.tx.rollback, do) }

// Transact runs a list in a transaction of a store. own is what the list gave, err what the
// store did: then nothing of it was kept, as far as is known.
func (c *Context) Transact(s *Store, list *Steps) (own, err error) {
	return c.Together(s, func() error { return list.Run(c) })
}

// Together runs do in a transaction of a store, as Transact runs a list.
func (c *Context) Together(s *Store, do func() error) (own, err error) {
	t := &transaction{store: s, until: time.Now().Add(maxTransaction)}
	member := c.Member
	err = s.Tx(c.Context(), func(tx store.Tx) error {
		t.tx, c.tx = tx, t
		if member != nil {
			c.Member = heldMember{member, c}
		}
		defer func() { c.tx, c.Member = nil, member }()
		if own = do(); own == nil && t.late() {
			return t.tooLong()
		}
		return own
	})
	if own != nil || err != nil {
		for _, do := range t.rollback {
			do()
		}
		return own, err
	}
	for _, do := range t.commit {
		if err := do(); err != nil {
			c.Log.Error("what follows a transaction failed; its writes are kept", "error", err)
		}
	}
	return nil, nil
}

func (t *transaction) late() bool { return time.Now().After(t.until) }

func (t *transaction) tooLong() error {
	return &store.Unavailable{Message: fmt.Sprintf("the transaction took longer than %s", maxTransaction)}
}

// overdueTx refuses statements of a transaction whose time is over.
type overdueTx struct{ err error }

// Query implements store.Querier.
func (o overdueTx) Query(context.Context, *store.Statement, []any, int) (*store.Result, error) {
	return nil, o.err
}

// Exec implements store.Querier.
func (o overdueTx) Exec(context.Context, *store.Statement, []any) (*store.Result, error) {
	return nil, o.err
}

// Encode implements store.Querier.
func (o overdueTx) Encode(context.Context, *store.Statement, []any, int, []byte) (store.Encoded, error) {
	return store.Encoded{}, o.err
}

// undone is the failure of a plug inside a transaction that has an `else` of its own, which
// answers when the transaction is undone.
type undone struct {
	refusal *Refusal
	orElse  *Steps
}

func (u *undone) Error() string { return u.refusal.Error() }

func (u *undone) Unwrap() error { return u.refusal }

// heldMember keeps back what a member does until the transaction is kept.
type heldMember struct {
	Member
	c *Context
}

func (h heldMember) later(do func() error) error {
	h.c.AfterCommit(do)
	return nil
}

// copied copies a payload, for the caller uses its buffer again.
func copied(p value.Payload) value.Payload {
	p.Bytes = slices.Clone(p.Bytes)
	return p
}

// Push implements Member.
func (h heldMember) Push(event string, payload value.Payload) error {
	payload = copied(payload)
	return h.later(func() error { return h.Member.Push(event, payload) })
}

// Broadcast implements Member.
func (h heldMember) Broadcast(topic, event string, payload value.Payload) error {
	return h.later(func() error { return h.Member.Broadcast(topic, event, payload) })
}

// BroadcastFrom implements Member.
func (h heldMember) BroadcastFrom(topic, event string, payload value.Payload) error {
	return h.later(func() error { return h.Member.BroadcastFrom(topic, event, payload) })
}

// Track implements Member.
func (h heldMember) Track(key string, meta []byte) error {
	meta = slices.Clone(meta)
	return h.later(func() error { return h.Member.Track(key, meta) })
}

// UpdatePresence implements Member.
func (h heldMember) UpdatePresence(key string, meta []byte) error {
	meta = slices.Clone(meta)
	return h.later(func() error { return h.Member.UpdatePresence(key, meta) })
}

// Untrack implements Member.
func (h heldMember) Untrack(key string) {
	h.c.AfterCommit(func() error { h.Member.Untrack(key); return nil })
}
