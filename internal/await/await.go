// Package await has tests wait for what other goroutines, processes and browsers bring about:
// no longer than a slow machine takes, and with a word on what did not come.
package await

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what must come.
const Patience = time.Minute

// look is how often a condition is asked for.
const look = 2 * time.Millisecond

// Until asks until a condition holds.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); <-time.After(look) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain until %s", Patience, what)
		}
	}
}

// From gives the next value of a channel, or the zero one where it is closed.
func From[T any](t testing.TB, what string, channel <-chan T) T {
	t.Helper()
	select {
	case value := <-channel:
		return value
	case <-time.After(Patience):
		t.Fatalf("waited %s in vain for %s", Patience, what)
		panic("unreachable")
	}
}
