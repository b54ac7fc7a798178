package tokens

import (
	"slices"

	"github.com/openmanifest/gateway/pkg/value"
)

// AppendTerm writes data as Erlang's term_to_binary does. What data may hold is told at Sign.
func AppendTerm(dst []byte, data any) ([]byte, error) {
	return appendTerm(append(dst, tagVersion), data, 0)
}

// DecodeTerm reads what term_to_binary wrote: objects become plain maps. It takes no more
// than one term, and nothing behind it.
func DecodeTerm(b []byte) (any, error) {
	v, err := decodeTerm(b)
	if err != nil {
		return nil, err
	}
	return plain(v), nil
}

// plain turns claims into maps, whose missing members are nil outside of guards. The lists
// are the decoder's own and are changed in place.
func plain(v any) any {
	switch x := v.(type) {
	case value.Claims:
		for name, member := range x {
			x[name] = plain(member)
		}
		return map[string]any(x)
	case []any:
		if slices.ContainsFunc(x, nests) {
			for i, item := range x {
				x[i] = plain(item)
			}
		}
	}
	return v
}

func nests(v any) bool {
	switch v.(type) {
	case value.Claims, []any:
		return true
	}
	return false
}
