package channels

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/compress"
	"github.com/openmanifest/gateway/pkg/value"
)

func compressing(rules *testRules) *testRules {
	rules.settings.Compress = true
	return rules
}

// dialDeflating connects with a client that deflates what it sends.
func (s *server) dialDeflating() *client {
	s.t.Helper()
	dialer := websocket.Dialer{EnableCompression: true}
	ws, answer, err := dialer.Dial(s.url(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := answer.Header.Get("Sec-Websocket-Extensions"); !strings.HasPrefix(got, deflateName) {
		s.t.Fatalf("agreed on %q", got)
	}
	s.t.Cleanup(func() { ws.Close() })
	return &client{s.t, ws}
}

func TestOffersOfCompression(t *testing.T) {
	const agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	on, off := serve(t, compressing(anyOrigin(room()))), serve(t, anyOrigin(room()))
	tests := []struct{ offer, want string }{
		{"", ""},
		{"permessage-deflate", agreed},
		{"permessage-deflate; client_max_window_bits", agreed}, // browsers
		{"permessage-deflate;client_max_window_bits=10 ; server_no_context_takeover", agreed},
		{`permessage-deflate; client_max_window_bits="15"`, agreed},
		{"permessage-deflate; server_no_context_takeover; client_no_context_takeover", agreed},
		{"permessage-deflate; server_max_window_bits=15", agreed},
		{"permessage-deflate; server_max_window_bits=10", ""}, // our window is the whole one
		{"permessage-deflate; server_max_window_bits", ""},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", agreed},
		{"permessage-deflate; client_max_window_bits=16", ""}, {"permessage-deflate; client_max_window_bits=7", ""},
		{"permessage-deflate; client_max_window_bits=", ""}, {"permessage-deflate; client_max_window_bits=08", ""},
		{"permessage-deflate; server_no_context_takeover=1", ""},
		{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""},
		{"permessage-deflate; made_up", ""}, {"permessage-deflate;", agreed}, {"permessage-deflate; ; client_max_window_bits", ""},
		{"x-webkit-deflate-frame", ""}, {"x-webkit-deflate-frame, permessage-deflate", agreed}, {"permessage-deflatee", ""},
	}
	for _, tt := range tests {
		for s, want := range map[*server]string{on: tt.want, off: ""} {
			status, _, header := roundTrip(t, s, "GET", "/socket/websocket?vsn=2.0.0", map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions": tt.offer,
			})
			if got := header.Get("Sec-Websocket-Extensions"); status != http.StatusSwitchingProtocols || got != want {
				t.Errorf("offer %q: %d and %q, want 101 and %q", tt.offer, status, got, want)
			}
		}
	}
}

// rawFrame reads one frame of the server.
func (c *client) rawFrame() (first byte, content []byte) {
	c.t.Helper()
	c.NetConn().SetReadDeadline(time.Now().Add(await.Patience))
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(c.NetConn(), b); err != nil {
			c.t.Fatal(err)
		}
		return b
	}
	head := read(2)
	size := int(head[1])
	if size == 126 {
		size = int(binary.BigEndian.Uint16(read(2)))
	}
	return head[0], read(size)
}

