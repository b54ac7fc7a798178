package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

func listenURL(t *testing.T, text string) *url.URL {
	t.Helper()
	target, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

const get = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

func TestFailures(t *testing.T) {
	silent := func(c net.Conn, br *bufio.Reader) { io.Copy(io.Discard, br) }
	secure := listen(t, silent)
	secure.Scheme = "https"
	tests := []struct {
		name   string
		target *url.URL
		o      Options
		status int
		reason string
	}{
		{"nobody listens", &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Options{}, 502, Refused},
		{"the connection takes too long", secure, Options{Connect: 20 * time.Millisecond}, 504, Timeout},
		{"the answer takes too long", listen(t, silent), Options{FirstByte: 20 * time.Millisecond}, 504, Timeout},
		{"half a head", answer(t, "HTTP/1.1 200 OK\r\nContent-Le"), Options{}, 502, Refused},
		{"nothing", answer(t, ""), Options{}, 502, Refused},
		{"not HTTP", answer(t, "SSH-2.0-OpenSSH_9\r\n\r\n"), Options{}, 502, Refused},
		{"two lengths", answer(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), Options{}, 502, Refused},
		{"too much head", answer(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", MaxAnswerHeader)+"\r\n\r\n"), Options{}, 502, Refused},
		{"101 unasked", answer(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"), Options{}, 502, BadStatus},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, body, err := ask(t, front(t, newUpstream(t, tt.target, tt.o), Request{}), get)
			if answer.StatusCode != tt.status || body != tt.reason+"\n" || err != nil {
				t.Errorf("answer %d %q, %v, want %d %q", answer.StatusCode, body, err, tt.status, tt.reason)
			}
		})
	}
}

// A head that is just small enough passes.
func TestLargeHead(t *testing.T) {
	u := newUpstream(t, answer(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "+strings.Repeat("x", MaxAnswerHeader-100)+"\r\n\r\n"), Options{})
	if answer, _, _ := ask(t, front(t, u, Request{}), get); answer.StatusCode != 200 {
		t.Errorf("answer %d", answer.StatusCode)
	}
}

// An answer that breaks off does not look whole to the client.
func TestCutAnswers(t *testing.T) {
	hang := func(head string) func(c net.Conn, br *bufio.Reader) {
		return func(c net.Conn, br *bufio.Reader) {
			readHead(br)
			io.WriteString(c, head)
			io.Copy(io.Discard, br)
		}
	}
	short := "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"
	long := "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhi"
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"
	tests := []struct {
		name   string
		target *url.URL
		idle   time.Duration
		why    string
	}{
		{"of a length", answer(t, short), 0, "unexpected EOF"},
		{"of a great length", answer(t, long), 0, "unexpected EOF"},
		{"chunked", answer(t, chunked), 0, "unexpected EOF"},
		{"with a bad chunk", answer(t, chunked+"zz\r\n"), 0, "invalid byte in chunk length"},
		{"too slow, of a length", listen(t, hang(short)), 50 * time.Millisecond, errIdle.Error()},
		{"too slow, chunked", listen(t, hang(chunked)), 50 * time.Millisecond, errIdle.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cuts := make(chan error, 1)
			o := Options{Idle: tt.idle, Cut: func(r *http.Request, err error) { cuts <- err }}
			answer, body, err := ask(t, front(t, newUpstream(t, tt.target, o), Request{}), get)
			if answer.StatusCode != 200 || err == nil {
				t.Errorf("answer %d %q looks whole", answer.StatusCode, body)
			}
			if cut := await.From(t, "the report", cuts); !strings.Contains(cut.Error(), tt.why) {
				t.Errorf("reported %v, want %q", cut, tt.why)
			}
		})
	}
}

func TestCutWithoutHijack(t *testing.T) {
	u := newUpstream(t, answer(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"), Options{})
	defer func() {
		if got := recover(); got != http.ErrAbortHandler {
			t.Errorf("panics with %v", got)
		}
	}()
	err := u.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "http://a.example/", nil), Request{})
	t.Errorf("returned %v", err)
}

// Only who stops sending has little time: the others must fail for their own reason, however
// slow the machine is.
func TestClientFailures(t *testing.T) {
	tests := []struct {
		name, request string
		idle          time.Duration
		status        int
		reason        string
	}{
		{"stops sending", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhi", 50 * time.Millisecond, 408, Slow},
		{"stops sending chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", 50 * time.Millisecond, 408, Slow},
		{"sends a bad chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n", await.Patience, 400, Malformed},
		{"sends too much", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n" + strings.Repeat("x", 200), await.Patience, 413, TooLarge},
	}
	target := listen(t, func(c net.Conn, br *bufio.Reader) { io.Copy(io.Discard, br) })
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, target, Options{ClientIdle: tt.idle, Connect: await.Patience})
			failures := make(chan error, 1)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = http.MaxBytesReader(w, r.Body, 100)
				err := u.Serve(w, r, Request{})
				failures <- err
				if f, ok := err.(*Failure); ok {
					http.Error(w, f.Reason, f.Status)
				}
			}))
			defer s.Close()
			answer, body, err := ask(t, s.Listener.Addr().String(), tt.request)
			if answer.StatusCode != tt.status || body != tt.reason+"\n" || err != nil || !answer.Close {
				t.Errorf("answer %d %q, %v, close %v, want %d %q: %v", answer.StatusCode, body, err, answer.Close, tt.status, tt.reason, await.From(t, "the failure", failures))
			}
		})
	}
}

