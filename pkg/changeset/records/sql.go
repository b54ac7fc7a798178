package records

import (
	"strconv"
	"strings"
	"sync"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/store"
)

// A Text is SQL while it is written. Names come from the manifest and are quoted; values
// are places, never text.
type Text struct {
	b      strings.Builder
	mark   byte
	places int
}

// Text starts a statement in the store's dialect.
func (t *Table) Text() *Text {
	if t.Store.Dialect == expr.SQLite {
		return &Text{mark: '?'}
	}
	return &Text{mark: '$'}
}

// Add writes pieces of SQL.
func (q *Text) Add(pieces ...string) {
	for _, p := range pieces {
		q.b.WriteString(p)
	}
}

// Arg writes the next place for a value.
func (q *Text) Arg() {
	q.places++
	q.b.WriteByte(q.mark)
	q.b.WriteString(strconv.Itoa(q.places))
}

// Where limits to the rows whose columns have the values to come, in this order.
func (q *Text) Where(t *Table, columns []int) {
	for k, i := range columns {
		if k == 0 {
			q.Add(" where ")
		} else {
			q.Add(" and ")
		}
		q.Add(store.Quote(t.Set.Fields[i].Name), " = ")
		q.Arg()
	}
}

// Statement is the finished SQL. Stores know a statement by its address: make it once.
func (q *Text) Statement() *store.Statement {
	return &store.Statement{SQL: q.b.String(), Params: q.places}
}

// Columns lists the stored columns that pass which, quoted and joined.
func (t *Table) Columns(which func(*changeset.Field) bool) string {
	var names []string
	for i := range t.Set.Fields {
		if f := &t.Set.Fields[i]; !f.Virtual && which(f) {
			names = append(names, store.Quote(f.Name))
		}
	}
	return strings.Join(names, ", ")
}

func (t *Table) insertSQL(given changeset.Mask) *store.Statement {
	q := t.Text()
	q.Add("insert into ", store.Quote(t.Name))
	columns := t.stored(given)
	if len(columns) == 0 {
		q.Add(" default values")
	} else {
		open := " ("
		for _, i := range columns {
			q.Add(open, store.Quote(t.Set.Fields[i].Name))
			open = ", "
		}
		open = ") values ("
		for range columns {
			q.Add(open)
			q.Arg()
			open = ", "
		}
		q.Add(")")
	}
	q.Add(" returning ", t.all)
	return q.Statement()
}

// UpdateSQL sets the given fields of the rows whose columns have the values that follow
// them. returning gives the columns to read back; "" is none.
func (t *Table) UpdateSQL(given changeset.Mask, where []int, returning string) *store.Statement {
	q := t.Text()
	q.Add("update ", store.Quote(t.Name))
	open := " set "
	for _, i := range t.stored(given) {
		q.Add(open, store.Quote(t.Set.Fields[i].Name), " = ")
		q.Arg()
		open = ", "
	}
	q.Where(t, where)
	if returning != "" {
		q.Add(" returning ", returning)
	}
	return q.Statement()
}

// stored lists the places of the given fields that are columns.
func (t *Table) stored(given changeset.Mask) []int {
	var list []int
	for i := range t.Set.Fields {
		if given.Has(i) && !t.Set.Fields[i].Virtual {
			list = append(list, i)
		}
	}
	return list
}

// Writes tells whether something of c is stored.
func (t *Table) Writes(c *changeset.Changes) bool {
	for i := range t.Set.Fields {
		if _, given := c.Get(i); given && !t.Set.Fields[i].Virtual {
			return true
		}
	}
	return false
}

// maxShapes bounds the statements kept for one table: clients choose which fields they
// send. Beyond it a statement is made for one use.
const maxShapes = 256

// Shapes keeps one statement for each set of fields.
type Shapes struct {
	mu   sync.RWMutex
	list map[changeset.Mask]*store.Statement
}

// Get gives the statement for the given fields, making it the first time.
func (s *Shapes) Get(given changeset.Mask, make func() *store.Statement) *store.Statement {
	s.mu.RLock()
	st := s.list[given]
	s.mu.RUnlock()
	if st != nil {
		return st
	}
	made := make()
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.list[given]; st != nil {
		return st
	}
	if len(s.list) < maxShapes {
		if s.list == nil {
			s.list = map[changeset.Mask]*store.Statement{}
		}
		s.list[given] = made
	}
	return made
}
