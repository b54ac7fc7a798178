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
	}{
		{"a refusal", t.Context(), &Refusal{Status: 429}, 429, false},
		{"a refusal without a status", t.Context(), &Refusal{}, 403, false},
		{"an error", t.Context(), errors.New("store down"), 403, true},
		{"an error after the client left", left, errors.New("store down"), 403, false},
	} {
		var log bytes.Buffer
		h := newHub(t)
		h.log = slog.New(slog.NewTextHandler(&log, nil))
		status := h.refusal(tt.err, httptest.NewRequestWithContext(tt.ctx, "GET", "/socket/websocket", nil))
		if status != tt.status || strings.Contains(log.String(), "level=ERROR") != tt.logged {
			t.Errorf("%s: status %d, logged %q; want %d, an error logged: %v", tt.name, status, log.String(), tt.status, tt.logged)
		}
	}
}
