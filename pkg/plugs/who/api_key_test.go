package who_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

func TestAPIKey(t *testing.T) {
	const one, two, three = "key-one-0123456789", "key-two-0123456789", "key-three-01234567"
	sum := sha256.Sum256([]byte(three))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	keys := "keys: {partner a: " + one + ", b: [" + two + ", " + digest + "]}"
	type headers map[string]string
	tests := []struct {
		name, settings, target string
		headers                headers
		status                 int
		said                   string
	}{
		{"the first", keys, "/", headers{"X-Api-Key": one}, 200, `"partner a"`},
		{"the second", keys, "/", headers{"X-Api-Key": two}, 200, `"b"`},
		{"one of which the digest is known", keys, "/", headers{"X-Api-Key": three}, 200, `"b"`},
		{"the digest is no key", keys, "/", headers{"X-Api-Key": digest}, 401, "invalid"},
		{"nothing", keys, "/", nil, 401, "missing"},
		{"empty", keys, "/", headers{"X-Api-Key": ""}, 401, "missing"},
		{"wrong", keys, "/", headers{"X-Api-Key": one + "x"}, 401, "invalid"},
		{"a beginning", keys, "/", headers{"X-Api-Key": one[:16]}, 401, "invalid"},
		{"the name is no key", keys, "/", headers{"X-Api-Key": "partner a"}, 401, "invalid"},
		{"a param is not asked for", keys, "/?api_key=" + one, nil, 401, "missing"},
		{"another header", keys + ", from: {header: authorization-key}", "/", headers{"Authorization-Key": one}, 200, `"partner a"`},
		{"a param", keys + ", from: {param: api_key}", "/?api_key=" + one, nil, 200, `"partner a"`},
		{"a param that is a list", keys + ", from: {param: api_key}", "/?api_key[]=" + one, nil, 401, "invalid"},
		{"a param, though in the header", keys + ", from: {param: api_key}", "/", headers{"X-Api-Key": one}, 401, "missing"},
		{"bearer", keys + ", from: bearer", "/", headers{"Authorization": "Bearer " + two}, 200, `"b"`},
		{"bearer of another scheme", keys + ", from: bearer", "/", headers{"Authorization": "Basic " + two}, 401, "missing"},
		{"the first place that has one counts", keys + ", from: [{header: x-api-key}, {param: api_key}]", "/?api_key=" + one, headers{"X-Api-Key": "wrong"}, 401, "invalid"},
		{"the second place", keys + ", from: [{header: x-api-key}, {param: api_key}]", "/?api_key=" + one, nil, 200, `"partner a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), List: "- api_key: {" + tt.settings + "}\n  as: owner\n- show: \"${owner}\"\n"}.Compile(t)
			r := httptest.NewRequest("GET", tt.target, nil)
			for name, text := range tt.headers {
				r.Header.Set(name, text)
			}
			got := c.Serve(r)
			said := got.Body
			if refusal := got.Refusal(); refusal != nil {
				said = refusal.Reason
			}
			if got.Status != tt.status || said != tt.said {
				t.Errorf("%d %s (%v), want %d %s", got.Status, said, got.Err, tt.status, tt.said)
			}
		})
	}
	t.Run("it may be missing where the manifest says so", func(t *testing.T) {
		list := "- api_key: {" + keys + "}\n  as: owner\n  else: continue\n- show: \"${owner ?? 'nobody'}\"\n"
		got := pipetest.App{Defs: who.All(), List: list}.Compile(t).Serve(httptest.NewRequest("GET", "/", nil))
		if got.Status != 200 || got.Body != `"nobody"` {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	})
}
