package postgres

import (
	"context"
	"math"

	"github.com/openmanifest/gateway/pkg/store"
)

// columnsSQL lists the columns of what is seen without a prefix; a domain counts as its
// base type.
const columnsSQL = `
select c.relname, a.attname, coalesce(b.typname, t.typname) as type,
  coalesce(b.typtype, t.typtype)::text as family, coalesce(b.typcategory, t.typcategory)::text as category,
  not (a.attnotnull or t.typtype = 'd' and t.typnotnull) as nullable,
  a.atthasdef or a.attidentity <> '' as filled,
  a.attidentity <> '' or coalesce(pg_get_expr(d.adbin, d.adrelid), '') ~ '^(nextval|gen_random_uuid|uuid_generate_v4)\(' as made,
  (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = coalesce(b.oid, t.oid)) as labels
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_catalog.pg_type t on t.oid = a.atttypid
left join pg_catalog.pg_type b on b.oid = t.typbasetype and t.typtype = 'd'
left join pg_catalog.pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p', 'v', 'm', 'f') and pg_catalog.pg_table_is_visible(c.oid)
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by c.relname collate "C", a.attnum`

// keysSQL lists the columns of primary keys (p), columns that are unique by themselves
// (u), and foreign keys of one column (f).
const keysSQL = `
select c.relname, k.kind, a.attname, r.relname as other, ra.attname as other_column, k.deleted
from (
  select i.indrelid as rel, 'p' as kind, unnest(i.indkey) as num, null::oid as other, null::int2 as other_num, '' as deleted
  from pg_catalog.pg_index i where i.indisprimary
  union all
  select i.indrelid, 'u', i.indkey[0], null, null, ''
  from pg_catalog.pg_index i
  where i.indisunique and not i.indisprimary and i.indnkeyatts = 1 and i.indpred is null and i.indkey[0] > 0
  union all
  select o.conrelid, 'f', o.conkey[1], o.confrelid, o.confkey[1], o.confdeltype::text
  from pg_catalog.pg_constraint o where o.contype = 'f' and cardinality(o.conkey) = 1
) k
join pg_catalog.pg_class c on c.oid = k.rel and pg_catalog.pg_table_is_visible(c.oid)
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname !~ '^pg_'
join pg_catalog.pg_attribute a on a.attrelid = k.rel and a.attnum = k.num
left join pg_catalog.pg_class r on r.oid = k.other
left join pg_catalog.pg_attribute ra on ra.attrelid = k.other and ra.attnum = k.other_num`

// Tables describes what statements see without a prefix.
func (s *Store) Tables(ctx context.Context) ([]store.Table, error) {
	columns, err := s.Query(ctx, &store.Statement{SQL: columnsSQL, Reads: true}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	keys, err := s.Query(ctx, &store.Statement{SQL: keysSQL, Reads: true}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	var tables []store.Table
	for _, row := range columns.Rows {
		if n := len(tables); n == 0 || tables[n-1].Name != row[0].(string) {
			tables = append(tables, store.Table{Name: row[0].(string)})
		}
		last := &tables[len(tables)-1]
		last.Columns = append(last.Columns, column(row))
	}
	places := make(map[[2]string]*store.Column)
	for i := range tables {
		for k := range tables[i].Columns {
			places[[2]string{tables[i].Name, tables[i].Columns[k].Name}] = &tables[i].Columns[k]
		}
	}
	for _, row := range keys.Rows {
		if c, ok := places[[2]string{row[0].(string), row[2].(string)}]; ok {
			addKey(c, row)
		}
	}
	return tables, nil
}

func column(row []any) store.Column {
	c := store.Column{
		Name:     row[1].(string),
		Type:     typeOf(row[2].(string), row[3].(string), row[4].(string)),
		Nullable: row[5].(bool),
		Filled:   row[6].(bool),
	}
	c.Generated = row[7].(bool)
	labels, _ := row[8].([]any)
	for _, l := range labels {
		c.Values = append(c.Values, l.(string))
	}
	return c
}

func addKey(c *store.Column, row []any) {
	switch row[1] {
	case "p":
		c.Primary = true
	case "u":
		c.Unique = true
	case "f":
		table, _ := row[3].(string)
		column, _ := row[4].(string)
		c.References = &store.Reference{Table: table, Column: column, OnDelete: onDelete(row[5].(string))}
	}
}

// onDelete reads pg_constraint.confdeltype.
func onDelete(letter string) store.OnDelete {
	switch letter {
	case "r":
		return store.Restrict
	case "c":
		return store.Cascade
	case "n":
		return store.SetNull
	case "d":
		return store.SetDefault
	default:
		return store.NoAction
	}
}

// typeOf finds the manifest's word for a type; what has none is read and written as text.
func typeOf(name, family, category string) store.Type {
	switch {
	case family == "e":
		return store.Enum
	case category == "A" && name[0] == '_':
		return store.Array
	}
	switch name {
	case "int2", "int4":
		return store.Integer
	case "int8":
		return store.Bigint
	case "float4", "float8":
		return store.Float
	case "numeric":
		return store.Decimal
	case "bool":
		return store.Boolean
	case "date":
		return store.Date
	case "time", "timetz":
		return store.Time
	case "timestamp", "timestamptz":
		return store.Datetime
	case "uuid":
		return store.UUID
	case "json", "jsonb":
		return store.JSON
	case "bytea":
		return store.Binary
	case "text":
		return store.Text
	default:
		return store.String
	}
}
