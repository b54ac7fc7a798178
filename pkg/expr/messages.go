package expr

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// limits are checked before the parser sees the text: it recurses without a bound.
func limits(key resultKey) []Error {
	src := key.src
	whole := span{0, len(src)}
	one := func(code, message, hint string, at span) []Error {
		return []Error{{at.start, at.end, code, message, hint}}
	}
	if strings.TrimSpace(src) == "" {
		return one("empty", "an expression is missing here", "", whole)
	}
	if len(src) > maxLength {
		return one("too-large", "the expression is longer than 4096 bytes", "", whole)
	}
	if k := strings.Index(src, "${"); k >= 0 && key.condition {
		return one("dollar", "a condition is written bare, without ${ }", "write user.id == 1", span{k, k + 2})
	}
	depth := 0
	for i := range len(src) {
		switch src[i] {
		case '(', '[', '{':
			if depth++; depth > maxNested {
				return one("too-large", "brackets are nested deeper than 64", "", span{i, i + 1})
			}
		case ')', ']', '}':
			depth--
		}
	}
	return nil
}

var token = regexp.MustCompile(`(?s)unexpected token (\w+)(?:\("(.*)"\))?`)

func parseError(src string, err error) Error {
	e := Error{0, len(src), "syntax", err.Error(), ""}
	if fe, ok := errors.AsType[*file.Error](err); ok {
		at := spanOf(src, fe.From, fe.To)
		e.Start, e.End, e.Message = at.start, at.end, fe.Message
	}
	e.Message, _, _ = strings.Cut(e.Message, "\n")
	m := token.FindStringSubmatch(e.Message)
	switch {
	case m != nil && m[1] == "EOF", strings.Contains(e.Message, "unexpected end of expression"):
		e.Message = "the expression ends too early"
	case m != nil && strings.Contains(src, "${"):
		e.Message, e.Hint = "unexpected "+quoted(m[2]), "an expression is written without ${ } inside"
	case m != nil && m[2] == "=":
		e.Message, e.Hint = `unexpected "="`, "compare with =="
	case m != nil && m[2] == ">" && strings.Contains(src, "<>"):
		e.Message, e.Hint = `unexpected ">"`, "compare with !="
	case m != nil && m[2] == "is":
		e.Message, e.Hint = `unexpected "is"`, "compare with ==, also with nil"
	case m != nil && m[2] == ":" && strings.Contains(src, ":-"):
		e.Message, e.Hint = `unexpected ":"`, "a variable with a default is env.NAME ?? 'default'"
	case m != nil && m[2] == "#":
		e.Message, e.Hint = `unexpected "#"`, "# is the item inside a closure such as map(list, #.id)"
	case m != nil && m[2] == ":" && strings.Contains(src, "{"):
		e.Message, e.Hint = `unexpected ":"`, "a map inside a closure has two braces: map(rows, {{id: .id}})"
	case m != nil:
		e.Message = "unexpected " + quoted(m[2])
	case strings.Contains(e.Message, "cannot be mixed"):
		e.Message, e.Hint = "?? and what follows need brackets", "?? binds tighter than + and ==: write (a ?? b) + c"
	case strings.Contains(e.Message, "exceeds maximum allowed nodes"):
		e.Code, e.Message = "too-large", "the expression has more than 500 parts"
	}
	return e
}

func quoted(s string) string { return `"` + s + `"` }

