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

// row writes places for n values, in brackets.
func (q *Text) row(n int) {
	open := "("
	for range n {
		q.Add(open)
		q.Arg()
		open = ", "
	}
	q.Add(")")
}

// Having limits to the rows whose columns have the values to come, in this order.
func (t *Table) Having(columns []int) func(*Text) {
	return func(q *Text) { q.Where(t, columns) }
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

// insertSQL writes rows that all have the given fields. conflict says what becomes of one
// that is there already.
func (t *Table) insertSQL(given changeset.Mask, rows int, conflict Conflict) *store.Statement {
	q := t.Text()
	q.Add("insert into ", t.From())
	columns := t.stored(given)
	if len(columns) == 0 {
		q.Add(" default values")
	} else {
		open := " ("
		for _, i := range columns {
			q.Add(open, store.Quote(t.Set.Fields[i].Name))
			open = ", "
		}
		q.Add(") values ")
		for k := range rows {
			if k > 0 {
				q.Add(", ")
			}
			q.row(len(columns))
		}
	}
	conflict.add(q, t, columns)
	q.Add(" returning ", t.all)
	return q.Statement()
}

// UpdateSQL sets the given fields of the rows that where, called once, limits. returning
// gives the columns to read back; "" is none.
func (t *Table) UpdateSQL(given changeset.Mask, where func(*Text), returning string) *store.Statement {
	q := t.Text()
	q.Add("update ", t.From())
	open := " set "
	for _, i := range t.stored(given) {
		q.Add(open, store.Quote(t.Set.Fields[i].Name), " = ")
		q.Arg()
		open = ", "
	}
	where(q)
	if returning != "" {
		q.Add(" returning ", returning)
	}
	return q.Statement()
}

// DeleteSQL removes the rows that where limits. returning gives the columns to read back;
// "" is none.
func (t *Table) DeleteSQL(where func(*Text), returning string) *store.Statement {
	q := t.Text()
	q.Add("delete from ", t.From())
	where(q)
	if returning != "" {
		q.Add(" returning ", returning)
	}
	return q.Statement()
}

// LockSQL reads the rows that where limits, limit at most, and keeps them from changing
// until the transaction is over.
func (t *Table) LockSQL(where func(*Text), limit int) *store.Statement {
	q := t.Text()
	q.Add("select ", t.all, " from ", t.From())
	where(q)
	q.Add(" limit ", strconv.Itoa(limit))
	if t.Store.Dialect == expr.Postgres {
		q.Add(" for update")
	}
	return q.Statement()
}

// All lists the stored columns, quoted and joined.
func (t *Table) All() string { return t.all }

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

// Shapes keeps one statement for each set of fields, and number of rows.
type Shapes struct {
	mu   sync.RWMutex
	list map[shape]*store.Statement
}

type shape struct {
	given changeset.Mask
	rows  int
}

// Get gives the statement for the given fields, making it the first time.
func (s *Shapes) Get(given changeset.Mask, make func() *store.Statement) *store.Statement {
	return s.get(shape{given, 1}, make)
}

func (s *Shapes) get(of shape, make func() *store.Statement) *store.Statement {
	s.mu.RLock()
	st := s.list[of]
	s.mu.RUnlock()
	if st != nil {
		return st
	}
	made := make()
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.list[of]; st != nil {
		return st
	}
	if len(s.list) < maxShapes {
		if s.list == nil {
			s.list = map[shape]*store.Statement{}
		}
		s.list[of] = made
	}
	return made
}
