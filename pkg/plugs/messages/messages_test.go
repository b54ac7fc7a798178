package messages_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/messages"
	"github.com/openmanifest/gateway/pkg/value"
)

// hub notes what it is asked for.
type hub struct {
	sent  []string
	fails error
}

func (h *hub) Broadcast(topic, event string, payload value.Payload) error {
	h.sent = append(h.sent, fmt.Sprintf("%s %s %s", topic, event, payload.Bytes))
	return h.fails
}

func (h *hub) Disconnect(id string) error {
	h.sent = append(h.sent, "disconnect "+id)
	return h.fails
}

// member is a membership that can only send.
type member struct {
	pipeline.Member
	sent []string
}

func (m *member) Broadcast(topic, event string, payload value.Payload) error {
	m.sent = append(m.sent, fmt.Sprintf("%s %s %s", topic, event, payload.Bytes))
	return nil
}

func (m *member) BroadcastFrom(topic, event string, payload value.Payload) error {
	m.sent = append(m.sent, fmt.Sprintf("others of %s %s %s", topic, event, payload.Bytes))
	return nil
}

func TestInHTTP(t *testing.T) {
	tests := []struct {
		name, plug, target string
		status             int
		want               []string
	}{
		{"broadcast", "broadcast: {topic: room:1, event: new_msg, payload: {body: \"${params.a}\", n: 1}}", "/?a=hi", 200, []string{`room:1 new_msg {"body":"hi","n":1}`}},
		{"without a payload", "broadcast: {topic: \"user:${params.a}\", event: ping}", "/?a=7", 200, []string{"user:7 ping {}"}},
		{"to several topics", "broadcast: {topic: [a, \"b:${params.a}\"], event: ping}", "/?a=7", 200, []string{"a ping {}", "b:7 ping {}"}},
		{"to a computed list", "broadcast: {topic: \"${params.a}\", event: ping}", "/?a[]=x&a[]=y", 200, []string{"x ping {}", "y ping {}"}},
		{"nil in the topic", "broadcast: {topic: \"user:${request.id}\", event: ping}", "/", 500, nil},
		{"a topic of what was not sent", "broadcast: {topic: \"user:${params.none}\", event: ping}", "/", 400, nil},
		{"a topic that is nil", "broadcast: {topic: \"${request.id}\", event: ping}", "/", 500, nil},
		{"an empty topic", "broadcast: {topic: \"${params.a}\", event: ping}", "/?a=", 400, nil},
		{"an empty topic among others", "broadcast: {topic: \"${params.a}\", event: ping}", "/?a[]=x&a[]=", 400, nil},
		{"a computed event", "broadcast: {topic: a, event: \"${params.a}\"}", "/?a=ping", 200, []string{"a ping {}"}},
		{"a computed phx_ event", "broadcast: {topic: a, event: \"${params.a}\"}", "/?a=phx_close", 400, nil},
		{"an empty event", "broadcast: {topic: a, event: \"${params.a}\"}", "/?a=", 400, nil},
		{"disconnect", "disconnect: \"user_socket:${params.a}\"", "/?a=7", 200, []string{"disconnect user_socket:7"}},
		{"disconnect several", "disconnect: {id: [a, b]}", "/", 200, []string{"disconnect a", "disconnect b"}},
		{"disconnect a computed list", "disconnect: \"${params.a}\"", "/?a[]=x&a[]=y", 200, []string{"disconnect x", "disconnect y"}},
		{"disconnect nil", "disconnect: \"${request.id}\"", "/", 500, nil},
		{"disconnect what was not sent", "disconnect: \"${params.none}\"", "/", 400, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &hub{}
			c := pipetest.App{Defs: messages.All(), Hub: h, List: "- " + tt.plug + "\n- show: 1\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", tt.target, nil))
			if got.Status != tt.status || !slices.Equal(h.sent, tt.want) {
				t.Errorf("%d %q (%v), want %d %q", got.Status, h.sent, got.Err, tt.status, tt.want)
			}
		})
	}
}

