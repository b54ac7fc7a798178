package expr

import (
	"maps"
	"slices"

	"github.com/openmanifest/gateway/pkg/value"
)

func listRows() []function {
	toList := of[func(any) []any]()
	return []function{
		pure("first", "first(list)", "the first item, or nil", endItem("first", 0), of[func([]any) any]()),
		pure("last", "last(list)", "the last item, or nil", endItem("last", -1), of[func([]any) any]()),
		pure("take", "take(list, n)", "the first n items", takeItems, of[func([]any, int64) []any]()),
		pure("reverse", "reverse(list)", "the list backwards", reversed, of[func([]any) []any]()),
		pure("uniq", "uniq(list)", "the list without repeated items", unique, of[func([]any) []any]()),
		pure("concat", "concat(a, b, ...)", "the lists as one", concatenated, of[func([]any, ...[]any) []any]()),
		pure("flatten", "flatten(list)", "the list with the items of inner lists in their place", flattened, of[func([]any) []any]()),
		pure("sort", "sort(list, order)", "the list sorted; order is 'asc' or 'desc'", sorted, of[func([]any) []any](), of[func([]any, string) []any]()),
		pure("keys", "keys(map)", "the keys, sorted; of a row its columns in their order", keysOf, toList),
		pure("values", "values(map)", "the values, in the order of keys", valuesOf, toList),
		pure("toPairs", "toPairs(map)", "a list of [key, value]", pairsOf, toList),
		pure("fromPairs", "fromPairs(list)", "a map from a list of [key, value]", fromPairs, of[func([]any) map[string]any]()),
		pure("merge", "merge(a, b, ...)", "one map; where keys repeat the last wins", merged, of[func(any, any, ...any) map[string]any]()),
	}
}

func endItem(name string, at int64) many {
	return func(args ...any) (any, error) {
		list, err := needList(name, args[0])
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return item(list, at, normal)
	}
}

func takeItems(args ...any) (any, error) {
	list, err := needList("take", args[0])
	if err != nil {
		return nil, err
	}
	n, err := needInt("take", args[1])
	if err != nil {
		return nil, err
	}
	k := int(max(0, min(n, int64(len(list)))))
	return list[:k:k], nil
}

func reversed(args ...any) (any, error) {
	list, err := needList("reverse", args[0])
	if err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	slices.Reverse(out)
	return out, nil
}

// maxUnlike bounds the items that uniq must compare one by one.
const maxUnlike = 1000

func unique(args ...any) (any, error) {
	list, err := needList("uniq", args[0])
	if err != nil {
		return nil, err
	}
	out := []any{}
	var slow []any
	seen := make(map[any]struct{}, len(list))
	for _, e := range list {
		switch x := e.(type) {
		case nil, bool, string, int64:
			if _, again := seen[x]; again {
				continue
			}
			seen[x] = struct{}{}
		default:
			if slices.ContainsFunc(slow, func(s any) bool { same, _ := equal(s, e); return same }) {
				continue
			}
			if n, whole := wholeNumber(e); whole {
				if _, again := seen[n]; again {
					continue
				}
				seen[n] = struct{}{}
			}
			if slow = append(slow, e); len(slow) > maxUnlike {
				return nil, fault(tooMuchWork)
			}
		}
		out = append(out, e)
	}
	return out, nil
}

func concatenated(args ...any) (any, error) {
	var out []any
	for _, a := range args {
		list, err := needList("concat", a)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func flattened(args ...any) (any, error) {
	list, err := needList("flatten", args[0])
	if err != nil {
		return nil, err
	}
	return flattenInto([]any{}, list), nil
}

func flattenInto(out, list []any) []any {
	for _, e := range list {
		if inner, ok := e.([]any); ok {
			out = flattenInto(out, inner)
			continue
		}
		out = append(out, e)
	}
	return out
}

func sorted(args ...any) (any, error) {
	list, err := needList("sort", args[0])
	if err != nil {
		return nil, err
	}
	sign := 1
	if len(args) == 2 {
		switch order, err := needText("sort", args[1]); {
		case err != nil:
			return nil, err
		case order == "desc":
			sign = -1
		case order != "asc":
			return nil, fault("the order of sort is 'asc' or 'desc'")
		}
	}
	out := slices.Clone(list)
	var broken error
	slices.SortStableFunc(out, func(a, b any) int {
		order, err := compare(a, b)
		if err != nil {
			broken = err
		}
		return sign * order
	})
	return out, broken
}

// listed gives the names of a map or object in order, and how to read one. Hidden
// members are not among them.
func listed(fn string, v any) ([]string, func(string) any, error) {
	v, err := opened(v)
	if err != nil {
		return nil, nil, err
	}
	switch m := v.(type) {
	case map[string]any:
		return slices.Sorted(maps.Keys(m)), func(k string) any { return m[k] }, nil
	case value.Claims:
		return slices.Sorted(maps.Keys(m)), func(k string) any { e, _ := claimsMember(m, k, normal); return e }, nil
	case value.Object:
		if !isNil(v) {
			return m.Names(), func(k string) any { e, _ := m.Member(k); return e }, nil
		}
	}
	return nil, nil, need(fn, "a map", v)
}

func keysOf(args ...any) (any, error) {
	names, _, err := listed("keys", args[0])
	if err != nil {
		return nil, err
	}
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out, nil
}

func valuesOf(args ...any) (any, error) {
	names, read, err := listed("values", args[0])
	if err != nil {
		return nil, err
	}
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = read(n)
	}
	return out, nil
}

func pairsOf(args ...any) (any, error) {
	names, read, err := listed("toPairs", args[0])
	if err != nil {
		return nil, err
	}
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = []any{n, read(n)}
	}
	return out, nil
}

func fromPairs(args ...any) (any, error) {
	list, err := needList("fromPairs", args[0])
	if err != nil {
		return nil, err
	}
	out := make(map[string]any, len(list))
	for i, e := range list {
		pair, err := needList("fromPairs", e)
		if err != nil || len(pair) != 2 {
			return nil, fault("fromPairs: item %d is no [key, value]", i)
		}
		k, err := needText("fromPairs", pair[0])
		if err != nil {
			return nil, err
		}
		out[k] = pair[1]
	}
	return out, nil
}

// merged stays Claims when any part is: strictness is not lost on the way.
func merged(args ...any) (any, error) {
	out := map[string]any{}
	strict := false
	for _, a := range args {
		names, read, err := listed("merge", a)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			out[n] = read(n)
		}
		_, claims := a.(value.Claims)
		strict = strict || claims
	}
	if strict {
		return value.Claims(out), nil
	}
	return out, nil
}
