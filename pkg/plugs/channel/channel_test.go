package channel_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/channel"
	"github.com/openmanifest/gateway/pkg/value"
)

// A member notes what plugs do. It tracks the metas by key.
type member struct {
	did   []string
	metas map[string]string
	fail  error
}

func (m *member) note(format string, args ...any) error {
	m.did = append(m.did, fmt.Sprintf(format, args...))
	return m.fail
}

func (m *member) Reply(status string, response value.Payload) error {
	return m.note("reply %s %s", status, response.Bytes)
}
func (m *member) Push(event string, payload value.Payload) error {
	return m.note("push %s %s", event, payload.Bytes)
}
func (m *member) Broadcast(topic, event string, payload value.Payload) error {
	return m.note("broadcast %s %s %s", topic, event, payload.Bytes)
}
func (m *member) BroadcastFrom(topic, event string, payload value.Payload) error {
	return m.note("broadcast from %s %s %s", topic, event, payload.Bytes)
}
func (m *member) Track(key string, meta []byte) error { return m.note("track %s %s", key, meta) }
func (m *member) UpdatePresence(key string, meta []byte) error {
	return m.note("update %q %s", key, meta)
}
func (m *member) Meta(key string) ([]byte, bool) {
	meta, ok := m.metas[key]
	return []byte(meta), ok
}
func (m *member) Untrack(key string) { m.did = append(m.did, fmt.Sprintf("untrack %q", key)) }
func (m *member) Stop(normal bool)   { m.did = append(m.did, fmt.Sprintf("stop %v", normal)) }

func compile(place pipeline.Place, list string) pipetest.App {
	return pipetest.App{Defs: channel.All(), Place: place, List: list}
}

