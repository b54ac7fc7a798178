package browser_test

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
)

func TestCSP(t *testing.T) {
	const plain, report = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
	const standard = "base-uri 'self'; frame-ancestors 'self';"
	tests := []struct {
		name, list   string
		want, report string // NONCE in place of the nonce
	}{
		{"one directive, and the two that nothing else covers", "- csp: {default_src: self}\n", "default-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"in the order written", "- csp: {img_src: ['*', 'data:'], default_src: [self, cdn.example.com]}\n", "img-src * data:; default-src 'self' cdn.example.com; base-uri 'self'; frame-ancestors 'self'", ""},
		{"keywords may stand in quotes", "- csp: {script_src: [\"'self'\", \"'unsafe-inline'\"]}\n", "script-src 'self' 'unsafe-inline'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"the two can be named", "- csp: {default_src: none, base_uri: none, frame_ancestors: [https://a.example]}\n", "default-src 'none'; base-uri 'none'; frame-ancestors https://a.example", ""},
		{"a hash", "- csp: {script_src: sha256-abc=}\n", "script-src 'sha256-abc='; base-uri 'self'; frame-ancestors 'self'", ""},
		{"a directive without sources", "- csp: {default_src: self, upgrade_insecure_requests: true}\n", "default-src 'self'; upgrade-insecure-requests; base-uri 'self'; frame-ancestors 'self'", ""},
		{"which is off", "- csp: {default_src: self, upgrade_insecure_requests: false}\n", "default-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"before the secure headers it stays", "- csp: {default_src: self}\n- put_secure_browser_headers\n", "default-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"behind them it takes their place", "- put_secure_browser_headers\n- csp: {default_src: self}\n", "default-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"only to report", "- csp: {default_src: self, report_only: true}\n- put_secure_browser_headers\n", standard, "default-src 'self'; base-uri 'self'; frame-ancestors 'self'"},
		{"the last of two counts", "- csp: {default_src: self}\n- csp: {default_src: none}\n", "default-src 'none'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"a nonce that nobody reads is not made", "- csp: {script_src: [self, nonce]}\n", "script-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"alone it then lets nothing in", "- csp: {script_src: nonce}\n", "script-src 'none'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"a nonce that is read", "- csp: {script_src: [self, nonce, strict-dynamic], style_src: nonce}\n- assign: {n: '${csp_nonce}'}\n",
			"script-src 'self' 'nonce-NONCE' 'strict-dynamic'; style-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"read twice it is one", "- csp: {script_src: nonce}\n- assign: {n: '${csp_nonce}'}\n- assign: {m: '${csp_nonce}'}\n", "script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"only to report, read", "- csp: {script_src: nonce, report_only: true}\n- assign: {n: '${csp_nonce}'}\n", "", "script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'"},
		{"both policies have the nonce", "- csp: {script_src: [self, nonce]}\n- csp: {script_src: nonce, report_only: true}\n- assign: {n: '${csp_nonce}'}\n",
			"script-src 'self' 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", "script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'"},
		{"in the other order too", "- csp: {script_src: nonce, report_only: true}\n- csp: {script_src: [self, nonce]}\n- assign: {n: '${csp_nonce}'}\n",
			"script-src 'self' 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", "script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'"},
		{"a policy behind the first use of the nonce has it", "- csp: {script_src: [self, nonce]}\n- assign: {n: '${csp_nonce}'}\n- csp: {script_src: nonce}\n",
			"script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"one without a nonce takes the place of one with it", "- csp: {script_src: [self, nonce]}\n- csp: {script_src: self}\n- assign: {n: '${csp_nonce}'}\n",
			"script-src 'self'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"a policy that a condition leaves out has none", "- when: request.method == 'POST'\n  csp: {script_src: nonce, report_only: true}\n- csp: {script_src: nonce}\n- assign: {n: '${csp_nonce}'}\n",
			"script-src 'nonce-NONCE'; base-uri 'self'; frame-ancestors 'self'", ""},
		{"a policy set by hand after it stays", "- csp: {script_src: nonce}\n- put_resp_header: {content-security-policy: x}\n- assign: {n: '${csp_nonce}'}\n", "x", ""},
	}
	nonce := regexp.MustCompile(`nonce-[A-Za-z0-9+/]{24}'`)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := pipetest.App{Defs: defs(), List: tt.list + "- show: 1\n"}.Compile(t)
			for name, want := range map[string]string{plain: tt.want, report: tt.report} {
				got := app.Serve(httptest.NewRequest("GET", "/", nil)).Header.Get(name)
				if found := slices.Compact(nonce.FindAllString(got, -1)); len(found) > 1 {
					t.Errorf("several nonces: %q", found)
				}
				if got = nonce.ReplaceAllString(got, "nonce-NONCE'"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestNonceIsNewForEachAnswer(t *testing.T) {
	app := pipetest.App{Defs: defs(), List: "- csp: {script_src: nonce}\n- show: ${csp_nonce}\n"}.Compile(t)
	seen := map[string]bool{}
	for range 100 {
		got := app.Serve(httptest.NewRequest("GET", "/", nil))
		nonce := body(got)
		if seen[nonce] || !strings.Contains(got.Header.Get("Content-Security-Policy"), "'nonce-"+nonce+"'") {
			t.Fatalf("nonce %q, seen %v, header %q", nonce, seen[nonce], got.Header.Get("Content-Security-Policy"))
		}
		seen[nonce] = true
	}
}

func TestCSPProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- csp", "1:3: `csp` needs a directive (such as `csp: {default_src: [self]}`)"},
		{"- csp: self", "1:8: `csp` takes a map of settings"},
		{"- csp: {scrpt_src: self}", "1:9: unknown setting \"scrpt_src\" of `csp` (did you mean \"script_src\"?)"},
		{"- csp: {script_src: [self; default-src *]}", "1:22: \"self; default-src *\" cannot be a source: it holds a character that ends it; write one source per entry"},
		{"- csp: {script_src: 'self cdn.example.com'}", "1:21: \"self cdn.example.com\" cannot be a source: it holds a character that ends it; write one source per entry"},
		{"- csp: {script_src: \"a\\nb\"}", "1:21: \"a\\nb\" cannot be a source: it holds a character that ends it; write one source per entry"},
		{"- csp: {script_src: \"'slef'\"}", "1:21: \"'slef'\" cannot be a source: no keyword of that name is known (did you mean \"self\"?)"},
		{"- csp: {script_src: [none, self]}", "1:21: `none` stands alone: beside other sources browsers ignore it (remove `none`, or the others)"},
		{"- csp: {script_src: nonce-abc}", "1:21: \"nonce-abc\" cannot be a source: a nonce is new for each answer; write nonce, in script_src, style_src or default_src"},
		{"- csp: {img_src: nonce}", "1:18: \"nonce\" cannot be a source: a nonce is new for each answer; write nonce, in script_src, style_src or default_src"},
		{"- csp: {script_src: 5}", "1:21: expected a source, found \"5\" (such as self, none, nonce or cdn.example.com)"},
		{"- csp: {default_src: self, upgrade_insecure_requests: self}", "1:55: expected true or false, found \"self\""},
		{"- csp: {default_src: self}\n- assign: {a: '${csp_nonce}'}", "2:18: there is no name \"csp_nonce\" here (`csp` before it, with nonce among its sources, binds this name)"},
	}
	for _, tt := range tests {
		got := strings.Join((pipetest.App{Defs: defs(), List: tt.list + "\n- show: 1\n"}).Problems(t), "\n")
		if got != tt.want && !(strings.HasPrefix(got, tt.want) && strings.HasPrefix(tt.list, "- csp: self")) {
			t.Errorf("%s\n%s\nwant\n%s", tt.list, got, tt.want)
		}
	}
}
