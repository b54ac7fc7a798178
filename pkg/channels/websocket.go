package channels

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"
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

// A socket is a conn over a websocket. A goroutine reads as long as it lives; a writer and
// one goroutine per topic are borrowed while they have work.
type socket struct {
	conn
	ws      *websocket.Conn
	wire    wire
	raw     syscall.RawConn // of what is under the wire; nil where all writes wait
	buffer  bufio.Reader    // gorilla's; without room while the connection rests
	woken   time.Time       // when it last rested no more; the reader's
	writeBy time.Time       // the write deadline that is set; the writer's, as what follows
	batchBy time.Time       // when the batch under way has waited too long

	// Under conn.mu.
	writing    bool      // somebody writes
	listed     bool      // in a wave
	since      time.Time // the oldest frame that waits behind the batch under way
	readerDone bool
}

func (s *socket) readMessage(kind int, r io.Reader) error {
	buffer := s.hub.messages.Get().(*bytes.Buffer)
	defer func() {
		if buffer.Cap() <= keepMessage {
			buffer.Reset()
			s.hub.messages.Put(buffer)
		}
	}()
	if err := s.readWhole(buffer, r); err != nil {
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

func (s *socket) readWhole(to *bytes.Buffer, r io.Reader) error {
	if s.form&deflating != 0 {
		return s.readInflated(to, r)
	}
	_, err := to.ReadFrom(r)
	return err
}

// keepMessage is the largest read buffer, in bytes, that is used again.
const keepMessage = 64 << 10

var (
	errUTF8  = errors.New("text that is not UTF-8")
	errPanic = errors.New("internal error")
	errLate  = errors.New("frames that waited too long")
)

// lost closes with the code that fits the reason why the reader ended.
func (s *socket) lost(err error) {
	var closed *websocket.CloseError
	switch {
	case s.wire.gorillaClose != nil: // 1002, 1009
		s.reject(int(s.wire.gorillaClose[0])<<8|int(s.wire.gorillaClose[1]), string(s.wire.gorillaClose[2:]))
	case errors.Is(err, errMalformed):
		s.reject(websocket.CloseInternalServerErr, err.Error())
	case errors.Is(err, websocket.ErrReadLimit), errors.Is(err, errTooBig): // the first: a length that is no length
		s.reject(websocket.CloseMessageTooBig, err.Error())
	case errors.Is(err, errUTF8), errors.Is(err, errInflate):
		s.reject(websocket.CloseInvalidFramePayloadData, err.Error())
	case errors.Is(err, errReserved), errors.Is(err, errCloseBody):
		s.reject(websocket.CloseProtocolError, err.Error())
	case errors.Is(err, errFragments), errors.Is(err, errControls):
		s.reject(websocket.ClosePolicyViolation, err.Error())
	case errors.Is(err, errRate):
		s.hub.stats.limited.Add(1)
		s.closeAndDiscard(websocket.ClosePolicyViolation, err.Error())
	case errors.Is(err, errPanic):
		s.closeAndDiscard(websocket.CloseInternalServerErr, err.Error())
	case errors.Is(err, errIdle):
		s.closeAndDiscard(websocket.CloseGoingAway, err.Error())
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure:
		s.close(closed.Code, "")
	default: // the network is gone, or the peer did not answer our close
		s.drop(0, "")
		s.wire.Close()
	}
}

// reject closes for what the client sent.
func (s *socket) reject(code int, reason string) {
	s.hub.stats.malformed.Add(1)
	s.closeAndDiscard(code, reason)
}

func (s *socket) closeAndDiscard(code int, reason string) {
	s.close(code, reason)
	s.wire.discard()
}

// wake implements link.
func (s *socket) wake(w *wave, held bool) {
	o := &s.out
	switch {
	case s.writing:
		if len(o.frames) == 1 {
			s.since = time.Now()
		}
	case held && len(o.frames) <= heldFrames && o.bytes <= heldBytes:
	case w == nil || s.raw == nil:
		s.writing, s.since = true, time.Time{}
		s.users++
		go s.write()
	case !s.listed:
		s.listed = true
		s.users++
		w.sockets = append(w.sockets, s)
	}
}

// ending implements link: the peer has a while to answer the close frame.
func (s *socket) ending(code int, reason string) {
	s.wire.closeBy(time.Now().Add(closeWait))
	if code != 0 && !s.out.last {
		s.queueLocked(closeFrame(code, reason), nil, false)
	}
}

// sever implements link.
func (s *socket) sever() { s.wire.Close() }

// write runs while there is something to write, then ends.
func (s *socket) write() {
	batch, size := s.take()
	s.writeOn(batch, size, 0)
}

// writeOn is write where n bytes of a batch are written already.
func (s *socket) writeOn(batch [][]byte, size, n int) {
	t := s.hub.tools.Get().(*tool)
	for ; batch != nil; batch, size = s.take() {
		err := s.writeBatch(behind(batch, n), t.buffer)
		n = 0
		switch {
		case errors.Is(err, errLate): // no frame is half written: the close frame can go
			s.slow()
			err = nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			s.slow()
			s.wire.Close()
		case err != nil:
			s.wire.Close() // wakes the reader, which ends the connection
		}
		s.written(batch, size, err)
	}
	s.hub.tools.Put(t)
	s.leave()
}

// take gives all that waits, and its bytes. With nothing left the writer is over.
func (s *socket) take() (batch [][]byte, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.out.frames) == 0 {
		if s.raw != nil && !s.writeBy.IsZero() { // one that is over fails writes that do not wait, too
			s.writeBy = time.Time{}
			s.wire.Conn.SetWriteDeadline(s.writeBy)
		}
		s.stopLocked()
		return nil, 0
	}
	if s.batchBy = (time.Time{}); !s.since.IsZero() && !s.out.last { // the close frame is never too old
		s.batchBy = s.since.Add(outboxAge)
	}
	return s.out.takeLocked()
}

// stopLocked ends writing. The connection ends with it when nobody reads any more.
func (s *socket) stopLocked() {
	if s.writing = false; s.readerDone {
		s.wire.Close()
	}
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
			if err := s.writeNow(frame); err != nil || s.isCut() {
				return err
			}
			continue
		}
		buffer = append(buffer, frame...)
	}
	return s.writeNow(buffer)
}

// writeNow writes with a deadline between half and all of writeWait. Moving it each time
// would cost a good part of the write. A peer that takes a little each time, so that no
// write is late, is found by the age of the batch.
func (s *socket) writeNow(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	now := time.Now()
	switch {
	case s.batchBy.IsZero():
		s.batchBy = now.Add(outboxAge)
	case now.After(s.batchBy):
		return errLate
	}
	if s.writeBy.Sub(now) < writeWait/2 {
		s.writeBy = now.Add(writeWait)
		s.wire.Conn.SetWriteDeadline(s.writeBy)
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
