package expr

import (
	"bytes"
	"slices"

	"github.com/openmanifest/gateway/pkg/value"
)

// ShapeKind says what a Shape is.
type ShapeKind uint8

// The kinds of shapes: what JSON has, and a text that is computed.
const (
	ShapeConst ShapeKind = iota
	ShapeObject
	ShapeArray
	ShapeText
)

// Shape is a value of a manifest with expressions in its leaves.
type Shape struct {
	Kind    ShapeKind
	Members []Member // of an object, in the order written
	Items   []Shape  // of an array
	Const   any      // plain data
	Text    *Text
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value Shape
}

// JSON is a shape compiled to text and holes: only the holes are computed and encoded.
type JSON struct {
	shape    Shape
	segments []segment
}

// segment is encoded text, a whole expression, or a longer text.
type segment struct {
	literal []byte
	whole   *Expr
	text    *Text
}

// Compile encodes what is known. A constant that has no form in JSON becomes null: the
// values of a manifest all have one.
func Compile(s Shape) *JSON {
	j := &JSON{shape: s}
	j.add(s)
	return j
}

func (j *JSON) literal(b []byte) {
	if k := len(j.segments) - 1; k >= 0 && j.segments[k].literal != nil {
		j.segments[k].literal = append(j.segments[k].literal, b...)
		return
	}
	j.segments = append(j.segments, segment{literal: bytes.Clone(b)})
}

func (j *JSON) add(s Shape) {
	switch s.Kind {
	case ShapeObject:
		j.literal([]byte{'{'})
		for i, m := range s.Members {
			var b []byte
			if i > 0 {
				b = append(b, ',')
			}
			j.literal(append(value.AppendJSONString(b, m.Name), ':'))
			j.add(m.Value)
		}
		j.literal([]byte{'}'})
	case ShapeArray:
		j.literal([]byte{'['})
		for i, item := range s.Items {
			if i > 0 {
				j.literal([]byte{','})
			}
			j.add(item)
		}
		j.literal([]byte{']'})
	case ShapeText:
		j.addText(s.Text)
	default:
		b, err := value.AppendJSON(nil, s.Const)
		if err != nil {
			b = []byte("null")
		}
		j.literal(b)
	}
}

func (j *JSON) addText(t *Text) {
	if whole := t.Whole(); whole != nil {
		if v, ok := whole.Constant(); ok {
			j.add(Shape{Kind: ShapeConst, Const: v})
			return
		}
		j.segments = append(j.segments, segment{whole: whole})
		return
	}
	if s, ok := t.Constant(); ok {
		j.literal(value.AppendJSONString(nil, s))
		return
	}
	j.segments = append(j.segments, segment{text: t})
}

// Whole gives the expression that is all of the shape, or nil.
func (j *JSON) Whole() *Expr {
	if len(j.segments) != 1 {
		return nil
	}
	return j.segments[0].whole
}

// Append writes the JSON behind dst. On an error dst holds half of it: send it only when
// all is written.
func (j *JSON) Append(dst []byte, f *Frame) ([]byte, error) {
	for i := range j.segments {
		s := &j.segments[i]
		switch {
		case s.literal != nil:
			dst = append(dst, s.literal...)
		case s.whole != nil:
			v, err := s.whole.Eval(f)
			if err != nil {
				return dst, err
			}
			if dst, err = value.AppendJSON(dst, v); err != nil {
				return dst, s.whole.Misfit(f, v, err)
			}
		default:
			var room [64]byte
			b, err := s.text.Append(room[:0], f)
			if err != nil {
				return dst, err
			}
			dst = value.AppendJSONString(dst, b)
		}
	}
	return dst, nil
}

// Eval gives the value itself, in maps and lists of its own.
func (j *JSON) Eval(f *Frame) (any, error) { return j.shape.eval(f) }

func (s *Shape) eval(f *Frame) (any, error) {
	switch s.Kind {
	case ShapeObject:
		out := make(map[string]any, len(s.Members))
		for i := range s.Members {
			v, err := s.Members[i].Value.eval(f)
			if err != nil {
				return nil, err
			}
			out[s.Members[i].Name] = v
		}
		return out, nil
	case ShapeArray:
		out := make([]any, len(s.Items))
		for i := range s.Items {
			v, err := s.Items[i].eval(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case ShapeText:
		return s.Text.Eval(f)
	}
	return s.Const, nil
}

// texts visits all texts of the shape, in order.
func (s *Shape) texts(visit func(*Text)) {
	if s.Kind == ShapeText {
		visit(s.Text)
	}
	for i := range s.Members {
		s.Members[i].Value.texts(visit)
	}
	for i := range s.Items {
		s.Items[i].texts(visit)
	}
}

// Uses lists the names read, sorted.
func (j *JSON) Uses() []string {
	var all []string
	j.shape.texts(func(t *Text) { all = append(all, t.Uses()...) })
	slices.Sort(all)
	return slices.Compact(all)
}

// Paths lists the patterns given to path() and url(). The offsets are those of the text
// that each stands in.
func (j *JSON) Paths() []PathRef {
	var all []PathRef
	j.shape.texts(func(t *Text) { all = append(all, t.Paths()...) })
	return all
}

// Constant gives the JSON when nothing in it is computed at run time.
func (j *JSON) Constant() ([]byte, bool) {
	switch {
	case len(j.segments) == 1 && j.segments[0].literal != nil:
		return j.segments[0].literal, true
	}
	return nil, false
}
