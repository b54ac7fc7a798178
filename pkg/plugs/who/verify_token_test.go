package who_test

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/who"
	"github.com/openmanifest/gateway/pkg/tokens"
)

const sections = `
endpoint: {secret_key_base: ` + pipetest.Secret + `}
tokens:
  user: {salt: user auth, max_age: 1h}
  other: {salt: other}
`

func now() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

func sign(t *testing.T, salt string, data any, at time.Time) string {
	t.Helper()
	s, err := tokens.NewSigner(pipetest.Secret, salt, tokens.Options{})
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(data, at)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerifyTokenInHTTP(t *testing.T) {
	good := sign(t, "user auth", int64(7), now())
	old := sign(t, "user auth", int64(7), now().Add(-2*time.Hour))
	foreign := sign(t, "other", int64(7), now())
	tests := []struct {
		name, options, target string
		headers               map[string]string
		want                  string // of the answer, or the reason
	}{
		{"bearer", "user", "/", map[string]string{"Authorization": "Bearer " + good}, "7"},
		{"bearer in any case", "user", "/", map[string]string{"Authorization": "bEARER  " + good + " "}, "7"},
		{"long form", "{token: user}", "/", map[string]string{"Authorization": "Bearer " + good}, "7"},
		{"another scheme", "user", "/", map[string]string{"Authorization": "Basic " + good}, "missing"},
		{"no header", "user", "/", nil, "missing"},
		{"an empty bearer", "user", "/", map[string]string{"Authorization": "Bearer "}, "missing"},
		{"no token", "user", "/", map[string]string{"Authorization": "Bearer abc"}, "invalid"},
		{"of another kind", "user", "/", map[string]string{"Authorization": "Bearer " + foreign}, "invalid"},
		{"changed", "user", "/", map[string]string{"Authorization": "Bearer " + good[:len(good)-2] + "AA"}, "invalid"},
		{"too old", "user", "/", map[string]string{"Authorization": "Bearer " + old}, "expired"},
		{"over 8 KB", "user", "/", map[string]string{"Authorization": "Bearer " + good + strings.Repeat("A", 8000)}, "invalid"},
		{"not where it is looked for", "user", "/?token=" + good, nil, "missing"},
		{"param", "{token: user, from: {param: token}}", "/?token=" + good, nil, "7"},
		{"an empty param", "{token: user, from: [{param: token}]}", "/?token=", nil, "missing"},
		{"a list as param", "{token: user, from: [{param: token}]}", "/?token[]=" + good, nil, "invalid"},
		{"header", "{token: user, from: [{header: x-token}]}", "/", map[string]string{"X-Token": good}, "7"},
		{"cookie", "{token: user, from: [{cookie: tok}]}", "/", map[string]string{"Cookie": "a=b; tok=" + good}, "7"},
		{"no cookie", "{token: user, from: [{cookie: tok}]}", "/", map[string]string{"Cookie": "a=b"}, "missing"},
		{"the second place", "{token: user, from: [bearer, {param: token}]}", "/?token=" + good, nil, "7"},
		{"the first that is there counts", "{token: user, from: [bearer, {param: token}]}", "/?token=" + good, map[string]string{"Authorization": "Bearer abc"}, "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), Sections: sections, Now: now, List: "- verify_token: " + tt.options + "\n  as: id\n- show: ${id}\n"}.Compile(t)
			r := httptest.NewRequest("GET", tt.target, nil)
			for name, v := range tt.headers {
				r.Header.Set(name, v)
			}
			got := c.Serve(r)
			if refusal := got.Refusal(); refusal != nil {
				if refusal.Reason != tt.want || got.Status != 401 {
					t.Errorf("refused with %d %s, want %s", got.Status, refusal.Reason, tt.want)
				}
				return
			}
			if got.Body != tt.want {
				t.Errorf("%d %s (%v), want %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

func TestChallenge(t *testing.T) {
	tests := []struct{ options, want string }{
		{"user", "Bearer"},
		{"{token: user, from: [{param: t}, bearer]}", "Bearer"},
		{"{token: user, from: [{param: t}]}", ""},
	}
	for _, tt := range tests {
		c := pipetest.App{Defs: who.All(), Sections: sections, List: "- verify_token: " + tt.options + "\n- show: 1\n"}.Compile(t)
		if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Header.Get("WWW-Authenticate") != tt.want {
			t.Errorf("%s: WWW-Authenticate %q, want %q", tt.options, got.Header.Get("WWW-Authenticate"), tt.want)
		}
	}
}

// Claims are strict under any name: a rule must not pass because a claim is absent.
func TestClaimsAreStrict(t *testing.T) {
	tests := []struct {
		name, list string
		status     int
		body       string
	}{
		{"read", "  as: claims\n- show: ${claims.role}\n", 200, `"admin"`},
		{"a missing claim", "  as: claims\n- show: ${claims.rle}\n", 500, ""},
		{"under another name", "  as: me\n- show: ${me.rle}\n", 500, ""},
		{"a missing claim in a guard", "  as: me\n- require: me.rle != 'guest'\n- show: 1\n", 403, ""},
		{"with ?.", "  as: claims\n- show: ${claims?.rle ?? 'none'}\n", 200, `"none"`},
	}
	token := sign(t, "user auth", map[string]any{"role": "admin"}, now())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), Sections: sections, Now: now, List: "- verify_token: user\n" + tt.list}.Compile(t)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			if got := c.Serve(r); got.Status != tt.status || tt.status == 200 && got.Body != tt.body {
				t.Errorf("%d %s (%v), want %d %s", got.Status, got.Body, got.Err, tt.status, tt.body)
			}
		})
	}
}

func TestVerifyTokenElse(t *testing.T) {
	tests := []struct {
		name, list string
		status     int
		body       string
	}{
		{"answers with 401", "  as: id\n  else: {show: {error: '${failure.reason}'}}\n- show: 1\n", 401, `{"error":"missing"}`},
		{"continues with nil", "  as: id\n  else: continue\n- show: ${id}\n", 200, `null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), Sections: sections, List: "- verify_token: user\n" + tt.list}.Compile(t)
			if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != tt.status || got.Body != tt.body {
				t.Errorf("%d %s (%v), want %d %s", got.Status, got.Body, got.Err, tt.status, tt.body)
			}
		})
	}
}

func TestVerifyTokenInSockets(t *testing.T) {
	good := sign(t, "user auth", int64(7), now())
	quoted, _ := json.Marshal(map[string]any{"token": good})
	tests := []struct {
		name, from, payload string
		want                string
	}{
		{"payload", "[{payload: token}]", string(quoted), "7"},
		{"no payload", "[{payload: token}]", "", "missing"},
		{"an empty payload", "[{payload: token}]", "{}", "missing"},
		{"a payload that is a list", "[{payload: token}]", "[1]", "missing"},
		{"a number", "[{payload: token}]", `{"token":5}`, "invalid"},
		{"nil", "[{payload: token}]", `{"token":null}`, "missing"},
		{"a capture of the topic", "[{param: token}]", "", "7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := "- verify_token: {token: user, from: " + tt.from + "}\n  as: id\n- show: ${id}\n"
			c := pipetest.App{Defs: who.All(), Sections: sections, Now: now, Place: pipeline.Join, List: list}.Compile(t)
			got := c.Handle(pipetest.Event{Topic: "room:1", Payload: tt.payload, Params: map[string]any{"token": good}})
			if refusal := got.Refusal(); refusal != nil {
				if refusal.Reason != tt.want {
					t.Errorf("refused with %s, want %s", refusal.Reason, tt.want)
				}
			} else if !slices.Equal(got.Shown, []string{tt.want}) {
				t.Errorf("showed %q (%v), want %s", got.Shown, got.Err, tt.want)
			}
		})
	}
	t.Run("connect", func(t *testing.T) {
		list := "- verify_token: {token: user, from: [{param: token}]}\n  as: id\n- show: ${id}\n"
		c := pipetest.App{Defs: who.All(), Sections: sections, Now: now, Place: pipeline.Connect, List: list}.Compile(t)
		if got := c.Serve(httptest.NewRequest("GET", "/socket/websocket?token="+good, nil)); !slices.Equal(got.Shown, []string{"7"}) {
			t.Errorf("showed %q (%v), want 7", got.Shown, got.Err)
		}
	})
}

func TestTokensOutliveAReload(t *testing.T) {
	shared := &pipeline.Shared{}
	app := pipetest.App{Defs: who.All(), Sections: sections, Now: now, Shared: shared, List: "- verify_token: user\n- verify_token: {token: user, from: [{param: t}]}\n- show: 1\n"}
	app.Compile(t)
	app.Compile(t)
	if n := shared.Len(); n != 1 {
		t.Errorf("%d shared things, want the one signer", n)
	}
}
