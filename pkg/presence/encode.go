package presence

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxEntry bounds a topic, a key and a meta together, in bytes: each joiner gets all metas
// of a topic, and other nodes get them in messages of limited size.
const maxEntry = 64 << 10

// metaBody checks a meta and gives its members as they go out, less the two that are
// ours. Numbers stay as written.
func metaBody(topic, key string, meta []byte) (string, error) {
	if len(topic)+len(key)+len(meta) > maxEntry {
		return "", fmt.Errorf("%w: this one has %d bytes, its topic and key %d", ErrMeta, len(meta), len(topic)+len(key))
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(meta, &members); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMeta, err)
	}
	if members == nil { // null
		return "", ErrMeta
	}
	delete(members, "phx_ref")
	delete(members, "phx_ref_prev")
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil {
		return "", fmt.Errorf("%w: %w", ErrMeta, err)
	}
	object := bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return string(object[1 : len(object)-1]), nil
}

// jsonKey makes keys differ only where their JSON does, which has no bytes that are not UTF-8:
// two members of one name would hide each other.
func jsonKey(key string) string { return strings.ToValidUTF8(key, "\uFFFD") }

// keyHead and keyTail stand around the metas of a key.
func keyHead(key string) string {
	quoted, _ := json.Marshal(key) // a string always has a JSON form
	return string(quoted) + `:{"metas":[`
}

const keyTail = "]}"

// state gives the payload of a `presence_state`. All parts are ready: the lock is held for
// one copy.
func (at *topic) state() []byte {
	b := make([]byte, 0, at.size+len("{}"))
	b = append(b, '{')
	for i, p := range at.here {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, p.head...)
		for j, e := range p.entries {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(b, e.json...)
		}
		b = append(b, keyTail...)
	}
	return append(b, '}')
}

const (
	diffHead   = `{"joins":{`
	diffMiddle = `},"leaves":{`
	diffTail   = `}}`
)

// diff gives the payload of the `presence_diff` of one step, or nil when it is empty. Both
// of its keys are always there.
func (at *topic) diff(step uint8) []byte {
	size := 0
	for _, p := range at.dirty {
		for _, o := range p.ops {
			if o.step == step {
				size += len(p.head) + len(o.entry.json) + len(keyTail) + 1
			}
		}
	}
	if size == 0 {
		return nil
	}
	b := make([]byte, 0, size+len(diffHead)+len(diffMiddle)+len(diffTail))
	b = append(b, diffHead...)
	b = at.appendOps(b, step, true)
	b = append(b, diffMiddle...)
	b = at.appendOps(b, step, false)
	return append(b, diffTail...)
}

// appendOps writes one half of a diff. A key has all its metas in one place: clients keep
// the last of two members with one name.
func (at *topic) appendOps(b []byte, step uint8, join bool) []byte {
	start := len(b)
	for _, p := range at.dirty {
		n := 0
		for _, o := range p.ops {
			if o.step != step || o.join != join {
				continue
			}
			switch {
			case n > 0:
				b = append(b, ',')
			case len(b) > start:
				b = append(b, ',')
				fallthrough
			default:
				b = append(b, p.head...)
			}
			b = append(b, o.entry.json...)
			n++
		}
		if n > 0 {
			b = append(b, keyTail...)
		}
	}
	return b
}
