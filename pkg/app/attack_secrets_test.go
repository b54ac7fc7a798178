package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// loot is a value of the environment that must appear nowhere.
const loot = "loot-4f1d9a"

// TestSecretsInProblems: whatever is wrong with the value of a variable or a file, no
// problem shows it, in any format.
func TestSecretsInProblems(t *testing.T) {
	base := "version: 1\nendpoint: {secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}\n"
	route := func(plug string) string {
		return base + "upstreams: {up: {targets: ['http://127.0.0.1:1']}}\nstores: {main: {url: 'sqlite::memory:'}}\nscopes:\n  - routes:\n      - get: /x\n        do:\n          - " + plug + "\n          - text: x\n"
	}
	tests := []struct{ name, manifest string }{
		{"the secret", "version: 1\nendpoint: {secret_key_base: \"${env.LOOT}\"}\n"},
		{"the secret of a file", "version: 1\nendpoint: {secret_key_base: \"${file('loot.txt')}\"}\n"},
		{"a URL of a store", base + "stores: {main: {url: \"${env.LOOT}\"}}\n"},
		{"a URL of a database that cannot be read", base + "stores: {main: {url: \"postgres://u:${env.LOOT}@[::1\"}}\n"},
		{"a pool", base + "stores: {main: {url: 'sqlite::memory:', pool: \"${env.LOOT}\"}}\n"},
		{"a target", base + "upstreams: {up: {targets: [\"ftp://${env.LOOT}\"]}}\n"},
		{"a target with a password", base + "upstreams: {up: {targets: [\"http://u:${env.LOOT}@host\"]}}\n"},
		{"a duration", base + "tokens: {user: {salt: s, max_age: \"${env.LOOT}\"}}\n"},
		{"a size", base + "sockets: [{path: /s, connect: [], websocket: {max_frame: \"${env.LOOT}\"}}]\n"},
		{"an origin", base + "sockets: [{path: /s, connect: [], check_origin: [\"${env.LOOT}\"]}]\n"},
		{"a boolean", base + "schemas: {a: {table: a, timestamps: \"${env.LOOT}\"}}\n"},
		{"a choice", "version: 1\nendpoint: {url: {scheme: \"${env.LOOT}\"}}\n"},
		{"a port", "version: 1\nendpoint: {url: {port: \"${env.LOOT}\"}}\n"},
		{"a proxy", "version: 1\nendpoint: {trusted_proxies: \"${env.LOOT}\"}\n"},
		{"a number", base + "schemas: {a: {table: a, fields: {n: {type: integer, number: {min: \"${env.LOOT}\"}}}}}\n"},
		{"a rate", route("rate_limit: \"${env.LOOT}\"")},
		{"a format", route("accepts: \"${env.LOOT}\"")},
		{"a prefix", route("proxy: {to: up, strip_prefix: \"${env.LOOT}\"}")},
		{"a folder's path", route("static: {at: \"${env.LOOT}\", from: .}")},
		{"a calculation", base + "name: ${int(env.LOOT)}\n"},
		{"a calculation in a route", route("assign: {n: \"${int(env.LOOT)}\"}")},
		{"a condition", route("require: env.LOOT")},
		{"a comparison", route("require: env.LOOT == 5")},
		{"a member", route("assign: {n: \"${env.LOOT.member}\"}")},
		{"an environment that is not used", base + "environments: {test: {endpoint: {url: {scheme: \"${env.LOOT}\"}}}}\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTarget(t)
			x.env["LOOT"] = loot
			loaded := x.load(tt.manifest, map[string]string{"loot.txt": loot})
			var shown strings.Builder
			diag.Text(&shown, loaded.Problems, loaded.Source)
			diag.GitHub(&shown, loaded.Problems)
			if err := diag.JSON(&shown, loaded.Problems); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&shown, "%v %s", loaded.Manifest, x.log.String())
			if at := strings.Index(shown.String(), loot); at >= 0 {
				t.Errorf("shown: %s", shown.String()[max(0, at-200):min(shown.Len(), at+40)])
			}
		})
	}
}

// TestSecretsAtRunTime: what a client or the log is told of a failure holds neither the
// secret that signs nor what another client sent as a proof.
func TestSecretsAtRunTime(t *testing.T) {
	x := newTarget(t)
	x.env["LOOT"] = loot
	x.open(x.load(routed(`- get: /down
  do:
    - assign: {key: "${env.LOOT}"}
    - assign: {n: "${int(key)}"}
    - text: inside
- get: /guard
  do:
    - assign: {key: "${env.LOOT}"}
    - require: key == params.key
    - text: inside
- get: /who
  do:
    - verify_token: user
      as: who
    - text: ${who}
- post: /twice
  do:
    - execute: insert into users (name, password_hash) values (${params.name}, ${params.password})
    - text: inside
`), nil))
	x.ask("GET", "/given/rows", "")
	mail := x.signed("mail", "1")
	var seen strings.Builder
	for _, line := range []string{"GET /down", "GET /guard", "GET /guard?key=x", "GET /who Authorization: Bearer " + mail, `POST /twice {"name": "ada", "password": "sent-by-a-client"}`, "GET /nowhere", "DELETE /down"} {
		got := x.line(line)
		if got.status < 400 || strings.Contains(got.body, "inside") {
			t.Errorf("%s: %d %s", line, got.status, got.body)
		}
		seen.WriteString(got.whole())
	}
	for _, secret := range []string{loot, theSecret, mail, "sent-by-a-client"} {
		if strings.Contains(seen.String(), secret) {
			t.Errorf("a client is told %q: %s", secret, seen.String())
		}
		if strings.Contains(x.log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, x.log.String())
		}
	}
}
