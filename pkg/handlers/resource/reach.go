package resource

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// limited is the rule of one entry on its rows, compiled against the names of a route.
type limited struct {
	relation *relations.Relation
	own      []ownValue
	where    *whereClause
	read     *expr.Expr // the condition of `allow`, which cannot read the row; nil: none
	gone     string     // the column that only a row has that was removed; "": none
	pieces   []string   // the condition on rows, in pieces around its values; nil: none
}

// whereClause is `where`, in pieces around its values.
type whereClause struct {
	pieces []string
	args   []*expr.Expr
	node   *source.Node
}

// whereOf compiles `where`, nil where there is none or a fault was reported.
func whereOf(b *pipeline.Build, n *source.Node, dialect expr.Dialect) *whereClause {
	if n == nil {
		return nil
	}
	q := b.Nested(true).SQL(n, dialect)
	if q == nil {
		return nil
	}
	return &whereClause{pieces: q.Pieces(), args: q.Args, node: n}
}

// values computes what stands in the places. One that cannot be computed is a refusal; nil
// is NULL, which is true of no row in a comparison.
func (w *whereClause) values(c *pipeline.Context, args []any) ([]any, error) {
	for _, e := range w.args {
		v, err := e.Eval(c.Frame)
		if err != nil {
			c.Log.Info("a `where` could not be computed, so it refused", "at", w.node.At.String(), "error", err)
			return nil, forbidden()
		}
		args = append(args, v)
	}
	return args, nil
}

// reaching compiles the rules of every entry whose rows a request may come to.
func (x *rules) reaching(b *pipeline.Build) {
	x.reached = []*limited{(&limited{relation: x.served.Relation(), own: x.own, where: x.where, gone: x.entry.SoftDelete.Name}).write()}
	x.reachFrom(b, x.served, map[*Served]bool{})
}

func (x *rules) reachFrom(b *pipeline.Build, s *Served, seen map[*Served]bool) {
	for _, e := range s.embeds {
		if e.rules == nil || seen[e.rules] {
			continue
		}
		seen[e.rules] = true
		if l := limitedOf(b, e); l != nil {
			x.reached = append(x.reached, l)
		}
		x.reachFrom(b, e.rules, seen)
	}
}

// limitedOf compiles the rules of an embedded entry. Names that they need and that this
// route does not bind are reported at `embed`.
func limitedOf(b *pipeline.Build, e embedded) *limited {
	s, before := e.rules, b.Problems
	var found diag.Problems
	b.Problems = &found
	l := &limited{relation: e.relation, where: whereOf(b, s.Entry.Where, s.table.Store.Dialect), gone: s.Entry.SoftDelete.Name}
	nested := b.Nested(true)
	for _, o := range s.Entry.Owner {
		i := s.table.Set.Index(o.Name)
		if i < 0 || s.table.Set.Fields[i].Virtual {
			found.Add(o.At, "unknown-field", "%q is no column of %s", o.Name, s.table.Name)
			continue
		}
		l.own = append(l.own, ownValue{field: &s.table.Set.Fields[i], value: nested.Value(o.Value), node: o.Value})
	}
	if n := s.readRule(); n != nil {
		l.read = nested.Condition(n)
	} else if !s.Entry.AllowAt.IsZero() {
		found.Add(s.Entry.AllowAt, "unreadable", "nobody may read its rows")
	}
	b.Problems = before
	if found.Len() > 0 {
		b.Problem(e.at, "embed-rule", "%q cannot be embedded here: %s, at %s", e.name, found.All()[0].Message, found.All()[0].At).
			Suggest("say which of its rows may be embedded: `%s: {owner: ...}`, `where` or `public: true`", e.name)
		return nil
	}
	return l.write()
}

// readRule is the condition under which an entry's rows may be read as a list.
func (s *Served) readRule() *source.Node {
	var rule *source.Node
	for _, entry := range s.Entry.Allow {
		if covered := group(entry.Name); slices.Contains(covered, Index) && (rule == nil || len(covered) == 1) {
			rule = entry.Value
		}
	}
	return rule
}

// reach limits the rows of the relations that a plan comes to. The error is a refusal.
func (x *rules) reach(c *pipeline.Context) func(*relations.Relation) (relations.Limit, error) {
	return func(r *relations.Relation) (relations.Limit, error) {
		for _, l := range x.reached {
			if l.relation == r {
				return x.limit(c, l)
			}
		}
		return relations.Limit{}, nil // no entry serves it: `embed` alone opens it
	}
}

func (x *rules) limit(c *pipeline.Context, l *limited) (relations.Limit, error) {
	if l.read != nil && !x.test(c, l.read) {
		return relations.Limit{}, forbidden()
	}
	if len(l.pieces) == 0 {
		return relations.Limit{}, nil
	}
	args, err := l.values(c, make([]any, 0, len(l.pieces)-1))
	return relations.Limit{Pieces: l.pieces, Args: args}, err
}

// values appends what stands between the pieces.
func (l *limited) values(c *pipeline.Context, args []any) ([]any, error) {
	for i := range l.own {
		v, err := l.own[i].eval(c)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	if l.where != nil {
		return l.where.values(c, args)
	}
	return args, nil
}

// write makes the pieces, once the rules are compiled.
func (l *limited) write() *limited {
	text := ""
	and := func(s string) {
		if text != "" || len(l.pieces) > 0 {
			text += " and "
		}
		text += s
	}
	for i := range l.own {
		and(store.Quote(l.own[i].field.Name) + " = ")
		l.pieces, text = append(l.pieces, text), ""
	}
	if l.gone != "" {
		and(store.Quote(l.gone) + " is null")
	}
	if l.where != nil {
		and("(" + l.where.pieces[0])
		for _, piece := range l.where.pieces[1:] {
			l.pieces, text = append(l.pieces, text), piece
		}
		text += ")"
	}
	if len(l.pieces) > 0 || text != "" {
		l.pieces = append(l.pieces, text)
	}
	return l
}

// clause is the text of `where` with places, for statements that are made at load.
func (w *whereClause) clause(arg func(), add func(...string)) {
	add("(", w.pieces[0])
	for _, piece := range w.pieces[1:] {
		arg()
		add(piece)
	}
	add(")")
}
