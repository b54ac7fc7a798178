package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/postgres"
	"github.com/openmanifest/gateway/pkg/store/storetest"
)

// quick is a store that takes every statement for a quick one.
type quick struct {
	*postgres.Store
	made *sync.Map // the statement that it makes of another one
}

func (q quick) quickly(st *store.Statement) *store.Statement {
	changed := *st
	changed.Quick = true
	made, _ := q.made.LoadOrStore(st, &changed)
	return made.(*store.Statement)
}

func (q quick) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return q.Store.Query(ctx, q.quickly(st), args, limit)
}

func (q quick) Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error) {
	return q.Store.Exec(ctx, q.quickly(st), args)
}

func (q quick) Encode(ctx context.Context, st *store.Statement, args []any, limit int, dst []byte) (store.Encoded, error) {
	return q.Store.Encode(ctx, q.quickly(st), args, limit, dst)
}

// Stats waits a moment: a pipe answers, and is free right after it.
func (q quick) Stats() store.Stats {
	_ = within(2*time.Second, func() bool { return q.Store.Stats().InUse == 0 })
	return q.Store.Stats()
}

// atRest waits until no connection is in use.
func atRest(t *testing.T, s *postgres.Store) {
	t.Helper()
	err := within(patience, func() bool { return s.Stats().InUse == 0 })
	if got := s.Stats(); err != nil || got.Idle > got.Max {
		t.Errorf("at rest: %+v", got)
	}
}

// TestQuickContract: whether a statement is quick changes nothing but the time it takes.
func TestQuickContract(t *testing.T) {
	openQuick := func(t *testing.T, options store.Options) store.Store {
		return quick{open(t, database(t), options), new(sync.Map)}
	}
	storetest.Run(t, openQuick)
	storetest.RunEncode(t, openQuick)
}

// together runs st for each of args at once, and gives the errors in their order.
func together(s *postgres.Store, st *store.Statement, args ...[]any) []error {
	errs := make([]error, len(args))
	var wg sync.WaitGroup
	for i, a := range args {
		wg.Go(func() { _, errs[i] = s.Query(context.Background(), st, a, 1) })
	}
	wg.Wait()
	return errs
}

func numbers(n int) (args [][]any) {
	for i := range n {
		args = append(args, []any{int64(i)})
	}
	return args
}

// TestPipeKeepsErrorsApart: a statement that fails fails by itself, also at its commit.
func TestPipeKeepsErrorsApart(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 2})
	exec(t, s, `create table t (n int primary key, late int unique deferrable initially deferred)`)
	exec(t, s, `insert into t values (-1, 0)`)
	insert := &store.Statement{SQL: `insert into t values ($1, case when $1 % 3 = 0 then 0 else $1 end) returning 100 / ($1 % 5)`, Params: 1, Quick: true}
	exec(t, s, `insert into t values (0, 1000)`)
	errs := together(s, insert, numbers(200)...)
	for i, err := range errs {
		var (
			conflict *store.Conflict
			invalid  *store.Invalid
		)
		switch {
		case i%5 == 0:
			if !errors.As(err, &invalid) && i != 0 {
				t.Errorf("%d divides by zero: %v", i, err)
			}
		case i%3 == 0:
			if !errors.As(err, &conflict) || conflict.Kind != store.Unique {
				t.Errorf("%d breaks a rule at its commit: %v", i, err)
			}
		case err != nil:
			t.Errorf("%d: %v", i, err)
		}
	}
	if got := one(t, s, `select count(*) from t where n > 0`); got != int64(200-40-67+14) {
		t.Errorf("%v rows were kept", got)
	}
}

