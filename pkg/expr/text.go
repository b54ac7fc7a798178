package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/openmanifest/gateway/pkg/value"
)

// piece is a part of a scalar before it is compiled: literal text, or an expression that
// begins at offset at.
type piece struct {
	literal    string
	src        string
	at         int
	expression bool
}

// closing finds the } that closes an expression which begins src; end is the offset
// behind it. The language's own lexer reads on, so strings, comments and maps that hold
// a brace are right by construction, and what follows is not read.
func closing(src string) (end int, err *Error) {
	window := src
	if len(window) > maxLength+utf8.UTFMax {
		window = strings.ToValidUTF8(window[:maxLength+utf8.UTFMax], "?")
	}
	l := lexer.New()
	l.Reset(file.NewSource(window))
	for depth := 0; ; {
		t, lexErr := l.Next()
		if lexErr != nil || t.Kind == lexer.EOF {
			return 0, &Error{Code: "not-closed", Message: "this ${ is not closed", Hint: "write ${expression}; a literal ${ is written $${"}
		}
		if t.Kind != lexer.Bracket {
			continue
		}
		switch t.Value {
		case "{":
			depth++
		case "}":
			if depth == 0 {
				return byteOffset(window, t.To), nil
			}
			depth--
		}
	}
}

// split cuts a scalar into text and expressions. $${ stands for a literal ${.
func split(text string) ([]piece, *Error) {
	var out []piece
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			out = append(out, piece{literal: literal.String()})
			literal.Reset()
		}
	}
	for i := 0; i < len(text); {
		switch {
		case strings.HasPrefix(text[i:], "$${"):
			literal.WriteString("${")
			i += 3
		case strings.HasPrefix(text[i:], "${"):
			end, err := closing(text[i+2:])
			if err != nil {
				err.Start, err.End = i, i+2
				return nil, err
			}
			flush()
			out = append(out, piece{src: text[i+2 : i+1+end], at: i + 2, expression: true})
			i += 2 + end
		default:
			literal.WriteByte(text[i])
			i++
		}
	}
	flush()
	return out, nil
}

// Part is literal text, or an expression.
type Part struct {
	Lit  string
	Expr *Expr
	Src  string // of Expr, as written
}

// Text is a scalar with ${...} in it.
type Text struct{ parts []Part }

// Text compiles a scalar. An expression that fills it keeps its type; inside a longer
// text values are formatted, and nil, maps and lists are errors.
func (s *Scope) Text(text string, m Mode) (*Text, []Error) {
	if !strings.Contains(text, "${") {
		return &Text{[]Part{{Lit: text}}}, nil
	}
	pieces, err := split(text)
	if err != nil {
		return nil, []Error{*err}
	}
	t := &Text{}
	var errs []Error
	for _, p := range pieces {
		if !p.expression {
			t.parts = append(t.parts, Part{Lit: p.literal})
			continue
		}
		e, found := s.compile(resultKey{p.src, m, false}, p.at)
		errs = append(errs, found...)
		t.parts = append(t.parts, Part{Expr: e, Src: p.src})
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return t, nil
}

// Whole is the expression that fills the text, or nil.
func (t *Text) Whole() *Expr {
	if len(t.parts) == 1 {
		return t.parts[0].Expr
	}
	return nil
}

// Constant gives the text when nothing in it is computed at run time.
func (t *Text) Constant() (string, bool) {
	var out []byte
	for _, p := range t.parts {
		if p.Expr == nil {
			out = append(out, p.Lit...)
			continue
		}
		v, ok := p.Expr.Constant()
		if !ok {
			return "", false
		}
		var err error
		if out, err = value.AppendText(out, v); err != nil {
			return "", false
		}
	}
	return string(out), true
}

// Parts lists literal text and expressions in order.
func (t *Text) Parts() []Part { return t.parts }

// Uses lists the names read, sorted.
func (t *Text) Uses() []string {
	var all []string
	for _, p := range t.parts {
		if p.Expr != nil {
			all = append(all, p.Expr.Uses()...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Paths lists the patterns given to path() and url().
func (t *Text) Paths() []PathRef {
	var all []PathRef
	for _, p := range t.parts {
		if p.Expr != nil {
			all = append(all, p.Expr.Paths()...)
		}
	}
	return all
}

// Append writes the text behind dst. On an error dst holds what came before.
func (t *Text) Append(dst []byte, f *Frame) ([]byte, error) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.Expr == nil {
			dst = append(dst, p.Lit...)
			continue
		}
		v, err := p.Expr.Eval(f)
		if err != nil {
			return dst, err
		}
		if dst, err = value.AppendText(dst, v); err != nil {
			return dst, p.Expr.Misfit(f, v, err)
		}
	}
	return dst, nil
}

// Eval gives the value of the expression that fills the text, or the text.
func (t *Text) Eval(f *Frame) (any, error) {
	switch len(t.parts) {
	case 0:
		return "", nil
	case 1:
		if p := t.parts[0]; p.Expr != nil {
			return p.Expr.Eval(f)
		}
		return t.parts[0].Lit, nil
	}
	var room [64]byte
	b, err := t.Append(room[:0], f)
	if err != nil {
		return nil, err
	}
	return string(b), nil
}

// AppendWith is Append with each value escaped for its place (a segment of a path, a
// header); literal text stays as written. What escape refuses is a fault of the value; the
// caller's own kinds of errors are passed on inside it.
func (t *Text) AppendWith(dst []byte, f *Frame, escape func(dst []byte, s string) ([]byte, error)) ([]byte, error) {
	for i := range t.parts {
		p := &t.parts[i]
		if p.Expr == nil {
			dst = append(dst, p.Lit...)
			continue
		}
		v, err := p.Expr.Eval(f)
		if err != nil {
			return dst, err
		}
		s, ok := v.(string)
		if !ok {
			var room [32]byte
			b, err := value.AppendText(room[:0], v)
			if err != nil {
				return dst, p.Expr.Misfit(f, v, err)
			}
			s = string(b)
		}
		if dst, err = escape(dst, s); err != nil {
			return dst, p.Expr.Misfit(f, v, err)
		}
	}
	return dst, nil
}
