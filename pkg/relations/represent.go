package relations

import "github.com/openmanifest/gateway/pkg/postgrest"

// represented is a column's value as it is answered: of a domain that has a form of its own,
// that.
func represented(c Column, x expr) expr {
	if c.ToJSON == "" {
		return x
	}
	t, _ := named("json")
	return expr{sql: c.ToJSON + "(" + x.sql + ")", typ: t, json: true}
}

// parses tells an operator whose values have the form of the column.
func parses(op postgrest.Op) bool {
	switch op {
	case postgrest.Is, postgrest.Like, postgrest.ILike, postgrest.Fts, postgrest.Plfts, postgrest.Phfts, postgrest.Wfts:
		return false
	}
	return true
}

// parsed compares with values that a function makes of text.
func (p *planner) parsed(x expr, c *postgrest.Cond, function string) string {
	p.risky = true
	value := func(text string) string { return function + "(" + p.arg(text) + "::text)" }
	sign := " " + sign(c.Op) + " "
	if c.Op != postgrest.In && c.Each == postgrest.One {
		if c.Op == postgrest.IsDistinct {
			sign = " is distinct from "
		}
		return x.sql + sign + value(c.Value)
	}
	parts := make([]string, len(c.List))
	for i, text := range c.List {
		parts[i] = x.sql + sign + value(text)
	}
	if c.Each == postgrest.All {
		return "(" + joined(append(parts, "true"), " and ") + ")"
	}
	return "(" + joined(append(parts, "false"), " or ") + ")"
}
