package request_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

// crlf writes a body with the line ends that it needs.
func crlf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n" }

const asMany = "multipart/form-data; boundary=B"

// field and file are parts of a body with the boundary B.
func field(name, text string) string {
	return crlf("--B", fmt.Sprintf(`Content-Disposition: form-data; name="%s"`, name), "", text)
}

func file(name, filename, kind, content string) string {
	return crlf("--B", fmt.Sprintf(`Content-Disposition: form-data; name="%s"; filename="%s"`, name, filename), "Content-Type: "+kind, "", content)
}

func TestMultipart(t *testing.T) {
	const png = `{"filename":"a.png","content_type":"image/png","size":3}`
	deep := "a" + strings.Repeat("[b]", 33)
	tests := []struct {
		name, parsers, kind, body string
		status                    int
		want                      string // the params, or the reason
	}{
		{"texts", "", asMany, field("a", "1") + field("b[c][]", "2") + "--B--", 200, `{"a":"1","b":{"c":["2"]}}`},
		{"a file", "", asMany, file("avatar", "a.png", "image/png", "abc") + "--B--", 200, `{"avatar":` + png + `}`},
		{"a nested file beside a text", "", asMany, field("user[name]", "x") + file("user[avatar]", "a.png", "image/png", "abc") + "--B--", 200, `{"user":{"avatar":` + png + `,"name":"x"}}`},
		{"a list of files", "", asMany, file("f[]", "a.png", "image/png", "abc") + file("f[]", "a.png", "image/png", "abc") + "--B--", 200, `{"f":[` + png + `,` + png + `]}`},
		{"of one name twice the last counts", "", asMany, field("a", "1") + field("a", "2") + "--B--", 200, `{"a":"2"}`},
		{"a text takes the place of a file", "", asMany, file("a", "a.png", "image/png", "abc") + field("a", "2") + "--B--", 200, `{"a":"2"}`},
		{"a file that was not chosen", "", asMany, file("a", "", "application/octet-stream", "") + field("b", "1") + "--B--", 200, `{"b":"1"}`},
		{"folders of the client", "", asMany, file("a", `C:\\dir\\a.png`, "image/png", "abc") + file("b", "../../a.png", "image/png", "abc") + "--B--", 200, `{"a":` + png + `,"b":` + png + `}`},
		{"an unknown type", "", asMany, file("a", "a.png", "???", "abc") + "--B--", 200, `{"a":{"filename":"a.png","content_type":"application/octet-stream","size":3}}`},
		{"an empty file", "", asMany, file("a", "a", "text/plain", "") + "--B--", 200, `{"a":{"filename":"a","content_type":"text/plain","size":0}}`},
		{"a quoted boundary", "", `multipart/form-data; boundary="B"`, field("a", "1") + "--B--", 200, `{"a":"1"}`},
		{"what stands before and behind", "", asMany, crlf("before") + field("a", "1") + crlf("--B--") + "behind", 200, `{"a":"1"}`},
		{"a part without a name", "", asMany, crlf("--B", "Content-Type: text/plain", "", "x") + field("a", "1") + "--B--", 200, `{"a":"1"}`},
		{"no parts", "", asMany, "--B--", 200, `{}`},
		{"not read", "[json]", asMany, field("a", "1") + "--B--", 415, "unsupported"},
		{"another multipart", "", "multipart/mixed; boundary=B", field("a", "1") + "--B--", 415, "unsupported"},

		{"no boundary", "", "multipart/form-data", field("a", "1") + "--B--", 400, "malformed"},
		{"an empty boundary", "", `multipart/form-data; boundary=""`, field("a", "1") + "--B--", 400, "malformed"},
		{"a boundary of 71", "", "multipart/form-data; boundary=" + strings.Repeat("B", 71), "x", 400, "malformed"},
		{"another boundary", "", "multipart/form-data; boundary=C", field("a", "1") + "--B--", 400, "malformed"},
		{"the boundary twice", "", "multipart/form-data; boundary=B; boundary=C", field("a", "1") + "--B--", 415, "unsupported"},
		{"no end", "", asMany, field("a", "1"), 400, "malformed"},
		{"it breaks off in a text", "", asMany, strings.TrimSuffix(field("a", "1"), "\r\n"), 400, "malformed"},
		{"it breaks off in a file", "", asMany, strings.TrimSuffix(file("a", "a", "text/plain", "abc"), "\r\n"), 400, "malformed"},
		{"it breaks off in a header", "", asMany, "--B\r\nContent-Dispo", 400, "malformed"},
		{"a header without a colon", "", asMany, crlf("--B", "Content-Disposition", "", "x", "--B--"), 400, "malformed"},
		{"a disposition that cannot be read", "", asMany, crlf("--B", `Content-Disposition: form-data; name="a`, "", "x", "--B--"), 400, "malformed"},
		{"two dispositions", "", asMany, crlf("--B", `Content-Disposition: form-data; name="a"`, `Content-Disposition: form-data; name="b"`, "", "x", "--B--"), 400, "malformed"},
		{"an encoded part", "", asMany, crlf("--B", `Content-Disposition: form-data; name="a"`, "Content-Transfer-Encoding: base64", "", "eA==", "--B--"), 400, "malformed"},
		{"a header of 64 KB", "", asMany, crlf("--B", "X-A: "+strings.Repeat("x", 70_000), `Content-Disposition: form-data; name="a"`, "", "x", "--B--"), 400, "malformed"},
		{"much before the first part", "", asMany, crlf(strings.Repeat("x", 70_000)) + field("a", "1") + "--B--", 400, "malformed"},
		{"a text that is not UTF-8", "", asMany, field("a", "\xff") + "--B--", 400, "malformed"},
		{"a name that is not UTF-8", "", asMany, field("\xff", "a") + "--B--", 400, "malformed"},
		{"a filename that is not UTF-8", "", asMany, file("a", "\xff", "text/plain", "a") + "--B--", 400, "malformed"},
		{"a filename of 256 bytes", "", asMany, file("a", strings.Repeat("a", 256), "text/plain", "a") + "--B--", 400, "malformed"},
		{"a filename of dots", "", asMany, file("a", "..", "text/plain", "a") + "--B--", 400, "malformed"},
		{"a control character in a filename", "", asMany, crlf("--B", "Content-Disposition: form-data; name=a; filename*=UTF-8''a%00.png", "", "x", "--B--"), 400, "malformed"},
		{"nested too deep", "", asMany, field(deep, "1") + "--B--", 400, "malformed"},
		{"a file nested too deep", "", asMany, file(deep, "a", "text/plain", "1") + "--B--", 400, "malformed"},
		{"too many parts", "", asMany, strings.Repeat(field("a", "1"), 10_001) + "--B--", 400, "malformed"},
		{"texts over 1MB", "", asMany, field("a", strings.Repeat("x", 600_000)) + field("b", strings.Repeat("x", 600_000)) + "--B--", 413, "too_large"},
		{"over max_body", "{max_body: 200B}", asMany, file("a", "a", "text/plain", strings.Repeat("x", 200)) + "--B--", 413, "too_large"},
		{"over its own max", "{multipart: {max: 200B}}", asMany, file("a", "a", "text/plain", strings.Repeat("x", 200)) + "--B--", 413, "too_large"},
		{"its own max is wider", "{max_body: 20B, multipart: {max: 2KB}}", asMany, file("a", "a.png", "image/png", "abc") + "--B--", 200, `{"a":` + png + `}`},
		{"a file over max_part", "{multipart: {max_part: 2B}}", asMany, file("a", "a", "text/plain", "abc") + "--B--", 413, "too_large"},
		{"a file of max_part", "{multipart: {max_part: 3B}}", asMany, file("a", "a.png", "image/png", "abc") + "--B--", 200, `{"a":` + png + `}`},
		{"over max_files", "{multipart: {max_files: 1}}", asMany, file("a", "a", "text/plain", "") + file("b", "b", "text/plain", "") + "--B--", 413, "too_large"},
		{"much behind the last part", "{max_body: 200B}", asMany, field("a", "1") + crlf("--B--") + strings.Repeat("x", 200), 413, "too_large"},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.name, " ", chunked), func(t *testing.T) {
				t.Setenv("TMPDIR", t.TempDir())
				list := "- parsers\n- show: ${params}\n"
				if tt.parsers != "" {
					list = "- parsers: " + tt.parsers + "\n- show: ${params}\n"
				}
				c := pipetest.App{Defs: request.All(), List: list}.Compile(t)
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

// check compares an answer with params, or with the reason of a refusal.
func check(t *testing.T, got pipetest.Result, status int, want string) {
	t.Helper()
	if got.Status != status {
		t.Fatalf("status %d, want %d: %s %v", got.Status, status, got.Body, got.Err)
	}
	if refusal := got.Refusal(); refusal != nil && refusal.Reason != want {
		t.Errorf("refused with %s, want %s", refusal.Reason, want)
	} else if refusal == nil && got.Body != want {
		t.Errorf("params %s, want %s", got.Body, want)
	}
}

// The files are readable as long as the request runs, and nothing is left of them after it.
func TestUploadsGoWithTheRequest(t *testing.T) {
	for _, tt := range []struct{ name, body string }{
		{"whole", file("a", "a", "text/plain", "first") + file("b", "b", "text/plain", "second") + "--B--"},
		{"broken off", file("a", "a", "text/plain", "first") + file("b", "b", "text/plain", "sec")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: request.All(), List: "- parsers\n- show: ${params}\n"}.Compile(t)
			dir := t.TempDir()
			t.Setenv("TMPDIR", dir)
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", asMany)
			got := c.Serve(r)
			var held *pipeline.Upload
			for name, want := range map[string]string{"a": "first", "b": "second"} {
				u, ok := got.Ctx.Params[name].(*pipeline.Upload)
				if !ok {
					continue // of the one that broke off there are none
				}
				held = u
				if text, err := io.ReadAll(u.Open()); err != nil || string(text) != want {
					t.Errorf("%s holds %q (%v), want %q", name, text, err, want)
				}
			}
			if whole := tt.name == "whole"; whole != (held != nil) {
				t.Fatalf("files of a body that is %s: %v", tt.name, held)
			}
			got.Ctx.Reset()
			if held != nil {
				if _, err := io.ReadAll(held.Open()); !errors.Is(err, os.ErrClosed) {
					t.Errorf("reading after the request gives %v, want that it is closed", err)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v (%v)", left, err)
			}
		})
	}
}

func TestAFullDiskIsOurFault(t *testing.T) {
	c := pipetest.App{Defs: request.All(), List: "- parsers\n- show: ${params}\n"}.Compile(t)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	r := httptest.NewRequest("POST", "/", strings.NewReader(file("a", "a", "text/plain", "x")+"--B--"))
	r.Header.Set("Content-Type", asMany)
	var away *pipeline.Unavailable
	if got := c.Serve(r); !errors.As(got.Err, &away) || got.Refusal() != nil {
		t.Errorf("ended with %v, want that something is unavailable", got.Err)
	}
}

// endless gives one piece of text again and again.
type endless struct{ text []byte }

func (e endless) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		n += copy(b[n:], e.text)
	}
	return n, nil
}

