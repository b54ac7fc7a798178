// Command barews is what the gateway's channels are measured against: joins, echo and
// broadcast over gorilla/websocket, written with care and with nothing else. It has no rules,
// no queues, no deadlines, no presence, and does not check what it is sent: a reader that
// stalls holds up everybody. It answers what wsload asks of room:* in its modes idle, echo
// and fanout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

const (
	headerTimeout = 10 * time.Second // the gateway's
	readBuffer    = 512              // bytes of gorilla's for each connection
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9304", "address")
	flag.Parse()
	if err := serve(*listen); err != nil {
		fmt.Fprintln(os.Stderr, "barews:", err)
		os.Exit(1)
	}
}

func serve(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	routes := http.NewServeMux()
	routes.Handle("/socket/websocket", newHub())
	routes.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	server := &http.Server{Handler: routes, ReadHeaderTimeout: headerTimeout}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// A hub knows who is in which topic.
type hub struct {
	upgrader websocket.Upgrader
	mu       sync.RWMutex
	topics   map[string][]*conn
}

func newHub() *hub {
	return &hub{
		upgrader: websocket.Upgrader{
			ReadBufferSize:  readBuffer,
			WriteBufferPool: new(sync.Pool),
			CheckOrigin:     func(*http.Request) bool { return true },
		},
		topics: map[string][]*conn{},
	}
}

// ServeHTTP takes a connection and returns: net/http's goroutine has a stack that grew, and
// buffers, which would stay with the connection (19 KB each instead of 10).
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		log.Print("upgrade: ", err)
		return
	}
	go (&conn{hub: h, ws: ws, net: ws.NetConn()}).read()
}

func (h *hub) join(topic string, c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.topics[topic] = append(h.topics[topic], c)
}

func (h *hub) leave(topic string, c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	members := h.topics[topic]
	for i, m := range members {
		if m == c {
			last := len(members) - 1
			members[i], members[last] = members[last], nil
			h.topics[topic] = members[:last]
			break
		}
	}
	if len(h.topics[topic]) == 0 {
		delete(h.topics, topic)
	}
}

// broadcast writes one frame to every member, one after the other.
func (h *hub) broadcast(topic, frame []byte) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, c := range h.topics[string(topic)] {
		c.write(frame)
	}
}
