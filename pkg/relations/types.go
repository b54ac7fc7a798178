package relations

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
	"github.com/openmanifest/gateway/pkg/store"
)

// class groups types by the operators that Postgres has for them (Postgres, chapter 9).
type class uint8

const (
	anything class = iota // a type that we do not know: the database decides
	numbers
	texts
	booleans
	ordered // what has only comparisons
	enums
	jsons
	jsonbs
	arrays
	ranges
	networks
	vectors // tsvector
	shapes  // box, circle
	opaque  // what cannot even be compared
)

// sqlType is a type as statements need to know it.
type sqlType struct {
	name  string // as Postgres writes it, for messages and casts
	class class
	kind  store.Type // 0: none of ours; of `anything`: Postgres makes JSON of it
}

// named gives the type that Postgres, or a request, calls by a name. Names not listed are
// not known, and no cast to them is made.
func named(name string) (sqlType, bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	element, list := strings.CutSuffix(name, "[]")
	if !list { // as the catalog names it
		element, list = strings.CutPrefix(name, "_")
	}
	if list {
		t, known := named(element)
		if !known {
			return sqlType{}, false
		}
		return t.listed(), true
	}
	if i := strings.IndexByte(name, '('); i >= 0 { // character varying(20), timestamp(3) with time zone
		end := strings.IndexByte(name[i:], ')')
		if end < 0 {
			return sqlType{}, false
		}
		name = strings.TrimSpace(name[:i]) + name[i+end+1:]
	}
	t, ok := byName(name)
	return t, ok
}

func (t sqlType) listed() sqlType {
	list := sqlType{name: t.name + "[]", class: arrays, kind: store.Array}
	if t.class == jsons || t.class == opaque {
		list.class = opaque
	}
	return list
}

// byName knows names without brackets.
func byName(name string) (sqlType, bool) {
	switch name {
	case "smallint", "int2":
		return sqlType{"smallint", numbers, store.Integer}, true
	case "integer", "int", "int4":
		return sqlType{"integer", numbers, store.Integer}, true
	case "bigint", "int8":
		return sqlType{"bigint", numbers, store.Bigint}, true
	case "real", "float4":
		return sqlType{"real", numbers, store.Float}, true
	case "double precision", "float8", "float":
		return sqlType{"double precision", numbers, store.Float}, true
	case "numeric", "decimal":
		return sqlType{"numeric", numbers, store.Decimal}, true
	case "text":
		return sqlType{"text", texts, store.Text}, true
	case "character varying", "varchar":
		return sqlType{"character varying", texts, store.String}, true
	case "character", "char", "bpchar":
		return sqlType{"character", texts, store.String}, true
	case "name", "citext":
		return sqlType{name, texts, store.String}, true
	case "boolean", "bool":
		return sqlType{"boolean", booleans, store.Boolean}, true
	case "json":
		return sqlType{"json", jsons, store.JSON}, true
	case "jsonb":
		return sqlType{"jsonb", jsonbs, store.JSON}, true
	case "timestamp without time zone", "timestamp":
		return sqlType{"timestamp without time zone", ordered, store.Datetime}, true
	case "timestamp with time zone", "timestamptz", "datetime":
		return sqlType{"timestamp with time zone", ordered, store.Datetime}, true
	case "time without time zone", "time":
		return sqlType{"time without time zone", ordered, store.Time}, true
	case "date":
		return sqlType{name, ordered, store.Date}, true
	case "uuid":
		return sqlType{name, ordered, store.UUID}, true
	case "bytea":
		return sqlType{name, ordered, store.Binary}, true
	}
	return byOtherName(name)
}

// byOtherName knows the types that have no near one of ours.
func byOtherName(name string) (sqlType, bool) {
	switch name {
	case "time with time zone", "timetz":
		return sqlType{"time with time zone", ordered, 0}, true
	case "interval", "money", "oid", "macaddr", "macaddr8", "bit", "bit varying", "pg_lsn":
		return sqlType{name, ordered, 0}, true
	case "inet", "cidr":
		return sqlType{name, networks, 0}, true
	case "tsvector":
		return sqlType{name, vectors, 0}, true
	case "box", "circle":
		return sqlType{name, shapes, 0}, true
	case "xml", "point", "polygon", "line", "lseg", "path", "jsonpath", "tsquery":
		return sqlType{name, opaque, 0}, true
	case "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
		"int4multirange", "int8multirange", "nummultirange", "tsmultirange", "tstzmultirange", "datemultirange":
		return sqlType{name, ranges, 0}, true
	}
	return sqlType{}, false
}