// What a large file takes is disk, not memory.
func TestALargeFileTakesNoMemory(t *testing.T) {
	const size = 100 << 20
	t.Setenv("TMPDIR", t.TempDir())
	c := pipetest.App{Defs: request.All(), List: "- parsers: {multipart: {max: 200MB}}\n- show: ${params.a.size}\n"}.Compile(t)
	head, end := file("a", "a", "text/plain", ""), "\r\n--B--"
	body := io.MultiReader(strings.NewReader(strings.TrimSuffix(head, "\r\n")), io.LimitReader(endless{bytes.Repeat([]byte("x"), 4096)}, size), strings.NewReader(end))
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Content-Type", asMany)
	r.ContentLength = -1
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got := c.Serve(r)
	runtime.ReadMemStats(&after)
	if got.Body != fmt.Sprint(size) {
		t.Errorf("%d %s, want a file of %d bytes", got.Status, got.Body, size)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes were allocated for a file of %d", used, size)
	}
	got.Ctx.Reset()
}

// A body that is too large is refused when that is known, not when it has all come.
func TestALargeBodyIsNotReadToItsEnd(t *testing.T) {
	for _, tt := range []struct{ name, kind, head string }{
		{"json", asJSON, `{"a":"`},
		{"form", asForm, "a="},
		{"multipart", asMany, strings.TrimSuffix(file("a", "a", "text/plain", ""), "\r\n")},
	} {
		for _, said := range []int64{-1, 100 << 20} {
			t.Run(fmt.Sprint(tt.name, " ", said), func(t *testing.T) {
				c := pipetest.App{Defs: request.All(), List: "- parsers\n- show: ${params}\n"}.Compile(t)
				read := &counter{r: io.MultiReader(strings.NewReader(tt.head), endless{[]byte("x")})}
				r := httptest.NewRequest("POST", "/", read)
				r.Header.Set("Content-Type", tt.kind)
				r.ContentLength = said
				check(t, c.Serve(r), 413, "too_large")
				if limit := 8_000_001; read.n > limit || said > 0 && read.n > 0 {
					t.Errorf("%d bytes were read of a body of %d", read.n, said)
				}
			})
		}
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestEncodedBodies(t *testing.T) {
	const on = "{decode: gzip, max_body: 2KB}"
	whole := zipped(`{"a":1}`)
	tests := []struct {
		name, parsers, kind, encoding, body string
		status                              int
		want                                string
	}{
		{"not allowed", "{}", asJSON, "gzip", whole, 415, "unsupported"},
		{"json", on, asJSON, "gzip", whole, 200, `{"a":1}`},
		{"in capitals", on, asJSON, "GZIP", whole, 200, `{"a":1}`},
		{"form", on, asForm, "x-gzip", zipped("a=1"), 200, `{"a":"1"}`},
		{"multipart", on, asMany, "gzip", zipped(field("a", "1") + "--B--"), 200, `{"a":"1"}`},
		{"identity", "{}", asJSON, "identity", `{"a":1}`, 200, `{"a":1}`},
		{"another", on, asJSON, "br", whole, 415, "unsupported"},
		{"twice", on, asJSON, "gzip, gzip", zipped(whole), 415, "unsupported"},
		{"no gzip", on, asJSON, "gzip", `{"a":1}`, 400, "malformed"},
		{"cut short", on, asJSON, "gzip", whole[:len(whole)-1], 400, "malformed"},
		{"a wrong sum", on, asJSON, "gzip", whole[:len(whole)-8] + "\x00" + whole[len(whole)-7:], 400, "malformed"},
		{"something behind it", on, asJSON, "gzip", whole + "x", 400, "malformed"},
		{"a second one behind it", on, asJSON, "gzip", whole + whole, 400, "malformed"},
		{"a bomb of json", on, asJSON, "gzip", zipped(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), 413, "too_large"},
		{"a bomb of a form", on, asForm, "gzip", zipped("a=" + strings.Repeat("x", 1<<20)), 413, "too_large"},
		{"a bomb of multipart", on, asMany, "gzip", zipped(file("a", "a", "text/plain", strings.Repeat("x", 1<<20)) + "--B--"), 413, "too_large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			c := pipetest.App{Defs: request.All(), List: "- parsers: " + tt.parsers + "\n- show: ${params}\n"}.Compile(t)
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			r.Header.Set("Content-Encoding", tt.encoding)
			check(t, c.Serve(r), tt.status, tt.want)
		})
	}
}
