package relations

import (
	"net/http"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// given writes the columns and the rows of an insert.
func (p *planner) given(r *Relation, c *Change) (string, error) {
	if c.JSON != nil && p.options.Dialect == store.Postgres {
		return p.givenJSON(c)
	}
	rows, err := p.values(r, c)
	if err != nil {
		return "", err
	}
	columns := c.Columns
	if p.options.Dialect == store.SQLite {
		columns, rows = withoutDefaults(columns, rows)
	}
	if len(columns) == 0 {
		return p.defaults(len(rows)), nil
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		places := make([]string, len(row))
		for j, v := range row {
			if _, ok := v.(Default); ok {
				places[j] = p.ownDefault(c, columns[j])
			} else {
				places[j] = p.arg(v)
			}
		}
		lines[i] = "(" + strings.Join(places, ", ") + ")"
	}
	if len(lines) == 0 {
		return "", refuse(http.StatusBadRequest, "PGRST102", "there are no rows")
	}
	return " (" + names(columns) + ") values " + strings.Join(lines, ", "), nil
}

// ownDefault is a column's default. SQLite has no word for it.
func (p *planner) ownDefault(c *Change, column string) string {
	if p.options.Dialect == store.Postgres {
		return "default"
	}
	return defaultOf(c, column)
}

func defaultOf(c *Change, column string) string {
	i := slices.Index(c.Columns, column)
	if i < 0 || i >= len(c.DefaultSQL) || c.DefaultSQL[i] == "" {
		return "null"
	}
	return "(" + c.DefaultSQL[i] + ")"
}

// withoutDefaults drops columns for which no row has a value, so that the engine gives them
// theirs.
func withoutDefaults(columns []string, rows [][]any) ([]string, [][]any) {
	var keep []int
	for j := range columns {
		if len(rows) == 0 || slices.ContainsFunc(rows, func(row []any) bool { _, is := row[j].(Default); return !is }) {
			keep = append(keep, j)
		}
	}
	if len(keep) == len(columns) {
		return columns, rows
	}
	kept := make([]string, len(keep))
	for i, j := range keep {
		kept[i] = columns[j]
	}
	out := make([][]any, len(rows))
	for k, row := range rows {
		out[k] = make([]any, len(keep))
		for i, j := range keep {
			out[k][i] = row[j]
		}
	}
	return kept, out
}

// defaults inserts rows that have no values of their own.
func (p *planner) defaults(rows int) string {
	switch {
	case rows == 1:
		return " default values"
	case p.options.Dialect == store.Postgres:
		return " select from generate_series(1, " + p.arg(int64(rows)) + "::int)"
	default:
		return " (rowid) select null from json_each(" + p.arg("["+strings.TrimSuffix(strings.Repeat("0,", rows), ",")+"]") + ")"
	}
}

// givenJSON lets Postgres take the rows apart, which makes each value what its column is
// (PostgREST.Query.SqlFragment, fromJsonBodyF).
func (p *planner) givenJSON(c *Change) (string, error) {
	if len(c.Columns) == 0 {
		return " select from json_array_elements(" + p.arg(string(c.JSON)) + "::json)", nil
	}
	values := make([]string, len(c.Columns))
	for i := range c.Columns {
		values[i] = c.sent(i)
	}
	return " (" + names(c.Columns) + ") select " + strings.Join(values, ", ") + p.records(c), nil
}

// sent is column i of a row of JSON, as its column takes it.
func (c *Change) sent(i int) string {
	value := `"row".` + store.Quote(c.Columns[i])
	if i < len(c.Parsers) && c.Parsers[i] != "" {
		return c.Parsers[i] + "(" + value + ")"
	}
	return value
}

// records is the rows of a Change's JSON as a relation.
func (p *planner) records(c *Change) string {
	typed := make([]string, len(c.Columns))
	for i, name := range c.Columns {
		typed[i] = store.Quote(name) + " " + c.Natives[i]
	}
	as := ` as "row"(` + strings.Join(typed, ", ") + ")"
	if !c.Defaults {
		return " from json_to_recordset(" + p.arg(string(c.JSON)) + "::json)" + as
	}
	own := "'{}'::jsonb"
	for _, name := range c.Columns {
		if sql := defaultOf(c, name); sql != "null" {
			own += " || jsonb_build_object(" + literal(name) + ", " + sql + ")"
		}
	}
	return " from jsonb_array_elements(" + p.arg(string(c.JSON)) + `::jsonb) as "given"("gateway given"), lateral jsonb_to_record(` + own + ` || "given"."gateway given")` + as
}

// sets writes what an update sets, and where the values come from when that is JSON.
func (p *planner) sets(r *Relation, c *Change) (sets, from string, err error) {
	parts := make([]string, len(c.Columns))
	if c.JSON != nil && p.options.Dialect == store.Postgres {
		renamed := make([]string, len(c.Columns))
		for i, name := range c.Columns {
			// A name that no table has: the limit of the rows stands beside it.
			own := store.Quote("gateway value " + numbered(i))
			renamed[i] = c.sent(i) + " as " + own
			parts[i] = store.Quote(name) + ` = "given row".` + own
		}
		from = " from (select " + strings.Join(renamed, ", ") + p.records(c) + ` limit 1) as "given row"`
		return strings.Join(parts, ", "), from, nil
	}
	rows, err := p.values(r, c)
	if err != nil {
		return "", "", err
	}
	if len(rows) == 0 {
		return "", "", refuse(http.StatusBadRequest, "PGRST102", "there are no rows")
	}
	for i, v := range rows[0] {
		if _, ok := v.(Default); ok {
			parts[i] = store.Quote(c.Columns[i]) + " = " + p.ownDefault(c, c.Columns[i])
			continue
		}
		parts[i] = store.Quote(c.Columns[i]) + " = " + p.arg(v)
	}
	return strings.Join(parts, ", "), "", nil
}

// values gives the rows of a Change by place, out of its JSON where they are that.
func (p *planner) values(r *Relation, c *Change) ([][]any, error) {
	if c.JSON == nil {
		return c.Rows, nil
	}
	decoded, err := value.DecodeJSON(c.JSON)
	list, ok := decoded.([]any)
	if err != nil || !ok {
		return nil, refuse(http.StatusBadRequest, "PGRST102", "Empty or invalid json")
	}
	rows := make([][]any, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return nil, refuse(http.StatusBadRequest, "PGRST102", "All object keys must match")
		}
		rows[i] = make([]any, len(c.Columns))
		for j, name := range c.Columns {
			v, given := object[name]
			if !given && c.Defaults {
				rows[i][j] = Default{}
				continue
			}
			if rows[i][j], err = p.fitted(r.typeFor(c, j, p.options.Dialect), v); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// typeFor is the type of a written column, which may be one that cannot be read.
func (r *Relation) typeFor(c *Change, i int, d store.Dialect) sqlType {
	if known, ok := r.column(c.Columns[i]); ok {
		return typeOf(known, d)
	}
	if i < len(c.Natives) {
		t, _ := named(c.Natives[i])
		if d == store.SQLite && t.kind == store.Integer {
			t.kind = store.Bigint
		}
		return t
	}
	return sqlType{}
}

// fitted makes a value of JSON what a column of SQLite holds. What is no text must fit as its
// text would, as it must on Postgres.
func (p *planner) fitted(t sqlType, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if t.kind == store.JSON {
		text, err := value.AppendJSON(nil, v)
		return string(text), err
	}
	text, ok := v.(string)
	if !ok {
		if takes(t, v) {
			return v, nil
		}
		b, err := value.AppendJSON(nil, v)
		if err != nil {
			return nil, err
		}
		text = string(b)
	}
	if t.kind == store.Decimal && text != "" {
		if n, ok := value.ParseNumber(text, true).(value.Number); ok {
			return n, nil
		}
	}
	return p.converts(t, text)
}

// takes tells a value that a column takes as it is.
func takes(t sqlType, v any) bool {
	switch v.(type) {
	case int64:
		return t.class == numbers || t.class == anything
	case float64:
		return t.kind == store.Float || t.kind == store.Decimal || t.class == anything
	case bool:
		return t.kind == store.Boolean || t.class == anything
	case []any:
		return t.kind == store.Array || t.class == anything
	default:
		return t.class == anything
	}
}
