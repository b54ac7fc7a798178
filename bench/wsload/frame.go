//go:build linux

package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// opcode says what a frame is (RFC 6455 section 5.2).
type opcode byte

const (
	opText  opcode = 1
	opClose opcode = 8
	opPing  opcode = 9
	opPong  opcode = 10
)

// maskKey is one for all frames: RFC 6455 section 5.3 wants one that cannot be foreseen, to
// protect proxies, and there is none on the way.
const maskKey uint32 = 0x5ac3_1f87

// upgrade makes the handshake (RFC 6455 section 4.1) and gives what the server sent behind
// its answer.
func upgrade(conn io.ReadWriter, target *url.URL) (early []byte, err error) {
	const key = "d3Nsb2FkLXdzbG9hZC13cw==" // 16 bytes; one for all, as with maskKey
	const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
		target.RequestURI(), target.Host, key)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(conn, 1024)
	answer, err := http.ReadResponse(buffered, nil)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the server answered %s", answer.Status)
	}
	sum := sha1.Sum([]byte(key + guid))
	if got := answer.Header.Get("Sec-WebSocket-Accept"); got != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("the server accepted with %q", got)
	}
	waiting, err := buffered.Peek(buffered.Buffered())
	return append([]byte(nil), waiting...), err
}

type frame struct {
	op      opcode
	fin     bool
	payload []byte
}

// nextFrame takes one unmasked server frame off b. A size of 0 asks for more
// bytes, a negative one says the stream is broken.
func nextFrame(b []byte) (f frame, size int) {
	if len(b) < 2 {
		return f, 0
	}
	f.op, f.fin = opcode(b[0]&0x0f), b[0]&0x80 != 0
	if b[0]&0x70 != 0 || b[1]&0x80 != 0 {
		return f, -1
	}
	head, length := 2, int(b[1]&0x7f)
	switch length {
	case 126:
		if head = 4; len(b) < head {
			return f, 0
		}
		length = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		if head = 10; len(b) < head {
			return f, 0
		}
		length = int(binary.BigEndian.Uint64(b[2:]))
	}
	if length < 0 || length > 1<<30 {
		return f, -1
	}
	if len(b) < head+length {
		return f, 0
	}
	f.payload = b[head : head+length]
	return f, head + length
}

// appendFrame appends a masked client frame.
func appendFrame(dst []byte, op opcode, payload []byte) []byte {
	dst = append(dst, 0x80|byte(op))
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = binary.BigEndian.AppendUint32(dst, maskKey)
	at := len(dst)
	dst = append(dst, payload...)
	for i := range dst[at:] {
		dst[at+i] ^= byte(maskKey >> (24 - 8*(i&3)))
	}
	return dst
}
