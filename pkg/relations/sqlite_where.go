package relations

import (
	"regexp"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

func (d inSQLite) test(p *planner, x expr, c *postgrest.Cond) (string, error) {
	switch c.Op {
	case postgrest.In:
		return d.oneOf(p, x, c.List)
	case postgrest.Fts, postgrest.Plfts, postgrest.Phfts, postgrest.Wfts:
		return "", notHere("full-text search")
	case postgrest.Sl, postgrest.Sr, postgrest.Nxr, postgrest.Nxl, postgrest.Adj:
		return "", notHere("ranges")
	case postgrest.Cs, postgrest.Cd, postgrest.Ov:
		return contains(p, x, c)
	}
	if c.Each != postgrest.One {
		return d.each(p, x, c)
	}
	v, err := d.operand(x, c.Op, c.Value)
	if err != nil {
		return "", err
	}
	right := p.arg(v)
	if n, ok := numeral(c.Value); ok && untyped(x, c.Op) {
		right = "(case typeof(" + x.sql + ") when 'text' then " + right + " else " + p.arg(n) + " end)"
	}
	return compared(x, c.Op, right), nil
}

// compared writes an operator on a value of the row. Documents are compared by what they say.
func compared(x expr, op postgrest.Op, right string) string {
	if x.typ.kind == store.JSON {
		return compare("compare_json("+x.sql+", "+right+")", op, "0")
	}
	return compare(x.sql, op, right)
}

// compare writes an operator on two texts of SQL. The pattern of `like` is one of glob,
// since SQLite's own like takes no notice of case.
func compare(left string, op postgrest.Op, right string) string {
	switch op {
	case postgrest.Like:
		return left + " glob " + right
	case postgrest.ILike:
		return left + " like " + right + ` escape '\'`
	case postgrest.Match, postgrest.IMatch:
		return left + " regexp " + right
	case postgrest.IsDistinct:
		return left + " is not " + right
	default:
		return left + " " + operator(op) + " " + right
	}
}

// operand makes what a request compares with a value that the column may hold.
func (d inSQLite) operand(x expr, op postgrest.Op, text string) (any, error) {
	switch op {
	case postgrest.Like, postgrest.ILike:
		if len(text) > maxPattern {
			return nil, tooMuch("bytes in a pattern", maxPattern)
		}
		if dangles(text) {
			return nil, refuse(400, "22025", "LIKE pattern must not end with escape character")
		}
		if op == postgrest.Like {
			return glob(wildcards(text, true)), nil
		}
		return wildcards(text, true), nil
	case postgrest.Match, postgrest.IMatch:
		if op == postgrest.IMatch {
			text = "(?i)" + text
		}
		if _, err := regexp.Compile(text); err != nil {
			return nil, refuse(400, "2201B", "invalid regular expression: %s", err)
		}
		return text, nil
	}
	if x.typ.kind == store.JSON && !isDocument(text) {
		return nil, badJSON()
	}
	return d.converts(x.typ, text)
}

// maxPattern is below what SQLite takes for like and glob (SQLITE_MAX_LIKE_PATTERN_LENGTH).
const maxPattern = 20_000

// dangles tells that a pattern ends with an escape of nothing.
func dangles(pattern string) bool {
	trimmed := strings.TrimRight(pattern, `\`)
	return (len(pattern)-len(trimmed))%2 == 1
}

// glob makes a pattern of like one of glob: * for %, ? for _, and what glob takes for more
// in brackets.
func glob(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		c, escaped := pattern[i], false
		if c == '\\' && i+1 < len(pattern) {
			i++
			c, escaped = pattern[i], true
		}
		switch {
		case c == '%' && !escaped:
			b.WriteByte('*')
		case c == '_' && !escaped:
			b.WriteByte('?')
		case c == '*' || c == '?' || c == '[':
			b.WriteString("[" + string(rune(c)) + "]")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// oneOf compares with a list of any length as one value, a list of JSON.
func (d inSQLite) oneOf(p *planner, x expr, list []string) (string, error) {
	if len(list) == 1 && list[0] == "" {
		list = nil // in.() is an empty list
	}
	if x.typ.kind == store.JSON {
		return d.each(p, x, &postgrest.Cond{Op: postgrest.Eq, Each: postgrest.Any, List: list})
	}
	place, err := d.listed(p, x, postgrest.Eq, list)
	if err != nil {
		return "", err
	}
	return asListed(x).sql + " in (select " + listItem("value", x, postgrest.Eq) + " from json_each(" + place + "))", nil
}

// each compares with any, or all, of a list; of null it is not known.
func (d inSQLite) each(p *planner, x expr, c *postgrest.Cond) (string, error) {
	place, err := d.listed(p, x, c.Op, c.List)
	if err != nil {
		return "", err
	}
	one := compared(asListed(x), c.Op, listItem(`"each".value`, x, c.Op))
	from := "exists (select 1 from json_each(" + place + `) as "each" where `
	switch {
	case c.Each == postgrest.Any && c.Nulls:
		return "(case when " + x.sql + " is not null and " + from + one + ") then true end)", nil
	case c.Each == postgrest.Any:
		return "(case when " + x.sql + " is not null then " + from + one + ") end)", nil
	case c.Nulls:
		return "(case when " + x.sql + " is not null and " + from + "not (" + one + ")) then false end)", nil
	default:
		return "(case when " + x.sql + " is not null then not " + from + "not (" + one + ")) end)", nil
	}
}

// asListed gives a value the form that listed gives those it is compared with.
func asListed(x expr) expr {
	if x.typ.kind == store.Binary {
		x.sql = "hex(" + x.sql + ")"
	}
	return x
}

// listItem is what a value of the row is compared with, out of an item of what listed makes.
func listItem(item string, x expr, op postgrest.Op) string {
	if untyped(x, op) {
		return "(" + item + " ->> (typeof(" + x.sql + ") <> 'text'))"
	}
	return item
}

// listed makes a list of operands one value, in the forms that columns have. Those of a column
// without a type are pairs, of the text and of the number that it is.
func (d inSQLite) listed(p *planner, x expr, op postgrest.Op, list []string) (string, error) {
	values := make([]any, len(list))
	for i, text := range list {
		v, err := d.operand(x, op, text)
		if err != nil {
			return "", err
		}
		values[i] = inJSON(v)
		if untyped(x, op) {
			values[i] = []any{v, numberOr(text)}
		}
	}
	text, err := value.AppendJSON(nil, values)
	return p.arg(string(text)), err
}

// contains compares JSON, which arrays are here too: each member that must be in the other
// is looked for there. Members that are lists or objects themselves are not looked into.
func contains(p *planner, x expr, c *postgrest.Cond) (string, error) {
	switch {
	case x.typ.class == anything:
		return "", noTest(x, c.Op)
	case x.typ.kind != store.Array && x.typ.kind != store.JSON:
		return "", notHere("ranges")
	}
	document, object, err := members(x.typ, c.Value)
	if err != nil {
		return "", err
	}
	place := p.arg(document)
	mine, theirs := "json_each("+x.sql+") as ", "json_each("+place+") as "
	same, root := `"b".type = "a".type and "b".value is "a".value`, "'array'"
	if object {
		same, root = same+` and "b".key = "a".key`, "'object'"
	}
	missing := func(from, in string) string {
		return "not exists (select 1 from " + from + `"a" where not exists (select 1 from ` + in + `"b" where ` + same + "))"
	}
	var found string
	switch c.Op {
	case postgrest.Cs:
		found = missing(theirs, mine)
	case postgrest.Cd:
		found = missing(mine, theirs)
	default:
		found = "exists (select 1 from " + mine + `"a" join ` + theirs + `"b" on ` + same + ")"
	}
	return "(case when json_valid(" + x.sql + ") then json_type(" + x.sql + ") = " + root + " and " + found + " end)", nil
}
