package expr

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

func TestFunctionValues(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = value.Number("2.50")
	for src, want := range map[string]any{
		`trim('  a ')`: "a", `trim('xax', 'x')`: "a", `trimPrefix('/a', '/')`: "a", `trimPrefix(' a')`: "a", `trimSuffix('a/', '/')`: "a", `trimSuffix('a ')`: "a", `hasPrefix('ab', 'a')`: true, `hasSuffix('ab', 'a')`: false,
		`indexOf('abab', 'b')`: int64(1), `lastIndexOf('abab', 'b')`: int64(3), `split('a,b,c', ',', 2)`: []any{"a", "b,c"}, `splitAfter('a,b', ',')`: []any{"a,", "b"}, `replace('aaa', 'a', 'b', 2)`: "bba", `replace('ab', '', '-')`: "-a-b-",
		`repeat('ab', 2)`: "abab", `join([1.0, true])`: "1true", `toBase64('a')`: "YQ==", `len([1])`: int64(1), `len({a: 1})`: int64(1), `len(claims)`: int64(5), `type(nil)`: "nil", `type(true)`: "bool", `type(1)`: "int", `type('a')`: "string",
		`type([1])`: "array", `type(now())`: "time", `type(duration('1s'))`: "duration", `type(nothing)`: "float", `int(' 7 ')`: int64(7), `int(7)`: int64(7), `int(nothing)`: int64(2), `float(2)`: 2.0, `float(nothing)`: 2.5, `abs(-1.5)`: 1.5, `abs(2)`: int64(2),
		`ceil(1.2)`: 2.0, `floor(1.8)`: 1.0, `floor(3)`: 3.0, `max('a', 'b')`: "b", `max(nothing, 1)`: value.Number("2.50"), `median(1, 2, 3, 4)`: 2.5, `mean([])`: 0.0, `bitor(4, 1)`: int64(5), `bitxor(5, 1)`: int64(4), `bitnand(7, 2)`: int64(5), `bitnot(0)`: int64(-1),
		`bitshl(1, 4)`: int64(16), `bitshr(-8, 1)`: int64(-4), `bitushr(8, 1)`: int64(4), `sort(['b', 'a'], 'desc')`: []any{"b", "a"}, `sort([2, 1.5, 1])`: []any{int64(1), 1.5, int64(2)}, `take([1], 5)`: []any{int64(1)}, `take([1], -1)`: []any{}, `last([])`: nil,
		`uniq([[1], [1], 2.0, 2, 2.0])`: []any{[]any{int64(1)}, 2.0}, `+1`: int64(1), `+(params.none ?? 1)`: int64(1), `-1.5`: -1.5, `-user.id`: int64(-7), `nothing * 2`: 5.0, `2 - 5`: int64(-3), `2 * 3.5`: 7.0, `payload.n % 4`: int64(1), `5 % -1`: int64(0), `2 ^ 3`: 8.0,
		`'abc'[-2:]`: "bc", `'abc'[:2]`: "ab", `[1, 2][5:]`: []any{}, `'é1'[0:1]`: "é", `'abc'[2:1]`: "", `date('2026-01-02').Day()`: int64(2), `date('02/01/2026', '02/01/2006').Month()`: int64(1), `now().Format('2006')`: "2026", `now().Unix() == unix_now()`: true,
		`date('2026-01-02 10:00', '2006-01-02 15:04', 'Europe/Paris').UTC().Hour()`: int64(9), `now().AddDate(0, 1, 0).Month()`: int64(4), `now().In(timezone('Asia/Tokyo')).Hour()`: int64(14), `now().Add(duration('1m')).Minute()`: int64(7), `now().Weekday()`: int64(3), `now().YearDay()`: int64(63),
		`duration('90m').Hours()`: 1.5, `duration('90s').Minutes()`: 1.5, `duration('1s').Milliseconds()`: int64(1000), `(duration('1h') * 2 + duration('1m') - duration('1m')).Seconds()`: 7200.0, `duration('1h') > duration('1m')`: true, `now() - duration('1s') < now()`: true,
		`nothing?.Unix()`: "fault", `member?.Unix()`: nil, `now().Second()`: int64(7), `now().UnixMilli()`: testNow.UnixMilli(), `fromPairs(toPairs({a: 1}))`: map[string]any{"a": int64(1)}, `path('/a', {b: [1, 2]})`: "/a?b=1&b=2", `url('/')`: "https://a.example/",
		`path('/f/*r', {r: ''})`: "/f/", `path('/f/*r', {r: '/x'})`: "/f/x", `path('/:a/b', {a: 1.0})`: "/1/b", `values({b: 1, a: [2]})`: []any{[]any{int64(2)}, int64(1)}, `merge({a: 1}, {a: 2}, {b: 3})`: map[string]any{"a": int64(2), "b": int64(3)}, `sum([0.5, 1])`: 1.5, `sum(1..100)`: int64(5050),
		`findLast(posts, .id > 1).id`: int64(8), `findLastIndex(posts, .id > 1)`: int64(1), `find(claims.roles, # == 'zz')?.k`: nil, `count([true, false])`: int64(1), `sortBy(posts, .id)[0].id`: int64(7), `sum(posts, nothing)`: 5.0, `1 in [1.0]`: true, `nothing == 2.5`: true, `nothing > 2`: true,
	} {
		got, err := run(t, s, src, Normal, f)
		if want == "fault" {
			if err == nil {
				t.Errorf("%s = %v", src, got)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, %v; want %#v", src, got, err, want)
		}
	}
}

// Each message must say in plain words what is wrong.
func TestMessages(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = []any{"a", int64(1)}
	for src, want := range map[string]string{
		`sortBy(nothing, #)`: "cannot compute", `sortBy(roles, #, 'up')`: "asc or desc", `sort(nothing)`: "have no order", `sort(roles, 'up')`: "'asc' or 'desc'", `reduce([], #)`: "reduce of empty", `map(1..150000, [1, 2, 3, 4, 5, 6, 7, 8])`: "too much work",
		`int('')`: "cannot read", `int(repeat('x', 100))`: "cannot read", `int(1e30)`: "beyond 64 bits", `int(true)`: "int needs a number or text", `float('a')`: "cannot read", `float('Inf')`: "finite", `-9223372036854775807 - 2`: "beyond 64 bits", `9223372036854775807 * 2`: "beyond 64 bits", `2 ** 10000`: "finite",
		`1 % 0`: "division by zero", `params.id % 1`: "int() and float() read a text", `nothing[0:'a']`: "no place", `user[0:1]`: "", `duration('x')`: "no duration", `date('x')`: "no date", `timezone('No/Where')`: "no such time zone", `timezone('Local')`: "no such time zone", `now().Format(1)`: "cannot be called so",
		`params.id.Year()`: "for times and durations", `now().Hours()`: "cannot be called so", `repeat('a', -1)`: "-1 times", `join(nothing, 1)`: "", `join([nil])`: "item 0", `fromBase64('*')`: "no base64", `bitshl(1, -1)`: "cannot move", `bitand(1.5, 1)`: "", `fromPairs([1])`: "no [key, value]", `take(nothing, 'a')`: "",
		`max(nothing)`: "have no order", `max([roles])`: "", `mean(nothing)`: "mean needs a number", `random_token(2000)`: "1 to 1024", `params.id ? 1 : 2`: "neither true nor false", `path('/:a', {a: [1]})`: "a list", `path('/a', {b: {c: 1}})`: "a map", `path('/a', {b: nil})`: "nil", `-roles[0]`: "cannot compute",
		`+roles[0]`: "+ needs a number", `row.emial`: `"emial"`, `claims.org`: `the claims have no "org"`, `nothing.a`: "a list", `claims[1]`: "no member of claims", `params[1]`: "", `roles?.a`: "", `timezone('UTC')`: "a time zone is no value", `[1] < [2]`: "",
	} {
		_, err := run(t, s, src, Normal, f)
		if err == nil {
			if want != "" {
				t.Errorf("%s has no error", src)
			}
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, want %q in it", src, err, want)
		}
		for _, bad := range []string{"interface", "int64", "float64", "map[", "[]", "*value", "runtime", "\n"} {
			if strings.Contains(err.Error(), bad) {
				t.Errorf("%s: %q is not in plain words", src, err)
			}
		}
	}
}

// The error of a function that reaches outside can be found again.
func TestFunctionFailure(t *testing.T) {
	broken := errors.New("the disk is gone")
	s := NewScope(&Functions{HashPassword: func(string) (string, error) { return "", broken }, Random: strings.NewReader("")}).With(Name{Name: "xs", Slot: FirstSlot})
	f := NewFrame(FirstSlot + 1)
	f.Slots[FirstSlot] = []any{"a"}
	for src, want := range map[string]error{`hash_password('a')`: broken, `map(xs, hash_password(#))`: broken, `uuid()`: io.EOF, `random_token(4)`: io.EOF} {
		_, err := run(t, s, src, Normal, f)
		fault, ok := errors.AsType[*Fault](err)
		if !ok || !errors.Is(err, want) || fault.Kind != Failed {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestTypes(t *testing.T) {
	row := Record(map[string]Type{"a": Int})
	if m, ok := row.Member("a"); !ok || !m.Equal(Int) || !row.IsRecord() {
		t.Error("the record has no member a")
	}
	if _, ok := row.Member("b"); ok {
		t.Error("the record has a member b")
	}
	if !List(row).IsList() || !List(row).Item().Equal(row) || !OpenMap().Item().Equal(Any) || Nullable(Int).Equal(Int) || List(Int).Equal(List(String)) {
		t.Error("types are mixed up")
	}
	for want, typ := range map[string]Type{"any value": Nullable(Any), "text or nil": Nullable(String), "a record": row, "a list": List(Any), "an integer": Int, "claims": Claims, "a time": Time} {
		if typ.String() != want {
			t.Errorf("%q, want %q", typ, want)
		}
	}
	if !typeOf(row.nature()).Equal(row) || !typeOf(List(row).nature()).Equal(List(row)) || !typeOf(Time.nature()).Equal(Time) {
		t.Error("a type does not survive the checker")
	}
}
