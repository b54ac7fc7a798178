package expr

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestLoadErrors(t *testing.T) {
	s := testScope()
	for src, want := range map[string]struct{ code, word, part string }{
		`usr.email`: {"unknown-name", "usr", `did you mean "user"?`}, `user.emial`: {"unknown-member", "emial", `did you mean "email"?`}, `user?.emial`: {"unknown-member", "emial", "email"},
		`user["emial"]`: {"unknown-member", `"emial"`, "email"}, `map(posts, .emial)`: {"unknown-member", "emial", "email"}, `posts[0].emial`: {"unknown-member", "emial", "email"}, `let u = user; u.emial`: {"unknown-member", "emial", "email"},
		`filter(posts, .active)[0].emial`: {"unknown-member", "emial", "email"}, `request.pth`: {"unknown-member", "pth", `did you mean "path"?`}, `é == 'é'`: {"unknown-name", "é", "no name"}, `'é' + usr`: {"unknown-name", "usr", "user"},
		`lowr('x')`: {"unknown-function", "lowr", `did you mean "lower"?`}, `upper`: {"not-called", "upper", "call it: upper(text)"}, `user(1)`: {"not-a-function", "user", "cannot be called"}, `params.id.upper()`: {"not-a-function", "upper", "it is a function"},
		`get(params, 'x')`: {"unknown-function", "get", "??"}, `print(1)`: {"unknown-function", "print", ""}, `null`: {"unknown-name", "null", "write nil"}, `yes`: {"unknown-name", "yes", "write true"}, `off`: {"unknown-name", "off", "write false"}, `bcrypt(1)`: {"unknown-function", "bcrypt", "hash_password"}, `$env.x`: {"unknown-name", "$env", "$"}, `$x`: {"unknown-name", "$x", "$"},
		`user.email == 3`: {"type", "==", "text and an integer are never equal"}, `user.id == '7'`: {"type", "==", "never equal"}, `user.id + 'x'`: {"type", "+", "cannot be used between"}, `upper(1)`: {"type", "1", "upper takes text, this is an integer"},
		`upper()`: {"type", "upper", "upper(text)"}, `upper('a', 'b')`: {"type", "upper", "takes fewer"}, `now(1)`: {"type", "now", "now()"}, `user.email.x`: {"unknown-member", "x", "no member"}, `user.email matches '('`: {"type", "matches", "missing closing"},
		`user.email matches params.x`: {"computed-regexp", "x", "constant"}, `filter(posts, .id)`: {"type", ".", "true or false"}, `map(params, #)`: {"type", "params", "map takes a list, this is a map"}, `map(roles, nil)`: {"type", "nil", ""},
		`roles[1.5]`: {"type", "1.5", "integer"}, `roles.x`: {"type", "x", "integer"}, `true and 1`: {"type", "and", "cannot be used between"}, `not user.id`: {"type", "not", "cannot be used with"}, `user.id ? 1 : 2`: {"type", "id", "true or false"},
		`user.email[true:]`: {"type", "true", "integer"}, `has('abc', 'a')`: {"has-text", "'abc'", "contains"}, `has(user.email, 'a')`: {"has-text", "email", "split"}, `not user.id == 7`: {"not-left", "not", "not (a == b)"}, `!user.id == 7`: {"not-left", "!", ""},
		`not 'a' in roles`: {"not-left", "not", "not (a in b)"}, `1; 2`: {"sequence", "1", "several"}, `b'ab'`: {"bytes", "b'ab'", "text"}, `let user = 1; user`: {"taken-name", "user", "in use"}, `let upper = 1; upper`: {"taken-name", "upper", "in use"},
		`let a=1;let b=1;let c=1;let d=1;let e=1;let f=1;let g=1;let h=1; 1`: {"too-large", "h", "let"}, `env`: {"env", "env", "env.NAME"}, `env['x'+'y']`: {"env", "env", "env.NAME"}, `env.NONE`: {"missing-env", "NONE", "NONE is not set"}, `lower(env.NONE) ?? 'a'`: {"missing-env", "NONE", ""},
		`file('b.txt')`: {"missing-file", "'b.txt'", "no such file"}, `file(params.x)`: {"file", "file", "constant"}, `path(params.x)`: {"path", "x", "constant"}, `path('a')`: {"path", "'a'", "begins with /"}, `path('/:id/:id')`: {"path", "'/:id/:id'", "twice"}, `path()`: {"type", "path", ""},
		``: {"empty", "", "missing"}, ` `: {"empty", " ", "missing"}, `user.`: {"syntax", "", ""}, `(1`: {"syntax", "", "too early"}, `1 +`: {"syntax", "", "too early"}, `params.a = 1`: {"syntax", "=", "=="}, `"abc`: {"syntax", "", ""}, `#.x`: {"syntax", "#", "closure"}, `1 @ 2`: {"syntax", "", ""},
		`params.x ?? 1 + 2`: {"syntax", "+", "??"}, `${user.id}`: {"syntax", "", "without ${ }"}, `duration('1h').foo()`: {"not-a-function", "foo", ""}, `posts.id`: {"type", "id", ""}, `1 in ['a']`: {"type", "in", ""}, `user.id in ['a']`: {"type", "in", "never"},
	} {
		e, errs := s.Value(src, Normal)
		if len(errs) == 0 {
			t.Errorf("%s loads as %v", src, e.Type())
			continue
		}
		got := errs[0]
		if got.Code != want.code || want.word != "" && src[got.Start:got.End] != want.word || !strings.Contains(got.Error(), want.part) {
			t.Errorf("%s: %s at %q: %v; want %s at %q with %q", src, got.Code, src[got.Start:got.End], got, want.code, want.word, want.part)
		}
		for _, bad := range []string{"interface", "func(", "int64", "float64", "map[", "[]", "goroutine", "\n"} {
			if strings.Contains(got.Message, bad) {
				t.Errorf("%s: the message is not in plain words: %q", src, got.Message)
			}
		}
	}
}

