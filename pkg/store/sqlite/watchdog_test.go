package sqlite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

// TestLongStatements take turns, so that quick ones are not held up, and each is over when
// its time is, though it spent most of it waiting.
func TestLongStatements(t *testing.T) {
	s := open(t, "sqlite::memory:", store.Options{Timeout: 2 * time.Second})
	endless := &store.Statement{SQL: "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n"}
	const long = 6
	ended := make(chan error, long)
	for range long {
		go func() {
			_, err := s.Query(context.Background(), endless, nil, 1)
			ended <- err
		}()
	}
	late := time.After(time.Minute)
	for over := 0; over < long; {
		if got := one(t, s, "select 1"); got != int64(1) {
			t.Errorf("a quick one gives %v", got)
		}
		select {
		case err := <-ended:
			var gone *store.Unavailable
			if over++; !errors.As(err, &gone) {
				t.Errorf("an endless one ends with %v", err)
			}
		case <-late:
			t.Fatalf("%d of %d are over after a minute", over, long)
		default:
		}
	}
}
