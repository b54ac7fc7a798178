package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/handlers/proxy"
	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

// mirror answers with what it got.
func mirror(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-From", "upstream")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s %s for=%s proto=%s", r.Method, r.RequestURI, body, r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Proto"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// through runs a list behind a real server: an upstream's answer needs its connection.
func through(t *testing.T, c *pipetest.Compiled) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := pipeline.NewContext(64)
		ctx.Log, ctx.Place = c.Env.Log, pipeline.Route
		ctx.Start(w, r)
		if r.Header.Get("X-Override") != "" {
			ctx.Method = r.Header.Get("X-Override")
		}
		if err := ctx.SetParams([]string{"id"}, []string{"a/b c"}); err != nil {
			t.Errorf("params: %v", err)
		}
		if err := c.Steps.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		if !ctx.Answered() {
			t.Error("the list goes on after the answer")
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// Who leaves says nothing of the upstream: that is no line for its operator.
func TestWhoseDoingIsLogged(t *testing.T) {
	tests := []struct {
		name string
		left bool
		want string
	}{
		{"nobody listens", false, "level=WARN msg=\"no answer from an upstream\" upstream=up reason=refused"},
		{"the client left", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			c := pipetest.App{Defs: proxy.All(), Sections: "upstreams: {up: {targets: ['http://127.0.0.1:9']}}", List: "- proxy: up\n", Log: &out}.Compile(t)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if tt.left {
				leave()
			}
			got := c.Serve(httptest.NewRequest("GET", "/", nil).WithContext(ctx))
			if got.Err == nil || !strings.Contains(out.String(), tt.want) || tt.want == "" && out.Len() > 0 {
				t.Errorf("%v, logged %q, want %q", got.Err, out.String(), tt.want)
			}
		})
	}
}

func TestProxyPlug(t *testing.T) {
	tests := []struct {
		name, plug, method, target, body string
		header                           string // Name: value
		want                             string
	}{
		{"as it came", "{to: up}", "GET", "/a%2Fb?x=1&&y", "", "", "GET /a%2Fb?x=1&&y  for=127.0.0.1 proto=http"},
		{"the short form", "up", "GET", "/a", "", "", "GET /a  for=127.0.0.1 proto=http"},
		{"a body", "up", "POST", "/a", "hello", "", "POST /a hello for=127.0.0.1 proto=http"},
		{"prefixes", "{to: up, strip_prefix: /api/billing, add_prefix: /v1}", "GET", "/api/billing/x", "", "", "GET /v1/x  for=127.0.0.1 proto=http"},
		{"another path", "{to: up, path: /v2/charges}", "GET", "/x?q=1", "", "", "GET /v2/charges?q=1  for=127.0.0.1 proto=http"},
		{"a computed path", "{to: up, path: \"/v2/${params.id}/x\"}", "GET", "/x", "", "", "GET /v2/a%2Fb%20c/x  for=127.0.0.1 proto=http"},
		{"an overridden method", "up", "POST", "/a", "_method=delete", "X-Override: DELETE", "DELETE /a _method=delete for=127.0.0.1 proto=http"},
		{"what a stranger claims", "up", "GET", "/a", "", "X-Forwarded-For: 6.6.6.6", "GET /a  for=127.0.0.1 proto=http"},
	}
	sections := "upstreams: {up: {targets: ['" + mirror(t) + "']}}"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: proxy.All(), Sections: sections, List: "- proxy: " + tt.plug + "\n"}.Compile(t)
			r, err := http.NewRequest(tt.method, through(t, c)+tt.target, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if name, value, ok := strings.Cut(tt.header, ": "); ok {
				r.Header.Set(name, value)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusAccepted || string(body) != tt.want || answer.Header.Get("X-From") != "upstream" {
				t.Errorf("%d %s (%v), want 202 %s", answer.StatusCode, body, err, tt.want)
			}
		})
	}
}

func TestModifiersOfAProxiedAnswer(t *testing.T) {
	sections := "upstreams: {up: {targets: ['" + mirror(t) + "']}}"
	list := "- proxy: up\n  status: 203\n  headers: {x-from: gateway, x-id: 'id ${params.id}'}\n"
	c := pipetest.App{Defs: proxy.All(), Sections: sections, List: list}.Compile(t)
	answer, err := http.Get(through(t, c) + "/a")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 203 || !slices.Equal(answer.Header["X-From"], []string{"gateway"}) || answer.Header.Get("X-Id") != "id a/b c" {
		t.Errorf("%d %v, want 203 from gateway", answer.StatusCode, answer.Header)
	}
}

