package postgres

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/openmanifest/gateway/pkg/store"
)

// stale tells that the server no longer knows a prepared statement as it was: a table
// it uses has changed (which ExecStatement meets before anything is done), or a pooler
// between has forgotten it.
func stale(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == "26000" || e.Code == "0A000" && e.Routine == "RevalidateCachedQuery"
}

// lost tells that the answer to what was sent never came: the connection broke, or the
// server ended it with its last word.
func lost(err error) bool {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.SeverityUnlocalized == "FATAL" || e.SeverityUnlocalized == "PANIC"
	}
	return !ours(err)
}

// unsent tells that not a byte has left: the writing itself failed. That it is safe to try
// again the driver says also of a connection that it found closed, which it does too when
// the connection broke after everything was sent (ResultReader.readUntilRowDescription).
func unsent(err error) bool {
	var op *net.OpError
	return pgconn.SafeToRetry(err) && errors.As(err, &op) && op.Op == "write"
}

// ours tells an error of the store from those of the driver.
func ours(err error) bool {
	var (
		fault       *store.Fault
		invalid     *store.Invalid
		unavailable *store.Unavailable
	)
	return errors.As(err, &fault) || errors.As(err, &invalid) || errors.As(err, &unavailable)
}

// classify says whose doing an error is (Postgres, appendix A: error codes). args is
// the number of values that the statement had: bad data without any is the SQL's fault.
func classify(err error, args int) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return unclassified(err)
	}
	switch class := e.Code[:min(2, len(e.Code))]; {
	case class == "23" || e.Code == "P0001":
		return conflict(e)
	case class == "22" && args > 0:
		return &store.Invalid{Param: param(e), Column: e.ColumnName, Message: e.Message, Told: told(e)}
	case e.Code == "XX000" && e.File == "hstore_io.c": // before Postgres 16 its reader knows no other code
		return &store.Invalid{Param: param(e), Message: e.Message, Told: store.Told{Code: "22P02", Details: e.Detail, Hint: e.Hint}}
	case e.Code == "53400":
		return fault(e) // a limit that was set for it, and not the load
	case class == "08", class == "53", class == "57", class == "58", class == "40", e.Code == "55P03", e.Code == "25006":
		return &store.Unavailable{Message: e.Message, Err: err, Told: told(e)}
	default:
		return fault(e)
	}
}

func fault(e *pgconn.PgError) error {
	return &store.Fault{Message: e.Message, Position: int(e.Position), Err: e, Told: told(e)}
}

func told(e *pgconn.PgError) store.Told {
	return store.Told{Code: e.Code, Details: e.Detail, Hint: e.Hint}
}

// unclassified keeps our own errors; all else that is not the server's word is a
// connection that broke.
func unclassified(err error) error {
	if ours(err) {
		return err
	}
	return broken(err, false)
}

func broken(err error, unknown bool) error {
	gone := &store.Unavailable{Message: "the connection broke", Err: err, Unknown: unknown}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		gone.Told = told(e)
	}
	return gone
}

// param finds "parameter $2" in the error's context, in any language. What a function raises, such
// as one that the check of a domain calls, is its author's word on more than a value.
func param(e *pgconn.PgError) int {
	if _, after, ok := strings.Cut(e.Where, "$"); ok && e.Routine != "exec_stmt_raise" {
		end := 0
		for end < len(after) && after[end] >= '0' && after[end] <= '9' {
			end++
		}
		n, _ := strconv.Atoi(after[:end])
		return n
	}
	return 0
}

func conflict(e *pgconn.PgError) error {
	c := &store.Conflict{Kind: store.Check, Table: e.TableName, Constraint: e.ConstraintName, Message: e.Message, Told: told(e)}
	switch e.Code {
	case "23505", "23P01":
		c.Kind, c.Columns = store.Unique, keyColumns(e.Detail)
	case "23503", "23001":
		c.Kind = store.ForeignKey
		if firstQuoted(e.Message) == e.TableName {
			c.Columns = keyColumns(e.Detail)
		}
	case "23502":
		c.Kind, c.Columns = store.NotNull, []string{e.ColumnName}
	case "23514":
		if column, ok := checked(e); ok {
			c.Columns = []string{column}
		}
	}
	return c
}

// checked finds the column of a check by the name that Postgres, and we, give to the
// check of one column: TABLE_COLUMN_check.
func checked(e *pgconn.PgError) (string, bool) {
	rest, ok := strings.CutPrefix(e.ConstraintName, e.TableName+"_")
	if !ok {
		return "", false
	}
	column, ok := strings.CutSuffix(rest, "_check")
	return column, ok && column != ""
}

// keyColumns reads the columns from a detail, "Key (a, b)=(1, 2) already exists.", of
// which all but the part in brackets may be in another language.
func keyColumns(detail string) []string {
	open := strings.IndexByte(detail, '(')
	end := strings.Index(detail, ")=(")
	if open < 0 || end < open {
		return nil
	}
	columns := strings.Split(detail[open+1:end], ", ")
	for i, c := range columns {
		if len(c) > 1 && c[0] == '"' && c[len(c)-1] == '"' {
			columns[i] = strings.ReplaceAll(c[1:len(c)-1], `""`, `"`)
		}
	}
	return columns
}

// firstQuoted finds the first name in a message: the table that was written to, where
// a foreign key's error names the one that holds the key as its table. The marks that
// quote it depend on the server's language.
func firstQuoted(message string) string {
	const marks = "\"\u201c\u201d\u201e\u00ab\u00bb"
	start := strings.IndexAny(message, marks)
	if start < 0 {
		return ""
	}
	_, size := utf8.DecodeRuneInString(message[start:])
	name := message[start+size:]
	end := strings.IndexAny(name, marks)
	if end < 0 {
		return ""
	}
	return strings.TrimSpace(name[:end])
}
