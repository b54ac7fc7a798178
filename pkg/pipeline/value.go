package pipeline

import (
	"strings"

	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/source"
	"github.com/openmanifest/gateway/pkg/expr"
	"github.com/openmanifest/gateway/pkg/value"
)

// A Value is a setting that is computed at run time: a constant, an expression, or a map
// or list with ${...} inside.
type Value struct {
	*expr.JSON
	Node *source.Node
	Type expr.Type
}

// Payload computes what a message carries: bytes as they are, all else as JSON, written
// behind dst. On an error nothing of it is to be sent.
func (v *Value) Payload(dst []byte, f *expr.Frame) (value.Payload, error) {
	whole := v.Whole()
	if whole == nil {
		text, err := v.Append(dst, f)
		return value.JSON(text), err
	}
	x, err := whole.Eval(f)
	if err != nil {
		return value.Payload{}, err
	}
	if bytes, is := x.([]byte); is {
		return value.Payload{Bytes: bytes, Binary: true}, nil
	}
	text, err := value.AppendJSON(dst, x)
	if err != nil {
		err = whole.Misfit(f, x, err)
	}
	return value.JSON(text), err
}

// A Text is a text with ${...} inside.
type Text struct {
	*expr.Text
	Node *source.Node
}

// String computes the text.
func (t *Text) String(c *Context) (string, error) {
	if s, ok := t.Constant(); ok {
		return s, nil
	}
	b, err := t.Append(c.Scratch(), c.Frame)
	text := string(b)
	c.Lend(b)
	return text, err
}

// Value compiles a value. It is nil when a problem was reported.
func (b *Build) Value(n *source.Node) *Value {
	shape, typ, ok := b.shape(n)
	if !ok {
		return nil
	}
	j := expr.Compile(shape)
	b.note(j.Uses())
	return &Value{JSON: j, Node: n, Type: typ}
}

func (b *Build) shape(n *source.Node) (expr.Shape, expr.Type, bool) {
	switch n.Kind {
	case source.Map:
		return b.object(n)
	case source.List:
		shape := expr.Shape{Kind: expr.ShapeArray}
		ok := true
		for _, item := range n.Items {
			inner, _, fine := b.shape(item)
			shape.Items, ok = append(shape.Items, inner), ok && fine
		}
		return shape, expr.List(expr.Any), ok
	}
	if !strings.Contains(n.Value, "${") {
		v := n.Scalar()
		return expr.Shape{Kind: expr.ShapeConst, Const: v}, constantType(v), true
	}
	t, errs := b.scope().Text(n.Value, b.mode())
	if b.report(n, errs) {
		return expr.Shape{}, expr.Any, false
	}
	b.verify(n, t.Paths())
	typ := expr.String
	if whole := t.Whole(); whole != nil {
		typ = whole.Type()
	}
	return expr.Shape{Kind: expr.ShapeText, Text: t}, typ, true
}

func (b *Build) object(n *source.Node) (expr.Shape, expr.Type, bool) {
	shape := expr.Shape{Kind: expr.ShapeObject}
	fields := map[string]expr.Type{}
	ok := true
	for _, e := range n.Entries {
		if strings.Contains(e.Key.Value, "${") {
			b.Problems.Add(e.Key.At, "computed-key", "a key cannot hold ${...}").Suggest("keys are written out; use merge() for a map whose keys are computed")
			ok = false
		}
		inner, typ, fine := b.shape(e.Value)
		shape.Members = append(shape.Members, expr.Member{Name: e.Key.Value, Value: inner})
		fields[e.Key.Value], ok = typ, ok && fine
	}
	return shape, expr.Record(fields), ok
}

// Text compiles a text. It is nil when a problem was reported.
func (b *Build) Text(n *source.Node) *Text {
	if n.Kind != source.Scalar {
		p := b.Problems.Add(n.At, "wrong-type", "expected a text, found a map or list")
		if n.Kind == source.Map {
			p.Suggest("put quotes around a text that holds ${...} inside { }")
		}
		return nil
	}
	t, errs := b.scope().Text(n.Value, b.mode())
	if b.report(n, errs) {
		return nil
	}
	b.note(t.Uses())
	b.verify(n, t.Paths())
	return &Text{Text: t, Node: n}
}

// Condition compiles a bare condition. It is nil when a problem was reported.
func (b *Build) Condition(n *source.Node) *expr.Expr {
	return b.condition(n, b.mode())
}

func (b *Build) condition(n *source.Node, mode expr.Mode) *expr.Expr {
	if n.Kind != source.Scalar {
		b.Problems.Add(n.At, "wrong-type", "expected a condition, found a map or list").Suggest("put quotes around a condition that begins with [ or {, or stands inside { }")
		return nil
	}
	e, errs := b.scope().Condition(n.Value, mode)
	if b.report(n, errs) {
		return nil
	}
	b.note(e.Uses())
	b.verify(n, e.Paths())
	return e
}

// SQL compiles a statement for a dialect. It is nil when a problem was reported.
func (b *Build) SQL(n *source.Node, dialect expr.Dialect) *expr.SQL {
	if text, ok := n.Scalar().(string); !ok || n.Kind != source.Scalar || strings.TrimSpace(text) == "" {
		b.Problems.Add(n.At, "wrong-type", "expected SQL").Suggest("a text such as: status = 'published' and user_id = ${id}")
		return nil
	}
	s, errs := b.scope().SQL(n.Value, dialect, b.mode())
	if b.report(n, errs) {
		return nil
	}
	for _, arg := range s.Args {
		b.note(arg.Uses())
		b.verify(n, arg.Paths())
	}
	return s
}

// report places errors in the manifest and tells whether there were any that stop.
func (b *Build) report(n *source.Node, errs []expr.Error) bool {
	for _, e := range errs {
		if e.Code == unknownName && b.flow.loose {
			continue // follows from a fault that is reported already
		}
		p := config.Report(b.Problems, n, e, b.Env.Lenient)
		if way := b.withheld(n, e); way != "" {
			p.Hint = way
		}
		if p.Hint == "" {
			p.Hint = b.wayOut(n, e)
		}
	}
	if len(errs) > 0 {
		*b.broken = true
	}
	return len(errs) > 0
}

// note remembers which names a step reads.
func (b *Build) note(names []string) {
	for _, n := range names {
		b.uses[n] = true
	}
}

// verify remembers the paths that must be answered by a declared route.
func (b *Build) verify(n *source.Node, refs []expr.PathRef) {
	for _, r := range refs {
		b.Env.Paths.Add(PathCheck{Pattern: r.Pattern, At: n.Span(r.Start, r.End)})
	}
}

// unknownName is the code of an expression's error for a name that nothing binds.
const unknownName = "unknown-name"

// constantType is what is known of a value that is written out.
func constantType(v any) expr.Type {
	switch v.(type) {
	case bool:
		return expr.Bool
	case int64:
		return expr.Int
	case float64:
		return expr.Float
	case string:
		return expr.String
	}
	return expr.Any
}
