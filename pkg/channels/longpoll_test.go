package channels

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/await"
	"github.com/openmanifest/gateway/pkg/value"
)

const beat, beatReply = `[null,"1","phoenix","heartbeat",{}]`, `[null,"1","phoenix","phx_reply",{"status":"ok","response":{}}]`

// Every row of the protocol's table but those that take a window.
func TestLongpollAnswers(t *testing.T) {
	rules := polling(anyOrigin(room()), 10*time.Second)
	rules.settings.Origins, _ = ListOrigins([]string{"//good.example"})
	rules.connect = func(h *Handshake) (*Identity, error) {
		switch h.Params["as"] {
		case "stranger":
			return nil, &Refusal{}
		case "hurried":
			return nil, &Refusal{Status: http.StatusTooManyRequests}
		case "unlucky":
			return nil, fmt.Errorf("the store is away")
		}
		return nil, nil
	}
	s := serve(t, rules)
	s.hub.Apply(map[string]Rules{"/socket": rules, "/other": rules, "/websockets": anyOrigin()})
	fresh, forbidden := `{"status":410,"token":"TOKEN","messages":[]}`, `{"status":403}`
	tests := []struct {
		name, method, query string
		headers             []string
		body, want          string
	}{
		{"a first poll", "GET", "", nil, "", fresh},
		{"a first poll of the client", "GET", "&", nil, "", fresh},
		{"an empty token", "GET", "token=", nil, "", fresh},
		{"a token of nobody", "GET", "token=SFMyNTY.abc.def", nil, "", fresh},
		{"a session that is gone", "GET", "token=signed.abc@", nil, "", fresh},
		{"a session of an unknown node", "GET", "token=LIVEelsewhere", nil, "", fresh},
		{"a page of a good origin", "GET", "", []string{"Origin: https://good.example"}, "", fresh},
		{"a refusal", "GET", "as=stranger", nil, "", forbidden},
		{"a refusal with a status", "GET", "as=hurried", nil, "", forbidden},
		{"a connect that fails", "GET", "as=unlucky", nil, "", forbidden},
		{"a session that is gone, and a refusal", "GET", "as=stranger&token=signed.abc@", nil, "", forbidden},
		{"another version", "GET", "vsn=3.0.0", nil, "", forbidden},
		{"a page of a bad origin", "GET", "", []string{"Origin: https://bad.example"}, "", forbidden},
		{"a poll from a bad origin", "GET", "token=LIVE", []string{"Origin: https://bad.example"}, "", forbidden},
		{"a post from a bad origin", "POST", "token=LIVE", []string{"Origin: https://bad.example", asLines}, beat, forbidden},
		{"a post", "POST", "token=LIVE", []string{asLines}, beat, `{"status":200}`},
		{"a post whose reply is an error", "POST", "token=LIVE", []string{asLines}, `[null,"1","nowhere","x",{}]`, `{"status":200}`},
		{"a post of nothing", "POST", "token=LIVE", []string{asLines}, "", `{"status":200}`},
		{"a post in a header's name", "POST", "", []string{asLines, "X-Phoenix-Longpoll-Token: LIVE"}, beat, `{"status":200}`},
		{"the header goes first", "POST", "token=signed.abc@", []string{asLines, "X-Phoenix-Longpoll-Token: LIVE"}, beat, `{"status":200}`},
		{"a post of one message", "POST", "token=LIVE", []string{"Content-Type: text/plain"}, beat, `{"status":200}`},
		{"a post without a token", "POST", "", []string{asLines}, beat, `{"status":410}`},
		{"a post with a wrong token", "POST", "token=abc", []string{asLines}, beat, `{"status":410}`},
		{"a post to a session that is gone", "POST", "token=signed.abc@", []string{asLines}, beat, `{"status":410}`},
		{"a put", "PUT", "token=LIVE", nil, "", ""},
		{"a delete", "DELETE", "token=LIVE", nil, "", ""},
		{"a patch", "PATCH", "token=LIVE", nil, "", ""},
		{"a head", "HEAD", "token=LIVE", nil, "", ""},
	}
	live := s.open("")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			at := func(text string) string { return strings.ReplaceAll(text, "LIVE", live.token) }
			headers := slices.Clone(tt.headers)
			for i := range headers {
				headers[i] = at(headers[i])
			}
			a := s.ask(t.Context(), tt.method, at(tt.query), tt.body, headers...)
			want := strings.ReplaceAll(tt.want, "TOKEN", a.Token)
			code, kind := http.StatusOK, "application/json"
			if want == "" {
				code, kind = http.StatusBadRequest, ""
			}
			if a.code != code || a.body != want || a.Status == pollGone && tt.method == "GET" && a.Token == "" {
				t.Errorf("answered %d %s, want %d %s", a.code, a.body, code, want)
			}
			for name, value := range map[string]string{"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Content-Type": kind} {
				if got := a.header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
		})
	}
	for path, want := range map[string]int{"/nowhere": 404, "/websockets": 404, "/other": 200} {
		answer, err := http.Get(s.http.URL + path + "/longpoll?vsn=2.0.0")
		if err != nil {
			t.Fatal(err)
		}
		if answer.Body.Close(); answer.StatusCode != want {
			t.Errorf("%s answered %d, want %d", path, answer.StatusCode, want)
		}
	}
	answer, err := http.Post(s.http.URL+"/other/longpoll?vsn=2.0.0&token="+live.token, "text/plain", strings.NewReader(beat))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got [14]byte
	if _, err := answer.Body.Read(got[:]); string(got[:]) != `{"status":410}` {
		t.Errorf("the session of another path answered %q, %v", got, err)
	}
	s.hub.Apply(map[string]Rules{"/socket": rules})
}

