package proxy

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// listen serves raw connections until the test ends. serve's connection is closed after it.
func listen(t *testing.T, serve func(c net.Conn, br *bufio.Reader)) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(await.Patience))
				serve(c, bufio.NewReader(c))
			})
		}
	})
	return &url.URL{Scheme: "http", Host: l.Addr().String()}
}

// answer serves each connection one request, with the same bytes, and then closes.
func answer(t *testing.T, bytes string) *url.URL {
	t.Helper()
	return listen(t, func(c net.Conn, br *bufio.Reader) {
		if readHead(br) != "" {
			io.WriteString(c, bytes)
		}
	})
}

// readHead reads up to the empty line, and returns "" when the connection ends before.
func readHead(br *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}

// recorder is an upstream that notes each request as it came and answers 200.
func recorder(t *testing.T) (*url.URL, <-chan string) {
	t.Helper()
	seen := make(chan string, 16)
	target := listen(t, func(c net.Conn, br *bufio.Reader) {
		for {
			head := readHead(br)
			if head == "" {
				return
			}
			seen <- head + readBody(br, head)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	return target, seen
}

// readBody reads a body as it came: of its length, or to the end of the trailers.
func readBody(br *bufio.Reader, head string) string {
	lower := strings.ToLower(head)
	if _, length, ok := strings.Cut(lower, "content-length: "); ok {
		n := 0
		for _, d := range strings.TrimSpace(strings.SplitN(length, "\r\n", 2)[0]) {
			n = n*10 + int(d-'0')
		}
		body := make([]byte, n)
		io.ReadFull(br, body)
		return string(body)
	}
	var body strings.Builder
	if strings.Contains(lower, "transfer-encoding: chunked") {
		for end := false; !end; {
			line, err := br.ReadString('\n')
			body.WriteString(line)
			end = err != nil || line == "\r\n"
		}
	}
	return body.String()
}

func newUpstream(t *testing.T, target *url.URL, o Options) *Upstream {
	t.Helper()
	u, err := NewUpstream("test", target, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// front is a gateway before u. Failures are answered with their status and reason.
func front(t *testing.T, u *Upstream, q Request) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := u.Serve(w, r, q)
		var f *Failure
		switch {
		case errors.As(err, &f):
			http.Error(w, f.Reason, f.Status)
		case err != nil:
			t.Errorf("%s %s: %v is no *Failure", r.Method, r.URL, err)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// dial opens a raw connection to a gateway.
func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(await.Patience))
	return c, bufio.NewReader(c)
}

// ask sends a raw request and reads one answer. The error is that of reading its body.
func ask(t *testing.T, address, request string) (*http.Response, string, error) {
	t.Helper()
	c, br := dial(t, address)
	send(t, c, request)
	method, _, _ := strings.Cut(request, " ")
	return readAnswer(t, br, method)
}

func readAnswer(t *testing.T, br *bufio.Reader, method string) (*http.Response, string, error) {
	t.Helper()
	answer, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	body, err := io.ReadAll(answer.Body)
	return answer, string(body), err
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// sortHead orders the fields of a message, which maps do not keep in order.
func sortHead(message string) string {
	head, body, _ := strings.Cut(message, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.SortFunc(lines[1:], func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return strings.Join(lines, "\n") + "\n\n" + body
}
