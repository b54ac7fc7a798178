package expr

import (
	"net/url"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/openmanifest/gateway/pkg/value"
)

// PathRef is a constant pattern given to path() or url(). Start and End are byte offsets
// of the quoted pattern in the text that was given.
type PathRef struct {
	Pattern    string
	Start, End int
}

// pathPattern is a pattern cut into its pieces once, at load.
type pathPattern struct {
	parts []pathPart
	names map[string]struct{}
}

type pathPart struct {
	literal string
	name    string
	rest    bool // *name: slashes stay
}

// parsePath cuts a pattern such as /users/:id/*rest. message is empty when it is sound.
func parsePath(pattern string) (p *pathPattern, message string) {
	if !strings.HasPrefix(pattern, "/") {
		return nil, "a path begins with /"
	}
	p = &pathPattern{names: map[string]struct{}{}}
	for segment := range strings.SplitSeq(pattern[1:], "/") {
		p.parts = append(p.parts, pathPart{literal: "/"})
		if segment == "" {
			continue
		}
		part := pathPart{literal: segment}
		if segment[0] == ':' || segment[0] == '*' {
			part = pathPart{name: segment[1:], rest: segment[0] == '*'}
			if _, again := p.names[part.name]; again || part.name == "" {
				return nil, "the name of " + segment + " is empty or stands twice"
			}
			p.names[part.name] = struct{}{}
		}
		p.parts = append(p.parts, part)
	}
	return p, ""
}

// fillPath makes the path: args are a *pathPattern and, maybe, a map of params. Those
// that the pattern does not name go to the query, sorted by key.
func fillPath(before string, args []any) (any, error) {
	p, ok := args[0].(*pathPattern)
	if !ok {
		return nil, fault("the pattern of a path must be a constant text")
	}
	var names []string
	read := func(string) any { return nil }
	if len(args) == 2 {
		var err error
		if names, read, err = listed("path", args[1]); err != nil {
			return nil, err
		}
	}
	var b strings.Builder
	b.WriteString(before)
	for _, part := range p.parts {
		if part.name == "" {
			b.WriteString(part.literal)
			continue
		}
		if err := fillPart(&b, part, slices.Contains(names, part.name), read); err != nil {
			return nil, err
		}
	}
	query, err := restQuery(p, names, read)
	if err != nil {
		return nil, err
	}
	return b.String() + query, nil
}

func fillPart(b *strings.Builder, part pathPart, given bool, read func(string) any) error {
	if !given {
		return faultOf(Missing, "the path needs %q", part.name)
	}
	text, err := value.AppendText(nil, read(part.name))
	if err != nil {
		return fault("%q of the path: %s", part.name, err)
	}
	escaped, err := EscapeSegment(nil, string(text))
	if part.rest {
		escaped, err = EscapeRest(nil, string(text))
	}
	if err != nil {
		return fault("%q of the path: %s", part.name, err)
	}
	b.Write(escaped)
	return nil
}

func restQuery(p *pathPattern, names []string, read func(string) any) (string, error) {
	query := url.Values{}
	for _, n := range slices.Sorted(slices.Values(names)) {
		if _, used := p.names[n]; used {
			continue
		}
		v, err := opened(read(n))
		if err != nil {
			return "", err
		}
		list, many := v.([]any)
		if !many {
			list = []any{v}
		}
		for _, e := range list {
			text, err := value.AppendText(nil, e)
			if err != nil {
				return "", fault("%q of the query: %s", n, err)
			}
			query.Add(n, string(text))
		}
	}
	if len(query) == 0 {
		return "", nil
	}
	return "?" + query.Encode(), nil
}

// EscapeSegment writes s as one segment of a path: nothing in it is read as a slash,
// query or fragment. Empty text, "." and ".." are refused: they would name another path.
func EscapeSegment(dst []byte, s string) ([]byte, error) {
	switch s {
	case "", ".", "..":
		return dst, fault("%q cannot be a segment of a path", s)
	}
	return append(dst, url.PathEscape(s)...), nil
}

// EscapeRest writes s as the rest of a path: slashes stay, a segment ".." is refused.
func EscapeRest(dst []byte, s string) ([]byte, error) {
	for i, segment := range strings.Split(strings.TrimPrefix(s, "/"), "/") {
		if segment == ".." || segment == "." {
			return dst, fault("%q cannot stand in a path", segment)
		}
		if i > 0 {
			dst = append(dst, '/')
		}
		dst = append(dst, url.PathEscape(segment)...)
	}
	return dst, nil
}

// path notes a pattern that must be verified, and reports what is wrong with it.
func (s *scout) path(x *ast.CallNode) {
	if len(x.Arguments) == 0 {
		return // the checker says what is missing
	}
	pattern, ok := x.Arguments[0].(*ast.StringNode)
	if !ok {
		s.fail(x.Arguments[0], "path", "the pattern of a path must be a constant text").Hint = "write path('/users/:id', {id: 1})"
		return
	}
	path, message := parsePath(pattern.Value)
	if message != "" {
		s.fail(pattern, "path", "%s", message)
		return
	}
	s.filled(x, path)
	at := spanOf(s.src, pattern.Location().From, pattern.Location().To)
	ref := PathRef{pattern.Value, at.start, at.end}
	if !slices.Contains(s.paths, ref) {
		s.paths = append(s.paths, ref)
	}
}

// filled reports the params of a path that a map which is written out does not give.
func (s *scout) filled(x *ast.CallNode, p *pathPattern) {
	given := map[string]bool{}
	if len(x.Arguments) > 1 {
		params, ok := x.Arguments[1].(*ast.MapNode)
		if !ok {
			return
		}
		for _, pair := range params.Pairs {
			key, ok := pair.(*ast.PairNode).Key.(*ast.StringNode)
			if !ok {
				return
			}
			given[key.Value] = true
		}
	}
	for _, part := range p.parts {
		if part.name != "" && !given[part.name] {
			s.fail(x.Arguments[0], "path", "the path needs %q", part.name).Hint = "give it in a map behind the pattern: {" + part.name + ": ...}"
		}
	}
}
