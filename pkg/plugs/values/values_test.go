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
		{"nil", "- put_resp_header: {x-a: '${params.none}'}\n", 500, "X-A", nil},
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
		{"- put_resp_cookie: {a: 1}", "1:3: `put_resp_cookie` is not available in this version (remove it, or use a version that has it)"},
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
