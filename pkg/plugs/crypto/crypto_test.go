package crypto_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/crypto"
	"github.com/openmanifest/gateway/pkg/tokens"
	"github.com/openmanifest/gateway/pkg/value"
)

const sections = `
endpoint: {secret_key_base: ` + pipetest.Secret + `}
tokens: {user: {salt: user auth, max_age: 1h}}
`

func now() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func TestSignToken(t *testing.T) {
	tests := []struct {
		name, data string
		want       any
	}{
		{"an id", "5", int64(5)},
		{"a text", `"${params.email}"`, "ann@example.com"},
		{"a map", `{id: 1, role: "${params.role}"}`, value.Claims{"id": int64(1), "role": "admin"}},
		{"nil", `"${params.none}"`, nil},
	}
	signer, err := tokens.NewSigner(pipetest.Secret, "user auth", tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := "- sign_token: {token: user, data: " + tt.data + "}\n  as: token\n- show: ${token}\n"
			c := pipetest.App{Defs: crypto.All(), Sections: sections, Now: now, List: list}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?email=ann@example.com&role=admin", nil))
			var token string
			if err := json.Unmarshal([]byte(got.Body), &token); err != nil {
				t.Fatalf("%d %s (%v): %v", got.Status, got.Body, got.Err, err)
			}
			data, err := signer.Verify(token, now().Add(time.Minute))
			if want, _ := value.AppendJSON(nil, tt.want); err != nil || !sameJSON(data, want) {
				t.Errorf("the token says %v (%v), want %s", data, err, want)
			}
			if _, err := signer.Verify(token, now().Add(2*time.Hour)); err == nil {
				t.Error("the token is valid after its max_age")
			}
		})
	}
}

func sameJSON(v any, want []byte) bool {
	got, err := value.AppendJSON(nil, v)
	return err == nil && string(got) == string(want)
}

func TestSignTokenThatIsTooLong(t *testing.T) {
	list := "- sign_token: {token: user, data: \"${params.a}\"}\n  as: token\n- show: ${token}\n"
	c := pipetest.App{Defs: crypto.All(), Sections: sections, List: list}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/?a="+strings.Repeat("x", 9000), nil)); got.Status != 500 || got.Refusal() != nil {
		t.Errorf("%d (%v), want an error of ours", got.Status, got.Err)
	}
}

func TestVerifyPassword(t *testing.T) {
	hash, err := password.NewHasher(1).Hash(context.Background(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, query string
		status      int
		reason      string
	}{
		{"right", "p=correct+horse&h=" + url.QueryEscape(hash), 200, ""},
		{"wrong", "p=wrong&h=" + url.QueryEscape(hash), 401, "invalid"},
		{"no such user", "p=correct+horse", 401, "invalid"},
		{"an empty hash", "p=correct+horse&h=", 401, "invalid"},
		{"no password", "h=" + url.QueryEscape(hash), 401, "invalid"},
		{"a list as password", "p[]=correct+horse&h=" + url.QueryEscape(hash), 401, "invalid"},
		{"a password too long", "p=" + strings.Repeat("x", 5000) + "&h=" + url.QueryEscape(hash), 401, "invalid"},
		{"a hash that is none", "p=correct+horse&h=abc", 500, ""},
		{"a list as hash", "p=correct+horse&h[]=abc", 500, ""},
	}
	list := "- verify_password: {password: \"${params.p}\", hash: \"${params.h}\"}\n- show: 1\n"
	c := pipetest.App{Defs: crypto.All(), List: list}.Compile(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := c.Serve(httptest.NewRequest("GET", "/?"+tt.query, nil))
			reason := ""
			if refusal := got.Refusal(); refusal != nil {
				reason = refusal.Reason
			}
			if got.Status != tt.status || reason != tt.reason {
				t.Errorf("%d %q (%v), want %d %q", got.Status, reason, got.Err, tt.status, tt.reason)
			}
		})
	}
}

func TestVerifyPasswordWhenTheRequestIsOver(t *testing.T) {
	c := pipetest.App{Defs: crypto.All(), List: "- verify_password: {password: a, hash: ''}\n- show: 1\n"}.Compile(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	got := c.Serve(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if refusal := got.Refusal(); got.Status != 503 || refusal == nil || refusal.Reason != "busy" || got.Header.Get("Retry-After") != "1" {
		t.Errorf("%d (%v), want 503 busy", got.Status, got.Err)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- sign_token: {token: user}", "1:3: `sign_token` needs \"data\" (What the token says: an id, or a map of claims; whoever has the token can read it.)"},
		{"- sign_token: {token: usr, data: 1}", `1:23: there is no token "usr" (did you mean "user"?)`},
		{"- sign_token: {token: user, data: 1, salt: a}", "1:38: unknown setting \"salt\" of `sign_token` (its settings are token or data)"},
		{"- verify_password: {password: a}", "1:3: `verify_password` needs \"hash\" (The stored hash (argon2id or bcrypt), or nil where there is no such user.)"},
		{"- verify_password: {password: [a], hash: b}", "1:31: expected a text, found a map or list"},
		{"- verify_password: {password: a, hash: b}\n  as: x", "2:3: `verify_password` has no result to bind"},
		{"- revoke_token: user", "1:3: `revoke_token` is not available in this version (remove it, or use a version that has it)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: crypto.All(), Sections: sections, List: tt.list + "\n- show: 1\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, crypto.All()) }
