package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/views"
)

// The questions that Catalog asks. Tables of the engine itself begin with sqlite_; shadow
// tables belong to virtual ones.
const (
	catalogTablesSQL = `
select l.name, l.type = 'view', l.wr, m.sql
from pragma_table_list l join sqlite_schema m on m.name = l.name and m.type in ('table', 'view')
where l.schema = 'main' and l.type in ('table', 'view', 'virtual') and l.name not like 'sqlite\_%' escape '\'
order by l.name`

	// hidden is 1 for columns of virtual tables that * leaves out, 2 and 3 for computed ones.
	catalogColumnsSQL = `
select m.name, c.name, c.type, c."notnull", c.dflt_value, c.pk, c.hidden
from sqlite_schema m join pragma_table_xinfo(m.name) c
where m.type in ('table', 'view') and c.hidden <> 1
order by m.name, c.cid`

	// cid is negative where an index is on an expression.
	catalogIndexesSQL = `
select m.name, i.name, i.origin, c.cid, c.name
from sqlite_schema m join pragma_index_list(m.name) i join pragma_index_info(i.name) c
where m.type = 'table' and i."unique" = 1 and i.partial = 0 and i.origin <> 'pk'
order by m.name, i.name, c.seqno`

	catalogReferencesSQL = `
select m.name, f.id, f."from", f."table", f."to", f.on_delete
from sqlite_schema m join pragma_foreign_key_list(m.name) f
where m.type = 'table'
order by m.name, f.id desc, f.seq`

	catalogTriggersSQL = `select tbl_name, sql from sqlite_schema where type = 'trigger'`
)

// catalog reads off a file what store.Catalog holds. The maps are by name of the table in
// small letters, as names are the same in any case.
type catalog struct {
	out       *store.Catalog
	relations map[string]int // index in out.Relations
	written   map[string]constraints
	rowid     map[string]bool // the table has numbered rows
	compound  map[string]bool // the view joins several selects by a word such as union
}

// Catalog describes the tables and views of the file. SQLite does not tell the names of
// constraints: they are read from the SQL that made the table, and are those that Postgres
// would have given where none is written, so that a request may name one on both.
func (s *Store) Catalog(ctx context.Context) (*store.Catalog, error) {
	c := &catalog{out: &store.Catalog{}, relations: make(map[string]int), written: make(map[string]constraints),
		rowid: make(map[string]bool), compound: make(map[string]bool)}
	for _, part := range []struct {
		what, sql string
		add       func(rows [][]any)
	}{
		{"tables", catalogTablesSQL, c.addRelations},
		{"columns", catalogColumnsSQL, c.addColumns},
		{"unique keys", catalogIndexesSQL, c.addUniques},
		{"foreign keys", catalogReferencesSQL, c.addReferences},
		{"triggers", catalogTriggersSQL, c.addTriggers},
	} {
		rows, err := s.readAll(ctx, part.sql)
		if err != nil {
			return nil, fmt.Errorf("read the %s of the database: %w", part.what, err)
		}
		part.add(rows)
	}
	origins, err := s.origins(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read the views of the database: %w", err)
	}
	views.See(c.out, origins)
	return c.out, nil
}

func (c *catalog) relation(name any) *store.CatalogRelation {
	text, _ := name.(string)
	i, ok := c.relations[strings.ToLower(text)]
	if !ok {
		return nil
	}
	return &c.out.Relations[i]
}

func (c *catalog) addRelations(rows [][]any) {
	for _, row := range rows {
		name, view := row[0].(string), row[1] == int64(1)
		lower := strings.ToLower(name)
		c.relations[lower] = len(c.out.Relations)
		c.out.Relations = append(c.out.Relations, store.CatalogRelation{Name: name, Visible: true, View: view,
			Insertable: !view, Updatable: !view, Deletable: !view})
		sql, _ := row[3].(string)
		if view {
			c.compound[lower] = isCompound(sql)
		} else {
			c.written[lower] = readConstraints(sql)
			c.rowid[lower] = row[2] == int64(0)
		}
	}
}

func (c *catalog) addColumns(rows [][]any) {
	type place struct {
		number int64
		column string
	}
	keys := make(map[*store.CatalogRelation][]place)
	for _, row := range rows {
		r := c.relation(row[0])
		if r == nil {
			continue
		}
		column := catalogColumn(row)
		column.Values = c.written[strings.ToLower(r.Name)].values[strings.ToLower(column.Name)]
		if number := row[5].(int64); number > 0 {
			keys[r] = append(keys[r], place{number, column.Name})
		}
		r.Columns = append(r.Columns, column)
	}
	for r, key := range keys {
		slices.SortFunc(key, func(a, b place) int { return int(a.number - b.number) })
		for _, p := range key {
			r.Key = append(r.Key, p.column)
		}
		c.markKey(r)
	}
}

func catalogColumn(row []any) store.CatalogColumn {
	declared, _ := row[2].(string)
	written, _ := row[4].(string)
	column := store.CatalogColumn{Name: row[1].(string), Native: declared, Type: kindOf(declared),
		Nullable: row[3] == int64(0) && row[5] == int64(0), Filled: written != "", Default: written}
	if row[6] != int64(0) {
		column.Filled, column.Generated = true, true
	}
	return column
}

// markKey finds the key that is the row's own number (sqlite.org/lang_createtable.html,
// section 5). The engine counts it up, and it is 64 bits wide.
func (c *catalog) markKey(r *store.CatalogRelation) {
	if len(r.Key) != 1 || !c.rowid[strings.ToLower(r.Name)] {
		return
	}
	i := slices.IndexFunc(r.Columns, func(column store.CatalogColumn) bool { return column.Name == r.Key[0] })
	if strings.EqualFold(r.Columns[i].Native, "INTEGER") {
		r.Columns[i].Type, r.Columns[i].Filled = store.Bigint, true
	}
}

