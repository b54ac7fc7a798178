// Package http2_test sends what no honest client of HTTP/2 does.
package http2_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/test/conformance/kit"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const manifest = `version: 1
endpoint: {listen: "127.0.0.1:0", tls: {cert: self_signed.crt, key: self_signed.key}}
scopes:
  - routes:
      - {get: /, text: v}
      - {get: /p/*rest, text: v}
      - {post: /, json: {n: "${len(params)}"}}
`

// A conn speaks HTTP/2 frame by frame.
type conn struct {
	*http2.Framer
	t      *testing.T
	stream uint32
	fields *hpack.Decoder
	status string // of the header read last
}

func dial(t *testing.T, g *kit.Gateway) *conn {
	t.Helper()
	c, err := tls.Dial("tcp", g.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	h := &conn{Framer: http2.NewFramer(c, c), t: t}
	h.fields = hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			h.status = f.Value
		}
	})
	if err := h.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request without a body, in as many frames as it takes.
func (c *conn) ask(fields [][2]string) (stream uint32, err error) {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	e.SetMaxDynamicTableSizeLimit(0)
	for _, f := range fields {
		if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
			c.t.Fatal(err)
		}
	}
	c.stream += 2
	stream = c.stream - 1
	first := true
	for first || block.Len() > 0 {
		part := bytes.Clone(block.Next(16 << 10))
		if first {
			err = c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: part, EndStream: true, EndHeaders: block.Len() == 0})
		} else {
			err = c.WriteContinuation(stream, block.Len() == 0, part)
		}
		if err != nil {
			return stream, err
		}
		first = false
	}
	return stream, nil
}

// answer is the status of a stream, or how it ended without one.
func (c *conn) answer(stream uint32) string {
	for {
		frame, err := c.ReadFrame()
		if err != nil {
			return "closed"
		}
		switch f := frame.(type) {
		case *http2.HeadersFrame:
			if _, err := c.fields.Write(f.HeaderBlockFragment()); err != nil {
				c.t.Fatal(err)
			}
			if f.StreamID == stream {
				return c.status
			}
		case *http2.RSTStreamFrame:
			if f.StreamID == stream {
				return f.ErrCode.String()
			}
		case *http2.GoAwayFrame:
			if f.ErrCode != http2.ErrCodeNo {
				return f.ErrCode.String()
			}
		}
	}
}

func request(method, path string, more ...[2]string) [][2]string {
	return append([][2]string{{":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "localhost"}}, more...)
}

func many(n int, size int) [][2]string {
	list := make([][2]string, n)
	for i := range list {
		list[i] = [2]string{fmt.Sprintf("x-%d", i), strings.Repeat("a", size)}
	}
	return list
}

func TestWhatNoHonestClientSends(t *testing.T) {
	dir := t.TempDir()
	kit.Certificate(t, dir)
	g := kit.Start(t, dir, manifest)
	good := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}, Timeout: time.Minute}
	defer good.CloseIdleConnections()
	tests := []struct {
		name   string
		fields [][2]string
		want   string
		stays  bool // other requests of the connection are answered
	}{
		{"as it should be", request("GET", "/"), "200", true},
		{"100 headers", request("GET", "/", many(100, 10)...), "200", true},
		{"101 headers", request("GET", "/", many(101, 10)...), "431", true},
		{"1,000 headers", request("GET", "/", many(1000, 10)...), "431", true},
		{"somewhat more than 64 KiB of headers", request("GET", "/", many(90, 800)...), "431", true},
		// Twice what was agreed on is not read to its end.
		{"10,000 headers", request("GET", "/", many(10_000, 10)...), "PROTOCOL_ERROR", false},
		{"a header of 100 KB", request("GET", "/", many(1, 100_000)...), "COMPRESSION_ERROR", false},
		{"a URL of 9 KB", request("GET", "/p/"+strings.Repeat("a", 9<<10)), "414", true},
		{"a user in the authority", [][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "u@localhost"}}, "PROTOCOL_ERROR", true},
		{"CONNECT", [][2]string{{":method", "CONNECT"}, {":authority", "localhost:443"}}, "405", true},
		{"TRACE", request("TRACE", "/"), "405", true},
		{"a path that leaves", request("GET", "/p/../../etc/passwd"), "400", true},
		{"OPTIONS *", request("OPTIONS", "*"), "204", true},
		{"a header of the connection", request("GET", "/", [2]string{"connection", "keep-alive"}), "400", true},
		{"a transfer coding", request("GET", "/", [2]string{"transfer-encoding", "chunked"}), "400", true},
		{"te other than trailers", request("GET", "/", [2]string{"te", "trailers, deflate"}), "400", true},
		{"no path", [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", "localhost"}}, "PROTOCOL_ERROR", true},
		{"an upper-case name", request("GET", "/", [2]string{"X-A", "b"}), "PROTOCOL_ERROR", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, g)
			stream, err := c.ask(tt.fields)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.answer(stream); got != tt.want {
				t.Errorf("the answer is %s, want %s", got, tt.want)
			}
			if tt.stays {
				next, err := c.ask(request("GET", "/"))
				if got := c.answer(next); err != nil || got != "200" {
					t.Errorf("the next request of the connection gives %s, %v", got, err)
				}
			}
			r, err := good.Get("https://" + g.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			if r.StatusCode != 200 {
				t.Errorf("somebody else gets %s", r.Status)
			}
		})
	}
}

// Requests that are taken back at once, over and over (CVE-2023-44487), keep nobody else
// from being served, while they come and after. The connection that sends them may be ended.
func TestRapidReset(t *testing.T) {
	dir := t.TempDir()
	kit.Certificate(t, dir)
	g := kit.Start(t, dir, manifest)
	good := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}, Timeout: time.Minute}
	defer good.CloseIdleConnections()
	served := func(when string) {
		t.Helper()
		r, err := good.Get("https://" + g.Addr().String())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s somebody else gets %s", when, r.Status)
		}
	}
	c := dial(t, g)
	ended := make(chan string, 1)
	go func() { // reads, so that the server can write; ends with the connection
		for how := "closed"; ; {
			frame, err := c.ReadFrame()
			if err != nil {
				ended <- how
				return
			}
			if f, ok := frame.(*http2.GoAwayFrame); ok {
				how = f.ErrCode.String()
			}
		}
	}()
	for sent := range 20_000 {
		stream, err := c.ask(request("GET", "/"))
		if err == nil {
			err = c.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			t.Logf("it is ended after %d", sent)
			break
		}
		if sent%2000 == 0 {
			served("meanwhile")
		}
	}
	served("after it")
	select {
	case how := <-ended:
		if how != http2.ErrCodeEnhanceYourCalm.String() && how != "closed" {
			t.Errorf("it is ended by %s", how)
		}
	default:
	}
}

// More requests at once than one connection may have are refused one by one.
func TestStreamsAtOnceAreBounded(t *testing.T) {
	dir := t.TempDir()
	kit.Certificate(t, dir)
	g := kit.Start(t, dir, manifest)
	c := dial(t, g)
	limit := uint32(0)
	for limit == 0 {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := frame.(*http2.SettingsFrame); ok && !f.IsAck() {
			limit, _ = f.Value(http2.SettingMaxConcurrentStreams)
		}
	}
	if limit != 128 {
		t.Errorf("%d requests at once are allowed", limit)
	}
	refused := errors.New("not refused")
	for i := range limit + 1 { // requests whose body does not end
		var block bytes.Buffer
		e := hpack.NewEncoder(&block)
		for _, f := range request("POST", "/", [2]string{"content-type", "application/json"}) {
			if err := e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	for refused != nil {
		frame, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("%v: %v", refused, err)
		}
		switch f := frame.(type) {
		case *http2.RSTStreamFrame:
			if f.ErrCode != http2.ErrCodeRefusedStream && f.ErrCode != http2.ErrCodeProtocol || f.StreamID != 2*limit+1 {
				t.Errorf("stream %d ends with %v", f.StreamID, f.ErrCode)
			}
			refused = nil
		case *http2.GoAwayFrame:
			t.Fatalf("the connection ends with %v", f.ErrCode)
		}
	}
}
