package expr

import (
	"math"

	"github.com/openmanifest/gateway/pkg/value"
)

// reading says what a member that is not there means.
type reading uint8

const (
	loose  reading = iota // left of ??: nil, and so is every member of nil
	normal                // nil in maps; an error in claims, in lists, of nil
	strict                // guards: an error
)

// short stands for the rest of a chain whose optional base is nil. It never leaves the chain.
type short struct{}

// member reads base.key or base[key].
func member(base, key any, how reading) (any, error) {
	switch b := base.(type) {
	case map[string]any:
		return mapMember(b, key, how)
	case value.Claims:
		return claimsMember(b, key, how)
	case *value.Raw:
		v, err := b.Value()
		if err != nil {
			return nil, err
		}
		return member(v, key, how)
	case *value.Row:
		if b == nil {
			return member(nil, key, how)
		}
		if how == normal {
			how = strict // a column that is not there is a slip of the pen, never data
		}
		return objectMember(b, key, how)
	case value.Object:
		return objectMember(b, key, how)
	case []any:
		return item(b, key, how)
	case nil:
		if how == loose {
			return nil, nil
		}
		return nil, faultOf(Missing, "cannot read %s: it has no members, it is nil here", spell(key))
	case short:
		return b, nil
	}
	return nil, fault("cannot read %s of %s", spell(key), describe(base))
}

func mapMember(m map[string]any, key any, how reading) (any, error) {
	if m == nil {
		return member(nil, key, how)
	}
	k, ok := key.(string)
	if !ok {
		return nil, badKey(key, "a map")
	}
	v, ok := m[k]
	if !ok && how == strict {
		return nil, faultOf(Missing, "there is no %s here", spell(key))
	}
	return v, nil
}

// claimsMember keeps what is nested strict too.
func claimsMember(m value.Claims, key any, how reading) (any, error) {
	k, ok := key.(string)
	if !ok {
		return nil, badKey(key, "claims")
	}
	v, ok := m[k]
	if !ok && how != loose {
		return nil, faultOf(Missing, "the claims have no %s", spell(key))
	}
	if nested, is := v.(map[string]any); is {
		return value.Claims(nested), nil
	}
	return v, nil
}

func objectMember(o value.Object, key any, how reading) (any, error) {
	k, ok := key.(string)
	if !ok {
		return nil, badKey(key, describe(o))
	}
	v, ok := o.Member(k)
	if !ok && how == strict {
		return nil, faultOf(Missing, "there is no %s here", spell(key))
	}
	return v, nil
}

func item(list []any, key any, how reading) (any, error) {
	i, ok := wholeNumber(key)
	if !ok {
		if k, named := key.(string); named {
			return nil, fault("cannot read %s of a list; name an item first, as in [0]", spell(k))
		}
		return nil, badKey(key, "a list")
	}
	if i < 0 {
		i += int64(len(list))
	}
	if i < 0 || i >= int64(len(list)) {
		if how == loose {
			return nil, nil
		}
		return nil, faultOf(Missing, "there is no item %s in a list of %d", spell(key), len(list))
	}
	return list[i], nil
}

// maybe reads base?.key: the rest of the chain is skipped when base is nil.
func maybe(base, key any) (any, error) {
	if isNil(base) {
		return short{}, nil
	}
	return member(base, key, loose)
}

// end closes a chain.
func end(v any) (any, error) {
	if _, skipped := v.(short); skipped {
		return nil, nil
	}
	return v, nil
}

func badKey(key any, of string) *Fault {
	return fault("%s is no member of %s", describe(key), of)
}

// spell writes a key in a message.
func spell(key any) string {
	if k, ok := key.(string); ok {
		return `"` + k + `"`
	}
	text, err := value.AppendText(nil, key)
	if err != nil {
		return describe(key)
	}
	return string(text)
}

// wholeNumber takes an integer, or a float without a fraction.
func wholeNumber(v any) (int64, bool) {
	switch x := v.(type) {
	case int64:
		return x, true
	case int:
		return int64(x), true
	case float64:
		if x == math.Trunc(x) && math.Abs(x) < 1<<53 {
			return int64(x), true
		}
	case *value.Raw:
		d, err := x.Value()
		if err != nil {
			return 0, false
		}
		return wholeNumber(d)
	}
	return 0, false
}

// isNil knows nil in the forms that values in reach can have.
func isNil(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case short:
		return true
	case *value.Raw:
		d, err := x.Value()
		return err == nil && d == nil
	case *value.Row:
		return x == nil
	case map[string]any:
		return x == nil
	case value.Claims:
		return x == nil
	case []any:
		return x == nil
	}
	return false
}

// opened gives what JSON as received holds; other values stay.
func opened(v any) (any, error) {
	if r, ok := v.(*value.Raw); ok {
		return r.Value()
	}
	return v, nil
}
