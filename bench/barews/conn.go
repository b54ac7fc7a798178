package main

import (
	"bytes"
	"net"
	"sync"

	"github.com/gorilla/websocket"
)

// A conn is one websocket and the goroutine that reads it.
type conn struct {
	hub    *hub
	ws     *websocket.Conn
	net    net.Conn
	mu     sync.Mutex // of writing
	topics []string
}

// scratch is what a message needs while it is handled: what was read, and what is answered.
type scratch struct {
	in  bytes.Buffer
	out []byte
}

// scratches is one for all connections, so that a quiet one holds no buffer.
var scratches = sync.Pool{New: func() any { return &scratch{out: make([]byte, 0, readBuffer)} }}

func (c *conn) read() {
	defer c.end()
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil || kind != websocket.TextMessage {
			return
		}
		s := scratches.Get().(*scratch)
		s.in.Reset()
		_, err = s.in.ReadFrom(r)
		if err == nil {
			err = c.handle(s)
		}
		scratches.Put(s)
		if err != nil {
			return
		}
	}
}

func (c *conn) end() {
	for _, topic := range c.topics {
		c.hub.leave(topic, c)
	}
	c.ws.Close()
}

// handle answers one message.
func (c *conn) handle(s *scratch) error {
	m, ok := parse(s.in.Bytes())
	if !ok {
		return errMalformed
	}
	switch string(m.event) {
	case "phx_join":
		topic := string(m.topic) // with its quotes, here and in new_msg
		c.topics = append(c.topics, topic)
		c.hub.join(topic, c)
		s.out = appendReply(s.out[:0], m, empty)
	case "heartbeat":
		s.out = appendReply(s.out[:0], m, empty)
	case "echo":
		s.out = appendReply(s.out[:0], m, m.payload)
	case "new_msg":
		s.out = appendBroadcast(s.out[:0], m)
		c.hub.broadcast(m.topic, s.out)
		return nil
	}
	return c.write(s.out)
}

// write sends a whole frame past gorilla, which would copy it.
func (c *conn) write(frame []byte) error {
	c.mu.Lock()
	_, err := c.net.Write(frame)
	c.mu.Unlock()
	return err
}
