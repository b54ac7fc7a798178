package resource

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// link fills the relation with what may be embedded, and reports names of `embed` that are
// no relation.
func (s *Served) link() {
	possible := s.possible()
	if s.Entry.EmbedAll {
		for _, p := range possible {
			between, known := s.rulesBetween(p)
			if rules, found := s.rulesFor(p.to); found && known {
				s.embed(p, s.At, rules, between)
			}
		}
		return
	}
	for _, e := range s.Entry.Embed {
		any := false
		for _, p := range possible {
			if slices.Contains(p.link.Names, e.Name) {
				any = true
				s.listed(p, e)
			}
		}
		if !any {
			s.unknown(e, possible)
		}
	}
}

// listed adds a relation that `embed` names, under its rules.
func (s *Served) listed(p candidate, e Embed) {
	if e.Own != nil {
		e.Own.MaxRows = s.Entry.MaxRows
		own := &Served{Entry: e.Own, At: e.At, Below: Within(s.place), place: s.place, index: s.index, table: p.to}
		own.relation = s.index.relationOf(p.to, s.index.catalogOf(p.to), func(string) bool { return true })
		own.relation.MaxRows = int64(s.Entry.MaxRows)
		s.embed(p, e.At, own, nil)
		return
	}
	rules, found := s.rulesFor(p.to)
	between, known := s.rulesBetween(p)
	elsewhere := p.to
	if found {
		elsewhere = p.between
	}
	if !found || !known {
		s.index.ps.Add(e.At, "needs-rule", "the rows of %s are served elsewhere, by rules that may need names which are not bound here", elsewhere.Name).
			Suggest("say which may be embedded: `%s: {owner: ...}`, `where` or `public: true`", e.Name)
		return
	}
	s.embed(p, e.At, rules, between)
}

// rulesBetween is rulesFor the table between two relations: a row there that is out of reach
// tells nobody what belongs together.
func (s *Served) rulesBetween(p candidate) (rules *Served, found bool) {
	if p.between == nil {
		return nil, true
	}
	return s.rulesFor(p.between)
}

// embed adds a relation under its rules, and those of the table between.
func (s *Served) embed(p candidate, at diag.Pos, rules, between *Served) {
	link := p.link
	if between != nil {
		junction := *link.Through
		junction.Relation = between.embeddable()
		link.Through = &junction
		s.embeds = append(s.embeds, embedded{at: at, name: link.Names[0], relation: junction.Relation, rules: between})
	}
	if rules != nil {
		link.To = rules.embeddable()
	} else {
		link.To = s.index.unserved(p.to)
	}
	s.relation.Links = append(s.relation.Links, &link)
	s.face.Links = append(s.face.Links, &link)
	s.embeds = append(s.embeds, embedded{at: at, name: link.Names[0], relation: link.To, rules: rules})
}

// unserved describes a table that no entry serves.
func (x *Entries) unserved(t *records.Table) *relations.Relation {
	if x.open[t] == nil {
		x.open[t] = x.relationOf(t, x.catalogOf(t), func(string) bool { return true })
		x.open[t].MaxRows = maxRows
	}
	return x.open[t]
}

// catalogOf gives what the database says of a table, where it was asked.
func (x *Entries) catalogOf(t *records.Table) *store.CatalogRelation {
	if !t.Found {
		return nil
	}
	name := t.Name
	if t.In != "" {
		name = t.In + "." + name
	}
	_, c := records.OfTable(x.env, spec.Ref{Name: name}, t.Store.Name, &diag.Problems{})
	return c
}

// schemaOf names the database's schema that has a table; "": nobody asked the database.
func (x *Entries) schemaOf(t *records.Table) string {
	if c := x.catalogOf(t); c != nil {
		return c.Schema
	}
	return t.In
}

func (s *Served) unknown(e Embed, possible []candidate) {
	var names []string
	for _, p := range possible {
		if !slices.Contains(names, p.link.Names[0]) {
			names = append(names, p.link.Names[0])
		}
	}
	p := s.index.ps.Add(e.At, "unknown-relation", "%s has no relation %q", s.table.Name, e.Name)
	switch p.Hint = diag.DidYouMean(e.Name, names); {
	case p.Hint != "":
	case len(names) == 0:
		p.Suggest("no field references another schema, and none references this one")
	default:
		p.Suggest("it has %s", diag.OneOf(names))
	}
}

