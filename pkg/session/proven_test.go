package session

import (
	"maps"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/config"
)

func TestProven(t *testing.T) {
	const token = "abcdefghijklmnopqrstuvwx"
	c := cookie(t, func(s *config.Session) { s.MaxAge = time.Hour }, secretA)
	text, err := c.seal(map[string]any{tokenKey: token, flashKey: map[string]any{"info": "hi"}, "user_id": int64(7)}, noon().Unix())
	if err != nil {
		t.Fatal(err)
	}
	shown := mask(token, randomToken())
	tests := []struct {
		name, cookie, shown string
		at                  time.Time
		given               bool
	}{
		{"the cookie and its token", text, shown, noon(), true},
		{"no cookie", "", shown, noon(), false},
		{"a forged cookie", text + "A", shown, noon(), false},
		{"no token", text, "", noon(), false},
		{"the token as the session holds it", text, token, noon(), false},
		{"another token", text, mask("bbcdefghijklmnopqrstuvwx", randomToken()), noon(), false},
		{"too late", text, shown, noon().Add(2 * time.Hour), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/socket/websocket", nil)
			if tt.cookie != "" {
				r.Header.Set("Cookie", "_app_key="+tt.cookie)
			}
			got := c.Proven(r, tt.shown, tt.at)
			if !tt.given && got != nil || tt.given && !maps.Equal(got, map[string]any{"user_id": int64(7)}) {
				t.Errorf("got %v", got)
			}
		})
	}
}
