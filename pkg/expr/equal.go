package expr

// Equal tells whether two types say the same.
func (t Type) Equal(o Type) bool { return t.identity() == o.identity() }