// A candidate is a link that could be.
type candidate struct {
	to, between *records.Table // between: of many to many, else nil
	link        relations.Link
}

// possible lists the relations of a table: to one by its own foreign keys, to one or many
// by those of others, many to many through a table that has both. Names and hints are
// PostgREST's (Plan.findRel), and the key column less `_id`.
func (s *Served) possible() []candidate {
	var list []candidate
	edges := s.index.edgesOf(s.table.Store)
	for i := range edges {
		e := &edges[i]
		if e.from == s.table && s.sees(e.to) {
			link := relations.Link{Names: e.namesOfOne(), Hints: hints(e), On: pairs(e.columns, e.refers), Constraint: e.name, Single: e.single}
			list = append(list, candidate{to: e.to, link: link})
		}
		if e.to == s.table && s.sees(e.from) {
			link := relations.Link{Names: e.namesOfMany(), Hints: hints(e), Many: !e.single, On: pairs(e.refers, e.columns), Constraint: e.name, Single: e.single}
			list = append(list, candidate{to: e.from, link: link})
		}
	}
	return s.computedLinks(append(list, s.through(edges)...))
}

// sees tells whether a foreign key may lead to a table: what stands in another schema of the
// database is none of a request's business, unless an entry serves it.
func (s *Served) sees(t *records.Table) bool {
	return s.index.schemaOf(t) == s.index.schemaOf(s.table) || slices.ContainsFunc(s.index.all, func(other *Served) bool { return other.table == t })
}

// namesOfOne are those by which the row is embedded that a foreign key points at: of the
// same table not that of the table, which means the rows that point back.
func (e *edge) namesOfOne() []string {
	var names []string
	if len(e.columns) == 1 && !e.toView {
		if short, ok := strings.CutSuffix(e.columns[0], "_id"); ok && short != "" {
			names = append(names, short)
		}
	}
	if !e.self() {
		names = append(names, e.to.Name)
		if e.name != "" && !e.toView {
			names = append(names, e.name)
		}
	}
	if len(e.columns) == 1 && (!e.toView || e.self()) {
		names = append(names, e.columns[0])
	}
	if len(names) == 0 {
		names = append(names, e.name) // a key of several columns that points at its own table
	}
	return names
}

// namesOfMany are those by which the rows are embedded that point here: also, as in
// PostgREST, the column that they point at.
func (e *edge) namesOfMany() []string {
	names := []string{e.from.Name}
	if e.fromView || e.self() {
		return names
	}
	if e.name != "" {
		names = append(names, e.name)
	}
	if len(e.refers) == 1 {
		names = append(names, e.refers[0])
	}
	return names
}

// through lists what is related by a table between. The name of the same table means its
// rows that point at each other, where they do.
func (s *Served) through(edges []edge) []candidate {
	var list []candidate
	pointing := slices.ContainsFunc(edges, func(e edge) bool { return e.self() && e.to == s.table })
	for _, here := range edges {
		if here.to != s.table || !here.keyed || !s.sees(here.from) {
			continue
		}
		for _, there := range edges {
			if there.from != here.from || !there.keyed || sameColumns(there.columns, here.columns) || !s.sees(there.to) {
				continue
			}
			link := relations.Link{Names: []string{there.to.Name}, Many: true, Hints: []string{here.from.Name},
				Through: &relations.Junction{Schema: here.from.In, Table: here.from.Name, Here: pairs(here.refers, here.columns), There: pairs(there.refers, there.columns),
					HereConstraint: here.name, ThereConstraint: there.name}}
			if there.to == s.table { // either way round: the column that points there tells which
				link.Names, link.Hints = there.namesOfOne(), append(link.Hints, hints(&there)...)
				if pointing {
					link.Names = slices.DeleteFunc(link.Names, func(name string) bool { return name == s.table.Name })
				}
			}
			list = append(list, candidate{to: there.to, between: here.from, link: link})
		}
	}
	return list
}

func sameColumns(a, b []string) bool { return slices.Equal(a, b) }

// hints are what may follow the name to tell it from others.
func hints(e *edge) []string {
	var list []string
	if e.name != "" {
		list = append(list, e.name)
	}
	if len(e.columns) == 1 {
		list = append(list, e.columns[0], e.refers[0])
	}
	return list
}

func pairs(here, there []string) []relations.Pair {
	list := make([]relations.Pair, len(here))
	for i := range here {
		list[i] = relations.Pair{Here: here[i], There: there[i]}
	}
	return list
}
