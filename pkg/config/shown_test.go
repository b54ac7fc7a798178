package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/config/source"
)

// Each kind of place where a secret can stand. hunter2 is one, wherever it is.
func TestNoSecretIsShown(t *testing.T) {
	const long = "hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2hunter2"
	tests := []struct{ name, manifest, shown string }{
		{"secret_key_base", "endpoint: {secret_key_base: " + long + "}", `secret_key_base: "[redacted]"`},
		{"secret_key_base of a variable", "endpoint: {secret_key_base: '${env.SECRET}'}", `secret_key_base: "${env.SECRET}"`},
		{"secret_key_base of a variable with a default", "endpoint: {secret_key_base: \"${env.NONE ?? '" + long + "'}\"}", `secret_key_base: "[redacted]"`},
		{"the value of a variable in any place", "name: '${env.SECRET}'", `name: "${env.SECRET}"`},
		{"the admin token", "endpoint: {admin: {listen: ':4001', token: hunter2hunter2hunter2}}", `token: "[redacted]"`},
		{"headers of traces", "endpoint: {traces: {otlp: 'http://a.example', headers: {x-scope: hunter2}}}", `x-scope: "[redacted]"`},
		{"a database with a password", "stores: {main: {url: 'postgres://ann:hunter2@db/shop'}}", `postgres://ann:[redacted]@db/shop`},
		{"a database with a password in the query", "stores: {main: {url: 'postgres://db/shop?user=ann&password=hunter2'}}", `user=ann&password=[redacted]`},
		{"a database of a variable with a default", "stores: {main: {url: \"${env.DB ?? 'postgres://ann:hunter2@db/shop'}\"}}", `postgres://ann:[redacted]@db/shop`},
		{"a message server with a password", "pubsub: {url: 'nats://ann:hunter2@a:4222'}", `url: "[redacted]"`},
		{"a message server with a token, of several", "pubsub: {url: ['nats://a:4222', 'nats://hunter2@b:4222']}", `"nats://a:4222"`},
		{"a message server of a variable with a default", "pubsub: {url: \"${env.NATS ?? 'nats://hunter2@a:4222'}\"}", `url: "[redacted]"`},
		{"a password of a plug", "pipelines: {a: [basic_auth: {username: ann, password: hunter2}]}", `username: ann`},
		{"several users", "pipelines: {a: [basic_auth: {users: {ann: hunter2, bob: hunter2}}]}", `ann: "[redacted]"`},
		{"api keys", "pipelines: {a: [api_key: {header: x-api-key, keys: [hunter2, hunter2b]}]}", `header: x-api-key`},
		{"one api key", "pipelines: {a: [api_key: hunter2]}", `api_key: "[redacted]"`},
		{"a header of a request", "pipelines: {a: [put_req_header: {authorization: Bearer hunter2}]}", `authorization: "[redacted]"`},
		{"a cookie of a request", "pipelines: {a: [put_req_header: {cookie: a=hunter2}]}", `cookie: "[redacted]"`},
		{"a header of an answer", "scopes: [{routes: [{get: /, text: a, headers: {x-auth-token: hunter2}}]}]", `x-auth-token: "[redacted]"`},
		{"a url of a request", "pipelines: {a: [http: {url: 'https://ann:hunter2@a.example/?api_key=hunter2&q=1'}]}", `https://ann:[redacted]@a.example/?api_key=[redacted]&q=1`},
		{"a key that is no name of ours", "pipelines: {a: [json: {client_secret: hunter2, privateKey: hunter2}]}", `privateKey: "[redacted]"`},
		{"a number", "pipelines: {a: [basic_auth: {username: ann, password: 4711}]}", `password: "[redacted]"`},
		{"a token among plain texts", "pipelines: {a: [assign: {x: SFMyNTY.hunter2}]}", `x: "[redacted]"`},
		{"a json web token", "pipelines: {a: [assign: {x: eyJhunter2}]}", `x: "[redacted]"`},
		{"a private key", "pipelines: {a: [assign: {x: \"-----BEGIN PRIVATE KEY-----\\nhunter2\"}]}", `x: "[redacted]"`},
		{"what looks like a token", "pipelines: {a: [assign: {x: " + long + "}]}", `x: "[redacted]"`},
		{"free keys", "x-db: &db {password: hunter2}", `password: "[redacted]"`},
		{"a secret in a computed header", "pipelines: {a: [put_req_header: {authorization: 'Bearer ${env.KEY}'}]}", `authorization: "Bearer ${env.KEY}"`},
		{"a secret beside an expression", "pipelines: {a: [put_req_header: {authorization: 'hunter2${env.KEY}'}]}", `authorization: "[redacted]"`},
		{"a file", "endpoint: {secret_key_base: \"${file('secret.txt')}\"}", `${file('secret.txt')}`},
		{"what is no secret: a declared token", "tokens: {user: {salt: user auth}}\npipelines: {a: [verify_token: user, sign_token: {token: user, data: '1'}]}", `verify_token: user`},
		{"what is no secret: a field called password", "schemas: {user: {table: users, fields: {password: {type: string, length: {min: 12}}}}}", `min: 12`},
		{"what is no secret: the key of a limit", "pipelines: {a: [rate_limit: {rate: 1/s, key: '${request.ip}'}]}", `key: "${request.ip}"`},
		{"another environment", "environments: {prod: {stores: {main: {url: 'postgres://ann:hunter2@db/shop'}}}}", `version: 1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "app.yaml")
			if err := os.WriteFile(path, []byte("version: 1\n"+tt.manifest+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			ps := &diag.Problems{}
			m := Load(path, Options{
				Environment: "test", ReadFile: func(string) (string, error) { return long, nil },
				Getenv: func(name string) (string, bool) { return long, name == "SECRET" || name == "KEY" },
			}, ps)
			if m == nil {
				t.Fatal(ps.All())
			}
			for _, text := range []string{string(source.AppendYAML(nil, m.Shown())), string(source.AppendJSON(nil, m.Shown()))} {
				if strings.Contains(text, "hunter2") || strings.Contains(text, "4711") {
					t.Errorf("a secret is in\n%s", text)
				}
			}
			if text := string(source.AppendYAML(nil, m.Shown())); !strings.Contains(text, tt.shown) {
				t.Errorf("no %s in\n%s", tt.shown, text)
			}
		})
	}
}