func TestLongpollOptions(t *testing.T) {
	s := serve(t, polling(anyOrigin(room()), time.Second))
	a := s.ask(t.Context(), "OPTIONS", "", "", "Access-Control-Request-Headers: content-type", "Access-Control-Request-Headers: x-a, x-b", "Origin: https://a.example")
	want := map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "get, post, options",
		"Access-Control-Allow-Headers": "content-type, x-a, x-b", "Access-Control-Max-Age": "3600",
	}
	for name, value := range want {
		if got := a.header.Get(name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	if a.code != http.StatusOK || a.body != "" {
		t.Errorf("answered %d %q", a.code, a.body)
	}
}

// The session of the protocol's description, byte for byte.
func TestLongpollSession(t *testing.T) {
	serve(t, polling(anyOrigin(room()), await.Patience)).open("").play(
		`> ["1","1","room:a","phx_join",{}]`,
		`< ["1","1","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`> ["1","2","room:a","echo",{"x":"é\"\\\n\u2028"}]`,
		`< ["1","2","room:a","phx_reply",{"status":"ok","response":{"x":"é\"\\\n\u2028"}}]`,
		`> ["1","3","room:a","new_msg",{"a":1}]`,
		`< [null,null,"room:a","new_msg",{"a":1}]`,
		`> `+beat, `< `+beatReply,
		`> ["9","9","room:a","phx_join",{}]`,
		`< ["9","9","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`< ["1","1","room:a","phx_close",{}]`,
		`> ["1","10","room:a","echo",{}]`,
		`> ["9","11","room:a","phx_leave",{}]`,
		`< ["9","11","room:a","phx_reply",{"status":"ok","response":{}}]`,
		`< ["9","9","room:a","phx_close",{}]`,
		`> ["9","12","room:a","echo",{}]`,
		`< [null,"12","room:a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]`,
	)
}

// A body that cannot be read ends the session, and no other.
func TestLongpollMalformed(t *testing.T) {
	rules := polling(anyOrigin(room()), await.Patience)
	rules.settings.MaxFrame = 2000
	s := serve(t, rules)
	tests := []struct {
		name, kind, body string
	}{
		{"not JSON", asLines, "[1"},
		{"four elements", asLines, `[null,"1","phoenix","heartbeat"]`},
		{"neither a bracket nor base64", asLines, `{"topic":"phoenix"}`},
		{"base64 without its padding", asLines, "AAAAAAA"},
		{"base64 of a foreign frame", asLines, base64.StdEncoding.EncodeToString([]byte{7, 0, 0, 0, 0})},
		{"text that is not UTF-8", asLines, "[null,\"1\",\"phoenix\",\"heartbeat\",\"\xff\"]"},
		{"text over the limit", asLines, `[null,"1","phoenix","heartbeat","` + strings.Repeat("x", 2000) + `"]`},
		{"the second line", asLines, beat + "\n[1"},
		{"no text at all", "Content-Type: text/plain", ""},
		{"lines as one text", "Content-Type: text/plain", beat + "\n" + beat},
		{"a binary message as one text", "Content-Type: text/plain", "AAECBAE="},
		{"a body over the limit", asLines, strings.Repeat("\n", maxPost+1)},
	}
	other := s.open("")
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := s.open("")
			if a := s.ask(t.Context(), "POST", "token="+p.token, tt.body, tt.kind); a.body != `{"status":400}` {
				t.Errorf("answered %s", a.body)
			}
			if status := p.post(beat); status != pollGone {
				t.Errorf("a post after it answered %d", status)
			}
			if a := p.poll(); a.Status != pollGone || a.Token == p.token {
				t.Errorf("a poll after it answered %s", a.body)
			}
			if n := s.hub.Stats().Malformed; n != uint64(i+1) {
				t.Errorf("%d malformed, want %d", n, i+1)
			}
		})
	}
	other.play("> "+beat, "< "+beatReply)
}

