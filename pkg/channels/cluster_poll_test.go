package channels

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// pollers makes a hub whose clients poll, and a server before it.
func (f *fleet) pollers(name string) (*ship, *server) {
	s := f.ship(name, lobby())
	polling(s.rules, 10*time.Second)
	return s, &server{t: f.t, hub: s.hub}
}

// at gives the client at another node.
func (p *poller) at(s *server) *poller { return &poller{s, p.token} }

func TestAnyNodeTakesAnyToken(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		a, atA := f.pollers("a")
		b, atB := f.pollers("b")
		here := atA.open("id=ann")
		there := here.at(atB)
		there.says(joinOne)
		synctest.Wait()
		got := there.poll()
		if state := string(a.hub.Presence().State("room:1")); len(got.Messages) != 3 || got.Messages[2] != `["1",null,"room:1","presence_state",`+state+`]` || len(state) == 2 {
			t.Errorf("after a join %s", got.body)
		}
		here.play("> "+beat, "< "+beatReply)
		there.play("> "+beat, "< "+beatReply)
		if err := b.hub.Broadcast("room:1", "e", value.Payload{}); err != nil {
			t.Fatal(err)
		}
		there.play(`< [null,null,"room:1","e",{}]`)
		if got := b.hub.Stats(); got.Polls != 0 || a.hub.Stats().Polls != 1 {
			t.Errorf("sessions: %d and %d", a.hub.Stats().Polls, got.Polls)
		}
		began := time.Now()
		if got := there.poll(); got.Status != pollNothing || got.Token != there.token || time.Since(began) != 10*time.Second {
			t.Errorf("a window without messages: %s after %s", got.body, time.Since(began))
		}
		if got := there.post("not a message"); got != pollMalformed {
			t.Errorf("answered %d", got)
		}
		if got := there.poll(); got.Status != pollGone || got.Token == there.token {
			t.Errorf("a session that has ended: %s", got.body)
		}
		if got := there.post(beat); got != pollGone {
			t.Errorf("answered %d", got)
		}
	})
}

func TestPollsOfANodeThatIsGone(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		_, atA := f.pollers("a")
		_, atB := f.pollers("b")
		for name, lose := range map[string]func(){
			"the other is gone":   func() { f.net.Cut("a") },
			"this one is cut off": func() { f.net.Mend("a"); f.net.Cut("b") },
		} {
			there := atA.open("").at(atB)
			lose()
			if got := there.post(beat); got != pollGone {
				t.Errorf("%s: a post is answered with %d", name, got)
			}
			got := there.poll()
			if got.Status != pollGone || got.Token == there.token {
				t.Errorf("%s: a poll is answered with %s", name, got.body)
			}
			(&poller{atB, got.Token}).play("> "+beat, "< "+beatReply) // it goes on here
			f.net.Mend("a")
			f.net.Mend("b")
		}
	})
}

func TestLargePollsCross(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		f.net.Max = 1000
		a, atA := f.pollers("a")
		_, atB := f.pollers("b")
		there := atA.open("").at(atB)
		long := strings.Repeat(`"\\`, 50)
		lines, replies := []string{}, []string{}
		for i := range 60 {
			payload := string(value.AppendJSONString(nil, strings.Repeat(long, i%9)))
			lines = append(lines, fmt.Sprintf(`[null,"%d","room:1","x",%s]`, i, payload))
			replies = append(replies, fmt.Sprintf(`< [null,"%d","room:1","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`, i))
		}
		if got := there.post(lines...); got != pollMessages {
			t.Fatalf("a long post is answered with %d", got)
		}
		there.play(replies...)
		large := `"` + strings.Repeat(`\"`, 10_000) + `"`
		there.says(`["1","1","room:1","phx_join",{}]`)
		<-time.After(time.Second)
		there.poll()
		if err := a.hub.BroadcastLocal("room:1", "large", value.JSON([]byte(large))); err != nil {
			t.Fatal(err)
		}
		there.play(`< [null,null,"room:1","large",` + large + `]`)
		over := `["1","1","room:1","x","` + strings.Repeat("x", maxPost) + `"]`
		if got := there.post(over); got != pollMalformed {
			t.Errorf("a post over the limit is answered with %d", got)
		}
	})
}

