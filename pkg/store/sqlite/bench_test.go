package sqlite_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/sqlite"
)

const (
	benchTable = `create table items (id integer primary key, name text not null, description text, price real not null default 0,
 quantity integer not null default 0, active boolean not null default 1, owner_id integer not null default 1,
 created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ','now')))`
	benchRows = `insert into items (name, description, price, quantity, active, owner_id)
with recursive g(n) as (select 1 union all select n+1 from g where n < 100000)
select 'item '||n, 'A plain description of item number '||n||', long enough to be realistic.', (n%10000)/100.0, n%500, n%7<>0, n%100+1 from g`
	benchColumns = "id, name, description, price, quantity, active, owner_id, created_at"
)

// BenchmarkEncode has 64 callers on a table of 100,000 rows with 8 columns.
func BenchmarkEncode(b *testing.B) {
	s, err := sqlite.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "a.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	for _, sql := range []string{benchTable, benchRows} {
		if _, err := s.Exec(b.Context(), &store.Statement{SQL: sql}, nil); err != nil {
			b.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		st   store.Statement
		args func(i int64) []any
		rows int
	}{
		{"get", store.Statement{SQL: "select " + benchColumns + " from items where id = ?1", Reads: true, Quick: true},
			func(i int64) []any { return []any{i*7919%100000 + 1} }, 1},
		{"list of 20", store.Statement{SQL: "select " + benchColumns + " from items order by id limit ?1 offset ?2", Reads: true},
			func(int64) []any { return []any{int64(20), int64(100)} }, 20},
		{"insert returning", store.Statement{SQL: "insert into items (name, description, price, quantity) values (?1, ?2, ?3, ?4) returning " + benchColumns},
			func(int64) []any {
				return []any{"item x", "A plain description, long enough to be realistic.", 12.5, int64(7)}
			}, 1},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var n atomic.Int64
			b.SetParallelism(32) // times two processors
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var dst []byte
				for pb.Next() {
					got, err := s.Encode(b.Context(), &tt.st, tt.args(n.Add(1)), tt.rows, dst[:0])
					if err != nil || got.Rows != tt.rows {
						b.Errorf("%d rows, %v", got.Rows, err)
						return
					}
					dst = got.JSON
				}
			})
		})
	}
}
