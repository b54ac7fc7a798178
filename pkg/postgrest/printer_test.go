package postgrest

import (
	"net/url"
	"strconv"
	"strings"
)

// A printer writes a Query as a URL's query again. It quotes every name and value, so that
// what it writes shares little with what was read.
type printer struct{ parameters []string }

func printed(q *Query) string {
	p := &printer{}
	if q.Select != nil {
		p.add("select", items(q.Select))
	}
	if q.Columns != nil {
		p.add("columns", names(q.Columns))
	}
	if q.OnConflict != nil {
		p.add("on_conflict", names(q.OnConflict))
	}
	if q.After != "" {
		p.add("after", q.After)
	}
	if q.Paged && q.Limit < 0 && q.Offset == 0 {
		p.add("limit", "")
	}
	p.relation("", &q.Read)
	for _, a := range q.Args {
		p.add(quote(a.Name), a.Value)
	}
	return strings.Join(p.parameters, "&")
}

func (p *printer) add(key, value string) {
	p.parameters = append(p.parameters, url.QueryEscape(key)+"="+url.QueryEscape(value))
}

func (p *printer) relation(path string, r *Read) {
	for i := range r.Where {
		p.where(path, &r.Where[i])
	}
	if r.Order != nil {
		p.add(path+"order", orders(r.Order))
	}
	if r.Limit >= 0 {
		p.add(path+"limit", strconv.FormatInt(r.Limit, 10))
	}
	if r.Offset != 0 {
		p.add(path+"offset", strconv.FormatInt(r.Offset, 10))
	}
	for i := range r.Select {
		it := &r.Select[i]
		for _, name := range []string{it.Alias, embedName(it)} {
			if it.Kind == Embed && name != "not" && r.embedded(name) == it.Embed {
				p.relation(path+quote(name)+".", &it.Embed.Read)
				break
			}
		}
	}
}

func embedName(it *Item) string {
	if it.Kind == Embed {
		return it.Embed.Name
	}
	return ""
}

func (p *printer) where(path string, c *Cond) {
	if c.Kind == Test {
		p.add(path+field(c.Field), operation(c, func(s string) string { return s }))
		return
	}
	not := ""
	if c.Not {
		not = "not."
	}
	p.add(path+not+joint(c), "("+conditions(c.Of)+")")
}

func conditions(of []Cond) string {
	var list []string
	for i := range of {
		c := &of[i]
		if c.Kind == Test {
			list = append(list, field(c.Field)+"."+operation(c, quote))
			continue
		}
		not := ""
		if c.Not {
			not = "not."
		}
		list = append(list, not+joint(c)+"("+conditions(c.Of)+")")
	}
	return strings.Join(list, ",")
}

func joint(c *Cond) string {
	if c.Kind == And {
		return "and"
	}
	return "or"
}

func operation(c *Cond, value func(string) string) string {
	s := opName(c.Op)
	if c.Not {
		s = "not." + s
	}
	switch c.Each {
	case Any:
		s += "(any)"
	case All:
		s += "(all)"
	}
	if c.Lang != "" {
		s += "(" + c.Lang + ")"
	}
	switch c.Op {
	case In:
		return s + ".(" + names(c.List) + ")"
	case Is:
		return s + "." + c.Value
	}
	return s + "." + value(c.Value)
}

func opName(op Op) string {
	for _, list := range [][]namedOp{textOperators, plainOperators, quantOperators, {{"in", In}, {"is", Is}, {"isdistinct", IsDistinct}}} {
		for _, o := range list {
			if o.op == op {
				return o.name
			}
		}
	}
	return "?"
}

func items(list []Item) string {
	var all []string
	for i := range list {
		all = append(all, item(&list[i]))
	}
	return strings.Join(all, ",")
}

func item(it *Item) string {
	alias := ""
	if it.Alias != "" {
		alias = quote(it.Alias) + ":"
	}
	switch it.Kind {
	case Star:
		return "*"
	case CountRows:
		return alias + "count()" + cast(it.AggCast)
	case Embed:
		return alias + embedding(it.Embed)
	}
	s := alias + field(it.Field) + cast(it.Cast)
	if it.Aggregate != "" {
		s += "." + it.Aggregate + "()" + cast(it.AggCast)
	}
	return s
}

func embedding(e *Embedded) string {
	s := quote(e.Name)
	if e.Spread {
		s = "..." + s
	}
	if e.Hint != "" {
		s += "!" + quote(e.Hint)
	}
	if e.Join == Inner {
		s += "!inner"
	}
	return s + "(" + items(e.Select) + ")"
}

func orders(list []Order) string {
	var all []string
	for _, o := range list {
		s := field(o.By)
		if o.Embed != "" {
			s = quote(o.Embed) + "(" + s + ")"
		}
		if o.Descending {
			s += ".desc"
		}
		all = append(all, s+map[Nulls]string{NullsFirst: ".nullsfirst", NullsLast: ".nullslast"}[o.Nulls])
	}
	return strings.Join(all, ",")
}

func field(f Field) string {
	s := quote(f.Name)
	for _, step := range f.Path {
		s += "->"
		if step.Text {
			s += ">"
		}
		if step.IsIndex {
			s += strconv.FormatInt(step.Index, 10)
		} else {
			s += quote(step.Key)
		}
	}
	return s
}

func cast(name string) string {
	if name == "" {
		return ""
	}
	return "::" + name
}

func names(list []string) string {
	var all []string
	for _, n := range list {
		all = append(all, quote(n))
	}
	return strings.Join(all, ",")
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
