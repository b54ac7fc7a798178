package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
)

// rebuilding is a table that is made anew.
type rebuilding struct {
	table    *seen
	was, now definition
	needed   bool
	notes    []string
	added    []string          // columns that are new
	inLine   []string          // columns whose line says that they are unique
	defaults map[string]string // for rows without a value in a column that needs one, by name in lower case
}

// add appends a column. The engine's own ADD COLUMN does for one that needs nothing of the
// rows that are there and that can be dropped again (sqlite.org/lang_altertable.html,
// sections 4 and 5).
func (r *rebuilding) add(column store.Column, line string) {
	filled := column.Default != nil && *column.Default != nil
	if column.Unique || column.Primary || column.References != nil || !column.Nullable && !filled {
		r.needed = true
	}
	if !column.Nullable && !filled && !column.Generated {
		r.notes = append(r.notes, fmt.Sprintf("This fails when %s has rows, which have no %s: give it a default, or fill it in a copy.", r.table.name, column.Name))
	}
	if column.Unique {
		r.inLine = append(r.inLine, column.Name)
	}
	r.added = append(r.added, column.Name)
	at := len(r.now.parts)
	for at > 0 && r.now.parts[at-1].column == "" {
		at-- // rules stand behind all columns
	}
	r.now.parts = slices.Insert(r.now.parts, at, part{column: column.Name, text: line})
}

// change gives column i the line that Create would write. What only the file says of it
// stays as far as it is a foreign key or an index.
func (r *rebuilding) change(i int, column store.Column, at *seenColumn, retyped, rereferred bool, literal string) error {
	r.needed = true
	byRule := func(p part) bool { return p.referring(at.name) }
	switch {
	case rereferred || retyped:
		r.now.parts = slices.DeleteFunc(r.now.parts, byRule)
		i = r.now.find(at.name)
	case slices.ContainsFunc(r.now.parts, byRule):
		column.References = nil // the rule says it
	case column.References == nil && len(at.refers) > 0:
		column.References = &at.refers[0]
	}
	unique, made := r.table.isUnique([]string{column.Name})
	if column.Unique = column.Unique && !made || unique && !made; column.Unique {
		r.inLine = append(r.inLine, column.Name)
	}
	if literal == "" && at.text != "" && !plainDefault.MatchString(at.text) {
		literal = "(" + at.text + ")"
	}
	line, err := columnSQL(r.table.name, column)
	if err != nil {
		return err
	}
	if literal != "" && column.Default == nil {
		line += " DEFAULT " + literal
	}
	if !column.Nullable && !at.notNull {
		r.required(column.Name, literal)
	}
	if retyped {
		r.notes = append(r.notes, fmt.Sprintf("This fails when a %s of a row has not the form of the new type.", column.Name))
	}
	r.lost(i)
	r.now.parts[i] = part{column: at.name, text: line}
	return nil
}

func (r *rebuilding) required(column, literal string) {
	if literal != "" {
		r.defaults[strings.ToLower(column)] = literal
		return
	}
	r.notes = append(r.notes, fmt.Sprintf("This fails when rows of %s have no %s: fill it first.", r.table.name, column))
}

// lost tells what a line says that the new one does not know of.
func (r *rebuilding) lost(i int) {
	text := strings.ToUpper(r.now.parts[i].text)
	own := strings.ToUpper(`CONSTRAINT "` + r.table.name + "." + r.now.parts[i].column)
	if strings.Contains(text, " CHECK") && !strings.Contains(text, own) || strings.Contains(text, " COLLATE ") && !strings.Contains(text, "UUID COLLATE NOCASE") {
		r.notes = append(r.notes, "Its former line said more, which is lost here: "+strings.Join(strings.Fields(r.now.parts[i].text), " "))
	}
}

// sql makes the table in the form to, with the rows of the form from. While it runs foreign
// keys are off, and views may name a table that is away.
func (r *rebuilding) sql(from, to definition) []string {
	old, made := store.Quote(r.table.name), store.Quote(r.table.name+"__new")
	var names, values []string
	for _, p := range to.parts {
		at := r.table.columns[strings.ToLower(p.column)]
		if p.column == "" || from.find(p.column) < 0 || at != nil && at.computed {
			continue
		}
		name := store.Quote(p.column)
		value := name
		if literal := r.defaults[strings.ToLower(p.column)]; literal != "" {
			value = "coalesce(" + name + ", " + literal + ")"
		}
		names, values = append(names, name), append(values, value)
	}
	out := []string{"PRAGMA legacy_alter_table = ON", to.sql(made),
		"INSERT INTO " + made + " (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM " + old}
	if strings.Contains(strings.ToUpper(r.table.sql), "AUTOINCREMENT") {
		out = append(out, "DELETE FROM sqlite_sequence WHERE name = "+ddl.Text(r.table.name+"__new"),
			"INSERT INTO sqlite_sequence (name, seq) SELECT "+ddl.Text(r.table.name+"__new")+", seq FROM sqlite_sequence WHERE name = "+ddl.Text(r.table.name))
	}
	out = append(out, "DROP TABLE "+old, "ALTER TABLE "+made+" RENAME TO "+old)
	out = append(out, r.table.more...)
	return append(out, "PRAGMA legacy_alter_table = OFF")
}