func (p *poller) says(lines ...string) {
	p.s.t.Helper()
	if got := p.post(lines...); got != pollMessages {
		p.s.t.Fatalf("a post is answered with %d", got)
	}
}

// Who leaves while it waits takes the poll along, but not the session.
func TestAPollThatIsLeft(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		_, atA := f.pollers("a")
		_, atB := f.pollers("b")
		there := atA.open("").at(atB)
		ctx, leave := context.WithTimeout(t.Context(), 2*time.Second)
		defer leave()
		began := time.Now()
		if there.pollWith(ctx); time.Since(began) != 2*time.Second {
			t.Errorf("it went on for %s", time.Since(began))
		}
		second := make(chan answer)
		go func() { second <- there.poll() }()
		synctest.Wait()
		there.says(beat)
		if got := <-second; len(got.Messages) != 1 || got.Messages[0] != beatReply {
			t.Errorf("the next poll got %s", got.body)
		}
	})
}

func TestSessionParts(t *testing.T) {
	var p sessionParts
	part := func(n uint64, flags byte, body string) (string, bool) {
		q := pollQuestion{pollRequest: pollRequest{body: []byte(body)}, flags: flags, part: n}
		whole := p.gather(&q)
		return string(q.body), whole
	}
	part(1, pollMore, "given up")
	part(2, pollMore, "a")
	if _, whole := part(2, pollMore, "b"); whole {
		t.Error("a body that goes on is taken for a whole one")
	}
	for _, want := range []string{"abc", "c"} { // the second is another body
		if got, whole := part(2, 0, "c"); got != want || !whole {
			t.Errorf("gathered %q, want %q", got, want)
		}
	}
	part(3, pollMore, strings.Repeat("x", maxPost))
	part(3, pollMore, strings.Repeat("x", maxPost))
	if len(p.body) != maxPost+1 {
		t.Errorf("%d bytes are kept", len(p.body))
	}
	p.keepRest(7, []byte("rest"))
	if got := p.takeRest(6); got != nil {
		t.Errorf("the rest of another answer: %q", got)
	}
	if got := p.takeRest(7); string(got) != "rest" {
		t.Errorf("the rest: %q", got)
	}
	if got := p.takeRest(7); got != nil {
		t.Errorf("given twice: %q", got)
	}
}

func FuzzPollQuestion(f *testing.F) {
	q := pollQuestion{pollRequest: pollRequest{path: "/socket", session: "a@b", body: []byte("x")}, flags: pollIsPost, part: 300}
	f.Add(q.append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		if a, err := parsePollAnswer(data); err == nil {
			if again, err := parsePollAnswer(a.append(nil)); err != nil || again.status != a.status || again.rest != a.rest || string(again.messages) != string(a.messages) {
				t.Errorf("%+v came back as %+v", a, again)
			}
		}
		q, err := parsePollQuestion(data)
		if err != nil {
			return
		}
		again, err := parsePollQuestion(q.append(nil))
		if err != nil || again.flags != q.flags || again.path != q.path || again.session != q.session || again.part != q.part || string(again.body) != string(q.body) {
			t.Errorf("%+v came back as %+v, %v", q, again, err)
		}
	})
}

// Another node may be sent the first post of a session: where this one answers is known before
// it begins one.
func TestABusIsConfirmedBeforeSessionsBegin(t *testing.T) {
	sail(t, func(t *testing.T, f *fleet) {
		s, began := f.lone("a", room()), time.Now()
		s.use(&lazyBus{Bus: f.node("a"), takes: time.Second})
		if took := time.Since(began); took != time.Second {
			t.Errorf("a bus that confirms after a second is used after %s", took)
		}
	})
}
