package presence

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/bus"
)

// Messages between nodes. All numbers are uvarints, all texts a length and bytes.
//
//	message  = version kind node seq change*          changes in a batch alone
//	question = version session place                  session 0 begins a snapshot
//	answer   = version status session seq next change*  next 0: there is no more
//	change   = 't' topic | 'j' key ref prev members | 'l' ref
//
// A change of kind t says which topic those after it are about.
const wireVersion = 1

type kind byte

const (
	kindHello kind = iota + 1 // a beat that asks for beats
	kindBeat                  // what the number of the last batch is
	kindBatch
	kindBye
)

type status byte

const (
	statusHere status = iota + 1
	statusGone        // no such session: begin again
	statusBusy        // too many sessions: come back later
)

const (
	changeTopic = 't'
	changeJoin  = 'j'
	changeLeave = 'l'
)

// maxRef bounds refs of other nodes, in bytes. Ours have refLength.
const maxRef = 64

// maxNode bounds the name of a node, in bytes.
const maxNode = 128

// errWire means that another node's message is not one.
var errWire = errors.New("not a message of presence")

type message struct {
	kind kind
	node string
	seq  uint64
	body []byte
}

func (m message) append(b []byte) []byte {
	b = append(b, wireVersion, byte(m.kind))
	b = appendText(b, m.node)
	b = binary.AppendUvarint(b, m.seq)
	return append(b, m.body...)
}

func parseMessage(data []byte) (message, error) {
	r := reader{rest: data}
	r.version()
	m := message{kind: kind(r.byte()), node: r.text(), seq: r.number(), body: r.rest}
	if r.bad || m.kind < kindHello || m.kind > kindBye {
		return message{}, fmt.Errorf("%w: its head", errWire)
	}
	if len(m.node) > maxNode || !bus.IsSubject(m.node) || strings.Contains(m.node, ".") {
		return message{}, fmt.Errorf("%w: its node", errWire)
	}
	return m, nil
}

type question struct{ session, place uint64 }

func (q question) append(b []byte) []byte {
	b = append(b, wireVersion)
	b = binary.AppendUvarint(b, q.session)
	return binary.AppendUvarint(b, q.place)
}

func parseQuestion(data []byte) (question, error) {
	r := reader{rest: data}
	r.version()
	q := question{r.number(), r.number()}
	if r.bad || len(r.rest) > 0 {
		return question{}, fmt.Errorf("%w: a question", errWire)
	}
	return q, nil
}

type answer struct {
	status  status
	session uint64
	seq     uint64
	next    uint64
	body    []byte
}

func (a answer) append(b []byte) []byte {
	b = append(b, wireVersion, byte(a.status))
	b = binary.AppendUvarint(b, a.session)
	b = binary.AppendUvarint(b, a.seq)
	b = binary.AppendUvarint(b, a.next)
	return append(b, a.body...)
}

func parseAnswer(data []byte) (answer, error) {
	r := reader{rest: data}
	r.version()
	a := answer{status(r.byte()), r.number(), r.number(), r.number(), r.rest}
	if r.bad || a.status < statusHere || a.status > statusBusy {
		return answer{}, fmt.Errorf("%w: an answer", errWire)
	}
	return a, nil
}

// A change is a meta of another node that came, or went: then only ref is set.
type change struct {
	join                 bool
	key, ref, prev, body string
}

// A group is changes of one topic, in order.
type group struct {
	topic   string
	changes []change
}

// parseChanges takes all or nothing: what it gives is fit to be spliced into frames.
func parseChanges(body []byte) ([]group, error) {
	var groups []group
	var scratch []byte
	r := reader{rest: body}
	for len(r.rest) > 0 {
		switch r.byte() {
		case changeTopic:
			groups = append(groups, group{topic: r.text()})
			continue
		case changeJoin:
			c := change{join: true, key: r.text(), ref: r.text(), prev: r.text()}
			members := bytes.TrimSpace(r.bytes())
			scratch = append(append(append(scratch[:0], '{'), members...), '}')
			refs := isRef(c.ref) && (c.prev == "" || isRef(c.prev))
			if r.bad || len(groups) == 0 || !refs || !utf8.ValidString(c.key) || !json.Valid(scratch) {
				return nil, fmt.Errorf("%w: a join", errWire)
			}
			c.body = string(members)
			last := &groups[len(groups)-1]
			last.changes = append(last.changes, c)
		case changeLeave:
			c := change{ref: r.text()}
			if r.bad || len(groups) == 0 || !isRef(c.ref) {
				return nil, fmt.Errorf("%w: a leave", errWire)
			}
			last := &groups[len(groups)-1]
			last.changes = append(last.changes, c)
		default:
			return nil, fmt.Errorf("%w: a change", errWire)
		}
	}
	if r.bad {
		return nil, fmt.Errorf("%w: it ends too early", errWire)
	}
	return groups, nil
}

// isRef tells base64url of a length that we take.
func isRef(s string) bool { return len(s) <= maxRef && !strings.Contains(s, ".") && bus.IsSubject(s) }

// A packer writes changes into bodies of messages of a limited size.
type packer struct {
	limit int // bytes of one body
	body  []byte
	topic string // that the last change was about
	open  bool   // body says topic
}

// add tells whether there was room. An entry that never has room is told by tooLarge.
func (p *packer) add(o op) bool {
	e := o.entry
	topic := e.at.topic.name
	named := p.open && p.topic == topic
	size := changeSize(o)
	if !named {
		size += topicSize(topic)
	}
	if len(p.body)+size > p.limit {
		return false
	}
	if !named {
		p.body = appendText(append(p.body, changeTopic), topic)
		p.topic, p.open = topic, true
	}
	if !o.join {
		p.body = appendText(append(p.body, changeLeave), e.ref())
		return true
	}
	p.body = appendText(append(p.body, changeJoin), e.at.key)
	p.body = appendText(p.body, e.ref())
	p.body = appendText(p.body, e.prev())
	p.body = appendText(p.body, e.body())
	return true
}

// take gives the body so far and begins the next one.
func (p *packer) take() []byte {
	body := p.body
	p.body, p.topic, p.open = nil, "", false
	return body
}

// tooLarge tells an entry that fits no message at all.
func (p *packer) tooLarge(o op) bool {
	return topicSize(o.entry.at.topic.name)+changeSize(o) > p.limit
}

// lengthBytes is the most that the length of a text takes here: texts are under 2^28 bytes.
const lengthBytes = 4

func topicSize(topic string) int { return 1 + lengthBytes + len(topic) }

func changeSize(o op) int {
	if !o.join {
		return 1 + lengthBytes + int(o.entry.refLen)
	}
	return 1 + 4*lengthBytes + len(o.entry.at.key) + len(o.entry.json)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// A reader takes a message apart. After the first fault everything is empty and bad is set.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() {
	r.bad, r.rest = true, nil
}

func (r *reader) version() {
	if r.byte() != wireVersion {
		r.fail()
	}
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes()) }
