package request_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

func TestMaxBody(t *testing.T) {
	form := func(n int) string { return "a=" + strings.Repeat("x", n-2) }
	tests := []struct {
		name, list, kind, body string
		status                 int
		want                   string
	}{
		{"fits", "- parsers\n- max_body: 9B\n", asForm, form(9), 200, `{"a":"xxxxxxx"}`},
		{"one more", "- parsers\n- max_body: 8B\n", asForm, form(9), 413, "too_large"},
		{"nothing may come", "- parsers\n- max_body: 0B\n", asForm, form(3), 413, "too_large"},
		{"no body where none may come", "- parsers\n- max_body: 0B\n", asForm, "", 200, `{}`},
		{"the narrowest holds", "- parsers\n- max_body: 8B\n- max_body: 20B\n", asForm, form(9), 413, "too_large"},
		{"a later one may be narrower", "- parsers\n- max_body: 20B\n- max_body: 8B\n", asForm, form(9), 413, "too_large"},
		{"it stands for that of parsers", "- parsers: {max_body: 8B}\n- max_body: 20B\n", asJSON, `{"a":"1234"}`, 200, `{"a":"1234"}`},
		{"that of a kind stays", "- parsers: {json: {max: 8B}}\n- max_body: 20B\n", asJSON, `{"a":"1234"}`, 413, "too_large"},
		{"a form stays within 1MB", "- parsers\n- max_body: 20MB\n", asForm, form(1_000_001), 413, "too_large"},
		{"after the body was read", "- parsers\n- assign: {b: \"${params.a}\"}\n- max_body: 8B\n", asForm, form(9), 413, "too_large"},
		{"its else answers", "- max_body: 1B\n  else: {show: \"${failure.reason}\"}\n", asForm, form(9), 413, `"too_large"`},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			if chunked && strings.Contains(tt.list, "else") {
				continue // what comes without its length is refused where it is read
			}
			t.Run(tt.name, func(t *testing.T) {
				c := pipetest.App{Defs: append(request.All(), assign()), List: tt.list + "- show: ${params}\n"}.Compile(t)
				r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(tt.body)))
				r.Header.Set("Content-Type", tt.kind)
				r.ContentLength = int64(len(tt.body))
				if chunked {
					r.ContentLength = -1
				}
				check(t, c.Serve(r), tt.status, tt.want)
			})
		}
	}
}

// assign reads a value, as the plug of that name does.
func assign() *pipeline.Def {
	type settings struct{ value *pipeline.Value }
	return pipeline.Define(pipeline.Traits{Name: "assign", Group: "test", Doc: "Reads a value.", Places: pipeline.HTTP},
		func(s *pipeline.Settings, o *settings) { s.Whole(s.Value(&o.value, "value", "What to read.")) },
		func(o settings, _ *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) { return o.value.Eval(c.Frame) }
		})
}

// waits answers when it is let, or fails when its time is over.
func waits(kind string, after time.Duration) *pipeline.Def {
	return pipeline.Define(pipeline.Traits{Name: "waits", Group: "test", Doc: "Waits.", Places: pipeline.HTTP, Answers: pipeline.HTTP},
		func(*pipeline.Settings, *struct{}) {}, func(struct{}, *pipeline.Build) pipeline.Plug {
			return func(c *pipeline.Context) (any, error) {
				if kind != "" {
					c.W.Header().Set("Content-Type", kind)
					c.W.WriteHeader(http.StatusOK)
				}
				timer := time.NewTimer(after)
				defer timer.Stop()
				select {
				case <-timer.C:
					_, err := io.WriteString(c.W, "done")
					return nil, err
				case <-c.R.Context().Done():
					return nil, context.Cause(c.Context())
				}
			}
		})
}