// A body that a plug has read, such as a condition on params before the proxy, goes on all the same.
func TestBodyThatWasRead(t *testing.T) {
	sections := "upstreams: {up: {targets: ['" + mirror(t) + "']}}"
	list := "- parsers\n- show: ${params.b}\n  when: params.a == 'show'\n- proxy: up\n"
	c := pipetest.App{Defs: append(proxy.All(), request.All()...), Sections: sections, List: list}.Compile(t)
	answer, err := http.Post(through(t, c)+"/a", "application/json", bytes.NewReader([]byte(`{"a":"pass"}`)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); !strings.HasPrefix(string(body), `POST /a {"a":"pass"} for=`) {
		t.Errorf("the upstream got %s", body)
	}
}

func TestAValueThatCannotStandInThePath(t *testing.T) {
	sections := "upstreams: {up: {targets: ['http://127.0.0.1:1']}}"
	c := pipetest.App{Defs: proxy.All(), Sections: sections, List: "- proxy: {to: up, path: \"/v2/${params.id}/x\"}\n"}.Compile(t)
	for _, id := range []string{"..", ".", ""} {
		got := c.Serve(httptest.NewRequest("GET", "/a", nil), "id", id)
		if refusal := got.Refusal(); refusal == nil || refusal.Status != http.StatusBadRequest {
			t.Errorf("%q: %d (%v), want 400", id, got.Status, got.Err)
		}
	}
}

func TestFailuresAreRefusals(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	sections := "upstreams: {up: {targets: ['http://" + address + "']}}"
	c := pipetest.App{Defs: proxy.All(), Sections: sections, List: "- proxy: up\n"}.Compile(t)
	got := c.Serve(httptest.NewRequest("GET", "/", nil))
	if refusal := got.Refusal(); refusal == nil || refusal.Reason != "refused" || got.Status != 502 || strings.Contains(got.Body, address) {
		t.Errorf("%d %s (%v), want 502 refused without the address", got.Status, got.Body, got.Err)
	}
	c = pipetest.App{Defs: proxy.All(), Sections: sections, List: "- proxy: up\n  else: {show: \"${failure.reason}\"}\n"}.Compile(t)
	if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != 502 || got.Body != `"refused"` {
		t.Errorf("%d %s (%v), want the else with 502", got.Status, got.Body, got.Err)
	}
}

func TestUpstreamsOutliveAReload(t *testing.T) {
	shared := &pipeline.Shared{}
	app := pipetest.App{Defs: proxy.All(), Shared: shared, Sections: "upstreams: {up: {targets: ['http://127.0.0.1:1']}}",
		List: "- proxy: up\n  when: params.a == '1'\n- proxy: {to: up, strip_prefix: /a}\n"}
	app.Compile(t)
	app.Compile(t)
	if n := shared.Len(); n != 1 {
		t.Errorf("%d shared things, want the one upstream", n)
	}
	app.Sections = "upstreams: {up: {targets: ['http://127.0.0.1:1'], timeout: {connect: 1s}}}"
	app.Compile(t)
	if n := shared.Len(); n != 2 {
		t.Errorf("%d shared things, want one more for other settings", n)
	}
}

func TestPlugProblems(t *testing.T) {
	const later = " is not available in this version (remove it, or use a version that has it)"
	tests := []struct {
		plug string
		want []string
	}{
		{"upp", []string{`1:10: there is no upstream "upp" (did you mean "up"?)`}},
		{"{strip_prefix: /a}", []string{"1:3: `proxy` needs \"to\" (Which upstream.)"}},
		{"{to: {a: 95, b: 5}}", []string{"1:15: `to: with weights`" + later}},
		{"{to: [a, b]}", []string{"1:15: `to: with several upstreams`" + later}},
		{"{to: up, sticky: {cookie: a}}", []string{"1:19: `sticky`" + later}},
		{"{to: up, mirror: {to: up}}", []string{"1:19: `mirror`" + later}},
		{"{to: up, strip_prefix: api}", []string{`1:33: this is not the beginning of a path (such as /api)`}},
		{"{to: up, path: v1}", []string{"1:25: a path begins with /"}},
		{"{to: up, path: '/v1?a=b'}", []string{"1:25: `path` is a path without query (the query goes along as it came)"}},
		{"{to: up, path: /v1, add_prefix: /v2}", []string{"1:25: `path` replaces the whole path, so that no prefix is cut off or added (use either `path`, or `strip_prefix` and `add_prefix`)"}},
	}
	for _, tt := range tests {
		t.Run(tt.plug, func(t *testing.T) {
			got := pipetest.App{Defs: proxy.All(), Sections: "upstreams: {up: {targets: ['http://127.0.0.1:1']}}", List: "- proxy: " + tt.plug + "\n"}.Problems(t)
			if !slices.Equal(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, proxy.All()) }
