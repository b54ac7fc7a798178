package expr

import (
	"errors"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/value"
)

// Every way around a missing claim that the language knows must fail closed, in every mode.
func TestClaimsFailClosed(t *testing.T) {
	s, f := testScope(), testFrame()
	for _, src := range []string{
		`claims.org`, `claims["org"]`, `claims[params.id]`, `let c = claims; c.org`, `[claims][0].org`, `map([claims], .org)`, `map([claims], #.org)[0]`,
		`(true ? claims : nil).org`, `(claims ?? nil).org`, `(nil ?? claims).org`, `{a: claims}.a.org`, `first([claims]).org`, `find([claims], true).org`,
		`filter([claims], true)[0].org`, `reduce([claims], #, nil).org`, `reduce([1], claims, 0).org`, `sortBy([claims], .sub)[0].org`, `merge(claims, {}).org`, `merge({}, claims).org`,
		`claims.realm.zz`, `let r = claims.realm; r.zz`, `values(claims)[2].zz`, `toPairs(claims)[2][1].zz`, `claims.roles[1].zz`, `last(claims.roles).zz`, `concat(claims.roles)[1].zz`,
		`flatten([claims.roles])[1].zz`, `reverse(claims.roles)[0].zz`, `take(claims.roles, 2)[1].zz`, `uniq([claims])[0].org`, `groupBy([claims], .sub)['u1'][0].org`,
		`claims.org == nil`, `claims.org != "banned"`, `not (claims.org == "x")`, `claims.org == "x" or claims.sub == "u1"`, `claims.sub == "u1" and claims.org != 1`,
		`if claims.org == 1 {2} else {3}`, `claims?.org.x`, `claims.org?.x`, `lower(claims.org) ?? 'x'`, `claims | merge({}) | keys() == nil or claims.org`,
		`any([claims], .org == 'x')`, `none([claims], .org == 'x')`, `all([claims], .org != 'x')`, `count([claims], .org != 'x') == 1`, `claims.roles[1:2][0].zz`, `(claims).org`,
		`claims.org in ['a']`, `claims.org not in ['a']`, `not (claims.org contains 'a')`, `not (claims.org matches 'a')`,
	} {
		for _, m := range []Mode{Normal, Guard} {
			e, errs := s.Value(src, m)
			if len(errs) > 0 {
				t.Errorf("%s: %v", src, errs[0])
				continue
			}
			v, err := e.Eval(f)
			if fault, ok := errors.AsType[*Fault](err); !ok || fault.Kind != Missing {
				t.Errorf("mode %d: %s = %v, %v; want a missing member", m, src, v, err)
			}
			if ok, err := e.Test(f); ok || err == nil {
				t.Errorf("mode %d: %s passes: %v, %v", m, src, ok, err)
			}
		}
	}
	for _, src := range []string{`$env.claims.org`, `$env["claims"]`, `get(claims, "org")`, `claims | get("org")`, `::get(claims, 'org')`, `$opt(claims, "org")`, `$get(claims, "org")`, `let $x = 1; $x`, `::$opt(claims, 'org')`, `env`, `claims.toString()`, `claims.get('org')`} {
		if _, errs := s.Value(src, Normal); len(errs) == 0 {
			t.Errorf("%s loads", src)
		}
	}
}

