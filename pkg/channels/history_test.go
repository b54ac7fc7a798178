package channels

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/value"
)

// keeping is a room that keeps its last broadcasts.
func keeping(size int, ttl time.Duration) *testRules {
	c := room()
	c.history = History{Size: size, TTL: ttl}
	rules := anyOrigin(c)
	rules.settings.History = true
	return rules
}

// A told is what the reply to a join says of the topic's history.
type told struct {
	Epoch     string `json:"epoch"`
	Offset    int    `json:"offset"`
	Recovered *bool  `json:"recovered"`
}

// comes joins room:a with these params, and gives what the reply says and what followed.
func comes(t *testing.T, d *desk, params string) (told, []string) {
	t.Helper()
	d.says(`["1","1","room:a","phx_join",` + params + `]`)
	synctest.Wait()
	frames := d.got()
	var reply []json.RawMessage
	var body struct {
		Status   string
		Response told
	}
	if len(frames) == 0 || json.Unmarshal([]byte(frames[0]), &reply) != nil || json.Unmarshal(reply[4], &body) != nil || body.Status != "ok" {
		t.Fatalf("the join gave %q", frames)
	}
	return body.Response, frames[1:]
}

func point2(epoch string, offset any) string {
	text, _ := json.Marshal(map[string]any{"epoch": epoch, "offset": offset})
	return string(text)
}

func (r told) says(recovered string, offset int) bool {
	got := "absent"
	if r.Recovered != nil {
		got = fmt.Sprint(*r.Recovered)
	}
	return got == recovered && r.Offset == offset
}

func TestWhatWasMissed(t *testing.T) {
	bubble(t, keeping(5, time.Hour), func(t *testing.T, h *Hub) {
		first, _ := comes(t, open(t, h, formV2), `{}`)
		if !first.says("absent", 0) || first.Epoch == "" {
			t.Fatalf("the first join says %+v", first)
		}
		for i := range 8 {
			shout(t, h, "room:a", "msg", fmt.Sprint(i+1))
		}
		synctest.Wait()
		frame := func(n int) string { return fmt.Sprintf(`[null,"h%d","room:a","msg",%d]`, n, n) }
		tests := []struct {
			name, params, recovered string
			from                    int // the first frame that is replayed; 0: none
		}{
			{"all that is kept", point2(first.Epoch, 3), "true", 4},
			{"some", point2(first.Epoch, 6), "true", 7},
			{"nothing was missed", point2(first.Epoch, 8), "true", 0},
			{"a text of a number", point2(first.Epoch, "7"), "true", 8},
			{"the ref of a frame", point2(first.Epoch, "h6"), "true", 7},
			{"one too many", point2(first.Epoch, 2), "false", 0},
			{"from the beginning", point2(first.Epoch, 0), "false", 0},
			{"of the future", point2(first.Epoch, 9), "false", 0},
			{"negative", point2(first.Epoch, -1), "false", 0},
			{"a fraction", point2(first.Epoch, 6.5), "false", 0},
			{"no number", point2(first.Epoch, "x7"), "false", 0},
			{"no offset", `{"epoch":"` + first.Epoch + `"}`, "false", 0},
			{"another epoch", point2("other", 7), "false", 0},
			{"an epoch that is no text", `{"epoch":5,"offset":7}`, "false", 0},
			{"no epoch", `{"offset":7}`, "absent", 0},
			{"an epoch of null", `{"epoch":null,"offset":7}`, "absent", 0},
			{"params that are no object", `[1]`, "absent", 0},
		}
		for _, tt := range tests {
			got, frames := comes(t, open(t, h, formV2), tt.params)
			var want []string
			for n := tt.from; n > 0 && n <= 8; n++ {
				want = append(want, frame(n))
			}
			if !got.says(tt.recovered, 8) || got.Epoch != first.Epoch || strings.Join(frames, " ") != strings.Join(want, " ") {
				t.Errorf("%s: %+v, then %q, want recovered %s, then %q", tt.name, got, frames, tt.recovered, want)
			}
		}
	})
}

func TestResponsesWithAHistory(t *testing.T) {
	const said = `"epoch":"E","offset":0`
	tests := []struct {
		response value.Payload
		want     string
	}{
		{value.Payload{}, `{` + said + `}`},
		{value.JSON([]byte(` { } `)), `{` + said + `}`},
		{value.JSON([]byte(` {"a": 1 } `)), `{"a": 1 ,` + said + `}`},
		{value.JSON([]byte(`[1]`)), `[1]`},
		{value.JSON([]byte(`null`)), `null`},
		{value.JSON([]byte(`"{}"`)), `"{}"`},
		{value.Payload{Bytes: []byte(`{}`), Binary: true}, `{}`},
	}
	for _, tt := range tests {
		if got := withMembers(tt.response, said); string(got.Bytes) != tt.want || got.Binary != tt.response.Binary {
			t.Errorf("%s became %s, want %s", tt.response.Bytes, got.Bytes, tt.want)
		}
	}
}

