package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

const handshake = "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n"

const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-Websocket-Accept: a\r\nDate: D\r\n\r\n"

// echo switches protocols and sends back what it gets, in upper case, until the client
// says no more; then "bye".
func echo(c net.Conn, br *bufio.Reader) {
	head := readHead(br)
	if !strings.Contains(head, "\r\nConnection: Upgrade\r\n") || !strings.Contains(head, "\r\nUpgrade: websocket\r\n") {
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
		return
	}
	io.WriteString(c, switched+"first")
	buffer := make([]byte, 100)
	for {
		n, err := br.Read(buffer)
		io.WriteString(c, strings.ToUpper(string(buffer[:n])))
		if err != nil {
			io.WriteString(c, "bye")
			return
		}
	}
}

func TestWebsocket(t *testing.T) {
	c, br := dial(t, front(t, newUpstream(t, listen(t, echo), Options{}), Request{}))
	send(t, c, handshake+"early ") // frames may follow the handshake at once
	if got, want := sortHead(readHead(br)), sortHead(switched); got != want {
		t.Fatalf("came as\n%s\nwant\n%s", got, want)
	}
	send(t, c, "one ")
	expect(t, br, "firstEARLY ONE ")
	send(t, c, "two")
	expect(t, br, "TWO")
	c.(*net.TCPConn).CloseWrite()
	rest, err := io.ReadAll(br)
	if string(rest) != "bye" || err != nil {
		t.Errorf("at the end %q, %v", rest, err)
	}
}

func expect(t *testing.T, br *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(br, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func TestWebsocketRefusedByUpstream(t *testing.T) {
	u := newUpstream(t, answer(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), Options{})
	if answer, body, err := ask(t, front(t, u, Request{}), handshake); answer.StatusCode != 403 || body != "no" || err != nil {
		t.Errorf("answer %d %q, %v", answer.StatusCode, body, err)
	}
}

// Only a websocket handshake asks for a 101; other upgrades go out as plain requests.
func TestOtherUpgrades(t *testing.T) {
	tests := []struct{ name, request string }{
		{"another protocol", strings.Replace(handshake, "Upgrade: websocket", "Upgrade: h2c", 1)},
		{"two protocols", strings.Replace(handshake, "Upgrade: websocket", "Upgrade: websocket, h2c", 1)},
		{"two fields", strings.Replace(handshake, "Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c", 1)},
		{"not in Connection", strings.Replace(handshake, "keep-alive, Upgrade", "keep-alive", 1)},
		{"HTTP/1.0", strings.Replace(handshake, "HTTP/1.1", "HTTP/1.0", 1)},
		{"POST", strings.Replace(handshake, "GET", "POST", 1)},
		{"a body", strings.Replace(handshake, "\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi", 1)},
	}
	target, seen := recorder(t)
	address := front(t, newUpstream(t, target, Options{}), Request{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			answer, _, _ := ask(t, address, tt.request)
			got := await.From(t, "the request", seen)
			if answer.StatusCode != 200 || strings.Contains(got, "pgrade:") || strings.Contains(got, "Connection:") {
				t.Errorf("answer %d, went out as\n%s", answer.StatusCode, got)
			}
		})
	}
}

func TestOther101(t *testing.T) {
	u := newUpstream(t, answer(t, strings.Replace(switched, "Upgrade: websocket", "Upgrade: raw", 1)), Options{})
	if answer, body, _ := ask(t, front(t, u, Request{}), handshake); answer.StatusCode != 502 || body != "status\n" {
		t.Errorf("answer %d %q", answer.StatusCode, body)
	}
}

func TestTunnelEnds(t *testing.T) {
	tests := []struct {
		name     string
		upstream func(c net.Conn, br *bufio.Reader)
		client   func(c net.Conn)
	}{
		{"with the upstream", func(c net.Conn, br *bufio.Reader) { readHead(br); io.WriteString(c, switched) }, func(net.Conn) {}},
		{"when nothing moves", echo, func(net.Conn) {}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, listen(t, tt.upstream), Options{Idle: 50 * time.Millisecond})
			c, br := dial(t, front(t, u, Request{}))
			send(t, c, handshake)
			readHead(br)
			tt.client(c)
			_, err := io.ReadAll(br)
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Error("the tunnel stays open")
			}
		})
	}
	t.Run("with the client", func(t *testing.T) {
		ended := make(chan struct{})
		u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) { echo(c, br); close(ended) }), Options{})
		c, br := dial(t, front(t, u, Request{}))
		send(t, c, handshake)
		readHead(br)
		c.Close()
		await.From(t, "the end", ended)
	})
}
