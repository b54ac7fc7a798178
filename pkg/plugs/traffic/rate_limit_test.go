package traffic_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/traffic"
)

// clock is the time of a test.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func from(ip, target string) *http.Request {
	r := httptest.NewRequest("GET", target, nil)
	r.RemoteAddr = ip + ":1234"
	return r
}

func TestRateLimit(t *testing.T) {
	type call struct {
		after                               time.Duration // since the call before
		ip, target                          string
		status                              int
		limit, remaining, reset, retryAfter string
	}
	tests := []struct {
		name, list string
		calls      []call
	}{
		{"by address", "- rate_limit: {rate: 1/s, burst: 2}\n", []call{
			{0, "10.0.0.1", "/", 200, "2", "1", "1", ""},
			{0, "10.0.0.1", "/", 200, "2", "0", "2", ""},
			{0, "10.0.0.1", "/", 429, "2", "0", "2", "1"},
			{0, "10.0.0.2", "/", 200, "2", "1", "1", ""},
			{time.Second, "10.0.0.1", "/", 200, "2", "0", "2", ""},
		}},
		{"the burst is the count of the rate", "- rate_limit: 3/m\n", []call{
			{0, "10.0.0.1", "/", 200, "3", "2", "20", ""},
			{0, "10.0.0.1", "/", 200, "3", "1", "40", ""},
			{0, "10.0.0.1", "/", 200, "3", "0", "60", ""},
			{0, "10.0.0.1", "/", 429, "3", "0", "60", "20"},
			{19 * time.Second, "10.0.0.1", "/", 429, "3", "0", "41", "1"},
			{time.Second, "10.0.0.1", "/", 200, "3", "0", "60", ""},
		}},
		{"an IPv6 client has one /64", "- rate_limit: 1/h\n", []call{
			{0, "[2001:db8::1]", "/", 200, "1", "0", "3600", ""},
			{0, "[2001:db8::ffff:2]", "/", 429, "1", "0", "3600", "3600"},
			{0, "[2001:db8:0:1::1]", "/", 200, "1", "0", "3600", ""},
		}},
		{"an IPv4 address mapped into IPv6 is the same", "- rate_limit: 1/h\n", []call{
			{0, "192.0.2.1", "/", 200, "1", "0", "3600", ""},
			{0, "[::ffff:192.0.2.1]", "/", 429, "1", "0", "3600", "3600"},
		}},
		{"by a key", "- rate_limit: {rate: 1/h, key: \"${params.user}\"}\n", []call{
			{0, "10.0.0.1", "/?user=ann", 200, "1", "0", "3600", ""},
			{0, "10.0.0.2", "/?user=ann", 429, "1", "0", "3600", "3600"},
			{0, "10.0.0.1", "/?user=bob", 200, "1", "0", "3600", ""},
		}},
		{"a key that is not there refuses", "- rate_limit: {rate: 9/s, key: \"${params.user}\"}\n", []call{{0, "10.0.0.1", "/", 429, "", "", "", ""}}},
		{"a key that is nil refuses", "- rate_limit: {rate: 9/s, key: \"${params?.user}\"}\n", []call{{0, "10.0.0.1", "/", 429, "", "", "", ""}}},
		{"a key that is a list refuses", "- rate_limit: {rate: 9/s, key: \"${params.user}\"}\n", []call{{0, "10.0.0.1", "/?user[]=ann", 429, "", "", "", ""}}},
		{"nil inside a key refuses", "- rate_limit: {rate: 9/s, key: \"u:${params?.user}\"}\n", []call{
			{0, "10.0.0.1", "/", 429, "", "", "", ""},
			{0, "10.0.0.1", "/?user=ann", 200, "9", "8", "1", ""},
		}},
		{"two limits tell the tighter", "- rate_limit: {rate: 2/s}\n- rate_limit: {rate: 100/s}\n", []call{{0, "10.0.0.1", "/", 200, "2", "1", "1", ""}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			c := pipetest.App{Defs: traffic.All(), List: tt.list + "- show: 1\n", Now: clock.Now}.Compile(t)
			for i, call := range tt.calls {
				clock.now = clock.now.Add(call.after)
				got := c.Serve(from(call.ip, call.target))
				h := got.Header
				have := []string{h.Get("RateLimit-Limit"), h.Get("RateLimit-Remaining"), h.Get("RateLimit-Reset"), h.Get("Retry-After")}
				want := []string{call.limit, call.remaining, call.reset, call.retryAfter}
				if got.Status != call.status || !slices.Equal(have, want) {
					t.Errorf("call %d: %d %q, want %d %q", i+1, got.Status, have, call.status, want)
				}
				if refusal := got.Refusal(); call.status == 429 && (refusal == nil || refusal.Reason != "rate_limited") {
					t.Errorf("call %d refused with %v, want rate_limited", i+1, got.Err)
				}
			}
		})
	}
}

