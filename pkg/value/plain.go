package value

// Plain copies v deep into maps, lists and scalars, for code that knows only those
// (html/template). Hidden members stay behind. Raw that does not decode becomes nil.
func Plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		return plainMap(x)
	case Claims:
		return plainMap(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = Plain(e)
		}
		return out
	case *Raw:
		d, err := x.Value()
		if err != nil {
			return nil
		}
		return Plain(d)
	case *Row:
		if x == nil {
			return nil
		}
		return plainObject(x)
	case Object:
		return plainObject(x)
	}
	return v
}

func plainMap(m map[string]any) any {
	if m == nil {
		return nil
	}
	out := make(map[string]any, len(m))
	for k, e := range m {
		out[k] = Plain(e)
	}
	return out
}

func plainObject(o Object) any {
	names := o.Names()
	out := make(map[string]any, len(names))
	for _, n := range names {
		if e, ok := o.Member(n); ok {
			out[n] = Plain(e)
		}
	}
	return out
}

// Value decodes the JSON once and keeps what it found. No bytes at all are nil.
func (r *Raw) Value() (any, error) {
	if r == nil || len(r.Bytes) == 0 {
		return nil, nil
	}
	if r.done {
		return r.decoded, nil
	}
	v, err := DecodeJSON(r.Bytes)
	if err != nil {
		return nil, err
	}
	r.decoded, r.done = v, true
	return v, nil
}
