package values_test

import (
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/values"
)

func TestAssign(t *testing.T) {
	tests := []struct{ name, list, want string }{
		{"a constant", "- assign: {a: 1}\n- show: ${a}\n", `1`},
		{"a map", "- assign: {user: {id: 1, name: '${params.name}'}}\n- show: ${user}\n", `{"id":1,"name":"Ann"}`},
		{"several", "- assign: {a: 1, b: two, c: [3]}\n- show: [\"${a}\", \"${b}\", \"${c}\"]\n", `[1,"two",[3]]`},
		{"again", "- assign: {a: 1}\n- assign: {a: '${a + 1}'}\n- show: ${a}\n", `2`},
		{"values see what was before", "- assign: {a: 1, b: 2}\n- assign: {a: '${b}', b: '${a}'}\n- show: [\"${a}\", \"${b}\"]\n", `[2,1]`},
		{"nine at once", "- assign: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9}\n- show: ${a + i}\n", `10`},
		{"skipped", "- assign: {a: 1}\n- assign: {a: 2}\n  when: params.name == 'Bob'\n- show: ${a}\n", `1`},
		{"nil", "- assign: {a: '${params.none}'}\n- show: ${a}\n", `null`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: values.All(), List: tt.list}.Compile(t)
			if got := c.Serve(httptest.NewRequest("GET", "/?name=Ann", nil)); got.Body != tt.want {
				t.Errorf("%d %s (%v), want %s", got.Status, got.Body, got.Err, tt.want)
			}
		})
	}
}

