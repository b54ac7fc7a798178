package expr

// Equal tells whether two types say the same of what a value is, whoever sent it.
func (t Type) Equal(o Type) bool {
	t.sent, o.sent = false, false
	return t.identity() == o.identity()
}

// Or is what is known of a value of either type.
func (t Type) Or(o Type) Type {
	if !t.Equal(o) {
		return Any
	}
	t.sent = t.sent && o.sent
	return t
}
