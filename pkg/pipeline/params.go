package pipeline

import (
	"net/http"
	"slices"
	"unicode/utf8"
)

// mergeParams adds the body's fields; what the path said stays.
func (c *Context) mergeParams(fields map[string]any) {
	c.body.fields = fields
	for k, v := range fields {
		if !slices.Contains(c.pathParams, k) {
			c.Params[k] = v
		}
	}
}

// Textual tells a member of params that came as text, from the path, the query or a form,
// so that its type is not the client's choice.
func (c *Context) Textual(name string) bool {
	_, typed := c.body.typed[name]
	return !typed || slices.Contains(c.pathParams, name)
}

// FromPath tells whether a member of params is a capture of the route's path.
func (c *Context) FromPath(name string) bool { return slices.Contains(c.pathParams, name) }

// maxQuery bounds a query string in bytes, as Plug.Conn does.
const maxQuery = 1_000_000

// SetParams makes `params` of the path's captures over the query.
func (c *Context) SetParams(names []string, captures []string) error {
	if c.Params == nil {
		c.Params = make(map[string]any, 8)
	}
	if q := c.R.URL.RawQuery; q != "" {
		if len(q) > maxQuery {
			return Refuse(http.StatusRequestURITooLong, "too_large", "the query is longer than %d bytes", maxQuery)
		}
		if err := decodeForm(c.Params, q); err != nil {
			return err
		}
	}
	c.pathParams = names
	for i, name := range names {
		if !utf8.ValidString(captures[i]) {
			return malformed("the path is not valid UTF-8")
		}
		c.Params[name] = captures[i]
	}
	c.Slots[SlotParams] = c.Params
	return nil
}
