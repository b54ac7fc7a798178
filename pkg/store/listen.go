package store

// A Listener is a store whose database tells of events by itself (Postgres: NOTIFY).
type Listener interface {
	// Listen begins a Listening. It calls told for what is notified, and missed when something
	// may have been notified that did not come; one call at a time.
	Listen(told func(channel, payload string), missed func()) Listening
}

// A Listening is to be closed.
type Listening interface {
	// On sets the channels that are listened to, which are none at first. It does not wait
	// until the database knows. Nothing is missed on those that stay.
	On(channels []string)
	// Close ends it, and waits for the call that is under way.
	Close()
}
