package pipeline_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

// patientWriter is the writer of a connection whose read deadline can be seen.
type patientWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (w *patientWriter) SetReadDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

// stalled is a body that stops coming.
type stalled struct{ io.Reader }

func (s stalled) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		err = os.ErrDeadlineExceeded
	}
	return n, err
}

// net/http reads what is left of a body, so the deadline is lifted only where none is.
func TestTheDeadlineOfABody(t *testing.T) {
	tests := []struct {
		name string
		body io.Reader
		open bool // the deadline stays
		fits bool
	}{
		{"whole", strings.NewReader("0123"), false, true},
		{"longer than what is read", strings.NewReader("0123456789"), true, false},
		{"stalled", stalled{strings.NewReader("01")}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &patientWriter{ResponseRecorder: httptest.NewRecorder()}
			c := pipeline.NewContext(pipeline.SlotRequest + 1)
			c.Start(w, httptest.NewRequest("POST", "/", tt.body))
			if _, fits, _ := c.PeekBody(4); fits != tt.fits {
				t.Errorf("it fits: %v, want %v", fits, tt.fits)
			}
			if open := !w.deadline.IsZero(); open != tt.open {
				t.Errorf("a deadline is left: %v, want %v", open, tt.open)
			}
		})
	}
}
