package routes

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParsePattern(t *testing.T) {
	tests := []struct {
		path, text string
		names      []string
		example    string
	}{
		{"/", "/", nil, "/"},
		{"/posts", "/posts", nil, "/posts"},
		{"/posts/", "/posts", nil, "/posts"},
		{"/posts/:id/", "/posts/:id", []string{"id"}, "/posts/1"},
		{"/:a/:_b/:cD9", "/:a/:_b/:cD9", []string{"a", "_b", "cD9"}, "/1/1/1"},
		{"/files/*rest", "/files/*rest", []string{"rest"}, "/files/1"},
		{"/files/*rest/", "/files/*rest", []string{"rest"}, "/files/1"},
		{"/.well-known/a;b=c,d@e!$&'()+~", "/.well-known/a;b=c,d@e!$&'()+~", nil, "/.well-known/a;b=c,d@e!$&'()+~"},
		{"/café", "/café", nil, "/café"},
		{"/...", "/...", nil, "/..."},
	}
	for _, tt := range tests {
		p, err := ParsePattern(tt.path)
		if err != nil || p.String() != tt.text || !slices.Equal(p.Names(), tt.names) || p.example() != tt.example {
			t.Errorf("%q: %q %q %q, error %v", tt.path, p, p.Names(), p.example(), err)
		}
	}
	if (Pattern{}).String() != "/" {
		t.Error("the zero pattern is the root")
	}
}

