package sqlite

import (
	"context"
	"math"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
)

const columnsSQL = `
select m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, m.sql like '%autoincrement%'
from sqlite_schema m join pragma_table_xinfo(m.name) c
where m.type in ('table', 'view') and m.name not like 'sqlite\_%' escape '\'
order by m.name, c.cid`

// referencesSQL lists foreign keys of one column; to is NULL for the key of the other table.
const referencesSQL = `
select m.name, f."from", f."table", f."to", f.on_delete
from sqlite_schema m join pragma_foreign_key_list(m.name) f
where m.type = 'table' and not exists (select 1 from pragma_foreign_key_list(m.name) g where g.id = f.id and g.seq > 0)`

// uniqueSQL lists the columns that are unique by themselves.
const uniqueSQL = `
select m.name, (select c.name from pragma_index_info(i.name) c)
from sqlite_schema m join pragma_index_list(m.name) i
where m.type = 'table' and i."unique" = 1 and i.partial = 0 and (select count(*) from pragma_index_info(i.name)) = 1`

// Tables describes the tables and views of the file.
func (s *Store) Tables(ctx context.Context) ([]store.Table, error) {
	rows, err := s.readAll(ctx, columnsSQL)
	if err != nil {
		return nil, err
	}
	var tables []store.Table
	for _, row := range rows {
		if n := len(tables); n == 0 || tables[n-1].Name != row[0].(string) {
			tables = append(tables, store.Table{Name: row[0].(string)})
		}
		last := &tables[len(tables)-1]
		last.Columns = append(last.Columns, column(row))
	}
	for i := range tables {
		markKey(&tables[i])
	}
	return tables, s.addKeys(ctx, tables)
}

func (s *Store) readAll(ctx context.Context, sql string) ([][]any, error) {
	result, err := s.Query(ctx, &store.Statement{SQL: sql}, nil, math.MaxInt)
	if err != nil {
		return nil, err
	}
	return result.Rows, nil
}

func column(row []any) store.Column {
	declared, _ := row[2].(string)
	c := store.Column{Name: row[1].(string), Type: kindOf(declared), Nullable: row[3] == int64(0),
		Primary: row[5] != int64(0), Filled: row[4] != nil}
	if c.Type == 0 {
		c.Type = store.Text
	}
	if c.Primary {
		c.Nullable = false
		text, _ := row[4].(string)
		c.Generated = c.Type == store.UUID && strings.Contains(text, "randomblob")
	}
	return c
}

// markKey finds the key that is the row's own number (sqlite.org/lang_createtable.html,
// section 5): one column declared as INTEGER. It is 64 bits wide.
func markKey(t *store.Table) {
	var key []*store.Column
	for i := range t.Columns {
		if t.Columns[i].Primary {
			key = append(key, &t.Columns[i])
		}
	}
	if len(key) == 1 && key[0].Type == store.Integer {
		key[0].Type, key[0].Generated, key[0].Filled = store.Bigint, true, true
	}
}

func (s *Store) addKeys(ctx context.Context, tables []store.Table) error {
	places := make(map[[2]string]*store.Column)
	keys := make(map[string]string) // table to its first key column
	for i := range tables {
		for k := range tables[i].Columns {
			c := &tables[i].Columns[k]
			places[[2]string{tables[i].Name, c.Name}] = c
			if c.Primary && keys[tables[i].Name] == "" {
				keys[tables[i].Name] = c.Name
			}
		}
	}
	references, err := s.readAll(ctx, referencesSQL)
	if err != nil {
		return err
	}
	for _, row := range references {
		if c, ok := places[[2]string{row[0].(string), row[1].(string)}]; ok {
			r := &store.Reference{Table: row[2].(string), OnDelete: onDelete(row[4].(string))}
			if to, ok := row[3].(string); ok {
				r.Column = to
			} else {
				r.Column = keys[r.Table]
			}
			c.References = r
		}
	}
	unique, err := s.readAll(ctx, uniqueSQL)
	if err != nil {
		return err
	}
	for _, row := range unique {
		name, _ := row[1].(string)
		if c, ok := places[[2]string{row[0].(string), name}]; ok && !c.Primary {
			c.Unique = true
		}
	}
	return nil
}

func onDelete(words string) store.OnDelete {
	for o := store.NoAction; o <= store.SetDefault; o++ {
		if o.String() == words {
			return o
		}
	}
	return store.NoAction
}
