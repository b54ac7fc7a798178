package relations

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// What one request may ask for at most. A statement within these is one that both engines
// take: Postgres allows 1664 columns, SQLite 2000 columns, 32766 values and 64 tables a join.
const (
	maxColumns = 1000
	maxValues  = 30_000
	maxEmbeds  = 60
	maxDepth   = 16
)

// dialect writes what the two databases write in different ways. Texts go in and come out:
// places carry numbers, so it does not matter in which order they are written.
type dialect interface {
	// place is where value number n stands.
	place(n int) string
	// test writes one condition on a value of the row.
	test(p *planner, x expr, c *postgrest.Cond) (string, error)
	// into goes into a JSON value.
	into(p *planner, x expr, path []postgrest.Step) expr
	cast(x expr, to sqlType) expr
	aggregate(name string, x expr) expr
	// shown makes a value what the answer's column is; grouped asks for one that the
	// database can compare.
	shown(p *planner, x expr, grouped bool) expr
	// object and list give the rows of a subselect with these columns as JSON: the first
	// row, or all.
	object(p *planner, sub string, columns []output) expr
	list(p *planner, sub string, columns []output) expr
	// spread gives, by column, the values of all rows of a subselect that belongs to n: a list
	// each, or of one row its values.
	spread(p *planner, n *node, sub string, columns []output, one bool) ([]expr, error)
	// nulls tells where nulls stand, when the database would put them elsewhere.
	nulls(descending, first bool) string
	form(x expr) store.Form
	// converts makes a value that a stranger sent one that a column is compared with.
	converts(t sqlType, text string) (any, error)
}

func dialectOf(d store.Dialect) dialect {
	if d == store.SQLite {
		return inSQLite{}
	}
	return inPostgres{}
}

// expr is SQL for a value, and what is known of its type.
type expr struct {
	sql  string
	typ  sqlType
	json bool   // made here as JSON: an embedding, or a step into a document
	own  string // what the type is called where that is a domain, whose base typ is
}

// typeName is the type as refusals call it.
func (x expr) typeName() string { return firstOf(x.own, x.typ.name) }

// output is a column of an answer, or of an embedded object.
type output struct {
	name       string
	value      expr
	aggregated bool
}

// planner collects the values of one statement.
type planner struct {
	dialect
	options Options
	args    []any
	aliases int
	embeds  int
	beside  string // what the rows of the relation asked have beside their columns
	besides string // the alias of rows that have more than their columns: the row itself is rowBeside
	risky   bool   // a value is made another, which may be refused
	writes  bool   // a function is called that may write

	written string  // a write whose rows are read: they stand in place of the table
	keys    [][]any // the rows that are read, in this order (SQLite, after a write)
}

func newPlanner(o Options) *planner {
	return &planner{dialect: dialectOf(o.Dialect), options: o, args: slices.Clip(o.Args)}
}

// arg adds a value and gives its place.
func (p *planner) arg(v any) string {
	p.args = append(p.args, v)
	return p.place(len(p.args))
}

func (p *planner) alias() string {
	p.aliases++
	return `"t` + strconv.Itoa(p.aliases-1) + `"`
}

// pieces writes SQL of the manifest with its values.
func (p *planner) pieces(b *strings.Builder, pieces []string, args []any) {
	for i, piece := range pieces {
		if i > 0 {
			b.WriteString(p.arg(args[i-1]))
		}
		b.WriteString(piece)
	}
}

func table(schema, name string) string {
	if schema == "" {
		return store.Quote(name)
	}
	return store.Quote(schema) + "." + store.Quote(name)
}

// xmin is the system column of Postgres that changes with every update of a row.
const xmin = "xmin"

// rowBeside is the name of a whole row among its columns, as no column is called.
const rowBeside = `"~row"`

// from writes the rows of a relation that are in reach, under an alias. The limit stands
// inside, where its names mean the relation's own columns; both databases flatten it.
func (p *planner) from(r *Relation, alias string) (string, error) {
	return p.limited(r, table(r.Schema, r.Table), alias)
}

