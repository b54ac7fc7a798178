package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/checker/nature"

	"github.com/openmanifest/gateway/pkg/value"
)

type kind uint8

const (
	anyKind kind = iota
	boolKind
	intKind
	floatKind
	stringKind
	timeKind
	claimsKind
	openKind
	recordKind
	listKind
)

// Type is what is known of a value when the manifest is loaded. The zero Type is Any. A
// Type never changes and may be shared.
type Type struct {
	kind   kind
	null   bool
	sent   bool
	fields map[string]Type
	elem   *Type
	key    string // of records and lists: their identity
}

// The simple types. Claims is what a token said: strict everywhere.
var (
	Any    = Type{}
	Bool   = Type{kind: boolKind}
	Int    = Type{kind: intKind}
	Float  = Type{kind: floatKind}
	String = Type{kind: stringKind}
	Time   = Type{kind: timeKind}
	Claims = Type{kind: claimsKind}
)

// OpenMap is a map of which the members are not known, as params are.
func OpenMap() Type { return Type{kind: openKind} }

// Record is closed: an unknown member is an error at load.
func Record(fields map[string]Type) Type {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteString(name)
		b.WriteByte(0)
		b.WriteString(fields[name].identity())
		b.WriteByte(1)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return Type{kind: recordKind, fields: maps.Clone(fields), key: hex.EncodeToString(sum[:16])}
}

// List is a list of which all items have one type.
func List(item Type) Type {
	return Type{kind: listKind, elem: &item, key: item.identity()}
}

// Nullable is t or nil. No operation trusts a declared type at run time, so this only
// says what a reader may expect.
func Nullable(t Type) Type {
	t.null = true
	return t
}

// Sent is a t that the client sends: where a value of it cannot be used, that is the client's
// doing. It says the same of all its members.
func Sent(t Type) Type {
	t.sent = true
	return t
}

// Member gives the type of a record's member; ok is false for unknown members and for
// types that are no record.
func (t Type) Member(name string) (member Type, ok bool) {
	member, ok = t.fields[name]
	return member, ok
}

// Item gives the type of a list's items, Any where that is not known.
func (t Type) Item() Type {
	if t.elem == nil {
		return Any
	}
	return *t.elem
}

// IsList tells a list.
func (t Type) IsList() bool { return t.kind == listKind }

// IsRecord tells a record.
func (t Type) IsRecord() bool { return t.kind == recordKind }

// String names the type in plain words.
func (t Type) String() string {
	var s string
	switch t.kind {
	case anyKind:
		return "any value"
	case listKind:
		s = "a list"
	default:
		s = [...]string{"", "true or false", "an integer", "a number", "text", "a time", "claims", "a map", "a record"}[t.kind]
	}
	if t.null {
		s += " or nil"
	}
	return s
}

func (t Type) identity() string {
	s := string(rune('a' + t.kind))
	if t.null {
		s += "?"
	}
	if t.sent {
		s += "!"
	}
	return s + t.key
}

// nature builds a fresh description for the checker, which writes into it.
func (t Type) nature() nature.Nature {
	switch t.kind {
	case boolKind:
		return nature.FromType(reflect.TypeFor[bool]())
	case intKind:
		return nature.FromType(reflect.TypeFor[int64]())
	case floatKind:
		return nature.FromType(reflect.TypeFor[float64]())
	case stringKind:
		return nature.FromType(reflect.TypeFor[string]())
	case timeKind:
		return nature.FromType(reflect.TypeFor[time.Time]())
	case claimsKind:
		return nature.FromType(reflect.TypeFor[value.Claims]())
	case openKind:
		return nature.FromType(reflect.TypeFor[map[string]any]())
	case recordKind:
		n := nature.FromType(reflect.TypeFor[map[string]any]())
		n.TypeData = &nature.TypeData{Fields: make(map[string]nature.Nature, len(t.fields))}
		n.Strict = true
		for name, f := range t.fields {
			n.Fields[name] = f.nature()
		}
		return n
	case listKind:
		n := nature.FromType(reflect.TypeFor[[]any]())
		item := t.elem.nature()
		n.Ref = &item
		return n
	}
	return nature.Nature{}
}

// typeOf reads back what the checker found.
func typeOf(n nature.Nature) Type {
	switch {
	case n.Nil:
		return Nullable(Any)
	case n.Type == nil:
		return Any
	case n.Type == reflect.TypeFor[value.Claims]():
		return Claims
	case n.IsTime():
		return Time
	case n.IsInteger:
		return Int
	case n.IsFloat:
		return Float
	}
	switch n.Kind {
	case reflect.Bool:
		return Bool
	case reflect.String:
		return String
	case reflect.Map:
		if n.TypeData != nil && n.Strict {
			fields := make(map[string]Type, len(n.Fields))
			for name, f := range n.Fields {
				fields[name] = typeOf(f)
			}
			return Record(fields)
		}
		return OpenMap()
	case reflect.Slice:
		if n.Ref != nil {
			return List(typeOf(*n.Ref))
		}
		return List(Any)
	}
	return Any
}
