package spec

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// Block binds a map of settings below a key. describe binds them, on each use anew.
func (f *Fields) Block(name, doc string, describe func(*Fields)) *Field {
	inner := NewFields("`" + name + "`")
	describe(inner)
	return f.Add(name, "map", doc, inner.Schema(), func(d *Decoder, n *source.Node) { inner.Decode(d, n, diag.Pos{}) })
}

// A Named is an entry of a map of blocks.
type Named[T any] struct {
	Name  string
	At    diag.Pos // of the name
	Value T
}

// Find gives the entry called name, or nil.
func Find[T any](list []Named[T], name string) *T {
	if i := slices.IndexFunc(list, func(x Named[T]) bool { return x.Name == name }); i >= 0 {
		return &list[i].Value
	}
	return nil
}

// NamesOf lists the names of a map of blocks.
func NamesOf[T any](list []Named[T]) []string {
	names := make([]string, 0, len(list))
	for _, x := range list {
		names = append(names, x.Name)
	}
	return names
}

// Map binds a map whose keys are names of the user's and whose values are blocks of one
// kind, in the order written. what names one of them in problems: "store".
func Map[T any](f *Fields, p *[]Named[T], name, what, doc string, describe func(*Fields, *T)) *Field {
	sample := NewFields(what)
	describe(sample, new(T))
	schema := MapOf(sample.Schema())
	schema["propertyNames"] = Schema{"pattern": NamePattern}
	schema["type"] = Types("object", "null")
	return f.Add(name, "map of "+what+"s", doc, schema, func(d *Decoder, n *source.Node) {
		*p = nil
		if n.Null() {
			return
		}
		if n.Kind != source.Map {
			d.Problems.Add(n.At, "not-a-map", "`%s` is a map of names", name)
			return
		}
		for _, e := range n.Entries {
			if !IsName(e.Key.Value) {
				d.Problems.Add(e.Key.At, "bad-name", "%q is not a name", e.Key.Value).Suggest("a name is letters, digits and _, and does not begin with a digit")
			}
			x := Named[T]{Name: e.Key.Value, At: e.Key.At}
			fields := NewFields(what + " `" + e.Key.Value + "`")
			describe(fields, &x.Value)
			fields.Decode(d, e.Value, e.Key.At)
			*p = append(*p, x)
		}
	})
}

// Blocks binds a list of blocks of one kind; one may stand alone.
func Blocks[T any](f *Fields, p *[]T, name, what, doc string, schema Schema, describe func(*Fields, *T)) *Field {
	return f.Add(name, "list of "+what+"s", doc, OrNothing(OneOrMore(schema)), func(d *Decoder, n *source.Node) {
		*p = nil
		if n.Null() {
			return
		}
		for _, item := range Items(n) {
			var x T
			fields := NewFields(what)
			describe(fields, &x)
			if item.Kind != source.Map {
				d.Problems.Add(item.At, "not-a-map", "a %s is a map of settings", what).Suggest("its settings are %s", diag.OneOf(fields.available()))
				continue
			}
			fields.Decode(d, item, diag.Pos{})
			*p = append(*p, x)
		}
	})
}

// NamePattern is what a name of the user's looks like.
const NamePattern = `^[A-Za-z_][A-Za-z0-9_]*$`

// IsName tells whether s can name something: letters, digits and _, no digit first.
func IsName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// Node binds the value as written, for what is compiled later.
func (f *Fields) Node(p **source.Node, name, typ, doc string, schema Schema) *Field {
	return f.Add(name, typ, doc, schema, func(_ *Decoder, n *source.Node) { *p = n })
}