func TestAssignInEveryPlace(t *testing.T) {
	for _, place := range pipeline.Places() {
		t.Run(place.Key(), func(t *testing.T) {
			list := "- assign: {a: one}\n- show: ${a}\n"
			if place == pipeline.Endpoint {
				list = "- assign: {a: one}\n- show: ${a}\n  when: a == 'one'\n"
			}
			c := pipetest.App{Defs: values.All(), Place: place, List: list}.Compile(t)
			var body string
			if place&(pipeline.HTTP|pipeline.Connect) != 0 {
				got := c.Serve(httptest.NewRequest("GET", "/", nil))
				body = got.Body + firstOf(got.Shown)
			} else {
				body = firstOf(c.Handle(pipetest.Event{Topic: "room:1"}).Shown)
			}
			if body != `"one"` {
				t.Errorf("showed %s, want \"one\"", body)
			}
		})
	}
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func TestPutRespHeader(t *testing.T) {
	tests := []struct {
		name, list string
		status     int
		header     string
		want       []string
	}{
		{"a constant", "- put_resp_header: {x-a: b}\n", 200, "X-A", []string{"b"}},
		{"computed", "- put_resp_header: {x-a: 'id ${params.name}'}\n", 200, "X-A", []string{"id Ann"}},
		{"several", "- put_resp_header: {x-b: '1', x-a: 2}\n", 200, "X-A", []string{"2"}},
		{"in place of the one before", "- put_resp_header: {x-a: b}\n- put_resp_header: {X-A: c}\n", 200, "X-A", []string{"c"}},
		{"content-type", "- put_resp_header: {content-type: application/hal+json}\n", 200, "Content-Type", []string{"application/hal+json"}},
		{"line break", "- put_resp_header: {x-a: '${params.bad}'}\n", 400, "X-A", nil},
		{"nil", "- put_resp_header: {x-a: '${request.id}'}\n", 500, "X-A", nil},
		{"what was not sent", "- put_resp_header: {x-a: '${params.none}'}\n", 400, "X-A", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := pipetest.App{Defs: values.All(), List: tt.list + "- show: 1\n"}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?name=Ann&bad=a%0d%0ab", nil))
			if got.Status != tt.status || !slices.Equal(got.Header[tt.header], tt.want) {
				t.Errorf("%d %s: %q, want %d %q", got.Status, tt.header, got.Header[tt.header], tt.status, tt.want)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- assign: five", "1:11: expected a map of names to values"},
		{"- assign: {params: 1}", `1:12: "params" is a name of the language (choose another name)`},
		{"- assign: {len: 1}", `1:12: "len" is a function (choose another name)`},
		{"- assign: {a: '${b}'}", "1:18: there is no name \"b\" here (bind it before, with `as: b` on a plug or with `assign`)"},
		{"- put_resp_header: {'a b': c}", `1:21: "a b" is not the name of a header`},
		{"- put_resp_header: {content-length: 5}", `1:21: "content-length" frames the answer and cannot be set (leave it out: it is set as the body needs it)`},
		{"- put_resp_header: {a: \"b\\r\\nc: d\"}", `1:24: a header cannot hold a line break`},
		{"- put_resp_header: {a: [1]}", `1:24: expected a text, found a map or list`},
		{"- put_resp_cookie: {value: a}", "1:3: `put_resp_cookie` needs \"name\" (The cookie's name.)"},
		{"- put_resp_cookie: {name: a}", "1:3: `put_resp_cookie` needs \"value\" (What it holds: a text, or with sign or encrypt anything.)"},
		{"- put_resp_cookie: {name: a b, value: c}", `1:27: "a b" is not the name of a cookie`},
		{"- put_resp_cookie: {name: a, value: b c}", `1:37: a cookie cannot hold blanks, quotes, commas, semicolons, backslashes or characters beyond ASCII (write it as base64, or with ` + "`sign: true`)"},
		{"- put_resp_cookie: {name: a, value: [b]}", "1:37: expected a text, found a map or list (a cookie with `sign: true` or `encrypt: true` holds anything)"},
		{"- put_resp_cookie: {name: a, value: b, path: c}", "1:46: this is not the path of a cookie (such as / or /admin)"},
		{"- put_resp_cookie: {name: a, value: b, path: /;x}", "1:46: this is not the path of a cookie (such as / or /admin)"},
		{"- put_resp_cookie: {name: a, value: b, domain: 'x;y'}", "1:48: this is not the domain of a cookie (such as example.com)"},
		{"- put_resp_cookie: {name: a, value: b, same_site: lax}", "1:51: expected Strict, Lax or None, found \"lax\" (did you mean \"Lax\"?)"},
		{"- put_resp_cookie: {name: a, value: b, same_site: None, secure: false}", "1:65: clients drop this cookie unless it is secure (leave `secure` out)"},
		{"- put_resp_cookie: {name: __Secure-a, value: b, secure: false}", "1:57: clients drop this cookie unless it is secure (leave `secure` out)"},
		{"- put_resp_cookie: {name: __Host-a, value: b, domain: c.example}", "1:55: clients drop a cookie whose name begins with __Host- and that has a domain (leave `domain` out)"},
		{"- put_resp_cookie: {name: __Host-a, value: b, path: /c}", "1:53: clients drop a cookie whose name begins with __Host- and whose path is not / (leave `path` out)"},
		{"- put_resp_cookie: {name: a, value: b, max_age: 0s}", "1:49: a cookie lives at least for a second (write `delete_resp_cookie` to remove it)"},
		{"- put_resp_cookie: {name: a, value: b, max_age: 60}", `1:49: expected a duration, found "60" (write a unit: 500ms, 30s, 15m, 24h, 7d or 1h30m)`},
		{"- put_resp_cookie: {name: a, value: b, sign: true}", "1:3: signed and encrypted cookies need `endpoint.secret_key_base` (add `secret_key_base: ${env.SECRET_KEY_BASE}` to `endpoint`, at least 64 bytes)"},
		{"- delete_resp_cookie", "1:3: `delete_resp_cookie` needs \"name\" (The cookie's name.)"},
		{"- delete_resp_header: a b", `1:23: "a b" is not the name of a header`},
		{"- delete_resp_header: transfer-encoding", `1:23: "transfer-encoding" frames the answer and cannot be set (leave it out: it is set as the body needs it)`},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: values.All(), List: tt.list + "\n- show: 1\n"}.Problems(t)
			if !slices.Equal(got, []string{tt.want}) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhatIsSaidOfThePlugs(t *testing.T) { pipetest.CheckDefs(t, values.All()) }
