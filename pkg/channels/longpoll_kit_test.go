package channels

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
)

// polling lets rules take polls. Their tokens show what they name.
func polling(rules *testRules, window time.Duration) *testRules {
	rules.settings.Longpoll = &Longpoll{
		Window: window,
		Sign:   func(session string) (string, error) { return "signed." + session, nil },
		Verify: func(token string) (string, bool) { return strings.CutPrefix(token, "signed.") },
	}
	return rules
}

// quiet is a server without a network, for clocks that are not real. It is drained when the
// test is over.
func quiet(t *testing.T, rules *testRules) *server {
	t.Helper()
	s := &server{t: t, hub: newHub(t)}
	s.hub.Apply(map[string]Rules{"/socket": rules})
	return s
}

func (s *server) drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), await.Patience)
	defer cancel()
	if err := s.hub.Drain(ctx); err != nil {
		s.t.Error(err)
	}
}

// An answer is what a client of long polling reads.
type answer struct {
	code     int
	header   http.Header
	body     string
	Status   int
	Token    string
	Messages []string
}

// ask sends a request to /socket/longpoll with this in its query, headers as "Name: value",
// and a body that the content type "lines" makes ndjson.
func (s *server) ask(ctx context.Context, method, query, body string, headers ...string) answer {
	s.t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, "/socket/longpoll?vsn=2.0.0&"+query, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Result().Body)
	a := answer{code: w.Code, header: w.Result().Header, body: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a); err != nil {
			s.t.Errorf("%s %s answered %q: %v", method, query, text, err)
		}
	}
	return a
}

const asLines = "Content-Type: application/x-ndjson"

// A poller is a client of one session.
type poller struct {
	s     *server
	token string
}

// open begins a session.
func (s *server) open(query string) *poller {
	s.t.Helper()
	a := s.ask(s.t.Context(), "GET", query, "")
	if a.Status != pollGone || a.Token == "" || len(a.Messages) > 0 {
		s.t.Fatalf("a first poll answered %s", a.body)
	}
	return &poller{s, a.Token}
}

func (p *poller) poll() answer { return p.pollWith(p.s.t.Context()) }

func (p *poller) pollWith(ctx context.Context) answer {
	p.s.t.Helper()
	return p.s.ask(ctx, "GET", "token="+p.token, "")
}

// post sends messages as the client does, and gives the status.
func (p *poller) post(lines ...string) int {
	p.s.t.Helper()
	return p.s.ask(p.s.t.Context(), "POST", "token="+p.token, strings.Join(lines, "\n"), asLines).Status
}

// play posts lines that begin with "> ", and polls until those with "< " have come, in order.
func (p *poller) play(lines ...string) *poller {
	p.s.t.Helper()
	var waiting []string
	for _, line := range lines {
		text, isPost := strings.CutPrefix(line, "> ")
		if isPost {
			if status := p.post(text); status != pollMessages {
				p.s.t.Fatalf("a post of %s answered %d", text, status)
			}
			continue
		}
		for len(waiting) == 0 {
			a := p.poll()
			if a.Status != pollMessages {
				p.s.t.Fatalf("a poll answered %s, want %s", a.body, line)
			}
			waiting = a.Messages
		}
		if want := strings.TrimPrefix(line, "< "); waiting[0] != want {
			p.s.t.Fatalf("received\n got %s\nwant %s", waiting[0], want)
		}
		waiting = slices.Delete(waiting, 0, 1)
	}
	if len(waiting) > 0 {
		p.s.t.Fatalf("received more: %q", waiting)
	}
	return p
}

func (p *poller) join(topic string) *poller {
	p.s.t.Helper()
	return p.play(`> ["1","1","`+topic+`","phx_join",{}]`, `< ["1","1","`+topic+`","phx_reply",{"status":"ok","response":{}}]`)
}
