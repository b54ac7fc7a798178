package relations

import (
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// inSQLite writes for an engine that has no types of expressions: JSON, booleans and times
// are told apart here, by the columns that they come from.
type inSQLite struct{}

func (inSQLite) place(n int) string { return "?" + strconv.Itoa(n) }

func (inSQLite) cast(x expr, to sqlType) expr {
	switch {
	case to.class == texts:
		return expr{sql: textOf(x), typ: to}
	case to.kind == store.JSON:
		return expr{sql: documentOf(x), typ: to}
	}
	if x.json {
		x.sql = "(" + x.sql + " ->> '$')" // its value and not its text
	}
	switch {
	case whole(to) && (whole(x.typ) || x.typ.class == booleans):
		return expr{sql: "cast(" + x.sql + " as integer)", typ: to}
	case to.class == numbers, to.class == booleans, to.kind == store.UUID, to.kind == store.Date, to.kind == store.Time, to.kind == store.Datetime:
		return expr{sql: "cast_to(" + literal(to.name) + ", " + x.sql + ")", typ: to}
	}
	return expr{sql: "cast(" + x.sql + " as text)", typ: to}
}

func whole(t sqlType) bool { return t.kind == store.Integer || t.kind == store.Bigint }

func documentOf(x expr) string {
	if x.typ.class != texts && x.typ.class != anything {
		return "json_quote(" + x.sql + ")"
	}
	return "json(cast_to('json', " + x.sql + "))"
}

// textOf gives a value's text as Postgres has it.
func textOf(x expr) string {
	switch x.typ.kind {
	case store.Boolean:
		return "(case " + x.sql + " when 1 then 'true' when 0 then 'false' end)"
	case store.Datetime:
		return moment(x.sql, " ", "+00")
	case store.Binary:
		return hexOf(x.sql)
	}
	return "cast(" + x.sql + " as text)"
}

// hexOf writes bytes as Postgres does. The engine's hex makes an empty text of null.
func hexOf(sql string) string {
	return "(case when " + sql + ` is not null then '\x' || lower(hex(` + sql + ")) end)"
}

// moment writes a time that is stored in our form (see package store) as Postgres does:
// without the zeros at the end. So it does with SQLite's own form, that of its functions.
// Text in another form stays as it is.
func moment(sql, between, zone string) string {
	day := "substr(" + sql + ", 1, 10) || '" + between + "' || "
	return "(case when " + sql + " glob '????-??-??T??:??:??.??????Z' then " + day + "rtrim(rtrim(substr(" + sql + ", 12, 15), '0'), '.') || '" + zone +
		"' when " + sql + " glob '????-??-?? ??:??:??' then " + day + "substr(" + sql + ", 12) || '" + zone + "' else " + sql + " end)"
}

func (inSQLite) aggregate(name string, x expr) expr {
	y := expr{sql: name + "(" + x.sql + ")", typ: x.typ}
	switch name {
	case "sum":
		y.sql = "sum(" + numeric(x) + ")"
	case "count":
		y.typ = usual(store.Bigint)
	case "avg":
		y.sql, y.typ = "avg("+numeric(x)+")", usual(store.Float)
	}
	return y
}

// into takes a step as a path of SQLite's (sqlite.org/json1.html, section 3.3).
func (inSQLite) into(p *planner, x expr, path []postgrest.Step) expr {
	text := path[len(path)-1].Text
	y := expr{sql: "null", typ: usual(store.JSON), json: !text}
	if text {
		y.typ = usual(store.Text)
	}
	if x.typ.kind != store.JSON && x.typ.kind != store.Array {
		return y // Postgres steps into to_jsonb of it, where there is nothing
	}
	var b strings.Builder
	b.WriteByte('$')
	for _, step := range path {
		switch {
		case step.IsIndex && step.Index < 0:
			b.WriteString("[#" + strconv.FormatInt(step.Index, 10) + "]")
		case step.IsIndex:
			b.WriteString("[" + strconv.FormatInt(step.Index, 10) + "]")
		case strings.ContainsAny(step.Key, "\"\\"):
			return y // a path has no way to write it
		default:
			b.WriteString(`."` + step.Key + `"`)
		}
	}
	place := p.arg(b.String())
	if !text {
		y.sql = "(case when json_valid(" + x.sql + ") then " + x.sql + " -> " + place + " end)"
		return y
	}
	y.sql = "(case when json_valid(" + x.sql + ") then case json_type(" + x.sql + ", " + place +
		") when 'true' then 'true' when 'false' then 'false' else cast(" + x.sql + " ->> " + place + " as text) end end)"
	return y
}

func (inSQLite) shown(p *planner, x expr, _ bool) expr {
	if p.options.StripNulls && !x.json && x.typ.kind == store.JSON {
		x.sql = "(case when json_valid(" + x.sql + ") then json_patch('{}', " + x.sql + ") else " + x.sql + " end)"
	}
	return x
}

func (inSQLite) object(p *planner, sub string, columns []output) expr {
	return expr{sql: "(select " + object(p, columns) + " from (" + sub + `) as "s")`, typ: usual(store.JSON), json: true}
}

func (inSQLite) list(p *planner, sub string, columns []output) expr {
	return expr{sql: "(select json_group_array(" + object(p, columns) + ") from (" + sub + `) as "s")`, typ: usual(store.JSON), json: true}
}

// maxText bounds the text that comes of writing a subselect once for each of its columns.
const maxText = 128 << 10

// spread reads the rows once for each column, in one order: the engine has no lateral joins.
func (inSQLite) spread(_ *planner, _ *node, sub string, columns []output, one bool) ([]expr, error) {
	if len(sub)*len(columns) > maxText {
		return nil, tooMuch("bytes in spread resources", maxText)
	}
	if one {
		return single(columns, func(column string) string { return `(select "s".` + column + " from (" + sub + `) as "s")` }), nil
	}
	values := make([]expr, len(columns))
	for i, o := range columns {
		values[i] = expr{sql: "(select json_group_array(" + member(o, i) + ") from (" + sub + `) as "s")`, typ: usual(store.JSON), json: true}
	}
	return values, nil
}

// maxMembers is how many members one call of json_object makes: SQLite bounds the arguments
// of a function (SQLITE_MAX_FUNCTION_ARG).
const maxMembers = 40

// object makes the JSON of a row of subselect "s".
func object(p *planner, columns []output) string {
	var parts []string
	for start := 0; start == 0 || start < len(columns); start += maxMembers {
		end := min(start+maxMembers, len(columns))
		var members []string
		for i := start; i < end; i++ {
			members = append(members, literal(columns[i].name), member(columns[i], i))
		}
		parts = append(parts, "json_object("+strings.Join(members, ", ")+")")
	}
	made := parts[0]
	if len(parts) > 1 {
		for i, part := range parts { // the brackets between two parts go
			parts[i] = "substr(" + part + ", 2, length(" + part + ") - 2)"
		}
		made = "json('{' || " + strings.Join(parts, " || ',' || ") + " || '}')"
	}
	if p.options.StripNulls {
		return "json_patch('{}', " + made + ")" // RFC 7396: a null takes a member away
	}
	return made
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// member makes a column of subselect "s" a value of JSON, in the form that Postgres gives.
func member(o output, i int) string {
	sql := `"s".` + store.Quote(numbered(i))
	if o.value.json {
		return "json(" + sql + ")"
	}
	switch o.value.typ.kind {
	case store.JSON, store.Array:
		return "(case when json_valid(" + sql + ") then json(" + sql + ") else json_quote(" + sql + ") end)"
	case store.Boolean:
		return "json(case " + sql + " when 1 then 'true' when 0 then 'false' end)"
	case store.Datetime:
		return moment(sql, "T", "+00:00")
	case store.Binary:
		return hexOf(sql)
	}
	return sql
}

func (inSQLite) nulls(descending, first bool) string {
	switch {
	case first != descending: // where SQLite puts them by itself
		return ""
	case first:
		return " nulls first"
	default:
		return " nulls last"
	}
}

func (inSQLite) form(x expr) store.Form {
	if x.json {
		return store.FormJSON
	}
	switch x.typ.kind {
	case store.JSON:
		return store.FormJSON
	case store.Boolean:
		return store.FormBool
	case store.Datetime:
		return store.FormTime
	}
	return store.FormAuto
}
