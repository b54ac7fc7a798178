package channels

import (
	"errors"
	"fmt"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
)

// What connect gets to know of a client that polls.
func TestLongpollHandshake(t *testing.T) {
	var seen *Handshake
	rules := polling(anyOrigin(room()), await.Patience)
	rules.settings.AuthToken = true
	rules.connect = func(h *Handshake) (*Identity, error) { seen = h; return nil, nil }
	s := serve(t, rules)
	live := s.open("").token
	tests := []struct {
		name, query string
		headers     []string
		want        string // params.token, then what came as the auth token
	}{
		{"nothing", "", nil, `<nil> "" false`},
		{"a token of the application", "token=mine", nil, `mine "" false`},
		{"behind it none yet", "token=mine&", nil, `mine "" false`},
		{"behind it an empty one", "token=mine&token=", nil, `mine "" false`},
		{"behind it a session that is gone", "token=mine&token=signed.abc@", nil, `mine "" false`},
		{"behind it one that is too old", "token=mine&token=old", nil, `mine "" false`},
		{"a session that is gone alone", "token=signed.abc@", nil, `<nil> "" false`},
		{"beside a header", "token=mine", []string{"X-Phoenix-Longpoll-Token: signed.abc@"}, `mine "" false`},
		{"an auth token", "", []string{"X-Phoenix-AuthToken: se+cr/et="}, `<nil> "se+cr/et=" true`},
		{"an empty auth token", "", []string{"X-Phoenix-AuthToken: "}, `<nil> "" true`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := s.ask(t.Context(), "GET", tt.query, "", tt.headers...)
			if got := fmt.Sprintf("%v %q %v", seen.Params["token"], seen.AuthToken, seen.HasAuthToken); got != tt.want || a.Status != pollGone {
				t.Errorf("connect saw %s, want %s; answered %s", got, tt.want, a.body)
			}
			if seen.Transport != "longpoll" {
				t.Errorf("the transport is %q", seen.Transport)
			}
		})
	}
	if p := (&poller{s, live}); p.post(beat) != pollMessages {
		t.Error("the first session is gone")
	}
	if a := s.ask(t.Context(), "POST", "token=mine&token="+live, beat, asLines); a.Status != pollMessages {
		t.Errorf("a post with both tokens answered %s", a.body)
	}
	s.dial()
	if seen.Transport != "websocket" {
		t.Errorf("the transport of a websocket is %q", seen.Transport)
	}
}

// A session that was let in and could not begin has gone.
func TestSessionThatDoesNotBegin(t *testing.T) {
	tests := []struct {
		name string
		make func(s *server, rules *testRules)
	}{
		{"no token can be made", func(_ *server, rules *testRules) {
			rules.settings.Longpoll.Sign = func(string) (string, error) { return "", errors.New("too long") }
		}},
		{"the hub drains meanwhile", func(s *server, rules *testRules) {
			rules.connect = func(*Handshake) (*Identity, error) {
				s.drain()
				return &Identity{Gone: func() { rules.uses.Add(100) }}, nil
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := polling(anyOrigin(), await.Patience)
			rules.connect = func(*Handshake) (*Identity, error) {
				return &Identity{Gone: func() { rules.uses.Add(100) }}, nil
			}
			s := quiet(t, rules)
			tt.make(s, rules)
			if a := s.ask(t.Context(), "GET", "", ""); a.body != `{"status":500}` {
				t.Errorf("answered %s", a.body)
			}
			if n := rules.uses.Load(); n != 101 { // the hub's own, and Gone once
				t.Errorf("%d uses", n)
			}
		})
	}
}

// Who alone is has no sessions of others.
func TestSessionOfAnotherNode(t *testing.T) {
	s := serve(t, polling(anyOrigin(room()), await.Patience))
	p := s.open("").play("> "+beat, "< "+beatReply)
	p.token += "there"
	if status := p.post(beat); status != pollGone {
		t.Errorf("answered %d", status)
	}
}
