package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// A soaker is one client of a crowd: over one connection after another it is a member of
// one room. One goroutine sends, then reads until all is answered.
type soaker struct {
	crowd  *crowd
	random *rand.Rand
	user   string
	room   string

	ref     int
	join    string   // the ref of the membership
	want    []string // refs of pushes, in the order in which they are to be answered
	closing string   // the join ref of a membership whose phx_close is to come

	epoch  string
	offset int                          // of the last broadcast
	missed int                          // broadcasts that did not come
	own    int                          // broadcasts made, which the filter keeps from their maker
	asked  struct{ offset, missed int } // what the last join said; the old membership goes on until it is handled
}

func newSoaker(c *crowd, i int) *soaker {
	return &soaker{crowd: c, random: rand.New(rand.NewPCG(1, uint64(i))), user: fmt.Sprintf("u%d", i), room: fmt.Sprintf("room:%d", i%c.rooms)}
}

// around is half of d to one and a half.
func (m *soaker) around(d time.Duration) time.Duration {
	return d/2 + time.Duration(m.random.Int64N(int64(d)))
}

// pause waits; false when the crowd goes home.
func (m *soaker) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-m.crowd.stop:
		return false
	}
}

func (m *soaker) nextRef() string {
	m.ref++
	return strconv.Itoa(m.ref)
}

// message makes a push whose reply is awaited from now on.
func (m *soaker) message(event, payload string) []byte {
	ref := m.nextRef()
	m.want = append(m.want, ref)
	m.crowd.sent.Add(1)
	return fmt.Appendf(nil, `["%s","%s","%s","%s",%s]`, m.join, ref, m.room, event, payload)
}

// binary makes a push of bytes.
func (m *soaker) binary(event string, data []byte) []byte {
	ref := m.nextRef()
	m.want = append(m.want, ref)
	m.crowd.sent.Add(1)
	b := []byte{0, byte(len(m.join)), byte(len(ref)), byte(len(m.room)), byte(len(event))}
	return append(append(b, m.join+ref+m.room+event...), data...)
}

// joining makes a join that asks for what was missed. One of a membership that is has that
// closed.
func (m *soaker) joining() []byte {
	m.closing, m.join = m.join, strconv.Itoa(m.ref+1)
	m.asked.offset, m.asked.missed = m.offset, m.missed
	return m.message("phx_join", fmt.Sprintf(`{"epoch":%q,"offset":%d}`, m.epoch, m.offset))
}

// leaving makes a leave, after which there is no membership.
func (m *soaker) leaving() []byte {
	out := m.message("phx_leave", "{}")
	m.closing, m.join = m.join, ""
	return out
}

// pushes makes what a client sends at once.
func (m *soaker) pushes() (out [][]byte) {
	for range 1 + m.random.IntN(3) {
		switch m.random.IntN(5) {
		case 0:
			m.own++
			out = append(out, m.message("new_msg", fmt.Sprintf(`{"body":"message %d of %s"}`, m.own, m.user)))
		case 1:
			out = append(out, m.message("version", "{}"))
		case 2:
			out = append(out, m.message("status", `{"status":"busy"}`))
		default:
			out = append(out, m.message("echo", `{"x":[1,2,3]}`))
		}
	}
	return out
}

// began forgets what was of an earlier connection.
func (m *soaker) began() {
	m.join, m.closing, m.want, m.ref = "", "", nil, 0
}

// abandon counts what a client that vanishes does not wait for.
func (m *soaker) abandon() {
	m.crowd.abandoned.Add(int64(len(m.want)))
	m.crowd.vanished.Add(1)
}

// fault tells of this client; false, for its connection is over.
func (m *soaker) fault(format string, args ...any) bool {
	m.crowd.faults.add(m.user+" in "+m.room, format, args...)
	return false
}

// settled tells that all that is to come in answer has come.
func (m *soaker) settled() bool { return len(m.want) == 0 && m.closing == "" }

// isLost tells of what was not answered.
func (m *soaker) isLost(err error) bool {
	return m.fault("no answer to %v (closing %q): %v", m.want, m.closing, err)
}

// text takes a frame of the server.
func (m *soaker) text(frame []byte) bool {
	var parts [4][]byte
	rest := frame
	for i := range parts {
		rest = bytes.TrimLeft(rest, "[,")
		end := bytes.IndexAny(rest, ",")
		if end < 0 {
			return m.fault("cannot read %q", frame)
		}
		parts[i], rest = bytes.Trim(rest[:end], `"`), rest[end:]
	}
	payload := rest[1 : len(rest)-1]
	switch event := string(parts[3]); event {
	case "phx_reply":
		return m.reply(string(parts[1]), payload)
	case "phx_close":
		if string(parts[0]) != m.closing {
			return m.fault("closed: %s", frame)
		}
		m.closing = ""
		return true
	case "phx_error":
		return m.fault("an error: %s", frame)
	case "new_msg", "left":
		return m.counted(string(parts[1]), frame)
	case "presence_state", "presence_diff", "tick":
		m.crowd.events.Add(1)
		return true
	}
	return m.fault("unknown: %s", frame)
}

// reply takes an answer: to the push that waits for one longest.
func (m *soaker) reply(ref string, payload []byte) bool {
	switch {
	case len(m.want) == 0 || m.want[0] != ref:
		return m.fault("a reply to %s, not to %v: %s", ref, m.want, payload)
	case !bytes.Contains(payload, []byte(`"status":"ok"`)):
		return m.fault("refused: %s", payload)
	}
	m.want = m.want[1:]
	m.crowd.answered.Add(1)
	if ref != m.join {
		return true
	}
	m.crowd.joins.Add(1)
	epoch, offset := plainMember(payload, "epoch"), plainMember(payload, "offset")
	if plainMember(payload, "recovered") == "true" {
		m.crowd.recovered.Add(1)
		m.offset, m.missed = m.asked.offset, m.asked.missed
		return true // what was missed follows
	}
	n, err := strconv.Atoi(offset)
	if err != nil {
		return m.fault("joined with %s", payload)
	}
	m.epoch, m.offset = epoch, n
	return true
}

// plainMember is a plain member of a JSON object.
func plainMember(object []byte, name string) string {
	_, rest, _ := bytes.Cut(object, []byte(`"`+name+`":`))
	end := max(0, bytes.IndexAny(rest, ",}"))
	return string(bytes.Trim(rest[:end], `"`))
}

// counted takes a broadcast, which is numbered: none comes twice or late, and none is
// missing but those that the filter keeps from their maker.
func (m *soaker) counted(ref string, frame []byte) bool {
	m.crowd.events.Add(1)
	if len(ref) < 2 {
		return m.fault("no number: %s", frame)
	}
	n, err := strconv.Atoi(ref[1:])
	if err != nil || n <= m.offset {
		return m.fault("after %d came %s", m.offset, frame)
	}
	before := m.offset
	m.missed += n - before - 1
	m.offset = n
	if m.missed > m.own {
		m.missed = m.own // told once
		return m.fault("broadcasts are missing between %d and %s: it made %d, and joined last at %d", before, frame, m.own, m.asked.offset)
	}
	return true
}
