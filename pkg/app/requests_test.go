package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/app/apptest"
)

// front serves a manifest whose upstream `up` is behind, and gives its address.
func front(t *testing.T, behind http.HandlerFunc, plugs, routes string) string {
	t.Helper()
	return frontOn(t, "sqlite::memory:", behind, plugs, routes)
}

func frontOn(t *testing.T, database string, behind http.HandlerFunc, plugs, routes string) string {
	t.Helper()
	up := httptest.NewServer(behind)
	t.Cleanup(up.Close)
	manifest := fmt.Sprintf("version: 1\nendpoint: {plugs: %s}\nstores: {main: {url: '${env.DATABASE_URL}'}}\nupstreams: {up: {targets: ['%s']}}\nscopes:\n  - routes:\n%s", plugs, up.URL, routes)
	s := httptest.NewServer(apptest.Compile(t, manifest, database))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// conversation opens a connection that gives up after a while.
func conversation(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// answerOf reads one answer, whole.
func answerOf(t *testing.T, br *bufio.Reader) (status int, body string) {
	t.Helper()
	answer, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("the answer breaks off: %v", err)
	}
	return answer.StatusCode, string(text)
}

const echo = `
      - post: /params
        json: {params: "${params}"}
      - post: /small
        do: [{max_body: 10B}, {json: {params: "${params}"}}]
      - post: /closed
        do: [{require: "1 == 2"}, {json: {params: "${params}"}}]
`

func nobody(http.ResponseWriter, *http.Request) {}

func TestSlowBodies(t *testing.T) {
	address := front(t, nobody, "[{parsers: {idle: 50ms}}]", echo)
	for _, tt := range []struct{ kind, part string }{
		{"application/json", `{"a":`},
		{"application/x-www-form-urlencoded", `a=1&`},
		{"multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nx"},
		{"multipart/form-data; boundary=B", "--B\r\nContent-Dispo"},
	} {
		for _, head := range []string{"Content-Length: 500\r\n\r\n", fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", len(tt.part))} {
			c, br := conversation(t, address)
			fmt.Fprintf(c, "POST /params HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\n%s%s", tt.kind, head, tt.part)
			if status, body := answerOf(t, br); status != 408 || !strings.Contains(body, `"reason":"timeout"`) {
				t.Errorf("%s that stops coming: %d %s, want 408", tt.kind, status, body)
			}
		}
	}
}

// A client that asks whether to send its body is told so only by who reads it.
func TestExpectContinue(t *testing.T) {
	address := front(t, nobody, "[parsers]", echo)
	for _, tt := range []struct {
		path, want string
		status     int
	}{
		{"/params", "HTTP/1.1 100 Continue", 200},
		{"/small", "HTTP/1.1 413 Request Entity Too Large", 413},
		{"/closed", "HTTP/1.1 403 Forbidden", 403},
		{"/nothing", "HTTP/1.1 404 Not Found", 404},
	} {
		c, br := conversation(t, address)
		body := `{"a":"0123456789"}`
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", tt.path, len(body))
		first, err := br.Peek(len(tt.want))
		if err != nil || string(first) != tt.want {
			t.Errorf("%s: first %q (%v), want %q", tt.path, first, err, tt.want)
			continue
		}
		if tt.status == 200 {
			io.WriteString(c, body)
			if status, text := readAfter100(t, br); status != 200 || !strings.Contains(text, "0123456789") {
				t.Errorf("%s: %d %s", tt.path, status, text)
			}
		}
	}
}

func readAfter100(t *testing.T, br *bufio.Reader) (int, string) {
	t.Helper()
	for range 2 { // the line and the empty one behind it
		if _, err := br.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	return answerOf(t, br)
}

const passed = `
      - post: /small
        do: [{max_body: 1MB}, {proxy: up}]
      - any: /slow
        do: [{timeout: 1s}, {proxy: up}]
      - get: /kind
        do: [{timeout: 100ms}, {proxy: up, else: {json: {sorry: "${failure.reason}"}}}]
      - get: /query
        do:
          - timeout: 100ms
          - query: "select 1 as n %s"
            as: rows
          - json: {rows: "${rows}"}
      - any: /headers
        do:
          - put_req_header: {X-User: "u1"}
          - delete_req_header: [cookie]
          - proxy: up
`

func TestMaxBodyOfStreams(t *testing.T) {
	address := front(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body) // a body that breaks off is what is asked for
		fmt.Fprint(w, n)
	}, "[parsers]", strings.Replace(passed, "%s", "", 1))
	for _, tt := range []struct {
		size, status int
		want         string
	}{{1_000_000, 200, "1000000"}, {1_000_001, 413, "too_large"}, {50_000_000, 413, "too_large"}} {
		for _, chunked := range []bool{false, true} {
			body := io.LimitReader(repeated{}, int64(tt.size))
			r, err := http.NewRequest("POST", "http://"+address+"/small", body)
			if err != nil {
				t.Fatal(err)
			}
			if !chunked {
				r.ContentLength = int64(tt.size)
			}
			r.Header.Set("Expect", "100-continue") // or the client may see its connection closed before the answer
			answer, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}).Do(r)
			if err != nil {
				if tt.status == 413 && tt.size > 10_000_000 {
					continue // closed while the rest was sent: it did not get through
				}
				t.Errorf("%d bytes, chunked %v: %v", tt.size, chunked, err)
				continue
			}
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			if answer.StatusCode != tt.status || !strings.Contains(string(text), tt.want) {
				t.Errorf("%d bytes, chunked %v: %d %s, want %d %s", tt.size, chunked, answer.StatusCode, text, tt.status, tt.want)
			}
		}
	}
}

