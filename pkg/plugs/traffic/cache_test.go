package traffic_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

// source is a plug that answers as a test says, and counts how often it was asked.
type source struct {
	calls  atomic.Int32
	answer func(c *pipeline.Context, n int) error
}

func (s *source) def() *pipeline.Def {
	return pipeline.Define(pipeline.Traits{Name: "source", Group: "test", Doc: "Answers.", Places: pipeline.HTTP, Answers: pipeline.HTTP},
		func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) { return nil, s.answer(c, int(s.calls.Add(1))) }
		})
}

// says is a source whose answers have these headers and their number as the body.
func says(headers string) *source {
	return &source{answer: func(c *pipeline.Context, n int) error {
		for line := range strings.SplitSeq(headers, "|") {
			if name, text, ok := strings.Cut(line, ": "); ok {
				c.W.Header().Add(name, text)
			}
		}
		return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, n))
	}}
}

func (s *source) app(list string, clock *clock) pipetest.App {
	return pipetest.App{Defs: append(traffic.All(), s.def()), List: list + "- source\n", Unsafe: true, Now: clock.Now}
}

// ask makes a request: "GET /path|Name: value|...", with Body for one that has a body.
func ask(lines string) *http.Request {
	first, rest, _ := strings.Cut(lines, "|")
	method, target, _ := strings.Cut(first, " ")
	r := httptest.NewRequest(method, target, nil)
	for line := range strings.SplitSeq(rest, "|") {
		if name, text, ok := strings.Cut(line, ": "); ok {
			r.Header.Add(name, text)
		}
	}
	r.ContentLength = int64(len(r.Header.Get("Body")))
	return r
}

