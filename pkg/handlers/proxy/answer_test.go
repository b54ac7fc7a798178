package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAnswerVerbatim(t *testing.T) {
	tests := []struct{ name, method, sent, want string }{
		{"with a length", "GET", "200 OK\r\nContent-Length: 2\r\nContent-Type: text/x\r\nDate: D\r\nServer: s\r\n\r\nhi",
			"200 OK\nContent-Length: 2\nContent-Type: text/x\nDate: D\nServer: s\n\nhi"},
		{"no type is invented", "GET", "200 OK\r\nContent-Length: 6\r\nDate: D\r\n\r\n<html>", "200 OK\nContent-Length: 6\nDate: D\n\n<html>"},
		{"an error of the upstream", "GET", "503 Service Unavailable\r\nContent-Length: 2\r\nDate: D\r\nRetry-After: 5\r\n\r\nno",
			"503 Service Unavailable\nContent-Length: 2\nDate: D\nRetry-After: 5\n\nno"},
		{"404", "GET", "404 Not Found\r\nContent-Length: 0\r\nDate: D\r\n\r\n", "404 Not Found\nContent-Length: 0\nDate: D\n\n"},
		{"a redirect is not followed", "GET", "302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\nDate: D\r\n\r\n",
			"302 Found\nContent-Length: 0\nDate: D\nLocation: http://x/\n\n"},
		{"HEAD", "HEAD", "200 OK\r\nContent-Length: 1234567\r\nDate: D\r\n\r\n", "200 OK\nContent-Length: 1234567\nDate: D\n\n"},
		{"204", "GET", "204 No Content\r\nDate: D\r\n\r\n", "204 No Content\nDate: D\n\n"},
		{"304", "GET", "304 Not Modified\r\nDate: D\r\nEtag: \"x\"\r\n\r\n", "304 Not Modified\nDate: D\nEtag: \"x\"\n\n"},
		{"an encoding is left as it is", "GET", "200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\nDate: D\r\n\r\nabc",
			"200 OK\nContent-Encoding: gzip\nContent-Length: 3\nDate: D\n\nabc"},
		{"chunked", "GET", "200 OK\r\nTransfer-Encoding: chunked\r\nDate: D\r\n\r\n3\r\nhi!\r\n0\r\n\r\n",
			"200 OK\nDate: D\nTransfer-Encoding: chunked\n\n3\r\nhi!\r\n0\r\n\r\n"},
		{"to the end of the connection", "GET", "200 OK\r\nDate: D\r\n\r\nhi", "200 OK\nDate: D\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n"},
		{"hop by hop", "GET", "200 OK\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\nProxy-Connection: x\r\nContent-Length: 0\r\nDate: D\r\n\r\n",
			"200 OK\nContent-Length: 0\nDate: D\n\n"},
		{"announced trailers", "GET", "200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\nDate: D\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n",
			"200 OK\nDate: D\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"},
		{"other trailers", "GET", "200 OK\r\nTransfer-Encoding: chunked\r\nDate: D\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n",
			"200 OK\nDate: D\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			address := front(t, newUpstream(t, answer(t, "HTTP/1.1 "+tt.sent), Options{}), Request{})
			c, br := dial(t, address)
			send(t, c, tt.method+" / HTTP/1.1\r\nHost: a.example\r\n\r\n")
			head := readHead(br)
			got := sortHead(head + readBody(br, onlyIf(tt.method != "HEAD", head)))
			if want := "HTTP/1.1 " + tt.want; got != want {
				t.Errorf("came as\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func onlyIf(condition bool, s string) string {
	if condition {
		return s
	}
	return ""
}

func TestAnswerJoinsWhatTheGatewaySet(t *testing.T) {
	u := newUpstream(t, answer(t, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nVary: A\r\nX-Both: up\r\nContent-Length: 0\r\n\r\n"), Options{})
	w := httptest.NewRecorder()
	w.Header()["Set-Cookie"] = append(make([]string, 0, 4), "b=2")
	w.Header().Set("Vary", "Origin")
	w.Header().Set("X-Both", "gateway")
	w.Header().Set("X-Version", "v1")
	if err := u.Serve(w, httptest.NewRequest("GET", "http://a.example/", nil), Request{}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Set-Cookie": "b=2|a=1", "Vary": "Origin|A", "X-Both": "up", "X-Version": "v1"} {
		if got := strings.Join(w.Header()[name], "|"); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestHTTP10Client(t *testing.T) {
	up := "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nDate: D\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n"
	c, br := dial(t, front(t, newUpstream(t, answer(t, up), Options{}), Request{}))
	send(t, c, "GET / HTTP/1.0\r\nHost: a.example\r\n\r\n")
	all, err := io.ReadAll(br)
	if want := "HTTP/1.0 200 OK\r\nDate: D\r\n\r\nhi"; err != nil || string(all) != want {
		t.Errorf("an HTTP/1.0 client gets %q, %v, want %q", all, err, want)
	}
}

func TestInterimAnswers(t *testing.T) {
	hint := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
	final := "HTTP/1.1 200 OK\r\nX-Last: 1\r\nContent-Length: 0\r\nDate: D\r\n\r\n"
	tests := []struct{ name, sent, want string }{
		{"passed", hint + final, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: D\r\nX-Last: 1\r\n\r\n"},
		{"as many as bounded", strings.Repeat(hint, MaxInterim) + final,
			strings.Repeat(hint, MaxInterim) + "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: D\r\nX-Last: 1\r\n\r\n"},
		{"100 unasked", "HTTP/1.1 100 Continue\r\n\r\n" + final, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: D\r\nX-Last: 1\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, br := dial(t, front(t, newUpstream(t, answer(t, tt.sent), Options{}), Request{}))
			send(t, c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
			got := make([]byte, len(tt.want))
			if _, err := io.ReadFull(br, got); err != nil || string(got) != tt.want {
				t.Errorf("came as %q, %v\nwant %q", got, err, tt.want)
			}
		})
	}
	t.Run("too many", func(t *testing.T) {
		c, br := dial(t, front(t, newUpstream(t, answer(t, strings.Repeat(hint, MaxInterim+1)+final), Options{}), Request{}))
		send(t, c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
		for range MaxInterim {
			if head := readHead(br); head != hint {
				t.Fatalf("interim answer %q", head)
			}
		}
		if answer, body, _ := readAnswer(t, br, "GET"); answer.StatusCode != 502 || body != "status\n" {
			t.Errorf("answer %d %q, want 502 status", answer.StatusCode, body)
		}
	})
	t.Run("do not carry what the final answer is to carry", func(t *testing.T) {
		u := newUpstream(t, answer(t, hint+final), Options{})
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Version", "v1")
			if err := u.Serve(w, r, Request{}); err != nil {
				t.Error(err)
			}
		}))
		defer s.Close()
		c, br := dial(t, s.Listener.Addr().String())
		send(t, c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
		if head := readHead(br); head != hint {
			t.Errorf("interim answer %q", head)
		}
		if answer, _, _ := readAnswer(t, br, "GET"); answer.Header.Get("X-Version") != "v1" {
			t.Errorf("the final answer has %v", answer.Header)
		}
	})
}

// Events, and answers of unknown length, reach the client as they come: head first.
func TestAnswerStreams(t *testing.T) {
	tests := []struct{ name, head string }{
		{"events", "Content-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n"},
		{"unknown length", "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			next := make(chan string)
			u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
				readHead(br)
				for text := range next {
					io.WriteString(c, text)
				}
			}), Options{})
			c, br := dial(t, front(t, u, Request{}))
			send(t, c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
			next <- "HTTP/1.1 200 OK\r\n" + tt.head + "\r\n"
			if head := readHead(br); !strings.HasPrefix(head, "HTTP/1.1 200 OK") {
				t.Fatalf("head %q", head)
			}
			for _, chunk := range []string{"5\r\none\n\n\r\n", "5\r\ntwo\n\n\r\n", "0\r\n\r\n"} {
				next <- chunk
				got := make([]byte, len(chunk))
				if _, err := io.ReadFull(br, got); err != nil || string(got) != chunk {
					t.Fatalf("got %q, %v, want %q", got, err, chunk)
				}
			}
			close(next)
		})
	}
}

// A small event stream with a length is flushed as well.
func TestEventsWithLength(t *testing.T) {
	more := make(chan struct{})
	u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
		readHead(br)
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 4\r\n\r\nab")
		<-more
		io.WriteString(c, "cd")
	}), Options{})
	c, br := dial(t, front(t, u, Request{}))
	send(t, c, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	readHead(br)
	two := make([]byte, 2)
	if _, err := io.ReadFull(br, two); err != nil || string(two) != "ab" {
		t.Errorf("first piece %q, %v", two, err)
	}
	close(more)
	if _, err := io.ReadFull(br, two); err != nil || string(two) != "cd" {
		t.Errorf("second piece %q, %v", two, err)
	}
}
