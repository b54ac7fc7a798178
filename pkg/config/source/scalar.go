package source

import (
	"math"
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Scalar gives a scalar as YAML's core schema reads it: nil, bool, int64, float64 or
// string. What is quoted is a string. A map or list gives nil.
func (n *Node) Scalar() any {
	if n == nil || n.Kind != Scalar {
		return nil
	}
	if n.Quoted {
		return n.Value
	}
	return Resolve(n.Value)
}

// Null tells whether nothing is written, or `null` or `~`. A nil node is null.
func (n *Node) Null() bool {
	return n == nil || n.Kind == Scalar && n.Scalar() == nil
}

// Resolve reads an unquoted text by the core schema of YAML 1.2, section 10.3.2, but for
// two things: `True` and `TRUE` are strings, since booleans are written true and false;
// and a number that int64 or float64 cannot hold stays a string, so that no digit is lost.
func Resolve(plain string) any {
	if plain == "" {
		return nil
	}
	switch c := plain[0]; {
	case c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.':
		return number(plain)
	case c == 'n' || c == 'N' || c == '~':
		switch plain {
		case "null", "Null", "NULL", "~":
			return nil
		}
	case plain == "true":
		return true
	case plain == "false":
		return false
	}
	return plain
}

func number(s string) any {
	if base, digits := radix(s); base != 0 {
		if i, err := strconv.ParseInt(digits, base, 64); err == nil && digits[0] != '+' && digits[0] != '-' {
			return i
		}
		return s
	}
	body := strings.TrimLeft(s[:1], "+-") + s[1:]
	switch body {
	case ".inf", ".Inf", ".INF":
		if s[0] == '-' {
			return math.Inf(-1)
		}
		return math.Inf(1)
	case ".nan", ".NaN", ".NAN":
		if len(body) == len(s) {
			return math.NaN()
		}
		return s
	}
	switch integer, ok := decimal(body); {
	case !ok:
		return s
	case integer:
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i
		}
	default:
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f
		}
	}
	return s
}

func radix(s string) (base int, digits string) {
	switch {
	case len(s) > 2 && s[:2] == "0x":
		return 16, s[2:]
	case len(s) > 2 && s[:2] == "0o":
		return 8, s[2:]
	}
	return 0, ""
}

// decimal tells whether s, without its sign, is a decimal number and whether it is whole.
func decimal(s string) (integer, ok bool) {
	whole, s := digits(s)
	fraction := 0
	integer = true
	if strings.HasPrefix(s, ".") {
		integer = false
		fraction, s = digits(s[1:])
	}
	if whole+fraction == 0 {
		return false, false
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		integer = false
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		var count int
		if count, s = digits(s); count == 0 {
			return false, false
		}
	}
	return integer, s == ""
}

func digits(s string) (count int, rest string) {
	for count < len(s) && s[count] >= '0' && s[count] <= '9' {
		count++
	}
	return count, s[count:]
}

// NewScalar makes an unquoted scalar, for defaults and tests.
func NewScalar(at diag.Pos, plain string) *Node {
	return &Node{Kind: Scalar, At: at, Value: plain}
}

// NewString makes a quoted scalar: it is a string whatever it looks like.
func NewString(at diag.Pos, text string) *Node {
	return &Node{Kind: Scalar, At: at, Value: text, Quoted: true}
}

// NewMap makes a map of these entries.
func NewMap(at diag.Pos, entries ...Entry) *Node {
	return &Node{Kind: Map, At: at, Entries: entries}
}

// NewList makes a list of these items.
func NewList(at diag.Pos, items ...*Node) *Node {
	return &Node{Kind: List, At: at, Items: items}
}

// Overlay lays over on base: maps merge key by key, all else replaces. The tree is new
// where it changed and shares the rest; every value keeps the place where it was written.
func Overlay(base, over *Node) *Node {
	switch {
	case over == nil:
		return base
	case base == nil || base.Kind != Map || over.Kind != Map:
		return over
	}
	joined := &Node{Kind: Map, At: base.At, Entries: make([]Entry, 0, len(base.Entries)+len(over.Entries))}
	for _, e := range base.Entries {
		if value := over.Get(e.Key.Value); value != nil {
			e = Entry{Key: e.Key, Value: Overlay(e.Value, value)}
		}
		joined.Entries = append(joined.Entries, e)
	}
	for _, e := range over.Entries {
		if base.Get(e.Key.Value) == nil {
			joined.Entries = append(joined.Entries, e)
		}
	}
	return joined
}
