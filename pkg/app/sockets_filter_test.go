package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

// stamped is a channel whose filter says once in which run it was made.
const stamped = `
      - topic: room:{id}
        join: [{assign: {blocked: "${payload.blocked ?? []}", other: 1}}]
        handle_in:
          block: [{assign: {blocked: "${payload.ids}"}}, reply]
          set_other: [{assign: {other: 2}}, reply]
        handle_out:
          msg:
            - require: not has(blocked, payload.from)
            - push: {payload: {run: "${uuid()}", in: "${params.id}", n: "${payload.n}"}}
          by_user:
            - when: user == 'ann'
              do: [{push: {payload: {run: "${uuid()}"}}}]
              else: [{push: {event: for_others, payload: {run: "${uuid()}"}}}]
          by_socket: [{push: {payload: {run: "${uuid()}", id: "${socket.id}"}}}]
          logged: [{log: seen}, {push: {payload: {run: "${uuid()}"}}}]
          counted: [{push: {payload: {run: "${uuid()}", here: "${presence_count(topic)}"}}}]
          undecided: [{require: "payload.missing.deep == 1"}, push]
          broken: [{push: {payload: {n: "${1 % (other - other)}"}}}]
`

func send(t *testing.T, h *house, event, payload string) {
	t.Helper()
	if err := h.hub.Broadcast("room:1", event, value.JSON([]byte(payload))); err != nil {
		t.Fatal(err)
	}
}

func TestFiltersAreComputedOncePerDistinctNames(t *testing.T) {
	h := serve(t, rooms(stamped))
	enter := func(user, payload string) *client {
		return h.dial("/socket/websocket?user="+user).join("room:1", payload, okReply)
	}
	a, b, c := enter("ann", `{"blocked":[7,8]}`), enter("bob", `{"blocked":[7,8]}`), enter("ann", `{"blocked":[8,7]}`)
	all := []*client{a, b, c}
	runs := func(event, payload string) string {
		t.Helper()
		send(t, h, event, payload)
		seen, shape := map[string]int{}, ""
		for _, m := range all {
			frame := m.receive()
			if n := seen[frame]; n == 0 {
				seen[frame] = len(seen) + 1
			}
			shape += fmt.Sprint(seen[frame])
		}
		return shape
	}
	tests := []struct{ event, payload, want string }{
		{"msg", `{"from":1,"n":1}`, "112"}, // the lists are told apart by their order too
		{"msg", `{"from":2,"n":1}`, "112"}, // and that is known by now
		{"by_user", `{}`, "121"},           // names of the connection
		{"by_socket", `{}`, "121"},         // and its id
		{"logged", `{}`, "123"},            // a plug that does something
		{"counted", `{}`, "123"},           // a function that looks around
	}
	for _, tt := range tests {
		if got := runs(tt.event, tt.payload); got != tt.want {
			t.Errorf("%s: the members' runs are %s, want %s", tt.event, got, tt.want)
		}
	}
	c.ask("room:1", "block", `{"ids":[7,8]}`, okReply)
	if got := runs("msg", `{"from":1,"n":1}`); got != "111" {
		t.Errorf("after the lists became equal the runs are %s", got)
	}
	a.ask("room:1", "set_other", `{}`, okReply) // what the filter does not read
	if got := runs("msg", `{"from":1,"n":1}`); got != "111" {
		t.Errorf("after another name changed the runs are %s", got)
	}
	b.ask("room:1", "block", `{"ids":[7]}`, okReply)
	send(t, h, "msg", `{"from":8,"n":2}`) // for b alone
	send(t, h, "plain", `{}`)
	for _, m := range []*client{a, c} {
		m.play(`< [null,null,"room:1","plain",{}]`)
	}
	if got := b.receive(); !strings.HasSuffix(got, `"in":"1","n":2}]`) {
		t.Errorf("b got %s", got)
	}
	b.play(`< [null,null,"room:1","plain",{}]`)
}

func TestFiltersThatFailAreToldOnce(t *testing.T) {
	h := serve(t, rooms(stamped))
	var all []*client
	for range 3 {
		all = append(all, h.dial("/socket/websocket?user=ann").join("room:1", `{}`, okReply))
	}
	send(t, h, "undecided", `{}`)
	send(t, h, "plain", `{}`)
	for _, m := range all { // it was dropped
		m.play(`< [null,null,"room:1","plain",{}]`)
	}
	if n := strings.Count(h.log.String(), "could not be decided"); n != 1 {
		t.Errorf("a rule that could not be decided was logged %d times", n)
	}
	send(t, h, "broken", `{}`)
	for _, m := range all {
		m.play(`< ["1","1","room:1","phx_error",{}]`)
	}
	if n := strings.Count(h.log.String(), "channel rules failed"); n != 1 {
		t.Errorf("a failure was logged %d times:\n%s", n, h.log.String())
	}
}

