package openapi

import (
	"cmp"
	"strings"

	"github.com/openmanifest/gateway/pkg/changeset"
	"github.com/openmanifest/gateway/pkg/relations"
	"github.com/openmanifest/gateway/pkg/store"
)

// valueSchema describes values of a type of the database as those of a column: t is the
// nearest of ours, 0 where none is near, native what the database calls it. Rows within rows
// count as text too, and are answered as objects: of what is not known nothing is said.
func valueSchema(t store.Type, native string, nullable bool) map[string]any {
	if t == 0 || t == store.Text && native != "" && !textual(native) {
		return map[string]any{}
	}
	s := changeset.OfColumns([]store.CatalogColumn{{Type: t}}).Fields[0].JSONSchema(nullable)
	switch {
	case t == store.Array:
		element, _ := elementOf(native)
		s["items"] = valueSchema(typeNamed(element), element, true)
	case t == store.Datetime && strings.HasPrefix(bare(native), "timestamp") && !zoned(native):
		delete(s, "format") // which wants an offset
	}
	return s
}

// ColumnSchema describes the values of a column that the database declares.
func ColumnSchema(c *store.CatalogColumn) map[string]any {
	native, t := cmp.Or(c.Base, c.Native), c.Type
	if t == 0 && textual(native) {
		t = store.Text
	}
	if c.ToJSON != "" {
		return map[string]any{}
	}
	return valueSchema(t, native, c.Nullable)
}

// columnSchema describes what a column of rows is answered as. Rows that a function makes up
// can be null in any of them.
func columnSchema(c *relations.Column) map[string]any {
	if c.ToJSON != "" {
		return map[string]any{}
	}
	return valueSchema(c.Type, cmp.Or(c.Base, c.Native), true)
}

// resultSchema describes the value that a function gives.
func resultSchema(f *store.CatalogFunction) map[string]any {
	native := cmp.Or(f.Base, f.Native)
	t := typeNamed(native)
	if t == 0 && textual(native) {
		t = store.Text
	}
	return valueSchema(t, native, true)
}

// textSchema describes an argument that is sent as text.
func textSchema(p *store.FunctionParam) map[string]any {
	text := map[string]any{"type": "string"}
	switch {
	case p.Variadic:
		element, _ := elementOf(p.Native)
		one := store.FunctionParam{Native: element, Type: typeNamed(element)}
		return map[string]any{"type": "array", "items": textSchema(&one)}
	case p.Type == 0:
	case p.Type == store.Array:
		text["pattern"] = `^\{.*\}$`
	case p.Type == store.JSON:
		text["contentMediaType"] = "application/json"
	default:
		return valueSchema(p.Type, p.Native, false)
	}
	return text
}

// elementOf gives the type of a list's elements, as the database names it.
func elementOf(native string) (element string, list bool) {
	if element, list = strings.CutSuffix(native, "[]"); list {
		return element, true
	}
	return strings.CutPrefix(native, "_")
}

// bare is the name of a type without its modifiers: numeric(6,2), timestamp(3) with time zone.
func bare(native string) string {
	before, rest, found := strings.Cut(native, "(")
	if !found {
		return native
	}
	_, after, _ := strings.Cut(rest, ")")
	return before + after
}

// textual tells types of which the database answers the text.
func textual(native string) bool {
	switch name := bare(native); name {
	case "interval", "inet", "cidr", "macaddr", "macaddr8", "money", "bit", "bit varying", "varbit", "xml", "tsvector", "tsquery":
		return true
	default:
		return typeNamed(name) == store.Text
	}
}

func zoned(native string) bool {
	name := bare(native)
	return name == "timestamptz" || strings.HasSuffix(name, "with time zone")
}

// typeNamed is the nearest of our types to one of the database, by its name; 0: none is near.
func typeNamed(native string) store.Type {
	if _, list := elementOf(native); list {
		return store.Array
	}
	switch bare(native) {
	case "smallint", "int2", "integer", "int4":
		return store.Integer
	case "bigint", "int8":
		return store.Bigint
	case "real", "float4", "double precision", "float8":
		return store.Float
	case "numeric":
		return store.Decimal
	case "boolean", "bool":
		return store.Boolean
	case "date":
		return store.Date
	case "time without time zone", "time", "time with time zone", "timetz":
		return store.Time
	case "timestamp without time zone", "timestamp", "timestamp with time zone", "timestamptz":
		return store.Datetime
	case "uuid":
		return store.UUID
	case "json", "jsonb":
		return store.JSON
	case "bytea":
		return store.Binary
	case "text", "character varying", "varchar", "character", "bpchar", "name", `"char"`, "char":
		return store.Text
	}
	return 0
}
