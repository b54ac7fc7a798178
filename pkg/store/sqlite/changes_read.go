package sqlite

import (
	"context"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
)

// seen is a table as the file has it.
type seen struct {
	name    string
	sql     string
	columns map[string]*seenColumn // by name in lower case
	order   []string
	uniques []seenIndex
	more    []string // indexes and triggers, which go when the table goes
}

type seenColumn struct {
	name     string
	declared string
	notNull  bool
	primary  bool
	computed bool
	text     string // of the default
	refers   []store.Reference
}

type seenIndex struct {
	name    string
	made    bool // by a statement of its own
	columns []string
}

const (
	seenTablesSQL = `
select name, type, coalesce(sql, '') from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\_%' escape '\'`
	seenColumnsSQL = `
select m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
from sqlite_schema m join pragma_table_xinfo(m.name) c where m.type = 'table' order by m.name, c.cid`
	seenUniqueSQL = `
select m.name, i.name, i.origin, c.name
from sqlite_schema m join pragma_index_list(m.name) i join pragma_index_info(i.name) c
where m.type = 'table' and i."unique" = 1 and i.partial = 0 order by m.name, i.name, c.seqno`
	seenMoreSQL = `
select tbl_name, sql from sqlite_schema where type in ('index', 'trigger') and sql is not null order by type, rowid`
)

// look reads the tables of the file, by name in lower case, and the names of its views.
func (s *Store) look(ctx context.Context) (tables map[string]*seen, views map[string]bool, err error) {
	tables, views = map[string]*seen{}, map[string]bool{}
	for _, read := range []struct {
		sql string
		row func([]any)
	}{
		{seenTablesSQL, func(row []any) {
			key := strings.ToLower(row[0].(string))
			if row[1] == "view" {
				views[key] = true
				return
			}
			tables[key] = &seen{name: row[0].(string), sql: row[2].(string), columns: map[string]*seenColumn{}}
		}},
		{seenColumnsSQL, func(row []any) { tables[strings.ToLower(row[0].(string))].addColumn(row) }},
		{seenUniqueSQL, func(row []any) { tables[strings.ToLower(row[0].(string))].addUnique(row) }},
		{referencesSQL, func(row []any) { tables[strings.ToLower(row[0].(string))].addReference(row) }},
		{seenMoreSQL, func(row []any) {
			if t := tables[strings.ToLower(row[0].(string))]; t != nil {
				t.more = append(t.more, row[1].(string))
			}
		}},
	} {
		rows, err := s.readAll(ctx, read.sql)
		if err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			read.row(row)
		}
	}
	for _, t := range tables {
		t.resolve(tables)
	}
	return tables, views, nil
}

func (t *seen) addColumn(row []any) {
	if t == nil {
		return // the engine's own
	}
	c := &seenColumn{name: row[1].(string), notNull: row[3] != int64(0), primary: row[5] != int64(0), computed: row[6] != int64(0)}
	c.declared, _ = row[2].(string)
	c.text, _ = row[4].(string)
	t.columns[strings.ToLower(c.name)] = c
	t.order = append(t.order, c.name)
}

func (t *seen) addUnique(row []any) {
	if t == nil {
		return
	}
	name := row[1].(string)
	if n := len(t.uniques); n == 0 || t.uniques[n-1].name != name {
		t.uniques = append(t.uniques, seenIndex{name: name, made: row[2] == "c"})
	}
	last := &t.uniques[len(t.uniques)-1]
	column, _ := row[3].(string) // "" for an expression
	last.columns = append(last.columns, strings.ToLower(column))
}

func (t *seen) addReference(row []any) {
	if t == nil {
		return
	}
	if c := t.columns[strings.ToLower(row[1].(string))]; c != nil {
		to, _ := row[3].(string)
		c.refers = append(c.refers, store.Reference{Table: row[2].(string), Column: to, OnDelete: onDelete(row[4].(string))})
	}
}

// resolve names the columns of references that name none: the key of the other table.
func (t *seen) resolve(tables map[string]*seen) {
	for _, c := range t.columns {
		for i := range c.refers {
			other := tables[strings.ToLower(c.refers[i].Table)]
			if c.refers[i].Column != "" || other == nil {
				continue
			}
			for _, o := range other.columns {
				if o.primary {
					c.refers[i].Column = o.name
				}
			}
		}
	}
}

// isUnique tells whether no two rows have the same in these columns together, and whether
// an index says so that was made by a statement of its own.
func (t *seen) isUnique(columns []string) (unique, made bool) {
	for _, i := range t.uniques {
		if sameNames(i.columns, columns) {
			unique, made = true, made || i.made
		}
	}
	return unique, made
}

func sameNames(lower, names []string) bool {
	if len(lower) != len(names) {
		return false
	}
	for _, n := range names {
		found := false
		for _, l := range lower {
			found = found || l == strings.ToLower(n)
		}
		if !found {
			return false
		}
	}
	return true
}
