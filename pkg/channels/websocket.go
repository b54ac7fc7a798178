package channels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime/debug"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

const (
	// writeWait is the longest time that one write may take; at least half of it.
	writeWait = 10 * time.Second
	// closeWait is how long the peer has to answer a close frame.
	closeWait = 5 * time.Second
	// gather is how many bytes of small frames go into one write.
	gather = 16 << 10
)

// A socket is a conn over a websocket. Its reader goroutine lives as long as it does; a
// writer and one goroutine per topic are borrowed while they have work.
type socket struct {
	conn
	ws      *websocket.Conn
	wire    wire
	writeBy time.Time // the write deadline that is set; the writer's

	// Under conn.mu.
	writing    bool // a writer goroutine lives
	readerDone bool
}

// read takes messages until the connection ends, whoever ends it.
func (s *socket) read() {
	defer s.leave()
	err := s.readAll()
	s.lost(err)
	s.mu.Lock()
	s.readerDone = true
	writing := s.writing
	s.mu.Unlock()
	if !writing {
		s.wire.Close()
	}
}

func (s *socket) readAll() (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.hub.log.Error("socket rules panicked", "path", s.mount.path, "panic", p, "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	for {
		kind, r, err := s.ws.NextReader()
		if err != nil {
			return err
		}
		if err := s.readMessage(kind, r); err != nil {
			return err
		}
	}
}

func (s *socket) readMessage(kind int, r io.Reader) error {
	buffer := s.hub.messages.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= keepMessage {
			buffer.Reset()
			s.hub.messages.Put(buffer)
		}
	}()
	if _, err := buffer.ReadFrom(r); err != nil {
		return err
	}
	isText := kind == websocket.TextMessage
	switch {
	case s.wire.closing.Load() != nil: // only the close frame is awaited
		return nil
	case isText && !utf8.Valid(buffer.Bytes()):
		return errUTF8
	}
	return s.receive(buffer.Bytes(), !isText)
}

// keepMessage is the largest read buffer, in bytes, that is used again.
const keepMessage = 64 << 10

var (
	errUTF8  = errors.New("text that is not UTF-8")
	errPanic = errors.New("internal error")
)

// lost closes with the code that fits the reason why the reader ended.
func (s *socket) lost(err error) {
	var closed *websocket.CloseError
	switch {
	case s.wire.gorillaClose != nil: // 1002, 1009
		s.closeAndDiscard(int(s.wire.gorillaClose[0])<<8|int(s.wire.gorillaClose[1]), string(s.wire.gorillaClose[2:]))
	case errors.Is(err, errMalformed), errors.Is(err, errPanic):
		s.closeAndDiscard(websocket.CloseInternalServerErr, err.Error())
	case errors.Is(err, websocket.ErrReadLimit): // a length that is no length
		s.closeAndDiscard(websocket.CloseMessageTooBig, err.Error())
	case errors.Is(err, errUTF8):
		s.closeAndDiscard(websocket.CloseInvalidFramePayloadData, err.Error())
	case errors.Is(err, errFragments), errors.Is(err, errControls):
		s.closeAndDiscard(websocket.ClosePolicyViolation, err.Error())
	case errors.Is(err, errIdle):
		s.closeAndDiscard(websocket.CloseGoingAway, err.Error())
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		s.close(closed.Code, "")
	default: // the network is gone, or the peer did not answer our close
		s.drop(0, "")
		s.wire.Close()
	}
}

func (s *socket) closeAndDiscard(code int, reason string) {
	if code != websocket.CloseGoingAway {
		s.hub.stats.malformed.Add(1)
	}
	s.close(code, reason)
	s.wire.discard()
}

// wake implements link.
func (s *socket) wake() {
	if !s.writing {
		s.writing = true
		s.users++
		go s.write()
	}
}

// ending implements link: the peer has a while to answer the close frame.
func (s *socket) ending(code int, reason string) {
	s.wire.closeBy(time.Now().Add(closeWait))
	if code != 0 && !s.out.last {
		s.queueLocked(closeFrame(code, reason))
	}
}

// sever implements link.
func (s *socket) sever() { s.wire.Close() }

// write runs while there is something to write, then ends.
func (s *socket) write() {
	buffer := s.hub.buffers.Get().(*[]byte)
	for batch, size := s.take(); batch != nil; batch, size = s.take() {
		err := s.writeBatch(batch, *buffer)
		if err != nil {
			s.wire.Close() // wakes the reader, which ends the connection
		}
		s.written(batch, size, err)
	}
	s.hub.buffers.Put(buffer)
	s.leave()
}

// take gives all that waits, and its bytes. With nothing left the writer is over.
func (s *socket) take() (batch [][]byte, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out.frames) == 0 {
		if s.writing = false; s.readerDone {
			s.wire.Close()
		}
		return nil, 0
	}
	return s.out.takeLocked()
}

// writeBatch puts small frames together into few writes.
func (s *socket) writeBatch(batch [][]byte, buffer []byte) error {
	if len(batch) == 1 {
		return s.writeNow(batch[0])
	}
	buffer = buffer[:0]
	for _, frame := range batch {
		if len(buffer)+len(frame) > cap(buffer) {
			if err := s.writeNow(buffer); err != nil || s.isCut() {
				return err
			}
			buffer = buffer[:0]
		}
		if len(frame) > cap(buffer) {
			if err := s.writeNow(frame); err != nil {
				return err
			}
			continue
		}
		buffer = append(buffer, frame...)
	}
	return s.writeNow(buffer)
}

// writeNow writes with a deadline between half and all of writeWait. Moving it each time
// would cost a good part of the write.
func (s *socket) writeNow(p []byte) error {
	if now := time.Now(); s.writeBy.Sub(now) < writeWait/2 {
		s.writeBy = now.Add(writeWait)
		s.wire.Conn.SetWriteDeadline(s.writeBy)
	}
	if len(p) == 0 {
		return nil
	}
	_, err := s.wire.Conn.Write(p)
	return err
}

// controlFrame makes a close, ping or pong frame; the payload is cut at 125 bytes.
func controlFrame(opcode byte, payload []byte) []byte {
	payload = payload[:min(len(payload), 125)]
	return append([]byte{0x80 | opcode, byte(len(payload))}, payload...)
}

// closeFrame makes a close frame. Code 1005 stands for a frame without one.
func closeFrame(code int, reason string) []byte {
	if code == websocket.CloseNoStatusReceived {
		return controlFrame(websocket.CloseMessage, nil)
	}
	return controlFrame(websocket.CloseMessage, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

func newBuffers() *sync.Pool {
	return &sync.Pool{New: func() any {
		b := make([]byte, 0, gather)
		return &b
	}}
}
