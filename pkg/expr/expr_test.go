package expr

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// The names of the tests, by slot.
const (
	slotClaims = FirstSlot + iota
	slotParams
	slotPayload
	slotRequest
	slotUser
	slotPosts
	slotID
	slotRoles
	slotNothing
	slotMember
	slotRow
	slotsUsed
)

var testNow = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func testFunctions() *Functions {
	return &Functions{
		Now:          func() time.Time { return testNow },
		Random:       bytes.NewReader(bytes.Repeat([]byte{0xab}, 4096)),
		HashPassword: func(s string) (string, error) { return "hash:" + s, nil },
		BaseURL:      "https://a.example",
		PresenceList: func(topic string) any { return map[string]any{topic: []any{}} }, PresenceCount: func(string) int { return 3 },
		Env: func(name string) (string, bool) {
			v, ok := map[string]string{"PORT": "4000", "EMPTY": ""}[name]
			return v, ok
		},
		File: func(path string) (string, error) {
			if path == "a.txt" {
				return "text of a", nil
			}
			return "", fmt.Errorf("read %s: no such file", path)
		},
	}
}

func testScope() *Scope {
	user := Record(map[string]Type{"id": Int, "email": Nullable(String), "active": Bool})
	request := Record(map[string]Type{"method": String, "path": String, "headers": OpenMap(), "body": String})
	s := NewScope(testFunctions())
	for _, n := range []Name{
		{"claims", slotClaims, Claims, false}, {"params", slotParams, OpenMap(), false}, {"payload", slotPayload, Any, false},
		{"request", slotRequest, request, false}, {"user", slotUser, user, false}, {"posts", slotPosts, List(user), false},
		{"current_user_id", slotID, Any, false}, {"roles", slotRoles, List(Any), false}, {"nothing", slotNothing, Any, false},
		{"member", slotMember, user, true}, {"row", slotRow, Any, false},
	} {
		s = s.With(n)
	}
	return s
}

func testRow() *value.Row {
	columns := value.NewColumns([]string{"id", "email", "password_hash"}, func(n string) bool { return n == "password_hash" })
	return &value.Row{Columns: columns, Values: []any{int64(7), "a@b", "$argon"}}
}

func testFrame() *Frame {
	f := NewFrame(slotsUsed)
	f.Slots[slotClaims] = value.Claims{"sub": "u1", "n": nil, "age": int64(30), "realm": value.Claims{"name": "r"}, "roles": []any{"admin", value.Claims{"k": "v"}}}
	f.Slots[slotParams] = map[string]any{"id": "u1", "page": "2"}
	f.Slots[slotPayload] = &value.Raw{Bytes: []byte(`{"n": 1.0,  "list": ["a", 9007199254740993], "none": null}`)}
	f.Slots[slotRequest] = map[string]any{"method": "GET", "path": "/users/1", "headers": map[string]any{"x-a": "1"}, "body": ""}
	f.Slots[slotUser] = map[string]any{"id": int64(7), "email": "a@b", "active": true}
	f.Slots[slotPosts] = []any{map[string]any{"id": int64(7), "email": "a@b", "active": true}, map[string]any{"id": int64(8), "email": nil, "active": false}}
	f.Slots[slotID] = int64(7)
	f.Slots[slotRoles] = []any{"admin", "editor"}
	f.Slots[slotMember] = nil
	f.Slots[slotRow] = testRow()
	return f
}

// run compiles and evaluates; the errors of loading come as one.
func run(t *testing.T, s *Scope, src string, m Mode, f *Frame) (any, error) {
	t.Helper()
	e, errs := s.Value(src, m)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return e.Eval(f)
}

