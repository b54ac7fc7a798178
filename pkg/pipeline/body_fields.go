package pipeline

// BodyFields are the fields that the body alone brought, once a step that reads `params` has
// run; nil where it brought none. They belong to `params`: nobody may change them.
func (c *Context) BodyFields() map[string]any { return c.body.fields }
