package server

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

const strangeManifest = `version: 1
endpoint: {listen: '127.0.0.1:0', secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
sockets:
  - path: /socket
    connect: []
    max_channels: 10
    websocket: {max_frame: 64KB, compress: true}
    longpoll: {window: 100ms}
    channels:
      - topic: room:*
        history: {size: 5, ttl: 1s}
        join: []
        after_join: [{track: {key: somebody, meta: {status: online}}}]
        handle_in:
          echo: [{reply: "${payload}"}]
          read: [{reply: {x: "${payload.a.b + 1}"}}]
          valid: [{validate: {fields: {body: {type: string, required: true}}}}, {broadcast: {event: new_msg, payload: {body: "${payload.body}"}}}]
          status: [{update_presence: {key: somebody, meta: {status: busy}}}]
          _: [{broadcast: {event: "${event}", payload: "${payload}"}}]
        handle_out:
          new_msg: [{require: payload.body != 'x'}, push]
        leave: [{broadcast: {event: left, payload: {}}}]
`

// What the first byte of an input says.
const (
	strangeKind    = 3 // of these bits: 0: raw bytes, 1: frames, 2: posts of lines, 3: posts
	strangeV1      = 1 << 2
	strangeDeflate = 1 << 3
	strangeReset   = 1 << 4
)

// FuzzFrames sends what nobody should to a server that runs. Somebody else is answered after
// each, nothing is logged as an error, and nothing of it is left.
func FuzzFrames(f *testing.F) {
	join, echo := `["1","1","room:good","phx_join",{}]`, `["1","2","room:good","echo",{"x":1}]`
	for _, seed := range [][]byte{
		strangeFrames(1, 0x81, join, 0x81, echo, 0x81, `["1","3","room:good","phx_close",{}]`, 0x81, `["1","4","room:good","phx_reply",{"status":"ok"}]`),
		strangeFrames(1, 0x81, join, 0x82, "\x00\x01\x01\x09\x0415room:goodnews\x01\x02", 0x01, `["1","3",`, 0x80, `"room:good","valid",{"body":"y"}]`),
		strangeFrames(1, 0x81, join, 0x81, join, 0x81, `["1","3","room:good","phx_leave",{}]`, 0x89, "ping", 0x88, "\x03\xe8"),
		strangeFrames(1|strangeDeflate, 0x81, join, 0xc1, deflated(echo), 0x89, "", 0xc1, deflated(echo)[:9]),
		strangeFrames(1|strangeV1, 0x81, `{"topic":"room:good","event":"phx_join","payload":{},"ref":"1"}`, 0x81, `{"topic":"room:good","event":"x","payload":1,"ref":2}`),
		strangeFrames(1|strangeReset, 0x81, join, 0x81, `["1","3","room:good","read",{"a":{"b":"c"}}]`, 0x83, "?"),
		append([]byte{0}, appendClientFrame(nil, 0x81, []byte(join))...),
		append([]byte{strangeReset}, appendClientFrame(nil, 0x81, []byte(join))[:20]...),
		[]byte("\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		[]byte("\x02" + join + "\n" + echo + "\x00" + `["1","3","room:good","status",{}]` + "\r\n\r\nAAEBCQQxNXJvb206Z29vZGVjaG8B\x00nothing"),
		[]byte("\x03" + join + "\x00" + echo + "\x00["),
		[]byte("\x07" + `{"topic":"room:good","event":"phx_join","payload":{},"ref":"1"}` + "\x00{}"),
	} {
		f.Add(seed)
	}
	b := newBystander(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 || len(input) > 64<<10 {
			return
		}
		b.come(t)
		if input[0]&strangeKind < 2 {
			b.strangeSocket(t, input[0], input[1:])
		} else {
			b.strangePosts(t, input[0], input[1:])
		}
		b.echo(t)
		b.log.tell(t)
		if b.echoes%2000 == 0 {
			b.nothingGrows(t)
		}
	})
}

// strangeFrames makes an input of frames: pairs of a first byte and a payload.
func strangeFrames(first byte, pairs ...any) []byte {
	out := []byte{first}
	for i := 0; i < len(pairs); i += 2 {
		payload := pairs[i+1].(string)
		out = append(append(out, byte(pairs[i].(int)), byte(len(payload))), payload...)
	}
	return out
}

