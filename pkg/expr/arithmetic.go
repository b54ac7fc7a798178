package expr

import (
	"math"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// maxText bounds the text that an expression makes, in bytes.
const maxText = 1 << 20

const tooLong = "a text of more than 1 MiB"

// add is + of numbers, texts, a time and a duration.
func add(a, b any) (any, error) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			if len(x)+len(y) > maxText {
				return nil, fault("+ would make %s", tooLong)
			}
			return x + y, nil
		}
	case time.Time:
		if y, ok := b.(time.Duration); ok {
			return x.Add(y), nil
		}
	case time.Duration:
		switch y := b.(type) {
		case time.Duration:
			return x + y, nil
		case time.Time:
			return y.Add(x), nil
		}
	}
	return calculate("+", a, b, func(x, y int64) (int64, bool) {
		sum := x + y
		return sum, (sum > x) == (y > 0)
	}, func(x, y float64) float64 { return x + y })
}

func subtract(a, b any) (any, error) {
	switch x := a.(type) {
	case time.Time:
		switch y := b.(type) {
		case time.Time:
			return x.Sub(y), nil
		case time.Duration:
			return x.Add(-y), nil
		}
	case time.Duration:
		if y, ok := b.(time.Duration); ok {
			return x - y, nil
		}
	}
	return calculate("-", a, b, func(x, y int64) (int64, bool) {
		d := x - y
		return d, (d < x) == (y > 0)
	}, func(x, y float64) float64 { return x - y })
}

func multiply(a, b any) (any, error) {
	if d, ok := a.(time.Duration); ok {
		if n, ok := wholeNumber(b); ok {
			return d * time.Duration(n), nil
		}
	}
	if d, ok := b.(time.Duration); ok {
		if n, ok := wholeNumber(a); ok {
			return d * time.Duration(n), nil
		}
	}
	return calculate("*", a, b, func(x, y int64) (int64, bool) {
		p := x * y
		return p, x == 0 || p/x == y && !(x == -1 && y == math.MinInt64)
	}, func(x, y float64) float64 { return x * y })
}

// divide always gives a float, as in expr-lang.
func divide(a, b any) (any, error) {
	x, y, err := floats("/", a, b)
	if err != nil {
		return nil, err
	}
	if y == 0 {
		return nil, fault("division by zero")
	}
	return finite("/", x/y)
}

func modulo(a, b any) (any, error) {
	x, xok := wholeNumber(a)
	y, yok := wholeNumber(b)
	switch {
	case !xok || !yok:
		return nil, cannot("%", a, b)
	case y == 0:
		return nil, fault("division by zero")
	case y == -1:
		return int64(0), nil
	}
	return x % y, nil
}

func power(a, b any) (any, error) {
	x, y, err := floats("**", a, b)
	if err != nil {
		return nil, err
	}
	return finite("**", math.Pow(x, y))
}

func negate(a any) (any, error) {
	switch x := a.(type) {
	case int64:
		if x == math.MinInt64 {
			return nil, fault("- of this number is too large")
		}
		return -x, nil
	case float64:
		return -x, nil
	case time.Duration:
		return -x, nil
	}
	return subtract(int64(0), a)
}

func positive(a any) (any, error) {
	if _, ok := floatOf(a); ok {
		return a, nil
	}
	return nil, fault("+ needs a number, this is %s", describe(a))
}

// calculate stays with integers while both are, and says so when the result is too large
// for 64 bits instead of turning over.
func calculate(op string, a, b any, whole func(x, y int64) (int64, bool), broken func(x, y float64) float64) (any, error) {
	x, xok := a.(int64)
	y, yok := b.(int64)
	if xok && yok {
		n, ok := whole(x, y)
		if !ok {
			return nil, fault("%s gives a number beyond 64 bits", op)
		}
		return n, nil
	}
	f, g, err := floats(op, a, b)
	if err != nil {
		return nil, err
	}
	return finite(op, broken(f, g))
}

func finite(op string, f float64) (any, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fault("%s gives no finite number", op)
	}
	return f, nil
}

func floats(op string, a, b any) (x, y float64, err error) {
	x, xok := floatOf(a)
	y, yok := floatOf(b)
	if !xok || !yok {
		return 0, 0, cannot(op, a, b)
	}
	return x, y, nil
}

func floatOf(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case int:
		return float64(x), true
	case float64:
		return x, true
	case value.Number:
		return x.Float()
	case *value.Raw:
		d, err := x.Value()
		if err != nil {
			return 0, false
		}
		return floatOf(d)
	}
	return 0, false
}

func cannot(op string, a, b any) *Fault {
	f := fault("cannot compute %s %s %s", describe(a), op, describe(b))
	if isNil(a) || isNil(b) {
		f.Message += "; give a default with ??"
	} else if isText(a) != isText(b) {
		f.Message += "; int() and float() read a text as a number, string() makes one"
	}
	return f
}

// rangeOf is a..b, both ends included.
func rangeOf(a, b any) (any, error) {
	x, xok := wholeNumber(a)
	y, yok := wholeNumber(b)
	if !xok || !yok {
		return nil, cannot("..", a, b)
	}
	if y < x {
		return []any{}, nil
	}
	if n := uint64(y) - uint64(x); n >= maxWork {
		return nil, fault(tooMuchWork)
	}
	out := make([]any, 0, y-x+1)
	for i := x; i <= y; i++ {
		out = append(out, i)
	}
	return out, nil
}

// slice is x[from:to] of a list or a text (by characters); nil leaves an end open and
// negative numbers count from the end.
func slice(args ...any) (any, error) {
	x, err := opened(args[0])
	if err != nil {
		return nil, err
	}
	switch s := x.(type) {
	case []any:
		from, to, err := bounds(args[1], args[2], len(s))
		if err != nil {
			return nil, err
		}
		return s[from:to:to], nil
	case string:
		runes := []rune(s)
		from, to, err := bounds(args[1], args[2], len(runes))
		if err != nil {
			return nil, err
		}
		return string(runes[from:to]), nil
	}
	return nil, fault("cannot take a part of %s", describe(x))
}

func bounds(from, to any, n int) (int, int, error) {
	ends := [2]int{0, n}
	for i, end := range [2]any{from, to} {
		if end == nil {
			continue
		}
		k, ok := wholeNumber(end)
		if !ok {
			return 0, 0, fault("%s is no place in a list or text", describe(end))
		}
		if k < 0 {
			k += int64(n)
		}
		ends[i] = int(max(0, min(k, int64(n))))
	}
	return min(ends[0], ends[1]), ends[1], nil
}
