package routes

import (
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// Allow does not name a method that a route takes to refuse it in words of its own.
func TestRefusedMethodsAreNotAllowed(t *testing.T) {
	pattern := func(path string) Pattern {
		p, err := ParsePattern(path)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	var ps diag.Problems
	table := Build([]Route{
		{Methods: []string{"GET", "PUT"}, Refuses: []string{"PUT"}, Pattern: pattern("/rpc/:name")},
		{Methods: []string{"POST"}, Pattern: pattern("/rpc/f")},
	}, &ps)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"OPTIONS", "/rpc/f", 204, "GET, HEAD, OPTIONS, POST"},
		{"PATCH", "/rpc/x", 405, "GET, HEAD, OPTIONS"},
		{"PUT", "/rpc/x", 200, ""},
	} {
		var m Match
		if table.Lookup(tt.method, "", tt.path, &m); m.Status != tt.status || m.Allow != tt.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", tt.method, tt.path, m.Status, m.Allow, tt.status, tt.allow)
		}
	}
}