func TestParsePatternErrors(t *testing.T) {
	tests := []struct{ path, part, text string }{
		{"", "", `a path begins with / (write "/")`},
		{"posts/:id", "posts/:id", `a path begins with / (write "/posts/:id")`},
		{"//", "//", "an empty segment (write one slash)"},
		{"/a//b", "//", "an empty segment (write one slash)"},
		{"/a//", "//", "an empty segment (write one slash)"},
		{"/a/./b", ".", ". is no segment (requests with it are refused)"},
		{"/a/..", "..", ".. is no segment (requests with it are refused)"},
		{"/a/:", ":", `"" is no name for a parameter (letters, digits and _, beginning with a small letter or _)`},
		{"/a/:Id", ":Id", `"Id" is no name for a parameter (letters, digits and _, beginning with a small letter or _)`},
		{"/:id.json", ":id.json", `"id.json" is no name for a parameter (letters, digits and _, beginning with a small letter or _)`},
		{"/:1", ":1", `"1" is no name for a parameter (letters, digits and _, beginning with a small letter or _)`},
		{"/*", "*", "the rest of a path has a name (write *path; it is then params.path)"},
		{"/a/**", "**", "the rest of a path has a name (write *path; it is then params.path)"},
		{"/posts-:id", ":id", "a parameter is a whole segment (put a slash before it, or take : out)"},
		{"/a*b", "*b", "a parameter is a whole segment (put a slash before it, or take * out)"},
		{"/*a/b", "*a", "*a takes the whole rest of the path (let it be the last segment)"},
		{"/*a/:", "*a", "*a takes the whole rest of the path (let it be the last segment)"},
		{"/:id/x/:id", ":id", "the name id is taken by an earlier part of the path (give each parameter a name of its own)"},
		{"/:id/*id", "*id", "the name id is taken by an earlier part of the path (give each parameter a name of its own)"},
		{"/a?b", "?", "a path has no query (read the query from params)"},
		{"/a#b", "#", "a path has no fragment (browsers do not send it)"},
		{"/a%20b", "%", "a path is written decoded (write the character itself)"},
		{`/a\b`, `\`, "a path has no backslash (write /)"},
		{"/users/{id}", "{", "braces mean nothing in a path (a parameter is written :name)"},
		{"/a /b", " ", "a path has no U+0020 here (take out control characters, and spaces but single ones between words)"},
		{"/ a", " ", "a path has no U+0020 here (take out control characters, and spaces but single ones between words)"},
		{"/a  b", " ", "a path has no U+0020 here (take out control characters, and spaces but single ones between words)"},
		{"/a ", " ", "a path has no U+0020 here (take out control characters, and spaces but single ones between words)"},
		{"/é\u00a0b", "\u00a0", "a path has no U+00A0 here (take out control characters, and spaces but single ones between words)"},
		{"/a\x00b", "\x00", "a path has no U+0000 here (take out control characters, and spaces but single ones between words)"},
		{"/a\xffb", "\xff", "the path is not valid UTF-8"},
		{"/" + strings.Repeat("a", MaxPath), "/" + strings.Repeat("a", MaxPath), "the path is longer than any request may be (at most 8192 bytes)"},
	}
	for _, tt := range tests {
		_, err := ParsePattern(tt.path)
		if err == nil {
			t.Errorf("%q is accepted", tt.path)
		} else if part := tt.path[err.Start:err.End]; part != tt.part || err.Error() != tt.text {
			t.Errorf("%q: at %q: %v", tt.path, part, err)
		}
	}
	if _, err := ParsePattern("/:id/:id"); err.Start != 5 {
		t.Errorf("the second of two names is meant, not byte %d", err.Start)
	}
}

func TestJoin(t *testing.T) {
	tests := []struct{ prefix, path, text, fault, part string }{
		{"/", "/", "/", "", ""},
		{"/api", "/", "/api", "", ""},
		{"/", "/posts/:id", "/posts/:id", "", ""},
		{"/api/:version", "/posts/:id", "/api/:version/posts/:id", "", ""},
		{"/files/*rest", "/", "/files/*rest", "", ""},
		{"/:id", "/posts/:id/x", "", "the name id is taken", ":id"},
		{"/:id", "/posts/*id", "", "the name id is taken", "*id"},
		{"/files/*rest", "/x/y", "", "*rest of the scope takes the whole rest", "/x/y"},
	}
	for _, tt := range tests {
		p, err := mustPattern(t, tt.path).Join(mustPattern(t, tt.prefix))
		switch {
		case err == nil && (tt.fault != "" || p.String() != tt.text):
			t.Errorf("%s + %s: %s", tt.prefix, tt.path, p)
		case err != nil && (tt.fault == "" || !strings.HasPrefix(err.Message, tt.fault) || tt.path[err.Start:err.End] != tt.part):
			t.Errorf("%s + %s: %v at %d-%d", tt.prefix, tt.path, err, err.Start, err.End)
		}
	}
	scope := mustPattern(t, "/api")
	first, _ := mustPattern(t, "/a").Join(scope)
	mustPattern(t, "/b").Join(scope)
	if first.String() != "/api/a" {
		t.Errorf("two routes of a scope share memory: %s", first)
	}
}

func TestParseHost(t *testing.T) {
	tests := []struct {
		host, text string
		names      []string
	}{
		{"", "", nil},
		{"localhost", "localhost", nil},
		{"API.Example.com", "api.example.com", nil},
		{"*.example.com", "*.example.com", nil},
		{"{tenant}.Example.com", "{tenant}.example.com", []string{"tenant"}},
		{"{app}.*.{tenant}.x-y.com", "{app}.*.{tenant}.x-y.com", []string{"app", "tenant"}},
		{"127.0.0.1", "127.0.0.1", nil},
		{"_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example", nil},
	}
	for _, tt := range tests {
		h, err := ParseHost(tt.host)
		if err != nil || h.String() != tt.text || !slices.Equal(h.Names(), tt.names) {
			t.Errorf("%q: %q %q, error %v", tt.host, h, h.Names(), err)
		}
	}
	faults := []struct{ host, part, message string }{
		{"*", "*", "the host names no domain"},
		{"{a}.*", "{a}.*", "the host names no domain"},
		{"example.com:4000", ":4000", "a host has no port here"},
		{"example.com/x", "/x", "a host has no path"},
		{"a..b", ".", "an empty label in the host"},
		{".a", ".", "an empty label in the host"},
		{"a.", "", "an empty label in the host"},
		{"api.*.com", "*", "* stands behind a fixed label"},
		{"api.{x}.com", "{x}", "{x} stands behind a fixed label"},
		{"a*.example.com", "a*", "a* mixes fixed and open text"},
		{"{a}-x.example.com", "{a}-x", "{a}-x mixes fixed and open text"},
		{"{A}.example.com", "{A}", `"A" is no name for a parameter`},
		{"{}.example.com", "{}", `"" is no name for a parameter`},
		{"{a}.{a}.example.com", "{a}", "the name a is taken by an earlier label"},
		{"bücher.example", "ü", "a host has letters, digits, - and _ only"},
		{"a b", " ", "a host has letters, digits, - and _ only"},
		{"u@example.com", "@", "a host has letters, digits, - and _ only"},
		{strings.Repeat("a.", 130) + "a", strings.Repeat("a.", 130) + "a", "the host is longer than a name can be"},
	}
	for _, tt := range faults {
		_, err := ParseHost(tt.host)
		if err == nil {
			t.Errorf("%q is accepted", tt.host)
		} else if part := tt.host[err.Start:err.End]; part != tt.part || err.Message != tt.message {
			t.Errorf("%q: at %q: %v", tt.host, part, err)
		}
	}
}

// Whatever is accepted reads the same again, answers its own example and cannot make
// httprouter panic; whatever is refused names a place in the text.
func FuzzPattern(f *testing.F) {
	for _, path := range []string{"/", "/posts/:id", "/files/*rest", "/a//b", "/:a/:a", "/é", "/a%", "/*a/b", "a", "/..", "/:", "/x:y", "/a b/:c"} {
		f.Add(path, "/api/:v")
	}
	f.Fuzz(func(t *testing.T, path, prefix string) {
		p, err := ParsePattern(path)
		if err != nil {
			if err.Start < 0 || err.End < err.Start || err.End > len(path) || err.Message == "" {
				t.Fatalf("%q: %+v", path, err)
			}
			return
		}
		if again, err := ParsePattern(p.String()); err != nil || again.String() != p.String() || !utf8.ValidString(path) {
			t.Fatalf("%q reads %q, then %q, %v", path, p, again, err)
		}
		routes := []Route{{Pattern: p}}
		if scope, err := ParsePattern(prefix); err == nil {
			if joined, err := p.Join(scope); err == nil {
				routes = append(routes, Route{Pattern: joined, Methods: []string{"GET"}})
			}
		}
		checkExamples(t, routes)
	})
}
