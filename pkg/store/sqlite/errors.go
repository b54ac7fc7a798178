package sqlite

import (
	"errors"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"github.com/openmanifest/gateway/pkg/store"
)

// mustBe stands in the names of the checks by which Create keeps the types of columns:
// "posts.age must be integer".
const mustBe = " must be "

// classify says whose doing an error is (sqlite.org/rescode.html). args is the number of
// values that the statement had: bad data without any is the SQL's fault.
func classify(err error, args int, sql string) error {
	if err == nil {
		return nil
	}
	var code sqlite3.ExtendedErrorCode
	if !errors.As(err, &code) {
		return err // our own
	}
	message := strings.TrimPrefix(err.Error(), "sqlite3: ")
	switch code.Code() {
	case sqlite3.CONSTRAINT:
		return conflict(code, strings.TrimPrefix(message, "constraint failed: "))
	case sqlite3.MISMATCH, sqlite3.TOOBIG, sqlite3.RANGE:
		if args > 0 {
			return &store.Invalid{Message: message}
		}
	case sqlite3.INTERRUPT:
		return &store.Unavailable{Message: "the statement took too long", Err: err}
	case sqlite3.BUSY, sqlite3.LOCKED, sqlite3.IOERR, sqlite3.CANTOPEN, sqlite3.FULL, sqlite3.READONLY,
		sqlite3.PROTOCOL, sqlite3.CORRUPT, sqlite3.NOTADB, sqlite3.PERM, sqlite3.NOLFS:
		return &store.Unavailable{Message: "sqlite", Err: err}
	}
	fault := &store.Fault{Message: strings.TrimPrefix(message, "SQL logic error: "), Err: err}
	var e *sqlite3.Error
	if errors.As(err, &e) {
		fault.Position = position(sql, e.SQL())
	}
	fault.Told.Code = missing(fault.Message)
	return fault
}

// missing gives the SQLSTATE of a table or column that is not there; the engine has none.
func missing(message string) string {
	switch {
	case strings.HasPrefix(message, "no such table: "):
		return "42P01"
	case strings.HasPrefix(message, "no such column: "), strings.Contains(message, " has no column named "):
		return "42703"
	}
	return ""
}

func conflict(code sqlite3.ExtendedErrorCode, message string) error {
	_, what, _ := strings.Cut(message, "constraint failed: ")
	c := &store.Conflict{Kind: store.Check, Message: message}
	switch code {
	case sqlite3.CONSTRAINT_UNIQUE, sqlite3.CONSTRAINT_PRIMARYKEY, sqlite3.CONSTRAINT_ROWID:
		c.Kind = store.Unique
		if index, ok := strings.CutPrefix(what, "index "); ok {
			c.Constraint = strings.Trim(index, "'")
		} else {
			c.Table, c.Columns = places(what)
		}
	case sqlite3.CONSTRAINT_NOTNULL:
		c.Kind = store.NotNull
		c.Table, c.Columns = places(what)
	case sqlite3.CONSTRAINT_FOREIGNKEY:
		c.Kind = store.ForeignKey
	case sqlite3.CONSTRAINT_TRIGGER: // ON DELETE RESTRICT is told as a trigger
		if strings.Contains(message, "FOREIGN KEY") {
			c.Kind = store.ForeignKey
		}
	case sqlite3.CONSTRAINT_DATATYPE:
		_, column := cutLast(message, ".")
		return &store.Invalid{Column: column, Message: message}
	case sqlite3.CONSTRAINT_CHECK:
		return check(c, what)
	}
	return c
}

// check reads the names that Create gives: a check of the type is about a value, one of
// an enum (TABLE.COLUMN) a constraint.
func check(c *store.Conflict, name string) error {
	c.Constraint = name
	if place, what := cutLast(name, mustBe); place != "" {
		_, columns := places(place)
		return &store.Invalid{Column: strings.Join(columns, ""), Message: "it must be " + what}
	}
	if !strings.ContainsAny(name, " ()<>=") && strings.Contains(name, ".") {
		c.Table, c.Columns = places(name)
	}
	return c
}

// places reads "users.email, users.name".
func places(list string) (table string, columns []string) {
	for place := range strings.SplitSeq(list, ", ") {
		t, column, ok := strings.Cut(place, ".")
		if !ok {
			return "", nil
		}
		table, columns = t, append(columns, column)
	}
	return table, columns
}

// cutLast cuts at the last sep; before is "" when there is none.
func cutLast(s, sep string) (before, after string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return "", s
}
