package expr

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

func numberRows() []function {
	round := of[func(float64) float64]()
	bits := of[func(int64, int64) int64]()
	return []function{
		pure("int", "int(x)", "a number or the text of an integer as an integer; a fraction is cut off", intOf, of[func(any) int64]()),
		pure("float", "float(x)", "a number or the text of one as a number", floatNumber, of[func(any) float64]()),
		pure("abs", "abs(n)", "the number without its sign", absolute, of[func(any) any]()),
		pure("ceil", "ceil(n)", "the next whole number above", rounded("ceil"), round),
		pure("floor", "floor(n)", "the next whole number below", rounded("floor"), round),
		pure("round", "round(n)", "the nearest whole number, halves away from zero", rounded("round"), round),
		pure("max", "max(a, b, ...)", "the largest of numbers, texts or times, also in lists", extreme("max", 1), of[func(any, ...any) any]()),
		pure("min", "min(a, b, ...)", "the smallest of numbers, texts or times, also in lists", extreme("min", -1), of[func(any, ...any) any]()),
		pure("mean", "mean(a, b, ...)", "the mean of numbers, also in lists", average("mean"), of[func(any, ...any) float64]()),
		pure("median", "median(a, b, ...)", "the median of numbers, also in lists", average("median"), of[func(any, ...any) float64]()),
		pure("bitand", "bitand(a, b)", "the bits set in both", bitwise("bitand"), bits),
		pure("bitor", "bitor(a, b)", "the bits set in one or both", bitwise("bitor"), bits),
		pure("bitxor", "bitxor(a, b)", "the bits set in exactly one", bitwise("bitxor"), bits),
		pure("bitnand", "bitnand(a, b)", "the bits of a that are not set in b", bitwise("bitnand"), bits),
		pure("bitshl", "bitshl(a, n)", "the bits moved up by n", bitwise("bitshl"), bits),
		pure("bitshr", "bitshr(a, n)", "the bits moved down by n, keeping the sign", bitwise("bitshr"), bits),
		pure("bitushr", "bitushr(a, n)", "the bits moved down by n, zeros from above", bitwise("bitushr"), bits),
		pure("bitnot", "bitnot(a)", "all bits turned", bitwise("bitnot"), of[func(int64) int64]()),
	}
}

func intOf(args ...any) (any, error) {
	v, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case int64:
		return x, nil
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64)
		if err != nil {
			return nil, fault("int cannot read this text as an integer")
		}
		return n, nil
	}
	f, ok := floatOf(v)
	if !ok {
		return nil, need("int", "a number or text", v)
	}
	if f >= 1<<63 || f < -1<<63 || f != f {
		return nil, fault("int: the number is beyond 64 bits")
	}
	return int64(f), nil
}

func floatNumber(args ...any) (any, error) {
	v, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	if s, ok := v.(string); ok {
		f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil {
			return nil, fault("float cannot read this text as a number")
		}
		return finite("float", f)
	}
	return boxedFloat(needFloat("float", v))
}

func boxedFloat(f float64, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func absolute(args ...any) (any, error) {
	f, err := needFloat("abs", args[0])
	if err != nil {
		return nil, err
	}
	if f < 0 {
		return negate(args[0])
	}
	return args[0], nil
}

func rounded(name string) many {
	return func(args ...any) (any, error) {
		f, err := needFloat(name, args[0])
		if err != nil {
			return nil, err
		}
		switch name {
		case "ceil":
			return math.Ceil(f), nil
		case "floor":
			return math.Floor(f), nil
		}
		return math.Round(f), nil
	}
}

// spread gives the arguments with lists opened, one level deep or more.
func spread(args []any) ([]any, error) {
	var out []any
	for _, a := range args {
		a, err := opened(a)
		if err != nil {
			return nil, err
		}
		if l, ok := a.([]any); ok {
			out = flattenInto(out, l)
			continue
		}
		out = append(out, a)
	}
	return out, nil
}

func extreme(name string, sign int) many {
	return func(args ...any) (any, error) {
		all, err := spread(args)
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			return nil, fault("%s of nothing", name)
		}
		best := all[0]
		if _, err := compare(best, best); err != nil {
			return nil, need(name, "numbers, texts or times", best)
		}
		for _, e := range all[1:] {
			order, err := compare(e, best)
			if err != nil {
				return nil, err
			}
			if order == sign {
				best = e
			}
		}
		return best, nil
	}
}

func average(name string) many {
	return func(args ...any) (any, error) {
		all, err := spread(args)
		if err != nil {
			return nil, err
		}
		numbers := make([]float64, len(all))
		sum := 0.0
		for i, e := range all {
			if numbers[i], err = needFloat(name, e); err != nil {
				return nil, err
			}
			sum += numbers[i]
		}
		n := len(numbers)
		switch {
		case n == 0:
			return 0.0, nil
		case name == "mean":
			return finite(name, sum/float64(n))
		}
		slices.Sort(numbers)
		return (numbers[(n-1)/2] + numbers[n/2]) / 2, nil
	}
}

func bitwise(name string) many {
	return func(args ...any) (any, error) {
		var n [2]int64
		for i, a := range args {
			k, err := needInt(name, a)
			if err != nil {
				return nil, err
			}
			n[i] = k
		}
		x, y := n[0], n[1]
		switch name {
		case "bitand":
			return x & y, nil
		case "bitor":
			return x | y, nil
		case "bitxor":
			return x ^ y, nil
		case "bitnand":
			return x &^ y, nil
		case "bitnot":
			return ^x, nil
		}
		if y < 0 {
			return nil, fault("%s cannot move by %d bits", name, y)
		}
		switch name {
		case "bitshl":
			return x << uint64(y), nil
		case "bitshr":
			return x >> uint64(y), nil
		}
		return int64(uint64(x) >> uint64(y)), nil
	}
}
