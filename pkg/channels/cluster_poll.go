package channels

import (
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/openmanifest/gateway/pkg/bus"
)

// pollSubject and the name of a node is where that node answers for its long-poll sessions.
const pollSubject = "poll."

// pollWait bounds what a client waits for another node: it gives a request 20 s, and the
// longest window is 15 s.
const pollWait = 18 * time.Second

// A pollQuestion is one question about a session to the node that has it: a version, flags,
// path and session each behind its length as a uvarint, the part as a uvarint, and a body.
// Both a body and an answer may be larger than one message between nodes. Then they come in
// parts of one number, one question for each.
type pollQuestion struct {
	pollRequest
	flags byte
	part  uint64 // tells the parts of one body, or answer, from those of others
}

const (
	pollIsPost  = 1 << iota
	pollIsLines // as isLines
	pollMore    // the body goes on in the next question
	pollRest    // asks for more of an answer
	pollFlags   = pollIsPost | pollIsLines | pollMore | pollRest
)

// pollContinue is the answer to a body that goes on.
const pollContinue = http.StatusContinue

// pollHead is the most that the head of a question takes beside path and session, in bytes,
// and of an answer.
const pollHead = 2 + 3*binary.MaxVarintLen64

var errPollMessage = errors.New("not a question of this version of the gateway about a session")

func (q *pollQuestion) append(b []byte) []byte {
	b = append(b, crossingVersion, q.flags)
	b = append(binary.AppendUvarint(b, uint64(len(q.path))), q.path...)
	b = append(binary.AppendUvarint(b, uint64(len(q.session))), q.session...)
	return append(binary.AppendUvarint(b, q.part), q.body...)
}

func parsePollQuestion(data []byte) (q pollQuestion, err error) {
	if len(data) < 2 || data[0] != crossingVersion || data[1]&^pollFlags != 0 {
		return pollQuestion{}, errPollMessage
	}
	rest, ok := data[2:], true
	q.flags = data[1]
	q.isPost, q.isLines = q.flags&pollIsPost != 0, q.flags&pollIsLines != 0
	if q.path, rest, ok = crossingText(rest); !ok {
		return pollQuestion{}, errPollMessage
	}
	if q.session, rest, ok = crossingText(rest); !ok {
		return pollQuestion{}, errPollMessage
	}
	part, n := binary.Uvarint(rest)
	if n <= 0 {
		return pollQuestion{}, errPollMessage
	}
	q.part, q.body = part, rest[n:]
	return q, nil
}

// A pollAnswer is a version, a status and the number of what is left as uvarints, and
// messages.
type pollAnswer struct {
	status   int
	rest     uint64 // 0: this is all
	messages []byte
}

func (a pollAnswer) append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, crossingVersion), uint64(a.status))
	return append(binary.AppendUvarint(b, a.rest), a.messages...)
}

func parsePollAnswer(data []byte) (a pollAnswer, err error) {
	if len(data) == 0 || data[0] != crossingVersion {
		return pollAnswer{}, errPollMessage
	}
	status, n := binary.Uvarint(data[1:])
	if n <= 0 || status > 999 {
		return pollAnswer{}, errPollMessage
	}
	data = data[1+n:]
	rest, n := binary.Uvarint(data)
	if n <= 0 {
		return pollAnswer{}, errPollMessage
	}
	return pollAnswer{int(status), rest, data[n:]}, nil
}

// nodeName is this node's in tokens of sessions; "" while there are no others.
func (h *Hub) nodeName() string {
	if c := h.nodes.current.Load(); c != nil {
		return c.bus.Node()
	}
	return ""
}

// pollElsewhere asks the node that a session is on. Where that is this one, or none that can
// be reached, the session is gone.
func (h *Hub) pollElsewhere(ctx context.Context, q pollRequest) (status int, messages []byte) {
	_, node, _ := strings.Cut(q.session, "@")
	c := h.nodes.current.Load()
	if c == nil || node == "" || node == c.bus.Node() {
		return pollGone, nil
	}
	ctx, cancel := context.WithTimeout(ctx, pollWait)
	defer cancel()
	status, messages, err := c.askPoll(ctx, node, q)
	switch {
	case err == nil:
		return status, messages
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		if q.isPost {
			return pollStuck, nil
		}
		return pollNothing, nil // it asks again
	}
	h.log.Debug("a long-poll session of another node", "path", q.path, "node", node, "error", err)
	return pollGone, nil
}

// askPoll sends a body in as many questions as it takes, and gathers the answer.
func (c *cluster) askPoll(ctx context.Context, node string, r pollRequest) (status int, messages []byte, err error) {
	q := pollQuestion{pollRequest: r, part: c.hub.nodes.parts.Add(1)}
	if r.isPost {
		q.flags |= pollIsPost
	}
	if r.isLines {
		q.flags |= pollIsLines
	}
	room := c.bus.MaxBytes() - pollHead - len(r.path) - len(r.session)
	if room <= 0 {
		return 0, nil, bus.ErrTooLarge
	}
	for body := r.body; len(body) > room; {
		q.body, body = body[:room], body[room:]
		q.flags |= pollMore
		a, err := c.askOnce(ctx, node, &q)
		if err != nil || a.status != pollContinue {
			return a.status, nil, err
		}
		q.flags &^= pollMore
		q.body = body
	}
	a, err := c.askOnce(ctx, node, &q)
	for messages = a.messages; err == nil && a.rest != 0; messages = append(messages, a.messages...) {
		q.flags, q.part, q.body = pollRest, a.rest, nil
		a, err = c.askOnce(ctx, node, &q)
		if err == nil && a.status != pollMessages { // the rest is lost, and so are its messages
			return pollNothing, nil, nil
		}
	}
	return a.status, messages, err
}

func (c *cluster) askOnce(ctx context.Context, node string, q *pollQuestion) (pollAnswer, error) {
	answer, err := c.bus.Ask(ctx, pollSubject+node, q.append(nil))
	if err != nil {
		return pollAnswer{}, err
	}
	return parsePollAnswer(answer)
}

// answerPoll answers a question of another node.
func (c *cluster) answerPoll(ctx context.Context, data []byte) []byte {
	q, err := parsePollQuestion(data)
	if err != nil {
		c.unreadable(err)
		return nil
	}
	s := c.hub.session(q.pollRequest)
	if s == nil {
		return pollAnswer{status: pollGone}.append(nil)
	}
	a := pollAnswer{status: pollContinue}
	switch {
	case q.flags&pollRest != 0:
		a.messages, a.status = s.parts.takeRest(q.part), pollMessages
		if a.messages == nil {
			a.status = pollNothing
		}
	case !s.parts.gather(&q):
	default:
		a.status, a.messages = c.hub.pollHere(ctx, s, q.pollRequest)
	}
	if room := c.bus.MaxBytes() - pollHead; len(a.messages) > room {
		a.rest = c.hub.nodes.parts.Add(1)
		s.parts.keepRest(a.rest, a.messages[room:])
		a.messages = a.messages[:room]
	}
	return a.append(nil)
}