type repeated struct{}

func (repeated) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

func TestTimeouts(t *testing.T) {
	address := frontOn(t, apptest.Postgres(t), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "begin" {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}, "[parsers]", strings.Replace(passed, "%s", "from pg_sleep(1)", 1))
	tests := []struct {
		name, path string
		status     int
		want       string
	}{
		{"a service behind", "/slow", 504, `"reason":"timeout"`},
		{"a service behind, and an else", "/kind", 504, `{"sorry":"timeout"}`},
		{"a store", "/query", 503, `"reason":"timeout"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, err := http.Get("http://" + address + tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if text, _ := io.ReadAll(answer.Body); answer.StatusCode != tt.status || !strings.Contains(string(text), tt.want) {
				t.Errorf("%d %s, want %d with %s", answer.StatusCode, text, tt.status, tt.want)
			}
		})
	}
	t.Run("an answer that was begun is broken off", func(t *testing.T) {
		answer, err := http.Get("http://" + address + "/slow?begin")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if text, err := io.ReadAll(answer.Body); err == nil || string(text) != "half" {
			t.Errorf("the answer is %q (%v), want the half of it and an error", text, err)
		}
	})
}

// What plugs set is what a service behind gets, and a client cannot have it dropped.
func TestHeadersForServicesBehind(t *testing.T) {
	address := front(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s", r.Header.Get("X-User"), r.Header["X_user"], r.Header.Get("Cookie"), r.Header.Get("X-Request-Id"))
	}, "[request_id]", strings.Replace(passed, "%s", "", 1))
	c, br := conversation(t, address)
	io.WriteString(c, "GET /headers HTTP/1.1\r\nHost: a\r\nX-User: evil\r\nX_User: evil\r\nCookie: a=b\r\nConnection: close, X-User, X-Request-Id\r\n\r\n")
	answer, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	id := answer.Header.Get("X-Request-Id")
	if want := "u1|[]||" + id; err != nil || string(text) != want || len(id) != 20 {
		t.Errorf("the service got %q (%v), want %q", text, err, want)
	}
}

// Of a client that leaves in the middle of its files nothing stays open.
func TestUploadsOfClientsThatLeave(t *testing.T) {
	address := front(t, nobody, "[parsers]", echo)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	c, _ := conversation(t, address)
	fmt.Fprint(c, "POST /params HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 900000\r\n\r\n"+
		"--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n"+strings.Repeat("x", 200_000))
	await.Until(t, "the file is begun", func() bool { return openIn(t, dir) == 1 })
	c.Close()
	await.Until(t, "the file is let go", func() bool { return openIn(t, dir) == 0 })
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

// openIn counts the files of this process that were made in a folder.
func openIn(t *testing.T, dir string) (n int) {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, dir+"/") { // one that was closed meanwhile is not there
			n++
		}
	}
	return n
}

// A file is to plugs what a map is, with the members that the client said and no others.
func TestFilesInPlugs(t *testing.T) {
	manifest := `
version: 1
endpoint: {secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
tokens: {user: {salt: s}}
stores: {main: {url: 'sqlite::memory:'}}
schemas: {post: {table: posts, fields: {title: {type: string}}}}
scopes:
  - routes:
      - {post: /json, json: {got: "${params.a}"}}
      - {post: /member, text: "got ${params.a.filename} ${params.a.size}"}
      - {post: /path, text: "got ${params.a?.path ?? 'no path'}"}
      - {post: /sql, do: [{query: "select ${params.a} as a", as: rows}, {json: {rows: "${rows}"}}]}
      - {post: /insert, do: [{insert: {schema: post, values: {title: "${params.a}"}}, as: row}, {json: {row: "${row}"}}]}
      - {post: /validate, do: [{validate: {fields: {a: {type: string}}}, as: v}, {json: {v: "${v}"}}]}
      - {post: /token, do: [{verify_token: {token: user, from: [{param: a}]}, as: id}, {text: done}]}
`
	a := apptest.Compile(t, manifest, "")
	body := "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"n.txt\"\r\n\r\nabc\r\n--B--"
	for _, tt := range []struct {
		path   string
		status int
		want   string
	}{
		{"/json", 200, `{"got":{"filename":"n.txt","content_type":"application/octet-stream","size":3}}`},
		{"/member", 200, "got n.txt 3"},
		{"/path", 200, "got no path"},
		{"/sql", 200, `{\"filename\":\"n.txt\",`},
		{"/insert", 422, `"errors":{"title":["is invalid"]}`},
		{"/validate", 422, `"errors":{"a":["is invalid"]}`},
		{"/token", 401, `"reason":"`},
	} {
		got := apptest.Request(a, "POST", tt.path, body, "Content-Type: multipart/form-data; boundary=B")
		if got.Code != tt.status || !strings.Contains(got.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.path, got.Code, got.Body, tt.status, tt.want)
		}
	}
}