func TestCache(t *testing.T) {
	type call struct {
		after time.Duration // since the call before
		ask   string
		want  string // status, x-cache and body
	}
	const minute = "- cache: 1m\n"
	tests := []struct {
		name, list, says string
		calls            []call
	}{
		{"for as long as the owner says", minute, "", []call{
			{0, "GET /", "200 miss 1"}, {59 * time.Second, "GET /", "200 hit 1"}, {time.Second, "GET /", "200 miss 2"},
		}},
		{"only what says so, without a time", "- cache\n", "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /", "200 miss 2"}}},
		{"as the answer says", "- cache\n", "Cache-Control: max-age=5", []call{
			{0, "GET /", "200 miss 1"}, {4 * time.Second, "GET /", "200 hit 1"}, {time.Second, "GET /", "200 miss 2"},
		}},
		{"by path and query", minute, "", []call{
			{0, "GET /a", "200 miss 1"}, {0, "GET /b", "200 miss 2"}, {0, "GET /a?x=1", "200 miss 3"}, {0, "GET /a?x=1", "200 hit 3"}, {0, "GET /a", "200 hit 1"},
		}},
		{"an escaped path is another", minute, "", []call{{0, "GET /a%2Fb", "200 miss 1"}, {0, "GET /a/b", "200 miss 2"}}},
		{"by host", minute, "", []call{{0, "GET http://a.example/", "200 miss 1"}, {0, "GET http://b.example/", "200 miss 2"}, {0, "GET http://A.example/", "200 hit 1"}}},
		{"HEAD from GET", minute, "", []call{{0, "HEAD /", "200 miss 1"}, {0, "GET /", "200 miss 2"}, {0, "HEAD /", "200 hit "}}},
		{"private", minute, "Cache-Control: private", []call{{0, "GET /", "200 miss 1"}, {0, "GET /", "200 miss 2"}}},
		{"Set-Cookie", minute, "Set-Cookie: a=b", []call{{0, "GET /", "200 miss 1"}, {0, "GET /", "200 miss 2"}}},
		{"a page with a nonce", minute, "Content-Security-Policy: script-src 'nonce-abc'", []call{{0, "GET /", "200 miss 1"}, {0, "GET /", "200 miss 2"}}},
		{"a caller with a cookie", minute, "", []call{
			{0, "GET /|Cookie: a=b", "200 miss 1"}, {0, "GET /", "200 miss 2"}, {0, "GET /|Cookie: a=b", "200 miss 3"}, {0, "GET /", "200 hit 2"},
		}},
		{"a caller with credentials", minute, "", []call{
			{0, "GET /|Authorization: x", "200 miss 1"}, {0, "GET /|Authorization: x", "200 miss 2"}, {0, "GET /", "200 miss 3"}, {0, "GET /|Authorization: x", "200 miss 4"},
		}},
		{"what says that it is public", "- cache\n", "Cache-Control: public, max-age=60", []call{
			{0, "GET /|Cookie: a=b", "200 miss 1"}, {0, "GET /|Authorization: x", "200 hit 1"},
		}},
		{"shared", "- cache: {ttl: 1m, shared: true}\n", "", []call{{0, "GET /|Cookie: a=b", "200 miss 1"}, {0, "GET /|Authorization: x", "200 hit 1"}}},
		{"by a key", "- cache: {ttl: 1m, key: '${params.user}'}\n", "", []call{
			{0, "GET /?user=a|Cookie: a=b", "200 miss 1"}, {0, "GET /?user=a|Cookie: a=c", "200 hit 1"}, {0, "GET /?user=b", "200 miss 2"},
		}},
		{"a key that is nil", "- cache: {ttl: 1m, key: '${params.user}'}\n", "", []call{{0, "GET /", "200 pass 1"}, {0, "GET /", "200 pass 2"}}},
		{"by a header", "- cache: {ttl: 1m, vary: [accept-language]}\n", "", []call{
			{0, "GET /|Accept-Language: de", "200 miss 1"}, {0, "GET /|Accept-Language: fr", "200 miss 2"}, {0, "GET /|Accept-Language: de", "200 hit 1"},
		}},
		{"by Vary", minute, "Vary: Accept-Encoding", []call{
			{0, "GET /|Accept-Encoding: br", "200 miss 1"}, {0, "GET /", "200 miss 2"}, {0, "GET /|Accept-Encoding: br", "200 hit 1"}, {0, "GET /", "200 hit 2"},
		}},
		{"a part", minute, "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /|Range: bytes=0-0", "200 pass 2"}}},
		{"a GET with a body", minute, "", []call{{0, "GET /|Body: evil", "200 pass 1"}, {0, "GET /", "200 miss 2"}, {0, "GET /|Body: evil", "200 pass 3"}, {0, "GET /", "200 hit 2"}}},
		{"only of that version", minute, "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /|If-Match: \"b\"", "200 pass 2"}, {0, "GET /|If-Unmodified-Since: Thu, 01 Jan 2026 00:00:00 GMT", "200 pass 3"}}},
		{"another protocol", minute, "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /|Upgrade: websocket", "200 pass 2"}}},
		{"a long URL", minute, "", []call{{0, "GET /" + strings.Repeat("a", 9000), "200 pass 1"}}},
		{"short enough", "- cache: {ttl: 1m, max_entry: 3B}\n", "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /", "200 hit 1"}}},
		{"a change forgets", minute, "", []call{
			{0, "GET /a", "200 miss 1"}, {0, "GET /b", "200 miss 2"}, {0, "POST /a", "200  3"}, {0, "GET /a", "200 miss 4"}, {0, "GET /b", "200 hit 2"},
		}},
		{"the client wants it anew", minute, "", []call{{0, "GET /", "200 miss 1"}, {0, "GET /|Cache-Control: no-cache", "200 miss 2"}, {0, "GET /", "200 hit 2"}}},
		{"the client wants it not kept", minute, "", []call{{0, "GET /|Cache-Control: no-store", "200 miss 1"}, {0, "GET /", "200 miss 2"}}},
		{"only if it is kept", minute, "", []call{{0, "GET /|Cache-Control: only-if-cached", "504  "}, {0, "GET /", "200 miss 1"}, {0, "GET /|Cache-Control: only-if-cached", "200 hit 1"}}},
		{"the client has it", minute, "Etag: \"a\"", []call{
			{0, "GET /", "200 miss 1"}, {0, "GET /|If-None-Match: \"a\"", "304 hit "}, {0, "GET /|If-None-Match: W/\"a\"", "304 hit "}, {0, "GET /|If-None-Match: \"b\"", "200 hit 1"},
		}},
		{"the client has it before the cache does", minute, "Etag: \"a\"", []call{{0, "GET /|If-None-Match: \"a\"", "304 miss "}, {0, "GET /", "200 hit 1"}}},
		{"the client has another before the cache does", minute, "Etag: \"a\"", []call{{0, "GET /|If-None-Match: \"b\"", "200 miss 1"}, {0, "GET /", "200 hit 1"}}},
		{"by date", minute, "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT", []call{
			{0, "GET /", "200 miss 1"}, {0, "GET /|If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT", "304 hit "}, {0, "GET /|If-Modified-Since: Wed, 31 Dec 2025 00:00:00 GMT", "200 hit 1"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			c := says(tt.says).app(tt.list, clock).Compile(t)
			for i, call := range tt.calls {
				clock.now = clock.now.Add(call.after)
				got := c.Serve(ask(call.ask))
				if text := summary(got); text != call.want {
					t.Errorf("call %d, %.60s: %q (%v), want %q", i+1, call.ask, text, got.Err, call.want)
				}
			}
		})
	}
}