func TestHowLongBroadcastsAreKept(t *testing.T) {
	bubble(t, keeping(5, time.Minute), func(t *testing.T, h *Hub) {
		d := open(t, h, formV2)
		first, _ := comes(t, d, `{}`)
		shout(t, h, "room:a", "msg", `1`)
		pass(40 * time.Second)
		shout(t, h, "room:a", "msg", `2`)
		pass(40 * time.Second)
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 0)); !got.says("false", 2) {
			t.Errorf("what is too old: %+v", got)
		}
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 1)); !got.says("true", 2) || len(frames) != 1 {
			t.Errorf("what is kept: %+v %q", got, frames)
		}
		pass(10 * time.Minute) // somebody is in the topic: its epoch stays
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 2)); !got.says("true", 2) || got.Epoch != first.Epoch {
			t.Errorf("nothing was missed: %+v", got)
		}
		for _, c := range h.connections() {
			c.close(1001, "")
		}
		pass(50 * time.Second)
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 2)); !got.says("true", 2) || len(frames) != 0 {
			t.Errorf("after the last member left: %+v %q", got, frames)
		}
		for _, c := range h.connections() {
			c.close(1001, "")
		}
		shout(t, h, "room:a", "msg", `3`) // to nobody
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 2)); !got.says("true", 3) || len(frames) != 1 {
			t.Errorf("what nobody got: %+v %q", got, frames)
		}
		for _, c := range h.connections() {
			c.close(1001, "")
		}
		pass(2 * time.Minute)
		if n := h.kept.count(); n != 0 {
			t.Errorf("%d histories are kept of topics that nobody uses", n)
		}
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 3)); !got.says("false", 0) || got.Epoch == first.Epoch {
			t.Errorf("after it was forgotten: %+v", got)
		}
	})
}

func (k *histories) count() (n int) {
	for i := range k.shards {
		n += len(k.shards[i].all())
	}
	return n
}

func TestWhatHasNoHistory(t *testing.T) {
	rules := keeping(5, time.Minute)
	rules.channels[0].topic = "room:a"
	rules.channels = append(rules.channels, &testChannel{topic: "room:*"})
	bubble(t, rules, func(t *testing.T, h *Hub) {
		a, b := open(t, h, formV2), open(t, h, formV2)
		first, _ := comes(t, a, `{}`)
		b.says(`["1","1","room:b","phx_join",{"epoch":"x","offset":1}]`)
		synctest.Wait()
		b.gets(`["1","1","room:b","phx_reply",{"status":"ok","response":{}}]`)
		shout(t, h, "room:b", "msg", `1`)
		h.deliver(&cast{topic: "room:a", event: "presence_diff", payload: value.JSON([]byte(`{}`)), passing: true}, nil)
		a.gets(`[null,null,"room:a","presence_diff",{}]`)
		b.gets(`[null,null,"room:b","msg",1]`)
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 0)); !got.says("true", 0) || len(frames) != 0 {
			t.Errorf("%+v %q", got, frames)
		}
	})
}

func TestHistoryInOtherForms(t *testing.T) {
	rules := keeping(5, time.Minute)
	rules.channels[0].out = map[string]func(*Call){
		"seen": func(c *Call) { must(c.Push(c.Event, c.Payload)) },
		"lost": func(*Call) {},
	}
	bubble(t, rules, func(t *testing.T, h *Hub) {
		d, old := open(t, h, formV2), open(t, h, formV1)
		first, _ := comes(t, d, `{}`)
		old.says(`{"topic":"room:a","event":"phx_join","payload":{},"ref":"1"}`)
		synctest.Wait()
		old.got()
		for _, event := range []string{"msg", "lost", "seen", "msg"} {
			shout(t, h, "room:a", event, `1`)
		}
		if err := h.Broadcast("room:a", "raw", value.Payload{Bytes: []byte{7}, Binary: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := []string{`[null,"h1","room:a","msg",1]`, `["1","h3","room:a","seen",1]`, `[null,"h4","room:a","msg",1]`, "\x02\x06\x03room:araw\x07"}
		d.gets(want...)
		old.gets(`{"topic":"room:a","event":"msg","ref":"h1","payload":1}`, `{"topic":"room:a","event":"seen","ref":"h3","payload":1}`, `{"topic":"room:a","event":"msg","ref":"h4","payload":1}`)
		if _, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 0)); strings.Join(frames, " ") != strings.Join(want, " ") {
			t.Errorf("replayed %q, want %q", frames, want)
		}
	})
}