// deflated is a message as RFC 7692, section 7.2.1, has it.
func deflated(text string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is one that there is
	io.WriteString(w, text)
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

// wireOf makes what is sent of an input: all of it, or a frame for each first byte, length and
// payload.
func wireOf(kind byte, input []byte) (out []byte) {
	if kind == 0 {
		return input
	}
	for len(input) >= 2 {
		n := min(int(input[1]), len(input)-2)
		out = appendClientFrame(out, input[0], input[2:2+n])
		input = input[2+n:]
	}
	return out
}

// A bystander is a member of room:good that does nothing wrong.
type bystander struct {
	s      *Server
	log    faults
	conn   *wireClient
	polls  *http.Client
	echoes int

	goroutines int    // with nobody else
	heap       uint64 // bytes, after the first inputs
}

// strangePatience is how long anything may take, much longer than the server waits for its
// peers.
const strangePatience = 30 * time.Second

func newBystander(f *testing.F) *bystander {
	dir := f.TempDir()
	b := &bystander{polls: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
	writeStrange(f, dir)
	b.s = serveLogged(f, dir, &b.log)
	f.Cleanup(func() {
		if b.conn != nil {
			b.nothingGrows(f)
			b.conn.Close()
		}
	})
	return b
}

// come has the bystander join, when the first stranger comes: the process that hands inputs to
// another has none, and would be away for longer than a socket is waited for.
func (b *bystander) come(tb testing.TB) {
	if b.conn != nil {
		return
	}
	conn, err := dialWire(b.s.Addr().String(), "vsn=2.0.0", "", strangePatience)
	if err != nil {
		tb.Fatal(err)
	}
	b.conn = conn
	b.ask(tb, `["1","join","room:good","phx_join",{}]`, "join")
	b.goroutines = runtime.NumGoroutine()
}

// echo has the bystander ask, and be answered.
func (b *bystander) echo(tb testing.TB) {
	b.echoes++
	payload := fmt.Sprintf(`{"n":%d}`, b.echoes)
	ref := fmt.Sprintf("e%d", b.echoes)
	response := b.ask(tb, fmt.Sprintf(`["1","%s","room:good","echo",%s]`, ref, payload), ref)
	if !strings.HasSuffix(response, `{"status":"ok","response":`+payload+`}]`) {
		tb.Fatalf("the echo was %s", response)
	}
}

// ask sends a message and gives its reply, behind whatever others have sent to the topic.
func (b *bystander) ask(tb testing.TB, message, ref string) string {
	b.conn.SetDeadline(time.Now().Add(strangePatience))
	if _, err := b.conn.Write(appendClientFrame(nil, 0x81, []byte(message))); err != nil {
		tb.Fatalf("the bystander writes: %v", err)
	}
	for {
		opcode, payload, err := b.conn.frame()
		if err != nil || opcode == opClose {
			tb.Fatalf("the bystander was cut off: %v %q", err, payload)
		}
		var parts []json.RawMessage
		switch {
		case opcode == opBinary && len(payload) > 0 && payload[0] == 2: // a broadcast
			continue
		case opcode != opText || json.Unmarshal(payload, &parts) != nil || len(parts) != 5:
			tb.Fatalf("the bystander got %d %q", opcode, payload)
		}
		switch event := string(parts[3]); {
		case event == `"phx_reply"` && string(parts[1]) == `"`+ref+`"`:
			return string(payload)
		case strings.HasPrefix(event, `"phx_`):
			tb.Fatalf("the bystander, who waits for %s, got %s", ref, payload)
		}
	}
}

// strangeSocket sends bytes over a websocket, and waits until the server has parted with it.
func (b *bystander) strangeSocket(t *testing.T, first byte, input []byte) {
	query, extra := "vsn=2.0.0", ""
	if first&strangeV1 != 0 {
		query = "vsn=1.0.0"
	}
	if first&strangeDeflate != 0 {
		extra = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	c, err := dialWire(b.s.Addr().String(), query, extra, strangePatience)
	if err != nil {
		t.Fatalf("a stranger is not let in: %v", err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(strangePatience))
	if _, err := c.Write(wireOf(first&strangeKind, input)); err != nil {
		return // closed before all was sent
	}
	if first&strangeReset != 0 {
		c.reset()
		return
	}
	if first&strangeKind == 1 { // behind whole frames it is read, unless they ended the connection
		c.Write(appendClientFrame(nil, 0x81, strangeEnd(first)))
		for ended := false; !ended; {
			opcode, payload, err := c.frame()
			if isTimeout(err) {
				t.Fatalf("a stranger's leave is not answered: %v", err)
			}
			ended = err != nil || opcode == opClose || bytes.Contains(payload, []byte(`"end"`))
		}
	}
	c.Conn.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, c); isTimeout(err) {
		t.Fatalf("the server keeps a stranger who is gone: %v", err)
	}
}

// strangeEnd is a leave, which is answered after all that was sent to the topic was handled,
// whether one is a member or not.
func strangeEnd(first byte) []byte {
	if first&strangeV1 != 0 {
		return []byte(`{"topic":"room:good","event":"phx_leave","payload":{},"ref":"end"}`)
	}
	return []byte(`[null,"end","room:good","phx_leave",{}]`)
}

// strangePosts sends bodies, which zeros part, to a session, and polls until they were handled.
func (b *bystander) strangePosts(t *testing.T, first byte, input []byte) {
	p := strangeSession{b: b, t: t, kind: "text/plain", vsn: "2.0.0"}
	if first&strangeKind == 2 {
		p.kind = "application/x-ndjson"
	}
	if first&strangeV1 != 0 {
		p.vsn = "1.0.0"
	}
	p.token = p.ask("GET", nil).Token
	for i, body := range bytes.Split(input, []byte{0}) {
		if i == 4 {
			break
		}
		if got := p.ask("POST", body); got.Status != http.StatusOK {
			return // told, and ended
		}
	}
	if first&strangeReset != 0 || p.ask("POST", strangeEnd(first)).Status != http.StatusOK {
		return
	}
	for end := time.Now().Add(strangePatience); time.Now().Before(end); {
		if got := p.ask("GET", nil); got.Status == http.StatusGone || strings.Contains(got.Text, `\"end\"`) {
			return
		}
	}
	t.Fatal("a stranger's leave is not answered by polls")
}

type strangeSession struct {
	b                *bystander
	t                *testing.T
	kind, vsn, token string
}

// ask gives an answer, which is one of the protocol whatever was asked.
func (p *strangeSession) ask(method string, body []byte) (got pollReply) {
	ctx, cancel := context.WithTimeout(context.Background(), strangePatience)
	defer cancel()
	url := fmt.Sprintf("http://%s/socket/longpoll?vsn=%s&token=%s", p.b.s.Addr(), p.vsn, p.token)
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", p.kind)
	w, err := p.b.polls.Do(r)
	if err != nil {
		p.t.Fatalf("%s %q: %v", method, body, err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil || json.Unmarshal(text, &got) != nil || w.StatusCode != http.StatusOK || got.Status < 200 || got.Status >= 500 {
		p.t.Fatalf("%s %q is answered %d %s %v", method, body, w.StatusCode, text, err)
	}
	got.Text = string(text)
	return got
}
