package observe

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openmanifest/gateway/pkg/store"
)

func TestUpstreamsAreCounted(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	a := NewApp(p)
	u := a.Upstream("users")
	p.Applied(a, 1)
	for _, status := range []int{200, 204, 302, 404, 503, 101, 0, 999} {
		u.Answered(status, 30*time.Millisecond)
	}
	for _, reason := range []string{"refused", "timeout", "timeout", "status", "gone", "too_large"} {
		u.Failed(reason, time.Minute)
	}
	text := string(p.Metrics(nil))
	want := []string{`"other"} 2`, `"1xx"} 1`, `"2xx"} 2`, `"3xx"} 1`, `"4xx"} 1`, `"5xx"} 1`, `"refused"} 1`, `"timeout"} 2`, `"status"} 1`, `"client"} 2`}
	for i := range want {
		want[i] = `gateway_upstream_requests_total{upstream="users",result=` + want[i]
	}
	if got := lines(text, "gateway_upstream_requests_total"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, line := range []string{`_bucket{upstream="users",le="0.05"} 8`, `_bucket{upstream="users",le="+Inf"} 12`, `_count{upstream="users"} 12`} {
		if !strings.Contains(text, "gateway_upstream_request_duration_seconds"+line+"\n") {
			t.Errorf("no line %s: what the client broke off says nothing of the upstream", line)
		}
	}
}

func TestCountersOfUpstreamsOutliveAReload(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	first := NewApp(p)
	first.Upstream("users").Answered(200, 0)
	first.Upstream("old").Answered(200, 0)
	p.Applied(first, 1)
	second := NewApp(p)
	second.Upstream("users").Answered(200, 0)
	p.Applied(second, 2)
	want := []string{`gateway_upstream_requests_total{upstream="users",result="2xx"} 2`}
	if got := lines(string(p.Metrics(nil)), "gateway_upstream_requests_total"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhereNothingIsCounted(t *testing.T) {
	var a *App
	u := a.Upstream("users")
	u.Answered(200, 0)
	u.Failed("refused", 0)
	if u != nil || NewApp(nil).Upstream("users") != nil {
		t.Error("an upstream is counted by nobody")
	}
}

func TestCountingAnUpstreamTakesNoMemory(t *testing.T) {
	u := NewApp(NewProcess(time.Now, "1.0")).Upstream("users")
	if n := testing.AllocsPerRun(100, func() { u.Answered(200, time.Second); u.Failed("timeout", time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConnectionsOfStores(t *testing.T) {
	p := NewProcess(time.Now, "1.0")
	a := NewApp(p)
	a.AddStore("main", func() store.Stats {
		return store.Stats{InUse: 3, Idle: 2, Max: 8, Waits: 7, Waited: 1500 * time.Millisecond}
	})
	if got := string(p.Metrics(nil)); strings.Contains(got, "gateway_store") {
		t.Error("stores of what is not served are shown")
	}
	p.Applied(a, 1)
	text := string(p.Metrics(nil))
	for _, line := range []string{"connections_in_use", "connections_idle", "connections_max", "waits_total", "wait_seconds_total"} {
		value := map[string]string{"connections_in_use": "3", "connections_idle": "2", "connections_max": "8", "waits_total": "7", "wait_seconds_total": "1.5"}[line]
		if want := "gateway_store_" + line + `{store="main"} ` + value + "\n"; !strings.Contains(text, want) {
			t.Errorf("no line %s", want)
		}
	}
}

// A part that does not decide is told of, and makes nobody wait.
func TestAPartThatDoesNotDecide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &Health{}
		h.Add("stores", "main", func(context.Context) error { return nil })
		h.Add("upstreams", "far", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		began := time.Now()
		parts := h.All(t.Context(), []string{"stores"})
		if took := time.Since(began); took != probeMoment || len(parts) != 2 || parts[0].Err != nil || parts[1].Err != errNoYet {
			t.Errorf("%v after %s", parts, took)
		}
		<-time.After(probeDeadline) // it is known to be away; what is known counts while it is asked again
		began = time.Now()
		<-time.After(probeFresh)
		parts = h.All(t.Context(), []string{"stores"})
		if took := time.Since(began) - probeFresh; took != probeMoment || parts[1].Err != context.DeadlineExceeded {
			t.Errorf("%v after %s, want what was known", parts, took)
		}
		synctest.Wait()
		<-time.After(probeDeadline)
		began = time.Now()
		if parts = h.All(t.Context(), []string{"upstreams"}); parts[1].Err == nil || time.Since(began) > probeDeadline {
			t.Errorf("where it decides: %v after %s", parts, time.Since(began))
		}
		<-time.After(probeDeadline)
	})
}

// What is refused before an application sees it is counted and logged, in words of ours.
func TestRefusedRequests(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		log  bool
		want string
	}{
		{"logged", Options{Sample: 1, Fields: []slog.Attr{slog.String("region", "eu")}}, true, "level=INFO msg=\"request refused\" status=431 reason=\"too many headers\" route=(refused) ip=192.0.2.1 region=eu\n"},
		{"left out of a sample", Options{Sample: 0}, true, ""},
		{"access is off", Options{Sample: 1}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if tt.log {
				tt.o.Log = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				}}))
			}
			p := NewProcess(time.Now, "1.0")
			p.Refused(http.MethodGet, 400, "before there is an application", "192.0.2.1")
			p.Applied(watched(p, tt.o), 1)
			p.Refused("EVIL\nmethod", 431, "too many headers", "192.0.2.1")
			p.Applied(watched(p, tt.o), 2)
			want := []string{`gateway_http_requests_total{method="other",route="(refused)",status="431"} 1`, `gateway_http_requests_total{method="GET",route="(refused)",status="400"} 1`}
			if got := lines(string(p.Metrics(nil)), "gateway_http_requests_total"); !slices.Equal(got, want) || out.String() != tt.want {
				t.Errorf("%q, %q", got, out.String())
			}
		})
	}
}