func inflated(t *testing.T, content []byte) string {
	t.Helper()
	out, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(content), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff"))))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// Long messages are deflated, for those who agreed; each stands for itself, and all who get
// one get the same bytes.
func TestDeflatedFrames(t *testing.T) {
	s := serve(t, compressing(anyOrigin(room())))
	a, b, plain := s.dialDeflating().join("room:a"), s.dialDeflating().join("room:a"), s.dial().join("room:a")
	long := `{"body":"` + strings.Repeat("hello, world ", 30) + `"}`
	for round := range 2 {
		must(s.hub.Broadcast("room:a", "e", value.JSON([]byte(long))))
		first, content := a.rawFrame()
		if got := inflated(t, content); first != 0xC1 || got != `[null,null,"room:a","e",`+long+`]` || len(content) > len(long)/3 {
			t.Errorf("round %d: frame %x of %d bytes: %.80s", round, first, len(content), got)
		}
		if other, same := b.rawFrame(); other != first || !bytes.Equal(same, content) {
			t.Errorf("round %d: the other got other bytes", round)
		}
		plain.expect(`[null,null,"room:a","e",` + long + `]`)
	}
	data := bytes.Repeat([]byte{1, 2, 3}, 100)
	must(s.hub.Broadcast("room:a", "e", value.Payload{Bytes: data, Binary: true}))
	if first, content := a.rawFrame(); first != 0xC2 || !strings.HasSuffix(inflated(t, content), string(data)) {
		t.Errorf("bytes: frame %x", first)
	}
	must(s.hub.Broadcast("room:a", "short", value.Payload{}))
	if first, content := a.rawFrame(); first != 0x81 || string(content) != `[null,null,"room:a","short",{}]` {
		t.Errorf("a short message: frame %x %s", first, content)
	}
	noise := value.Payload{Bytes: []byte(testNoise(300)), Binary: true}
	must(s.hub.Broadcast("room:a", "noise", noise))
	if first, _ := a.rawFrame(); first != 0x82 {
		t.Errorf("what does not shrink: frame %x", first)
	}
}

// testNoise gives bytes that do not shrink.
func testNoise(n int) string {
	b, x := make([]byte, n), uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return string(b)
}

// A conversation deflated both ways, fragments and pings between.
func TestDeflatedSession(t *testing.T) {
	c := serve(t, compressing(anyOrigin(room()))).dialDeflating().join("room:a")
	for _, payload := range []string{`{"x":1.0}`, `"` + strings.Repeat("x", 100_000) + `"`, `"` + strings.Repeat("é", 500) + `"`} {
		c.play(`> ["1","2","room:a","echo",`+payload+`]`, `< ["1","2","room:a","phx_reply",{"status":"ok","response":`+payload+`}]`)
	}
	text, err := compress.AppendDeflated(nil, []byte(`["1","3","room:a","echo",7]`))
	must(err)
	sent := append(masked(0x41, text[:3]), masked(0x89, []byte("p"))...)
	sent = append(sent, masked(0x00, text[3:5])...)
	sent = append(sent, masked(0x80, text[5:])...)
	if _, err := c.NetConn().Write(sent); err != nil {
		t.Fatal(err)
	}
	c.expect(`["1","3","room:a","phx_reply",{"status":"ok","response":7}]`)
}

func TestCloseCodesOfDeflatedFrames(t *testing.T) {
	rules := compressing(anyOrigin(room()))
	rules.settings.MaxFrame = 2000
	s := serve(t, rules)
	deflate := func(text string) []byte {
		b, err := compress.AppendDeflated(nil, []byte(text))
		must(err)
		return b
	}
	tests := []struct {
		name string
		sent []byte
		want int
	}{
		{"bytes that do not inflate", masked(0xC1, []byte{0xFF, 0xFF, 0xFF, 0xFF}), 1007},
		{"a stream that is cut", masked(0xC1, deflate(`[null,"1","phoenix","heartbeat",{}]`)[:9]), 1007},
		{"invalid UTF-8 within", masked(0xC1, deflate("[null,\"\xff\",\"phoenix\",\"heartbeat\",{}]")), 1007},
		{"no message within", masked(0xC1, deflate(`{`)), 1011},
		{"nothing within", masked(0xC1, deflate(``)), 1011},
		{"over the limit once inflated", masked(0xC1, deflate(`"`+strings.Repeat("x", 2000)+`"`)), 1009},
		{"over the limit as it comes", masked(0xC2, deflate(testNoise(2500))), 1009},
		{"plain over the limit", masked(0x81, []byte(`"`+strings.Repeat("x", 2000)+`"`)), 1009},
		{"a deflated ping", masked(0xC9, nil), 1002},
		{"the bit on a later fragment", append(masked(0x41, []byte("x")), masked(0xC0, []byte("y"))...), 1002},
		{"the second reserved bit", masked(0xE1, nil), 1002},
	}
	other := s.dialDeflating()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dialDeflating()
			defer c.Close()
			if _, err := c.NetConn().Write(tt.sent); err != nil {
				t.Fatal(err)
			}
			if got := c.closed(); got != tt.want {
				t.Errorf("closed with %d, want %d", got, tt.want)
			}
			heartbeat(other)
		})
	}
}

// Little that blows up to much is stopped at the limit of a message, and takes no more
// memory than that.
func TestBombs(t *testing.T) {
	const limit, size = 64_000, 60 << 20
	rules := compressing(anyOrigin(room()))
	rules.settings.MaxFrame = limit
	s := serve(t, rules)
	c := s.dialDeflating()
	bomb := new(bytes.Buffer)
	w, err := flate.NewWriter(bomb, flate.BestCompression)
	must(err)
	for range size >> 20 {
		_, err = w.Write(make([]byte, 1<<20))
		must(err)
	}
	must(w.Flush())
	sent := masked(0xC1, bomb.Bytes()[:bomb.Len()-4])
	if bomb.Len() > limit {
		t.Fatalf("the bomb has %d bytes", bomb.Len())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := c.NetConn().Write(sent); err != nil {
		t.Fatal(err)
	}
	if code := c.closed(); code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %d, want 1009", code)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 {
		t.Errorf("%d bytes were allocated for a message of %d that may have %d", took, size, limit)
	}
}

// The npm package ws, which deflates by default and checks what it gets.
func TestCompressionWithWS(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("this test runs a JavaScript client and needs node (20 or later) and npm in PATH: %v", err)
	}
	install(t, filepath.Join("testdata", "client"))
	s := serve(t, compressing(anyOrigin(room())))
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, node, "run.cjs", s.url())
	run.Dir = filepath.Join("testdata", "deflate")
	out, err := run.CombinedOutput()
	if err != nil || strings.Count("\n"+string(out), "\nok ") != 4 {
		t.Fatalf("node run.cjs: %v\n%s", err, out)
	}
}

func BenchmarkDeflate(b *testing.B) {
	payload := value.JSON([]byte(`[` + strings.Repeat(`{"user_id":7,"body":"hello, world","timestamp":"2026-11-24T06:00:00Z"},`, 13) + `1]`))
	b.ReportAllocs()
	for b.Loop() {
		if f := (formV2 | deflating).broadcast(nil, "room:a", "new_msg", payload); f[0] != 0xC1 {
			b.Fatalf("frame %x", f[0])
		}
	}
}
