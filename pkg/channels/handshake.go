package channels

import (
	"bufio"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "phoenix"
	tokenPrefix = "base64url.bearer.phx."
)

// ServeWebsocket answers a request to the websocket of a socket path (`PATH/websocket`).
// params are the query with path parameters over it; `vsn` among them chooses the form of
// messages. A connection that is taken lives on after the return.
func (h *Hub) ServeWebsocket(w http.ResponseWriter, r *http.Request, path string, params map[string]any) {
	m := h.mount(path)
	if m == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if !upgradable(r) {
		w.Header().Set("Sec-Websocket-Version", "13")
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	rules := m.acquire()
	if rules == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	settings := rules.Settings().withDefaults()
	identity, answer, status := h.decide(rules, settings, r, params)
	rules.Release()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	spoken, _ := formOf(params["vsn"])
	h.open(w, r, &socket{conn: conn{hub: h, mount: m, identity: identity, form: spoken, maxFrame: settings.MaxFrame, pace: newPace(settings)}}, settings, answer)
}

func (h *Hub) mount(path string) *mount {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.mounts[path]
}

// upgradable checks the method and the headers of RFC 6455, section 4.2.1, so that the
// connect rules do not run for a request that cannot become a websocket.
func upgradable(r *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(r.Header.Get("Sec-Websocket-Key"))
	return r.Method == http.MethodGet && r.ProtoMajor == 1 && r.ProtoMinor >= 1 &&
		websocket.IsWebSocketUpgrade(r) && r.Header.Get("Sec-Websocket-Version") == "13" &&
		err == nil && len(key) == 16
}

// decide goes through origin, token, subprotocol, version and rules, in this order. It gives
// the headers of the answer, or a status other than 0 that refuses.
func (h *Hub) decide(rules Rules, s Settings, r *http.Request, params map[string]any) (*Identity, http.Header, int) {
	if !s.Origins.Allow(r) {
		h.wrongOrigin(r)
		return nil, nil, http.StatusForbidden
	}
	shake := &Handshake{Request: r, Params: params, Transport: "websocket"}
	answer := http.Header{}
	if s.AuthToken {
		offered, ok := takeToken(shake)
		if !ok || len(offered) > 0 && !served(offered) {
			h.tell(r, "authToken cannot be read, or another subprotocol is asked for")
			return nil, nil, http.StatusForbidden
		}
		if len(offered) > 0 {
			answer.Set("Sec-Websocket-Protocol", subprotocol)
		}
	}
	identity, refused := h.admit(rules, shake)
	return identity, answer, refused
}

// admit goes through version and rules. It gives a status other than 0 that refuses.
func (h *Hub) admit(rules Rules, shake *Handshake) (*Identity, int) {
	if _, ok := formOf(shake.Params["vsn"]); !ok {
		h.tell(shake.Request, "vsn is none that is spoken here")
		return nil, http.StatusForbidden
	}
	identity, err := rules.Connect(shake)
	if err != nil {
		return nil, h.refusal(err, shake.Request)
	}
	if identity == nil {
		identity = &Identity{}
	}
	return identity, 0
}

func (h *Hub) refusal(err error, r *http.Request) int {
	var refused *Refusal
	if !errors.As(err, &refused) {
		if r.Context().Err() != nil { // the client did not wait for the answer
			h.log.Debug("connect rules of a socket that its client left", "path", r.URL.Path, "error", err)
			return http.StatusForbidden
		}
		h.log.Error("connect rules of a socket", "path", r.URL.Path, "error", err)
		return http.StatusForbidden
	}
	h.tell(r, refused.Reason)
	if refused.Status == 0 {
		return http.StatusForbidden
	}
	return refused.Status
}

// tell logs why a client may not connect: a browser shows its page nothing of the answer.
func (h *Hub) tell(r *http.Request, reason string) {
	h.log.Info("socket refused", "path", r.URL.Path, "reason", reason)
}

// maxOrigin bounds what a stranger puts into a line of the log.
const maxOrigin = 256

func (h *Hub) wrongOrigin(r *http.Request) {
	origin := r.Header.Get("Origin")
	h.log.Info("socket refused", "path", r.URL.Path, "reason", "the page is of another origin",
		"origin", origin[:min(len(origin), maxOrigin)], "hint", "list it in `check_origin`, or set `endpoint.url`")
}

// takeToken takes the token out of the offered protocols and gives the others. The client
// encodes with the standard alphabet under the name of the other; both are read. False
// means a token that cannot be read.
func takeToken(shake *Handshake) (offered []string, ok bool) {
	for _, line := range shake.Request.Header.Values("Sec-Websocket-Protocol") {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			text, isToken := strings.CutPrefix(item, tokenPrefix)
			switch {
			case isToken && shake.HasAuthToken:
				return nil, false
			case isToken:
				text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
				token, err := base64.RawURLEncoding.Strict().DecodeString(text)
				if err != nil {
					return nil, false
				}
				shake.AuthToken, shake.HasAuthToken = string(token), true
			case item != "":
				offered = append(offered, item)
			}
		}
	}
	return offered, true
}

