package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched gives an application with the routes /posts/:id and /reset/:token.
func watched(p *Process, o Options) *App {
	a := NewApp(p)
	a.Open([]Route{{Label: "/posts/:id"}, {Label: "/reset/:token", Secret: true}}, o)
	return a
}

// answer lets a request through.
func answer(a *App, r *http.Request, x Answer) {
	run, _ := a.Begin(r)
	x.Request = r
	if x.Method == "" {
		x.Method = r.Method
	}
	run.End(&x)
}

func lines(text, name string) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, name+"{") || strings.HasPrefix(line, name+" ") {
			out = append(out, line)
		}
	}
	return out
}

func TestRequestsAreCounted(t *testing.T) {
	tests := []struct {
		name, method string
		answer       Answer
		upgrade      bool
		want         string
	}{
		{"by route", "GET", Answer{Route: 0, Routed: true, Status: 200}, false, `method="GET",route="/posts/:id",status="200"`},
		{"one that no route takes", "GET", Answer{Route: -1, Routed: true, Status: 404}, false, `method="GET",route="(unmatched)",status="404"`},
		{"one that a plug of the endpoint answers", "GET", Answer{Route: -1, Status: 429}, false, `method="GET",route="(endpoint)",status="429"`},
		{"a method that is made up", "BREW", Answer{Route: -1, Routed: true, Status: 405}, false, `method="other",route="(unmatched)",status="405"`},
		{"a method that was overridden", "POST", Answer{Route: 0, Routed: true, Status: 204, Method: "DELETE"}, false, `method="DELETE",route="/posts/:id",status="204"`},
		{"a status that nobody registered", "GET", Answer{Route: 0, Routed: true, Status: 299}, false, `method="GET",route="/posts/:id",status="2xx"`},
		{"a status that is none", "GET", Answer{Route: 0, Routed: true, Status: 7000}, false, `method="GET",route="/posts/:id",status="other"`},
		{"nothing was said", "GET", Answer{Route: 0, Routed: true}, false, `method="GET",route="/posts/:id",status="200"`},
		{"taken over as a websocket", "GET", Answer{Route: 0, Routed: true}, true, `method="GET",route="/posts/:id",status="101"`},
		{"broken off before the answer", "GET", Answer{Route: 0, Routed: true, Broken: true}, false, `method="GET",route="/posts/:id",status="500"`},
		{"a route of another application", "GET", Answer{Route: 99, Routed: true, Status: 200}, false, `method="GET",route="(unmatched)",status="200"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := NewProcess(time.Now, "1.0")
			r := httptest.NewRequest(tt.method, "/posts/1", nil)
			if tt.upgrade {
				r.Header.Set("Upgrade", "websocket")
			}
			answer(watched(p, Options{}), r, tt.answer)
			got := lines(string(p.Metrics(nil)), "gateway_http_requests_total")
			if want := []string{"gateway_http_requests_total{" + tt.want + "} 1"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestAClientThatLeftIsNoFault(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	answer(watched(p, Options{}), r, Answer{Route: 0, Routed: true, Broken: true})
	if got := string(p.Metrics(nil)); !strings.Contains(got, `status="499"} 1`) {
		t.Errorf("not counted as 499:\n%s", strings.Join(lines(got, "gateway_http_requests_total"), "\n"))
	}
}

func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewProcess(time.Now, "1.0")
		a := watched(p, Options{})
		r := httptest.NewRequest("GET", "/posts/1", nil)
		for _, took := range []time.Duration{0, time.Millisecond, 30 * time.Millisecond, time.Minute} {
			run, _ := a.Begin(r)
			<-time.After(took)
			run.End(&Answer{Route: 0, Routed: true, Method: "GET", Status: 200, Bytes: 10, Request: r})
		}
		text := string(p.Metrics(nil))
		const labels = `{method="GET",route="/posts/:id"`
		for _, want := range []string{
			"gateway_http_request_duration_seconds_bucket" + labels + `,le="0.001"} 2`,
			"gateway_http_request_duration_seconds_bucket" + labels + `,le="0.05"} 3`,
			"gateway_http_request_duration_seconds_bucket" + labels + `,le="10"} 3`,
			"gateway_http_request_duration_seconds_bucket" + labels + `,le="+Inf"} 4`,
			"gateway_http_request_duration_seconds_sum" + labels + `} 60.031`,
			"gateway_http_request_duration_seconds_count" + labels + `} 4`,
			"gateway_http_response_bytes_total" + labels + `} 40`,
			"gateway_http_requests_in_flight 0",
		} {
			if !strings.Contains(text, want+"\n") {
				t.Errorf("no line %s in\n%s", want, text)
			}
		}
	})
}

func TestCountersOutliveAReload(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	first := watched(p, Options{})
	p.Applied(first, 1)
	answer(first, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Routed: true, Status: 200})
	answer(first, httptest.NewRequest("GET", "/", nil), Answer{Route: 1, Routed: true, Status: 200})
	second := NewApp(p)
	second.Open([]Route{{Label: "/posts/:id"}}, Options{})
	p.Applied(second, 2)
	answer(second, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Routed: true, Status: 200})
	answer(first, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Routed: true, Status: 200}) // was under way
	p.ReloadRefused()
	text := string(p.Metrics(nil))
	want := []string{`gateway_http_requests_total{method="GET",route="/posts/:id",status="200"} 3`}
	if got := lines(text, "gateway_http_requests_total"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q: a route that is gone is forgotten", got, want)
	}
	for _, line := range []string{"gateway_config_generation 2", "gateway_config_last_reload_successful 0",
		`gateway_config_reloads_total{result="applied"} 1`, `gateway_config_reloads_total{result="refused"} 1`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	a := NewApp(p)
	a.Open([]Route{{Label: "/a\"b\\c\nd"}}, Options{})
	answer(a, httptest.NewRequest("GET", "/", nil), Answer{Route: 0, Routed: true, Status: 200})
	want := `gateway_http_requests_total{method="GET",route="/a\"b\\c\nd",status="200"} 1`
	if got := lines(string(p.Metrics(nil)), "gateway_http_requests_total"); !slices.Equal(got, []string{want}) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSocketsAreCounted(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	p.Sockets = func() Sockets {
		return Sockets{
			Websockets: 1, Longpolls: 2, Members: 3, Topics: 4, Joins: 5, JoinsRefused: 6, Received: 7, Sent: 8,
			Broadcasts: 9, Deliveries: 10, Unsayable: 11, Slow: 12, Flooded: 13, Malformed: 14, RateLimited: 15,
		}
	}
	text := string(p.Metrics(nil))
	for _, line := range []string{
		`gateway_sockets_connected{transport="websocket"} 1`, `gateway_sockets_connected{transport="longpoll"} 2`,
		"gateway_channel_members 3", "gateway_channel_topics 4",
		`gateway_channel_joins_total{result="ok"} 5`, `gateway_channel_joins_total{result="refused"} 6`,
		"gateway_sockets_messages_received_total 7", "gateway_sockets_messages_sent_total 8",
		"gateway_channel_broadcasts_total 9", "gateway_channel_deliveries_total 10", "gateway_sockets_messages_unsayable_total 11",
		`gateway_sockets_closed_total{reason="slow"} 12`, `gateway_sockets_closed_total{reason="flooded"} 13`,
		`gateway_sockets_closed_total{reason="malformed"} 14`, `gateway_sockets_closed_total{reason="rate_limited"} 15`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
}

// A line of the log, as it is read back.
func logged(t *testing.T, o Options, r *http.Request, x Answer) map[string]any {
	t.Helper()
	var out bytes.Buffer
	o.Log = slog.New(slog.NewJSONHandler(&out, nil))
	answer(watched(NewProcess(time.Now, "1.0"), o), r, x)
	if out.Len() == 0 {
		return nil
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return line
}

func TestAccessLog(t *testing.T) {
	tests := []struct {
		name, target string
		answer       Answer
		key          string
		want         any
	}{
		{"method", "/posts/1", Answer{}, "method", "GET"},
		{"route", "/posts/1", Answer{}, "route", "/posts/:id"},
		{"path and query as sent", "/posts/1?page=2&q=a%20b", Answer{}, "path", "/posts/1?page=2&q=a%20b"},
		{"a token of the query", "/posts/1?token=abc&page=2", Answer{}, "path", "/posts/1?token=[redacted]&page=2"},
		{"a path that holds a token", "/reset/abc", Answer{Route: 1}, "path", "/reset/:token"},
		{"status", "/", Answer{Status: 404}, "status", 404.0},
		{"bytes", "/", Answer{Bytes: 12}, "bytes", 12.0},
		{"who asked", "/", Answer{IP: "10.0.0.1"}, "ip", "10.0.0.1"},
		{"the request's id", "/", Answer{RequestID: "abc"}, "request_id", "abc"},
		{"no id", "/", Answer{}, "request_id", nil},
		{"user agent, of which there is an end", "/", Answer{}, "user_agent", strings.Repeat("a", 256)},
		{"level", "/", Answer{Status: 499}, "level", "INFO"},
		{"level of a failure", "/", Answer{Status: 503}, "level", "WARN"},
		{"broken off", "/", Answer{Status: 200, Broken: true}, "broken_off", true},
		{"fields of the manifest", "/", Answer{}, "region", "eu"},
		{"no credentials", "/", Answer{}, "authorization", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.target, nil)
			r.Header.Set("User-Agent", strings.Repeat("a", 9000))
			r.Header.Set("Authorization", "Bearer hunter2")
			r.Header.Set("Cookie", "_chat_key=hunter2")
			tt.answer.Routed = true
			got := logged(t, Options{Sample: 1, Fields: []slog.Attr{slog.String("region", "eu")}}, r, tt.answer)
			if got[tt.key] != tt.want {
				t.Errorf("%s is %v, want %v in %v", tt.key, got[tt.key], tt.want, got)
			}
			if strings.Contains(slog.AnyValue(got).String(), "hunter2") {
				t.Errorf("a secret is in %v", got)
			}
		})
	}
}

func TestSampleKeepsWhatFailed(t *testing.T) {
	tests := []struct {
		sample float64
		answer Answer
		want   bool
	}{
		{1, Answer{Status: 200}, true},
		{0, Answer{Status: 200}, false},
		{0, Answer{Status: 404}, false},
		{0, Answer{Status: 500}, true},
		{0, Answer{Status: 200, Broken: true}, true},
	}
	for _, tt := range tests {
		r := httptest.NewRequest("GET", "/", nil)
		if got := logged(t, Options{Sample: tt.sample}, r, tt.answer) != nil; got != tt.want {
			t.Errorf("sample %v of %+v: logged %v, want %v", tt.sample, tt.answer, got, tt.want)
		}
	}
}

func TestLogsChangeTheirForm(t *testing.T) {
	var out bytes.Buffer
	logs := NewLogs(&out, true)
	log := logs.Logger().With("a", 1).WithGroup("g")
	log.Info("one", "b", 2)
	logs.Configure(false, slog.LevelWarn)
	log.Info("two")
	log.Warn("three", "b", 2)
	logs.Configure(true, slog.LevelDebug)
	log.Debug("four")
	for _, want := range []string{"msg=one a=1 g.b=2\n", `"msg":"three","a":1,"g":{"b":2}}`, "level=DEBUG msg=four"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "two") {
		t.Errorf("a line below the level in\n%s", out.String())
	}
}

func TestAnApplicationThatNobodyWatches(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	for name, a := range map[string]*App{"none": nil, "without a process": NewApp(nil), "not open": NewApp(NewProcess(time.Now, ""))} {
		a.Open(nil, Options{})
		if name == "not open" {
			a = NewApp(NewProcess(time.Now, ""))
		}
		run, ctx := a.Begin(r)
		run.End(&Answer{Request: r})
		if run.On() || ctx != r.Context() || a.Health().Draining() {
			t.Errorf("%s: observed", name)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	discard := slog.New(slog.NewJSONHandler(discardWriter{}, nil))
	tracer := newTracer(TracerOptions{Sample: 1}, noExporter{})
	b.Cleanup(tracer.Close)
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"counted", Options{}},
		{"logged", Options{Log: discard, Sample: 1}},
		{"logged, one in a hundred", Options{Log: discard, Sample: 0.01}},
		{"traced", Options{Tracer: tracer}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			a := watched(NewProcess(time.Now, "1.0"), tt.o)
			r := httptest.NewRequest("GET", "/posts/1?page=2", nil)
			r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/120.0")
			b.ReportAllocs()
			for b.Loop() {
				run, _ := a.Begin(r)
				run.End(&Answer{Route: 0, Routed: true, Method: "GET", Status: 200, Bytes: 100, RequestID: "F4x-abcdefghijklmnop", IP: "10.0.0.1", Request: r})
			}
		})
	}
}

type discardWriter struct{}

func (discardWriter) Write(p []byte) (int, error) { return len(p), nil }

func TestCountingAllocatesNothing(t *testing.T) {
	a := watched(NewProcess(time.Now, "1.0"), Options{})
	r := httptest.NewRequest("GET", "/posts/1", nil)
	if n := testing.AllocsPerRun(100, func() {
		run, _ := a.Begin(r)
		run.End(&Answer{Route: 0, Routed: true, Method: "GET", Status: 200, Request: r})
	}); n != 0 {
		t.Errorf("%v allocations a request, want none", n)
	}
}