var (
	unknownField = regexp.MustCompile(`^unknown field (.*)$`)
	noField      = regexp.MustCompile(`^type .* has no (?:field|method) (.*)$`)
	mismatch     = regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types? (.+)\)$`)
)

// checkError words what the checker found.
func checkError(env *env, src string, root ast.Node, err error) Error {
	e := Error{0, len(src), "type", err.Error(), ""}
	fe, ok := errors.AsType[*file.Error](err)
	if !ok {
		e.Message = plainMachine(e.Message)
		return e
	}
	at := spanOf(src, fe.From, fe.To)
	e.Start, e.End = at.start, at.end
	if m := unknownField.FindStringSubmatch(fe.Message); m != nil {
		known := membersAt(root, fe.Location)
		e.Code, e.Message, e.Hint = "unknown-member", "there is no member "+quoted(m[1])+" here", diag.DidYouMean(m[1], known)
		if e.Hint == "" && len(known) > 0 && len(known) <= 12 {
			e.Hint = "it has " + diag.OneOf(known)
		}
		return e
	}
	if m := noField.FindStringSubmatch(fe.Message); m != nil {
		e.Code, e.Message = "unknown-member", "there is no member "+quoted(m[1])+" here"
		return e
	}
	if m := mismatch.FindStringSubmatch(fe.Message); m != nil {
		e.Message, e.Hint = mismatched(m[1], m[2])
		return e
	}
	e.Message = reworded(fe.Message)
	if m := arity.FindStringSubmatch(fe.Message); m != nil {
		if f := env.root.table[m[1]]; f != nil {
			e.Hint = "it is called as " + f.Signature
		}
	}
	return e
}

// rewording puts the checker's messages in our words: $1 is a type, @1 a name.
var rewording = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^cannot use (.+) as argument \(type (.+)\) to call (\w+)\s*$`), "@3 takes $2, this is $1"},
	{regexp.MustCompile(`^predicate should return boolean \(got (.+)\)$`), "this condition must be true or false, it is $1"},
	{regexp.MustCompile(`^predicate should has .*$`), "nil cannot stand here"},
	{regexp.MustCompile(`^builtin (\w+) takes only array \(got (.+)\)$`), "@1 takes a list, this is $2"},
	{regexp.MustCompile(`^array elements can only be selected using an integer \(got (.+)\)$`), "an item of a list is named by an integer, this is $1"},
	{regexp.MustCompile(`^cannot use (.+) to get an element from (.+)$`), "$1 is no member of $2"},
	{regexp.MustCompile(`^cannot use (.+) as type (.+) in (?:array|map key)$`), "$1 is never in a list or map of $2"},
	{regexp.MustCompile(`^non-bool expression \(type (.+)\) used as condition$`), "a condition must be true or false, this is $1"},
	{regexp.MustCompile(`^non-integer slice index (.+)$`), "a place in a list or text is an integer, this is $1"},
	{regexp.MustCompile(`^cannot slice (.+)$`), "cannot take a part of $1"},
	{regexp.MustCompile(`^not enough arguments to call (\w+)$`), "@1 needs more arguments"},
	{regexp.MustCompile(`^too many arguments to call (\w+)$`), "@1 takes fewer arguments"},
	{regexp.MustCompile(`^unknown pointer #(.*)$`), "there is no #@1; a closure has #, #index and #acc"},
	{regexp.MustCompile(`^cannot use nil as argument \(type (.+)\) to call (\w+)$`), "@2 takes $1, this is nil"},
}

var arity = regexp.MustCompile(`^(?:not enough|too many) arguments to call (\w+)$`)

func reworded(message string) string {
	for _, r := range rewording {
		m := r.from.FindStringSubmatch(message)
		if m == nil {
			continue
		}
		out := r.to
		for i := 1; i < len(m); i++ {
			n := strconv.Itoa(i)
			out = strings.ReplaceAll(out, "$"+n, plainTypes(m[i]))
			out = strings.ReplaceAll(out, "@"+n, m[i])
		}
		return out
	}
	return plainTypes(message)
}

func mismatched(op, types string) (message, hint string) {
	a, b, two := strings.Cut(types, " and ")
	a, b = plainTypes(a), plainTypes(b)
	if !two {
		return op + " cannot be used with " + a, ""
	}
	if a == "text" && (b == "an integer" || b == "a number") {
		hint = "compare with '5', or use int(x)"
	}
	if op == "==" || op == "!=" {
		return a + " and " + b + " are never equal", hint
	}
	return op + " cannot be used between " + a + " and " + b, hint
}

// membersAt lists the members of the record whose member is named at this place.
func membersAt(root ast.Node, at file.Location) []string {
	v := &fieldFinder{at: at}
	ast.Walk(&root, v)
	slices.Sort(v.known)
	return v.known
}

type fieldFinder struct {
	at    file.Location
	known []string
}

// Visit looks at one node; it belongs to ast.Visitor.
func (v *fieldFinder) Visit(n *ast.Node) {
	m, ok := (*n).(*ast.MemberNode)
	if !ok || m.Property.Location() != v.at {
		return
	}
	if nt := m.Node.Nature(); nt.TypeData != nil {
		v.known = slices.Collect(maps.Keys(nt.Fields))
	}
}

func notBoolean(key resultKey, root ast.Node, typ Type) (Error, bool) {
	_, isNil := root.(*ast.NilNode)
	if !key.condition || typ.kind == boolKind || typ.kind == anyKind && !isNil {
		return Error{}, false
	}
	what := typ.String()
	if isNil {
		what = "nil"
	}
	hint := "write a comparison, such as x != nil"
	return Error{0, len(key.src), "not-boolean", "a condition must be true or false, this is " + what, hint}, true
}
