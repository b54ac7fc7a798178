package traffic_test

import (
	"errors"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

func unzipped(t *testing.T, body string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestCompress(t *testing.T) {
	long, short := strings.Repeat("a", 5000), "short"
	tests := []struct{ name, list, accept, body, coding, vary string }{
		{"long", "- compress\n", "gzip", long, "gzip", "Accept-Encoding"},
		{"short", "- compress\n", "gzip", short, "", "Accept-Encoding"},
		{"a client that takes none", "- compress\n", "", long, "", "Accept-Encoding"},
		{"shorter ones too", "- compress: {min_size: 1B}\n", "gzip", short, "gzip", "Accept-Encoding"},
		{"our order", "- compress: {encodings: [gzip, br]}\n", "br, gzip", long, "gzip", "Accept-Encoding"},
		{"not offered", "- compress: {encodings: [br]}\n", "gzip", long, "", "Accept-Encoding"},
		{"other types", "- compress: {types: [image/*]}\n", "gzip", long, "", ""},
		{"twice is once", "- compress\n- compress\n", "gzip", long, "gzip", "Accept-Encoding"},
		{"the best", "- compress: {level: best}\n", "gzip", long, "gzip", "Accept-Encoding"},
		{"a service behind is to send it plain", "- compress\n- change\n", "gzip", long, "gzip", "Accept-Encoding"},
		{"skipped", "- compress: {}\n  when: params.a == '1'\n", "gzip", long, "", ""},
		{"kept as it was", "- compress\n- cache: 1m\n", "gzip", long, "gzip", "Accept-Encoding"},
		{"kept as it was sent", "- cache: 1m\n- compress\n", "gzip", long, "gzip", "Accept-Encoding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := &source{answer: func(c *pipeline.Context, _ int) error {
				return c.AnswerExactly(200, []string{"application/json"}, []byte(tt.body))
			}}
			app := src.app(tt.list, newClock())
			app.Defs = append(app.Defs, changeDef())
			c := app.Compile(t)
			for i := range 2 { // the second from the cache, if there is one
				r := httptest.NewRequest("GET", "/", nil)
				if tt.accept != "" {
					r.Header.Set("Accept-Encoding", tt.accept)
				}
				got := c.Serve(r)
				if got.Err != nil || got.Status != 200 || got.Header.Get("Content-Encoding") != tt.coding || strings.Join(got.Header["Vary"], ", ") != tt.vary {
					t.Fatalf("answer %d: %d %v (%v), want %q, vary %q", i+1, got.Status, got.Header, got.Err, tt.coding, tt.vary)
				}
				body := got.Body
				if tt.coding == "gzip" {
					body = unzipped(t, body)
				}
				if body != tt.body {
					t.Errorf("answer %d: %.40q, want %.40q", i+1, body, tt.body)
				}
			}
		})
	}
}

func TestCompressRefusals(t *testing.T) {
	src := &source{answer: func(*pipeline.Context, int) error {
		return pipeline.Refuse(404, "not_found", "%s", strings.Repeat("gone ", 500))
	}}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	got := src.app("- compress\n", newClock()).Compile(t).Serve(r)
	if got.Status != 404 || got.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(unzipped(t, got.Body), "gone gone") {
		t.Errorf("%d %v", got.Status, got.Header)
	}
}

// An answer that breaks off while it is held back is not sent as if it were whole.
func TestCompressBrokenOff(t *testing.T) {
	broken := errors.New("broken")
	src := &source{answer: func(c *pipeline.Context, _ int) error {
		c.W.Header()["Content-Type"] = pipeline.TextType
		_, err := io.WriteString(c.W, "half")
		return errors.Join(err, broken)
	}}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	c := src.app("- compress\n", newClock()).Compile(t)
	ctx, w := pipeline.NewContext(64), httptest.NewRecorder()
	ctx.Log = c.Env.Log
	ctx.Start(w, r)
	if err := c.Steps.Run(ctx); !errors.Is(err, broken) || !ctx.Answered() {
		t.Errorf("%v, answered %v: what was held back would be followed by an error page", err, ctx.Answered())
	}
	ctx.Reset()
	if w.Body.Len() > 0 {
		t.Errorf("%q was sent", w.Body)
	}
}

func TestCompressProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- compress: {encodings: [deflate]}\n", `1:25: there is no encoding "deflate" (there are zstd, br and gzip)`},
		{"- compress: {level: 9}\n", `1:21: expected fast, default or best, found "9"`},
		{"- compress: {min_size: 1000}\n", `1:24: expected a size, found "1000" (write a unit: 512B, 64KB, 8MB or 1GiB (KB is 1000))`},
		{"- compress: 5\n", "1:13: `compress` takes a map of settings (its settings are encodings, level, min_size or types)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: traffic.All(), List: tt.list + "- show: 1\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
