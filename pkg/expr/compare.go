package expr

import (
	"regexp"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// likeness is what a comparison says beside its answer.
type likeness uint8

const (
	alike  likeness = iota
	unlike          // the types can never be equal
)

// equal compares by value; numbers of any kind by their exact value.
func equal(a, b any) (bool, likeness) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return x == y, alike
		}
	case int64:
		if y, ok := b.(int64); ok {
			return x == y, alike
		}
	case bool:
		if y, ok := b.(bool); ok {
			return x == y, alike
		}
	}
	return equalSlow(a, b)
}

// Same is == of the language: values of unlike types are not equal.
func Same(a, b any) bool {
	same, _ := equal(a, b)
	return same
}

func equalSlow(a, b any) (bool, likeness) {
	if an, bn := isNil(a), isNil(b); an || bn {
		return an && bn, alike
	}
	switch x := a.(type) {
	case int64, int, float64, value.Number:
		switch b.(type) {
		case int64, int, float64, value.Number:
			order, ok := value.CompareNumbers(a, b)
			return ok && order == 0, alike
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Equal(y), alike
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return x == y, alike
		}
	case []any:
		if y, ok := b.([]any); ok {
			return equalLists(x, y)
		}
	case *value.Raw:
		return equalRaw(x, b)
	}
	if y, ok := b.(*value.Raw); ok {
		return equalRaw(y, a)
	}
	if x, ok := membersOf(a); ok {
		if y, ok := membersOf(b); ok {
			return equalMaps(x, y)
		}
	}
	return false, unlike
}

func equalRaw(r *value.Raw, other any) (bool, likeness) {
	v, err := r.Value()
	if err != nil {
		return false, unlike
	}
	return equal(v, other)
}

func equalLists(x, y []any) (bool, likeness) {
	if len(x) != len(y) {
		return false, alike
	}
	for i := range x {
		if eq, like := equal(x[i], y[i]); !eq {
			return false, like
		}
	}
	return true, alike
}

func equalMaps(x, y map[string]any) (bool, likeness) {
	if len(x) != len(y) {
		return false, alike
	}
	answer, likely := true, alike
	for k, v := range x {
		w, ok := y[k]
		if !ok {
			return false, alike
		}
		// The order of a map is random: an unlike pair must not win only sometimes.
		eq, like := equal(v, w)
		answer = answer && eq
		likely = max(likely, like)
	}
	return answer, likely
}

// membersOf gives what of a map or object may leave.
func membersOf(v any) (map[string]any, bool) {
	switch x := v.(type) {
	case map[string]any:
		return x, true
	case value.Claims:
		return x, true
	case *value.Raw:
		d, err := x.Value()
		m, ok := d.(map[string]any)
		return m, ok && err == nil
	case value.Object:
		names := x.Names()
		out := make(map[string]any, len(names))
		for _, n := range names {
			if e, ok := x.Member(n); ok {
				out[n] = e
			}
		}
		return out, true
	}
	return nil, false
}

func eq(a, b any) (bool, error) {
	answer, _ := equal(a, b)
	return answer, nil
}

// eqGuard is == in a guard. The literal nil never comes here.
func eqGuard(a, b any) (bool, error) {
	if isNil(a) || isNil(b) {
		return false, nilFault("a comparison")
	}
	answer, like := equal(a, b)
	if like == unlike {
		return false, unlikeFault(a, b)
	}
	return answer, nil
}

func nilFault(where string) *Fault {
	return faultOf(NilOperand, "nil in %s; write `x != nil and ...`, or give a default with ??", where)
}

func unlikeFault(a, b any) *Fault {
	x, y := describe(a), describe(b)
	f := faultOf(Unlike, "%s and %s are never equal", x, y)
	if x == "text" && y == "a number" || x == "a number" && y == "text" {
		f.Message += "; params are text: compare with '5', or use int(params.x)"
	}
	return f
}

func in(x, list any) (bool, error) { return inside(x, list, false) }

