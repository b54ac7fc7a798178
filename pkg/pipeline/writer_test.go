package pipeline_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
)

func TestWhatHappensAroundAnAnswer(t *testing.T) {
	answers := map[string]struct {
		send   func(c *pipeline.Context)
		status int
		bytes  int64
	}{
		"a whole answer":        {func(c *pipeline.Context) { _ = c.Answer(201, pipeline.TextType, []byte("four")) }, 201, 4},
		"a body without status": {func(c *pipeline.Context) { _, _ = c.W.Write([]byte("four")) }, 200, 4},
		"a copied stream":       {func(c *pipeline.Context) { _, _ = io.Copy(c.W, strings.NewReader("sixsix")) }, 200, 6},
		"a flush":               {func(c *pipeline.Context) { _ = http.NewResponseController(c.W).Flush() }, 200, 0},
		"a hint before it": {func(c *pipeline.Context) {
			c.W.WriteHeader(http.StatusEarlyHints)
			c.W.WriteHeader(http.StatusTeapot)
		}, 418, 0},
		"two statuses": {func(c *pipeline.Context) {
			c.W.WriteHeader(http.StatusTeapot)
			c.W.WriteHeader(http.StatusOK)
		}, 418, 0},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			c := pipeline.NewContext(40)
			w := httptest.NewRecorder()
			c.Start(w, httptest.NewRequest("GET", "/", nil))
			var ran []string
			c.BeforeSend(func(c *pipeline.Context, status int) {
				ran = append(ran, "first")
				c.W.Header().Set("X-Seen", http.StatusText(status))
			})
			c.BeforeSend(func(*pipeline.Context, int) { ran = append(ran, "second") })
			c.OnFinish(func() error { ran = append(ran, "finish"); return nil })
			if c.Status() != 0 {
				t.Errorf("the status is %d before anything was sent", c.Status())
			}
			tt.send(c)
			if err := c.Finish(); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(ran, " "); got != "second first finish" {
				t.Errorf("ran %s", got)
			}
			if c.Status() != tt.status || c.BytesSent() != tt.bytes || !c.Answered() || !c.Halted() {
				t.Errorf("status %d, %d bytes, answered %v, halted %v", c.Status(), c.BytesSent(), c.Answered(), c.Halted())
			}
			if got := w.Header().Get("X-Seen"); got != http.StatusText(tt.status) {
				t.Errorf("the header says %q", got)
			}
			c.Reset()
			if c.Status() != 0 || c.BytesSent() != 0 || c.Answered() {
				t.Error("the next run sees the last one's answer")
			}
		})
	}
}

func TestAFinishThatFailsEndsTheRest(t *testing.T) {
	c := pipeline.NewContext(40)
	broken := errors.New("no room")
	c.OnFinish(func() error { t.Error("ran behind a failure"); return nil })
	c.OnFinish(func() error { return broken })
	if err := c.Finish(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type announced []int

func (a *announced) Announce(size int) { *a = append(*a, size) }

// What is announced comes at once and whole.
func TestAnswersAreAnnounced(t *testing.T) {
	tests := []struct {
		name, method string
		status, size int
		want         int // 0: nothing
	}{
		{"a body that may not fit into a buffer", "GET", 200, 3000, 3000},
		{"a small body", "GET", 200, 1000, 0},
		{"one that is sent in pieces", "GET", 200, 100_000, 0},
		{"no body, as the method has it", "HEAD", 200, 3000, 0},
		{"no body, as the status has it", "GET", 204, 3000, 0},
		{"nothing new", "GET", 304, 3000, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got announced
			r := httptest.NewRequest(tt.method, "/", nil)
			c := pipeline.NewContext(40)
			c.Start(httptest.NewRecorder(), r.WithContext(pipeline.WithAnnouncer(r.Context(), &got)))
			if err := c.AnswerExactly(tt.status, pipeline.TextType, make([]byte, tt.size)); err != nil {
				t.Fatal(err)
			}
			if want := tt.want; want == 0 && len(got) > 0 || want > 0 && (len(got) != 1 || got[0] != want) {
				t.Errorf("announced %v, want %d", got, want)
			}
		})
	}
}