func TestWhatPlugsDo(t *testing.T) {
	const payload = `{"text":"hi", "n":1.0,"m":{"a":1},"evil":"phx_close","none":null,"list":[1]}`
	tests := []struct {
		name, list string
		place      pipeline.Place
		want       string // what the member did, by "; "; a refusal's reason and status behind "!"; "halted" at the end
	}{
		{"reply", `reply: {got: "${payload.text}"}`, pipeline.In, `reply ok {"got":"hi"}; halted`},
		{"reply with the payload as it came", `reply: ${payload}`, pipeline.In, `reply ok ` + payload + `; halted`},
		{"reply with nothing", `reply`, pipeline.In, `reply ok ; halted`},
		{"reply with an empty map", `reply: {}`, pipeline.In, `reply ok {}; halted`},
		{"reply with nil", `reply: ${payload.none}`, pipeline.In, `reply ok ; halted`},
		{"reply in join", `reply: {message: Welcome!}`, pipeline.Join, `reply ok {"message":"Welcome!"}; halted`},
		{"reply_error", `reply_error: {reason: closed}`, pipeline.In, `reply error {"reason":"closed"}; halted`},
		{"reply_error in join", `reply_error: {reason: "${payload.text}"}`, pipeline.Join, `reply error {"reason":"hi"}; halted`},
		{"a reply ends the list", `[reply: {n: 1}, {reply: {n: 2}, when: "true"}]`, pipeline.Join, ``},
		{"a bare push sends what is handled", `push`, pipeline.Out, `push new_msg ` + payload},
		{"push with an event", `push: {event: other}`, pipeline.In, `push other ` + payload},
		{"push with a payload", `push: {payload: {n: "${payload.n}"}}`, pipeline.In, `push new_msg {"n":1}`},
		{"push after a join", `push: {event: hello, payload: {a: 1}}`, pipeline.AfterJoin, `push hello {"a":1}`},
		{"push of a computed event", `push: {event: "${payload.text}_x", payload: 1}`, pipeline.In, `push hi_x 1`},
		{"push of a computed event of the protocol", `push: {event: "${payload.evil}"}`, pipeline.In, `!forbidden 403`},
		{"push goes on", `[push, push: {event: b, payload: 1}]`, pipeline.Out, `push new_msg ` + payload + `; push b 1`},
		{"track", `track: {key: "${payload.text}", meta: {a: "${payload.m}"}}`, pipeline.AfterJoin, `track hi {"a":{"a":1}}`},
		{"track without a meta", `track: {key: x}`, pipeline.In, `track x {}`},
		{"track a number", `track: {key: "${payload.m.a}"}`, pipeline.In, `track 1 {}`},
		{"track an empty key", `track: {key: "${payload.none ?? ''}"}`, pipeline.In, `!invalid 422`},
		{"track nil", `track: {key: "${socket.id}"}`, pipeline.In, `error`},
		{"track what was not sent", `track: {key: "${payload.none}"}`, pipeline.In, `!invalid 400`},
		{"update", `update_presence: {meta: {b: 2}}`, pipeline.In, `update "" {"b":2}`},
		{"update under a key", `update_presence: {key: k, meta: "${payload.m}"}`, pipeline.In, `update "k" {"a":1}`},
		{"update some", `update_presence: {merge: {b: 2, c: {d: 1}}}`, pipeline.In, `update "" {"a":0,"b":2,"big":12345678901234567890,"c":{"d":1}}`},
		{"update some with a computed map", `update_presence: {merge: "${payload.m}"}`, pipeline.In, `update "" {"a":1,"b":1,"big":12345678901234567890}`},
		{"update some with what is no map", `update_presence: {merge: "${payload.list}"}`, pipeline.In, `!invalid 422`},
		{"update some of nothing", `update_presence: {key: other, merge: {b: 2}}`, pipeline.In, `!not_found 404`},
		{"update under an empty key", `update_presence: {key: "${payload.none ?? ''}", meta: {}}`, pipeline.In, `!invalid 422`},
		{"untrack", `untrack`, pipeline.In, `untrack ""`},
		{"untrack a key", `untrack: "${payload.text}"`, pipeline.In, `untrack "hi"`},
		{"untrack an empty key", `untrack: {key: "${payload.none ?? ''}"}`, pipeline.In, `!invalid 422`},
		{"stop", `stop`, pipeline.In, `stop true; halted`},
		{"stop with an error", `stop: error`, pipeline.Out, `stop false; halted`},
		{"stop after a join", `stop: normal`, pipeline.AfterJoin, `stop true; halted`},
		{"stop with a reply", `stop: {reason: error, reply: {bye: "${payload.text}"}}`, pipeline.In, `reply ok {"bye":"hi"}; stop false; halted`},
		{"a refusal goes to else", `{push: {event: "${payload.evil}"}, else: {reply_error: {reason: "${failure.reason}"}}}`, pipeline.In, `reply error {"reason":"forbidden"}; halted`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.want == "" {
				if problems := compile(tt.place, tt.list).Problems(t); len(problems) != 1 || !strings.Contains(problems[0], "never run") {
					t.Fatalf("problems %q", problems)
				}
				return
			}
			m := &member{metas: map[string]string{"": `{"a":0,"b":1,"big":12345678901234567890}`}}
			r := compile(tt.place, tt.list).Compile(t).Handle(pipetest.Event{Member: m, Topic: "room:1", Event: "new_msg", Payload: payload})
			got := m.did
			switch refusal := r.Refusal(); {
			case refusal != nil:
				got = append(got, fmt.Sprintf("!%s %d", refusal.Reason, refusal.Status))
			case r.Err != nil:
				got = append(got, "error")
			case r.Halted:
				got = append(got, "halted")
			}
			if text := strings.Join(got, "; "); text != tt.want {
				t.Errorf("got  %s\nwant %s", text, tt.want)
			}
		})
	}
}

// The reply of a join is sent when the list is over: its bytes must not be those of the
// buffer that the next run writes into.
func TestReplyOfAJoinOutlivesTheRun(t *testing.T) {
	var kept []byte
	m := &keeper{&member{}, &kept}
	c := compile(pipeline.Join, `reply: {a: "${payload.a}"}`).Compile(t)
	r := c.Handle(pipetest.Event{Member: m, Payload: `{"a":"first"}`})
	buf := r.Ctx.Scratch()[:cap(r.Ctx.Scratch())]
	for i := range buf {
		buf[i] = '#'
	}
	if string(kept) != `{"a":"first"}` {
		t.Errorf("the reply became %s", kept)
	}
}

