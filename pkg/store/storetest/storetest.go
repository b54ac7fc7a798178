// Package storetest holds the contract of package store as facts, which every driver
// passes against its real engine.
package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
)

// Open gives a store on an empty database of its own, closed when the test ends.
type Open func(t *testing.T, options store.Options) store.Store

// Run checks that what open gives keeps the contract.
func Run(t *testing.T, open Open) {
	for _, part := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"values", values}, {"text from strangers", texts}, {"refused values", refused}, {"arrays and json", nested},
		{"rows", rows}, {"hidden", hidden}, {"affected", affected}, {"faults", faults}, {"check", check},
		{"conflicts", conflicts}, {"transactions", transactions}, {"transactions that fail", failedTransactions},
		{"create", create}, {"create in a ring", ring}, {"create fails whole", createFails}, {"tables", tables},
		{"many at once", manyAtOnce}, {"many statements", manyStatements}, {"a table changes", tableChanges},
		{"catalog of keys", catalogKeys}, {"catalog of tables made", catalogCreated},
		{"waiting", waiting}, {"slow statements", slow}, {"stats", stats}, {"close", closing},
		{"scripts", scripts}, {"scripts that fail", scriptFaults}, {"sessions", sessions}, {"locks", locks}, {"a script is ended", endedScript},
		{"changes of many", changesOfMany}, {"changes keep rows", changesKeepRows}, {"changes drop nothing", changesDropNothing},
		{"changes of others", changesOfOthers}, {"no tables", noTables},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, open) })
	}
}

// base is a store with the options of most parts.
func base(t *testing.T, open Open) db {
	t.Helper()
	return db{t, open(t, store.Options{Pool: 4})}
}

// db is a store whose errors end the test.
type db struct {
	*testing.T
	store.Store
}

// st makes a statement from SQL in Postgres' form.
func (d db) st(sql string) *store.Statement {
	params := 0
	for i := 1; strings.Contains(sql, "$"+string(rune('0'+i))); i++ {
		params = i
	}
	if d.Dialect() == store.SQLite {
		sql = strings.ReplaceAll(sql, "$", "?")
	}
	return &store.Statement{SQL: sql, Params: params}
}

func (d db) exec(sql string, args ...any) int64 {
	d.Helper()
	result, err := d.Exec(d.Context(), d.st(sql), args)
	if err != nil {
		d.Fatalf("exec %s: %v", sql, err)
	}
	return result.Affected
}

func (d db) query(sql string, args ...any) *store.Result {
	d.Helper()
	result, err := d.Query(d.Context(), d.st(sql), args, 0)
	if err != nil {
		d.Fatalf("query %s: %v", sql, err)
	}
	return result
}

// one gives the value of a query with one row of one column.
func (d db) one(sql string, args ...any) any {
	d.Helper()
	result := d.query(sql, args...)
	if len(result.Rows) != 1 || len(result.Rows[0]) != 1 {
		d.Fatalf("query %s: %v, want one value", sql, result.Rows)
	}
	return result.Rows[0][0]
}

func (d db) create(tables ...store.Table) []string {
	d.Helper()
	made, err := d.Create(d.Context(), tables)
	if err != nil {
		d.Fatalf("create: %v", err)
	}
	return made
}

// is finds an error of type E.
func is[E error](t *testing.T, what string, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("%s: %T %v, want %T", what, err, err, e)
	}
	return e
}

func ptr(v any) *any { return &v }

// id is the usual key.
func id() store.Column {
	return store.Column{Name: "id", Type: store.Bigint, Primary: true, Generated: true}
}
