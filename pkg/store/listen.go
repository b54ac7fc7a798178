package store

import "context"

// A Listener is a store whose database tells of events by itself (Postgres: NOTIFY).
type Listener interface {
	// Listen calls told for what is notified on the channels until ctx ends, and missed when
	// something may have been notified that did not come. Both are called by the goroutine
	// that called Listen.
	Listen(ctx context.Context, channels []string, told func(channel, payload string), missed func())
}
