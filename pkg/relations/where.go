package relations

import (
	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// conditions are what the rows of a node must be: what the request says, and that an inner
// embedding has rows.
func (p *planner) conditions(n *node) ([]string, error) {
	var all []string
	for i := range n.read.Where {
		cond, err := p.condition(n, &n.read.Where[i])
		if err != nil {
			return nil, err
		}
		all = append(all, cond)
	}
	for _, c := range n.children {
		if c.item.Embed.Join != postgrest.Inner {
			continue
		}
		there, err := p.exists(n, c)
		if err != nil {
			return nil, err
		}
		all = append(all, there)
	}
	return all, nil
}

func (p *planner) condition(n *node, c *postgrest.Cond) (string, error) {
	if embedded := presence(n, c); embedded != nil {
		return p.present(n, embedded, (c.Value == "null") == c.Not)
	}
	text, err := p.positive(n, c)
	if err == nil && c.Not {
		text = "not (" + text + ")"
	}
	return text, err
}

// presence gives the embedding of which a condition tests whether it has rows, or nil.
func presence(n *node, c *postgrest.Cond) *child {
	if c.Kind != postgrest.Test || c.Op != postgrest.Is || len(c.Field.Path) > 0 || c.Value != "null" && c.Value != "not_null" {
		return nil
	}
	return n.child(c.Field.Name)
}

// present tests that an embedding has rows, or none. Postgres makes a join of it where it is not
// negated twice, and else asks for each row.
func (p *planner) present(n *node, embedded *child, there bool) (string, error) {
	text, err := p.exists(n, embedded)
	if !there {
		text = "not " + text
	}
	return text, err
}

func (p *planner) positive(n *node, c *postgrest.Cond) (string, error) {
	if c.Kind == postgrest.Test {
		return p.tested(n, c)
	}
	word, none := " and ", "true"
	if c.Kind == postgrest.Or {
		word, none = " or ", "false"
	}
	parts := make([]string, len(c.Of))
	for i := range c.Of {
		var err error
		if parts[i], err = p.condition(n, &c.Of[i]); err != nil {
			return "", err
		}
	}
	if len(parts) == 0 {
		return none, nil
	}
	return "(" + joined(parts, word) + ")", nil
}

func (p *planner) tested(n *node, c *postgrest.Cond) (string, error) {
	if n.child(c.Field.Name) != nil && len(c.Field.Path) == 0 {
		if _, is := n.relation.column(c.Field.Name); !is {
			return "", badEmbedFilter(c.Field.Name)
		}
	}
	x, err := p.field(n, c.Field)
	if err != nil {
		return "", err
	}
	if column, _ := n.relation.column(c.Field.Name); column.FromText != "" && len(c.Field.Path) == 0 && parses(c.Op) {
		return p.parsed(x, c, column.FromText), nil
	}
	if !x.typ.class.permits(c.Op) {
		return "", noTest(x, c.Op)
	}
	if c.Op == postgrest.Is {
		if p.options.Dialect == store.SQLite && c.Value != "null" && c.Value != "not_null" {
			x = truth(x)
		}
		return isTest(x, c.Value)
	}
	return p.test(p, x, c)
}

// isTest writes `is`, whose operands are words of SQL.
func isTest(x expr, value string) (string, error) {
	switch value {
	case "null":
		return x.sql + " is null", nil
	case "not_null":
		return x.sql + " is not null", nil
	}
	if x.typ.class != booleans && x.typ.class != anything {
		words := map[string]string{"true": "TRUE", "false": "FALSE", "unknown": "UNKNOWN"}
		return "", refuse(400, "42804", "argument of IS %s must be type boolean, not type %s", words[value], x.typeName())
	}
	switch value {
	case "true":
		return x.sql + " is true", nil
	case "false":
		return x.sql + " is false", nil
	case "unknown":
		return x.sql + " is null", nil
	}
	return "", refuse(400, "PGRST100", "is takes null, not_null, true, false or unknown")
}

func noTest(x expr, op postgrest.Op) error {
	switch op {
	case postgrest.Fts, postgrest.Plfts, postgrest.Phfts, postgrest.Wfts:
		return noFunction("to_tsvector", x.typeName())
	default:
		return noOperator(x.typeName(), operator(op))
	}
}

// operator is an operator of the dialect in the words of Postgres.
func operator(op postgrest.Op) string {
	names := [...]string{
		postgrest.Eq: "=", postgrest.Neq: "<>", postgrest.Gt: ">", postgrest.Gte: ">=", postgrest.Lt: "<",
		postgrest.Lte: "<=", postgrest.Like: "~~", postgrest.ILike: "~~*", postgrest.Match: "~", postgrest.IMatch: "~*",
		postgrest.In: "=", postgrest.IsDistinct: "=", postgrest.Cs: "@>", postgrest.Cd: "<@", postgrest.Ov: "&&",
		postgrest.Sl: "<<", postgrest.Sr: ">>", postgrest.Nxr: "&<", postgrest.Nxl: "&>", postgrest.Adj: "-|-",
	}
	if int(op) < len(names) {
		return names[op]
	}
	return ""
}
