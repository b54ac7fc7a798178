package records

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

func TestInsertStatements(t *testing.T) {
	const back = ` returning "id", "email", "boss_id"`
	both := map[string]any{"email": "a", "boss_id": "1"}
	tests := []struct {
		dialect  expr.Dialect
		rows     int
		conflict Conflict
		want     string
	}{
		{expr.Postgres, 2, Conflict{}, `values ($1, $2), ($3, $4)` + back},
		{expr.SQLite, 2, Conflict{On: []int{1}}, `values (?1, ?2), (?3, ?4) on conflict ("email") do update set "boss_id" = excluded."boss_id"` + back},
		{expr.Postgres, 1, Conflict{On: []int{1, 3}}, `values ($1, $2) on conflict ("email", "boss_id") do nothing` + back},
		{expr.Postgres, 1, Conflict{On: []int{1}, Ignore: true}, `values ($1, $2) on conflict ("email") do nothing` + back},
		{expr.Postgres, 1, Conflict{Ignore: true}, `values ($1, $2) on conflict do nothing` + back},
	}
	for _, tt := range tests {
		x := table(t, tt.dialect)
		st := x.insertSQL(given(t, x, both).Given(), tt.rows, tt.conflict)
		if want := `insert into "us""ers" ("email", "boss_id") ` + tt.want; st.SQL != want || st.Params != 2*tt.rows {
			t.Errorf("%d rows: %s with %d places, want %s", tt.rows, st.SQL, st.Params, want)
		}
	}
}

func TestStatementsOfOneRow(t *testing.T) {
	x := table(t, expr.Postgres)
	where := x.Having([]int{0, 1})
	for want, got := range map[string]string{
		`delete from "us""ers" where "id" = $1 and "email" = $2 returning "id"`:                              x.DeleteSQL(where, `"id"`).SQL,
		`delete from "us""ers" where "id" = $1 and "email" = $2`:                                             x.DeleteSQL(where, "").SQL,
		`select "id", "email", "boss_id" from "us""ers" where "id" = $1 and "email" = $2 limit 2 for update`: x.LockSQL(where, 2).SQL,
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := table(t, expr.SQLite).LockSQL(where, 2).SQL; strings.Contains(got, "for update") {
		t.Errorf("SQLite does not know %s", got)
	}
}

// A counted store gives back the rows that it is to insert, or an error at a statement.
type counted struct {
	store.Store
	sizes []int
	txs   int
	fail  map[int]error // by statement
}

func (c *counted) Query(_ context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	c.sizes = append(c.sizes, limit)
	if err := c.fail[len(c.sizes)]; err != nil {
		return nil, err
	}
	return &store.Result{Columns: value.NewColumns([]string{"id"}, nil), Rows: make([][]any, limit)}, nil
}

func (c *counted) Tx(_ context.Context, do func(store.Tx) error) error {
	c.txs++
	return do(countedTx{Store: c})
}

type countedTx struct {
	store.Tx
	Store *counted
}

func (c countedTx) Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error) {
	return c.Store.Query(ctx, st, args, limit)
}

// rows are as many as are asked for, of the field or fields that have a value.
func rows(t *testing.T, x *Table, n int, fields ...string) []*changeset.Changes {
	t.Helper()
	with := map[string]any{}
	for _, f := range fields {
		with[f] = "1"
	}
	return slices.Repeat([]*changeset.Changes{given(t, x, with)}, n)
}

func TestInsertAll(t *testing.T) {
	x := table(t, expr.Postgres)
	tests := []struct {
		name  string
		list  []*changeset.Changes
		sizes string
		txs   int
	}{
		{"nothing", nil, "[]", 0},
		{"rows of one form are one statement", rows(t, x, 1000, "email"), "[1000]", 0},
		{"rows of several are several, in a transaction", slices.Concat(rows(t, x, 2, "email"), rows(t, x, 3, "boss_id"), rows(t, x, 1, "email")), "[2 3 1]", 1},
		{"values of one statement are bounded", rows(t, x, 20_000, "email", "boss_id"), "[16000 4000]", 1},
		{"rows without a value go one by one", rows(t, x, 2), "[1 1]", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &counted{}
			x.Store.Store = c
			made, err := x.InsertAll(t.Context(), nil, tt.list, Conflict{})
			if got := fmt.Sprint(c.sizes); err != nil || got != tt.sizes || c.txs != tt.txs || len(made) != len(tt.list) {
				t.Errorf("statements of %s rows, %d transactions, %d rows back, %v; want %s, %d", got, c.txs, len(made), err, tt.sizes, tt.txs)
			}
		})
	}
}

func TestBrokenRows(t *testing.T) {
	x := table(t, expr.Postgres)
	list := slices.Concat(rows(t, x, 2, "email"), rows(t, x, 3, "email", "boss_id"))
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"the row of a value is known", &store.Invalid{Param: 4}, "map[3.boss_id:[is invalid]]"},
		{"that of a constraint is not", &store.Conflict{Kind: store.Unique, Columns: []string{"email"}}, "map[email:[has already been taken]]"},
		{"a fault is none of the values", &store.Fault{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x.Store.Store = &counted{fail: map[int]error{2: tt.err}}
			_, err := x.InsertAll(t.Context(), nil, list, Conflict{})
			if !errors.Is(err, tt.err) {
				t.Fatalf("InsertAll gave %v, want %v", err, tt.err)
			}
			b := x.BrokenRows(t.Context(), err, list)
			if b == nil && tt.want == "" {
				return
			}
			if b == nil || fmt.Sprint(b.Errors) != tt.want {
				t.Errorf("BrokenRows(%v) = %v, want %s", err, b, tt.want)
			}
		})
	}
}

// A missing parent counts where the row is: SQLite does not tell which reference is wrong.
func TestOrphansOfRows(t *testing.T) {
	x := table(t, expr.SQLite)
	list := rows(t, x, 3, "boss_id")
	x.Store.Store = &counted{fail: map[int]error{1: &store.Conflict{Kind: store.ForeignKey}}}
	_, err := x.InsertAll(t.Context(), nil, list, Conflict{})
	x.Store.Store = orphaned{}
	b := x.BrokenRows(t.Context(), err, list)
	if b == nil || !slices.Equal(slices.Sorted(maps.Keys(b.Errors)), []string{"0.boss_id", "1.boss_id", "2.boss_id"}) {
		t.Errorf("BrokenRows = %+v", b)
	}
}

// An orphaned store has no row.
type orphaned struct{ store.Store }

func (orphaned) Query(context.Context, *store.Statement, []any, int) (*store.Result, error) {
	return &store.Result{}, nil
}