func inGuard(x, list any) (bool, error) {
	if isNil(x) || isNil(list) {
		return false, nilFault("`in`")
	}
	return inside(x, list, true)
}

// inside asks for an item of a list or a key of a map. Where it is found, unlike items
// beside it do not matter; where it is not, a guard cannot tell "no" from "never".
func inside(x, list any, guard bool) (bool, error) {
	switch l := list.(type) {
	case []any:
		var odd any
		unlikely := false
		for _, e := range l {
			yes, like := equal(e, x)
			if yes {
				return true, nil
			}
			if like == unlike && !unlikely {
				odd, unlikely = e, true
			}
		}
		if unlikely && guard {
			return false, unlikeFault(x, odd)
		}
		return false, nil
	case nil:
		return false, nil
	case string:
		return false, fault("text has no items; ask `list contains 'x'` of text")
	case *value.Raw:
		v, err := l.Value()
		if err != nil {
			return false, err
		}
		return inside(x, v, guard)
	}
	if isNil(list) {
		return false, nil
	}
	k, ok := x.(string)
	if !ok {
		return false, faultOf(Unlike, "%s is no key of %s", describe(x), describe(list))
	}
	switch m := list.(type) {
	case map[string]any:
		_, ok = m[k]
		return ok, nil
	case value.Claims:
		_, ok = m[k]
		return ok, nil
	case value.Object:
		_, ok = m.Member(k)
		return ok, nil
	}
	return false, fault("`in` needs a list or a map, this is %s", describe(list))
}

// textTest is contains, startsWith or endsWith; in a guard nil is an error, elsewhere
// it holds nothing.
func textTest(name string, test func(s, part string) bool, guard bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		x, xok := a.(string)
		y, yok := b.(string)
		if xok && yok {
			return test(x, y), nil
		}
		if isNil(a) || isNil(b) {
			if guard {
				return false, nilFault("`" + name + "`")
			}
			return false, nil
		}
		a, b, err := openedBoth(a, b)
		if err != nil {
			return false, err
		}
		x, xok = a.(string)
		y, yok = b.(string)
		if xok && yok {
			return test(x, y), nil
		}
		if !xok {
			return false, fault("`%s` needs text on its left, this is %s", name, describe(a))
		}
		return false, fault("`%s` needs text on its right, this is %s", name, describe(b))
	}
}

func openedBoth(a, b any) (any, any, error) {
	a, err := opened(a)
	if err != nil {
		return nil, nil, err
	}
	b, err = opened(b)
	return a, b, err
}

func matches(guard bool) func(a, re any) (bool, error) {
	return func(a, re any) (bool, error) {
		a, err := opened(a)
		if err != nil {
			return false, err
		}
		if x, ok := a.(string); ok {
			return re.(*regexp.Regexp).MatchString(x), nil
		}
		if !isNil(a) {
			return false, fault("`matches` needs text on its left, this is %s", describe(a))
		}
		if guard {
			return false, nilFault("`matches`")
		}
		return false, nil
	}
}

// ordered is <, >, <= or >=: numbers, texts, times, durations.
func ordered(test func(order int) bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		order, err := compare(a, b)
		if err != nil {
			return false, err
		}
		return test(order), nil
	}
}

func compare(a, b any) (int, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	case time.Time:
		if y, ok := b.(time.Time); ok {
			return x.Compare(y), nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return int(min(max(x-y, -1), 1)), nil
		}
	case *value.Raw:
		v, err := x.Value()
		if err != nil {
			return 0, err
		}
		return compare(v, b)
	}
	if y, ok := b.(*value.Raw); ok {
		v, err := y.Value()
		if err != nil {
			return 0, err
		}
		return compare(a, v)
	}
	if order, ok := value.CompareNumbers(a, b); ok {
		return order, nil
	}
	if isNil(a) || isNil(b) {
		return 0, nilFault("a comparison")
	}
	return 0, faultOf(Unlike, "%s and %s have no order", describe(a), describe(b))
}
