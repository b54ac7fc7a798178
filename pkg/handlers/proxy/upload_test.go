package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// Each piece of a body reaches the upstream before the next is sent, and pieces of the
// answer come back in between.
func TestBothWaysAtOnce(t *testing.T) {
	u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
		readHead(br)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for {
			chunk, err := br.ReadString('\n')
			data, _ := br.ReadString('\n')
			if err != nil {
				return
			}
			io.WriteString(c, chunk+data)
			if chunk == "0\r\n" {
				return
			}
		}
	}), Options{})
	c, br := dial(t, front(t, u, Request{}))
	send(t, c, "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
	if head := readHead(br); !strings.Contains(head, "Connection: close") {
		t.Errorf("the rest of a body could be taken for a request:\n%s", head)
	}
	for _, chunk := range []string{"3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"} {
		send(t, c, chunk)
		got := make([]byte, len(chunk))
		if _, err := io.ReadFull(br, got); err != nil || string(got) != chunk {
			t.Fatalf("got %q, %v, want %q", got, err, chunk)
		}
	}
}

// An answer that comes before the body has been read is passed on at once, and what is
// left of the body is not taken for the next request.
func TestEarlyAnswer(t *testing.T) {
	for _, framing := range []string{"Content-Length: 50\r\n", "Transfer-Encoding: chunked\r\n"} {
		t.Run(framing, func(t *testing.T) {
			u := newUpstream(t, answer(t, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"), Options{})
			c, br := dial(t, front(t, u, Request{}))
			send(t, c, "POST / HTTP/1.1\r\nHost: a.example\r\n"+framing+"\r\n")
			answer, body, err := readAnswer(t, br, "POST")
			if answer.StatusCode != 401 || body != "no" || err != nil || !answer.Close {
				t.Fatalf("answer %d %q, %v, close %v", answer.StatusCode, body, err, answer.Close)
			}
			io.WriteString(c, "GET /smuggled HTTP/1.1\r\nHost: a.example\r\nX-Padding: 12345678\r\n\r\n")
			if rest, _ := io.ReadAll(br); len(rest) > 0 {
				t.Errorf("a second answer: %q", rest)
			}
		})
	}
}

func TestExpectContinue(t *testing.T) {
	const request = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
	t.Run("the upstream wants the body", func(t *testing.T) {
		heads := make(chan string, 1)
		u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
			head := readHead(br)
			heads <- head
			io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"+readBody(br, head))
		}), Options{})
		c, br := dial(t, front(t, u, Request{}))
		send(t, c, request)
		if head := readHead(br); head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("first answer %q", head)
		}
		if head := await.From(t, "the head", heads); !strings.Contains(head, "Expect: 100-continue\r\n") {
			t.Errorf("the upstream was not asked:\n%s", head)
		}
		send(t, c, "hi")
		if answer, body, _ := readAnswer(t, br, "POST"); answer.StatusCode != 200 || body != "hi" {
			t.Errorf("answer %d %q", answer.StatusCode, body)
		}
	})
	t.Run("the upstream does not", func(t *testing.T) {
		u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
			readHead(br)
			io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
			br.ReadByte()
		}), Options{})
		c, br := dial(t, front(t, u, Request{}))
		send(t, c, request)
		answer, _, _ := readAnswer(t, br, "POST")
		if answer.StatusCode != 413 || !answer.Close {
			t.Errorf("answer %d, close %v", answer.StatusCode, answer.Close)
		}
		c.(*net.TCPConn).CloseWrite()
		if rest, _ := io.ReadAll(br); len(rest) > 0 {
			t.Errorf("then %q", rest)
		}
	})
	t.Run("the upstream does not know", func(t *testing.T) {
		u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
			head := readHead(br)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"+readBody(br, head))
		}), Options{})
		c, br := dial(t, front(t, u, Request{}))
		send(t, c, request)
		if head := readHead(br); head != "HTTP/1.1 100 Continue\r\n\r\n" {
			t.Fatalf("first answer %q", head)
		}
		send(t, c, "hi")
		if answer, body, _ := readAnswer(t, br, "POST"); answer.StatusCode != 200 || body != "hi" {
			t.Errorf("answer %d %q", answer.StatusCode, body)
		}
	})
}

// 100 MB each way are not kept: all that is allocated on the way is a few buffers.
func TestFlatMemory(t *testing.T) {
	const size = 100 << 20
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		if n, err := io.CopyBuffer(w, onlyReader{r.Body}, make([]byte, 64<<10)); n != size || err != nil {
			t.Errorf("upstream copied %d bytes, %v", n, err)
		}
	}))
	defer up.Close()
	target := listenURL(t, up.URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	address := front(t, newUpstream(t, target, Options{}), Request{})
	request, err := http.NewRequest("POST", "http://"+address+"/", io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	request.ContentLength = size
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	n, err := io.CopyBuffer(onlyWriter{io.Discard}, answer.Body, make([]byte, 64<<10))
	runtime.ReadMemStats(&after)
	if n != size || err != nil {
		t.Errorf("client got %d bytes, %v", n, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("allocated %d KB on the way", used>>10)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// Where the time for the whole request is over, the wait for the client's body ends too.
func TestTimeIsOverDuringABody(t *testing.T) {
	const piece = "2\r\nhi\r\n"
	reading := make(chan struct{}, 1)
	u := newUpstream(t, listen(t, func(_ net.Conn, br *bufio.Reader) {
		readHead(br)
		// When the time were over before the first piece is through, it would be the upstream
		// that was waited for.
		if _, err := io.ReadFull(br, make([]byte, len(piece))); err == nil {
			reading <- struct{}{}
		}
		io.Copy(io.Discard, br)
	}), Options{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		go func() {
			select {
			case <-reading:
				cancel(context.DeadlineExceeded)
			case <-ctx.Done():
			}
		}()
		var f *Failure
		if errors.As(u.Serve(w, r.WithContext(ctx), Request{}), &f) {
			http.Error(w, f.Reason, f.Status)
		}
	}))
	t.Cleanup(s.Close)
	answer, body, err := ask(t, s.Listener.Addr().String(), "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"+piece)
	if answer.StatusCode != 408 || body != Slow+"\n" || err != nil || !answer.Close {
		t.Errorf("answer %d %q, %v, close %v; want 408", answer.StatusCode, body, err, answer.Close)
	}
}

// In HTTP/2 an answer that comes early ends one request, and not the others of its connection.
func TestEarlyAnswerOfManyAtOnce(t *testing.T) {
	u := newUpstream(t, answer(t, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"), Options{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := u.Serve(w, r, Request{}); err != nil {
			t.Errorf("%v", err)
		}
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	for i := range 3 {
		body, client := io.Pipe()
		var reused bool
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }})
		r, err := http.NewRequestWithContext(ctx, "POST", s.URL, body)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(got.Body)
		got.Body.Close()
		client.Close()
		if got.StatusCode != 401 || string(text) != "no" || err != nil || got.ProtoMajor != 2 || reused != (i > 0) {
			t.Errorf("answer %d: %s %d %q, %v, reused %v", i+1, got.Proto, got.StatusCode, text, err, reused)
		}
	}
}
