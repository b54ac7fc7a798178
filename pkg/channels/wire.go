package channels

import (
	"encoding/binary"
	"errors"
	"math"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// What a stranger may send, counted in frames.
const (
	maxFragments = 1000 // frames of one message
	maxControls  = 64   // pings, pongs and closes in one second
)

var (
	errIdle      = errors.New("nothing received for too long")
	errFragments = errors.New("a message in too many frames")
	errControls  = errors.New("too many control frames")
	errReserved  = errors.New("a reserved bit where none may be")
	errCloseBody = errors.New("a close frame with half a code")
)

// A wire stands between gorilla and the network. It counts frames and time on the way in.
// Once open it lets nothing of gorilla's out: all writing is the outbox's, so that frames
// of two writers cannot mix. What gorilla wanted to close with is kept for the reader.
type wire struct {
	net.Conn
	open    bool // the handshake is written; set before the reader starts
	lively  bool // the client is at work, as what follows the reader's
	between bool // no message has begun
	ahead   bool // first was received and is yet to be read
	first   [1]byte
	idle    time.Duration
	heard   time.Time // the last byte; the reader's
	closing atomic.Pointer[time.Time]
	meter   frameMeter

	gorillaClose []byte // the payload of its close frame; the reader's
}

// start begins the idle time.
func (w *wire) start(idle time.Duration) {
	w.open, w.idle, w.heard = true, idle, time.Now()
	w.rearm()
}

func (w *wire) rearm() {
	next := w.heard.Add(w.idle)
	if w.lively {
		if soon := time.Now().Add(restAfter); soon.Before(next) {
			next = soon
		}
	}
	w.Conn.SetReadDeadline(next)
	if last := w.closing.Load(); last != nil { // set meanwhile by another goroutine
		w.Conn.SetReadDeadline(*last)
	}
}

// closeBy gives the peer until then to answer a close frame.
func (w *wire) closeBy(last time.Time) {
	w.closing.Store(&last)
	w.Conn.SetReadDeadline(last)
}

// Read passes on what was received. The deadline is moved only when it fires, not at each
// read, since moving it costs more than reading a message.
func (w *wire) Read(p []byte) (int, error) {
	for {
		var n int
		var err error
		if w.ahead && len(p) > 0 {
			n, w.ahead = copy(p, w.first[:]), false
		} else {
			n, err = w.Conn.Read(p)
		}
		if n > 0 {
			w.heard = time.Now()
			if err := w.meter.count(p[:n], w.heard); err != nil {
				return 0, err
			}
			return n, nil
		}
		if err = w.late(err); err != nil {
			return 0, err
		}
	}
}

// late says what it means that nothing was read; with no error it is waited on.
func (w *wire) late(err error) error {
	if !w.open || w.closing.Load() != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	switch quiet := time.Since(w.heard); {
	case quiet >= w.idle:
		return errIdle
	case w.lively && w.between && quiet >= restAfter:
		return errRest
	}
	w.rearm()
	return nil
}

// Write passes on gorilla's handshake and nothing after it.
func (w *wire) Write(p []byte) (int, error) {
	if !w.open {
		return w.Conn.Write(p)
	}
	if len(p) >= 2 && p[0]&0xF == websocket.CloseMessage {
		w.gorillaClose = append([]byte(nil), p[2:]...)
	}
	return len(p), nil
}

// SetWriteDeadline keeps gorilla's deadlines from the outbox's writes.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.open {
		return nil
	}
	return w.Conn.SetWriteDeadline(t)
}

// discard reads what the peer still sends up to its close frame, so that ours is not lost
// to a reset of the connection. It ends at the deadline of closeBy or after some megabytes.
func (w *wire) discard() {
	const most = 8 << 20
	buffer := make([]byte, 4<<10)
	for total := 0; !w.meter.closed && total < most; {
		n, err := w.Conn.Read(buffer)
		if err != nil {
			return
		}
		total += n
		w.meter.count(buffer[:n], time.Now())
	}
}

// A frameMeter follows the heads of frames (RFC 6455, section 5.2) in a stream of bytes.
// Whether they are right is for gorilla to say, but for the bit of deflated messages, which
// it also takes on frames that begin none (RFC 7692, section 6.1), and for a close frame of
// one byte, which it takes for one without a code (RFC 6455, section 5.5.1).
type frameMeter struct {
	head      [14]byte
	have      int
	skip      int64 // payload still to come
	fragments int
	controls  int
	second    int64
	closed    bool // a close frame has come
}

// count gives the first bound that p passes, and follows p to its end all the same.
func (m *frameMeter) count(p []byte, now time.Time) (first error) {
	for len(p) > 0 {
		if m.skip > 0 {
			n := min(m.skip, int64(len(p)))
			m.skip -= n
			p = p[n:]
			continue
		}
		n := copy(m.head[m.have:m.headSize()], p)
		m.have += n
		p = p[n:]
		if m.have < 2 || m.have < m.headSize() {
			continue
		}
		m.skip, m.have = m.payloadSize(), 0
		if err := m.frame(now); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// headSize is known once two bytes are there.
func (m *frameMeter) headSize() int {
	if m.have < 2 {
		return 2
	}
	size := 2
	switch m.head[1] & 0x7F {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if m.head[1]&0x80 != 0 {
		size += 4
	}
	return size
}

func (m *frameMeter) payloadSize() int64 {
	switch size := m.head[1] & 0x7F; size {
	case 126:
		return int64(binary.BigEndian.Uint16(m.head[2:]))
	case 127:
		return int64(binary.BigEndian.Uint64(m.head[2:]) & math.MaxInt64)
	default:
		return int64(size)
	}
}

func (m *frameMeter) frame(now time.Time) error {
	final, control := m.head[0]&0x80 != 0, m.head[0]&0x8 != 0
	if begins := !control && m.head[0]&0xF != 0; m.head[0]&reserved1 != 0 && !begins {
		return errReserved
	}
	if control {
		if m.head[0]&0xF == websocket.CloseMessage {
			m.closed = true
			if m.skip == 1 {
				return errCloseBody
			}
		}
		if s := now.Unix(); s != m.second {
			m.second, m.controls = s, 0
		}
		if m.controls++; m.controls > maxControls {
			return errControls
		}
		return nil
	}
	if m.fragments++; m.fragments > maxFragments {
		return errFragments
	}
	if final {
		m.fragments = 0
	}
	return nil
}
