package value

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

// ParseNumber takes the text of a JSON number into the domain without losing any of it.
// whole says that it has neither point nor exponent.
func ParseNumber(text string, whole bool) any {
	if whole {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && text != "-0" {
			return n
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	if err == nil && decimalOf(text).compare(decimalOfFloat(f)) == 0 {
		return f
	}
	return Number(text)
}

// Float gives the nearest float64; ok is false where there is none.
func (n Number) Float() (f float64, ok bool) {
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// CompareNumbers orders two numbers of the domain (int64, int, float64, Number) by their
// exact value, so that 2^53+1 and 2^53 stay apart. ok is false when one is no number, or NaN.
func CompareNumbers(a, b any) (order int, ok bool) {
	if x, is := integer(a); is {
		if y, is := integer(b); is {
			return cmp.Compare(x, y), true
		}
	}
	if x, is := a.(float64); is {
		if y, is := b.(float64); is {
			return cmp.Compare(x, y), !math.IsNaN(x) && !math.IsNaN(y)
		}
	}
	x, is := decimalOfAny(a)
	if !is {
		return 0, false
	}
	y, is := decimalOfAny(b)
	return x.compare(y), is
}

func integer(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case int:
		return int64(x), true
	}
	return 0, false
}

// decimal is sign × 0.digits × 10^exp; digits without zeros at either end.
type decimal struct {
	sign   int // -1, 0, 1
	digits string
	exp    int
}

func decimalOfAny(v any) (decimal, bool) {
	switch x := v.(type) {
	case int64:
		return decimalOf(strconv.FormatInt(x, 10)), true
	case int:
		return decimalOf(strconv.Itoa(x)), true
	case float64:
		if math.IsNaN(x) {
			return decimal{}, false
		}
		return decimalOfFloat(x), true
	case Number:
		return decimalOf(string(x)), true
	}
	return decimal{}, false
}

// farAway is an exponent beyond all that is compared; it stands for the infinities.
const farAway = math.MaxInt32

func decimalOfFloat(f float64) decimal {
	if math.IsInf(f, 0) {
		sign := 1
		if f < 0 {
			sign = -1
		}
		return decimal{sign, "1", farAway}
	}
	return decimalOf(strconv.FormatFloat(f, 'e', -1, 64))
}

func decimalOf(text string) decimal {
	d := decimal{sign: 1}
	if rest, ok := strings.CutPrefix(text, "-"); ok {
		d.sign, text = -1, rest
	}
	if k := strings.IndexAny(text, "eE"); k >= 0 {
		// A number out of the range of int is bounded, not wrapped.
		d.exp, _ = strconv.Atoi(text[k+1:])
		d.exp = max(min(d.exp, farAway-1<<20), 1<<20-farAway)
		text = text[:k]
	}
	whole, part, _ := strings.Cut(text, ".")
	d.exp += len(whole)
	all := whole + part
	trimmed := strings.TrimLeft(all, "0")
	d.exp -= len(all) - len(trimmed)
	d.digits = strings.TrimRight(trimmed, "0")
	if d.digits == "" {
		return decimal{}
	}
	return d
}

func (d decimal) compare(e decimal) int {
	if d.sign != e.sign || d.sign == 0 {
		return cmp.Compare(d.sign, e.sign)
	}
	return d.sign * cmp.Or(cmp.Compare(d.exp, e.exp), strings.Compare(d.digits, e.digits))
}
