package resource

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/changeset/records"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// An edge is a foreign key between two tables of a store, declared by a schema or found in
// the database.
type edge struct {
	name            string // the constraint's; "" where the manifest declares it
	from, to        *records.Table
	columns, refers []string
	single          bool // one row at most points at another
	keyed           bool // its columns are part of the primary key: a junction's
}

// edgesOf lists the foreign keys of a store, once.
func (x *Entries) edgesOf(st *pipeline.Store) []edge {
	if list, ok := x.edges[st]; ok {
		return list
	}
	list := x.declared(st)
	if catalog := x.read(st); catalog != nil {
		list = append(list, x.found(st, catalog)...)
	}
	x.edges[st] = list
	return list
}

// read gives the catalog of a store of which some entry serves a table as it is.
func (x *Entries) read(st *pipeline.Store) *store.Catalog {
	for _, s := range x.all {
		if s.catalog != nil && s.table.Store == st {
			return x.env.Catalog(st, s.Entry.Table.At, &diag.Problems{}) // it was read: no problem is new
		}
	}
	return nil
}

// declared are those of the schemas' `references`.
func (x *Entries) declared(st *pipeline.Store) []edge {
	var list []edge
	var told diag.Problems // by whoever serves the schema
	for _, s := range x.env.Manifest.Schemas {
		from := records.Of(x.env, spec.Ref{Name: s.Name, At: s.At}, st.Name, &told)
		if from == nil {
			continue
		}
		for i := range from.Set.Fields {
			f := &from.Set.Fields[i]
			if f.Parent() == nil || f.Virtual {
				continue
			}
			if to := records.Of(x.env, spec.Ref{Name: f.Refers, At: s.At}, st.Name, &told); to != nil {
				list = append(list, edge{from: from, to: to, columns: []string{f.Name}, refers: []string{f.Parent().Column}, single: f.Unique, keyed: joins(from)})
			}
		}
	}
	return list
}

// joins tells a schema whose rows only say that two others belong together.
func joins(t *records.Table) bool {
	for i := range t.Set.Fields {
		switch f := &t.Set.Fields[i]; {
		case f.Refers != "" || f.Virtual:
		case f.Name == changeset.ID || f.Name == changeset.InsertedAt || f.Name == changeset.UpdatedAt:
		default:
			return false
		}
	}
	return true
}

// found are those of the database, of its views too.
func (x *Entries) found(st *pipeline.Store, catalog *store.Catalog) []edge {
	var list []edge
	var told diag.Problems
	table := func(schema, name string) *records.Table {
		if schema != "" {
			name = schema + "." + name
		}
		t, _ := records.OfTable(x.env, spec.Ref{Name: name}, st.Name, &told)
		return t
	}
	for i := range catalog.Relations {
		r := &catalog.Relations[i]
		from := table(r.Schema, r.Name)
		for _, ref := range r.References {
			to := table(ref.Schema, ref.Table)
			if from == nil || to == nil {
				continue
			}
			keyed := !slices.ContainsFunc(ref.Columns, func(c string) bool { return !slices.Contains(r.Key, c) })
			list = append(list, edge{name: ref.Name, from: from, to: to, columns: ref.Columns, refers: ref.Refers, single: ref.Single, keyed: keyed})
		}
	}
	return list
}

// link fills the relation with what may be embedded, and reports names of `embed` that are
// no relation.
func (s *Served) link() {
	possible := s.possible()
	if s.Entry.EmbedAll {
		for _, p := range possible {
			if rules, found := s.rulesFor(p.to); found {
				s.embed(p, s.At, rules)
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
		s.embed(p, e.At, own)
		return
	}
	rules, found := s.rulesFor(p.to)
	if !found {
		s.index.ps.Add(e.At, "needs-rule", "the rows of %s are served elsewhere, by rules that may need names which are not bound here", p.to.Name).
			Suggest("say which may be embedded: `%s: {owner: ...}`, `where` or `public: true`", e.Name)
		return
	}
	s.embed(p, e.At, rules)
}

func (s *Served) embed(p candidate, at diag.Pos, rules *Served) {
	link := p.link
	if rules != nil {
		link.To = rules.Relation()
	} else {
		link.To = s.index.unserved(p.to)
	}
	s.relation.Links = append(s.relation.Links, &link)
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
	to   *records.Table
	link relations.Link
}

// possible lists the relations of a table: to one by its own foreign keys, to one or many
// by those of others, many to many through a table that has both. Names and hints are
// PostgREST's (SchemaCache, Plan.findRel), and the key column less `_id`.
func (s *Served) possible() []candidate {
	var list []candidate
	edges := s.index.edgesOf(s.table.Store)
	for _, e := range edges {
		if e.from == s.table {
			link := relations.Link{Names: linkNames(e.to.Name, e), Hints: hints(e), On: pairs(e.columns, e.refers)}
			if len(e.columns) == 1 {
				if short, ok := strings.CutSuffix(e.columns[0], "_id"); ok && short != "" {
					link.Names = append([]string{short}, link.Names...)
				}
				link.Names = append(link.Names, e.columns[0])
			}
			list = append(list, candidate{e.to, link})
		}
		if e.to == s.table {
			link := relations.Link{Names: linkNames(e.from.Name, e), Hints: hints(e), Many: !e.single, On: pairs(e.refers, e.columns)}
			list = append(list, candidate{e.from, link})
		}
	}
	return append(list, s.through(edges)...)
}

// through lists what is related by a table between.
func (s *Served) through(edges []edge) []candidate {
	var list []candidate
	for _, here := range edges {
		if here.to != s.table || !here.keyed {
			continue
		}
		for _, there := range edges {
			if there.from != here.from || !there.keyed || sameColumns(there.columns, here.columns) {
				continue
			}
			link := relations.Link{Names: []string{there.to.Name}, Many: true, Hints: append([]string{here.from.Name}, append(hints(here), hints(there)...)...),
				Through: &relations.Junction{Schema: here.from.In, Table: here.from.Name, Here: pairs(here.refers, here.columns), There: pairs(there.refers, there.columns)}}
			list = append(list, candidate{there.to, link})
		}
	}
	return list
}

func sameColumns(a, b []string) bool { return slices.Equal(a, b) }

func linkNames(table string, e edge) []string {
	if e.name == "" {
		return []string{table}
	}
	return []string{table, e.name}
}

// hints are what may follow the name to tell it from others.
func hints(e edge) []string {
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