func summary(r pipetest.Result) string {
	body := r.Body
	if r.Status >= 400 {
		body = ""
	}
	return fmt.Sprintf("%d %s %s", r.Status, r.Header.Get("X-Cache"), body)
}

func TestWhatAHitLooksLike(t *testing.T) {
	clock := newClock()
	src := &source{answer: func(c *pipeline.Context, n int) error {
		h := c.W.Header()
		h.Set("X-Source", "yes")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "no")
		h.Set("X-Request-Id", "of the source")
		h.Add("Vary", "Accept")
		return c.AnswerExactly(200, []string{"text/x"}, []byte("body"))
	}}
	list := "- put: {x-request-id: '${params.id}', vary: origin}\n- cache: 1m\n"
	app := src.app(list, clock)
	app.Defs = append(app.Defs, putDef())
	c := app.Compile(t)
	c.Serve(ask("GET /?id=1"))
	clock.now = clock.now.Add(10 * time.Second)
	r := ask("GET /?id=1")
	got := c.Serve(r)
	for name, want := range map[string]string{"X-Source": "yes", "Content-Type": "text/x", "Age": "10", "X-Cache": "hit", "Cache-Status": "gateway; hit; ttl=50",
		"Content-Length": "4", "X-Hop": "", "Date": "Thu, 01 Jan 2026 00:00:00 GMT", "X-Request-Id": "1"} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if vary := got.Header["Vary"]; !slices.Contains(vary, "Accept") || !slices.Contains(vary, "origin") {
		t.Errorf("Vary %q", vary)
	}
}

// putDef sets headers as plugs before the cache do.
func putDef() *pipeline.Def {
	type settings struct{ id, vary *pipeline.Text }
	return pipeline.Define(pipeline.Traits{Name: "put", Group: "test", Doc: "Sets headers.", Places: pipeline.HTTP},
		func(s *pipeline.Settings, o *settings) {
			s.Text(&o.id, "x-request-id", "The id.")
			s.Text(&o.vary, "vary", "Vary.")
		}, func(o settings, _ *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				id, err := o.id.String(c)
				vary, err2 := o.vary.String(c)
				c.W.Header().Set("X-Request-Id", id)
				c.W.Header().Add("Vary", vary)
				return nil, errors.Join(err, err2)
			}
		})
}

// A header that a plug puts into every answer just before it goes is not kept.
func TestWhatIsAddedLastIsNotKept(t *testing.T) {
	for name, again := range map[string]string{"X-Own": "200 hit 1", "Set-Cookie": "200 miss 2"} {
		src := &source{answer: func(c *pipeline.Context, n int) error {
			c.BeforeSend(func(c *pipeline.Context, _ int) { c.W.Header().Set(name, "mine") })
			return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, n))
		}}
		c := src.app("- cache: 1m\n", newClock()).Compile(t)
		if got := c.Serve(ask("GET /")); got.Header.Get(name) != "mine" {
			t.Errorf("%s: the first answer has %v", name, got.Header)
		}
		got := c.Serve(ask("GET /"))
		if summary(got) != again || strings.HasPrefix(again, "200 hit") && got.Header.Get(name) != "" {
			t.Errorf("%s: %s %v, want %s", name, summary(got), got.Header, again)
		}
	}
}

