package channels

import (
	"crypto/rand"
	"net/http"
	"strings"
)

// tokenHeader goes before the query parameter `token` (Phoenix 1.9).
const tokenHeader = "X-Phoenix-Longpoll-Token"

// A pollToken is the token that came with a request.
type pollToken struct {
	text    string
	session string // what it names; "" where it is none of ours, or too old
	// isOwn tells that text stands in the query and is the session's, and not a parameter
	// of the application that happens to have the same name.
	isOwn  bool
	before []string // what else the query has as `token`
}

// readToken finds the token. In the query it comes last: the client puts it behind the
// parameters of the application, which may have one of that name.
func readToken(r *http.Request, l *Longpoll) pollToken {
	t := pollToken{text: r.Header.Get(tokenHeader)}
	if t.text == "" {
		if sent := r.URL.Query()["token"]; len(sent) > 0 {
			t.before, t.text = sent[:len(sent)-1], sent[len(sent)-1]
			t.isOwn = t.text == "" || len(t.before) > 0
		}
	}
	if t.text == "" {
		return t
	}
	if session, ok := l.Verify(t.text); ok {
		t.session, t.isOwn = session, t.isOwn || r.Header.Get(tokenHeader) == ""
	}
	return t
}

// takeOut takes the session's token out of the parameters of the application.
func (t pollToken) takeOut(params map[string]any) {
	switch {
	case !t.isOwn:
	case len(t.before) > 0:
		params["token"] = t.before[len(t.before)-1]
	default:
		delete(params, "token")
	}
}

// sessionName names a session in its token, with the node that has it.
func sessionName(id, node string) string { return id + "@" + node }

// newSessionID cannot be guessed: it has 130 bits.
func newSessionID() string { return rand.Text() }

// session finds the session of a request on this node; nil where there is none, or it has
// ended.
func (h *Hub) session(q pollRequest) *session {
	id, node, _ := strings.Cut(q.session, "@")
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.sessions[id]; s != nil && s.node == node && s.mount.path == q.path {
		return s
	}
	return nil
}
