package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/ddl"
)

const namesSQL = `select name from sqlite_schema where type in ('table', 'view')`

// randomUUID makes a version 4 UUID (RFC 9562, section 5.4).
const randomUUID = `(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||
 substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))`

// Create makes the tables that are missing. Names of tables are the same in any case.
func (s *Store) Create(ctx context.Context, tables []store.Table) (made []string, err error) {
	err = s.Tx(ctx, func(t store.Tx) error {
		made = nil
		there, err := t.Query(ctx, &store.Statement{SQL: namesSQL}, nil, math.MaxInt)
		if err != nil {
			return err
		}
		for _, table := range ddl.InOrder(tables) {
			if slices.ContainsFunc(there.Rows, func(row []any) bool { return strings.EqualFold(row[0].(string), table.Name) }) {
				continue
			}
			sql, err := createSQL(table)
			if err == nil {
				_, err = t.Exec(ctx, &store.Statement{SQL: sql}, nil)
			}
			if err != nil {
				return fmt.Errorf("create table %s: %w", table.Name, err)
			}
			made = append(made, table.Name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func createSQL(t store.Table) (string, error) {
	var lines []string
	for _, c := range t.Columns {
		line, err := columnSQL(t.Name, c)
		if err != nil {
			return "", fmt.Errorf("column %s: %w", c.Name, err)
		}
		lines = append(lines, line)
	}
	if key := ddl.Key(t); key != "" && !slices.ContainsFunc(t.Columns, counts) {
		lines = append(lines, "PRIMARY KEY ("+key+")")
	}
	lines = append(lines, ddl.Uniques(t)...)
	return "CREATE TABLE " + store.Quote(t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n)", nil
}

// counts tells a key that is the row's own number.
func counts(c store.Column) bool { return c.Primary && c.Generated && c.Type != store.UUID }

func columnSQL(table string, c store.Column) (string, error) {
	line := store.Quote(c.Name)
	if counts(c) {
		return line + " INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", nil
	}
	line += " " + typeSQL(c.Type)
	switch {
	case c.Generated && c.Type == store.UUID:
		line += " DEFAULT " + randomUUID
	case c.Default != nil:
		literal, err := ddl.Literal(c.Type, *c.Default)
		if err != nil {
			return "", err
		}
		line += " DEFAULT " + literal
	}
	if !c.Nullable {
		line += " NOT NULL"
	}
	if c.Unique {
		line += " UNIQUE"
	}
	if c.References != nil {
		line += " " + ddl.Reference(c.References)
	}
	return line + checkSQL(table, c), nil
}

// typeSQL names the type so that kindOf knows it again, and so that its affinity
// (sqlite.org/datatype3.html, section 3.1) leaves values as they are.
func typeSQL(t store.Type) string {
	switch t {
	case store.Text:
		return "TEXT"
	case store.Integer:
		return "INTEGER"
	case store.Bigint:
		return "BIGINT"
	case store.Float:
		return "REAL"
	case store.Decimal:
		return "DECIMAL"
	case store.Boolean:
		return "BOOLEAN"
	case store.Date:
		return "DATE"
	case store.Time:
		return "TIME"
	case store.Datetime:
		return "DATETIME"
	case store.UUID:
		return "UUID COLLATE NOCASE"
	case store.JSON:
		return "JSON TEXT"
	case store.Binary:
		return "BLOB"
	case store.Array:
		return "ARRAY TEXT"
	default:
		return "VARCHAR"
	}
}

// checkSQL is what keeps values of other types out. It stands with its column, as the
// engine drops no column that a check of the table reads.
func checkSQL(table string, c store.Column) string {
	place := table + "." + c.Name
	if c.Type == store.Enum {
		return " CONSTRAINT " + store.Quote(place) + " CHECK (" + store.Quote(c.Name) + " IN (" + ddl.List(c.Values) + "))"
	}
	rule := ruleOf(c.Type)
	if rule == "" {
		return ""
	}
	name := store.Quote(c.Name)
	return " CONSTRAINT " + store.Quote(place+mustBe+c.Type.String()) + " CHECK (" +
		name + " IS NULL OR " + strings.ReplaceAll(rule, "%s", name) + ")"
}

// ruleOf says what a column of a type may hold; %s is the column. GLOB stands first so
// that no date function sees 'now', which checks may not use.
func ruleOf(t store.Type) string {
	const day = `[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]`
	const hour = `[0-9][0-9]:[0-9][0-9]:[0-9][0-9]`
	const block = `[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]`
	switch t {
	case store.String, store.Text:
		return `typeof(%s) = 'text'`
	case store.Integer:
		return `(typeof(%s) = 'integer' AND %s BETWEEN -2147483648 AND 2147483647)`
	case store.Bigint:
		return `typeof(%s) = 'integer'`
	case store.Float:
		return `(typeof(%s) = 'real' OR %s IN ('NaN', 'Infinity', '-Infinity'))`
	case store.Decimal:
		return `typeof(%s) IN ('integer', 'real')`
	case store.Boolean:
		return `(typeof(%s) = 'integer' AND %s IN (0, 1))`
	case store.Date:
		return `(%s GLOB '` + day + `' AND date(%s) IS %s)`
	case store.Time:
		return `(%s GLOB '` + hour + `*' AND time(%s) IS substr(%s, 1, 8))`
	case store.Datetime:
		return `(%s GLOB '` + day + `[T ]` + hour + `*' AND datetime(%s) IS NOT NULL)`
	case store.UUID:
		return `(%s GLOB '` + block + block + `-` + block + `-` + block + `-` + block + `-` + block + block + block + `')`
	case store.JSON, store.Array:
		return `json_valid(%s)`
	default:
		return ""
	}
}
