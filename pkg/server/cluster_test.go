package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/internal/gatewaytest"
	"github.com/openmanifest/gateway/pkg/bus/bustest"
	"github.com/openmanifest/gateway/pkg/presence"
)

const clusterManifest = `version: 1
name: chat
endpoint: {listen: '127.0.0.1:0', drain: 10s, log: {level: warn}, secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}
pubsub: {url: %s}
scopes:
  - routes:
      - post: /rooms/:room
        do:
          - broadcast: {topic: "room:${params.room}", event: announced, payload: {text: "${params.text}"}}
          - send_resp: 204
      - post: /rooms/:room/or
        do:
          - broadcast: {topic: "room:${params.room}", event: announced, payload: {text: "${params.text}"}}
            else: {text: "caught ${failure.reason}", status: 200}
          - send_resp: 204
      - {delete: /users/:user, do: [{disconnect: "user:${params.user}"}, {send_resp: 204}]}
      - {get: /rooms/:room, json: {count: "${presence_count('room:' + params.room)}"}}
sockets:
  - path: /socket
    connect: [{assign: {user: "${params.user}"}}]
    id: "user:${user}"
    longpoll: {window: 10s}
    channels:
      - topic: room:{room}
        join: []
        after_join: [{track: {key: "${user}", meta: {on: true}}}]
        handle_in:
          say: [{broadcast: {}}, {reply: {}}]
          ping: [{reply: {}}]
`

// Two gateways over one NATS server, as processes.
type pair struct {
	*testing.T
	nats *bustest.Server
	a, b *gatewaytest.Process
}

func startPair(t *testing.T, binary string) *pair {
	t.Helper()
	p := &pair{T: t, nats: bustest.NewServer(t)}
	f := folder{t, t.TempDir()}
	f.write("app.yaml", fmt.Sprintf(clusterManifest, p.nats.URL()))
	serve := func() *gatewaytest.Process {
		cmd := exec.Command(binary, "serve", "app.yaml", "--dev", "--watch=false") // Start ends it
		cmd.Dir = f.dir
		return gatewaytest.Start(t, cmd)
	}
	p.a, p.b = serve(), serve()
	return p
}

// A member is a client of a room.
type member struct {
	*testing.T
	ws *websocket.Conn
}

// clusterPatience bounds the wait for a frame. A killed node is noticed within 30 s, by a clock
// that is not held up.
const clusterPatience = time.Minute

// enter joins room:1 as a user, and waits until it is present.
func (p *pair) enter(at *gatewaytest.Process, user string) *member {
	p.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws://127.0.0.1:"+at.Port+"/socket/websocket?vsn=2.0.0&user="+user, nil)
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { ws.Close() })
	m := &member{p.T, ws}
	m.say(`["1","1","room:1","phx_join",{}]`)
	m.until(`["1","1","room:1","phx_reply",{"status":"ok"`)
	m.until(`"presence_state"`, `"`+user+`"`)
	return m
}

func (m *member) say(text string) {
	m.Helper()
	if err := m.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		m.Fatal(err)
	}
}

// until reads until a frame holds all of the texts, and gives those before it too.
func (m *member) until(texts ...string) (frames []string) {
	m.Helper()
	if err := m.ws.SetReadDeadline(time.Now().Add(clusterPatience)); err != nil {
		m.Fatal(err)
	}
	for {
		_, frame, err := m.ws.ReadMessage()
		if err != nil {
			m.Fatalf("waiting for %q: %v; before it came %q", texts, err, frames)
		}
		frames = append(frames, string(frame))
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(string(frame), text) }) {
			return frames
		}
	}
}

// sees waits until the member was told that a user came: one who leaves in the same window was
// never there.
func (m *member) sees(user string) {
	m.Helper()
	m.until(`"presence_diff",{"joins":{`, `"`+user+`":{"metas"`)
}

// nothing tells that until now no frame came that holds the text.
func (m *member) nothing(text string) {
	m.Helper()
	m.say(`["1","nothing","room:1","ping",{}]`)
	if got := m.until(`"nothing"`); slices.ContainsFunc(got, func(frame string) bool { return strings.Contains(frame, text) }) {
		m.Errorf("came %q", got)
	}
}