func TestAllUnknownNamesAreReported(t *testing.T) {
	_, errs := testScope().Value(`usr.id == prams.id and foo(bar) == usr.x and a < b < c`, Normal)
	var words []string
	for _, e := range errs {
		words = append(words, `usr.id == prams.id and foo(bar) == usr.x and a < b < c`[e.Start:e.End])
	}
	if want := []string{"usr", "prams", "foo", "bar", "usr", "a", "b", "c"}; !slices.Equal(words, want) {
		t.Errorf("reported %q, want %q", words, want)
	}
	_, errs = testScope().Text(`${usr.id} and ${prams.id} é ${user.emial}`, Normal)
	if len(errs) != 3 || errs[2].Start != strings.Index(`${usr.id} and ${prams.id} é ${user.emial}`, "emial") {
		t.Errorf("a text reports %v", errs)
	}
}

func TestLimits(t *testing.T) {
	s := testScope()
	for name, src := range map[string]string{
		"length": "1" + strings.Repeat(" ", 4100), "round": strings.Repeat("(", 65) + "1" + strings.Repeat(")", 65), "square": strings.Repeat("[", 2000), "nodes": strings.Repeat("1+", 600) + "1",
		"minus": strings.Repeat("-", 4000) + "1", "not": strings.Repeat("not ", 900) + "true", "many": strings.Repeat("(", 1<<20),
	} {
		if _, errs := s.Value(src, Normal); len(errs) != 1 || errs[0].Code != "too-large" {
			t.Errorf("%s: %v", name, errs)
		}
	}
	f := testFrame()
	long := make([]any, 500)
	for i := range long {
		long[i] = int64(i)
	}
	f.Slots[slotRoles] = long
	for _, src := range []string{
		`any(roles, {let a = #; any(roles, {let b = #; any(roles, a + b + # == -1)})})`, `1..1000000`, `map(1..100000, repeat('x', 10000))`, `repeat('x', 2000000)`, `join(map(1..100000, 'aaaaaaaaaaaaaaaaaaaa'))`,
		`replace(repeat('a', 100000), 'a', 'bbbbbbbbbbbbbbbbbbbb')`, `reduce(1..30, #acc + #acc, 'x')`, `map(1..1000, map(1..1000, #))`, `uniq(map(1..2000, [#]))`, `map(1..1000, {a: 1..1000})`,
	} {
		v, err := run(t, s, src, Normal, f)
		if err == nil {
			t.Errorf("%s = %.40v", src, v)
		}
	}
	if v, err := run(t, s, `count(roles, # > 1)`, Normal, f); err != nil || v != int64(498) {
		t.Errorf("after that: %v, %v", v, err)
	}
}

