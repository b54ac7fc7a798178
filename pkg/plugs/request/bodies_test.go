package request_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

func TestParsers(t *testing.T) {
	tests := []struct {
		name, parsers, kind, body string
		status                    int
		want                      string // of the answer, or the reason
	}{
		{"json", "parsers", asJSON, `{"a":1,"b":[true]}`, 200, `{"a":1,"b":[true]}`},
		{"form", "parsers", asForm, `a=1&b[c]=2`, 200, `{"a":"1","b":{"c":"2"}}`},
		{"json alone", "parsers: json", asForm, `a=1`, 415, "unsupported"},
		{"form alone", "parsers: [urlencoded]", asJSON, `{}`, 415, "unsupported"},
		{"json subtype", "parsers", "application/vnd.api+json", `{"a":1}`, 200, `{"a":1}`},
		{"other type", "parsers", "text/plain", `hello`, 415, "unsupported"},
		{"malformed", "parsers", asJSON, `{"a":`, 400, "malformed"},
		{"over max_body", "parsers: {max_body: 10B}", asJSON, `{"a":"0123456789"}`, 413, "too_large"},
		{"form over max_body", "parsers: {max_body: 10B}", asForm, `a=0123456789`, 413, "too_large"},
		{"just max_body", "parsers: {max_body: 7B}", asJSON, `{"a":1}`, 200, `{"a":1}`},
		{"8MB of json", "parsers", asJSON, `{"a":"` + strings.Repeat("x", 8_000_000-9) + `"} `, 200, `{"a":"` + strings.Repeat("x", 8_000_000-9) + `"}`},
		{"one more", "parsers", asJSON, `{"a":"` + strings.Repeat("x", 8_000_000-9) + `"}  `, 413, "too_large"},
		{"1MB of a form", "parsers", asForm, "a=" + strings.Repeat("x", 999_998), 200, `{"a":"` + strings.Repeat("x", 999_998) + `"}`},
		{"a wider form", "parsers: {urlencoded: {max: 2MB}}", asForm, "a=" + strings.Repeat("x", 999_999), 200, `{"a":"` + strings.Repeat("x", 999_999) + `"}`},
		{"json over its own max", "parsers: {json: {max: 6B}}", asJSON, `{"a":1}`, 413, "too_large"},
		{"json whose own max is wider", "parsers: {max_body: 6B, json: {max: 7B}}", asJSON, `{"a":1}`, 200, `{"a":1}`},
		{"a list", "parsers", asJSON, `[1]`, 200, `{"_json":[1]}`},
		{"an empty body", "parsers", asJSON, ``, 200, `{}`},
		{"a large number", "parsers", asJSON, `{"a":12345678901234567890}`, 200, `{"a":12345678901234567890}`},
		{"trailing data", "parsers", asJSON, `{"a":1} 2`, 400, "malformed"},
		{"not UTF-8", "parsers", asJSON, "{\"a\":\"\xff\"}", 400, "malformed"},
		{"65 deep", "parsers", asJSON, strings.Repeat("[", 65) + strings.Repeat("]", 65), 400, "malformed"},
		{"100,000 deep", "parsers", asJSON, strings.Repeat("[", 100_000), 400, "malformed"},
		{"a form 33 deep", "parsers", asForm, "a" + strings.Repeat("[b]", 33) + "=1", 400, "malformed"},
		{"a form of 10,001 fields", "parsers", asForm, strings.Repeat("a&", 10_001), 400, "malformed"},
		{"another charset", "parsers", asJSON + "; charset=latin1", `{}`, 415, "unsupported"},
		{"a charset as many write it", "parsers", asJSON + ";charset=utf8", `{"a":1}`, 200, `{"a":1}`},
		{"a parameter that cannot be read", "parsers", asJSON + "; $$ x=y $$", `{"a":1}`, 200, `{"a":1}`},
		{"the charset in capitals", "parsers", asJSON + "; charset=UTF-8", `{"a":1}`, 200, `{"a":1}`},
		{"form over 1MB", "parsers", asForm, "a=" + strings.Repeat("x", 1_000_000), 413, "too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: request.All(), List: "- " + tt.parsers + "\n- show: ${params}\n"}.Compile(t)
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			got := c.Serve(r)
			if got.Status != tt.status {
				t.Fatalf("status %d, want %d: %s", got.Status, tt.status, got.Body)
			}
			if refusal := got.Refusal(); refusal != nil && refusal.Reason != tt.want {
				t.Errorf("refused with %s, want %s", refusal.Reason, tt.want)
			} else if refusal == nil && got.Body != tt.want {
				t.Errorf("params %.200s, want %.200s", got.Body, tt.want)
			}
		})
	}
}

