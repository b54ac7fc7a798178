package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

const longpollManifest = `version: 1
endpoint:
  listen: ['127.0.0.1:0', {address: 'localhost:0', tls: false}]
  tls: {cert: a.crt, key: a.key}
  secret_key_base: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  drain: 20s
  plugs: PLUGS
sockets:
  - path: /socket
    connect: []
    websocket: false
    longpoll: {window: WINDOW}
    channels: [{topic: t, join: []}]
`

// A polling client speaks to one address.
type polling struct {
	t      *testing.T
	url    string
	client *http.Client
	token  string
}

type pollReply struct {
	Status   int
	Token    string
	Messages []string
	Text     string
}

func (p *polling) ask(method, body string) pollReply {
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+"/socket/longpoll?vsn=2.0.0&token="+p.token, strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return pollReply{}
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Error(err)
		return pollReply{}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	got := pollReply{Text: string(text)}
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Errorf("answered %d %s: %v", answer.StatusCode, text, err)
	}
	return got
}

// startPolling serves the manifest and opens a session over each kind of connection.
func startPolling(t *testing.T, plugs, window string) (*Server, map[string]*polling) {
	t.Helper()
	f := folder{t, t.TempDir()}
	f.pair("a", "a.example")
	f.write("app.yaml", strings.NewReplacer("PLUGS", plugs, "WINDOW", window).Replace(longpollManifest))
	s := start(t, f.dir, false, impatient)
	_, plain, _ := strings.Cut(s.URLs()[1], "://")
	insecure := &tls.Config{InsecureSkipVerify: true}
	all := map[string]*polling{
		"plain":  {t: t, url: "http://" + plain, client: &http.Client{Transport: &http.Transport{}}},
		"HTTP/2": {t: t, url: "https://" + s.Addr().(*net.TCPAddr).String(), client: &http.Client{Transport: &http.Transport{TLSClientConfig: insecure, ForceAttemptHTTP2: true}}},
	}
	for over, p := range all {
		t.Cleanup(p.client.CloseIdleConnections)
		first := p.ask("GET", "")
		if first.Status != http.StatusGone {
			t.Fatalf("a first poll over %s answered %s", over, first.Text)
		}
		p.token = first.Token
	}
	return s, all
}

// A poll waits for its window, on a server that waits for strangers no longer than a second;
// where a plug of the endpoint has less time it ends with nothing, and the session goes on.
func TestPollAmongTimeouts(t *testing.T) {
	tests := []struct{ name, plugs, window string }{
		{"longer than the server waits for strangers", "[]", "2s"},
		{"with less time for an answer", "[{timeout: 1s}]", "15s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, all := startPolling(t, tt.plugs, tt.window)
			var both sync.WaitGroup // at once: a session that nobody polls ends
			for over, p := range all {
				both.Go(func() {
					start := time.Now()
					if got := p.ask("GET", ""); got.Status != http.StatusNoContent || time.Since(start) < 900*time.Millisecond || time.Since(start) > 10*time.Second {
						t.Errorf("over %s it answered %s after %s", over, got.Text, time.Since(start))
					}
					if got := p.ask("POST", `[null,"1","phoenix","heartbeat",{}]`); got.Status != http.StatusOK {
						t.Errorf("over %s a post answered %s", over, got.Text)
					}
					if got := p.ask("GET", ""); len(got.Messages) != 1 {
						t.Errorf("over %s a poll answered %s", over, got.Text)
					}
				})
			}
			both.Wait()
		})
	}
}

// A client that sends half of a post is waited for as long as any other.
func TestPostThatBreaksOff(t *testing.T) {
	_, all := startPolling(t, "[{parsers: {idle: 150ms}}]", "15s")
	p := all["plain"]
	_, address, _ := strings.Cut(p.url, "://")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	answer := ends(t, c, "POST /socket/longpoll?vsn=2.0.0&token="+p.token+" HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[")
	if !strings.HasPrefix(answer, "HTTP/1.1 408 ") {
		t.Errorf("answered %q", answer)
	}
	if got := p.ask("POST", `[null,"1","phoenix","heartbeat",{}]`); got.Status != http.StatusOK {
		t.Errorf("a post after it answered %s", got.Text)
	}
}

// A server that stops does not wait for polls: they are answered at once.
func TestStopDuringAPoll(t *testing.T) {
	s, all := startPolling(t, "[]", "15s")
	answers := make(chan pollReply, len(all))
	for _, p := range all {
		go func() { answers <- p.ask("GET", "") }()
	}
	await.Until(t, "the polls wait", func() bool { return s.hub.Stats().PollsWaiting == len(all) })
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), await.Patience)
	defer cancel()
	if err := s.hub.Drain(ctx); err != nil {
		t.Error(err)
	}
	for range all {
		if got := await.From(t, "the answer to a poll", answers); got.Status != http.StatusInternalServerError {
			t.Errorf("answered %s", got.Text)
		}
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}