// What comes while the rules after a join run is sent behind what was missed.
func TestTheReplayIsNotOvertaken(t *testing.T) {
	rules := keeping(100, time.Minute)
	bubble(t, rules, func(t *testing.T, h *Hub) {
		first, _ := comes(t, open(t, h, formV2), `{}`)
		shout(t, h, "room:a", "msg", `1`)
		hold := make(chan struct{})
		rules.channels[0].afterJoin = func(c *Call) { must(c.Push("after", value.Payload{})); <-hold }
		got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 1))
		if !got.says("true", 1) || len(frames) != 1 {
			t.Errorf("%+v %q", got, frames)
		}
		d := open(t, h, formV2)
		_, frames = comes(t, d, point2(first.Epoch, 0))
		shout(t, h, "room:a", "msg", `2`)
		close(hold)
		synctest.Wait()
		frames = append(frames, d.got()...)
		want := `["1",null,"room:a","after",{}] [null,"h1","room:a","msg",1] [null,"h2","room:a","msg",2]`
		if strings.Join(frames, " ") != want {
			t.Errorf("got %q", frames)
		}
	})
}

func TestReplacedRulesChangeHistories(t *testing.T) {
	bubble(t, keeping(5, time.Minute), func(t *testing.T, h *Hub) {
		first, _ := comes(t, open(t, h, formV2), `{}`)
		for i := range 5 {
			shout(t, h, "room:a", "msg", fmt.Sprint(i+1))
		}
		h.Apply(map[string]Rules{"/socket": keeping(2, time.Minute)})
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 2)); !got.says("false", 5) {
			t.Errorf("with a smaller size: %+v", got)
		}
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 3)); !got.says("true", 5) || len(frames) != 2 {
			t.Errorf("with a smaller size: %+v %q", got, frames)
		}
		h.Apply(map[string]Rules{"/socket": anyOrigin(room())})
		d := open(t, h, formV2).says(`["1","1","room:a","phx_join",` + point2(first.Epoch, 3) + `]`)
		synctest.Wait()
		d.gets(`["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`)
		shout(t, h, "room:a", "msg", `6`)
		d.gets(`[null,null,"room:a","msg",6]`)
		h.Apply(map[string]Rules{"/socket": keeping(5, time.Minute)}) // 6 is not in it
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 5)); !got.says("false", 0) || got.Epoch == first.Epoch {
			t.Errorf("kept anew: %+v", got)
		}
	})
}

func TestHowMuchIsKept(t *testing.T) {
	bubble(t, keeping(maxTestHistory, time.Hour), func(t *testing.T, h *Hub) {
		first, _ := comes(t, open(t, h, formV2), `{}`)
		big := `"` + strings.Repeat("x", ringBytes/4) + `"`
		for range 6 {
			shout(t, h, "room:a", "msg", big)
		}
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 2)); !got.says("false", 6) {
			t.Errorf("over the bytes of a topic: %+v", got)
		}
		if got, frames := comes(t, open(t, h, formV2), point2(first.Epoch, 3)); !got.says("true", 6) || len(frames) != 3 {
			t.Errorf("under the bytes of a topic: %+v, %d frames", got, len(frames))
		}
		shout(t, h, "room:a", "msg", `"`+strings.Repeat("x", ringBytes)+`"`)
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 6)); !got.says("false", 7) {
			t.Errorf("one that is too large: %+v", got)
		}
		// Topics of one shard: those used least lately go.
		shard := h.shardOf("room:a")
		topics := 1
		for i := 0; topics < 2*shardRings; i++ {
			if topic := fmt.Sprint("room:", i); h.shardOf(topic) == shard {
				topics++
				shout(t, h, topic, "msg", `1`)
			}
		}
		s := &h.kept.shards[shard]
		if n := len(s.all()); n != shardRings {
			t.Errorf("%d topics are kept in a shard, want %d", n, shardRings)
		}
		for i := 0; s.bytes.Load() > 0 && i < 200_000; i++ {
			if topic := fmt.Sprint("room:", i); h.shardOf(topic) == shard {
				shout(t, h, topic, "msg", big)
				if n := s.bytes.Load(); n > shardBytes {
					t.Fatalf("%d bytes are kept in a shard, want at most %d", n, shardBytes)
				}
			}
		}
		if got, _ := comes(t, open(t, h, formV2), point2(first.Epoch, 7)); !got.says("false", 0) || got.Epoch == first.Epoch {
			t.Errorf("a topic that had to go: %+v", got)
		}
	})
}

const maxTestHistory = 2000
