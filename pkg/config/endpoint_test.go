package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// loaded reads a manifest with this endpoint, as serve --env prod does or, lenient, check.
func loaded(t *testing.T, endpoint string, o Options) (*Manifest, []*diag.Problem) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nendpoint: "+endpoint+"\nscopes: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.Environment == "" {
		o.Environment = "prod"
	}
	o.Getenv = func(name string) (string, bool) { return map[string]string{"PORT": "8080"}[name], name == "PORT" }
	var ps diag.Problems
	m := Load(path, o, &ps)
	return m, ps.All()
}

func TestHowClientsSeeTheEndpoint(t *testing.T) {
	tests := []struct{ endpoint, want string }{
		{"{}", "http://localhost:4000"},
		{"{listen: ':80'}", "http://localhost"},
		{"{listen: '127.0.0.1:${env.PORT}'}", "http://localhost:8080"},
		{"{listen: 'unix:g.sock'}", "http://localhost"},
		{"{listen: ['unix:g.sock', ':5000']}", "http://localhost:5000"},
		{"{listen: ':443', tls: {cert: a, key: b}}", "https://localhost"},
		{"{listen: [{address: ':80', tls: false}, ':8443'], tls: {cert: a, key: b}}", "https://localhost:8443"},
		{"{listen: ':443', tls: {acme: {domains: [a.example, b.example]}}}", "https://a.example"},
		{"{tls: false}", "http://localhost:4000"},
		{"{tls: null}", "http://localhost:4000"},
		{"{url: {host: a.example}}", "http://a.example"},
		{"{url: {host: a.example, scheme: https}}", "https://a.example"},
		{"{url: {host: a.example, scheme: https, port: 80}}", "https://a.example:80"},
		{"{url: {host: a.example, path: /app/}}", "http://a.example/app"},
		{"{url: {host: a.example}, tls: {cert: a, key: b}}", "https://a.example"},
		{"{url: {scheme: http}, listen: [{address: ':80', tls: false}, ':443'], tls: {cert: a, key: b}}", "http://localhost"},
		{"{url: {host: '::1', port: 81}}", "http://[::1]:81"},
		{"{url: {host: '[::1]'}}", "http://[::1]"},
	}
	for _, tt := range tests {
		m, problems := loaded(t, tt.endpoint, Options{})
		if len(problems) > 0 {
			t.Errorf("%s: %v", tt.endpoint, problems[0])
			continue
		}
		if got := m.BaseURL(); got != tt.want {
			t.Errorf("%s is seen as %s, want %s", tt.endpoint, got, tt.want)
		}
	}
}

func TestFilesOfTLS(t *testing.T) {
	m, _ := loaded(t, "{tls: {cert: a, key: b, certificates: [{cert: c, key: d}], acme: {domains: x.example, ca_root: e}}}", Options{})
	if got := m.Endpoint.TLS.Files(); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("the files are %v", got)
	}
}

// What serves and what is only looked at, with what it needs of the machine.
func TestWhereTLSIsOfUse(t *testing.T) {
	missing := func(string) (string, error) { return "", &fs.PathError{Op: "open", Path: "a", Err: fs.ErrNotExist} }
	dev := func() (string, error) { return "", errors.New("not asked for in this test") }
	tests := []struct {
		name, tls string
		o         Options
		want      string // the code of the problem, behind its severity
	}{
		{"self-signed in production", "self_signed", Options{}, "error self-signed"},
		{"self-signed in production, looked at", "self_signed", Options{Lenient: true}, "error self-signed"},
		{"self-signed in dev without --dev", "self_signed", Options{Environment: "dev"}, "error self-signed"},
		{"self-signed in dev, looked at", "self_signed", Options{Environment: "dev", Lenient: true}, ""},
		{"self-signed in a test", "self_signed", Options{Environment: "test"}, ""},
		{"self-signed with --dev", "self_signed", Options{Environment: "dev", DevSecret: dev}, "error dev-secret"}, // asked for by the secret alone
		{"a missing file", "{cert: a, key: ''}", Options{ReadFile: missing}, "error wrong-value"},
		{"a missing root", "{acme: {domains: x.example, ca_root: a}}", Options{ReadFile: missing}, "error missing-file"},
		{"a missing root, looked at", "{acme: {domains: x.example, ca_root: a}}", Options{ReadFile: missing, Lenient: true}, "warning missing-file"},
		{"a root that is none", "{acme: {domains: x.example, ca_root: a}}", Options{ReadFile: func(string) (string, error) { return "no", nil }}, "error bad-certificate"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := loaded(t, "{tls: "+tt.tls+"}", tt.o)
			got := ""
			if len(problems) > 0 {
				got = map[diag.Severity]string{diag.Error: "error ", diag.Warning: "warning "}[problems[0].Severity] + problems[0].Code
			}
			if got != tt.want || len(problems) > 1 {
				t.Errorf("%q of %d, want %q", got, len(problems), tt.want)
			}
		})
	}
}

func TestAManifestWithoutEndpointHasItsDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nscopes: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var ps diag.Problems
	if m := Load(path, Options{Environment: "prod"}, &ps); m == nil || m.BaseURL() != "http://localhost:4000" {
		t.Errorf("it is seen as %s, want http://localhost:4000", m.BaseURL())
	}
}