func TestRateLimitElseKeepsTheHeaders(t *testing.T) {
	list := "- rate_limit: {rate: 1/h}\n  else: {show: \"${failure.reason}\"}\n- show: 1\n"
	c := pipetest.App{Defs: traffic.All(), List: list, Now: newClock().Now}.Compile(t)
	c.Serve(from("10.0.0.1", "/"))
	got := c.Serve(from("10.0.0.1", "/"))
	if got.Status != 429 || got.Body != `"rate_limited"` || got.Header.Get("Retry-After") != "3600" {
		t.Errorf("%d %s, Retry-After %q; want the else with 429 after 3600", got.Status, got.Body, got.Header.Get("Retry-After"))
	}
}

func TestCountersOutliveAReload(t *testing.T) {
	tests := []struct {
		name, first, second string
		status              int
	}{
		{"nothing changed", "- rate_limit: 1/h\n", "- rate_limit: 1/h\n", 429},
		{"an edit elsewhere", "- rate_limit: 1/h\n", "- rate_limit: 1/h\n- show: 2\n  when: params.a == '1'\n", 429},
		{"another rate", "- rate_limit: 1/h\n", "- rate_limit: 2/h\n", 200},
		{"another burst", "- rate_limit: 1/h\n", "- rate_limit: {rate: 1/h, burst: 5}\n", 200},
		{"a second place", "- rate_limit: 1/h\n", "- when: params.a == '1'\n  do: {rate_limit: 1/h}\n", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shared, clock := &pipeline.Shared{}, newClock()
			app := pipetest.App{Defs: traffic.All(), List: tt.first + "- show: 1\n", Now: clock.Now, Shared: shared}
			if got := app.Compile(t).Serve(from("10.0.0.1", "/")); got.Status != 200 {
				t.Fatalf("the first: %d", got.Status)
			}
			app.List = tt.second + "- show: 1\n"
			if got := app.Compile(t).Serve(from("10.0.0.1", "/?a=1")); got.Status != tt.status {
				t.Errorf("after the reload: %d, want %d", got.Status, tt.status)
			}
		})
	}
}

func TestRateLimitInChannels(t *testing.T) {
	tests := []struct {
		name, list string
		ids        []any
		refused    []bool
	}{
		{"by the socket's id", "- rate_limit: 1/h\n", []any{"user:1", "user:2", "user:1"}, []bool{false, false, true}},
		{"a socket without an id", "- rate_limit: 1/h\n", []any{nil}, []bool{true}},
		{"by a key", "- rate_limit: {rate: 1/h, key: '${topic}'}\n", []any{"user:1", "user:2"}, []bool{false, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: traffic.All(), Place: pipeline.In, List: tt.list, Now: newClock().Now}.Compile(t)
			for i, id := range tt.ids {
				got := c.Handle(pipetest.Event{Topic: "room:1", Event: "new_msg", SocketID: id})
				refusal := got.Refusal()
				if (refusal != nil) != tt.refused[i] || refusal != nil && refusal.Reason != "rate_limited" {
					t.Errorf("event %d: %v, want refused %v", i+1, got.Err, tt.refused[i])
				}
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- rate_limit", "1:3: `rate_limit` needs \"rate\" (How often one caller may come in the long run.)"},
		{"- rate_limit: {burst: 5}", "1:3: `rate_limit` needs \"rate\" (How often one caller may come in the long run.)"},
		{"- rate_limit: 100", `1:15: expected a rate, found "100" (write a number and a unit: 100/s, 1000/m or 10/h)`},
		{"- rate_limit: {rate: 1/s, burst: 0}", `1:34: expected a whole number of at least 1, found "0"`},
		{"- rate_limit: {rate: 1/s, by: x}", "1:27: unknown setting \"by\" of `rate_limit` (did you mean \"key\"?)"},
		{"- rate_limit: {rate: 1/s, key: [a]}", "1:32: expected a text, found a map or list"},
		{"- rate_limit: 1/s\n  else: continue", "2:9: `else: continue` is only for plugs with a result; `rate_limit` would guard nothing (remove the plug, or answer in its `else`)"},
		{"- concurrency_limit", "1:3: `concurrency_limit` needs \"max\" (How many at a time.)"},
		{"- concurrency_limit: 0", `1:22: expected a whole number of at least 1, found "0"`},
		{"- concurrency_limit: {max: 5, wait: 1s}", "1:37: nobody waits where `queue` is 0 (such as `queue: 50`)"},
		{"- concurrency_limit: {max: 5, queue: 5, wait: 1}", `1:47: expected a duration, found "1" (write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m)`},
		{"- concurrency_limit: {max: 5, key: [a]}", "1:36: expected a text, found a map or list"},
		{"- concurrency_limit: 5\n  else: continue", "2:9: `else: continue` is only for plugs with a result; `concurrency_limit` would guard nothing (remove the plug, or answer in its `else`)"},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: traffic.All(), List: tt.list + "\n- show: 1\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func BenchmarkRateLimit(b *testing.B) {
	c := pipetest.App{Defs: traffic.All(), Place: pipeline.Endpoint, List: "- rate_limit: {rate: 1000000/s}\n"}.Compile(b)
	r, w := from("10.0.0.1", "/"), httptest.NewRecorder()
	ctx := pipeline.NewContext(64)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Start(w, r)
		if err := c.Steps.Run(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, traffic.All()) }
