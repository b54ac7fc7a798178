package pipeline

import (
	"slices"
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/expr"
)

// Settings binds the settings of a plug. Beside the plain ones of spec.Fields it has those
// that are computed at run time, which are compiled against the names in reach.
type Settings struct {
	*spec.Fields
	b *Build // nil when the plug is only described
}

// AnyValue is the schema of a value that may hold ${...} anywhere.
func AnyValue() spec.Schema { return spec.Schema{} }

// TextValue is the schema of a text that may hold ${...}.
func TextValue() spec.Schema {
	return spec.Schema{"type": spec.Types("string", "number", "boolean", "null")}
}

// ConditionValue is the schema of a bare condition.
func ConditionValue() spec.Schema { return config.ConditionValue() }

// Value binds any value: a scalar, map or list that may hold ${...}.
func (s *Settings) Value(p **Value, name, doc string) *spec.Field {
	return s.Add(name, "value", doc, AnyValue(), func(_ *spec.Decoder, n *source.Node) { *p = s.b.Value(n) })
}

// Text binds a text that may hold ${...}.
func (s *Settings) Text(p **Text, name, doc string) *spec.Field {
	return s.Add(name, "text", doc, TextValue(), func(_ *spec.Decoder, n *source.Node) { *p = s.b.Text(n) })
}

// Condition binds a bare condition.
func (s *Settings) Condition(p **expr.Expr, name, doc string) *spec.Field {
	return s.Add(name, "condition", doc, ConditionValue(), func(_ *spec.Decoder, n *source.Node) { *p = s.b.Condition(n) })
}

// Values binds a map of names to values, in the order written.
func (s *Settings) Values(p *[]spec.Named[*Value], name, doc string) *spec.Field {
	return s.Add(name, "map of values", doc, spec.MapOf(AnyValue()), func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if !isMap(d, n, "values") {
			return
		}
		for _, e := range n.Entries {
			*p = append(*p, spec.Named[*Value]{Name: e.Key.Value, At: e.Key.At, Value: s.b.Value(e.Value)})
		}
	})
}

// Texts binds a map of names to texts, in the order written.
func (s *Settings) Texts(p *[]spec.Named[*Text], name, doc string) *spec.Field {
	return s.Add(name, "map of texts", doc, spec.MapOf(TextValue()), func(d *spec.Decoder, n *source.Node) {
		*p = nil
		if !isMap(d, n, "texts") {
			return
		}
		for _, e := range n.Entries {
			*p = append(*p, spec.Named[*Text]{Name: e.Key.Value, At: e.Key.At, Value: s.b.Text(e.Value)})
		}
	})
}

func isMap(d *spec.Decoder, n *source.Node, of string) bool {
	if n.Kind == source.Map {
		return true
	}
	d.Problems.Add(n.At, "not-a-map", "expected a map of names to %s", of)
	return false
}

// Declared binds the name of something that a section declares. kind names it in
// problems ("token"); names lists what there is.
func (s *Settings) Declared(p *spec.Ref, name, kind, doc string, names func(*Env) []string) *spec.Field {
	return s.Add(name, "name of "+article(kind), doc, spec.Schema{"type": "string"}, func(d *spec.Decoder, n *source.Node) {
		known := names(s.b.Env)
		if n.Kind != source.Scalar || n.Value == "" {
			d.Problems.Add(n.At, "wrong-type", "expected the name of %s", article(kind))
			return
		}
		if !slices.Contains(known, n.Value) {
			problem := d.Problems.Add(n.At, "unknown-"+kind, "there is no %s %q", kind, n.Value)
			problem.Hint = declaredHint(n.Value, kind, known)
			return
		}
		*p = spec.Ref{Name: n.Value, At: n.At}
	})
}

func declaredHint(word, kind string, known []string) string {
	if near := diag.DidYouMean(word, known); near != "" {
		return near
	}
	if kind == "upstream" && strings.Contains(word, "://") {
		return "declare it and write its name here: `" + kind + "s: {name: {targets: [" + word + "]}}`"
	}
	if len(known) == 0 {
		return "declare it under `" + kind + "s`"
	}
	return "declared are " + diag.OneOf(known)
}

// article puts a or an before a kind of thing.
func article(kind string) string {
	if strings.ContainsRune("aeiou", rune(kind[0])) {
		return "an " + kind
	}
	return "a " + kind
}