// An upstream that takes no more of a body is given up.
func TestUpstreamStopsReading(t *testing.T) {
	hold := make(chan struct{})
	u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) { <-hold }), Options{Idle: 50 * time.Millisecond})
	address := front(t, u, Request{})
	defer close(hold)
	c, br := dial(t, address)
	written := make(chan struct{})
	go func() {
		defer close(written)
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000000\r\n\r\n")
		io.Copy(c, io.LimitReader(zeros{}, 1000000000)) // ends with the connection
	}()
	if answer, body, _ := readAnswer(t, br, "POST"); answer.StatusCode != 504 || body != "timeout\n" {
		t.Errorf("answer %d %q", answer.StatusCode, body)
	}
	c.Close()
	await.From(t, "the end of the client", written)
}

// A client that takes no more of an answer is given up.
func TestClientStopsReading(t *testing.T) {
	cuts := make(chan error, 1)
	u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
		readHead(br)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
		io.Copy(c, io.LimitReader(zeros{}, 1000000000))
	}), Options{ClientIdle: 50 * time.Millisecond, Cut: func(r *http.Request, err error) { cuts <- err }})
	c, _ := dial(t, front(t, u, Request{}))
	send(t, c, get)
	if err := await.From(t, "the cut", cuts); !strings.Contains(err.Error(), "i/o timeout") {
		t.Errorf("cut for %v", err)
	}
}

// The upstream hears that the client has left, before and amid the answer.
func TestClientLeaves(t *testing.T) {
	for _, sent := range []string{"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"} {
		asked, ended := make(chan struct{}), make(chan error, 1)
		u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
			readHead(br)
			io.WriteString(c, sent)
			close(asked)
			_, err := br.ReadByte()
			ended <- err
		}), Options{})
		c, br := dial(t, front(t, u, Request{}))
		send(t, c, get)
		await.From(t, "the request", asked)
		if sent != "" {
			readHead(br)
		}
		c.Close()
		if err := await.From(t, "the end", ended); err == nil {
			t.Error("the upstream connection was used again")
		} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Error("the upstream connection was kept")
		}
	}
}

// The second request on a connection finds it closed without an answer. Whether it was
// carried out nobody knows, so only what may be done twice is sent again.
func TestNeverSentTwice(t *testing.T) {
	tests := []struct {
		name, request string
		sent          int32 // how often the upstream reads the second request
		status        int
	}{
		{"GET", get, 2, 200},
		{"POST", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi", 1, 502},
		{"POST without a body", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n", 1, 502},
		{"POST with a key", "POST / HTTP/1.1\r\nHost: a.example\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n", 1, 502},
		{"POST with an X-key", "POST / HTTP/1.1\r\nHost: a.example\r\nX-Idempotency-Key: k\r\nContent-Length: 0\r\n\r\n", 1, 502},
		{"PUT", "PUT / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi", 1, 502},
		{"DELETE", "DELETE / HTTP/1.1\r\nHost: a.example\r\n\r\n", 1, 502},
		{"GET with a body", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi", 1, 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var conns, again atomic.Int32
			u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
				first := conns.Add(1) == 1
				head := readHead(br)
				if !first {
					again.Add(1)
				}
				readBody(br, head)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				if first {
					head := readHead(br)
					again.Add(1)
					readBody(br, head)
				}
			}), Options{})
			address := front(t, u, Request{})
			ask(t, address, get)
			answer, _, _ := ask(t, address, tt.request)
			if answer.StatusCode != tt.status || again.Load() != tt.sent {
				t.Errorf("answer %d after %d sendings, want %d after %d", answer.StatusCode, again.Load(), tt.status, tt.sent)
			}
		})
	}
}

// What failed before a byte was written is tried again with its body, on another connection.
func TestNothingWritten(t *testing.T) {
	target, seen := recorder(t)
	u := newUpstream(t, target, Options{})
	var conns atomic.Int32
	u.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if conns.Add(1) == 1 {
			c = &breaking{Conn: c}
		}
		return c, err
	}
	address := front(t, u, Request{})
	ask(t, address, get)
	await.From(t, "the first request", seen)
	answer, _, _ := ask(t, address, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi")
	if second := await.From(t, "the second request", seen); answer.StatusCode != 200 || !strings.HasSuffix(second, "\r\n\r\nhi") || conns.Load() != 2 {
		t.Errorf("answer %d after %q on connection %d", answer.StatusCode, second, conns.Load())
	}
}

// breaking takes one write.
type breaking struct {
	net.Conn
	written atomic.Bool
}

func (c *breaking) Write(p []byte) (int, error) {
	if c.written.Swap(true) {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

func TestBodyIsReadOnce(t *testing.T) {
	u := newUpstream(t, &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Options{})
	x := &exchange{up: u, client: http.NewResponseController(httptest.NewRecorder()), in: httptest.NewRequest("POST", "/", strings.NewReader("hi"))}
	x.begin()
	defer x.end()
	if body, err := x.upload.again(); body != x.upload || err != nil {
		t.Errorf("unread: %v, %v", body, err)
	}
	if text, err := io.ReadAll(x.upload); string(text) != "hi" || err != nil {
		t.Errorf("read %q, %v", text, err)
	}
	if body, err := x.upload.again(); err == nil {
		t.Errorf("a body is given twice: %v", body)
	}
}

func TestNothingIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("traffic of all kinds", func(t *testing.T) {
		TestAnswerVerbatim(t)
		TestCutAnswers(t)
		TestClientFailures(t)
		TestEarlyAnswer(t)
		TestExpectContinue(t)
		TestClientLeaves(t)
		TestWebsocket(t)
	})
	await.Until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
