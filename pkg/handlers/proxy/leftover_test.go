package proxy

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// An upstream that sends more than its answer harms nobody: what asks next never gets what
// was left of the answer before.
func TestLeftovers(t *testing.T) {
	const stolen = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
	tests := []struct{ name, method, answer string }{
		{"nothing on HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n"}, // it may still come
		{"a body on HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n" + stolen},
		{"a body on HEAD of no length", "HEAD", "HTTP/1.1 200 OK\r\n\r\n" + stolen},
		{"a body on HEAD in chunks", "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + stolen},
		{"a HEAD that is refused with a body", "HEAD", "HTTP/1.1 404 Not Found\r\nContent-Length: 46\r\n\r\n" + stolen},
		{"more than the length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown" + stolen},
		{"a body where none can be", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + stolen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var again atomic.Int32
			u := newUpstream(t, listen(t, func(c net.Conn, br *bufio.Reader) {
				for used := false; ; {
					head := readHead(br)
					switch first := strings.HasPrefix(head, tt.method+" /first"); {
					case head == "":
						return
					case used:
						again.Add(1)
						io.WriteString(c, stolen)
					case first:
						used = true
						io.WriteString(c, tt.answer)
					default:
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")
					}
				}
			}), Options{})
			address := front(t, u, Request{})
			var all sync.WaitGroup
			for range 4 { // so that idle connections are taken at once
				all.Go(func() {
					for range 25 {
						ask(t, address, tt.method+" /first HTTP/1.1\r\nHost: a.example\r\n\r\n")
						if answer, body, err := ask(t, address, get); answer.StatusCode != 200 || body != "own" || err != nil {
							t.Errorf("GET: answer %d %q, %v", answer.StatusCode, body, err)
						}
					}
				})
			}
			all.Wait()
			if n := again.Load(); n > 0 {
				t.Errorf("a connection was used again %d times", n)
			}
		})
	}
}