// TestPipeAnswersInOrder: each caller gets his own row.
func TestPipeAnswersInOrder(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 3})
	st := &store.Statement{SQL: `select $1::int as n, repeat('x', $1::int % 50) as x`, Params: 1, Quick: true, Reads: true}
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := range 50 {
				n := w*1000 + i
				got, err := s.Encode(context.Background(), st, []any{int64(n)}, 1, nil)
				if want := fmt.Sprintf(`{"n":%d,"x":"%s"}`, n, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"[:n%50]); err != nil || string(got.JSON) != want {
					t.Errorf("%s, %v, want %s", got.JSON, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
	atRest(t, s)
}

// TestSlowStatementHoldsNobody: what was sent behind a statement that turns out to be slow
// goes on soon, and so does the slow one, once it may.
func TestSlowStatementHoldsNobody(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 6})
	exec(t, s, `create table t (n int primary key)`)
	insert := &store.Statement{SQL: `insert into t values ($1) returning n`, Params: 1, Quick: true}
	if _, err := s.Query(t.Context(), insert, []any{int64(-1)}, 1); err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	var errs []error
	err := s.Tx(t.Context(), func(tx store.Tx) error {
		exec(t, tx, `insert into t values (7)`)
		go func() {
			defer close(held)
			errs = together(s, insert, numbers(100)...) // 7 waits for the transaction
		}()
		return within(patience, func() bool { return one(t, s, `select count(*) from t`) == int64(100) })
	})
	if err != nil {
		t.Errorf("those behind a slow statement: %v; %v rows, want 100", err, one(t, s, `select count(*) from t`))
	}
	await.From(t, "the end of the statements that were held", held)
	for i, err := range errs {
		var conflict *store.Conflict
		if i == 7 && !errors.As(err, &conflict) || i != 7 && err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if got := one(t, s, `select count(*) from t`); got != int64(101) {
		t.Errorf("%v rows, want 101", got)
	}
}

// TestSlowStatementStaysAlone: one that was slow by itself is not put before others again,
// where it would be ended for their sake, and would have to start anew.
func TestSlowStatementStaysAlone(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 4})
	exec(t, s, `create sequence runs`)
	slow := &store.Statement{SQL: `select nextval('runs'), pg_sleep(0.2)::text`, Quick: true, Reads: true}
	fast := &store.Statement{SQL: `select $1::bigint`, Params: 1, Quick: true, Reads: true}
	const rounds = 4
	for range rounds {
		done := make(chan error, 1)
		go func() {
			_, err := s.Query(t.Context(), slow, nil, 1)
			done <- err
		}()
		if err := errors.Join(append(together(s, fast, numbers(100)...), await.From(t, "the end of the slow one", done))...); err != nil {
			t.Error(err)
		}
	}
	if got := one(t, s, `select last_value from runs`); got != int64(rounds) {
		t.Errorf("it ran %v times for %d callers", got, rounds)
	}
}

// patience bounds a wait for what comes soon.
const patience = 30 * time.Second

// within waits until ok, at most for long.
func within(long time.Duration, ok func() bool) error {
	late, tick := time.After(long), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-late:
			return errors.New("it took too long")
		case <-tick.C:
		}
	}
	return nil
}

// TestLeavingThePipe: who waits for a connection may leave, and what he wanted is not done.
func TestLeavingThePipe(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1, Wait: patience})
	exec(t, s, `create table t (n int)`)
	insert := &store.Statement{SQL: `insert into t values ($1)`, Params: 1, Quick: true}
	if _, err := s.Exec(t.Context(), insert, []any{int64(0)}); err != nil {
		t.Fatal(err)
	}
	err := s.Tx(t.Context(), func(store.Tx) error {
		ctx, leave := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer leave()
		_, err := s.Exec(ctx, insert, []any{int64(1)})
		var gone *store.Unavailable
		if !errors.As(err, &gone) || !errors.Is(err, context.DeadlineExceeded) || gone.Unknown {
			t.Errorf("who left: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if errs := together(s, insert, numbers(20)...); errors.Join(errs...) != nil {
		t.Errorf("those after him: %v", errors.Join(errs...))
	}
	if got := one(t, s, `select count(*) from t`); got != int64(21) {
		t.Errorf("%v rows, want 21", got)
	}
}

// TestIdlePipeGivesWay: a pipe that has nothing to do counts as free, and is.
func TestIdlePipeGivesWay(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 1, Wait: patience})
	st := &store.Statement{SQL: `select $1::int`, Params: 1, Quick: true, Reads: true}
	for range 50 {
		if err := errors.Join(together(s, st, numbers(3)...)...); err != nil {
			t.Fatal(err)
		}
		if err := s.Tx(t.Context(), func(tx store.Tx) error { exec(t, tx, "select 1"); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	atRest(t, s)
}

// TestLeavingCallersKeepConnections: a caller who gives up costs no connection.
func TestLeavingCallersKeepConnections(t *testing.T) {
	s := open(t, database(t), store.Options{Pool: 2})
	both := &store.Statement{SQL: `select pg_backend_pid() from (select pg_sleep($1::float / 1000)) x`, Params: 1}
	connections := func() map[any]bool {
		pids := make(map[any]bool)
		err := within(patience, func() bool {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					got, err := s.Query(context.Background(), both, []any{int64(20)}, 1)
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Error(err)
						return
					}
					pids[got.Rows[0][0]] = true
				})
			}
			wg.Wait()
			return len(pids) >= 2
		})
		if err != nil {
			t.Fatal(err)
		}
		return pids
	}
	before := connections()
	for _, quick := range []bool{true, false} {
		st := &store.Statement{SQL: `select pg_sleep($1::float / 1000)`, Params: 1, Quick: quick}
		var wg sync.WaitGroup
		for range 30 {
			wg.Go(func() {
				ctx, leave := context.WithTimeout(context.Background(), 3*time.Millisecond)
				defer leave()
				_, err := s.Query(ctx, st, []any{int64(5)}, 1)
				var gone *store.Unavailable
				if err != nil && !(errors.As(err, &gone) && errors.Is(err, context.DeadlineExceeded) && !gone.Unknown) {
					t.Errorf("who left: %v", err)
				}
			})
		}
		wg.Wait()
	}
	if after := connections(); !reflect.DeepEqual(after, before) {
		t.Errorf("connections %v, were %v", after, before)
	}
}
