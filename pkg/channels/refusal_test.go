package channels

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
)

// Only what the rules could not do is an error of the log's: not a caller's doing, and not
// a client that left while they were at work.
func TestRefusedConnectionsInTheLog(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		err    error
		status int
		logged bool
		told   string
	}{
		{"a refusal", t.Context(), &Refusal{Status: 429, Reason: "too often"}, 429, false, `level=INFO msg="socket refused" path=/socket/websocket reason="too often"`},
		{"a refusal without a status", t.Context(), &Refusal{}, 403, false, "socket refused"},
		{"an error", t.Context(), errors.New("store down"), 403, true, "store down"},
		{"an error after the client left", left, errors.New("store down"), 403, false, ""},
	} {
		var log bytes.Buffer
		h := newHub(t)
		h.log = slog.New(slog.NewTextHandler(&log, nil))
		status := h.refusal(tt.err, httptest.NewRequestWithContext(tt.ctx, "GET", "/socket/websocket", nil))
		if status != tt.status || strings.Contains(log.String(), "level=ERROR") != tt.logged {
			t.Errorf("%s: status %d, logged %q; want %d, an error logged: %v", tt.name, status, log.String(), tt.status, tt.logged)
		}
		if !strings.Contains(log.String(), tt.told) {
			t.Errorf("%s: logged %q, want %q in it", tt.name, log.String(), tt.told)
		}
	}
}

// A page of another origin is the one refusal that its developer cannot see anywhere else.
func TestPagesOfOtherOriginsInTheLog(t *testing.T) {
	var log bytes.Buffer
	h := newHub(t)
	h.log = slog.New(slog.NewTextHandler(&log, nil))
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/socket/websocket", nil)
	r.Header.Set("Origin", "https://app.example")
	if _, _, status := h.decide(&testRules{}, Settings{Origins: HostOrigin("api.example")}, r, nil); status != 403 {
		t.Fatalf("status %d, want 403", status)
	}
	for _, want := range []string{"origin=https://app.example", "check_origin"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("logged %q, want %q in it", log.String(), want)
		}
	}
}
