package traffic_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

// corsHeaders gives what an answer says of CORS, one line each, sorted.
func corsHeaders(h http.Header) string {
	var out []string
	for name, values := range h {
		if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			out = append(out, strings.TrimPrefix(name, "Access-Control-")+": "+strings.Join(values, "|"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func lines(l ...string) string { return strings.Join(l, "\n") }

func TestCors(t *testing.T) {
	const app = "https://app.example"
	tests := []struct{ name, settings, origin, want string }{
		{"an origin that is listed", "https://app.example", app, lines("Allow-Origin: "+app, "Vary: Origin")},
		{"an origin that is not", "https://app.example", "https://evil.example", "Vary: Origin"},
		{"no origin", "https://app.example", "", "Vary: Origin"},
		{"another scheme", "https://app.example", "http://app.example", "Vary: Origin"},
		{"another port", "https://app.example", "https://app.example:8443", "Vary: Origin"},
		{"a port that is listed", "'http://localhost:3000'", "http://localhost:3000", lines("Allow-Origin: http://localhost:3000", "Vary: Origin")},
		{"the port of the scheme may be written", "'https://app.example:443'", app, lines("Allow-Origin: "+app, "Vary: Origin")},
		{"written large in the manifest", "HTTPS://App.Example", app, lines("Allow-Origin: "+app, "Vary: Origin")},
		{"one that only begins so", "https://app.example", "https://app.example.evil.example", "Vary: Origin"},
		{"a subdomain", "'https://*.example.com'", "https://a.b.example.com", lines("Allow-Origin: https://a.b.example.com", "Vary: Origin")},
		{"the domain itself is no subdomain", "'https://*.example.com'", "https://example.com", "Vary: Origin"},
		{"one that only ends so", "'https://*.example.com'", "https://evilexample.com", "Vary: Origin"},
		{"one that hides a host", "'https://*.example.com'", "https://evil.test/.example.com", "Vary: Origin"},
		{"one that hides a user", "'https://*.example.com'", "https://evil.test@x.example.com", "Vary: Origin"},
		{"an empty label", "'https://*.example.com'", "https://.example.com", "Vary: Origin"},
		{"null", "https://app.example", "null", "Vary: Origin"},
		{"null, written", "[https://app.example, 'null']", "null", lines("Allow-Origin: null", "Vary: Origin")},
		{"null, written without quotes", "[https://app.example, null]", "null", lines("Allow-Origin: null", "Vary: Origin")},
		{"a scheme of an app", "'capacitor://localhost'", "capacitor://localhost", lines("Allow-Origin: capacitor://localhost", "Vary: Origin")},
		{"any", "any", "https://evil.example", "Allow-Origin: *"},
		{"any, with no origin", "any", "", "Allow-Origin: *"},
		{"credentials", "{origins: https://app.example, credentials: true}", app, lines("Allow-Credentials: true", "Allow-Origin: "+app, "Vary: Origin")},
		{"credentials of a stranger", "{origins: https://app.example, credentials: true}", "https://evil.example", "Vary: Origin"},
		{"headers that may be read", "{origins: https://app.example, expose: [X-Total, etag]}", app, lines("Allow-Origin: "+app, "Expose-Headers: x-total, etag", "Vary: Origin")},
		{"any header may be read", "{origins: any, expose: any}", app, lines("Allow-Origin: *", "Expose-Headers: *")},
		{"several in one text", "'https://a.example, https://app.example'", app, lines("Allow-Origin: "+app, "Vary: Origin")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: traffic.All(), List: "- cors: " + tt.settings + "\n- show: 1\n"}.Compile(t)
			r := httptest.NewRequest("GET", "/", nil)
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			got := c.Serve(r)
			if have := corsHeaders(got.Header); got.Status != 200 || have != tt.want {
				t.Errorf("%d with\n%s\nwant\n%s", got.Status, have, tt.want)
			}
		})
	}
	t.Run("two origins", func(t *testing.T) {
		c := pipetest.App{Defs: traffic.All(), List: "- cors: https://app.example\n- show: 1\n"}.Compile(t)
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Origin"] = []string{app, app}
		if have := corsHeaders(c.Serve(r).Header); have != "Vary: Origin" {
			t.Errorf("%s, want none to be let in", have)
		}
	})
}

func TestCorsProblems(t *testing.T) {
	const form = " (write scheme, host and port alone, such as https://app.example.com or https://*.example.com)"
	tests := []struct{ settings, want string }{
		{"", "1:3: `cors` needs \"origins\" (Origins of the pages: `https://a.example`, `https://*.example.com`, `null`; or `any`.)"},
		{"[]", "1:9: `origins` is empty (name one, such as https://app.example.com, or write `origins: any`)"},
		{"'*'", "1:9: expected an origin, found \"*\" (write `origins: any` alone for every origin)"},
		{"[any, https://a.example]", "1:10: expected an origin, found \"any\" (write `origins: any` alone for every origin)"},
		{"a.example", "1:9: expected an origin, found \"a.example\"" + form},
		{"https://a.example/", "1:9: expected an origin, found \"https://a.example/\"" + form},
		{"https://u@a.example", "1:9: expected an origin, found \"https://u@a.example\"" + form},
		{"'https://*'", "1:9: expected an origin, found \"https://*\"" + form},
		{"'https://a.*.example'", "1:9: expected an origin, found \"https://a.*.example\"" + form},
		{"'https://a*.example'", "1:9: expected an origin, found \"https://a*.example\"" + form},
		{"{origins: any, credentials: true}", "1:37: `credentials` cannot stand with `origins: any`: every site could act as the user (list the origins)"},
		{"{origins: https://a.example, credentials: true, expose: any}", "1:65: `expose: any` cannot stand with `credentials`: browsers then read it as a name (list the headers)"},
		{"{origins: any, headers: ['*']}", "1:33: \"*\" is not the name of a header (list names, or write `headers: any`)"},
		{"{origins: any, headers: ['x y']}", "1:33: \"x y\" is not the name of a header (list names, or write `headers: any`)"},
		{"{origins: any, expose: [any, x]}", "1:32: \"any\" is not the name of a header (list names, or write `expose: any`)"},
		{"{origins: any, methods: ['G ET']}", "1:33: \"G ET\" is no method (such as [GET, POST])"},
		{"{origins: any, max_age: 600}", `1:33: expected a duration, found "600" (write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m)`},
	}
	for _, tt := range tests {
		t.Run(tt.settings, func(t *testing.T) {
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if got := (pipetest.App{Defs: traffic.All(), List: "- cors: " + tt.settings + "\n- show: 1\n"}).Problems(t); !slices.Equal(got, want) {
				t.Errorf("problems %q, want %q", got, want)
			}
		})
	}
	t.Run("under a condition", func(t *testing.T) {
		got := pipetest.App{Defs: traffic.All(), List: "- cors: any\n  when: params.a == '1'\n- show: 1\n"}.Problems(t)
		if len(got) != 1 || !strings.Contains(got[0], "runs before all other plugs") {
			t.Errorf("problems %q", got)
		}
	})
}