// ended reads to the end of the connection, and tells what it was.
func (m *member) ended() (err error) {
	m.ws.SetReadDeadline(time.Now().Add(clusterPatience))
	for err == nil {
		_, _, err = m.ws.ReadMessage()
	}
	return err
}

// do sends a request and gives the status and the body.
func (p *pair) do(at *gatewaytest.Process, method, target, body string) (int, string) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.Context(), method, "http://127.0.0.1:"+at.Port+target, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	kind := "application/json"
	if strings.HasPrefix(body, "[") {
		kind = "application/x-ndjson"
	}
	r.Header.Set("Content-Type", kind)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		p.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		p.Fatal(err)
	}
	return w.StatusCode, string(text)
}

// await asks until a condition holds.
func (p *pair) await(what string, holds func() bool) {
	p.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(clusterPatience); !holds(); <-tick.C {
		if time.Now().After(end) {
			p.Fatalf("%s: not after %s", what, clusterPatience)
		}
	}
}

// counted tells that both nodes see so many in room:1.
func (p *pair) counted(n int, at ...*gatewaytest.Process) func() bool {
	return func() bool {
		return !slices.ContainsFunc(at, func(one *gatewaytest.Process) bool {
			_, body := p.do(one, "GET", "/rooms/1", "")
			return body != fmt.Sprintf(`{"count":%d}`, n)
		})
	}
}

func TestTwoProcesses(t *testing.T) {
	binary := gatewaytest.Build(t)
	for name, test := range map[string]func(p *pair){
		"what crosses": whatCrosses, "long poll": pollsCross, "killed": killed, "stopped": stopped, "outage": outage,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(startPair(t, binary))
		})
	}
}

func whatCrosses(p *pair) {
	ann, bob := p.enter(p.a, "ann"), p.enter(p.b, "bob")
	ann.sees("bob")
	p.await("both are counted on both", p.counted(2, p.a, p.b))
	ann.say(`["1","2","room:1","say",{"n": 1.0}]`)
	bob.until(`[null,null,"room:1","say",{"n": 1.0}]`)
	bob.say(`["1","2","room:1","say",[1]]`)
	ann.until(`[null,null,"room:1","say",[1]]`)
	if status, body := p.do(p.b, "POST", "/rooms/1", `{"text":"hi"}`); status != 204 {
		p.Errorf("a broadcast of a route is answered with %d %s", status, body)
	}
	for _, m := range []*member{ann, bob} {
		m.until(`[null,null,"room:1","announced",{"text":"hi"}]`)
	}
	if status, body := p.do(p.a, "DELETE", "/users/bob", ""); status != 204 {
		p.Errorf("disconnect is answered with %d %s", status, body)
	}
	if err := bob.ended(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		p.Errorf("bob's connection ended with %v", err)
	}
	ann.until(`"presence_diff",{"joins":{},"leaves":{"bob":`)
}

// poll is the answer to a poll.
type polled struct {
	Status   int
	Token    string
	Messages []string
}

// Polls and posts of one session alternate between the nodes.
func pollsCross(p *pair) {
	var got polled
	turn := 0
	next := func() *gatewaytest.Process { turn++; return []*gatewaytest.Process{p.a, p.b}[turn%2] }
	token := ""
	poll := func() {
		p.Helper()
		_, body := p.do(next(), "GET", "/socket/longpoll?vsn=2.0.0&user=ann&token="+token, "")
		if got = (polled{}); json.Unmarshal([]byte(body), &got) != nil {
			p.Fatalf("a poll is answered with %s", body)
		}
	}
	post := func(text string) {
		p.Helper()
		if _, body := p.do(next(), "POST", "/socket/longpoll?vsn=2.0.0&token="+token, text); body != `{"status":200}` {
			p.Fatalf("a post is answered with %s", body)
		}
	}
	poll()
	if token = got.Token; got.Status != 410 || token == "" {
		p.Fatalf("the first poll: %+v", got)
	}
	waiting := ""
	until := func(text string) {
		p.Helper()
		for end := time.Now().Add(clusterPatience); !strings.Contains(waiting, text); {
			poll()
			if waiting += strings.Join(got.Messages, "\n"); got.Status != 200 && got.Status != 204 || time.Now().After(end) {
				p.Fatalf("%+v, so far %s, waiting for %s", got, waiting, text)
			}
		}
		waiting = ""
	}
	post(`["1","1","room:1","phx_join",{}]`)
	until("presence_state")
	bob := p.enter(p.b, "bob")
	for i := range 20 {
		post(fmt.Sprintf(`["1","%d","room:1","say",%d]`, i, i))
		bob.until(fmt.Sprintf(`"say",%d]`, i))
		until(fmt.Sprintf(`"%d","room:1","phx_reply"`, i))
		bob.say(fmt.Sprintf(`["1","2","room:1","say","from bob %d"]`, i))
		until(fmt.Sprintf(`from bob %d`, i))
	}
	large := strings.Repeat(`\"`, 400_000) // more than one message between nodes, as it stands in an answer
	post(`["1","1","room:1","say","` + large + `"]`)
	until(`"` + large)
}

