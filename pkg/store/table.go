package store

import "strings"

// Type is the type of a column, in the words of the manifest.
type Type uint8

// The types of fields. An array is one of text.
const (
	String Type = iota + 1
	Text
	Integer // 32 bit
	Bigint  // 64 bit
	Float
	Decimal
	Boolean
	Date
	Time
	Datetime
	UUID
	JSON
	Binary
	Enum // one of Column.Values
	Array
)

// Types lists all types in the manifest's order.
func Types() []Type {
	return []Type{String, Text, Integer, Bigint, Float, Decimal, Boolean, Date, Time, Datetime, UUID, JSON, Binary, Enum, Array}
}

// String names the type as the manifest does.
func (t Type) String() string {
	names := [...]string{"unknown", "string", "text", "integer", "bigint", "float", "decimal", "boolean", "date",
		"time", "datetime", "uuid", "json", "binary", "enum", "array"}
	if int(t) < len(names) {
		return names[t]
	}
	return names[0]
}

// Table is a table or a view.
type Table struct {
	Name    string
	Columns []Column
	Uniques [][]string // for Create: columns of which no two rows have the same values together
}

// Column is one column of a table.
type Column struct {
	Name     string
	Type     Type
	Nullable bool
	Unique   bool
	Primary  bool // several columns may be: the key is all of them
	// Generated: the database makes the key when none is given, counting up for bigint
	// and at random for uuid. The other types cannot be.
	Generated bool
	Default   *any     // for Create: the value when none is given; Tables leaves it nil
	Filled    bool     // from Tables: there is a default, generated or not
	Values    []string // of an Enum; Tables tells them for Postgres' own enums
	// References is the row that the column points at; Tables tells it for foreign keys
	// of one column.
	References *Reference
}

// Reference is a foreign key.
type Reference struct {
	Table, Column string
	OnDelete      OnDelete
}

// OnDelete says what becomes of a row when the one it references goes.
type OnDelete uint8

// What a reference may do; NoAction refuses that the referenced row goes.
const (
	NoAction OnDelete = iota
	Restrict
	Cascade
	SetNull
	SetDefault
)

// String gives the words of SQL.
func (o OnDelete) String() string {
	return [...]string{"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"}[min(o, SetDefault)]
}

// Quote writes a name as SQL takes it literally, in both dialects.
func Quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}