func TestTimeout(t *testing.T) {
	tests := []struct {
		name, list, kind, upgrade string
		takes                     time.Duration
		over                      bool
	}{
		{"in time", "- timeout: 5s\n", "", "", 4 * time.Second, false},
		{"too late", "- timeout: 5s\n", "", "", 6 * time.Second, true},
		{"a minute when nothing is said", "- timeout\n", "", "", 61 * time.Second, true},
		{"the shorter of two", "- timeout: 5s\n- timeout: 1m\n", "", "", 6 * time.Second, true},
		{"an answer that was begun", "- timeout: 5s\n", "text/plain", "", 6 * time.Second, true},
		{"events go on", "- timeout: 5s\n", "text/event-stream; charset=utf-8", "", 6 * time.Second, false},
		{"events end where that is written", "- timeout: {after: 5s, streams: true}\n", "text/event-stream", "", 6 * time.Second, true},
		{"a websocket goes on", "- timeout: 5s\n", "", "websocket", 6 * time.Second, false},
		{"a websocket ends where that is written", "- timeout: {after: 5s, streams: true}\n", "", "WebSocket", 6 * time.Second, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := pipetest.App{Defs: append(request.All(), waits(tt.kind, tt.takes)), List: tt.list + "- waits\n"}.Compile(t)
				r := httptest.NewRequest("GET", "/", nil)
				if tt.upgrade != "" {
					r.Header.Set("Upgrade", tt.upgrade)
				}
				got := c.Serve(r)
				if over := got.Err != nil; over != tt.over || over != got.Ctx.Overdue() {
					t.Errorf("over: %v (%v), want %v", over, got.Err, tt.over)
				}
				var timeout interface{ Timeout() bool }
				if tt.over && (!errors.As(got.Err, &timeout) || !timeout.Timeout()) {
					t.Errorf("ended with %v, which is no timeout", got.Err)
				}
				got.Ctx.Reset() // the timer stops with the request, or the bubble would not end
			})
		})
	}
}

