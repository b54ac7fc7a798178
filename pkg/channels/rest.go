package channels

import (
	"bufio"
	"errors"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// readBuffer is in bytes; larger messages pass it by.
	readBuffer = 512
	// restAfter is how long a client that was at work says nothing until its connection rests.
	restAfter = 2 * time.Second
)

var errRest = errors.New("nothing received for a while")

// read waits at rest for the client to say something. A stack that has grown is not made
// small again, so that it waits on a new one with this frame alone under the wait, and it
// has no buffer: the first byte has a place of its own.
func (s *socket) read() {
	_, err := s.wire.Conn.Read(s.wire.first[:])
	s.roused(err)
}

// roused goes on where read woke up, until the connection rests again or ends.
//
//go:noinline // its frame is not to be under the wait
func (s *socket) roused(err error) {
	if err == nil {
		s.wire.ahead = true
		err = s.readOn()
	} else {
		err = s.wire.late(err)
	}
	if err == nil {
		go s.read()
		return
	}
	s.stop(err)
}

// stop ends the reading, whoever ended the connection.
func (s *socket) stop(err error) {
	defer s.leave()
	s.lost(err)
	s.mu.Lock()
	s.readerDone = true
	writing := s.writing
	s.mu.Unlock()
	if !writing {
		s.wire.Close()
	}
}

// readOn takes messages until the connection is to rest, which is no error: behind one
// message where the client had been quiet, as it is between heartbeats, and else when it has
// been for restAfter. One that sends pings and nothing else is waited for within gorilla.
func (s *socket) readOn() error {
	lent := s.borrow()
	lively := s.stir()
	err := s.readAll()
	for err == nil && lively {
		if err = s.await(); err == nil {
			err = s.readAll()
		}
	}
	if lively {
		s.calm()
	}
	s.giveBack(lent)
	if err == errRest {
		return nil
	}
	return err
}

// stir tells whether the client is at work: it has spoken a short while ago.
func (s *socket) stir() (lively bool) {
	now := time.Now()
	lively = now.Sub(s.woken) < restAfter
	if s.woken = now; lively {
		s.wire.lively = true
		s.wire.rearm()
		s.keepRoom(true)
	}
	return lively
}

func (s *socket) calm() {
	s.wire.lively = false
	s.wire.rearm()
	s.keepRoom(false)
}

// await waits for the next message of a client at work; the error may be errRest. A stack
// is small here too: if most were not, the runtime would begin new ones with more.
func (s *socket) await() error {
	s.wire.between = true
	_, err := s.buffer.Peek(1)
	s.wire.between = false
	return err
}

// readAll takes the message that has begun and those that are there behind it.
//
//go:noinline // as roused
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
		if s.buffer.Buffered() == 0 {
			return nil
		}
	}
}

// borrow gives the buffer room, until giveBack. Between messages gorilla knows nothing of
// what the reader is made of.
func (s *socket) borrow() *bufio.Reader {
	lent := s.hub.readers.Get().(*bufio.Reader)
	s.buffer = *lent
	s.buffer.Reset(&s.wire)
	return lent
}

func (s *socket) giveBack(lent *bufio.Reader) {
	*lent, s.buffer = s.buffer, bufio.Reader{}
	lent.Reset(nil) // which held on to the socket
	s.hub.readers.Put(lent)
}

func newReaders() *sync.Pool {
	return &sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}
}