func TestValues(t *testing.T) {
	s, f := testScope(), testFrame()
	for src, want := range map[string]any{
		`1`: int64(1), `1.5`: 1.5, `'a'`: "a", `true`: true, `nil`: nil, `-3`: int64(-3), `2 ** 3`: 8.0, `7 % 4`: int64(3), `7 / 2`: 3.5,
		`1 + 2 * 3`: int64(7), `'a' + 'b'`: "ab", `1 + 1.5`: 2.5, `current_user_id`: int64(7), `user.id + 1`: int64(8),
		`params.id`: "u1", `params.none`: nil, `params['id']`: "u1", `params.none ?? 'd'`: "d", `params?.x?.y`: nil, `params.x.y ?? 2`: int64(2),
		`claims.sub`: "u1", `claims?.org`: nil, `claims.org ?? 'd'`: "d", `claims.n`: nil, `claims.realm.name`: "r", `claims.realm?.x`: nil,
		`claims.roles[0]`: "admin", `claims.roles[-2]`: "admin", `claims.roles[5] ?? 1`: int64(1), `claims.org.x ?? 1`: int64(1), `claims?.org?.x`: nil,
		`nothing?.x`: nil, `nothing?.x.y`: nil, `nothing ?? 1`: int64(1), `nothing?.x.y.z ?? 5`: int64(5),
		`payload.n`: 1.0, `payload.list[1]`: int64(9007199254740993), `payload.none`: nil, `payload.none ?? 3`: int64(3), `payload != nil`: true,
		`row.id`: int64(7), `row.password_hash`: "$argon", `row?.none`: nil, `row ?? 1`: testRow(), `'email' in row`: true,
		`keys(row)`: []any{"id", "email"}, `values(row)`: []any{int64(7), "a@b"}, `toPairs(row)`: []any{[]any{"id", int64(7)}, []any{"email", "a@b"}},
		`toJSON(row)`: `{"id":7,"email":"a@b"}`, `merge(row, {x: 1})`: map[string]any{"id": int64(7), "email": "a@b", "x": int64(1)}, `len(row)`: int64(2),
		`map(posts, .id)`: []any{int64(7), int64(8)}, `filter(posts, .id > 7)[0].id`: int64(8), `count(posts, .active)`: int64(1), `sum(posts, .id)`: int64(15),
		`any(roles, # == 'editor')`: true, `all(roles, # != 'x')`: true, `none(roles, # == 'x')`: true, `one(roles, # == 'admin')`: true,
		`find(posts, .id == 8).id`: int64(8), `find(posts, .id == 9)`: nil, `findIndex(roles, # == 'editor')`: int64(1), `map(roles, #index)`: []any{int64(0), int64(1)},
		`reduce(roles, #acc + #, '')`: "admineditor", `sortBy(posts, .id, 'desc')[0].id`: int64(8), `groupBy(posts, .active)['true'][0].id`: int64(7),
		`let a = 1; let b = user.id; a + b`: int64(8), `user.id == 7 ? 'y' : 'n'`: "y", `if user.id == 7 { 1 } else { 2 }`: int64(1),
		`1..3`: []any{int64(1), int64(2), int64(3)}, `[1, 2, 3][1:]`: []any{int64(2), int64(3)}, `'hello'[1:3]`: "el", `{a: 1, 'b': [2]}`: map[string]any{"a": int64(1), "b": []any{int64(2)}},
		`len('é')`: int64(1), `lower('AB')`: "ab", `'a' | upper()`: "A", `split('a,b', ',')`: []any{"a", "b"}, `join(['a', 1], '-')`: "a-1", `replace('aa', 'a', 'b')`: "bb",
		`string(1e8)`: "100000000", `string(1.5)`: "1.5", `int('42')`: int64(42), `int(3.9)`: int64(3), `float('1.5')`: 1.5, `round(2.5)`: 3.0, `abs(-3)`: int64(3),
		`max(1, 2.5)`: 2.5, `min([3, 1])`: int64(1), `mean(1, 2)`: 1.5, `median([1, 2, 9])`: 2.0, `sort([3, 1, 2])`: []any{int64(1), int64(2), int64(3)},
		`uniq([1, 1.0, 'a', 'a'])`: []any{int64(1), "a"}, `flatten([[1], [2, [3]]])`: []any{int64(1), int64(2), int64(3)}, `concat([1], [2])`: []any{int64(1), int64(2)},
		`first([])`: nil, `first(roles)`: "admin", `last(roles)`: "editor", `take([1, 2], 1)`: []any{int64(1)}, `reverse([1, 2])`: []any{int64(2), int64(1)}, `fromPairs([['a', 1]])`: map[string]any{"a": int64(1)},
		`fromJSON('{"a": [1, 1.5]}').a`: []any{int64(1), 1.5}, `keys({b: 1, a: 2})`: []any{"a", "b"}, `type(claims)`: "map", `type(1.5)`: "float", `bitand(6, 3)`: int64(2),
		`has(roles, 'admin')`: true, `has(params, 'id')`: true, `has(roles, 'adm')`: false, `'x' not in roles`: true, `not ('x' in roles)`: true,
		`now()`: testNow, `unix_now()`: testNow.Unix(), `now() + duration('1h')`: testNow.Add(time.Hour), `now().Year()`: int64(2026), `(now() - date('2026-03-04')).Hours() > 5`: true,
		`uuid()`: "abababab-abab-4bab-abab-abababababab", `random_token(3)`: "q6ur", `hash_password('x')`: "hash:x", `base64('hi')`: "aGk=", `fromBase64('aGk=')`: "hi",
		`sha256('')`: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", `hmac_sha256('key', 'The quick brown fox jumps over the lazy dog')`: "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
		`secure_compare('a', 'a')`: true, `secure_compare('a', 'b')`: false, `presence_count('room')`: int64(3), `presence_list('a')`: map[string]any{"a": []any{}},
		`path('/users/:id', {id: 'a/b?', q: 'x y'})`: "/users/a%2Fb%3F?q=x+y", `url('/f/*rest', {rest: 'a/b c'})`: "https://a.example/f/a/b%20c", `path('/')`: "/",
		`env.PORT`: "4000", `env.NONE ?? 'x'`: "x", `env?.NONE`: nil, `file('a.txt')`: "text of a", `file('none') ?? 'd'`: "d",
		`{(1): 2}`: map[string]any{"1": int64(2)}, `{(params.id): 1, 2: 3}`: map[string]any{"u1": int64(1), "2": int64(3)}, `map(posts, {{id: .id}})[1]`: map[string]any{"id": int64(8)}, `posts | map(.id) | sum()`: int64(15),
		`payload.list[0] contains 'a'`: true, `map(posts, {let p = #; p.id + #index})`: []any{int64(7), int64(9)}, `member?.id ?? 0`: int64(0), `nothing ?? nothing ?? 3`: int64(3), `user.active ?: 1`: true,
		`nothing == nil`: true, `params.x == params.y`: true, `params.x in ['a']`: false, `params.x contains 'a'`: false, `'5' == params.page`: false, `params.n == 5`: false,
		`1 < 2 < 3`: true, `1 == 1.0`: true, `9007199254740993 == 9007199254740992.0`: false, `'abc' matches '^a'`: true, `'abc' startsWith 'ab' && 'abc' endsWith 'bc'`: true,
	} {
		got, err := run(t, s, src, Normal, f)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, want %#v", src, got, want)
		}
	}
}

