package pipeline

// lazyName is a name that is made when a step that reads it first runs.
type lazyName struct {
	slot int
	make func(*Context) (any, error)
}

// Lazily makes the name in slot when the first step that reads it runs: making it costs
// something, or changes something, such as a session that must then be written. There is
// room for the names csrf_token and csp_nonce.
func (c *Context) Lazily(slot int, make func(*Context) (any, error)) {
	for i := range c.lazy {
		if l := &c.lazy[i]; l.make == nil || l.slot == slot {
			*l = lazyName{slot, make}
			return
		}
	}
}

// made makes the lazy name in slot. It is made anew for each step that reads it: what
// makes it decides whether that is another value.
func (c *Context) made(slot int) error {
	for i := range c.lazy {
		if l := &c.lazy[i]; l.make != nil && l.slot == slot {
			v, err := l.make(c)
			c.Slots[slot] = v
			return err
		}
	}
	return nil
}