// usual is the type that a store gives a column of one of our types.
func usual(t store.Type) sqlType {
	switch t {
	case store.String:
		return sqlType{"character varying", texts, t}
	case store.Text:
		return sqlType{"text", texts, t}
	case store.Integer:
		return sqlType{"integer", numbers, t}
	case store.Bigint:
		return sqlType{"bigint", numbers, t}
	case store.Float:
		return sqlType{"double precision", numbers, t}
	case store.Decimal:
		return sqlType{"numeric", numbers, t}
	case store.Boolean:
		return sqlType{"boolean", booleans, t}
	case store.Date:
		return sqlType{"date", ordered, t}
	case store.Time:
		return sqlType{"time without time zone", ordered, t}
	case store.Datetime:
		return sqlType{"timestamp with time zone", ordered, t}
	case store.UUID:
		return sqlType{"uuid", ordered, t}
	case store.JSON:
		return sqlType{"jsonb", jsonbs, t}
	case store.Binary:
		return sqlType{"bytea", ordered, t}
	case store.Enum:
		return sqlType{"enum", enums, t}
	case store.Array:
		return sqlType{"text[]", arrays, t}
	}
	return sqlType{}
}

// typeOf tells the type of a column. What the database calls it counts on Postgres: of a domain
// its base. Where the name says nothing, as that of an enum, it goes by the nearest of our types.
func typeOf(c Column, d store.Dialect) sqlType {
	if d == store.SQLite {
		return inFile(c)
	}
	if t, ok := named(c.Native); ok {
		return t
	}
	if t, ok := named(c.Base); ok {
		return t
	}
	t := usual(c.Type)
	if c.Native == "" {
		return t
	}
	t.name = c.Native
	switch t.class {
	case texts: // for want of a nearer one
		t.class = anything
	case arrays: // of what the store does not know
		t.kind = 0
	}
	return t
}

// inFile is the type of a column of SQLite. Without one it holds whatever was written: a view's
// count, a number of type ANY. What is an integer there by its own word has 64 bits.
func inFile(c Column) sqlType {
	t := usual(c.Type)
	switch {
	case c.Type == 0:
		return sqlType{"text", anything, store.Text}
	case c.Type == store.Integer && c.Native != "":
		t.kind = store.Bigint
	}
	return t
}

// own is what the database calls the type of a column, "" where typeOf has that name.
func (c Column) own(d store.Dialect) string {
	if c.Base == "" || d == store.SQLite {
		return ""
	}
	if _, ok := named(c.Base); !ok {
		return ""
	}
	return c.Native
}

// permits tells whether Postgres has an operator for a class. SQLite keeps to the same, so
// that a request means the same on both.
func (c class) permits(op postgrest.Op) bool {
	if c == anything || op == postgrest.Is {
		return true
	}
	switch op {
	case postgrest.Like, postgrest.ILike, postgrest.Match, postgrest.IMatch:
		return c == texts
	case postgrest.Fts, postgrest.Plfts, postgrest.Phfts, postgrest.Wfts:
		return c == texts || c == vectors || c == jsons || c == jsonbs
	case postgrest.Cs, postgrest.Cd:
		return c == arrays || c == jsonbs || c == ranges || c == shapes
	case postgrest.Ov:
		return c == arrays || c == ranges || c == networks || c == shapes
	case postgrest.Sl, postgrest.Sr:
		return c == ranges || c == networks || c == shapes
	case postgrest.Nxr, postgrest.Nxl:
		return c == ranges || c == shapes
	case postgrest.Adj:
		return c == ranges
	case postgrest.Neq:
		return c != jsons && c != opaque && c != vectors && c != shapes
	default: // the other comparisons
		return c != jsons && c != opaque && c != vectors
	}
}

// castable tells whether Postgres has a cast (pg_cast, and through text).
func castable(from, to sqlType) bool {
	switch {
	case to.class == vectors, to.name == "tsquery": // text that is none would be an error of the statement
		return from.name == to.name
	case from.class == anything, to.class == anything, from.class == texts, to.class == texts, from.name == to.name:
		return true
	case from.class == numbers && to.class == numbers:
		return true
	case from.class == booleans:
		return to.name == "integer"
	case from.name == "integer" && to.class == booleans, from.name == "numeric" && to.name == "money", from.name == "money" && to.name == "numeric":
		return true
	case from.class == jsonbs:
		return to.class == numbers || to.class == booleans || to.class == jsons
	case from.class == jsons:
		return to.class == jsonbs
	case from.name == "oid":
		return to.name == "integer" || to.name == "bigint"
	case from.class == arrays && to.class == arrays:
		a, known := named(strings.TrimSuffix(from.name, "[]"))
		b, _ := named(strings.TrimSuffix(to.name, "[]"))
		return known && castable(a, b)
	}
	const date, stamp, instant = "date", "timestamp without time zone", "timestamp with time zone"
	switch from.name {
	case date:
		return to.name == stamp || to.name == instant
	case stamp, instant:
		return to.name == stamp || to.name == instant || to.name == date || to.kind == store.Time
	case "time without time zone":
		return to.name == "interval" || to.name == "time with time zone"
	case "inet", "cidr":
		return to.class == networks
	}
	return false
}