type keeper struct {
	*member
	kept *[]byte
}

func (k *keeper) Reply(_ string, response value.Payload) error { *k.kept = response.Bytes; return nil }

func TestErrorsOfTheMemberPass(t *testing.T) {
	boom := errors.New("boom")
	for _, list := range []string{`reply: {a: 1}`, `reply`, `push`, `track: {key: k}`, `update_presence: {meta: {}}`, `update_presence: {merge: {}}`, `stop: {reply: {}}`} {
		m := &member{fail: boom, metas: map[string]string{"": "{}"}}
		r := compile(pipeline.In, list).Compile(t).Handle(pipetest.Event{Member: m, Event: "e", Payload: "{}"})
		if !errors.Is(r.Err, boom) {
			t.Errorf("%s: error %v, want boom", list, r.Err)
		}
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		list  string
		place pipeline.Place
		want  string // a part of the one problem
	}{
		{`reply: {}`, pipeline.AfterJoin, "1:1: `reply` cannot stand in after_join (it stands in join, handle_in)"},
		{`reply: {}`, pipeline.Out, "cannot stand in handle_out"},
		{`reply_error: {}`, pipeline.Leave, "cannot stand in leave"},
		{`push`, pipeline.Join, "cannot stand in join"},
		{`push`, pipeline.Leave, "cannot stand in leave"},
		{`track: {key: a}`, pipeline.Join, "cannot stand in join"},
		{`stop`, pipeline.Leave, "cannot stand in leave"},
		{`push`, pipeline.Route, "cannot stand in a route or pipeline"},
		{`push`, pipeline.AfterJoin, "1:1: `push` in after_join needs `event`"},
		{`push: {event: phx_error}`, pipeline.In, `1:15: the event "phx_error" belongs to the protocol`},
		{`push: {evnt: x}`, pipeline.In, `did you mean "event"?`},
		{`track: {meta: {}}`, pipeline.In, "needs \"key\""},
		{`track: {key: a, meta: [1]}`, pipeline.In, "1:23: `meta` is a map"},
		{`track: {key: a, meta: online}`, pipeline.In, "`meta` is a map"},
		{`update_presence`, pipeline.In, "takes one of `meta` and `merge`"},
		{`update_presence: {meta: {}, merge: {}}`, pipeline.In, "takes one of `meta` and `merge`"},
		{`update_presence: {merge: 5}`, pipeline.In, "`merge` is a map"},
		{`stop: later`, pipeline.In, "expected normal or error"},
		{`stop: {reply: {}}`, pipeline.Out, "`reply` of `stop` stands in handle_in only"},
		{`{reply: {}, else: {stop: normal}}`, pipeline.In, "`reply` cannot fail"},
		{`{push: {event: "${payload.e}"}, else: [push: {event: x}]}`, pipeline.In, ""},
		{`reply: {a: "${nope}"}`, pipeline.In, "nope"},
	}
	for _, tt := range tests {
		problems := compile(tt.place, tt.list).Problems(t)
		if tt.want == "" && len(problems) == 0 {
			continue
		}
		if len(problems) != 1 || !strings.Contains(problems[0], tt.want) {
			t.Errorf("%s in %s:\n got %q\nwant %q", tt.list, tt.place, problems, tt.want)
		}
	}
}

func TestDescriptions(t *testing.T) {
	var names []string
	for _, d := range channel.All() {
		names = append(names, d.Name)
		if d.Group != "channels" || d.Doc == "" || d.Places&pipeline.HTTP != 0 || d.Fields() == nil {
			t.Errorf("%s: group %q, doc %q, places %s", d.Name, d.Group, d.Doc, d.Places)
		}
		for _, f := range d.Fields().List() {
			if f.Doc == "" {
				t.Errorf("%s: the setting %s has no doc", d.Name, f.Name)
			}
		}
	}
	want := []string{"reply", "reply_error", "push", "track", "update_presence", "untrack", "stop"}
	if !slices.Equal(names, want) {
		t.Errorf("plugs %v, want %v", names, want)
	}
}
