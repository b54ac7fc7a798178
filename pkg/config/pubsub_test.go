package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

func TestPubsub(t *testing.T) {
	tests := []struct{ name, manifest, url, cluster string }{
		{"none", "name: shop", "", "shop"},
		{"local", "pubsub: {url: local}", "", "gateway"},
		{"one server", "pubsub: {url: 'nats://a:4222'}", "nats://a:4222", "gateway"},
		{"without a port", "pubsub: {url: 'tls://a'}", "tls://a", "gateway"},
		{"a list", "pubsub: {url: ['nats://a', 'nats://ann:hunter2@b:4222']}", "nats://a,nats://ann:hunter2@b:4222", "gateway"},
		{"commas", "pubsub: {url: 'nats://a, nats://b'}", "nats://a, nats://b", "gateway"},
		{"a variable", "pubsub: {url: '${env.NATS}'}", "nats://a,nats://b", "gateway"},
		{"a name", "name: shop\npubsub: {url: 'nats://a', name: shop_2-x}", "nats://a", "shop_2-x"},
		{"a name of a variable", "pubsub: {url: 'nats://a', name: '${env.NAME}'}", "nats://a", "eu"},
		{"a manifest whose name is no token", "name: My café, the shop!\npubsub: {url: 'nats://a'}", "nats://a", "My-caf-the-shop"},
		{"a manifest whose name has no letter", "name: …\npubsub: {url: 'nats://a'}", "nats://a", "gateway"},
		{"a manifest with a long name", "name: " + strings.Repeat("a", 100), "", strings.Repeat("a", 64)},
		{"an environment turns it off", "pubsub: {url: 'nats://a'}\nenvironments: {dev: {pubsub: {url: local}}}", "", "gateway"},
		{"an environment has another", "pubsub: {url: 'nats://a', name: b}\nenvironments: {dev: {pubsub: {url: 'nats://c'}}}", "nats://c", "b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "app.yaml")
			if err := os.WriteFile(path, []byte("version: 1\n"+tt.manifest+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"NATS": "nats://a,nats://b", "NAME": "eu"}
			var ps diag.Problems
			m := Load(path, Options{Environment: "dev", Getenv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}, &ps)
			if len(ps.All()) > 0 {
				t.Fatal(ps.All())
			}
			if string(m.Pubsub.URL) != tt.url || m.PubsubName() != tt.cluster {
				t.Errorf("%q for %q, want %q for %q", string(m.Pubsub.URL), m.PubsubName(), tt.url, tt.cluster)
			}
		})
	}
}
