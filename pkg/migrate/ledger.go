package migrate

import (
	"context"
	"math"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// Table is where a database notes what ran. Its name and its first two columns are Ecto's,
// so that a database of a Phoenix application goes on with what it has.
const Table = "schema_migrations"

// An Applied is a version that ran.
type Applied struct {
	Version  int64
	At       time.Time // UTC
	Checksum string    // of the file that ran; "" where it was noted by another program
}

// A querier runs statements: a store, a session or a transaction of one.
type querier interface {
	Query(ctx context.Context, st *store.Statement, args []any, limit int) (*store.Result, error)
	Exec(ctx context.Context, st *store.Statement, args []any) (*store.Result, error)
}

// A ledger is the table. Its name is with the schema, as a script may change what is found
// without one.
type ledger struct {
	dialect   store.Dialect
	table     string
	checksums bool // there is a column for them
}

const findPostgres = `select quote_ident(n.nspname) || '.schema_migrations',
 exists (select 1 from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'checksum' and not a.attisdropped)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = to_regclass('schema_migrations')`

const findSQLite = `select 'schema_migrations', exists (select 1 from pragma_table_info('schema_migrations') where name = 'checksum')
from sqlite_schema where type = 'table' and name = 'schema_migrations'`

// find looks for the table; nil: it is not there.
func find(ctx context.Context, q querier, dialect store.Dialect) (*ledger, error) {
	sql := findPostgres
	if dialect == store.SQLite {
		sql = findSQLite
	}
	found, err := q.Query(ctx, &store.Statement{SQL: sql}, nil, 1)
	if err != nil || len(found.Rows) == 0 {
		return nil, err
	}
	row := found.Rows[0]
	return &ledger{dialect: dialect, table: row[0].(string), checksums: row[1] == true || row[1] == int64(1)}, nil
}

// ensure gives the table, making what is missing of it.
func ensure(ctx context.Context, s store.Session, dialect store.Dialect) (*ledger, error) {
	l, err := find(ctx, s, dialect)
	if err != nil || l != nil && l.checksums {
		return l, err
	}
	sql := "create table schema_migrations (version bigint not null primary key, inserted_at timestamp(0) not null, checksum text)"
	if l != nil {
		sql = "alter table " + l.table + " add column checksum text"
	}
	if _, err := s.Exec(ctx, &store.Statement{SQL: sql}, nil); err != nil {
		return nil, err
	}
	return find(ctx, s, dialect)
}

// applied lists what ran, by version.
func (l *ledger) applied(ctx context.Context, q querier) ([]Applied, error) {
	if l == nil {
		return nil, nil
	}
	checksum := "checksum"
	if !l.checksums {
		checksum = "null"
	}
	rows, err := q.Query(ctx, &store.Statement{SQL: "select version, inserted_at, " + checksum + " from " + l.table + " order by version"}, nil, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	var list []Applied
	for _, row := range rows.Rows {
		a := Applied{Version: row[0].(int64)}
		a.At, _ = row[1].(time.Time)
		a.Checksum, _ = row[2].(string)
		list = append(list, a)
	}
	return list, nil
}

func (l *ledger) add(ctx context.Context, q querier, m *Migration, now time.Time) error {
	_, err := q.Exec(ctx, l.statement("insert into TABLE (version, inserted_at, checksum) values ($1, $2, $3)", 3),
		[]any{m.Version, now.UTC().Truncate(time.Second), m.Up.Checksum()})
	return err
}

func (l *ledger) remove(ctx context.Context, q querier, version int64) error {
	_, err := q.Exec(ctx, l.statement("delete from TABLE where version = $1", 1), []any{version})
	return err
}

// statement takes SQL in Postgres' form.
func (l *ledger) statement(sql string, params int) *store.Statement {
	if l.dialect == store.SQLite {
		sql = strings.ReplaceAll(sql, "$", "?")
	}
	return &store.Statement{SQL: strings.Replace(sql, "TABLE", l.table, 1), Params: params}
}
