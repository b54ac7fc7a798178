package relations

import (
	"strconv"
	"strings"

	"github.com/openmanifest/gateway/pkg/postgrest"
)

// untyped tells a comparison with a column of which the database declares no type: each of its
// values is of a type of its own.
func untyped(x expr, op postgrest.Op) bool {
	switch op {
	case postgrest.Like, postgrest.ILike, postgrest.Match, postgrest.IMatch:
		return false
	}
	return x.typ.class == anything
}

// numeral gives the number that a text is. The engine's booleans are numbers.
func numeral(text string) (any, bool) {
	switch text {
	case "true":
		return int64(1), true
	case "false":
		return int64(0), true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && !strings.ContainsAny(text, "xX_nN")
}

func numberOr(text string) any {
	if n, ok := numeral(text); ok {
		return n
	}
	return text
}

// numeric gives a value for sums, to which the engine adds any text.
func numeric(x expr) string {
	if x.typ.class != anything {
		return x.sql
	}
	return "case when typeof(" + x.sql + ") in ('integer', 'real') then " + x.sql + " end"
}

// truth gives a value for `is`, where the engine takes text for false.
func truth(x expr) expr {
	if x.typ.class == anything {
		x.sql = "(" + numeric(x) + ")"
	}
	return x
}
