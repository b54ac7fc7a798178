package store

import "context"

// Changes are the steps from what a database has to what tables say, for a migration.
type Changes struct {
	Steps []Step // in the order in which they can be done; undone from the last to the first
	// Notes tell what the steps leave alone: what only the database has, which is never
	// dropped, and what has to be written by hand. Each is a sentence.
	Notes []string
	// NoForeignKeys: the steps make tables of SQLite anew, which asks for foreign keys to
	// be off while they run.
	NoForeignKeys bool
}

// A Step is one change of one table.
type Step struct {
	Note     string   // what it does, and when it fails; "" where the SQL says it
	Up, Down []string // statements in their order, without semicolons
}

// A Changer compares its database with tables.
type Changer interface {
	// Changes gives the steps after which the tables are there as Create makes them.
	// Nothing is changed. Tables named in besides are not told in Notes.
	//
	// A difference that no reader or writer of the manifest meets is none: text for string,
	// timestamp for timestamptz, another name of a constraint, a default that is computed.
	Changes(ctx context.Context, tables []Table, besides ...string) (*Changes, error)
}