func TestRequestHeaders(t *testing.T) {
	tests := []struct {
		name, list, shown string
		came              http.Header
		want              string
	}{
		{"put", "- put_req_header: {X-Team: \"${request.method}s\"}\n", "${request.headers['x-team']}", nil, `"GETs"`},
		{"put in place of what came", "- put_req_header: {x-team: a}\n", "${request.headers['x-team']}", http.Header{"X-Team": {"b", "c"}}, `"a"`},
		{"put in place of other spellings", "- put_req_header: {x-team: a}\n", "${has(request.headers, 'x_team') ? 'there' : 'gone'}", http.Header{"X_team": {"b"}}, `"gone"`},
		{"put where Connection names it", "- put_req_header: {x-team: a}\n", "${request.headers['connection']}", http.Header{"Connection": {"close, X-Team", "X-Other"}}, `"close, X-Other"`},
		{"two", "- put_req_header: {x-a: '1', x-b: '2'}\n", "${request.headers['x-a'] + request.headers['x-b']}", nil, `"12"`},
		{"delete", "- delete_req_header: X-Team\n", "${request.headers?.['x-team'] ?? 'gone'}", http.Header{"X-Team": {"b"}}, `"gone"`},
		{"delete several", "- delete_req_header: [x-a, cookie]\n", "${request.headers?.['x-a'] ?? request.headers?.['cookie'] ?? 'gone'}", http.Header{"X-A": {"b"}, "Cookie": {"c=d"}}, `"gone"`},
		{"a line break", "- put_req_header: {x-team: \"${params.a}\"}\n", "1", nil, "malformed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: request.All(), List: tt.list + "- show: " + quoted(tt.shown) + "\n"}.Compile(t)
			r := httptest.NewRequest("GET", "/?a=b%0d%0aX-Admin:+1", nil)
			for name, values := range tt.came {
				r.Header[name] = slices.Clone(values)
			}
			got := c.Serve(r)
			if refusal := got.Refusal(); refusal != nil {
				got.Body = refusal.Reason
			}
			if got.Body != tt.want {
				t.Errorf("%d %s (%v), want %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

func quoted(text string) string { return `"` + text + `"` }

// Services behind are told the id that the answer has.
func TestRequestIDGoesOn(t *testing.T) {
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- request_id\n"}.Compile(t)
	for _, came := range [][]string{nil, {"short"}, {strings.Repeat("a", 20)}, {strings.Repeat("a", 20), strings.Repeat("b", 20)}} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = came
		got := c.Serve(r)
		if on := got.Ctx.R.Header["X-Request-Id"]; !slices.Equal(on, []string{got.ID}) {
			t.Errorf("came as %q, goes on as %q, want %q", came, on, got.ID)
		}
	}
}

// What a GET carries is neither read nor a fault.
func TestBodiesThatAreNotRead(t *testing.T) {
	tests := []struct {
		name, method, parsers, kind, body, want string
		status                                  int
	}{
		{"of a GET", "GET", "{}", asJSON, `{"a":`, `{"q":"1"}`, 200},
		{"of an OPTIONS", "OPTIONS", "{}", "text/x", `x`, `{"q":"1"}`, 200},
		{"passed by type", "POST", "{pass: text/csv}", "text/csv; charset=latin1", "a,b", `{"q":"1"}`, 200},
		{"passed by half a type", "POST", "{pass: [image/*]}", "image/png", "x", `{"q":"1"}`, 200},
		{"another half", "POST", "{pass: [image/*]}", "text/csv", "x", "unsupported", 415},
		{"everything passed", "POST", "{pass: '*/*'}", "application/x-thing", "x", `{"q":"1"}`, 200},
		{"everything passed, but json is read", "POST", "{pass: '*/*'}", asJSON, `{"a":1}`, `{"a":1,"q":"1"}`, 200},
		{"everything passed, also without a type", "POST", "{pass: '*/*'}", "", "x", `{"q":"1"}`, 200},
		{"no type", "POST", "{}", "", "x", "unsupported", 415},
		{"a type that cannot be read", "POST", "{}", "a/b; c", "x", "unsupported", 415},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: request.All(), List: "- parsers: " + tt.parsers + "\n- show: ${params}\n"}.Compile(t)
			r := httptest.NewRequest(tt.method, "/?q=1", strings.NewReader(tt.body))
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			check(t, c.Serve(r), tt.status, tt.want)
		})
	}
}

func TestQueries(t *testing.T) {
	tests := []struct {
		name, query string
		status      int
		want        string
	}{
		{"nested", "a[b]=1&a[c][]=2&a[c][]=3", 200, `{"a":{"b":"1","c":["2","3"]}}`},
		{"the last counts", "a=1&a=2", 200, `{"a":"2"}`},
		{"a map takes the place of a text", "a=1&a[b]=2", 200, `{"a":{"b":"2"}}`},
		{"no closing bracket", "a[b=1", 200, `{"a[b":"1"}`},
		{"half an escape", "a=%4", 400, "malformed"},
		{"no escape", "a=%zz", 400, "malformed"},
		{"an escape in a name", "%zz=1", 400, "malformed"},
		{"not UTF-8", "a=%ff", 400, "malformed"},
		{"32 deep", "a" + strings.Repeat("[b]", 32) + "=1", 200, `{"a":` + strings.Repeat(`{"b":`, 32) + `"1"` + strings.Repeat("}", 33)},
		{"33 deep", "a" + strings.Repeat("[b]", 33) + "=1", 400, "malformed"},
		{"lists in lists", "a" + strings.Repeat("[]", 33) + "=1", 400, "malformed"},
		{"10001 fields", strings.Repeat("a&", 10_001), 400, "malformed"},
		{"over 1MB", "a=" + strings.Repeat("x", 1_000_000), 414, "too_large"},
	}
	c := pipetest.App{Defs: request.All(), List: "- show: ${params}\n"}.Compile(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.RawQuery = tt.query
			check(t, c.Serve(r), tt.status, tt.want)
		})
	}
}