// A presence is told with locks held: a filter of it that asks who is present must not
// wait for itself.
func TestAFilterOfPresences(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: []
        after_join: [{track: {key: "${user}"}}]
        handle_out:
          presence_diff: [{push: {event: here, payload: {n: "${presence_count(topic)}"}}}]
`))
	a := h.dial("/socket/websocket?user=ann").join("room:1", `{}`, okReply)
	for frame := ""; frame != `["1",null,"room:1","here",{"n":1}]`; {
		frame = a.receive()
	}
	h.dial("/socket/websocket?user=bob").join("room:1", `{}`, okReply)
	a.play(`< ["1",null,"room:1","here",{"n":2}]`)
}

func TestAReloadChangesFilters(t *testing.T) {
	h := serve(t, rooms(stamped))
	a := h.dial("/socket/websocket?user=ann").join("room:1", `{"blocked":[7]}`, okReply)
	send(t, h, "msg", `{"from":7}`)
	send(t, h, "msg", `{"from":8,"n":1}`)
	if got := a.receive(); !strings.Contains(got, `"n":1`) {
		t.Errorf("got %s", got)
	}
	h.reload(rooms(`
      - topic: room:{id}
        join: [{assign: {aaa: 1, blocked: "${payload.blocked ?? []}"}}]
        handle_out:
          msg: [{when: "has(blocked, payload.from)", do: [push]}]
`))
	send(t, h, "msg", `{"from":8}`)
	send(t, h, "msg", `{"from":7}`)
	a.play(`< ["1",null,"room:1","msg",{"from":7}]`)
}

func TestEveryInterval(t *testing.T) {
	h := serve(t, rooms(`
      - topic: room:{id}
        join: [{assign: {n: 0}}]
        every:
          100ms:
            - assign: {n: "${n + 1}"}
            - push: {event: tick, payload: {n: "${n}", user: "${user}", room: "${params.id}"}}
            - {broadcast: {event: all, payload: {n: "${n}"}}, when: n == 2}
            - {require: n < 3}
            - {stop: normal, when: n == 4}
          7d: [{push: {event: never}}]
`))
	a := h.dial("/socket/websocket?user=ann").join("room:1", `{}`, okReply)
	a.play(`< ["1",null,"room:1","tick",{"n":1,"user":"ann","room":"1"}]`, `< ["1",null,"room:1","tick",{"n":2,"user":"ann","room":"1"}]`,
		`< [null,null,"room:1","all",{"n":2}]`, `< ["1",null,"room:1","tick",{"n":3,"user":"ann","room":"1"}]`)
	await.Until(t, "a refusal is logged", func() bool { return strings.Contains(h.log.String(), "in=every") })
	a.play(`< ["1",null,"room:1","tick",{"n":4,"user":"ann","room":"1"}]`)
	h.reload(rooms(`
      - topic: room:{id}
        join: [{assign: {n: 0}}]
        every: {200ms: [{push: {event: tock, payload: {n: "${n}"}}}, stop]}
`))
	for frame := ""; frame != `["1","1","room:1","phx_close",{}]`; {
		if frame = a.receive(); !strings.Contains(frame, `"tick"`) && !strings.Contains(frame, `"tock"`) && !strings.Contains(frame, "phx_close") {
			t.Fatalf("got %s", frame)
		}
	}
}

func TestHistoryOfAChannel(t *testing.T) {
	const channel = `
      - topic: room:{id}
        join: [{reply: {hello: "${user}"}}]
        history: {size: 2}
        handle_in: {msg: [broadcast_from, reply]}
      - topic: quiet
        join: []
`
	h := serve(t, rooms(channel))
	a := h.dial("/socket/websocket?user=ann").play(`> ["1","1","room:1","phx_join",{}]`)
	reply := a.receive()
	_, rest, _ := strings.Cut(reply, `{"hello":"ann","epoch":"`)
	epoch, rest, ok := strings.Cut(rest, `"`)
	if !ok || rest != `,"offset":0}}]` {
		t.Fatalf("the reply is %s", reply)
	}
	a.join("quiet", `{}`, okReply).ask("room:1", "msg", `{"n":1}`, okReply)
	send(t, h, "plain", `{"n":2}`)
	a.play(`< [null,"h2","room:1","plain",{"n":2}]`)
	b := h.dial("/socket/websocket?user=bob").play(`> ["3","3","room:1","phx_join",{"epoch":"` + epoch + `","offset":0}]`)
	b.play(`< ["3","3","room:1","phx_reply",{"status":"ok","response":{"hello":"bob","epoch":"`+epoch+`","offset":2,"recovered":true}}]`,
		`< [null,"h1","room:1","msg",{"n":1}]`, `< [null,"h2","room:1","plain",{"n":2}]`)
	send(t, h, "plain", `{"n":3}`)
	b.play(`< [null,"h3","room:1","plain",{"n":3}]`)
	c := h.dial("/socket/websocket?user=cat").play(`> ["3","3","room:1","phx_join",{"epoch":"` + epoch + `","offset":0}]`)
	c.play(`< ["3","3","room:1","phx_reply",{"status":"ok","response":{"hello":"cat","epoch":"` + epoch + `","offset":3,"recovered":false}}]`)
}
