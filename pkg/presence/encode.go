package presence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// A change is one meta that came or went.
type change struct {
	key string
	entry
}

// metaBody checks a meta and gives its members as they go out, less the two that are
// ours. Numbers stay as written.
func metaBody(meta []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(meta, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	if members == nil { // null
		return nil, ErrMeta
	}
	delete(members, "phx_ref")
	delete(members, "phx_ref_prev")
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMeta, err)
	}
	object := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return slices.Clip(object[1 : len(object)-1]), nil
}

func appendMeta(b []byte, e entry) []byte {
	b = append(b, `{"phx_ref":"`...)
	b = append(b, e.ref...)
	b = append(b, '"')
	if e.prev != "" {
		b = append(b, `,"phx_ref_prev":"`...)
		b = append(b, e.prev...)
		b = append(b, '"')
	}
	if len(e.body) > 0 {
		b = append(b, ',')
		b = append(b, e.body...)
	}
	return append(b, '}')
}

// appendKey writes `"key":{"metas":[`, with a comma before all but the first.
func appendKey(b []byte, key string, first bool) []byte {
	if !first {
		b = append(b, ',')
	}
	quoted, _ := json.Marshal(key) // a string always has a JSON form
	b = append(b, quoted...)
	return append(b, `:{"metas":[`...)
}

func appendState(b []byte, at *topic) []byte {
	b = append(b, '{')
	if at != nil {
		first := true
		for key, entries := range at.keys {
			b = appendKey(b, key, first)
			first = false
			for i, e := range entries {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendMeta(b, e)
			}
			b = append(b, ']', '}')
		}
	}
	return append(b, '}')
}

// appendDiff writes the payload of a `presence_diff`; both keys are always there. One
// owner has a key once, so a key appears once in each half.
func appendDiff(b []byte, joins, leaves []change) []byte {
	b = append(b, `{"joins":{`...)
	b = appendChanges(b, joins)
	b = append(b, `},"leaves":{`...)
	b = appendChanges(b, leaves)
	return append(b, '}', '}')
}

func appendChanges(b []byte, changes []change) []byte {
	for i, c := range changes {
		b = appendKey(b, c.key, i == 0)
		b = appendMeta(b, c.entry)
		b = append(b, ']', '}')
	}
	return b
}
