package relations

import (
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// inPostgres writes what PostgREST writes (PostgREST.Query.SqlFragment), where it can. Values
// have no casts: the database makes of each what stands beside it, and refuses what it cannot.
type inPostgres struct{}

func (inPostgres) place(n int) string { return "$" + strconv.Itoa(n) }

func (inPostgres) test(p *planner, x expr, c *postgrest.Cond) (string, error) {
	switch c.Op {
	case postgrest.In:
		return x.oneOf(p, "=", "any", c.List)
	case postgrest.IsDistinct:
		return x.sql + " is distinct from " + p.arg(c.Value), nil
	case postgrest.Fts, postgrest.Plfts, postgrest.Phfts, postgrest.Wfts:
		return search(p, x, c)
	}
	sign := sign(c.Op)
	wild := c.Op == postgrest.Like || c.Op == postgrest.ILike
	if c.Each == postgrest.One {
		return x.sql + " " + sign + " " + p.arg(wildcards(c.Value, wild)), nil
	}
	each := "any"
	if c.Each == postgrest.All {
		each = "all"
	}
	if x.typ.class == arrays {
		return x.oneOf(p, sign, each, c.List)
	}
	return x.sql + " " + sign + " " + each + "(" + p.arg(wildcards(c.Value, wild)) + ")", nil
}

// sign is an operator as statements write it; like and ilike have words.
func sign(op postgrest.Op) string {
	switch op {
	case postgrest.Like:
		return "like"
	case postgrest.ILike:
		return "ilike"
	default:
		return operator(op)
	}
}

func wildcards(pattern string, wild bool) string {
	if !wild {
		return pattern
	}
	return strings.ReplaceAll(pattern, "*", "%")
}

// oneOf compares with a list. It is one value, so that a statement serves lists of every
// length; but a list of arrays would be one array of more dimensions.
func (x expr) oneOf(p *planner, sign, each string, list []string) (string, error) {
	if len(list) == 1 && list[0] == "" && sign == "=" && each == "any" {
		list = nil // in.() is an empty list
	}
	if x.typ.class != arrays {
		return x.sql + " " + sign + " " + each + "(" + p.arg(arrayOf(list)) + ")", nil
	}
	word := " or "
	if each == "all" {
		word = " and "
	}
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = x.sql + " " + sign + " " + p.arg(v)
	}
	if len(parts) == 0 {
		return map[string]string{"any": "false", "all": "true"}[each], nil
	}
	return "(" + joined(parts, word) + ")", nil
}

