package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// pollAWhile is a life over long poll. A client that goes just polls no more.
func (m *soaker) pollAWhile() {
	p := soakPoll{m: m, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}}
	defer p.client.CloseIdleConnections()
	m.began()
	p.asked = time.Now()
	first := p.ask("GET", nil)
	if first.Status != http.StatusGone {
		m.fault("a first poll answered %s", first.Text)
		return
	}
	p.token = first.Token
	end := time.Now().Add(m.around(m.crowd.life))
	if !p.post(m.joining()) || !p.hear() {
		return
	}
	for time.Now().Before(end) && !m.crowd.stopped() {
		if !p.poll() || !p.act() {
			return
		}
	}
	if m.random.IntN(2) == 0 && !(p.post(m.leaving()) && p.hear()) {
		return
	}
	m.abandon()
}

// A soakPoll is a session.
type soakPoll struct {
	m      *soaker
	client *http.Client
	token  string
	asked  time.Time // when the last poll that was answered was begun
}

func (p *soakPoll) ask(method string, body []byte) (got pollReply) {
	ctx, cancel := context.WithTimeout(context.Background(), p.m.crowd.patience)
	defer cancel()
	url := fmt.Sprintf("http://%s/socket/longpoll?vsn=2.0.0&user=%s&token=%s", p.m.crowd.address, p.m.user, p.token)
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return pollReply{Text: err.Error()}
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	w, err := p.client.Do(r)
	if err != nil {
		return pollReply{Text: err.Error()}
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if got.Text = string(text); err != nil {
		return pollReply{Text: fmt.Sprintf("%s: %v", text, err)}
	}
	return got
}

func (p *soakPoll) post(messages ...[]byte) bool {
	got := p.ask("POST", bytes.Join(messages, []byte("\n")))
	if got.Status == http.StatusGone && p.late() || got.Status == http.StatusOK {
		return got.Status == http.StatusOK
	}
	return p.m.fault("a post answered %s", got.Text)
}

// poll takes what comes within a window.
func (p *soakPoll) poll() bool {
	p.m.crowd.polls.Add(1)
	begun := time.Now()
	got := p.ask("GET", nil)
	switch got.Status {
	case http.StatusOK, http.StatusNoContent:
		p.asked = begun
	case http.StatusGone:
		if p.late() {
			return false
		}
		fallthrough
	default:
		return p.m.fault("a poll answered %s", got.Text)
	}
	for _, message := range got.Messages {
		if !p.m.text([]byte(message)) {
			return false
		}
	}
	return true
}

// late tells, on a machine with too much to do, that the server had to take the client for
// gone, since it may not have polled for one and a half windows. What it sent is abandoned.
func (p *soakPoll) late() bool {
	if time.Since(p.asked) < p.m.crowd.window*3/2 {
		return false
	}
	p.m.crowd.expired.Add(1)
	p.m.abandon()
	return true
}

// hear polls until all is answered.
func (p *soakPoll) hear() bool {
	for end := time.Now().Add(p.m.crowd.patience); !p.m.settled(); {
		if time.Now().After(end) {
			return p.m.isLost(context.DeadlineExceeded)
		}
		if !p.poll() {
			return false
		}
	}
	return true
}

// act waits a while, not so long that the session ends, and does one thing.
func (p *soakPoll) act() bool {
	m := p.m
	if !m.pause(min(m.around(m.crowd.think), time.Second)) {
		return true
	}
	if m.random.IntN(12) == 0 {
		return p.post(m.leaving()) && p.hear() && p.post(m.joining()) && p.hear()
	}
	return p.post(m.pushes()...) && p.hear()
}
