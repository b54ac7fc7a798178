//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"
)

// stall: three times fanout on one topic, the second time with one member more, which joins
// and then reads nothing. What it costs the others is the second p99 beside the two around it.

func runStall(ctx context.Context, cfg config) (r result, err error) {
	before, err := runFanout(ctx, cfg)
	if err != nil {
		before.Mode = "stall"
		return before, fmt.Errorf("before: %w", err)
	}
	s, err := dialStalled(cfg)
	if err != nil {
		return before, fmt.Errorf("the stalled member: %w", err)
	}
	defer s.Close()
	r, err = runFanout(ctx, cfg)
	r.Mode, r.BeforeP99ms = "stall", before.P99ms
	if err != nil {
		return r, err
	}
	if r.Stalled, err = s.end(cfg.timeout); err != nil {
		return r, fmt.Errorf("the stalled member: %w", err)
	}
	after, err := runFanout(ctx, cfg)
	r.AfterP99ms = after.P99ms
	r.Dropped, r.Bad, r.Unfinished = r.Dropped+before.Dropped+after.Dropped, r.Bad+before.Bad+after.Bad, r.Unfinished+before.Unfinished+after.Unfinished
	return r, err
}

// A stalled member is joined and does not read.
type stalled struct {
	net.Conn
	unread []byte
}

const (
	// stalledRoom is the receive buffer, in bytes, of a member that reads nothing.
	stalledRoom = 4 << 10
	// stalledFill is how much is echoed to it before the others come: more than what Linux
	// takes off a writer (tcp_wmem: 4 MB with its own overhead, of which two thirds are bytes),
	// so that it is stalled from the beginning however fast the load is, and less than the
	// 4 MiB that a gateway keeps for it besides.
	stalledFill  = 7 << 19
	stalledPiece = 32 << 10
)

func dialStalled(cfg config) (*stalled, error) {
	u, err := url.Parse(cfg.url)
	if err != nil {
		return nil, err
	}
	small := func(_, _ string, raw syscall.RawConn) (err error) {
		return errors.Join(raw.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, stalledRoom) // before it connects, when the window is agreed on
		}), err)
	}
	c, err := (&net.Dialer{Control: small, Timeout: cfg.timeout}).Dial("tcp", u.Host)
	if err != nil {
		return nil, err
	}
	s := &stalled{Conn: c}
	if err := errors.Join(c.SetDeadline(time.Now().Add(cfg.timeout)), s.join(u, cfg.room+"fan0")); err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

func (s *stalled) join(u *url.URL, topic string) (err error) {
	if s.unread, err = upgrade(s, u); err != nil {
		return err
	}
	if _, err := s.Write(appendFrame(nil, opText, []byte(`["1","1","`+topic+`","phx_join",{}]`))); err != nil {
		return err
	}
	f, err := s.next()
	if err != nil {
		return err
	}
	if text := string(f.payload); !strings.Contains(text, `"phx_reply",{"status":"ok"`) {
		return fmt.Errorf("the join was answered with %s", text)
	}
	piece := appendFrame(nil, opText, []byte(`["1","2","`+topic+`","echo",{"x":"`+filler(stalledPiece)+`"}]`))
	for sent := 0; sent < stalledFill; sent += stalledPiece {
		if _, err := s.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

var errBroken = errors.New("a frame that cannot be read")

// next reads a frame. Its payload holds until the next call.
func (s *stalled) next() (frame, error) {
	for {
		f, size := nextFrame(s.unread)
		switch {
		case size > 0:
			s.unread = s.unread[size:]
			return f, nil
		case size < 0:
			return f, errBroken
		}
		var room [64 << 10]byte
		n, err := s.Read(room[:])
		if s.unread = append(s.unread, room[:n]...); err != nil {
			return f, err
		}
	}
}

// end reads what is left, and tells how the server parted with a member that read nothing.
// The error says that it did not.
func (s *stalled) end(patience time.Duration) (string, error) {
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	for frames := 0; ; frames++ {
		f, err := s.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return "", fmt.Errorf("it was not closed: %d frames came", frames)
		case errors.Is(err, errBroken):
			return "", err
		case err == io.EOF && len(s.unread) == 0:
			return fmt.Sprintf("cut after %d frames", frames), nil
		case err != nil:
			return fmt.Sprintf("cut within frame %d", frames+1), nil
		case f.op == opClose && len(f.payload) >= 2:
			return fmt.Sprintf("closed with %d %s after %d frames", binary.BigEndian.Uint16(f.payload), f.payload[2:], frames), nil
		}
	}
}
