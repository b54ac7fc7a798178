package relations

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Write is a write and the reading of its rows. On Postgres Plan does both. SQLite knows
// no writes within a read, so there Before reads what a delete takes away, and After what
// an insert or update left: in one transaction, in this order.
type Write struct {
	Before *Plan
	Plan   *Plan
	// After plans the reading of the rows whose keys Plan kept; nil when Plan has the rows,
	// or nobody asked for them.
	After func(keys [][]any) (*Plan, error)
}

// Insert plans new rows, or an upsert. With answer, the rows are read as q.Select says.
// Whether the rows are in reach is for who makes the values; an upsert changes only rows
// that are.
func Insert(r *Relation, q *postgrest.Read, c *Change, answer bool, o Options) (*Write, error) {
	p := newPlanner(o)
	alias := p.alias()
	values, err := p.given(r, c)
	if err != nil {
		return nil, err
	}
	conflict, err := p.conflict(r, c, alias)
	if err != nil {
		return nil, err
	}
	sql := "insert into " + table(r.Schema, r.Table) + " as " + alias + values + conflict
	return p.write(r, q, sql, alias, answer, len(c.Rows) <= quickRows && len(c.JSON) <= quickBytes)
}

// Update plans a change of the rows that q.Where, Options.Match and the reach leave.
func Update(r *Relation, q *postgrest.Read, c *Change, answer bool, o Options) (*Write, error) {
	p := newPlanner(o)
	if len(c.Columns) == 0 {
		return p.nothing(r, q, answer)
	}
	n, conds, err := p.target(r, q)
	if err != nil {
		return nil, err
	}
	sets, from, err := p.sets(r, c)
	if err != nil {
		return nil, err
	}
	if c.Counted != "" {
		sets += ", " + counted(c.Counted, n.alias)
	}
	sql := "update " + p.rowsToWrite(n) + " set " + sets + from + where(conds)
	return p.write(r, q, sql, n.alias, answer, n.pinned(p.options.Match))
}

// Delete plans the end of the rows that q.Where, Options.Match and the reach leave.
func Delete(r *Relation, q *postgrest.Read, answer bool, o Options) (*Write, error) {
	if answer && o.Dialect == store.SQLite {
		before, err := Select(r, &postgrest.Read{Select: q.Select, Where: q.Where, Order: q.Order, Limit: -1}, o)
		if err != nil {
			return nil, err
		}
		gone, err := Delete(r, q, false, o)
		if err != nil {
			return nil, err
		}
		return &Write{Before: before, Plan: gone.Plan}, nil
	}
	p := newPlanner(o)
	n, conds, err := p.target(r, q)
	if err != nil {
		return nil, err
	}
	return p.write(r, q, "delete from "+p.rowsToWrite(n)+where(conds), n.alias, answer, n.pinned(p.options.Match))
}

// target resolves the rows that an update or a delete is about.
func (p *planner) target(r *Relation, q *postgrest.Read) (*node, []string, error) {
	n, err := p.node(r, &postgrest.Read{Where: q.Where}, r.Name, 0)
	if err != nil {
		return nil, nil, err
	}
	if p.triggered(r) {
		n.alias = store.Quote(r.Table)
	}
	conds, err := p.rootConditions(n)
	if err != nil {
		return nil, nil, err
	}
	reach, err := p.reach(r)
	return n, append(conds, reach), err
}

// triggered tells a view whose writes are done by triggers. SQLite forgets there what else its rows
// are called.
func (p *planner) triggered(r *Relation) bool {
	return r.View && p.options.Dialect == store.SQLite
}

// rowsToWrite names the rows of an update or a delete.
func (p *planner) rowsToWrite(n *node) string {
	name := table(n.relation.Schema, n.relation.Table)
	if p.triggered(n.relation) {
		return name
	}
	return name + " as " + n.alias
}

// reach is the condition of a write on the rows that it may change; "" for none.
func (p *planner) reach(r *Relation) (string, error) {
	limit, err := p.options.Reach(r)
	if err != nil || len(limit.Pieces) == 0 {
		return "", err
	}
	var b strings.Builder
	b.WriteByte('(')
	p.pieces(&b, limit.Pieces, limit.Args)
	b.WriteByte(')')
	return b.String(), nil
}

// nothing is an update of no columns: no row is changed, and none is answered.
func (p *planner) nothing(r *Relation, q *postgrest.Read, answer bool) (*Write, error) {
	if !answer {
		return &Write{Plan: &Plan{SQL: "select 1 where false", Shape: &store.Shape{}}}, nil
	}
	plan, err := p.selects(r, &postgrest.Read{Select: q.Select, Where: []postgrest.Cond{{Kind: postgrest.Or}}, Limit: -1})
	return &Write{Plan: plan}, err
}