// The source is asked whether what is kept is still right, and says so with a 304.
func TestAskingAnew(t *testing.T) {
	clock := newClock()
	tag := `"one"`
	var asked []string
	src := &source{answer: func(c *pipeline.Context, n int) error {
		asked = append(asked, c.R.Header.Get("If-None-Match"))
		c.W.Header().Set("Etag", tag)
		c.W.Header().Set("Cache-Control", "max-age=10")
		if c.R.Header.Get("If-None-Match") == tag {
			return c.AnswerExactly(304, nil, nil)
		}
		return c.AnswerExactly(200, pipeline.TextType, fmt.Append(nil, n))
	}}
	c := src.app("- cache\n", clock).Compile(t)
	steps := []struct {
		after     time.Duration
		tag, ask  string
		want      string
		asked     string
		sourceRan bool
	}{
		{0, `"one"`, "GET /", "200 miss 1", "", true},
		{10 * time.Second, `"one"`, "GET /", "200 hit 1", `"one"`, true},
		{9 * time.Second, `"one"`, "GET /", "200 hit 1", "", false},
		{time.Second, `"one"`, "GET /|If-None-Match: \"one\"", "304 hit ", `"one"`, true},
		{10 * time.Second, `"one"`, "GET /|If-None-Match: \"mine\"", "200 hit 1", `"one"`, true},
		{10 * time.Second, `"two"`, "GET /", "200 miss 5", `"one"`, true},
		{10 * time.Second, `"two"`, "GET /|If-None-Match: \"one\"", "200 hit 5", `"two"`, true},
	}
	for i, s := range steps {
		clock.now, tag, asked = clock.now.Add(s.after), s.tag, nil
		got := c.Serve(ask(s.ask))
		if summary(got) != s.want || (len(asked) == 1) != s.sourceRan || s.sourceRan && asked[0] != s.asked {
			t.Errorf("step %d: %q, asked %q (%v), want %q, %q", i+1, summary(got), asked, got.Err, s.want, s.asked)
		}
	}
}

func TestStaleInPlaceOfAnError(t *testing.T) {
	broken := errors.New("broken")
	tests := []struct {
		name, list, says string
		after            time.Duration
		status           int // 0: an error of ours
		want             string
	}{
		{"500", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "", 2 * time.Minute, 500, "200 stale 1"},
		{"502", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "", 2 * time.Minute, 502, "200 stale 1"},
		{"404 is an answer", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "", 2 * time.Minute, 404, "404 miss "},
		{"as the answer said", "- cache: 1m\n", "Cache-Control: max-age=60, stale-if-error=100", 2 * time.Minute, 503, "200 stale 1"},
		{"too old", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "", 2 * time.Hour, 503, "503 miss "},
		{"not allowed", "- cache: 1m\n", "", 2 * time.Minute, 503, "503 miss "},
		{"forbidden", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "Cache-Control: max-age=60, must-revalidate", 2 * time.Minute, 503, "503 miss "},
		{"fresh for others is no help by itself", "- cache: 1m\n", "", 0, 503, "503 miss "},
		{"a refusal", "- cache: {ttl: 1m, stale_if_error: 1h}\n", "", 2 * time.Minute, -1, "200 stale 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			good := says(tt.says).answer
			src := &source{}
			src.answer = func(c *pipeline.Context, n int) error {
				if n == 1 {
					return good(c, n)
				}
				if tt.status < 0 {
					return pipeline.Refuse(502, "bad_gateway", "%v", broken)
				}
				c.W.Header().Set("X-Error", "yes")
				c.W.Header().Set("Content-Length", "5")
				return c.AnswerExactly(tt.status, pipeline.HTMLType, []byte("error"))
			}
			c := src.app(tt.list, clock).Compile(t)
			c.Serve(ask("GET /"))
			clock.now = clock.now.Add(tt.after)
			got := c.Serve(ask("GET /|Cache-Control: no-cache"))
			if summary(got) != tt.want {
				t.Errorf("%q (%v), want %q", summary(got), got.Err, tt.want)
			}
			if got.Header.Get("X-Cache") == "stale" && (got.Header.Get("X-Error") != "" || got.Header.Get("Content-Length") != "1" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain")) {
				t.Errorf("headers of the error are left: %v", got.Header)
			}
		})
	}
}
