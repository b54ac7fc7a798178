package who_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/who"
)

func TestRequire(t *testing.T) {
	tests := []struct {
		condition, target string
		status            int
	}{
		{"params.role == 'admin'", "/?role=admin", 200},
		{"params.role == 'admin'", "/?role=guest", 403},
		{"params.role == 'admin'", "/", 403}, // a missing member cannot be decided
		{"params.role != 'guest'", "/", 403}, // and does not pass by being absent
		{"params?.role == nil", "/", 200},    // but when that is what is asked
		{"{condition: params.role == 'admin'}", "/?role=admin", 200},
		{"true", "/", 200},
		{"false", "/", 403},
	}
	for _, tt := range tests {
		t.Run(tt.condition+" "+tt.target, func(t *testing.T) {
			c := pipetest.App{Defs: who.All(), List: "- require: " + tt.condition + "\n- show: 1\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", tt.target, nil))
			if got.Status != tt.status {
				t.Errorf("%d (%v), want %d", got.Status, got.Err, tt.status)
			}
			if refusal := got.Refusal(); tt.status == 403 && (refusal == nil || refusal.Reason != "forbidden") {
				t.Errorf("refused with %v, want forbidden", got.Err)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		place pipeline.Place
		list  string
		want  []string
	}{
		{0, "- verify_token: usr", []string{`1:17: there is no token "usr" (did you mean "user"?)`}},
		{0, "- verify_token", []string{"1:3: `verify_token` needs \"token\" (Which kind of token.)"}},
		{0, "- verify_token: {token: user, max_age: 1h}", []string{"1:31: unknown setting \"max_age\" of `verify_token` (its settings are token or from)"}},
		{0, "- verify_token: {token: user, from: auth_token}", []string{"1:37: in a route or pipeline there is no auth_token to take a token from (it comes when a client connects: verify it in `connect` of a socket that has `auth_token: true`)"}},
		{pipeline.Join, "- verify_token: {token: user, from: auth_token}", []string{"1:37: in join there is no auth_token to take a token from (write `from: [{payload: token}]`, or verify it in `connect`)"}},
		{pipeline.Connect, "- verify_token: {token: user, from: auth_token}", []string{"1:37: in connect there is no auth_token to take a token from (write `auth_token: true` at the socket)"}},
		{pipeline.Connect, "- verify_token: {token: user, from: [{cookie: t}]}", []string{"1:39: in connect there is no cookie to take a token from (" + pipeline.WithheldCookie + ")"}},
		{pipeline.Connect, "- verify_token: {token: user, from: [{header: x-t}]}", []string{"1:39: in connect there is no header to take a token from (" + pipeline.WithheldHeader + ")"}},
		{pipeline.Connect, "- verify_token: {token: user, from: [{session: t}]}", []string{"1:39: in connect there is no session to take a token from (list it at the socket: `connect_info: [session]`; it is given to a client that sends its `_csrf_token`)"}},
		{pipeline.Connect, "- verify_token: {token: user, from: [{payload: t}]}", []string{"1:39: in connect there is no payload to take a token from (what a client sends when it connects is in its params: write `from: [{param: token}]`)"}},
		{pipeline.Connect, "- api_key: {keys: {a: 0123456789abcdef}}", []string{"1:3: in connect there is no header to take a token from (" + pipeline.WithheldHeader + ")"}},
		{0, "- verify_token: {token: user, from: [{session: t}]}", []string{"1:39: `verify_token` needs `fetch_session` before it (put `fetch_session` into its pipeline)"}},
		{0, "- verify_token: {token: user, from: [{parm: t}]}", []string{`1:39: a token cannot stand in "parm" (did you mean "param"?)`}},
		{0, "- verify_token: {token: user, from: [{param: [t]}]}", []string{"1:46: expected the name of the param"}},
		{0, "- verify_token: {token: user, from: []}", []string{"1:37: `from` names no place (leave it out for the bearer header)"}},
		{0, "- verify_token: {token: user, from: [{payload: t}]}", []string{"1:39: in a route or pipeline there is no payload to take a token from"}},
		{pipeline.Endpoint, "- verify_token: {token: user, from: [{param: t}]}", []string{"1:39: in endpoint.plugs there is no param to take a token from (params are known after the match: put it into a pipeline or route)"}},
		{pipeline.Join, "- verify_token: user", []string{"1:3: in join there is no bearer to take a token from (write `from: [{payload: token}]`, or verify it in `connect`)"}},
		{0, "- require", []string{"1:3: `require` needs \"condition\" (What must be true, such as `user.role == 'admin'`.)"}},
		{0, "- require: [a]", []string{"1:12: expected a condition, found a map or list (put quotes around a condition that begins with [ or {, or stands inside { })"}},
		{0, "- require: params.a == '1'\n  else: continue", []string{"2:9: `else: continue` is only for plugs with a result; `require` would guard nothing (remove the plug, or answer in its `else`)"}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			list := tt.list
			if tt.place == 0 {
				list += "\n- show: 1\n"
			}
			if got := (pipetest.App{Defs: who.All(), Place: tt.place, Sections: sections, List: list}).Problems(t); !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWithoutASecret(t *testing.T) {
	tests := []struct {
		name, sections string
		want           []string
	}{
		{"none", "tokens: {user: {salt: a}}", []string{"1:3: signed tokens need `endpoint.secret_key_base` (add `secret_key_base: ${env.SECRET_KEY_BASE}` to `endpoint`, at least 64 bytes)"}},
		{"a variable that is not set", "endpoint: {secret_key_base: '${env.SECRET}'}\ntokens: {user: {salt: a}}", []string{"app.yaml:2:36: "}},
		{"a kind that is not there", "tokens: {user: {kind: jwt}}", []string{"app.yaml:2:23: `kind: jwt` is not available in this version (remove it, or use a version that has it)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := pipetest.App{Defs: who.All(), Sections: tt.sections, List: "- verify_token: user\n- verify_token: {token: user, from: [{param: t}]}\n- show: 1\n"}.Problems(t)
			if len(got) != 1 || got[0][:min(len(got[0]), len(tt.want[0]))] != tt.want[0] {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

// A cookie is sent along from any page, so a token in one needs the check against forgery.
func TestCookieCountsAsReadingCookies(t *testing.T) {
	list := "- verify_token: {token: user, from: [{cookie: t}]}\n- show: 1\n"
	c := pipetest.App{Defs: who.All(), Sections: sections, List: list}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != 401 {
		t.Errorf("%d, want 401 for a GET without a cookie", got.Status)
	}
	want := "1:3: a route for other methods than GET, HEAD and OPTIONS that reads the session or a cookie needs `protect_from_forgery` before that (put `protect_from_forgery` into its pipeline)"
	if got := (pipetest.App{Defs: who.All(), Sections: sections, List: list, Unsafe: true}).Problems(t); !slices.Equal(got, []string{want}) {
		t.Errorf("problems %q, want %q", got, want)
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, who.All()) }
