package nats

// Untaken counts what the driver gave that is not in the intake yet.
func (b *Bus) Untaken() int { return len(b.arrived) }
