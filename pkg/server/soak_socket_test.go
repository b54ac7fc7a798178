package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// The opcodes of frames (RFC 6455, section 5.2).
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPing   = 9
)

// appendClientFrame appends a masked frame (RFC 6455, section 5.2), with a key of zeros.
func appendClientFrame(b []byte, first byte, payload []byte) []byte {
	b = append(b, first)
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// A wireClient is a websocket without a library: a connection and what was read of it.
type wireClient struct {
	net.Conn
	in []byte
}

var errHandshake = errors.New("no websocket")

// dialWire opens a websocket. The connection is given even if the server wants none.
func dialWire(address, query, extra string, patience time.Duration) (*wireClient, error) {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(c, "GET /socket/websocket?%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: d3Nsb2FkLXdzbG9hZC13cw==\r\nSec-WebSocket-Version: 13\r\n%s\r\n", query, address, extra)
	if err != nil {
		c.Close()
		return nil, err
	}
	buffered := bufio.NewReaderSize(c, 512)
	answer, err := http.ReadResponse(buffered, nil)
	if err == nil && answer.StatusCode != http.StatusSwitchingProtocols {
		err = fmt.Errorf("%w: %s", errHandshake, answer.Status)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	early, _ := buffered.Peek(buffered.Buffered())
	c.SetDeadline(time.Time{})
	return &wireClient{Conn: c, in: append([]byte(nil), early...)}, nil
}

// frame reads one frame by the time that is set as deadline. The payload holds until the next
// call, and a frame of which a part has come is not lost when the time is over.
func (c *wireClient) frame() (opcode byte, payload []byte, err error) {
	for {
		if head, size := serverFrame(c.in); size > 0 && len(c.in) >= head+size-1 {
			opcode, payload = c.in[0]&15, c.in[head:head+size-1]
			c.in = c.in[head+size-1:]
			return opcode, payload, nil
		}
		var room [4 << 10]byte
		n, err := c.Read(room[:])
		if err != nil {
			return 0, nil, err
		}
		c.in = append(c.in, room[:n]...)
	}
}

// serverFrame gives the length of a frame's head, and that of its payload and one; 0 asks
// for more bytes.
func serverFrame(b []byte) (head, size int) {
	switch {
	case len(b) < 2:
		return 0, 0
	case b[1] < 126:
		return 2, int(b[1]) + 1
	case b[1] == 126 && len(b) >= 4:
		return 4, int(binary.BigEndian.Uint16(b[2:])) + 1
	case b[1] == 127 && len(b) >= 10:
		return 10, int(binary.BigEndian.Uint64(b[2:])) + 1
	}
	return 0, 0
}

// reset closes with a reset, so that nothing that was sent need have arrived.
func (c *wireClient) reset() {
	c.Conn.(*net.TCPConn).SetLinger(0)
	c.Close()
}

// connectAWhile is a life over a websocket.
func (m *soaker) connectAWhile() {
	c, err := dialWire(m.crowd.address, "vsn=2.0.0&user="+m.user, "", m.crowd.patience)
	if err != nil {
		m.fault("connect: %v", err)
		return
	}
	defer c.Close()
	m.began()
	end := time.Now().Add(m.around(m.crowd.life))
	if !m.say(c, opText, m.joining()) || !m.hear(c) {
		return
	}
	for time.Now().Before(end) && !m.crowd.stopped() {
		if !m.idle(c, m.around(m.crowd.think)) || !m.act(c) {
			return
		}
	}
	m.part(c)
}

// act does one thing and waits for all answers.
func (m *soaker) act(c *wireClient) bool {
	said := true
	switch m.random.IntN(12) {
	case 0:
		said = m.say(c, opText, m.leaving()) && m.hear(c) && m.say(c, opText, m.joining())
	case 1:
		said = m.say(c, opText, m.joining()) // once more
	case 2:
		said = m.say(c, opBinary, m.binary("echo", []byte{0, 1, 255}))
	default:
		said = m.say(c, opText, m.pushes()...)
	}
	return said && m.hear(c)
}

// part ends a life: politely, or with the network, with pushes under way and what comes
// unread.
func (m *soaker) part(c *wireClient) {
	switch m.random.IntN(4) {
	case 0:
		if m.say(c, opText, m.leaving()) && m.hear(c) && m.say(c, opClose, []byte{3, 232}) {
			m.closed(c)
		}
		return
	case 1:
		m.say(c, opText, m.pushes()...)
		m.abandon()
	case 2:
		m.say(c, opText, m.pushes()...)
		m.abandon()
		c.reset()
	case 3:
		c.Write(appendClientFrame(nil, 0x80|opText, m.message("echo", `{"half":true}`))[:20])
		m.abandon()
		c.reset()
	}
}

func (m *soaker) say(c *wireClient, opcode byte, messages ...[]byte) bool {
	var b []byte
	for _, message := range messages {
		b = appendClientFrame(b, 0x80|opcode, message)
	}
	c.SetWriteDeadline(time.Now().Add(m.crowd.patience))
	if _, err := c.Write(b); err != nil {
		return m.fault("write: %v", err)
	}
	return true
}

// hear reads until all is answered.
func (m *soaker) hear(c *wireClient) bool {
	c.SetReadDeadline(time.Now().Add(m.crowd.patience))
	for !m.settled() {
		opcode, payload, err := c.frame()
		if err != nil {
			return m.isLost(err)
		}
		if !m.take(opcode, payload) {
			return false
		}
	}
	return true
}

// idle reads what comes for a while.
func (m *soaker) idle(c *wireClient, d time.Duration) bool {
	c.SetReadDeadline(time.Now().Add(d))
	for {
		opcode, payload, err := c.frame()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return true
		case err != nil:
			return m.fault("cut off: %v", err)
		case !m.take(opcode, payload):
			return false
		}
	}
}

// closed reads until the server has closed.
func (m *soaker) closed(c *wireClient) bool {
	c.SetReadDeadline(time.Now().Add(m.crowd.patience))
	for {
		switch opcode, _, err := c.frame(); {
		case err != nil:
			return m.fault("a close frame is answered with %v", err)
		case opcode == opClose:
			return true
		}
	}
}

func (m *soaker) take(opcode byte, payload []byte) bool {
	switch opcode {
	case opText:
		return m.text(payload)
	case opBinary:
		join, ref := int(payload[1]), int(payload[2])
		return m.reply(string(payload[5+join:5+join+ref]), []byte(`"status":"ok"`))
	}
	return m.fault("a frame of kind %d: %q", opcode, payload)
}