func TestMethodOverride(t *testing.T) {
	tests := []struct {
		name, method, target, kind, body, want string
	}{
		{"put", "POST", "/", asForm, "_method=put&a=1", "PUT"},
		{"patch", "POST", "/", asForm, "a=1&_method=PATCH", "PATCH"},
		{"delete, with a charset", "POST", "/", asForm + "; charset=utf-8", "_method=Delete", "DELETE"},
		{"escaped", "POST", "/", asForm, "%5Fmethod=%70ut", "PUT"},
		{"the last counts", "POST", "/", asForm, "_method=put&_method=delete", "DELETE"},
		{"no other method", "POST", "/", asForm, "_method=get", "POST"},
		{"no method of ours", "POST", "/", asForm, "_method=TRACE", "POST"},
		{"not from the query", "POST", "/?_method=put", asForm, "a=1", "POST"},
		{"not of json", "POST", "/", asJSON, `{"_method":"put"}`, "POST"},
		{"not of a GET", "GET", "/", asForm, "_method=put", "GET"},
		{"not of a PUT", "PUT", "/", asForm, "_method=delete", "PUT"},
		{"not of a list", "POST", "/", asForm, "_method[]=put", "POST"},
		{"malformed stays", "POST", "/", asForm, "_method=put&%zz", "POST"},
		{"multipart", "POST", "/", asMany, field("a", "1") + field("_method", "put") + file("f", "f", "text/plain", "x") + "--B--", "PUT"},
		{"multipart with a long file", "POST", "/", asMany, field("_method", "put") + file("f", "f", "text/plain", strings.Repeat("x", 100<<10)) + "--B--", "PUT"},
		{"behind a long file", "POST", "/", asMany, file("f", "f", "text/plain", strings.Repeat("x", 100<<10)) + field("_method", "put") + "--B--", "POST"},
		{"not of a file", "POST", "/", asMany, file("_method", "f", "text/plain", "put") + "--B--", "POST"},
		{"not what only begins so", "POST", "/", asMany, field("_method", "delete it") + "--B--", "POST"},
		{"malformed multipart stays", "POST", "/", asMany, "--B\r\n_method", "POST"},
		{"multipart without a boundary", "POST", "/", "multipart/form-data", field("_method", "put") + "--B--", "POST"},
		{"a long body keeps its method", "POST", "/", asForm, "_method=put&a=" + strings.Repeat("x", 64<<10), "POST"},
	}
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- method_override\n"}.Compile(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			got := c.Serve(r)
			if got.Err != nil || got.Method != tt.want {
				t.Errorf("method %s (%v), want %s", got.Method, got.Err, tt.want)
			}
			if body, err := io.ReadAll(got.Ctx.R.Body); err != nil || string(body) != tt.body {
				t.Errorf("the body goes on as %d bytes (%v), want the %d that came", len(body), err, len(tt.body))
			}
		})
	}
}

func TestMethodOverrideLeavesEncodedBodies(t *testing.T) {
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- method_override\n"}.Compile(t)
	r := httptest.NewRequest("POST", "/", strings.NewReader("_method=put"))
	r.Header.Set("Content-Type", asForm)
	r.Header.Set("Content-Encoding", "gzip")
	if got := c.Serve(r); got.Method != "POST" {
		t.Errorf("method %s, want POST", got.Method)
	}
}

func TestRequestID(t *testing.T) {
	tests := []struct {
		name string
		came []string
		kept bool
	}{
		{"none", nil, false},
		{"19 bytes", []string{strings.Repeat("a", 19)}, false},
		{"20 bytes", []string{strings.Repeat("a", 20)}, true},
		{"200 bytes", []string{strings.Repeat("a", 200)}, true},
		{"201 bytes", []string{strings.Repeat("a", 201)}, false},
		{"a space", []string{"aaaaaaaaaaaa aaaaaaaaaa"}, false},
		{"a control character", []string{"aaaaaaaaaaaa\x01aaaaaaaaaa"}, false},
		{"not ASCII", []string{"aaaaaaaaaaaaäaaaaaaaaaa"}, false},
		{"the first of two", []string{"aaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbb"}, true},
	}
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- request_id\n"}.Compile(t)
	seen := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["X-Request-Id"] = tt.came
			got := c.Serve(r)
			switch {
			case tt.kept && got.ID != tt.came[0]:
				t.Errorf("id %q, want the one that came", got.ID)
			case !tt.kept && (len(got.ID) != 20 || strings.Trim(got.ID, idCharacters) != "" || seen[got.ID]):
				t.Errorf("id %q, want 20 new characters of base64url", got.ID)
			}
			seen[got.ID] = true
			if h := got.Header.Get("X-Request-Id"); h != got.ID {
				t.Errorf("the answer says %q, want %q", h, got.ID)
			}
		})
	}
}

const idCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

func TestRequestIDInTheLog(t *testing.T) {
	var log bytes.Buffer
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- request_id\n", Log: &log}.Compile(t)
	got := c.Serve(httptest.NewRequest("GET", "/", nil))
	got.Ctx.Log.Info("plain")
	got.Ctx.Log.With("a", 1).Info("with")
	got.Ctx.Log.WithGroup("g").Info("group", slog.Int("b", 2))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("log %q, want three lines", log.String())
	}
	for _, line := range lines {
		if !strings.Contains(line, " request_id="+got.ID) {
			t.Errorf("log %q, want request_id=%s", line, got.ID)
		}
	}
	if !strings.Contains(lines[2], "g.b=2") {
		t.Errorf("log %q, want the group", lines[2])
	}
}

func BenchmarkRequestID(b *testing.B) {
	c := pipetest.App{Defs: request.All(), Place: pipeline.Endpoint, List: "- request_id\n"}.Compile(b)
	r := httptest.NewRequest("GET", "/", nil)
	ctx := pipeline.NewContext(64)
	ctx.Log = c.Env.Log
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		ctx.Log = c.Env.Log
		ctx.Start(w, r)
		if err := c.Steps.Run(ctx); err != nil {
			b.Fatal(err)
		}
	}
}
