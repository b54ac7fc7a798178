package channels

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"runtime/debug"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const (
	// maxLines is how many messages of one POST are read; the client sends no more.
	maxLines = 100
	// maxPosted is the largest binary message that a body can hold, in bytes: Phoenix's own
	// bound, which is higher, is never reached.
	maxPosted = maxPost / 4 * 3
)

// post takes the messages of a POST, after those of earlier ones. It returns within a
// window; a session that could not take them by then has ended.
func (s *session) post(ctx context.Context, q *pollRequest) (status int) {
	end := time.Now().Add(s.window)
	if !s.turn(ctx) {
		return s.untaken()
	}
	defer func() { <-s.posting }()
	if !s.use() {
		return pollGone
	}
	defer s.leave()
	defer func() {
		if p := recover(); p != nil {
			s.hub.log.Error("socket rules panicked", "path", s.mount.path, "panic", p, "stack", string(debug.Stack()))
			s.close(websocket.CloseInternalServerErr, errPanic.Error())
			status = pollStuck
		}
	}()
	stuck := time.AfterFunc(time.Until(end), func() { // which wakes who waits for room
		s.hub.stats.flooded.Add(1)
		s.close(websocket.ClosePolicyViolation, "too many messages at once")
	})
	defer stuck.Stop()
	return s.take(q)
}

// turn waits until no other POST is at work, at most for a window.
func (s *session) turn(ctx context.Context) bool {
	window := time.NewTimer(s.window)
	defer window.Stop()
	select {
	case s.posting <- struct{}{}:
		return true
	case <-s.done:
	case <-window.C:
	case <-ctx.Done():
	}
	return false
}

// use notes that a goroutine works for the session; false when that has ended.
func (s *session) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.users++
	return true
}

// untaken is the answer to messages that were not taken: a session that was disconnected is
// gone, one that did not keep up, or is held up still, is stuck.
func (s *session) untaken() int {
	if s.isClosing() && s.code.Load() != websocket.ClosePolicyViolation {
		return pollGone
	}
	return pollStuck
}

// take reads the messages of a body.
func (s *session) take(q *pollRequest) (status int) {
	switch {
	case len(q.body) > maxPost:
		return s.reject(websocket.CloseMessageTooBig, errTooBig)
	case !q.isLines:
		return s.takeText(q.body)
	}
	rest := q.body
	for lines := 0; len(rest) > 0 && lines < maxLines; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if line = bytes.TrimSuffix(line, []byte{'\r'}); len(line) == 0 {
			continue
		}
		lines++
		if status = s.takeLine(line); status != pollMessages {
			return status
		}
	}
	return pollMessages
}

// takeLine reads a line: a text message begins with a bracket, and no base64 does.
func (s *session) takeLine(line []byte) (status int) {
	if line[0] == '[' {
		return s.takeText(line)
	}
	data, err := base64.StdEncoding.AppendDecode(nil, line)
	if err != nil {
		return s.reject(websocket.CloseInternalServerErr, errMalformed)
	}
	return s.takeMessage(data, true)
}

func (s *session) takeText(text []byte) (status int) {
	switch {
	case int64(len(text)) > s.maxText:
		return s.reject(websocket.CloseMessageTooBig, errTooBig)
	case !utf8.Valid(text):
		return s.reject(websocket.CloseInvalidFramePayloadData, errUTF8)
	}
	return s.takeMessage(text, false)
}

func (s *session) takeMessage(message []byte, isBinary bool) (status int) {
	if s.isClosing() {
		return s.untaken()
	}
	switch err := s.receive(message, isBinary); {
	case errors.Is(err, errRate):
		s.hub.stats.limited.Add(1)
		s.close(websocket.ClosePolicyViolation, err.Error())
		return pollStuck
	case err != nil:
		return s.reject(websocket.CloseInternalServerErr, err)
	case s.isClosing() && s.code.Load() == websocket.ClosePolicyViolation: // while it waited for room
		return pollStuck
	}
	return pollMessages
}

// reject ends the session for what its client sent.
func (s *session) reject(code int, reason error) (status int) {
	s.hub.stats.malformed.Add(1)
	s.close(code, reason.Error())
	return pollMalformed
}
