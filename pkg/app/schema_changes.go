package app

import (
	"context"
	"fmt"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/store"
)

// The channel and the payloads by which a database says that its tables have changed. They
// are PostgREST's, so its event triggers serve here too (its documentation, Schema Cache).
const (
	changesChannel = "pgrst"
	changesPayload = "reload schema"
)

// followChanges reloads when a database of which tables are served says that they changed.
func followChanges(env *pipeline.Env, st *pipeline.Store, reload func(reason string)) {
	env.OnOpen(func(l *pipeline.Lease) error {
		listener, ok := st.Store.(store.Listener)
		if !ok || reload == nil {
			return nil
		}
		_, err := pipeline.Get(l, fmt.Sprintf("schema changes|%p", st.Store), func() (bool, func(), error) {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				defer close(done)
				listener.Listen(ctx, []string{changesChannel}, func(_, payload string) {
					if payload == changesPayload || payload == "" {
						reload("tables of store " + st.Name)
					}
				}, func() { reload("tables of store " + st.Name) })
			}()
			return true, func() { cancel(); <-done }, nil
		})
		return err
	})
}
