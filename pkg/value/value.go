// Package value holds the plain data that a run works on, and its forms as JSON and
// text. In reach of an expression are only: nil, bool, int64, float64, Number, string,
// time.Time, []any, map[string]any, and the types below.
package value

import "slices"

// Claims is what a verified token said. A missing member is an error everywhere, so
// that a rule on a claim cannot pass because the claim is absent.
type Claims map[string]any

// An Object has members but is not a map: a database row, a request.
type Object interface {
	// Member returns the value called name; ok is false where there is none.
	Member(name string) (v any, ok bool)
	// Names lists the members that go into an answer, in order. Hidden ones are readable
	// by Member and are not listed.
	Names() []string
}

// Columns describes the rows of one statement; rows share it.
type Columns struct {
	names  []string
	shown  []string
	hidden []bool
	index  map[string]int // only for wide rows
}

// wide is the number of columns above which a map beats looking through the names.
const wide = 12

// NewColumns describes rows with these column names. Columns that hidden reports are
// readable by name and left out wherever a whole row leaves. hidden may be nil.
func NewColumns(names []string, hidden func(name string) bool) *Columns {
	c := &Columns{names: names, hidden: make([]bool, len(names))}
	for i, n := range names {
		if hidden != nil && hidden(n) {
			c.hidden[i] = true
			continue
		}
		c.shown = append(c.shown, n)
	}
	if len(names) > wide {
		c.index = make(map[string]int, len(names))
		for i, n := range names {
			c.index[n] = i
		}
	}
	return c
}

// Names lists all columns, hidden ones too.
func (c *Columns) Names() []string { return c.names }

// Hidden tells whether column i stays here.
func (c *Columns) Hidden(i int) bool { return c.hidden[i] }

// Index gives the place of a column, -1 when there is none of that name.
func (c *Columns) Index(name string) int {
	if c.index == nil {
		return slices.Index(c.names, name)
	}
	if i, ok := c.index[name]; ok {
		return i
	}
	return -1
}

// A Row is one row of a database. Values stand in the order of the columns.
type Row struct {
	Columns *Columns
	Values  []any
}

// Member reads a column by name, hidden ones too.
func (r *Row) Member(name string) (any, bool) {
	if i := r.Columns.Index(name); i >= 0 {
		return r.Values[i], true
	}
	return nil, false
}

// Names lists the columns that may leave.
func (r *Row) Names() []string { return r.Columns.shown }

// Number is a JSON number that neither int64 nor float64 can hold exactly, as written.
type Number string

// Raw is JSON as it was received. It is decoded when a member is first read, and goes
// out again byte for byte when it is passed on whole. One goroutine at a time.
type Raw struct {
	Bytes   []byte
	decoded any
	done    bool
}