func TestRawPassesWhole(t *testing.T) {
	s, f := testScope(), testFrame()
	got, err := run(t, s, `payload`, Normal, f)
	if err != nil || got != f.Slots[slotPayload] {
		t.Fatalf("payload = %v, %v; want the raw bytes themselves", got, err)
	}
}

// What fails at run time, in any mode, and how it is said.
func TestFaults(t *testing.T) {
	s, f := testScope(), testFrame()
	for src, want := range map[string]struct {
		kind FaultKind
		word string // the word at the place of the fault
	}{
		`claims.org`: {Missing, "org"}, `claims["org"]`: {Missing, `"org"`}, `claims.org?.x`: {Missing, "org"}, `claims?.org.x`: {Missing, "x"},
		`claims.realm.zz`: {Missing, "zz"}, `claims.roles[1].zz`: {Missing, "zz"}, `claims.roles[9]`: {Missing, "9"}, `lower(claims.org) ?? 'x'`: {Missing, "org"},
		`nothing.x`: {Missing, "x"}, `params.x.y`: {Missing, "y"}, `params.id.x`: {Failed, "x"}, `roles[5]`: {Missing, "5"},
		`nothing + 1`: {Failed, "+"}, `params.id + 1`: {Failed, "+"}, `params.id * 2`: {Failed, "*"}, `nothing < 1`: {NilOperand, "<"}, `params.page > 1`: {Unlike, ">"},
		`1 / 0`: {Failed, "/"}, `9223372036854775807 + user.id`: {Failed, "+"}, `upper(nothing)`: {NilOperand, "upper"}, `upper(current_user_id)`: {Failed, "upper"}, `string(nothing)`: {NilOperand, "string"},
		`string(roles)`: {Failed, "string"}, `int('x')`: {Failed, "int"}, `any(nothing, true)`: {Failed, "nothing"}, `none(nothing, true)`: {Failed, "nothing"},
		`payload.n and true`: {Unlike, "n"}, `nothing and true`: {NilOperand, "nothing"}, `true and nothing`: {NilOperand, "nothing"}, `not nothing`: {NilOperand, "nothing"}, `nothing ? 1 : 2`: {NilOperand, "nothing"},
		`has(params.id, 'u')`: {Failed, "has"}, `'a' in params.id`: {Failed, "in"}, `current_user_id contains 'a'`: {Failed, "contains"},
		`path('/u/:id', merge({}, {}))`: {Missing, "path"}, `path('/u/:id', {id: nil})`: {Failed, "path"}, `path('/u/:id', {id: ''})`: {Failed, "path"}, `path('/f/*r', {r: 'a/../b'})`: {Failed, "path"}, `path('/u/:id', {id: '..'})`: {Failed, "path"},
		`duration('1h')`: {Failed, "duration('1h')"}, `now() - now()`: {Failed, "now() - now()"}, `random_token(0)`: {Failed, "random_token"},
		`reduce([], #acc + #)`: {Failed, "reduce"}, `roles[payload.n + 0.5]`: {Failed, "+"}, `filter(roles, # ?? 1)`: {Unlike, "??"}, `sortBy(roles, nothing)`: {Failed, "sortBy"}, `groupBy(roles, nothing)`: {Failed, "groupBy"}, `map(current_user_id, #)`: {Failed, "current_user_id"}, `sum(roles)`: {Failed, "sum"}, `max([])`: {Failed, "max"}, `fromJSON('{')`: {Failed, "fromJSON"}, `{(roles): 1}`: {Failed, "roles"},
		`merge(nothing, {})`: {NilOperand, "merge"}, `secure_compare(nothing, nothing)`: {NilOperand, "secure_compare"}, `len(nothing)`: {NilOperand, "len"}, `row.x`: {Missing, "x"}, `row.x.y`: {Missing, "x"}, `{(nothing): 1}`: {Failed, "nothing"},
	} {
		for _, m := range []Mode{Normal, Guard} {
			e, errs := s.Value(src, m)
			if len(errs) > 0 {
				t.Errorf("%s (mode %d): at load: %v", src, m, errs[0])
				continue
			}
			v, err := e.Eval(f)
			fault, ok := errors.AsType[*Fault](err)
			if !ok {
				t.Errorf("%s (mode %d) = %v, %v; want a fault", src, m, v, err)
				continue
			}
			if strings.ContainsAny(fault.Message, "{}\n") || strings.Contains(fault.Message, "interface") || strings.Contains(fault.Message, "int64") {
				t.Errorf("%s: the message names Go: %q", src, fault.Message)
			}
			if word := src[fault.Start:fault.End]; m == Normal && (fault.Kind != want.kind || word != want.word) {
				t.Errorf("%s: kind %d at %q (%s), want %d at %q", src, fault.Kind, word, fault.Message, want.kind, want.word)
			}
		}
	}
}
