package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/bus"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

const pubsubManifest = `version: 1
name: shop
pubsub: {url: "${env.DATABASE_URL}"}
scopes: [{routes: [{get: /, text: a}]}]
`

// Two Apps with the same settings share one connection to the other nodes; it closes with
// the last of them.
func TestTheBusOutlivesAReload(t *testing.T) {
	server := bustest.NewServer(t)
	shared := &pipeline.Shared{}
	first := apptest.Load(t, pubsubManifest, server.URL()).App
	second := apptest.Load(t, strings.Replace(pubsubManifest, "text: a", "text: b", 1), server.URL()).App
	other := apptest.Load(t, strings.Replace(pubsubManifest, "shop", "blog", 1), server.URL()).App
	if first.Bus() != nil {
		t.Error("there is a bus before Open")
	}
	if err := errors.Join(first.Open(shared), second.Open(shared), other.Open(shared)); err != nil {
		t.Fatal(err)
	}
	b := first.Bus()
	await.Until(t, "the bus is up", b.Up) // Open does not wait for long
	if second.Bus() != b || other.Bus() == b {
		t.Errorf("the second App has %p, one of another name %p, the first %p", second.Bus(), other.Bus(), b)
	}
	first.Release()
	if err := b.Publish("x", nil); err != nil {
		t.Errorf("after the first App went: %v", err)
	}
	second.Release()
	other.Release()
	if err := b.Publish("x", nil); !errors.Is(err, bus.ErrDown) || shared.Len() != 0 {
		t.Errorf("after the last App went: %v, and %d things are open", err, shared.Len())
	}
}

// Without the other nodes one serves alone, and without `pubsub` it is meant to.
func TestANodeServesAlone(t *testing.T) {
	start := time.Now()
	a := apptest.Compile(t, pubsubManifest, bustest.StoppedServer(t).URL())
	if a.Bus() == nil || a.Bus().Up() {
		t.Error("there is no bus, or it is up without a server")
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("it opened after %v", took)
	}
	if a := apptest.Compile(t, pubsubManifest, "local"); a.Bus() != nil {
		t.Error("there is a bus, and no server is named")
	}
}
