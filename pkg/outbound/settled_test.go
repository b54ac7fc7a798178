package outbound

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// leaky answers each request of a connection, HEAD with the body of a GET; what comes after
// a HEAD is counted.
func leaky(t *testing.T, answer string, again *atomic.Int32) string {
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
				for br, used := bufio.NewReader(c), false; ; {
					r, err := http.ReadRequest(br)
					switch {
					case err != nil:
						return
					case used:
						again.Add(1)
						fmt.Fprint(c, stolen)
					case r.URL.Path == "/first":
						used = true
						fmt.Fprint(c, answer)
					default:
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown")
					}
				}
			})
		}
	})
	return "http://" + l.Addr().String()
}

const stolen = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"

// What a server sends beyond its answer is never taken for the next one.
func TestLeftovers(t *testing.T) {
	tests := []struct{ name, method, answer string }{
		{"nothing on HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n"}, // it may still come
		{"a body on HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n" + stolen},
		{"more than the length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown" + stolen},
		{"a body where none can be", "GET", "HTTP/1.1 204 No Content\r\n\r\n" + stolen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var again atomic.Int32
			target := leaky(t, tt.answer, &again)
			c := New()
			defer c.Close()
			first, next := request(t, target+"/first"), request(t, target)
			first.Method = tt.method
			var all sync.WaitGroup
			for range 4 { // so that idle connections are taken at once
				all.Go(func() {
					for range 25 {
						if _, err := c.Do(t.Context(), first); err != nil {
							t.Errorf("%s: %v", tt.method, err)
						}
						if answer, err := c.Do(t.Context(), next); err != nil || string(answer.Body) != "own" {
							t.Errorf("GET: %v, %v", answer, err)
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

// A connection whose reader never waits for the server is given up.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := &watched{Conn: near}
		Settle(httptrace.GotConnInfo{Conn: c})
		if c.closed {
			t.Error("a new connection was closed")
		}
		Settle(httptrace.GotConnInfo{Conn: c, Reused: true})
		if !c.closed {
			t.Error("it was not closed")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &watched{Conn: near}
		go c.Read(make([]byte, 1)) // ends with the pipe
		Settle(httptrace.GotConnInfo{Conn: c, Reused: true})
		if c.closed {
			t.Error("a connection was closed whose reader waits")
		}
		far.Close()
	})
}
