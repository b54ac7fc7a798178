package expr

import (
	"maps"
	"slices"
)

// Pattern is a path such as /users/:id, parsed once: what path() fills, for templates.
type Pattern struct{ path *pathPattern }

// ParsePattern parses a path. message says what is wrong with it.
func ParsePattern(text string) (p *Pattern, message string) {
	path, message := parsePath(text)
	if message != "" {
		return nil, message
	}
	return &Pattern{path}, ""
}

// Names lists the params that the path needs.
func (p *Pattern) Names() []string { return slices.Sorted(maps.Keys(p.path.names)) }

// Fill makes the path, behind before. Params that it does not name go to the query.
func (p *Pattern) Fill(before string, params map[string]any) (string, error) {
	v, err := fillPath(before, []any{p.path, params})
	if err != nil {
		return "", err
	}
	text, _ := v.(string)
	return text, nil
}

// Members lists the members of a record.
func (t Type) Members() []string { return slices.Sorted(maps.Keys(t.fields)) }

// Key is the identity of the type: equal for equal types.
func (t Type) Key() string { return t.identity() }
