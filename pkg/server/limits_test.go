package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// send writes a request as it stands and gives the status of the answer, and whether the
// connection closes.
func send(t *testing.T, address, request string) (status string, closed bool) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	line, _ := bufio.NewReader(strings.NewReader(string(all))).ReadString('\n')
	_, status, _ = strings.Cut(strings.TrimSpace(line), " ")
	return status, err == nil
}

func TestLimits(t *testing.T) {
	many := func(n int, name string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, name+": 1\r\n", i)
		}
		return b.String()
	}
	tests := []struct{ name, request, status string }{
		{"as it should be", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200 OK"},
		{"100 headers", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + many(99, "x%d") + "\r\n", "200 OK"},
		{"101 headers", "GET / HTTP/1.1\r\nHost: a\r\n" + many(101, "x%d") + "\r\n", "431 Request Header Fields Too Large"},
		{"101 headers of one name", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("x: 1\r\n", 101) + "\r\n", "431 Request Header Fields Too Large"},
		{"a long URL", "GET /" + strings.Repeat("a", maxURL) + " HTTP/1.1\r\nHost: a\r\n\r\n", "414 Request URI Too Long"},
		{"a user in the URL", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"},
	}
	s := httptest.NewServer(limits{http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), time.Minute, nil})
	defer s.Close()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if status, closed := send(t, s.Listener.Addr().String(), tt.request); status != tt.status || !closed {
				t.Errorf("%s, closed %v, want %s and the end", status, closed, tt.status)
			}
		})
	}
}

func TestSoundHost(t *testing.T) {
	tests := []struct {
		host string
		want bool
	}{
		{"", true},
		{"a.example", true},
		{"a.example:80", true},
		{"a.example:", true},
		{"127.0.0.1:4000", true},
		{"[::1]", true},
		{"[::1]:4000", true},
		{"a@b", false},
		{"a/b", false},
		{`a\b`, false},
		{`a"b`, false},
		{"a'b", false},
		{"a:b", false},
		{"a:1:2", false},
		{":80", false},
		{"[::1", false},
		{"[::1]x", false},
		{"[127.0.0.1]", false},
		{"::1", false},
		{"a]:80", false},
	}
	for _, tt := range tests {
		if got := soundHost(tt.host); got != tt.want {
			t.Errorf("%q is sound: %v, want %v", tt.host, got, tt.want)
		}
	}
}

// A body that stops coming is waited for as long as the rules say, whoever reads it.
func TestABodyThatStopsComing(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"nobody reads it", func(http.ResponseWriter, *http.Request) {}},
		{"a handler reads a part", func(_ http.ResponseWriter, r *http.Request) { _, _ = r.Body.Read(make([]byte, 1)) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(limits{tt.handler, 50 * time.Millisecond, nil})
			defer s.Close()
			for _, framing := range []string{"Content-Length: 9\r\n\r\na", "Transfer-Encoding: chunked\r\n\r\n5\r\na"} {
				status, closed := send(t, s.Listener.Addr().String(), "POST / HTTP/1.1\r\nHost: a\r\n"+framing)
				if status != "200 OK" || !closed {
					t.Errorf("%q: %q, closed %v, want an answer and the end", framing, status, closed)
				}
			}
		})
	}
}