func (c *catalog) addUniques(rows [][]any) {
	for len(rows) > 0 {
		n := sameHead(rows, 2)
		index := rows[:n]
		rows = rows[n:]
		r := c.relation(index[0][0])
		columns, whole := []string(nil), r != nil
		for _, row := range index {
			name, _ := row[4].(string)
			columns, whole = append(columns, name), whole && row[3].(int64) >= 0
		}
		if !whole {
			continue
		}
		name := index[0][1].(string)
		if index[0][2] == "u" {
			name = nameOf(c.written[strings.ToLower(r.Name)].uniques, r.Name, columns, "key")
		}
		r.Uniques = append(r.Uniques, store.CatalogKey{Name: name, Columns: columns})
	}
	for i := range c.out.Relations {
		slices.SortFunc(c.out.Relations[i].Uniques, func(a, b store.CatalogKey) int { return strings.Compare(a.Name, b.Name) })
	}
}

// sameHead counts the first rows that begin with the same n values.
func sameHead(rows [][]any, n int) int {
	for i, row := range rows {
		if !slices.Equal(row[:n], rows[0][:n]) {
			return i
		}
	}
	return len(rows)
}

func (c *catalog) addReferences(rows [][]any) {
	for len(rows) > 0 {
		n := sameHead(rows, 2)
		c.addReference(rows[:n])
		rows = rows[n:]
	}
	for i := range c.out.Relations {
		slices.SortFunc(c.out.Relations[i].References, func(a, b store.CatalogReference) int { return strings.Compare(a.Name, b.Name) })
	}
}

// addReference takes the rows of one foreign key. One that names no columns there means the
// primary key. One to a table that is not there, which the engine allows, is left out.
func (c *catalog) addReference(rows [][]any) {
	from, to := c.relation(rows[0][0]), c.relation(rows[0][3])
	if from == nil || to == nil {
		return
	}
	reference := store.CatalogReference{Table: to.Name, OnDelete: onDelete(rows[0][5].(string))}
	for _, row := range rows {
		reference.Columns = append(reference.Columns, asDeclared(from, row[2]))
		if _, named := row[4].(string); named {
			reference.Refers = append(reference.Refers, asDeclared(to, row[4]))
		}
	}
	if reference.Refers == nil {
		reference.Refers = slices.Clone(to.Key)
	}
	if len(reference.Refers) != len(reference.Columns) {
		return
	}
	reference.Name = nameOf(c.written[strings.ToLower(from.Name)].references, from.Name, reference.Columns, "fkey")
	sorted := func(columns []string) []string { return slices.Sorted(slices.Values(columns)) }
	columns := sorted(reference.Columns)
	reference.Single = slices.Equal(columns, sorted(from.Key)) ||
		slices.ContainsFunc(from.Uniques, func(k store.CatalogKey) bool { return slices.Equal(columns, sorted(k.Columns)) })
	from.References = append(from.References, reference)
}

// asDeclared gives a column's name in the letters of its table.
func asDeclared(r *store.CatalogRelation, name any) string {
	text, _ := name.(string)
	for _, column := range r.Columns {
		if strings.EqualFold(column.Name, text) {
			return column.Name
		}
	}
	return text
}

// addTriggers finds the views that may be written: those with a trigger in place of it.
func (c *catalog) addTriggers(rows [][]any) {
	for _, row := range rows {
		r := c.relation(row[0])
		sql, _ := row[1].(string)
		if r == nil || !r.View {
			continue
		}
		switch insteadOf(sql) {
		case "INSERT":
			r.Insertable = true
		case "UPDATE":
			r.Updatable = true
		case "DELETE":
			r.Deletable = true
		}
	}
}

// origins asks the engine what the columns of views show. It tells the columns of the tables
// below. Of a view of several selects it tells those of the first, which says nothing: its
// columns count as computed.
func (s *Store) origins(ctx context.Context, c *catalog) (views.Origins, error) {
	conn, err := s.readers.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer s.readers.release(conn)
	out := make(views.Origins)
	for i := range c.out.Relations {
		view := &c.out.Relations[i]
		if !view.View {
			continue
		}
		shown, err := conn.originsOf(view.Name)
		if err != nil {
			return nil, fmt.Errorf("view %s: %w", view.Name, err)
		}
		if !c.compound[strings.ToLower(view.Name)] {
			out[views.Name{Name: view.Name}] = shown
		}
		for k := range view.Columns {
			c.takeType(&view.Columns[k], shown[view.Columns[k].Name])
		}
	}
	return out, nil
}

func (c *conn) originsOf(view string) (map[string]views.Origin, error) {
	sql := "select * from " + store.Quote(view)
	stmt, _, err := c.db.Prepare(sql)
	if err != nil {
		return nil, classify(err, 0, sql)
	}
	defer func() { _ = stmt.Close() }() // it was never run
	shown := make(map[string]views.Origin)
	for i := range stmt.ColumnCount() {
		if table := stmt.ColumnTableName(i); table != "" {
			shown[stmt.ColumnName(i)] = views.Origin{Of: views.Name{Name: table}, Column: stmt.ColumnOriginName(i)}
		}
	}
	return shown, nil
}

// takeType gives a view's column what the table below knows of its type.
func (c *catalog) takeType(column *store.CatalogColumn, from views.Origin) {
	below := c.relation(from.Of.Name)
	if below == nil {
		return
	}
	for _, b := range below.Columns {
		if b.Name == from.Column {
			column.Type, column.Values = b.Type, b.Values
		}
	}
}