func TestLongpollLines(t *testing.T) {
	s := serve(t, polling(anyOrigin(room()), await.Patience))
	p := s.open("").join("room:a")
	echo := func(n int) string { return fmt.Sprintf(`["1","%d","room:a","echo",%d]`, n, n) }
	// A push with the join ref 1, the ref 7 and the event silent: no answer of its own.
	binary := base64.StdEncoding.EncodeToString(append([]byte{0, 1, 1, 6, 6}, "17room:asilent\x01\x02"...))
	tests := []struct {
		name, body string
		want       []int // whose echoes come
	}{
		{"one line", echo(1), []int{1}},
		{"an end of line at the end", echo(1) + "\n", []int{1}},
		{"carriage returns", echo(1) + "\r\n" + echo(2) + "\r\n", []int{1, 2}},
		{"blank lines", "\n\r\n" + echo(1) + "\n\n\n" + echo(2), []int{1, 2}},
		{"binary between", echo(1) + "\n" + binary + "\n" + echo(2), []int{1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := []string{"> " + tt.body}
			for _, n := range tt.want {
				lines = append(lines, fmt.Sprintf(`< ["1","%d","room:a","phx_reply",{"status":"ok","response":%d}]`, n, n))
			}
			p.play(lines...)
		})
	}
	t.Run("a hundred are read", func(t *testing.T) {
		var all, want []string
		for n := range maxLines + 20 {
			all = append(all, echo(n))
			want = append(want, fmt.Sprintf(`< ["1","%d","room:a","phx_reply",{"status":"ok","response":%d}]`, n, n))
		}
		p.play(append([]string{"> " + strings.Join(all, "\n")}, want[:maxLines]...)...)
		p.play("> "+beat, "< "+beatReply) // and none of the rest
	})
}

// V1 is one object in a body of any other type.
func TestLongpollV1(t *testing.T) {
	s := serve(t, polling(anyOrigin(room()), await.Patience))
	for _, query := range []string{"vsn=1.0.0", "vsn=1.0.7"} {
		p := s.open(query)
		a := s.ask(t.Context(), "POST", "token="+p.token, `{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}`, "Content-Type: application/json")
		if a.Status != pollMessages {
			t.Fatalf("a post answered %s", a.body)
		}
		p.play(`< {"topic":"phoenix","event":"phx_reply","ref":"1","payload":{"status":"ok","response":{}}}`)
	}
}

// What is binary cannot come over long polling: it is dropped and counted, and an error where
// the client waits for a reply.
func TestLongpollCarriesNoBinary(t *testing.T) {
	channel := room()
	bytes := value.Payload{Bytes: []byte{1, 2, 255}, Binary: true}
	channel.in["bytes"] = func(c *Call) { must(c.Push("note", bytes)); must(c.Reply("ok", bytes)) }
	s := serve(t, polling(anyOrigin(channel), await.Patience))
	p := s.open("").join("room:a")
	must(s.hub.Broadcast("room:a", "blob", bytes))
	p.play(`> ["1","2","room:a","bytes",{}]`,
		`< ["1","2","room:a","phx_reply",{"status":"error","response":{"reason":"binary payload"}}]`,
		`> `+beat, `< `+beatReply)
	if n := s.hub.Stats().Unsayable; n != 3 {
		t.Errorf("%d unsayable, want 3", n)
	}
}

// A poll is given so much, the rest comes with the next, and nothing is lost or changes its
// place.
func TestLongpollBatches(t *testing.T) {
	tests := []struct {
		name        string
		count, size int
		want        []int
	}{
		{"many small ones", 2500, 10, []int{1000, 1000, 500}},
		{"large ones", 12, 100_000, []int{5, 5, 2}},
		{"one over the bound goes alone", 2, 600_000, []int{1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, polling(anyOrigin(room()), await.Patience))
			p := s.open("").join("room:a")
			for n := range tt.count {
				must(s.hub.Broadcast("room:a", "n", value.JSON(fmt.Appendf(nil, `[%d,%q]`, n, strings.Repeat("x", tt.size)))))
			}
			next := 0
			for _, want := range tt.want {
				a := p.poll()
				if a.Status != pollMessages || len(a.Messages) != want {
					t.Fatalf("a poll answered %d with %d messages, want %d", a.Status, len(a.Messages), want)
				}
				for _, text := range a.Messages {
					if begin := fmt.Sprintf(`[null,null,"room:a","n",[%d,`, next); !strings.HasPrefix(text, begin) {
						t.Fatalf("received %.40s, want %s", text, begin)
					}
					next++
				}
			}
		})
	}
}

// Who lets more wait than fits is ended, and others of the topic are not held up.
func TestLongpollSlowClient(t *testing.T) {
	s := serve(t, polling(anyOrigin(room()), await.Patience))
	slow, quick := s.open("").join("room:a"), s.dial().join("room:a")
	for range outboxFrames + 1 {
		must(s.hub.Broadcast("room:a", "x", value.Payload{}))
		quick.expect(`[null,null,"room:a","x",{}]`)
	}
	if a := slow.poll(); a.Status != pollGone {
		t.Errorf("answered %.100s", a.body)
	}
	if got := s.hub.Stats(); got.Slow != 1 || got.Websockets != 1 {
		t.Errorf("%d slow, %d websockets", got.Slow, got.Websockets)
	}
}
