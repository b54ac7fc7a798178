package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/nats"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// busTime is how long opening waits for the other nodes. Without them this one serves alone,
// and goes on trying.
const busTime = 3 * time.Second

// declareBus has the connection to the other nodes opened, where the manifest has one. It
// outlives a reload that does not change its settings.
func (a *App) declareBus() {
	m := a.Manifest
	if m.Pubsub.URL == "" {
		return
	}
	a.Env.OnOpen(func(l *pipeline.Lease) error {
		url, name := string(m.Pubsub.URL), m.PubsubName()
		key := sha256.Sum256(fmt.Appendf(nil, "%q %s", url, name)) // a url may hold a password
		opened, err := pipeline.Get(l, "pubsub|"+hex.EncodeToString(key[:]), func() (bus.Bus, func(), error) {
			ctx, cancel := context.WithTimeout(context.Background(), busTime)
			defer cancel()
			b, err := nats.Open(ctx, nats.Options{URL: url, Name: name, Log: a.log, Random: a.Env.Functions.Random})
			if err != nil {
				return nil, nil, err // not b: a nil *nats.Bus is no nil Bus
			}
			return b, b.Close, nil
		})
		if err != nil {
			return fmt.Errorf("pubsub: %w", err)
		}
		a.bus = opened
		return nil
	})
}

// Bus is the connection to the other nodes; nil where this process is alone, and before Open.
func (a *App) Bus() bus.Bus { return a.bus }
