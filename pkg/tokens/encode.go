package tokens

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// appendTerm writes v as Erlang's term_to_binary would (OTP 26 for atoms): maps with their
// keys sorted, lists of bytes in the short form.
func appendTerm(dst []byte, v any, depth int) ([]byte, error) {
	switch x := v.(type) {
	case nil:
		return appendAtom(dst, "nil"), nil
	case bool:
		return appendAtom(dst, strconv.FormatBool(x)), nil
	case int64:
		return appendInt(dst, x), nil
	case int:
		return appendInt(dst, int64(x)), nil
	case float64:
		return appendFloat(dst, x)
	case value.Number:
		return appendNumber(dst, string(x))
	case string:
		return appendBinary(dst, x), nil
	case []byte:
		return appendBinary(dst, x), nil
	case time.Time:
		return appendBinary(dst, x.Format(time.RFC3339Nano)), nil
	case *value.Raw:
		inner, err := x.Value()
		if err != nil {
			return dst, err
		}
		return appendTerm(dst, inner, depth)
	}
	if depth >= maxDepth {
		return dst, fmt.Errorf("the data is more than %d levels deep", maxDepth)
	}
	switch x := v.(type) {
	case []any:
		return appendList(dst, x, depth+1)
	case map[string]any:
		return appendMap(dst, x, depth+1)
	case value.Claims:
		return appendMap(dst, x, depth+1)
	case value.Object:
		return appendObject(dst, x, depth+1)
	}
	return dst, fmt.Errorf("a token cannot carry a %T", v)
}

func appendAtom(dst []byte, name string) []byte {
	dst = append(dst, tagSmallAtomUTF8, byte(len(name)))
	return append(dst, name...)
}

func appendBinary[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, tagBinary)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

func appendList(dst []byte, items []any, depth int) ([]byte, error) {
	if len(items) == 0 {
		return append(dst, tagNil), nil
	}
	if allBytes(items) {
		dst = append(dst, tagString)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(items)))
		for _, item := range items {
			dst = append(dst, byte(item.(int64)))
		}
		return dst, nil
	}
	dst = append(dst, tagList)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(items)))
	var err error
	for _, item := range items {
		if dst, err = appendTerm(dst, item, depth); err != nil {
			return dst, err
		}
	}
	return append(dst, tagNil), nil
}

// allBytes tells a list that Erlang writes as a string.
func allBytes(items []any) bool {
	if len(items) > math.MaxUint16 {
		return false
	}
	return !slices.ContainsFunc(items, func(item any) bool {
		n, ok := item.(int64)
		return !ok || n < 0 || n > math.MaxUint8
	})
}

func appendMap(dst []byte, members map[string]any, depth int) ([]byte, error) {
	return appendMembers(dst, slices.Sorted(maps.Keys(members)), depth, func(name string) any { return members[name] })
}

func appendObject(dst []byte, o value.Object, depth int) ([]byte, error) {
	names := slices.Clone(o.Names())
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			return dst, fmt.Errorf("the data has two members named %q", names[i])
		}
	}
	return appendMembers(dst, names, depth, func(name string) any {
		v, _ := o.Member(name)
		return v
	})
}

func appendMembers(dst []byte, names []string, depth int, member func(string) any) ([]byte, error) {
	dst = append(dst, tagMap)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(names)))
	var err error
	for _, name := range names {
		dst = appendBinary(dst, name)
		if dst, err = appendTerm(dst, member(name), depth); err != nil {
			return dst, fmt.Errorf("%s: %w", name, err)
		}
	}
	return dst, nil
}
