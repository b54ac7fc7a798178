package sqlite

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
)

// changing collects the steps.
type changing struct {
	have map[string]*seen
	out  store.Changes
}

var _ store.Changer = (*Store)(nil)

// Changes compares the file with the tables. SQLite alters little of a table: for all else
// the table is made anew and takes the rows over (sqlite.org/lang_altertable.html, section
// 7).
func (s *Store) Changes(ctx context.Context, tables []store.Table, besides ...string) (*store.Changes, error) {
	have, views, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	c := &changing{have: have}
	tables = ddl.InOrder(tables)
	made := map[string]bool{}
	for _, t := range tables {
		key := strings.ToLower(t.Name)
		if have[key] != nil || views[key] {
			continue
		}
		sql, err := createSQL(t)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		c.step("", []string{sql}, []string{"DROP TABLE " + store.Quote(t.Name)})
		made[t.Name] = true
		for _, column := range t.Columns {
			if r := column.References; r != nil && r.Table != t.Name && !made[r.Table] {
				c.out.NoForeignKeys = true // a ring: to drop one table takes rows of the other
			}
		}
	}
	for _, t := range tables {
		if h := have[strings.ToLower(t.Name)]; h != nil {
			if err := c.table(t, h); err != nil {
				return nil, fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
	}
	c.extraTables(tables, besides)
	return &c.out, nil
}

func (c *changing) step(note string, up, down []string) {
	c.out.Steps = append(c.out.Steps, store.Step{Note: note, Up: up, Down: down})
}

func (c *changing) note(format string, args ...any) {
	c.out.Notes = append(c.out.Notes, fmt.Sprintf(format, args...))
}

// table compares one that is there.
func (c *changing) table(t store.Table, h *seen) error {
	was, ok := define(h.sql)
	if !ok || strings.Contains(strings.ToUpper(was.tail), "STRICT") {
		c.note("%s is STRICT or no plain table: it is changed by hand", h.name)
		return nil
	}
	r := &rebuilding{table: h, was: was, now: definition{parts: slices.Clone(was.parts), tail: was.tail}, defaults: map[string]string{}}
	var plain []string // columns that can be added without making the table anew
	for _, column := range t.Columns {
		at := h.columns[strings.ToLower(column.Name)]
		if at == nil {
			line, err := columnSQL(h.name, column)
			if err != nil {
				return err
			}
			plain = append(plain, line)
			r.add(column, line)
			continue
		}
		if err := c.column(r, column, at); err != nil {
			return err
		}
	}
	switch {
	case r.needed:
		c.out.NoForeignKeys = true
		c.step(strings.Join(r.notes, "\n"), r.sql(r.was, r.now), r.sql(r.now, r.was))
	case len(plain) > 0:
		for i, line := range plain {
			c.step("", []string{"ALTER TABLE " + store.Quote(h.name) + " ADD COLUMN " + line},
				[]string{"ALTER TABLE " + store.Quote(h.name) + " DROP COLUMN " + store.Quote(r.added[i])})
		}
	}
	c.uniques(t, h, r)
	c.extras(t, h)
	return nil
}

// column compares one column, and gives it its new line where it differs.
func (c *changing) column(r *rebuilding, column store.Column, at *seenColumn) error {
	i := r.now.find(at.name)
	if at.computed || i < 0 {
		return nil
	}
	if column.Primary && at.primary {
		if !alike(kindOf(at.declared), column.Type, false) {
			c.note("%s.%s is %s, and needs %s: a key is changed by hand", r.table.name, at.name, at.declared, typeSQL(column.Type))
		}
		return nil
	}
	if column.Primary || at.primary {
		c.note("%s has another primary key than %s: this is written by hand", r.table.name, column.Name)
		return nil
	}
	text := r.now.parts[i].text
	literal, err := defaultOf(column)
	if err != nil {
		return err
	}
	ours := strings.Contains(text, store.Quote(r.table.name+"."+at.name+mustBe+store.Integer.String()))
	retyped := !alike(kindOf(at.declared), column.Type, ours)
	listed := `CHECK (` + store.Quote(column.Name) + ` IN (` + ddl.List(column.Values) + `))`
	wasListed := strings.Contains(text, `CONSTRAINT `+store.Quote(r.table.name+"."+column.Name)+` CHECK (`)
	rereferred := c.rereferred(r.table, column, at, retyped)
	switch {
	case retyped, rereferred:
	case column.Type == store.Enum && !strings.Contains(text, listed), column.Type != store.Enum && wasListed:
	case at.notNull == column.Nullable:
	case at.text != literal && (literal != "" || plainDefault.MatchString(at.text)):
	default:
		return nil
	}
	return r.change(i, column, at, retyped, rereferred, literal)
}

// rereferred tells whether a column must refer to another row than it does.
func (c *changing) rereferred(t *seen, column store.Column, at *seenColumn, retyped bool) bool {
	want := column.References
	if want == nil {
		for _, r := range at.refers {
			if !retyped {
				c.note("%s.%s refers to %s in the database alone", t.name, at.name, r.Table)
			}
		}
		return false
	}
	return len(at.refers) != 1 || !strings.EqualFold(at.refers[0].Table, want.Table) ||
		!strings.EqualFold(at.refers[0].Column, want.Column) || at.refers[0].OnDelete != want.OnDelete
}

// plainDefault tells a default that is a value.
var plainDefault = regexp.MustCompile(`(?i)^(NULL|TRUE|FALSE|[-+]?[0-9.]+(e[-+]?[0-9]+)?|'([^']|'')*')$`)

// defaultOf is the default as Create writes it, "" for none.
func defaultOf(c store.Column) (string, error) {
	if c.Default == nil {
		return "", nil
	}
	return ddl.Literal(c.Type, *c.Default)
}

// alike tells declared types between which no reader or writer sees a difference. An
// integer that others declared has 64 bits; bounded is one that we did.
func alike(have, want kind, bounded bool) bool {
	text := func(k kind) kind {
		if k == 0 || k == store.String || k == store.Enum {
			return store.Text
		}
		return k
	}
	return text(have) == text(want) || have == store.Integer && want == store.Bigint && !bounded
}

// uniques adds the indexes that no line of a column brought.
func (c *changing) uniques(t store.Table, h *seen, r *rebuilding) {
	all := slices.Clone(t.Uniques)
	for _, column := range t.Columns {
		if column.Unique && !slices.Contains(r.inLine, column.Name) {
			all = append(all, []string{column.Name})
		}
	}
	for _, columns := range all {
		if unique, _ := h.isUnique(columns); unique {
			continue
		}
		quoted := make([]string, len(columns))
		for i, name := range columns {
			quoted[i] = store.Quote(name)
		}
		name := store.Quote(h.name + "_" + strings.Join(columns, "_") + "_key")
		c.step(fmt.Sprintf("This fails when rows of %s have the same %s.", h.name, strings.Join(columns, ", ")),
			[]string{"CREATE UNIQUE INDEX " + name + " ON " + store.Quote(h.name) + " (" + strings.Join(quoted, ", ") + ")"}, []string{"DROP INDEX " + name})
	}
}

// extras tells what only the file has of a table.
func (c *changing) extras(t store.Table, h *seen) {
	declared := func(name string) *store.Column {
		for i := range t.Columns {
			if strings.EqualFold(t.Columns[i].Name, name) {
				return &t.Columns[i]
			}
		}
		return nil
	}
	for _, name := range h.order {
		at := h.columns[strings.ToLower(name)]
		if declared(name) != nil {
			continue
		}
		more := ""
		if at.notNull && at.text == "" && !at.computed {
			more = ", and the database requires it: every create fails"
		}
		c.note("%s.%s is in the database alone%s: ALTER TABLE %s DROP COLUMN %s", h.name, name, more, store.Quote(h.name), store.Quote(name))
	}
	for _, index := range h.uniques {
		first := declared(index.columns[0])
		if first == nil || len(index.columns) == 1 && (first.Unique || first.Primary) {
			continue
		}
		if slices.ContainsFunc(t.Uniques, func(columns []string) bool { return sameNames(index.columns, columns) }) || first.Primary {
			continue
		}
		c.note("%s (%s) is unique in the database alone", h.name, strings.Join(index.columns, ", "))
	}
}

func (c *changing) extraTables(tables []store.Table, besides []string) {
	var names []string
	for key, h := range c.have {
		same := func(name string) bool { return strings.ToLower(name) == key }
		if !slices.ContainsFunc(besides, same) && !slices.ContainsFunc(tables, func(t store.Table) bool { return same(t.Name) }) {
			names = append(names, h.name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.note("table %s is in the database alone: DROP TABLE %s", name, store.Quote(name))
	}
}