func (p *planner) limited(r *Relation, rows, alias string) (string, error) {
	limit, err := p.options.Reach(r)
	if err != nil {
		return "", err
	}
	if len(limit.Pieces) == 0 {
		return rows + " as " + alias, nil
	}
	if p.beside != "" {
		p.besides = alias
	}
	var b strings.Builder
	b.WriteString("(select *" + p.beside + " from " + rows + " where ")
	p.pieces(&b, limit.Pieces, limit.Args)
	b.WriteString(") as " + alias)
	return b.String(), nil
}

// rowOf is the row as a function takes it: one of the table, also where it was limited.
func (p *planner) rowOf(n *node) string {
	if n.alias == p.besides {
		return "(" + n.alias + "." + rowBeside + ")"
	}
	return "((" + n.alias + ".*)::" + table(n.relation.Schema, n.relation.Table) + ")"
}

// junction writes the table between two relations, limited where it is a relation itself.
func (p *planner) junction(j *Junction, alias string) (string, error) {
	rows := table(j.Schema, j.Table)
	if j.Relation == nil {
		return rows + " as " + alias, nil
	}
	return p.limited(j.Relation, rows, alias)
}

// root writes what the statement reads from.
func (p *planner) root(r *Relation, alias string) (with, from string, err error) {
	s := p.options.Source
	switch {
	case p.written != "":
		with = "with " + writtenRows + " as (" + p.written + ") "
		from, err = p.limited(r, writtenRows, alias)
		return with, from, err
	case p.keys != nil:
		from, err = p.byKeys(r, alias)
		return "", from, err
	case s == nil:
		if slices.Contains(p.options.Kept, xmin) {
			// * has no system columns. A row with them is none of its table any more.
			p.beside = ", " + xmin + ", (" + store.Quote(r.Table) + ".*)::" + table(r.Schema, r.Table) + " as " + rowBeside
		}
		from, err = p.from(r, alias)
		p.beside = ""
		return "", from, err
	}
	var b strings.Builder
	if len(s.With.Pieces) > 0 {
		p.pieces(&b, s.With.Pieces, s.With.Args)
		b.WriteByte(' ')
	}
	with = b.String()
	b.Reset()
	p.pieces(&b, s.Pieces, s.Args)
	rows := b.String()
	if limit, err := p.options.Reach(r); err != nil || len(limit.Pieces) == 0 {
		return with, rows + " as " + alias, err
	}
	from, err = p.limited(r, rows+` as "source"`, alias)
	return with, from, err
}

// writtenRows is what a write left, under a name that no table has.
const writtenRows = `"gateway written"`

func column(alias, name string) string {
	if strings.IndexByte(name, '"') < 0 {
		return alias + `."` + name + `"` // the usual case, in one piece of memory
	}
	return alias + "." + store.Quote(name)
}

func (r *Relation) column(name string) (Column, bool) {
	for i := range r.Columns {
		if r.Columns[i].Name == name {
			return r.Columns[i], true
		}
	}
	return Column{}, false
}

// joined writes conditions of which all, or one, must hold: as a balanced tree, since SQLite
// bounds the depth of an expression.
func joined(parts []string, word string) string {
	if len(parts) <= 8 {
		return strings.Join(parts, word)
	}
	half := len(parts) / 2
	return "(" + joined(parts[:half], word) + ")" + word + "(" + joined(parts[half:], word) + ")"
}

func where(conds []string) string {
	conds = slices.DeleteFunc(slices.Clone(conds), func(c string) bool { return c == "" })
	if len(conds) == 0 {
		return ""
	}
	return " where " + joined(conds, " and ")
}

// writable tells whether a name that a stranger gave a column can be written into SQL.
func writable(name string) bool {
	return utf8.ValidString(name) && strings.IndexByte(name, 0) < 0
}

// whole checks the bounds of a finished statement.
func (p *planner) whole() error {
	if len(p.args) > maxValues {
		return tooMuch("values", maxValues)
	}
	return nil
}