func killed(p *pair) {
	ann, other := p.enter(p.a, "ann"), p.enter(p.a, "other")
	p.enter(p.b, "bob")
	p.enter(p.b, "bea")
	p.await("four are counted on both", p.counted(4, p.a, p.b))
	if err := p.b.Kill(); err != nil {
		p.Error(err)
	}
	p.await("those of the killed node leave", p.counted(2, p.a))
	left := strings.Join(ann.until(`"presence_diff",{"joins":{},"leaves":{`, `"bob"`, `"bea"`), "\n")
	if strings.Contains(left, `"leaves":{"ann"`) || strings.Contains(left, `"leaves":{"other"`) {
		p.Errorf("others left too: %s", left)
	}
	other.say(`["1","2","room:1","say","still here"]`)
	ann.until(`still here`)
	ann.nothing(`"leaves":{"`)
}

// A node that is stopped says so: its presences leave at once, though the other one would
// wait for a dead one.
func stopped(p *pair) {
	ann := p.enter(p.a, "ann")
	bob := p.enter(p.b, "bob")
	ann.sees("bob")
	p.await("both are counted on both", p.counted(2, p.a, p.b))
	closed := make(chan error, 1)
	go func() { closed <- bob.ended() }()
	if err := p.b.Stop(); err != nil {
		p.Error(err)
	}
	if err := await.From(p, "the end of bob's connection", closed); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
		p.Errorf("bob's connection ended with %v", err)
	}
	began := time.Now()
	ann.until(`"presence_diff",{"joins":{},"leaves":{"bob":`)
	if took := time.Since(began); took > presence.DefaultLease-5*time.Second {
		p.Errorf("bob left %s after the end of his node", took)
	}
	if got := p.b.Log(); strings.Contains(got, "level=ERROR") || strings.Contains(got, `"level":"ERROR"`) {
		p.Errorf("it ended with errors:\n%s", got)
	}
}

func outage(p *pair) {
	ann, too, bob := p.enter(p.a, "ann"), p.enter(p.a, "too"), p.enter(p.b, "bob")
	p.await("three are counted on both", p.counted(3, p.a, p.b))
	bob.nothing("unavailable")
	p.nats.Stop()
	p.await("a route fails", func() bool {
		status, body := p.do(p.a, "POST", "/rooms/1", `{"text":"lost"}`)
		return status == 503 && strings.Contains(body, `"unavailable"`)
	})
	too.until(`"lost"`)
	if status, body := p.do(p.a, "POST", "/rooms/1/or", `{"text":"lost"}`); status != 200 || body != "caught unavailable" {
		p.Errorf("else: %d %s", status, body)
	}
	ann.say(`["1","7","room:1","say","lost, too"]`)
	ann.until(`["1","7","room:1","phx_reply",{"status":"error","response":{"reason":"unavailable"}}]`)
	too.until(`lost, too`)
	ann.nothing("phx_error") // the member stays
	late := p.enter(p.b, "late")
	late.say(`["1","2","room:1","say","among ourselves"]`)
	bob.until(`among ourselves`)

	p.nats.Start()
	p.await("four are counted on both", p.counted(4, p.a, p.b))
	p.await("a route crosses again", func() bool {
		status, _ := p.do(p.a, "POST", "/rooms/1", `{"text":"back"}`)
		return status == 204
	})
	for _, m := range []*member{bob, late} {
		came := strings.Join(m.until(`"back"`), "\n")
		if strings.Contains(came, `lost`) || strings.Contains(came, `"leaves":{"`) {
			p.Errorf("after the outage came %s", came)
		}
	}
}
