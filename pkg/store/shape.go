package store

// A Shape says how the rows of a statement become JSON objects, whose keys are the names of
// the columns.
type Shape struct {
	// Kept is how many columns at the end of a row stay out of its object. Their values are
	// given beside it.
	Kept int
	// KeptLast gives those of the last row alone, as a cursor needs.
	KeptLast bool
	// Forms tells, by column, what the result itself does not: SQLite knows no types of
	// expressions. Columns past its end are FormAuto.
	Forms []Form
	// StripNulls leaves out members that are null.
	StripNulls bool
	// CSV makes lines of RFC 4180 instead, in the form of Postgres' text, without a header.
	CSV bool
}

// A Form is how a column's value becomes JSON.
type Form uint8

// The forms. FormAuto goes by the type of the result: that of the column it comes from.
const (
	FormAuto Form = iota
	FormJSON      // text that is JSON: passed on as it is
	FormBool      // a number that is a boolean
	FormTime      // text that is a moment in time, as stored; answered as Postgres does
)

// Encoded is what Encode gave.
type Encoded struct {
	JSON     []byte // what was given, and the rows, with commas between (CSV: line ends after each)
	Rows     int
	Kept     [][]any // the columns kept back, by row; nil when Shape.Kept is 0; of KeptLast one row
	Affected int64   // as in Result
}

// TxOptions are what a transaction is begun with.
type TxOptions struct {
	// ReadOnly refuses writes. On SQLite it takes a connection that reads; on Postgres it is done
	// once more, from its beginning, where the connection broke before it was over.
	ReadOnly bool
	// Role is taken for the transaction, and Settings are set for it (Postgres: set_config
	// with is_local). SQLite has neither and refuses them with a *Fault.
	Role     string
	Settings map[string]string
}
