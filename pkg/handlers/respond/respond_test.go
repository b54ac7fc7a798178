package respond_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/values"
	"github.com/openmanifest/gateway/pkg/plugs/who"

	"github.com/openmanifest/gateway/pkg/handlers/respond"
)

func defs() []*pipeline.Def { return slices.Concat(respond.All(), values.All(), who.All()) }

func TestAnswers(t *testing.T) {
	const text, page, problem = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/problem+json"
	const notSent = `{"type":"about:blank","title":"Bad Request","status":400,"reason":"invalid","detail":"params.none is missing"}`
	tests := []struct {
		name, list, target string
		status             int
		kind, body         string
	}{
		{"json", "json: {b: 1, a: [true, null]}", "/", 200, "application/json", `{"b":1,"a":[true,null]}`},
		{"json, computed", "json: {user: {name: \"${params.a}\"}}", "/?a=Ann", 200, "application/json", `{"user":{"name":"Ann"}}`},
		{"json of one value", "json: ${params.a}", "/?a=Ann", 200, "application/json", `"Ann"`},
		{"json of nothing", "json:", "/", 200, "application/json", `null`},
		{"json with a status", "json: {}\n  status: 201", "/", 201, "application/json", `{}`},
		{"json with headers", "json: {a: \"${params.a}\"}\n  headers: {location: \"/users/${params.a}\"}", "/?a=Ann", 200, "application/json", `{"a":"Ann"}`},
		{"a type that was set stays", "put_resp_header: {content-type: application/hal+json}\n- json: {}", "/", 200, "application/hal+json", `{}`},
		{"text", "text: OK", "/", 200, text, "OK"},
		{"text, a number", "text: 42", "/", 200, text, "42"},
		{"text, computed", "text: \"Hello ${params.a}\"", "/?a=<b>", 200, text, "Hello <b>"},
		{"text with headers", "text: \"Hello ${params.a}\"\n  headers: {x-a: \"a longer header than the text: ${params.a}\"}", "/?a=Ann", 200, text, "Hello Ann"},
		{"text of nil", "text: \"Hello ${request.id}\"", "/", 500, "", ""},
		{"text of what was not sent", "text: \"Hello ${params.none}\"", "/", 400, problem, notSent},
		{"html", "html: \"<b>${params.a}</b>\"", "/?a=<i>%26%22%27", 200, page, "<b>&lt;i&gt;&amp;&#34;&#39;</b>"},
		{"html in a quoted attribute", "html: \"<a title='${params.a}'>x</a>\"", "/?a='+onclick=x", 200, page, "<a title='&#39; onclick=x'>x</a>"},
		{"html in a bare attribute", "html: \"<a title=${params.a}>x</a>\"", "/?a=b+onclick=x", 200, page, "<a title=b&#32;onclick&#61;x>x</a>"},
		{"html in a URL", "html: \"<a href='${params.a}'>x</a>\"", "/?a=javascript:alert(1)", 200, page, "<a href='#ZgotmplZ'>x</a>"},
		{"html in a script", "html: \"<script>var a = ${params.a}, n = ${1 + 1};</script>\"", "/?a=alert(1)", 200, page, "<script>var a = \"alert(1)\", n =  2 ;</script>"},
		{"html with braces", "html: \"{{.a}} ${params.a}\"", "/?a=b", 200, page, "{{.a}} b"},
		{"html of nil", "html: \"<b>${request.id}</b>\"", "/", 500, "", ""},
		{"html of what was not sent", "html: \"<b>${params.none}</b>\"", "/", 400, problem, notSent},
		{"html of a map", "html: \"<b>${params}</b>\"", "/", 500, "", ""},
		{"html of one value", "html: ${params.a}", "/?a=<i>", 200, page, "&lt;i&gt;"},
		{"send_resp", "send_resp: 204", "/", 204, "", ""},
		{"send_resp with a body", "send_resp: {status: 418, body: \"no ${params.a}\"}", "/?a=tea", 418, text, "no tea"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: defs(), List: "- " + tt.list + "\n"}.Compile(t)
			c.Serve(httptest.NewRequest("GET", tt.target, nil)) // so that buffers are used again
			got := c.Serve(httptest.NewRequest("GET", tt.target, nil))
			if got.Status != tt.status || got.Header.Get("Content-Type") != tt.kind || got.Body != tt.body {
				t.Errorf("%d %s %q (%v), want %d %s %q", got.Status, got.Header.Get("Content-Type"), got.Body, got.Err, tt.status, tt.kind, tt.body)
			}
			if got.Err == nil && !got.Halted {
				t.Error("the list goes on after the answer")
			}
		})
	}
}

func TestAnswersInElse(t *testing.T) {
	tests := []struct {
		name, answer string
		status       int
	}{
		{"the failure's status", "{json: {error: no}}", 403},
		{"of text too", "{text: no}", 403},
		{"another, written", "{json: {error: no}, status: 200}", 200},
		{"a redirect is a redirect", "{redirect: /login}", 302},
		{"send_resp says its own", "{send_resp: 404}", 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: defs(), List: "- require: false\n  else: " + tt.answer + "\n- text: OK\n"}.Compile(t)
			if got := c.Serve(httptest.NewRequest("GET", "/", nil)); got.Status != tt.status {
				t.Errorf("%d, want %d", got.Status, tt.status)
			}
		})
	}
}