// One that other nodes do not hear of keeps the next from nobody.
func TestOthersThatCannotBeTold(t *testing.T) {
	for plug, want := range map[string][]string{
		"broadcast: {topic: [a, b], event: ping}": {"a ping {}", "b ping {}"},
		"disconnect: {id: [a, b]}":                {"disconnect a", "disconnect b"},
	} {
		h := &hub{fails: pipeline.Refuse(503, "unavailable", "there is no connection")}
		c := pipetest.App{Defs: messages.All(), Hub: h, List: "- " + plug + "\n- show: 1\n"}.Compile(t)
		got := c.Serve(httptest.NewRequest("GET", "/", nil))
		if got.Status != 503 || !slices.Equal(h.sent, want) {
			t.Errorf("%s: %d %q (%v), want 503 %q", plug, got.Status, h.sent, got.Err, want)
		}
	}
}

func TestInChannels(t *testing.T) {
	const raw = `{"b":2, "a":1.0}`
	tests := []struct {
		name  string
		place pipeline.Place
		plug  string
		want  string
	}{
		{"all that is handled, byte for byte", pipeline.In, "broadcast", "room:1 new_msg " + raw},
		{"to the others", pipeline.In, "broadcast_from", "others of room:1 new_msg " + raw},
		{"another payload", pipeline.In, "broadcast: {payload: {body: \"${payload.a}\"}}", `room:1 new_msg {"body":1}`},
		{"the whole payload", pipeline.In, "broadcast: {payload: \"${payload}\"}", "room:1 new_msg " + raw},
		{"another event and topic", pipeline.In, "broadcast: {topic: \"copy:${topic}\", event: copied}", "copy:room:1 copied " + raw},
		{"what came with the join is not passed on", pipeline.AfterJoin, "broadcast: {event: joined}", "room:1 joined {}"},
		{"leave", pipeline.Leave, "broadcast_from: {event: left}", "others of room:1 left {}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &member{}
			c := pipetest.App{Defs: messages.All(), Place: tt.place, List: "- " + tt.plug + "\n"}.Compile(t)
			got := c.Handle(pipetest.Event{Member: m, Topic: "room:1", Event: "new_msg", Payload: raw})
			if got.Err != nil || !slices.Equal(m.sent, []string{tt.want}) {
				t.Errorf("sent %q (%v), want %q", m.sent, got.Err, tt.want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	const later = " is not available in this version (remove it, or use a version that has it)"
	const reserved = ": \"phx_join\" cannot be sent: events that begin with phx_ are the protocol's own (choose another name)"
	tests := []struct {
		place pipeline.Place
		list  string
		want  []string
	}{
		{0, "- broadcast: {event: a}", []string{"1:3: `broadcast` needs \"topic\" here (such as `topic: room:lobby`)"}},
		{0, "- broadcast: {topic: a}", []string{"1:3: `broadcast` needs \"event\" here (such as `event: new_msg`)"}},
		{pipeline.AfterJoin, "- broadcast", []string{"1:3: `broadcast` needs \"event\" here (such as `event: new_msg`)"}},
		{0, "- broadcast: {topic: '', event: a}", []string{"1:22: the topic is empty"}},
		{0, "- broadcast: {topic: {a: b}, event: a}", []string{"1:22: expected the topic, a text"}},
		{0, "- broadcast: {topic: a, event: ''}", []string{"1:32: the event is empty"}},
		{0, "- broadcast: {topic: a, event: phx_join}", []string{"1:32" + reserved}},
		{pipeline.In, "- broadcast_from: {event: phx_join}", []string{"1:27" + reserved}},
		{0, "- broadcast_from: {event: a}", []string{"1:3: `broadcast_from` cannot stand in a route or pipeline (it stands in after_join, handle_in, leave, every)"}},
		{pipeline.Join, "- broadcast: {event: a}", []string{"1:3: `broadcast` cannot stand in join (it stands in endpoint.plugs, a route or pipeline, after_join, handle_in, leave, every)"}},
		{0, "- disconnect", []string{"1:3: `disconnect` needs \"id\" (The socket's `id`, or a list of them.)"}},
		{0, "- disconnect: ''", []string{"1:15: the id of a socket is empty"}},
		{0, "- send_email: {to: a}", []string{"1:3: `send_email`" + later}},
		{0, "- compose: {a: {to: b}}\n  as: page", []string{"1:3: `compose`" + later}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			list := tt.list
			if tt.place == 0 {
				list += "\n- show: 1\n"
			}
			if got := (pipetest.App{Defs: messages.All(), Place: tt.place, List: list}).Problems(t); !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, messages.All()) }
