package hostname

import "testing"

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, host string
		want          bool
	}{
		{"a.example", "a.example", true},
		{"a.example", "b.a.example", false},
		{"a.example:8080", "a.example:8080", true},
		{"*.example", "a.example", true},
		{"*.example", "a.b.example", true},
		{"*.example", "example", false},
		{"*.example", ".example", false},
		{"*.example", "notexample", false},
		{"*.example", "evil.test/.example", false},
		{"*.example", "evil.test@a.example", false},
		{"*.example", "evil.test／.example", false},
		{"*.example", "a..example", false},
		{"*.example", "a.example.evil.test", false},
	} {
		if got := Matches(tt.pattern, tt.host); got != tt.want {
			t.Errorf("%s for %s: %v", tt.pattern, tt.host, got)
		}
	}
}
