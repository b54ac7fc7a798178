// Package ddl holds what the making of tables has in common in all dialects.
package ddl

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/store/internal/form"
	"github.com/openmanifest/gateway/pkg/value"
)

// InOrder sorts tables so that each stands after those it references, and else as they
// were given. In a ring of references the first given comes first.
func InOrder(tables []store.Table) []store.Table {
	byName := make(map[string]int, len(tables))
	for i, t := range tables {
		byName[t.Name] = i
	}
	out := make([]store.Table, 0, len(tables))
	seen := make([]bool, len(tables))
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		for _, c := range tables[i].Columns {
			if c.References == nil {
				continue
			}
			if k, ok := byName[c.References.Table]; ok {
				visit(k)
			}
		}
		out = append(out, tables[i])
	}
	for i := range tables {
		visit(i)
	}
	return out
}

// Text writes a text literal.
func Text(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// List writes text literals between commas.
func List(values []string) string {
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = Text(v)
	}
	return strings.Join(quoted, ", ")
}

// Names quotes and joins the names of columns.
func Names(columns []store.Column, which func(store.Column) bool) string {
	var names []string
	for _, c := range columns {
		if which(c) {
			names = append(names, store.Quote(c.Name))
		}
	}
	return strings.Join(names, ", ")
}

// Key joins the names of the primary key, "" when there is none.
func Key(t store.Table) string {
	return Names(t.Columns, func(c store.Column) bool { return c.Primary })
}

// Uniques writes the constraints over several columns.
func Uniques(t store.Table) []string {
	var lines []string
	for _, columns := range t.Uniques {
		quoted := make([]string, len(columns))
		for i, c := range columns {
			quoted[i] = store.Quote(c)
		}
		lines = append(lines, "UNIQUE ("+strings.Join(quoted, ", ")+")")
	}
	return lines
}

// Literal writes a value as a default of a column of type t.
func Literal(t store.Type, v any) (string, error) {
	if t == store.JSON && v != nil {
		return jsonLiteral(v)
	}
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return string(form.AppendFloat(nil, v)), nil
	case value.Number:
		return numberLiteral(v)
	case string:
		if strings.ContainsRune(v, 0) {
			return "", fmt.Errorf("default holds a NUL")
		}
		return Text(v), nil
	case time.Time:
		return Text(string(form.AppendTime(nil, v))), nil
	default:
		return jsonLiteral(v)
	}
}

// numberLiteral lets nothing but a number through, as it stands in the SQL unquoted.
func numberLiteral(n value.Number) (string, error) {
	if _, err := strconv.ParseFloat(string(n), 64); err != nil || strings.ContainsAny(string(n), "xX_nNiI") {
		return "", fmt.Errorf("default %q is no number", string(n))
	}
	return string(n), nil
}

func jsonLiteral(v any) (string, error) {
	text, err := value.AppendJSON(nil, v)
	if err != nil {
		return "", fmt.Errorf("default: %w", err)
	}
	return Text(string(text)), nil
}

// Reference writes the clause of a foreign key.
func Reference(r *store.Reference) string {
	return "REFERENCES " + store.Quote(r.Table) + " (" + store.Quote(r.Column) + ") ON DELETE " + r.OnDelete.String()
}