func served(offered []string) bool {
	for _, item := range offered {
		if item == subprotocol {
			return true
		}
	}
	return false
}

// open writes the 101 and starts the reader on a goroutine of its own: net/http's, with
// its buffers, ends with the request. The hub knows the connection before the client does,
// so that one that is connected can be disconnected; until then the outbox only collects.
func (h *Hub) open(w http.ResponseWriter, r *http.Request, c *socket, s Settings, answer http.Header) {
	if h.isDraining() {
		c.identity.gone()
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	c.link = c
	c.users, c.writing = 2, true // reader and writer
	deflate := false
	if s.Compress {
		if r, deflate = agreeDeflate(r); deflate {
			c.form |= deflating
		}
	}
	upgrader := websocket.Upgrader{
		EnableCompression: deflate,
		HandshakeTimeout:  writeWait,
		WriteBufferPool:   &h.writers,
		CheckOrigin:       func(*http.Request) bool { return true }, // decided before
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			if c.wire.Conn == nil {
				w.WriteHeader(status)
			}
		},
	}
	lent := c.borrow()
	ws, err := upgrader.Upgrade(&hijacker{w, c}, r, answer)
	c.giveBack(lent)
	if err != nil {
		h.log.Debug("websocket handshake", "path", r.URL.Path, "error", err)
		if c.wire.Conn == nil {
			c.identity.gone()
			return
		}
		c.drop(0, "")
		c.wire.Close()
		c.leave()
		c.leave()
		return
	}
	c.ws = ws
	ws.SetReadLimit(s.MaxFrame)
	ws.SetPingHandler(func(data string) error {
		c.send(controlFrame(websocket.PongMessage, []byte(data)))
		return nil
	})
	ws.SetCloseHandler(func(int, string) error { return nil }) // the reader answers it
	c.raw = rawOf(c.wire.Conn)
	c.wire.start(s.Timeout)
	go c.write()
	go c.read()
	c.check() // the rules may have been replaced since they were asked
}

// A hijacker puts the wire between gorilla and the connection, and finds the connection
// under the wrappers of the server.
type hijacker struct {
	http.ResponseWriter
	conn *socket
}

// Hijack takes the connection over from net/http.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	raw, buffers, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if w, ok := raw.(interface{ Unwatched() net.Conn }); ok {
		raw = w.Unwatched() // what the server looks for in HTTP is not in what follows
	}
	h.conn.wire.Conn = raw
	if !h.conn.hub.register(&h.conn.conn) {
		raw.Close()
		return nil, nil, errDraining
	}
	if buffers.Reader.Buffered() == 0 { // else gorilla refuses: nothing may come before the answer
		buffers.Reader = &h.conn.buffer // gorilla keeps a reader that has room, for want of a ReadBufferSize
	}
	return &h.conn.wire, buffers, nil
}

var errDraining = errors.New("the server is shutting down")