// arrayOf writes the text of an array (Postgres, section 8.15.6).
func arrayOf(list []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		for j := range len(v) {
			if v[j] == '"' || v[j] == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(v[j])
		}
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// search writes full-text search. What is no tsvector is made one, as PostgREST does since 13.
func search(p *planner, x expr, c *postgrest.Cond) (string, error) {
	makers := map[postgrest.Op]string{postgrest.Fts: "to_tsquery", postgrest.Plfts: "plainto_tsquery",
		postgrest.Phfts: "phraseto_tsquery", postgrest.Wfts: "websearch_to_tsquery"}
	language := ""
	switch name := strings.ToLower(c.Lang); {
	case name == "":
	case slices.Contains(languages(), name): // an index on to_tsvector('english', …) fits no place
		language = "'" + name + "', "
	default: // of its own; in quotes, for a number would be taken for an oid
		language = p.arg(store.Quote(name)) + "::regconfig, "
	}
	if c.Op == postgrest.Fts && !isTsquery(c.Value) {
		return "", refuse(400, "42601", "syntax error in tsquery: %q", c.Value)
	}
	vector := x.sql
	if x.typ.class != vectors {
		vector = "to_tsvector(" + language + x.sql + ")"
	}
	return vector + " @@ " + makers[c.Op] + "(" + language + p.arg(c.Value) + ")", nil
}

// languages are the configurations that come with Postgres.
func languages() []string {
	return []string{"simple", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "finnish", "french",
		"german", "greek", "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian",
		"portuguese", "romanian", "russian", "serbian", "spanish", "swedish", "tamil", "turkish", "yiddish"}
}

func (inPostgres) into(p *planner, x expr, path []postgrest.Step) expr {
	typ, _ := named("jsonb")
	sql := x.sql
	switch x.typ.class {
	case jsons:
		typ = x.typ
	case jsonbs:
	default:
		sql = "to_jsonb(" + sql + ")"
	}
	for _, step := range path {
		arrow := "->"
		if step.Text {
			arrow, typ = "->>", usual(store.Text)
		}
		if step.IsIndex {
			sql += arrow + p.arg(step.Index) + "::int"
		} else {
			sql += arrow + p.arg(step.Key) + "::text"
		}
	}
	p.risky = true // an index may be too large
	return expr{sql: "(" + sql + ")", typ: typ}
}

func (inPostgres) cast(x expr, to sqlType) expr {
	return expr{sql: "(" + x.sql + ")::" + to.name, typ: to}
}

func (inPostgres) aggregate(name string, x expr) expr {
	y := expr{sql: name + "(" + x.sql + ")", typ: x.typ}
	switch {
	case name == "count":
		y.typ = usual(store.Bigint)
	case name == "sum" && (x.typ.name == "integer" || x.typ.name == "smallint"):
		y.typ = usual(store.Bigint)
	case name != "min" && name != "max" && x.typ.class == numbers && x.typ.kind != store.Float:
		y.typ = usual(store.Decimal)
	case name == "avg" && x.typ.kind == store.Float:
		y.typ = usual(store.Float)
	}
	return y
}

// shown leaves the types that the store writes as to_json does. Others are made JSON here.
func (inPostgres) shown(p *planner, x expr, grouped bool) expr {
	made := "to_json("
	if grouped {
		made = "to_jsonb(" // json cannot be compared
	}
	if p.options.StripNulls && !x.json && (x.typ.class == jsons || x.typ.class == jsonbs) {
		x.sql = x.typ.name + "_strip_nulls(" + x.sql + ")"
	}
	switch {
	case grouped && (x.json || x.typ.class == jsons):
		x.sql = "(" + x.sql + ")::jsonb"
	case x.json || written(x.typ) && !grouped:
	case !written(x.typ):
		x.sql = made + x.sql + ")"
	case grouped && (x.typ.class == opaque || x.typ.class == shapes):
		x.sql = "(" + x.sql + ")::text"
	}
	return x
}

// written tells whether the store writes a type as to_json does: all that are not arrays of
// what it does not know, nor of a type that is not known and of which it is not said.
func written(t sqlType) bool {
	if name, ok := strings.CutSuffix(t.name, "[]"); ok {
		element, known := named(name)
		return known && element.kind != 0
	}
	return t.kind != 0 || t.class != anything && t.class != arrays
}

func (inPostgres) object(p *planner, sub string, _ []output) expr {
	return expr{sql: "(select " + stripped(p, `row_to_json("s".*)`) + " from (" + sub + `) as "s")`, json: true}
}

func (inPostgres) list(p *planner, sub string, _ []output) expr {
	return expr{sql: "coalesce((select " + stripped(p, `json_agg("s".*)`) + " from (" + sub + `) as "s"), '[]'::json)`, json: true}
}

func stripped(p *planner, json string) string {
	if !p.options.StripNulls {
		return json
	}
	return "json_strip_nulls(" + json + ")"
}

// spread reads the rows once, beside the row that they belong to.
func (inPostgres) spread(p *planner, n *node, sub string, columns []output, one bool) ([]expr, error) {
	alias := p.alias()
	if one {
		n.joins.WriteString(" left join lateral (" + sub + ") as " + alias + " on true")
		return single(columns, func(column string) string { return alias + "." + column }), nil
	}
	lists, values := make([]string, len(columns)), make([]expr, len(columns))
	for i := range columns {
		name := store.Quote(numbered(i))
		lists[i] = `json_agg("s".` + name + `) as ` + name
		values[i] = expr{sql: "coalesce(" + alias + "." + name + ", '[]'::json)", json: true}
	}
	n.joins.WriteString(" left join lateral (select " + strings.Join(lists, ", ") + " from (" + sub + `) as "s") as ` + alias + " on true")
	return values, nil
}

func (inPostgres) nulls(descending, first bool) string {
	switch {
	case first == descending:
		return ""
	case first:
		return " nulls first"
	default:
		return " nulls last"
	}
}

func (inPostgres) form(expr) store.Form { return store.FormAuto }

// converts leaves text as it is: the database converts it.
func (inPostgres) converts(_ sqlType, text string) (any, error) { return text, nil }