func TestSendRespInConnectRefuses(t *testing.T) {
	for _, list := range []string{"- send_resp: 401\n", "- require: false\n  else: {send_resp: 401}\n"} {
		c := pipetest.App{Defs: defs(), Place: pipeline.Connect, List: list}.Compile(t)
		got := c.Serve(httptest.NewRequest("GET", "/socket/websocket", nil))
		if refusal := got.Refusal(); refusal == nil || refusal.Status != 401 {
			t.Errorf("%s ended with %v, want a refusal with 401", list, got.Err)
		}
	}
}

func TestLargeAnswersSayTheirLength(t *testing.T) {
	c := pipetest.App{Defs: defs(), List: "- text: ${params.a}\n"}.Compile(t)
	got := c.Serve(httptest.NewRequest("GET", "/?a="+strings.Repeat("x", 100_000), nil))
	if got.Header.Get("Content-Length") != "100000" || len(got.Body) != 100_000 {
		t.Errorf("length %s of %d bytes", got.Header.Get("Content-Length"), len(got.Body))
	}
}

func TestProblems(t *testing.T) {
	const later = " is not available in this version (remove it, or use a version that has it)"
	const form = " (a path begins with one / and has no backslash; write {external: URL} for another site)"
	tests := []struct {
		place pipeline.Place
		list  string
		want  []string
	}{
		{0, "- json: {a: '${b}'}", []string{"1:16: there is no name \"b\" here (bind it before, with `as: b` on a plug or with `assign`)"}},
		{0, "- text: [a]", []string{"1:9: expected a text, found a map or list"}},
		{0, "- text: OK\n- text: again", []string{"2:3: this can never run: the list has answered before it (move it up, or give the answer before it a `when:`)"}},
		{0, `- html: "<a href='${request.path}"`, []string{"1:9: the HTML ends inside a tag, an attribute, a script or a style (close each tag, attribute, script and style)"}},
		{0, "- send_resp", []string{"1:3: `send_resp` needs \"status\" (The status of the answer.)"}},
		{0, "- send_resp: 99", []string{`1:14: expected a whole number from 200 to 599, found "99"`}},
		{0, "- send_resp: {status: 204, body: a}", []string{"1:34: an answer with the status 204 has no body (leave `body` out)"}},
		{pipeline.Connect, "- send_resp: 200", []string{"1:3: in `connect` send_resp refuses, so its status is from 400 to 599 (leave it out to let the client in)"}},
		{pipeline.Connect, "- send_resp: {status: 403, body: a}", []string{"1:34: a refused connection has no body (leave `body` out)"}},
		{0, "- redirect", []string{"1:3: `redirect` needs a path (such as `redirect: /users`, or `redirect: {external: https://...}`)"}},
		{0, "- redirect: users", []string{"1:13: this is no path of this application" + form}},
		{0, "- redirect: //evil.example", []string{"1:13: this is no path of this application" + form}},
		{0, `- redirect: '/\evil.example'`, []string{"1:13: a redirect cannot hold a space, backslash or control character" + form}},
		{0, "- redirect: https://a.example", []string{"1:13: this is no path of this application" + form}},
		{0, "- redirect: //${params.a}", []string{"1:13: this is no path of this application" + form}},
		{0, "- redirect: /a/../b", []string{"1:13: a redirect cannot hold `.` or `..` as a segment" + form}},
		{0, "- redirect: {external: /users}", []string{"1:24: this is no URL of another site (write http:// or https:// and a host)"}},
		{0, "- redirect: {external: javascript:alert(1)}", []string{"1:24: this is no URL of another site (write http:// or https:// and a host)"}},
		{0, "- redirect: {to: /a, external: https://a.example}", []string{"1:13: `redirect` goes either to a path or to an external URL"}},
		{0, "- redirect: {path: /a}", []string{"1:13: `redirect` needs a path (such as `redirect: /users`, or `redirect: {external: https://...}`)", "1:14: unknown setting \"path\" of `redirect` (its settings are to, external or hosts)"}},
		{0, "- redirect: {to: [a]}", []string{"1:18: expected a text, found a map or list"}},
		{0, "- redirect: {external: 'https://a.example', hosts: [https://a.example]}", []string{"1:52: \"https://a.example\" is not the name of a host (such as example.com or *.example.com)"}},
		{0, "- redirect: {to: /a, hosts: [a.example]}", []string{"1:29: `hosts` stands beside `external`"}},
		{0, "- redirect: {external: 'https://b.example/', hosts: [a.example]}", []string{"1:24: the host of this URL is not among `hosts`"}},
		{0, "- jwks", []string{"1:3: `jwks`" + later}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			if got := (pipetest.App{Defs: defs(), Place: tt.place, List: tt.list + "\n"}).Problems(t); !slices.Equal(got, tt.want) {
				t.Errorf("problems\n%q, want\n%q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, respond.All()) }