// guardFacts: what a guard makes of each condition.
func TestGuards(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotRow] = map[string]any{"five": int64(5), "mixed": []any{int64(5), "7", nil}, "null": nil}
	const passes, refuses = "true", "false"
	for src, want := range map[string]string{
		`user.id == 7`: passes, `user.id == 7.0`: passes, `user.id != 7`: refuses, `claims.sub == params.id`: passes, `"admin" in claims.roles`: passes,
		`params.x`: "missing", `params.x == nil`: "missing", `params?.x == nil`: passes, `(params.x ?? 'a') == 'a'`: passes, `params?.x == params?.y`: "nil", `params?.x != 'a'`: "nil",
		`params?.x != nil`: refuses, `nothing == nil`: passes, `nil == nothing`: passes, `nil != nothing`: refuses, `nothing == nothing`: "nil", `nothing != 1`: "nil", `nothing in [nil]`: "nil",
		`nil in row.mixed`: passes, `'a' in nothing`: "nil", `nothing in roles`: "nil", `nothing not in roles`: "nil", `has(nothing, 'a')`: "nil", `has(roles, nothing)`: "nil", `has(roles, 'admin')`: passes,
		`row.five == '5'`: "unlike", `row.five != '5'`: "unlike", `'5' in [5]`: "load", `5 in row.mixed`: passes, `'7' in row.mixed`: passes, `'5' in row.mixed`: "unlike", `has(row.mixed, '5')`: "unlike",
		`5 in ['5']`: "load", `not ('5' in [1, 2])`: "load", `row.five in [1, 2]`: refuses, `row.null contains 'a'`: "nil", `not (row.null contains 'a')`: "nil", `row.null startsWith 'a'`: "nil",
		`row.null endsWith 'a'`: "nil", `row.null matches 'a'`: "nil", `params.id contains 'u'`: passes, `params.id contains row.null`: "nil", `row.five contains 'a'`: "error", `row.five > 'a'`: "unlike", `row.null > 1`: "nil",
		`row.five`: "unlike", `row.null`: "nil", `nothing`: "nil", `'true'`: "load", `1`: "load", `nil`: "load", `true`: passes, `false`: refuses, `not row.null`: "nil", `params.id and true`: "unlike",
		`row.none ?? false`: refuses, `row?.none`: "nil", `{a: 1}.b == nil`: "missing", `[1][3] == nil`: "missing", `[1]?.[3] == nil`: passes, `fromJSON('{}').x == nil`: "missing",
		`user.id == 7 or nothing == 1`: passes, `nothing == 1 or user.id == 7`: "nil", `user.id == 8 and nothing == 1`: refuses, `[1] == ['1']`: "unlike", `{a: 1} == {a: '1'}`: "unlike", `{a: 1} == {a: 1}`: passes,
		`row.five == 5 ? true : nothing`: passes, `any(roles, # == 5)`: "unlike", `none(roles, # == 5)`: "unlike", `payload.none == 1`: "nil", `payload.none == nil`: passes, `payload.zz == nil`: "missing", `payload.n == 1`: passes,
		`member != nil and member.id == 7`: refuses, `member == nil or member.id == 7`: passes, `member?.id == 7`: "nil", `(member?.id ?? 0) == 7`: refuses, `not (member == nil) and member.id == 7`: refuses,
		`member != nil ? member.id == 7 : false`: refuses, `member == nil ? false : member.id == 7`: refuses, `member.id == 7`: "load", `member == user`: "load", `not (member.id == 7)`: "load", `member in [1]`: "load",
		`has(member, 'id')`: "load", `(member.id ?? 7) == 7`: passes, `member != nil or member.id == 7`: "load", `let m = member; m.id == 7`: "missing",
	} {
		e, errs := s.Condition(src, Guard)
		if len(errs) > 0 {
			if want != "load" {
				t.Errorf("%s: %v", src, errs[0])
			}
			continue
		}
		ok, err := e.Test(f)
		got := map[bool]string{true: passes, false: refuses}[ok]
		if fault, is := errors.AsType[*Fault](err); is {
			got = [...]string{"error", "missing", "nil", "unlike"}[fault.Kind]
		} else if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", src, got, err, want)
		}
	}
}

// A claim under any name stays strict where the name's type is not known at load.
func TestClaimsUnderAnyName(t *testing.T) {
	s, f := testScope(), testFrame()
	f.Slots[slotNothing] = value.Claims{"sub": "u", "deep": map[string]any{"a": int64(1)}}
	for _, src := range []string{`nothing.org`, `nothing.deep.b`, `(nothing.deep).b`, `let d = nothing.deep; d.b`} {
		if v, err := run(t, s, src, Normal, f); err == nil {
			t.Errorf("%s = %v", src, v)
		}
	}
}

func TestUnlikeNamesTheWayOut(t *testing.T) {
	s, f := testScope(), testFrame()
	_, err := run(t, s, `params.page == 2`, Guard, f)
	if err == nil || !strings.Contains(err.Error(), "int(params.x)") {
		t.Errorf("the message is %v", err)
	}
}
