package server

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// A lockedBuffer is what was logged so far.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// outcome writes a text while it reads all that comes until the connection ends.
func outcome(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(await.Patience)); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	writing.Go(func() { _, _ = io.WriteString(c, text) }) // the server may end it before its end
	answer, err := io.ReadAll(c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("the connection stays open")
	}
	c.Close()
	writing.Wait()
	return string(answer)
}

// dribble writes the last line of a text byte by byte, for as long as nothing comes back, and
// gives what then comes until the connection ends.
func dribble(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	defer c.Close()
	begin := strings.LastIndexByte(text, '\n') + 1
	if _, err := io.WriteString(c, text[:begin]); err != nil {
		t.Fatal(err)
	}
	text = text[begin:]
	var all bytes.Buffer
	piece := make([]byte, 4<<10)
	for end := time.Now().Add(await.Patience); time.Now().Before(end); {
		if len(text) > 0 {
			if _, err := io.WriteString(c, text[:1]); err != nil {
				return all.String()
			}
			text = text[1:]
		}
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(piece)
		all.Write(piece[:n])
		if err != nil && !isTimeout(err) {
			return all.String()
		}
	}
	t.Error("the connection stays open")
	return ""
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// frame is one of HTTP/2.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))[1:]
	return string(binary.BigEndian.AppendUint32(append(head, kind, flags), stream)) + payload
}

// lengthy is a text of HPACK, as it stands.
func lengthy(text string) string {
	n := len(text)
	if n < 127 {
		return string([]byte{byte(n)}) + text
	}
	return string(binary.AppendUvarint([]byte{127}, uint64(n-127))) + text
}

// h2request is a connection with one request of this path and n headers.
func h2request(path string, n int) string {
	block := "\x82\x87\x04" + lengthy(path) + "\x01" + lengthy("a.example")
	for i := range n {
		block += "\x00" + lengthy(fmt.Sprintf("x%d", i)) + lengthy("1")
	}
	var out strings.Builder
	out.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""))
	kind, flags := byte(1), byte(1) // HEADERS, END_STREAM
	for {
		piece := block[:min(len(block), maxFrame)]
		block = block[len(piece):]
		if block == "" {
			flags |= 4 // END_HEADERS
		}
		out.WriteString(frame(kind, flags, 1, piece))
		if block == "" {
			return out.String() + frame(7, 0, 0, strings.Repeat("\x00", 8)) // GOAWAY: no more will come
		}
		kind, flags = 9, 0 // CONTINUATION
	}
}

// Requests that no rule allows get a status, or the end, and nobody else notices.
func TestHostileHeads(t *testing.T) {
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", slowManifest)
	var logged lockedBuffer
	s := start(t, f.dir, false, impatient, func(s *Server) { s.deps.Log = slog.New(slog.NewTextHandler(&logged, nil)) })
	_, plain, _ := strings.Cut(s.URLs()[1], "://")
	over := map[string]func() (net.Conn, error){
		"": func() (net.Conn, error) { return net.Dial("tcp", plain) },
		"h2": func() (net.Conn, error) {
			return tls.Dial("tcp", s.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		},
	}
	others := map[string]*http.Client{"http://" + plain: {Timeout: await.Patience}, "https://" + s.Addr().String(): secureClient(t, "")}
	headers := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "x%d: 1\r\n", i)
		}
		return b.String()
	}
	const get, h2begin = "GET / HTTP/1.1\r\nHost: a\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	slowly := strings.Repeat(frame(9, 0, 1, "\x00"), 1000)
	tests := []struct {
		name, over, text string
		send             func(*testing.T, net.Conn, string) string
		want             string // in the answer; "": the end is enough
		reason           string // in the log; "": no line
	}{
		{"200 headers", "", get + headers(200) + "\r\n", outcome, "HTTP/1.1 431 ", "too many headers"},
		{"10,000 headers", "", get + headers(10_000) + "\r\n", outcome, "HTTP/1.1 431 ", "header too large"},
		{"a URL of 10 KB", "", "GET /" + strings.Repeat("a", 10<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", outcome, "HTTP/1.1 414 ", "URL too long"},
		{"a URL of 1 MB", "", "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: a\r\n\r\n", outcome, "HTTP/1.1 431 ", "header too large"},
		{"headers byte by byte", "", get + "x: " + strings.Repeat("1", 1000), dribble, "", ""},
		{"two lengths", "", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", outcome, "HTTP/1.1 400 ", "two lengths of a body"},
		{"an unknown coding", "", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", outcome, "HTTP/1.1 501 ", "unknown transfer coding"},
		{"no host", "", "GET / HTTP/1.1\r\n\r\n", outcome, "HTTP/1.1 400 ", "missing required Host header"},
		{"a host that is a path", "", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", outcome, "HTTP/1.1 400 ", "malformed Host header"},
		{"a user in the URL", "", "GET http://evil:evil@a/ HTTP/1.1\r\nHost: a\r\n\r\n", outcome, "HTTP/1.1 400 ", "user in the URL"},
		{"HTTP/3.0", "", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", outcome, "HTTP/1.1 505 ", "unsupported protocol version"},
		{"noise", "", "evil \r\n\r\n", outcome, "HTTP/1.1 400 ", "no whole head of HTTP"},
		{"200 headers", "h2", h2request("/", 200), outcome, "Request Header Fields Too Large", "too many headers"},
		{"a URL of 10 KB", "h2", h2request("/"+strings.Repeat("a", 10<<10), 0), outcome, "Request URI Too Long", "URL too long"},
		{"10,000 headers", "h2", h2request("/", 10_000), outcome, "", ""},
		{"a URL of 1 MB", "h2", h2request("/"+strings.Repeat("a", 1<<20), 0), outcome, "", ""},
		{"headers byte by byte", "h2", h2begin + frame(1, 1, 1, "\x82\x87\x84") + slowly, dribble, "", ""},
	}
	unaffected := func(t *testing.T) {
		t.Helper()
		for url, client := range others {
			r, err := client.Get(url)
			if got := textOf(t, r, err); got != "v" {
				t.Errorf("somebody else gets %q", got)
			}
		}
	}
	for _, tt := range tests {
		t.Run(strings.TrimSpace(tt.name+" "+tt.over), func(t *testing.T) {
			unaffected(t)
			c, err := over[tt.over]()
			if err != nil {
				t.Fatal(err)
			}
			before := logged.String()
			answer := tt.send(t, c, tt.text)
			if !strings.Contains(answer, tt.want) {
				t.Errorf("%.200q, want %q", answer, tt.want)
			}
			line := strings.TrimPrefix(logged.String(), before)
			if tt.reason == "" && strings.Contains(line, "refused") || !strings.Contains(line, tt.reason) {
				t.Errorf("logged %q, want %q", line, tt.reason)
			}
			if strings.Contains(line, "evil") {
				t.Errorf("what the stranger sent is logged: %q", line)
			}
			unaffected(t)
		})
	}
	counted := string(s.operations.process.Metrics(nil))
	for _, want := range []string{`method="GET",route="(refused)",status="414"} 2`, `method="GET",route="(refused)",status="431"} 2`, `method="other",route="(refused)",status="431"} 2`, `method="other",route="(refused)",status="505"} 1`} {
		if !strings.Contains(counted, "gateway_http_requests_total{"+want) {
			t.Errorf("not counted: %s", want)
		}
	}
}