func TestConditions(t *testing.T) {
	s := testScope()
	for src, code := range map[string]string{`${user.id} == 1`: "dollar", `user.id`: "not-boolean", `'a'`: "not-boolean", `nil`: "not-boolean", `posts`: "not-boolean", `user.email ?? 'x'`: "not-boolean", `params.x ? 1 : 2`: "not-boolean", `now()`: "not-boolean"} {
		if _, errs := s.Condition(src, Normal); len(errs) != 1 || errs[0].Code != code {
			t.Errorf("%s: %v, want %s", src, errs, code)
		}
	}
	for _, src := range []string{`user.active`, `params.x`, `user.id == 1 && true || false`, `has(roles, 'a')`, `params.x ? true : false`, `nothing ?? false`} {
		if _, errs := s.Condition(src, Normal); len(errs) != 0 {
			t.Errorf("%s: %v", src, errs)
		}
	}
}

func TestUnavailable(t *testing.T) {
	s := NewScope(&Functions{})
	for _, src := range []string{`now()`, `unix_now()`, `uuid()`, `random_token(8)`, `hash_password('x')`, `presence_list('t')`, `presence_count('t')`, `env.X`, `file('a')`} {
		if _, errs := s.Value(src, Normal); len(errs) != 1 || !strings.Contains(errs[0].Message, "available here") {
			t.Errorf("%s: %v", src, errs)
		}
	}
}

func TestLoad(t *testing.T) {
	s := testScope()
	for text, want := range map[string]any{
		`plain`: "plain", ``: "", `${env.PORT}`: "4000", `:${env.PORT}`: ":4000", `${env.NONE ?? 'd'}`: "d", `${env.NONE ?? nil}`: nil, `${int(env.PORT) + 1}`: int64(4001), `$${env.PORT}`: "${env.PORT}",
		`${file('a.txt')}`: "text of a", `${env.EMPTY}`: "", `${ {a: [1]} }`: map[string]any{"a": []any{int64(1)}}, `${sha256(env.PORT)[0:4]}`: "9f5e",
	} {
		got, _, errs := s.Load(text)
		if len(errs) > 0 || text != `${sha256(env.PORT)[0:4]}` && !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, %v; want %#v", text, got, errs, want)
		}
	}
	for text, code := range map[string]string{`a${env.NONE}`: "missing-env", `${file('x')}`: "missing-file", `${user.id}`: "unknown-name", `${now()}`: "unavailable", `${uuid()}`: "unavailable", `${`: "not-closed", `a${nil}`: "type", `${1/0}`: "expression"} {
		if _, _, errs := s.Load(text); len(errs) != 1 || errs[0].Code != code {
			t.Errorf("%s: %v, want %s", text, errs, code)
		}
	}
	if _, from, _ := s.Load(`${env.PORT}-${env.EMPTY}`); !slices.Equal(from, []string{"PORT", "EMPTY"}) {
		t.Errorf("from the environment: %v", from)
	}
}

