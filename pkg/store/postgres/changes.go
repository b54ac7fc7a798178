package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
)

// The order of steps: what stands in the way goes first, and a foreign key needs both ends.
const (
	clearing = iota
	creating
	altering
	constraining
	referring
	phases
)

// changing collects the steps.
type changing struct {
	have, want map[string]*seen
	steps      [phases][]store.Step
	notes      []string
}

var _ store.Changer = (*Store)(nil)

// Changes compares the database with the tables.
func (s *Store) Changes(ctx context.Context, tables []store.Table, besides ...string) (*store.Changes, error) {
	tables = ddl.InOrder(tables)
	have, want, views, err := s.beside(ctx, tables)
	if err != nil {
		return nil, err
	}
	c := &changing{have: have, want: want}
	for _, t := range tables {
		switch {
		case have[t.Name] != nil:
			err = c.table(t)
		case !slices.Contains(views, t.Name):
			err = c.create(t)
		}
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	c.extraTables(tables, besides)
	return &store.Changes{Steps: slices.Concat(c.steps[:]...), Notes: c.notes}, nil
}

func (c *changing) add(phase int, note string, up, down []string) {
	c.steps[phase] = append(c.steps[phase], store.Step{Note: note, Up: up, Down: down})
}

// one adds a step of one statement each way.
func (c *changing) one(phase int, up, down string) { c.add(phase, "", []string{up}, []string{down}) }

func (c *changing) note(format string, args ...any) {
	c.notes = append(c.notes, fmt.Sprintf(format, args...))
}

func (c *changing) create(t store.Table) error {
	sql, err := createSQL(t)
	if err != nil {
		return err
	}
	c.one(creating, sql, "DROP TABLE "+store.Quote(t.Name))
	for _, column := range t.Columns {
		if column.References != nil {
			c.refer(t.Name, column)
		}
	}
	return nil
}

// alter begins a statement.
func alter(table string) string { return "ALTER TABLE " + store.Quote(table) + " " }

func dropConstraint(table, name string) string {
	return alter(table) + "DROP CONSTRAINT " + store.Quote(name)
}

// refer adds a foreign key. It is named as Postgres would, so that it can be dropped.
func (c *changing) refer(table string, column store.Column) {
	name := short(table + "_" + column.Name + "_fkey")
	c.one(referring, alter(table)+"ADD CONSTRAINT "+store.Quote(name)+" FOREIGN KEY ("+store.Quote(column.Name)+") "+ddl.Reference(column.References),
		dropConstraint(table, name))
}

// short cuts a name as Postgres does (NAMEDATALEN), between characters.
func short(name string) string {
	const most = 63
	if len(name) <= most {
		return name
	}
	end := most
	for end > 0 && name[end]&0xC0 == 0x80 {
		end--
	}
	return name[:end]
}

// table compares one that is there.
func (c *changing) table(t store.Table) error {
	have := c.have[t.Name]
	for _, column := range t.Columns {
		h := have.columns[column.Name]
		if h == nil {
			if err := c.addColumn(t.Name, column); err != nil {
				return err
			}
			continue
		}
		changed, err := c.column(t.Name, column, h)
		if err != nil {
			return err
		}
		c.reference(t.Name, column, changed)
		c.check(t.Name, column, changed)
		if column.Unique {
			c.unique(t.Name, []string{column.Name}, column.Name)
		}
	}
	for _, columns := range t.Uniques {
		c.unique(t.Name, columns, strings.Join(columns, "_"))
	}
	c.key(t)
	c.extras(t)
	return nil
}

func (c *changing) addColumn(table string, column store.Column) error {
	line, err := columnSQL(table, column)
	if err != nil {
		return err
	}
	note := ""
	if !column.Nullable && column.Default == nil && !column.Generated {
		note = fmt.Sprintf("This fails when %s has rows: add it without NOT NULL then, fill it, and set NOT NULL.", table)
	}
	if column.Primary {
		line += " PRIMARY KEY"
	}
	c.add(altering, note, []string{alter(table) + "ADD COLUMN " + line}, []string{alter(table) + "DROP COLUMN " + store.Quote(column.Name)})
	if column.References != nil {
		c.refer(table, column)
	}
	return nil
}

// reference compares the foreign key of a column.
func (c *changing) reference(table string, column store.Column, changed bool) {
	var stands bool
	for _, k := range c.have[table].constraints {
		if k.kind != "f" || !slices.Equal(k.columns, []string{column.Name}) {
			continue
		}
		if r := column.References; r != nil && !changed && k.table == r.Table && slices.Equal(k.refers, []string{r.Column}) && k.onDelete == r.OnDelete {
			stands = true
			continue
		}
		if column.References == nil && !changed {
			c.note("%s.%s refers to %s in the database alone: %s", table, column.Name, k.table, dropConstraint(table, k.name))
			continue
		}
		c.one(clearing, dropConstraint(table, k.name), alter(table)+"ADD CONSTRAINT "+store.Quote(k.name)+" "+k.definition)
	}
	if column.References != nil && !stands {
		c.refer(table, column)
	}
}

// check compares the values of an enum: what a check of this column alone lists, however the
// database words it, which changes when a dump is restored.
func (c *changing) check(table string, column store.Column, changed bool) {
	name := short(checkName(table, column.Name))
	h := c.have[table].columns[column.Name]
	if h.labels && !changed {
		if column.Type == store.Enum && !sameColumns(h.values, column.Values) {
			c.note("%s.%s is the type %s of the database, with the values %s: change it by ALTER TYPE", table, column.Name, h.native, strings.Join(h.values, ", "))
		}
		return
	}
	stands := column.Type != store.Enum
	for _, k := range c.have[table].constraints {
		if k.kind != "c" || !slices.Equal(k.columns, []string{column.Name}) || !listsValues(k.definition) {
			continue
		}
		listed := valuesIn(k.definition)
		switch {
		case column.Type == store.Enum && !changed && sameColumns(listed, column.Values):
			stands = true
		case column.Type == store.Enum || k.name == name:
			c.one(clearing, dropConstraint(table, k.name), addCheck(table, k.name, column.Name, listed))
		}
	}
	if !stands {
		c.one(constraining, addCheck(table, name, column.Name, column.Values), dropConstraint(table, name))
	}
}

func addCheck(table, name, column string, values []string) string {
	return alter(table) + "ADD CONSTRAINT " + store.Quote(name) + " CHECK (" + store.Quote(column) + " IN (" + ddl.List(values) + "))"
}

// textIn finds the texts in the database's words; one with a backslash begins with E.
var textIn = regexp.MustCompile(`E?'(?:[^']|'')*'`)

// listsValues tells a check that only lists what a column may hold, as that of an enum does.
func listsValues(definition string) bool {
	bare := textIn.ReplaceAllString(definition, "''")
	return (strings.Contains(bare, " = ANY (") || strings.Contains(bare, " = ''")) && !strings.Contains(bare, " AND ") && !strings.Contains(bare, " OR ")
}

// valuesIn gives the texts of a check that lists them.
func valuesIn(definition string) (values []string) {
	for _, quoted := range textIn.FindAllString(definition, -1) {
		text, escaped := strings.CutPrefix(quoted, "E")
		text = strings.ReplaceAll(text[1:len(text)-1], "''", "'")
		if escaped {
			text = strings.ReplaceAll(text, `\\`, `\`)
		}
		values = append(values, text)
	}
	return values
}

func (c *changing) unique(table string, columns []string, suffix string) {
	for _, k := range c.have[table].constraints {
		if (k.kind == "u" || k.kind == "p") && sameColumns(k.columns, columns) {
			return
		}
	}
	name := short(table + "_" + suffix + "_key")
	c.add(constraining, fmt.Sprintf("This fails when rows of %s have the same %s.", table, strings.Join(columns, ", ")),
		[]string{alter(table) + "ADD CONSTRAINT " + store.Quote(name) + " UNIQUE (" + quoted(columns) + ")"}, []string{dropConstraint(table, name)})
}

func quoted(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = store.Quote(c)
	}
	return strings.Join(out, ", ")
}

func sameColumns(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// key compares the primary key, which is not changed by a machine.
func (c *changing) key(t store.Table) {
	var want []string
	for _, column := range t.Columns {
		if column.Primary {
			want = append(want, column.Name)
			if c.have[t.Name].columns[column.Name] == nil {
				return // it is added with its column
			}
		}
	}
	var have []string
	for _, k := range c.have[t.Name].constraints {
		if k.kind == "p" {
			have = k.columns
		}
	}
	if len(want) > 0 && !sameColumns(want, have) {
		c.note("%s has the primary key (%s), and needs (%s): write this by hand", t.Name, strings.Join(have, ", "), strings.Join(want, ", "))
	}
}

// extras tells what only the database has of a table.
func (c *changing) extras(t store.Table) {
	declared := func(name string) bool {
		return slices.ContainsFunc(t.Columns, func(column store.Column) bool { return column.Name == name })
	}
	have := c.have[t.Name]
	for _, name := range have.order {
		if declared(name) {
			continue
		}
		more := ""
		if h := have.columns[name]; h.notNull && !h.filled && h.written {
			more = ", and the database requires it: every create fails"
		}
		c.note("%s.%s is in the database alone%s: %s", t.Name, name, more, alter(t.Name)+"DROP COLUMN "+store.Quote(name))
	}
	for _, k := range have.constraints {
		if k.kind != "u" || len(k.columns) == 0 || !declared(k.columns[0]) {
			continue
		}
		wanted := len(k.columns) == 1 && slices.ContainsFunc(t.Columns, func(column store.Column) bool {
			return column.Name == k.columns[0] && (column.Unique || column.Primary)
		})
		if wanted || slices.ContainsFunc(t.Uniques, func(columns []string) bool { return sameColumns(columns, k.columns) }) {
			continue
		}
		drop := dropConstraint(t.Name, k.name)
		if k.definition == "" {
			drop = "DROP INDEX " + store.Quote(k.name)
		}
		c.note("%s (%s) is unique in the database alone: %s", t.Name, strings.Join(k.columns, ", "), drop)
	}
}

func (c *changing) extraTables(tables []store.Table, besides []string) {
	var names []string
	for name := range c.have {
		if !slices.Contains(besides, name) && !slices.ContainsFunc(tables, func(t store.Table) bool { return t.Name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.note("table %s is in the database alone: DROP TABLE %s", name, store.Quote(name))
	}
}
