package values_test

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/values"
)

func TestLog(t *testing.T) {
	tests := []struct {
		name, list, want string
		status           int
	}{
		{"a message", "- log: it happened\n", `level=INFO msg="it happened" at=list:1:3`, 200},
		{"a computed message", "- log: 'hello ${params.name}'\n", `msg="hello Ann"`, 200},
		{"a level", "- log: {message: oh, level: warn}\n", "level=WARN msg=oh", 200},
		{"below the level", "- log: {message: oh, level: debug}\n", "", 200},
		{"a text", "- log: {message: oh, fields: {name: '${params.name}'}}\n", "msg=oh name=Ann", 200},
		{"a text that looks like a line", "- log: '${params.lines}'\n", `msg="a\nlevel=ERROR msg=b"`, 200},
		{"a number", "- log: {message: oh, fields: {n: '${1 + 1}'}}\n", "msg=oh n=2", 200},
		{"nothing", "- log: {message: oh, fields: {n: '${params?.none}'}}\n", "msg=oh n=<nil>", 200},
		{"a map", "- log: {message: oh, fields: {user: {id: 1, name: '${params.name}'}}}\n", `user="{\"id\":1,\"name\":\"Ann\"}"`, 200},
		{"nil inside a message", "- log: 'hello ${request.id}'\n", "", 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			c := pipetest.App{Defs: values.All(), List: tt.list + "- show: 1\n", Log: &out}.Compile(t)
			got := c.Serve(httptest.NewRequest("GET", "/?name=Ann&lines=a%0Alevel%3DERROR+msg%3Db", nil))
			if got.Status != tt.status || !strings.Contains(out.String(), tt.want) || tt.want == "" && strings.Contains(out.String(), "msg=") {
				t.Errorf("%d, logged %q, want %d %q", got.Status, out.String(), tt.status, tt.want)
			}
			if strings.Count(out.String(), "\n") > 1 {
				t.Errorf("more than one line: %q", out.String())
			}
		})
	}
}

// A stranger fills the log with no more than the beginning of what he sends.
func TestLogOfALongText(t *testing.T) {
	for _, list := range []string{"- log: '${params.long}'\n", "- log: {message: oh, fields: {a: '${params.long}'}}\n", "- log: {message: oh, fields: {a: {b: '${params.long}'}}}\n"} {
		var out bytes.Buffer
		c := pipetest.App{Defs: values.All(), List: list + "- show: 1\n", Log: &out}.Compile(t)
		got := c.Serve(httptest.NewRequest("GET", "/?long="+strings.Repeat("%C3%A9", 20_000), nil))
		if n := out.Len(); got.Status != 200 || n < 8000 || n > 9000 || !strings.Contains(out.String(), "é…") {
			t.Errorf("%s: %d, a line of %d bytes", list, got.Status, n)
		}
	}
}

func TestLogProblems(t *testing.T) {
	tests := []struct{ list, want string }{
		{"- log", "1:3: `log` needs \"message\" (What happened.)"},
		{"- log: {message: a, level: loud}", `1:28: expected debug, info, warn or error, found "loud"`},
		{"- log: {message: [a]}", "1:18: expected a text, found a map or list"},
		{"- log: {message: a, fields: x}", "1:29: expected a map of names to values"},
		{"- log: {message: a, fields: {level: x}}", `1:30: a line of the log has a "level" already (give the field another name, such as level_of_mine)`},
		{"- log: '${nobody}'", "1:11: there is no name \"nobody\" here (bind it before, with `as: nobody` on a plug or with `assign`)"},
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