// write finishes a writing statement: with its rows, with their keys, or bare. quick tells
// that it is over at once, what it embeds aside.
func (p *planner) write(r *Relation, q *postgrest.Read, sql, alias string, answer, quick bool) (*Write, error) {
	read := &postgrest.Read{Select: q.Select, Order: q.Order, Limit: -1}
	// What chose the rows is not asked of them again: the write may have changed it.
	p.options.Match, p.options.Total, p.options.After = nil, false, nil
	switch {
	case !answer:
		return &Write{Plan: &Plan{SQL: sql, Args: p.args, Shape: &store.Shape{}, Quick: quick}}, p.whole()
	case p.options.Dialect == store.Postgres:
		returned, err := p.returned(r, read, alias)
		if err != nil {
			return nil, err
		}
		p.written = sql + " returning " + returned
		plan, err := p.selects(r, read)
		if plan != nil {
			plan.Quick = quick && !embeds(q)
		}
		return &Write{Plan: plan}, err
	}
	keys := r.Key
	returning := "rowid"
	switch {
	case len(keys) > 0:
		returning = names(keys)
	case r.View:
		return nil, notHere("way to find what was written to a view without a key: ask for return=minimal")
	}
	plan := &Plan{SQL: sql + " returning " + returning, Args: p.args, Shape: &store.Shape{Kept: max(len(keys), 1)}, Quick: quick}
	options := p.options
	after := func(keys [][]any) (*Plan, error) {
		if shows := read.Select == nil || len(read.Select) > 0; shows && r.View && slices.ContainsFunc(keys, incomplete) {
			return nil, notHere("way to tell a key that a view's trigger made: send it, or ask for return=minimal")
		}
		p := newPlanner(options)
		p.keys = append([][]any{}, keys...) // not nil, which would be every row
		return p.selects(r, read)
	}
	if _, err := after([][]any{}); err != nil { // what cannot be read is refused before it is written
		return nil, err
	}
	return &Write{Plan: plan, After: after}, p.whole()
}

func incomplete(key []any) bool { return slices.Contains(key, nil) }

// byKeys writes the rows that have the keys of a write.
func (p *planner) byKeys(r *Relation, alias string) (string, error) {
	list := make([]any, len(p.keys))
	for i, key := range p.keys {
		values := make([]any, len(key))
		for j, v := range key {
			values[j] = inJSON(v)
		}
		list[i] = values
	}
	text, err := value.AppendJSON(nil, list)
	if err != nil {
		return "", err
	}
	keys, rows := r.Key, table(r.Schema, r.Table)
	if len(keys) == 0 {
		keys, rows = []string{rowID}, "(select rowid as "+store.Quote(rowID)+", * from "+rows+")"
	}
	from, err := p.limited(r, rows, alias)
	if err != nil {
		return "", err
	}
	same := make([]string, len(keys))
	for i, name := range keys {
		same[i] = column(alias, name) + ` = json_extract("key".value, '$[` + strconv.Itoa(i) + "]')"
	}
	return "json_each(" + p.arg(string(text)) + `) as "key" join ` + from + " on " + strings.Join(same, " and "), nil
}

// rowID is the name of SQLite's own key where a table has none.
const rowID = "gateway rowid"

func embeds(q *postgrest.Read) bool {
	return slices.ContainsFunc(q.Select, func(i postgrest.Item) bool { return i.Kind == postgrest.Embed })
}

// quickRows and quickBytes are what an insert that is over at once may hold.
const (
	quickRows  = 20
	quickBytes = 8 << 10
)

func names(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = store.Quote(c)
	}
	return strings.Join(quoted, ", ")
}

// conflict writes what becomes of rows that are there already. Only a row in reach is
// changed.
func (p *planner) conflict(r *Relation, c *Change, alias string) (string, error) {
	if len(c.OnConflict) == 0 {
		return "", nil
	}
	if err := r.unique(c.OnConflict); err != nil {
		return "", err
	}
	if p.triggered(r) {
		return "", notHere("upserts of views")
	}
	head := " on conflict (" + names(c.OnConflict) + ") do "
	merged := c.Merged
	if merged == nil {
		merged = c.Columns
	}
	if !c.Merge || len(merged) == 0 {
		return head + "nothing", nil
	}
	var sets []string
	for _, name := range merged {
		if name != c.Counted {
			sets = append(sets, store.Quote(name)+" = excluded."+store.Quote(name))
		}
	}
	if c.Counted != "" {
		sets = append(sets, counted(c.Counted, alias))
	}
	reach, err := p.reach(r)
	if err != nil {
		return "", err
	}
	if reach != "" && p.options.Dialect == store.Postgres {
		// There every column has two rows to come from: the limit sees the one that is there.
		reach = "exists (select 1 from (select " + alias + `.*) as "mine" where ` + reach + ")"
	}
	return head + "update set " + strings.Join(sets, ", ") + where([]string{reach}), nil
}

// counted lets a column go up by one.
func counted(name, alias string) string {
	return store.Quote(name) + " = coalesce(" + column(alias, name) + ", 0) + 1"
}

// unique finds the constraint that an upsert means.
func (r *Relation) unique(columns []string) error {
	for _, name := range columns {
		if _, ok := r.column(name); !ok && !slices.Contains(r.Key, name) {
			return refuse(http.StatusBadRequest, "42703", "column %q does not exist", name)
		}
	}
	if r.View || r.keyed(columns) {
		return nil
	}
	return refuse(http.StatusBadRequest, "42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification")
}

// keyed tells that columns are the key, or unique together.
func (r *Relation) keyed(columns []string) bool {
	same := func(key []string) bool {
		return len(key) == len(columns) && !slices.ContainsFunc(key, func(name string) bool { return !slices.Contains(columns, name) })
	}
	return same(r.Key) || slices.ContainsFunc(r.Uniques, same)
}
