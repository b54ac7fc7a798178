// Package postgrest reads PostgREST's dialect: what the query and the headers of a request
// ask of a table. It knows the dialect's grammar and errors, and no database: names are
// names here, and whether they exist is decided by who plans the statement.
//
// Sources: PostgREST 13's documentation (Tables and Views, Resource Embedding, Aggregate
// Functions, Prefer Header, Resource Representation) and its parser,
// PostgREST.ApiRequest.QueryParams.
package postgrest

// A Read is what a request asks of one relation, and of those embedded in it.
type Read struct {
	Select []Item // nil: every column; empty: none
	Where  []Cond // all must hold
	Order  []Order
	Limit  int64 // -1: none
	Offset int64
}

// ItemKind tells what an item of `select` is.
type ItemKind uint8

// The kinds of items.
const (
	Star      ItemKind = iota // every column
	Column                    // Field, perhaps cast or aggregated
	CountRows                 // count(): the rows of each group
	Embed                     // a related relation
)

// An Item is one entry of `select`.
type Item struct {
	Kind      ItemKind
	Field     Field
	Alias     string // "": the name itself
	Cast      string // of the column, before it is aggregated
	Aggregate string // sum, avg, min, max, count; "": none
	AggCast   string // of the aggregate's value; with CountRows too
	Embed     *Embedded
}

// A Field is a column, or a place within its JSON.
type Field struct {
	Name string
	Path []Step
}

// A Step goes one level into JSON: -> or, at the end, ->>.
type Step struct {
	Text    bool // ->>: the value as text
	IsIndex bool
	Key     string
	Index   int64
}

// Join tells what an embedding does to the rows that embed it.
type Join uint8

// The joins. Only an inner one keeps back rows that embed nothing.
const (
	Left Join = iota
	Inner
)

// Embedded is a related relation in `select`. Its filters, order and page come from
// parameters whose names begin with its alias or name.
type Embedded struct {
	Name   string
	Hint   string // after !: a column, a foreign key or a junction table
	Join   Join
	Spread bool // ...: its columns become those of the row
	Read
}

// CondKind tells what a condition is.
type CondKind uint8

// The kinds of conditions.
const (
	Test CondKind = iota // Field Op Value
	And
	Or
)

// A Cond is one condition, or several joined by and, or.
type Cond struct {
	Kind  CondKind
	Not   bool
	Of    []Cond // of And and Or
	Field Field
	Op    Op
	Each  Quantifier
	Lang  string   // of full-text search; "": the database's own
	Value string   // as it was sent; of Is in small letters
	List  []string // of In; of a quantified operator the values of the array in Value
	Nulls bool     // whether that array had nulls too; they are not in List
}

// Quantifier makes an operator compare with several values.
type Quantifier uint8

// The quantifiers.
const (
	One Quantifier = iota
	Any
	All
)

// Op is a filter's operator.
type Op uint8

// The operators, by their names in the dialect.
const (
	Eq         Op = iota + 1 // eq
	Neq                      // neq
	Gt                       // gt
	Gte                      // gte
	Lt                       // lt
	Lte                      // lte
	Like                     // like; * is a wildcard, as % is
	ILike                    // ilike
	Match                    // match, a regular expression
	IMatch                   // imatch
	In                       // in
	Is                       // is: null, not_null, true, false, unknown
	IsDistinct               // isdistinct
	Fts                      // fts: to_tsquery
	Plfts                    // plfts: plainto_tsquery
	Phfts                    // phfts: phraseto_tsquery
	Wfts                     // wfts: websearch_to_tsquery
	Cs                       // cs: contains
	Cd                       // cd: contained in
	Ov                       // ov: overlap
	Sl                       // sl: strictly left of
	Sr                       // sr: strictly right of
	Nxr                      // nxr: does not extend to the right of
	Nxl                      // nxl: does not extend to the left of
	Adj                      // adj: adjacent to
)

// Order is one entry of `order`. By may name a column of a to-one embedding.
type Order struct {
	By         Field
	Embed      string // rel(column): the embedding whose column orders; "": this relation
	Descending bool
	Nulls      Nulls
}

// Nulls tells where nulls stand.
type Nulls uint8

// Where nulls stand; by default as Postgres has it: last ascending, first descending.
const (
	NullsDefault Nulls = iota
	NullsFirst
	NullsLast
)

// Query is the whole query of a URL.
type Query struct {
	Read
	Columns    []string // of `columns`: the fields of a body that are taken, sorted, each once; nil: all
	OnConflict []string // of `on_conflict`
	After      string   // of `after`: a cursor that an answer's Link gave (ours)
	Args       []Arg    // of a function: every parameter that is none of the dialect's; see Parse
	Paged      bool     // limit or offset were given
}

// An Arg is a parameter as it was sent, decoded.
type Arg struct{ Name, Value string }

// Error is a refusal of the dialect: an HTTP status and PostgREST's four keys.
type Error struct {
	Status                       int
	Code, Message, Details, Hint string
	// DetailsList stands in place of Details where the dialect gives a list there (PGRST201).
	DetailsList []Relationship
}

// Relationship is one of those that an ambiguous embedding may have meant.
type Relationship struct {
	Cardinality  string `json:"cardinality"`
	Embedding    string `json:"embedding"`
	Relationship string `json:"relationship"`
}

// Error tells the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }
