package changeset

import (
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/value"
)

// Beginning is what a form begins with: the values of a row, or without one the defaults.
// Every field has a value, which may be nil.
func (s *Set) Beginning(record value.Object) (*Changes, error) {
	c := &Changes{set: s, values: make([]any, len(s.Fields))}
	for i := range s.Fields {
		f := &s.Fields[i]
		switch {
		case record != nil:
			v, _ := record.Member(f.Name) // a virtual field is in no row
			c.Put(i, v)
		case f.absent != nil:
			if err := s.putDefault(i, c); err != nil {
				return nil, err
			}
		default:
			c.Put(i, nil)
		}
	}
	return c, nil
}

// Form gives the values of the fields that a client may write and see.
func (c *Changes) Form() map[string]any {
	out := make(map[string]any, len(c.set.Fields))
	for i := range c.set.Fields {
		if f := &c.set.Fields[i]; f.Writable && !f.Hidden && c.given.has(i) {
			out[f.Name] = c.values[i]
		}
	}
	return out
}

// HoldsText tells a field of any short text.
func (f *Field) HoldsText() bool {
	return (f.Type == store.String || f.Type == store.Text) && !f.Virtual
}

// Choices are the values of a field that has a fixed list of them.
func (f *Field) Choices() []string {
	if f.Type == store.Array {
		return nil // several may be chosen
	}
	return f.values
}
