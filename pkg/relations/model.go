// Package relations plans statements: it takes what a request asks (package postgrest) of
// tables that the manifest serves, and gives SQL with places for values, in the dialect of
// the store. Names that a stranger sends are looked up here: the SQL holds those that the manifest
// or the database's catalog has, and what a request calls the members of its answer, quoted.
package relations

import "github.com/openmanifest/gateway/pkg/store"

// A Relation is a table or view as requests may see it. It is made at load and never
// changes.
type Relation struct {
	Name          string     // in requests
	Schema, Table string     // in the database; Schema "": the one that statements see
	Found         string     // where Schema is "", the one that it is, for the words of refusals
	Columns       []Column   // in the order of *; only those that may be read
	Key           []string   // the primary key; nil: none
	Uniques       [][]string // columns that are unique together, beside the key: for upserts
	View          bool       // the database knows what is unique below it
	Links         []*Link
	Aggregates    bool  // whether requests may aggregate
	MaxRows       int64 // of one answer and of each embedded list; 0: no bound
}

// A Column is one that may be selected, filtered and ordered by.
type Column struct {
	Name     string
	Type     store.Type // 0: none is near, and Postgres makes JSON of it
	Native   string     // the database's name of the type, as in casts; "": the usual one of Type
	Base     string     // of a domain: what Postgres calls the type that it is made of; "": what Type says
	Nullable bool
	// Call is a function of Postgres, quoted, that makes the value of the row. Such a column
	// is given to those who name it: * has it not.
	Call     string
	MayWrite bool // the function is volatile
	// Of a domain that is sent and answered in a form of its own: the functions, as SQL, that
	// make JSON of it, and it of text; "": it has none.
	ToJSON, FromText string
}

// A Link is a relation that may be embedded.
type Link struct {
	Names   []string // what a request may call it
	Hints   []string // what may follow ! to tell it from others: columns, the foreign key's name, the junction's table
	To      *Relation
	Many    bool // several rows: a list
	On      []Pair
	Through *Junction // many to many: On is not used
	// Call is a function of Postgres, quoted, that gives the rows of a row: On is not used.
	Call     string
	MayWrite bool // the function is volatile
	// Constraint is the foreign key's name, and Single says that each row has at most one
	// there and the other way round. Both are for the words of refusals.
	Constraint string
	Single     bool
}

// A Pair says that a column here has the value of a column there.
type Pair struct{ Here, There string }

// A Junction is the table between two relations.
type Junction struct {
	Schema, Table string
	Here, There   []Pair // Pair.There is the junction's column in both
	// Relation is the junction where it is served itself: its reach holds here too.
	Relation *Relation
	// The names of its two foreign keys, for the words of refusals.
	HereConstraint, ThereConstraint string
}

// A Limit is a condition on the rows in reach, from `owner`, `where` or the parent: SQL in
// pieces, with the place of a value between each two. The zero value is none.
type Limit struct {
	Pieces []string
	Args   []any
}

// Options are what a plan is made for beside the request's words.
type Options struct {
	Dialect store.Dialect
	// Reach limits the rows of a relation, of the one asked and of every one embedded. It
	// must not be nil: who serves all rows says so by a func that gives none.
	Reach func(*Relation) (Limit, error)
	// Match are values of columns that a row must have: the key in a path, the parent.
	Match []Match
	// Args are values that stand before those of the plan: of SQL that is written around it.
	Args []any
	// Source stands in place of the table: a function's call, or what a write returned.
	Source *Source
	// Kept are columns that are added at the end of each row and stay out of its object. An
	// answer of aggregates has none.
	Kept []string
	// After are the values of Plan.Cursor in the last row of the page before.
	After []any
	// StripNulls leaves out members that are null, at every depth.
	StripNulls bool
	// Total makes the order total by the key, so that pages neither overlap nor miss rows.
	// The columns of Plan.Cursor are then kept too, behind Kept.
	Total bool
}

// A Match is one column's value.
type Match struct {
	Column string
	Value  any
}

// A Source is SQL that stands where a table would, with places for values between its
// pieces, as in a Limit. It has the columns of the relation.
type Source struct {
	Pieces []string
	Args   []any
	// With is written before the select: `with x as (...)`, in pieces too.
	With Limit
}

// A Plan is a statement with its values.
type Plan struct {
	SQL    string
	Args   []any
	Shape  *store.Shape
	Names  []string // of the members of each row's object, in their order
	Cursor []string // the columns whose values make the next page's After; nil: pages by cursor are not possible
	// Grouped tells an answer of aggregates: its rows are not those that Count counts.
	Grouped bool
	// Quick tells a statement that finds its rows by the key and is over at once, so that
	// others may wait behind it on one connection.
	Quick bool
	// MayWrite tells that functions are called which may write.
	MayWrite bool
}

// A Change is what a write does to rows.
type Change struct {
	Columns []string // written, in this order; not only those that may be read
	Rows    [][]any  // of an insert: values by place; of an update: one row
	// JSON is an insert's or update's rows as a JSON list of objects, in place of Rows, for
	// tables whose types the database knows better: each value is made what its column takes.
	JSON []byte
	// Natives are the types of Columns, for JSON.
	Natives []string
	// Parsers are functions, as SQL, that make of JSON what a column takes; "" or past the end:
	// its type does.
	Parsers []string
	// Defaults makes columns that a row of JSON lacks take the column's default instead of
	// null (Prefer: missing=default).
	Defaults bool
	// DefaultSQL are the defaults of Columns as the database writes them; "" is null.
	DefaultSQL []string
	// OnConflict names the columns of an upsert; Merge updates what is there, else it is
	// left alone. nil: no upsert.
	OnConflict []string
	Merge      bool
	// Merged are the columns that Merge sets; nil: all.
	Merged []string
	// Counted is a column of whole numbers that goes up by one with every change of a row;
	// "": none. An insert writes it as any other.
	Counted string
}

// Default, in a row of a Change, is the column's own default.
type Default struct{}
