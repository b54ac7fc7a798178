package channels

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// A Longpoll lets clients without a websocket in: they ask for messages again and again at
// `PATH/longpoll`, and post theirs there.
type Longpoll struct {
	Window time.Duration // how long a poll waits for messages; 10 s
	// Sign makes the token of a session, which clients and strangers may see. Verify gives
	// the session of a token that Sign made, not too long ago. Both may be called when the
	// rules that have them are closed.
	Sign   func(session string) (token string, err error)
	Verify func(token string) (session string, ok bool)
}

const defaultWindow = 10 * time.Second

// The outcomes that a client of long polling finds in the answer's JSON. The answer itself
// is always 200: older browsers hide others from scripts.
const (
	pollMessages  = http.StatusOK             // also: what was posted was taken
	pollNothing   = http.StatusNoContent      // nothing came within the window
	pollMalformed = http.StatusBadRequest     // what was posted cannot be read, and the session has ended
	pollForbidden = http.StatusForbidden      // no session for this client
	pollStuck     = http.StatusRequestTimeout // what was posted was not taken
	pollGone      = http.StatusGone           // there is no such session; the token is of a fresh one
	pollFailed    = http.StatusInternalServerError
)

const (
	// maxPost bounds the body of a POST, in bytes.
	maxPost = 8_000_000
	// optionsAge is how many seconds a browser may remember the answer to OPTIONS.
	optionsAge = "3600"
	ndjson     = "application/x-ndjson"
)

// ServeLongpoll answers a request to `PATH/longpoll` of a socket path. params are the query
// with path parameters over it, as for ServeWebsocket; they are the hub's from now on. A
// poll returns when there are messages, at the end of its window, or with the request's
// context.
func (h *Hub) ServeLongpoll(w http.ResponseWriter, r *http.Request, path string, params map[string]any) {
	m, settings, ok := h.longpollAt(path)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	head := w.Header()
	head.Set("Access-Control-Allow-Origin", "*") // the origin is checked here, not by the browser
	head.Set("Cache-Control", "no-store")
	isKnown := r.Method == http.MethodGet || r.Method == http.MethodPost || r.Method == http.MethodOptions
	switch {
	case !isKnown:
		w.WriteHeader(http.StatusBadRequest)
	case !settings.Origins.Allow(r):
		h.wrongOrigin(r)
		answerPoll(w, pollForbidden, nil)
	case r.Method == http.MethodOptions:
		head.Set("Access-Control-Allow-Methods", "get, post, options")
		head.Set("Access-Control-Allow-Headers", strings.Join(r.Header.Values("Access-Control-Request-Headers"), ", "))
		head.Set("Access-Control-Max-Age", optionsAge)
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodPost:
		answerPoll(w, h.postFrom(r, path, readToken(r, settings.Longpoll)), nil)
	default:
		h.get(w, r, m, readToken(r, settings.Longpoll), params)
	}
}

// longpollAt gives a socket path and its settings; false where it takes no polls.
func (h *Hub) longpollAt(path string) (*mount, Settings, bool) {
	m := h.mount(path)
	if m == nil {
		return nil, Settings{}, false
	}
	rules := m.acquire()
	if rules == nil {
		return nil, Settings{}, false
	}
	defer rules.Release()
	s := rules.Settings().withDefaults()
	return m, s, s.Longpoll != nil
}

// get gives the messages of a session, or a session where there is none.
func (h *Hub) get(w http.ResponseWriter, r *http.Request, m *mount, t pollToken, params map[string]any) {
	status, messages := pollGone, []byte(nil)
	if t.session != "" {
		status, messages = h.poll(r.Context(), pollRequest{path: m.path, session: t.session})
	}
	token := t.text
	if status == pollGone {
		if params["token"] == t.text { // else it is a path parameter
			t.takeOut(params)
		}
		status, token = h.begin(r, m, params)
	}
	if status == pollForbidden || status == pollFailed {
		answerPoll(w, status, nil)
		return
	}
	body := value.AppendJSONString([]byte(`,"token":`), token)
	body = append(append(append(body, `,"messages":[`...), messages...), ']')
	answerPoll(w, status, body)
}

// postFrom hands the body of a POST to its session.
func (h *Hub) postFrom(r *http.Request, path string, t pollToken) (status int) {
	if t.session == "" {
		return pollGone
	}
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(io.LimitReader(r.Body, maxPost+1)); err != nil {
		h.log.Debug("body of a long poll", "path", r.URL.Path, "error", err)
		return pollStuck // none of it was taken
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // one that cannot be read is any other
	status, _ = h.poll(r.Context(), pollRequest{path: path, session: t.session, isPost: true, isLines: kind == ndjson, body: body.Bytes()})
	return status
}

// answerPoll sends a status and what comes after it in the answer's JSON.
func answerPoll(w http.ResponseWriter, status int, rest []byte) {
	body := make([]byte, 0, len(`{"status":000}`)+len(rest))
	body = strconv.AppendInt(append(body, `{"status":`...), int64(status), 10)
	body = append(append(body, rest...), '}')
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a client that went away loses what was for it: at most once
}

// A pollRequest is what a client asks of a session, without the HTTP around it, so that a
// node can pass it on to the one that has the session.
type pollRequest struct {
	path    string // of the socket
	session string // as in its token
	isPost  bool
	isLines bool   // the body is lines of messages, else it is one text message
	body    []byte // of a POST, at most maxPost+1 bytes
}

// poll does what a client asks of a session. For a GET that is 200 it gives the messages,
// which are JSON strings with commas between them. It returns with ctx at the latest, or
// after a window.
func (h *Hub) poll(ctx context.Context, q pollRequest) (status int, messages []byte) {
	s := h.session(q)
	if s == nil {
		return h.pollElsewhere(ctx, q)
	}
	return h.pollHere(ctx, s, q)
}

// pollHere is poll for a session of this node.
func (h *Hub) pollHere(ctx context.Context, s *session, q pollRequest) (status int, messages []byte) {
	if q.isPost {
		return s.post(ctx, &q), nil
	}
	return s.collect(ctx)
}