func TestWhatAnExpressionTells(t *testing.T) {
	s := testScope()
	e, errs := s.Value(`request.body == user.email and path('/u/:id', {id: params.id}) != nil and any([request], .path == '')`, Normal)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if want := []string{"params", "request", "request.*", "request.body", "user", "user.email"}; !slices.Equal(e.Uses(), want) {
		t.Errorf("uses %v, want %v", e.Uses(), want)
	}
	if p := e.Paths(); len(p) != 1 || p[0].Pattern != "/u/:id" {
		t.Errorf("paths %v", p)
	}
	for src, want := range map[string]string{`user`: "user", `user.id`: "", `'user'`: ""} {
		if e, _ := s.Value(src, Normal); e.Name() != want {
			t.Errorf("the name of %s is %q", src, e.Name())
		}
	}
	for src, want := range map[string]any{`1 + 1`: int64(2), `'a'`: "a", `env.PORT`: "4000", `lower('A')`: "a", `nil`: nil} {
		e, _ := s.Value(src, Normal)
		if v, ok := e.Constant(); !ok || v != want {
			t.Errorf("constant of %s: %v, %v", src, v, ok)
		}
	}
	for _, src := range []string{`now()`, `params.x`, `uuid()`, `1 / 0`, `[1]`} {
		e, _ := s.Value(src, Normal)
		if v, ok := e.Constant(); ok {
			t.Errorf("%s is the constant %v", src, v)
		}
	}
	for src, want := range map[string]Type{`user.id`: Int, `user.email`: String, `posts`: List(Any), `map(posts, .email)`: List(String), `now()`: Time, `claims`: Claims, `params`: OpenMap(), `params.x`: Any, `1.5`: Float, `user.id == 1`: Bool} {
		e, _ := s.Value(src, Normal)
		if e.Type().kind != want.kind || want.kind == listKind && want.Item().kind != Any.kind && e.Type().Item().kind != want.Item().kind {
			t.Errorf("the type of %s is %v, want %v", src, e.Type(), want)
		}
	}
}

func TestScopes(t *testing.T) {
	a := NewScope(nil).With(Name{Name: "x", Slot: 8, Type: Int}).With(Name{Name: "y", Slot: 9})
	b := NewScope(nil).With(Name{Name: "y", Slot: 9}).With(Name{Name: "x", Slot: 8, Type: Int})
	if a.Key() != b.Key() || !slices.Equal(a.Names(), []string{"x", "y"}) {
		t.Errorf("keys %q and %q, names %v", a.Key(), b.Key(), a.Names())
	}
	for _, other := range []*Scope{a.With(Name{Name: "x", Slot: 10, Type: Int}), a.With(Name{Name: "x", Slot: 8, Type: Nullable(Int)}), a.With(Name{Name: "x", Slot: 8, Type: Int, MaybeNil: true}), a.With(Name{Name: "z", Slot: 8})} {
		if other.Key() == a.Key() {
			t.Errorf("a different scope has the key %q", other.Key())
		}
	}
	if n, ok := a.With(Name{Name: "x", Slot: 12}).Lookup("x"); !ok || n.Slot != 12 {
		t.Errorf("the later name does not hide the earlier: %v", n)
	}
	if _, ok := a.Lookup("z"); ok {
		t.Error("z is found")
	}
	if Record(map[string]Type{"a": Int}).identity() == Record(map[string]Type{"a": String}).identity() {
		t.Error("records of other types are one")
	}
}

func TestFunctionDocs(t *testing.T) {
	docs := FunctionDocs()
	for i, d := range docs {
		if d.Doc == "" || !strings.HasPrefix(d.Signature, d.Name+"(") || i > 0 && docs[i-1].Name >= d.Name {
			t.Errorf("row %d: %+v", i, d)
		}
	}
	for _, name := range strings.Fields("now unix_now uuid random_token hash_password sha256 hmac_sha256 base64 secure_compare merge has path url presence_list presence_count file map lower len") {
		if !slices.ContainsFunc(docs, func(d FunctionDoc) bool { return d.Name == name }) {
			t.Errorf("no row for %s", name)
		}
	}
}
