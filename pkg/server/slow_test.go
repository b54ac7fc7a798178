package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

const slowManifest = `version: 1
endpoint:
  listen: ['127.0.0.1:0', {address: 'localhost:0', tls: false}]
  tls: {cert: a.crt, key: a.key}
  plugs: [{parsers: {idle: 150ms}}]
scopes:
  - routes:
      - {get: /, text: v}
      - {post: /, json: {n: "${len(params)}"}}
`

// impatient waits for strangers no longer than a test does.
func impatient(s *Server) {
	const wait = time.Second // a handshake of TLS has to fit, on a machine with other things to do
	s.http.ReadHeaderTimeout = wait
	s.http.HTTP2.SendPingTimeout, s.http.HTTP2.PingTimeout = wait, wait
}

// ends writes a text and reads until the server closes.
func ends(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Errorf("after %q the connection stays open", text)
	}
	return string(answer)
}

func TestSlowClients(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", slowManifest)
	s := start(t, f.dir, false, impatient)
	secure := s.Addr().String()
	_, plain, _ := strings.Cut(s.URLs()[1], "://")
	dialers := map[string]func() (net.Conn, error){
		"plain": func() (net.Conn, error) { return net.Dial("tcp", plain) },
		"TLS": func() (net.Conn, error) {
			return tls.Dial("tcp", secure, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		},
	}
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"half a first line", "GET /", "HTTP/1.1 400 Bad Request"},
		{"half a head", "GET / HTTP/1.1\r\nHost: a\r\nX-A", "HTTP/1.1 400 Bad Request"},
		{"half a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", "HTTP/1.1 408 Request Timeout"},
		{"half a chunk", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", "HTTP/1.1 408 Request Timeout"},
		{"half a head behind a whole one", get + "GET /", "HTTP/1.1 200 OK HTTP/1.1 400 Bad Request"},
	}
	for over, dial := range dialers {
		for _, tt := range tests {
			t.Run(tt.name+" over "+over, func(t *testing.T) {
				t.Parallel() // each waits
				c, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				answer := ends(t, c, tt.text)
				if got := strings.Join(regexp.MustCompile(`HTTP/1\.1 [0-9]+ [A-Za-z ]+`).FindAllString(answer, -1), " "); got != tt.want {
					t.Errorf("the answers are %q, want %q", got, tt.want)
				}
				if got := get1(t, "http://"+plain); got != "v" {
					t.Errorf("somebody else gets %q", got)
				}
			})
		}
	}
}

func get1(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	return textOf(t, r, err)
}

// A body that stops coming ends its own request; the others of the connection go on.
func TestASlowBodyOverHTTP2(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", slowManifest)
	s := start(t, f.dir, false)
	url := "https://" + s.Addr().String()
	client := secureClient(t, "")
	client.Transport.(*http.Transport).MaxConnsPerHost = 1
	body, w := io.Pipe()
	defer w.Close()
	status := make(chan string, 1)
	go func() {
		r, err := client.Post(url, "application/json", body)
		if err != nil {
			status <- err.Error()
			return
		}
		r.Body.Close()
		status <- fmt.Sprint(r.Proto, " ", r.StatusCode)
	}()
	if _, err := io.WriteString(w, "{"); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		r, err := client.Get(url)
		if got := textOf(t, r, err); got != "v" {
			t.Fatalf("another request of the connection gets %q", got)
		}
	}
	if got := await.From(t, "the answer to the slow one", status); got != "HTTP/2.0 408" {
		t.Errorf("the slow one gets %q", got)
	}
	r, err := client.Get(url)
	if got := textOf(t, r, err); got != "v" {
		t.Errorf("after that the connection gives %q", got)
	}
}

// A head that stops coming keeps a connection of HTTP/2 no longer than one that says nothing.
func TestASlowHeadOverHTTP2(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", slowManifest)
	s := start(t, f.dir, false, impatient)
	const (
		preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
		half     = "\x00\x00\x03\x01\x00\x00\x00\x00\x01\x82\x87\x84" // HEADERS without END_HEADERS
	)
	for _, text := range []string{preface + settings, preface + settings + half, preface + settings + half + half} {
		c, err := tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		if answer := ends(t, c, text); answer == "" {
			t.Errorf("after %q the connection ends without a word", text)
		}
		r, err := secureClient(t, "").Get("https://" + s.Addr().String())
		if got := textOf(t, r, err); got != "v" {
			t.Errorf("somebody else gets %q", got)
		}
	}
}
