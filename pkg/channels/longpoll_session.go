package channels

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// maxSessions bounds the sessions of a hub, whose clients need no connection to have one.
const maxSessions = 100_000

// What one poll is given at most; the rest waits for the next. A larger frame goes alone.
const (
	pollBytes  = 512 << 10
	pollFrames = 1000
)

// A session is a conn whose client asks for its frames. It has no goroutine: polls and posts
// bring theirs, and a timer ends it when no polls come any more.
type session struct {
	conn
	id      string
	node    string // this one, when the session began
	parts   sessionParts
	maxText int64 // bytes of a text message
	window  time.Duration
	posting chan struct{} // holds one: a POST at a time
	done    chan struct{} // closed when the end begins

	code atomic.Int32 // that it was closed with

	// Under conn.mu.
	waiting chan<- struct{} // wakes the poll that gets the messages; nil: none waits
	polled  time.Time       // when a poll was last answered
	timer   *time.Timer
}

// begin asks the rules for a new session and gives its token.
func (h *Hub) begin(r *http.Request, m *mount, params map[string]any) (status int, token string) {
	rules := m.acquire()
	if rules == nil || h.isDraining() {
		if rules != nil {
			rules.Release()
		}
		return pollFailed, ""
	}
	defer rules.Release()
	settings := rules.Settings().withDefaults()
	if settings.Longpoll == nil {
		return pollFailed, ""
	}
	shake := &Handshake{Request: r, Params: params, Transport: "longpoll"}
	if settings.AuthToken {
		sent := r.Header.Values("X-Phoenix-Authtoken")
		if shake.HasAuthToken = len(sent) > 0; shake.HasAuthToken {
			shake.AuthToken = sent[0]
		}
	}
	identity, refused := h.admit(rules, shake)
	if refused != 0 {
		return pollForbidden, "" // clients know no other refusal
	}
	s := h.newSession(m, identity, settings, params)
	token, err := settings.Longpoll.Sign(sessionName(s.id, s.node))
	if err != nil || !h.register(&s.conn) {
		if err != nil {
			h.log.Error("the token of a long-poll session", "path", m.path, "error", err)
		}
		identity.gone()
		return pollFailed, ""
	}
	s.mu.Lock()
	s.polled = time.Now()
	if !s.closing {
		s.timer = time.AfterFunc(s.patience(), s.expire)
	}
	s.mu.Unlock()
	s.check() // the rules may have been replaced since they were asked
	return pollGone, token
}

func (h *Hub) newSession(m *mount, identity *Identity, s Settings, params map[string]any) *session {
	spoken, _ := formOf(params["vsn"])
	made := &session{
		conn:    conn{hub: h, mount: m, identity: identity, form: spoken, textOnly: true, maxFrame: max(s.MaxFrame, maxPosted), pace: newPace(s)},
		id:      newSessionID(),
		node:    h.nodeName(),
		maxText: s.MaxFrame,
		window:  s.Longpoll.Window,
		posting: make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	if made.link = made; made.window <= 0 {
		made.window = defaultWindow
	}
	return made
}

// patience is how long a session lives without a poll.
func (s *session) patience() time.Duration { return s.window + s.window/2 }

// expire ends a session whose client polls no more. The timer is not moved at each poll but
// when it fires.
func (s *session) expire() {
	s.mu.Lock()
	idle := time.Since(s.polled)
	if s.waiting != nil {
		idle = 0
	}
	left := s.patience() - idle
	if left > 0 && !s.closing {
		s.timer.Reset(left)
	}
	s.mu.Unlock()
	if left <= 0 {
		s.drop(0, "")
	}
}

// wake implements link.
func (s *session) wake(_ *wave, held bool) {
	if s.waiting != nil && !held {
		select {
		case s.waiting <- struct{}{}:
		default: // it was woken and has yet to look
		}
	}
}

// flush implements link.
func (s *session) flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out.frames) > 0 {
		s.wake(nil, false)
	}
}

// ending implements link. The client hears of it from its next poll; one that waits is
// answered at once.
func (s *session) ending(code int, _ string) {
	s.code.Store(int32(code))
	if s.timer != nil {
		s.timer.Stop()
	}
	close(s.done)
}

// sever implements link: there is nothing to wait for.
func (s *session) sever() {}

// collect waits for messages. Of several polls the latest gets them.
func (s *session) collect(ctx context.Context) (status int, messages []byte) {
	wake := make(chan struct{}, 1)
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return pollGone, nil
	}
	s.waiting = nil
	batch := s.takeLocked()
	if batch == nil {
		s.waiting = wake
	}
	s.mu.Unlock()
	if batch == nil {
		batch, status = s.await(ctx, wake)
	}
	if batch == nil {
		return status, nil
	}
	return pollMessages, appendMessages(nil, batch)
}

// await waits for a window, also where a later poll has taken over meanwhile: to answer that
// at once would let two that take turns spin. Who leaves takes nothing along.
func (s *session) await(ctx context.Context, wake chan struct{}) (batch [][]byte, status int) {
	window := time.NewTimer(s.window)
	defer window.Stop()
	s.hub.stats.polling.Add(1)
	defer s.hub.stats.polling.Add(-1)
	for batch == nil && status == 0 {
		select {
		case <-wake:
		case <-window.C:
			status = pollNothing
		case <-s.done:
			status = pollGone
		case <-ctx.Done():
			status = pollNothing
		}
		hasLeft := ctx.Err() != nil
		s.mu.Lock()
		switch {
		case s.waiting != wake:
			if status == pollGone {
				status = pollNothing // the later poll is told
			}
		case hasLeft:
			s.waiting, s.polled, status = nil, time.Now(), pollNothing
		default:
			if batch = s.takeLocked(); batch != nil || status != 0 {
				s.waiting, s.polled = nil, time.Now()
			}
		}
		s.mu.Unlock()
	}
	return batch, status
}

// takeLocked takes what one poll is given; nil when nothing waits.
func (s *session) takeLocked() [][]byte {
	o := &s.out
	n, size := 0, 0
	for n < len(o.frames) && n < pollFrames && (n == 0 || size+len(o.frames[n]) <= pollBytes) {
		size += len(o.frames[n])
		n++
	}
	if n == 0 {
		return nil
	}
	batch := slices.Clone(o.frames[:n])
	o.frames = slices.Delete(o.frames, 0, n)
	if len(o.frames) == 0 && cap(o.frames) > keepFrames {
		o.frames = nil
	}
	o.bytes -= size
	s.polled = time.Now()
	s.hub.stats.sent.Add(uint64(n))
	return batch
}

// appendMessages writes frames as JSON strings.
func appendMessages(b []byte, batch [][]byte) []byte {
	size := 0
	for _, frame := range batch {
		size += len(frame) + len(frame)/8 // some room for escapes
	}
	b = slices.Grow(b, size)
	for i, frame := range batch {
		if i > 0 {
			b = append(b, ',')
		}
		text, _ := unsealed(frame)
		b = value.AppendJSONString(b, text)
	}
	return b
}
