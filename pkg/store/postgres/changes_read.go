package postgres

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
)

// seen is a table as the database has it.
type seen struct {
	columns     map[string]*seenColumn
	order       []string // of the columns
	constraints []constraint
}

type seenColumn struct {
	native  string // the type in the database's words
	typ     store.Type
	labels  bool // it is a type of the database that lists its values
	values  []string
	notNull bool
	filled  bool   // an identity, or a default
	text    string // of the default, in the database's words
	written bool   // the database does not compute the value
}

type constraint struct {
	kind       string // p, u, f or c, as pg_constraint.contype
	name       string
	definition string // "" for an index that is no constraint
	columns    []string
	table      string // that a foreign key points at
	refers     []string
	onDelete   store.OnDelete
}

// ours and theirs are what columnsOf and constraintsOf look at.
const (
	permanent = ` and c.relpersistence <> 't' and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'`
	temporary = ` and c.relnamespace = pg_my_temp_schema()`
)

const seenColumnsSQL = `
select c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
  coalesce(b.typname, t.typname), coalesce(b.typtype, t.typtype)::text, coalesce(b.typcategory, t.typcategory)::text,
  a.attnotnull, a.attidentity <> '', case when a.attgenerated = '' then coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') else '' end, a.attgenerated = '',
  (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = coalesce(b.oid, t.oid))
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p') and pg_catalog.pg_table_is_visible(c.oid)`

const seenConstraintsSQL = `
with listed as (
  select o.conrelid as rel, o.contype::text as kind, o.conname as name, pg_catalog.pg_get_constraintdef(o.oid) as definition,
    o.conkey as nums, o.confrelid as other, o.confkey as other_nums, o.confdeltype::text as deleted
  from pg_catalog.pg_constraint o where o.contype in ('p', 'u', 'f', 'c')
  union all
  select i.indrelid, 'u', x.relname, '', i.indkey::int2[], 0, null, ''
  from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
  where i.indisunique and i.indpred is null and i.indexprs is null and i.indnatts = i.indnkeyatts
    and not exists (select 1 from pg_catalog.pg_constraint o where o.conindid = i.indexrelid and o.contype in ('p', 'u'))
)
select c.relname, l.kind, l.name, l.definition,
  (select array_agg(a.attname::text order by k.place) from unnest(l.nums) with ordinality k(num, place) join pg_catalog.pg_attribute a on a.attrelid = l.rel and a.attnum = k.num),
  r.relname,
  (select array_agg(a.attname::text order by k.place) from unnest(l.other_nums) with ordinality k(num, place) join pg_catalog.pg_attribute a on a.attrelid = l.other and a.attnum = k.num),
  l.deleted
from listed l
join pg_catalog.pg_class c on c.oid = l.rel
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_class r on r.oid = l.other
where c.relkind in ('r', 'p') and pg_catalog.pg_table_is_visible(c.oid)`

// look reads the tables that statements see without a prefix.
func look(ctx context.Context, t store.Tx, which string) (map[string]*seen, error) {
	columns, err := t.Query(ctx, &store.Statement{SQL: seenColumnsSQL + which + " order by c.relname, a.attnum"}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	constraints, err := t.Query(ctx, &store.Statement{SQL: seenConstraintsSQL + which + " order by c.relname, l.name"}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	tables := make(map[string]*seen)
	for _, row := range columns.Rows {
		name := row[0].(string)
		if tables[name] == nil {
			tables[name] = &seen{columns: map[string]*seenColumn{}}
		}
		c := &seenColumn{native: row[2].(string), typ: typeOf(row[3].(string), row[4].(string), row[5].(string)), labels: row[4] == "e",
			notNull: row[6].(bool), filled: row[7].(bool) || row[8] != "", text: row[8].(string), written: row[9].(bool), values: words(row[10])}
		tables[name].columns[row[1].(string)] = c
		tables[name].order = append(tables[name].order, row[1].(string))
	}
	for _, row := range constraints.Rows {
		k := constraint{kind: row[1].(string), name: row[2].(string), definition: row[3].(string), columns: words(row[4]), refers: words(row[6]), onDelete: onDelete(row[7].(string))}
		k.table, _ = row[5].(string)
		if s := tables[row[0].(string)]; s != nil {
			s.constraints = append(s.constraints, k)
		}
	}
	return tables, nil
}

func words(list any) (out []string) {
	items, _ := list.([]any)
	for _, item := range items {
		text, _ := item.(string)
		out = append(out, text)
	}
	return out
}

// errShadow ends a transaction of which nothing is to stay.
var errShadow = errors.New("nothing stays")

// beside reads the database, and what it makes of the tables that are wanted, in its own
// words: they are made for a moment, as temporary ones, in the types that the database has
// where those will do.
//
// A view that has the name of a table stands for it: it is left alone, as Create does.
func (s *Store) beside(ctx context.Context, tables []store.Table) (have, want map[string]*seen, views []string, err error) {
	err = s.Tx(ctx, func(t store.Tx) error {
		if have, err = look(ctx, t, permanent); err != nil {
			return err
		}
		named, err := t.Query(ctx, &store.Statement{SQL: namesSQL}, nil, math.MaxInt)
		if err != nil {
			return err
		}
		for _, row := range named.Rows {
			if name := row[0].(string); have[name] == nil {
				views = append(views, name)
			}
		}
		for _, table := range tables {
			sql, err := shadowSQL(table, have[table.Name])
			if err == nil {
				_, err = t.Exec(ctx, &store.Statement{SQL: sql}, nil)
			}
			if err != nil {
				return err
			}
		}
		if want, err = look(ctx, t, temporary); err != nil {
			return err
		}
		return errShadow
	})
	if errors.Is(err, errShadow) {
		err = nil
	}
	return have, want, views, err
}

func shadowSQL(table store.Table, have *seen) (string, error) {
	var lines []string
	for _, c := range table.Columns {
		typ := typeSQL(c.Type)
		if have != nil {
			if h := have.columns[c.Name]; h != nil && !h.labels && alike(h.typ, c.Type) {
				typ = h.native
			}
		}
		c.Unique, c.Generated = false, false
		line, err := columnAs(table.Name, c, typ)
		if err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return "CREATE TEMP TABLE " + store.Quote(table.Name) + " (" + strings.Join(lines, ", ") + ")", nil
}

// alike tells types between which no reader or writer sees a difference.
func alike(a, b store.Type) bool {
	text := func(t store.Type) store.Type {
		if t == store.String || t == store.Enum {
			return store.Text
		}
		return t
	}
	return text(a) == text(b)
}
