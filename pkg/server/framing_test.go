package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// framed serves what answers each request with its body, as the gateway listens.
func framed(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(framing{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}), nil})
	s.Listener = watching{s.Listener}
	s.Config.ConnContext, s.Config.DisableGeneralOptionsHandler = withConn, true
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// watching follows what the connections of a listener read.
type watching struct{ net.Listener }

func (l watching) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return watch(c, nil, newPieces()), nil
}

func TestTwoLengthsAreRefused(t *testing.T) {
	const (
		chunks = "\r\n\r\n2\r\nok\r\n0\r\n\r\n"
		post   = "POST / HTTP/1.1\r\nHost: a\r\n"
		last   = "Connection: close\r\n"
		get    = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	)
	tests := []struct{ name, request, status string }{
		{"a length", post + last + "Content-Length: 2\r\n\r\nok", "200 OK"},
		{"chunks", post + last + "Transfer-Encoding: chunked" + chunks, "200 OK"},
		{"a length before chunks", post + "Content-Length: 2\r\nTransfer-Encoding: chunked" + chunks, "400 Bad Request"},
		{"a length behind chunks", post + "Transfer-Encoding: chunked\r\ncontent-LENGTH: 2" + chunks, "400 Bad Request"},
		{"lines without CR", "POST / HTTP/1.1\nHost: a\nContent-Length: 2\nTransfer-Encoding: chunked\n\n0\r\n\r\n", "400 Bad Request"},
		{"chunks of HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked" + chunks, "400 Bad Request"},
		{"an upgrade beside both", post + "Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\nTransfer-Encoding: chunked" + chunks, "400 Bad Request"},
		{"a length inside a chunk", post + last + "Transfer-Encoding: chunked\r\n\r\n13\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", "200 OK"},
	}
	address := framed(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if status, closed := send(t, address, tt.request); status != tt.status || !closed {
				t.Errorf("%s, closed %v, want %s and the end", status, closed, tt.status)
			}
		})
	}
	after := []struct{ name, before string }{
		{"after a body", post + "Content-Length: 2\r\n\r\nok"},
		{"after line ends", post + "Content-Length: 2\r\n\r\nok\r\n"},
		{"after another in one piece", get},
		{"after chunks", post + "Transfer-Encoding: chunked" + chunks},
		{"after chunks with extensions and trailers", post + "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nX-End: 1\r\n\r\n"},
		{"after OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"},
		{"after a body that nobody reads", "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"},
		{"after an upgrade that is none", "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"},
	}
	for _, tt := range after {
		t.Run(tt.name, func(t *testing.T) {
			request := tt.before + post + "Content-Length: 2\r\nTransfer-Encoding: chunked" + chunks
			if _, closed := send(t, address, request); !closed {
				t.Error("the connection stays open")
			}
		})
	}
}

// A connection on which heads are known stays open from one request to the next.
func TestConnectionsStayOpen(t *testing.T) {
	address := framed(t)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for _, body := range []string{"", "a", strings.Repeat("b", 100_000), "", "c"} {
		r, err := client.Post("http://"+address, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(text) != body || r.Close {
			t.Errorf("%d bytes, closed %v, %v, want the %d bytes sent on a connection that stays", len(text), r.Close, err, len(body))
		}
	}
}

// A chunked upload is one request of many on its connection.
func TestChunkedUploadsShareAConnection(t *testing.T) {
	address := framed(t)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for i, body := range []string{"a", strings.Repeat("b", 100_000), "", "c"} {
		r, err := client.Post("http://"+address, "text/plain", io.MultiReader(strings.NewReader(body))) // of no known length
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(text) != body || r.Close {
			t.Errorf("upload %d: %d bytes, closed %v, %v, want %d bytes and a connection that stays", i, len(text), r.Close, err, len(body))
		}
	}
}

func TestConnectionsThatAreTakenOverAreNotWatched(t *testing.T) {
	for _, c := range []net.Conn{&net.TCPConn{}, &net.UnixConn{}} {
		if got := watch(c, nil, newPieces()).(interface{ Unwatched() net.Conn }).Unwatched(); got != c {
			t.Errorf("%T gives %T", c, got)
		}
	}
	secure := tls.Client(&net.TCPConn{}, &tls.Config{ServerName: "a"})
	if got := (&tlsConn{Conn: secure}).Unwatched(); got != secure { // and not what is under it
		t.Errorf("TLS gives %T", got)
	}
}
