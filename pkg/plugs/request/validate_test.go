package request_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/pipeline"
	"github.com/openmanifest/gateway/pkg/pipeline/pipetest"
	"github.com/openmanifest/gateway/pkg/plugs/request"
)

const validateList = `
- parsers
- validate:
    fields:
      email: {type: string, required: true, format: email}
      age: {type: integer, number: {min: 18}}
      note: {type: text, default: none, check: age == nil or note != email}
      pin: {type: string, confirmation: true}
  as: valid
- show: ${valid}
`

func TestValidate(t *testing.T) {
	tests := []struct {
		name, query, kind, body string
		status                  int
		want                    string // the whole body, or a part after ~
	}{
		{"json", "", "application/json", `{"email":"a@b","age":20,"admin":true}`, 200, `{"age":20,"email":"a@b","note":"none","pin":null}`},
		{"a form is cast", "", "application/x-www-form-urlencoded", "email=a%40b&age=20", 200, `{"age":20,"email":"a@b","note":"none","pin":null}`},
		{"the query counts too", "?email=a@b", "", "", 200, `{"age":null,"email":"a@b","note":"none","pin":null}`},
		{"nothing", "", "", "", 422, `~"errors":{"email":["can't be blank"]}`},
		{"all faults at once", "", "application/json", `{"email":"x","age":3}`, 422, `~"errors":{"age":["must be greater than or equal to 18"],"email":["has invalid format"]}`},
		{"a map where a text belongs", "?email[a]=b", "", "", 422, `~"errors":{"email":["is invalid"]}`},
		{"fields together", "", "application/json", `{"email":"a@b","age":20,"note":"a@b"}`, 422, `~"errors":{"note":["is invalid"]}`},
		{"sent twice", "", "application/json", `{"email":"a@b","pin":"1","pin_confirmation":"1"}`, 200, `~"pin":"1"}`},
		{"sent once", "", "application/json", `{"email":"a@b","pin":"1"}`, 422, `~"errors":{"pin_confirmation":["does not match confirmation"]}`},
		{"reason", "", "", "", 422, `~"reason":"invalid"`},
	}
	c := pipetest.App{Defs: request.All(), List: validateList}.Compile(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/"+tt.query, strings.NewReader(tt.body))
			if tt.kind != "" {
				r.Header.Set("Content-Type", tt.kind)
			}
			got := c.Serve(r)
			part, isPart := strings.CutPrefix(tt.want, "~")
			if got.Status != tt.status || isPart && !strings.Contains(got.Body, part) || !isPart && got.Body != tt.want {
				t.Errorf("%d %s, want %d %s", got.Status, got.Body, tt.status, tt.want)
			}
		})
	}
}

const validateSchemas = `
schemas:
  user:
    table: users
    fields:
      email: {type: string, required: true}
      role: {type: string, writable: false}
      password: {type: string, virtual: true, required: true, length: {min: 4}}
      password_hash: {type: string, hidden: true, set: "${sha256(password)}"}
    checks:
      - {check: email != password, field: password, message: is your address}
      - {check: password_hash != nil, field: password}
`

func TestValidateSchema(t *testing.T) {
	c := pipetest.App{Defs: request.All(), Sections: validateSchemas, List: "- parsers\n- validate: {schema: user}\n  as: valid\n- show: {email: \"${valid.email}\", role: \"${valid.password}\"}\n"}.Compile(t)
	r := httptest.NewRequest("POST", "/?email=a&password=1234&role=admin", nil)
	if got := c.Serve(r); got.Status != 200 || got.Body != `{"email":"a","role":"1234"}` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	// A check of what only a write computes is left to the write.
	r = httptest.NewRequest("POST", "/?email=long&password=long", nil)
	if got := c.Serve(r); got.Status != 422 || !strings.Contains(got.Body, `"errors":{"password":["is your address"]}`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	r = httptest.NewRequest("POST", "/?email=a&password=1", nil)
	if got := c.Serve(r); got.Status != 422 || !strings.Contains(got.Body, `"password":["should be at least 4 character(s)"]`) {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

func TestValidatePayload(t *testing.T) {
	list := "- validate: {fields: {body: {type: string, required: true, length: {max: 3}}}}\n  as: valid\n- show: ${valid.body}\n"
	c := pipetest.App{Defs: request.All(), Place: pipeline.In, List: list}.Compile(t)
	for _, tt := range []struct{ payload, shown, refused string }{
		{`{"body":"hi","more":1}`, `"hi"`, ""},
		{`{"body":"long"}`, "", "should be at most 3 character(s)"},
		{`{}`, "", "can't be blank"},
		{``, "", "can't be blank"},
	} {
		got := c.Handle(pipetest.Event{Topic: "room:1", Event: "new_msg", Payload: tt.payload})
		refused := ""
		if r := got.Refusal(); r != nil && len(r.Errors["body"]) > 0 {
			refused = r.Errors["body"][0]
		}
		if strings.Join(got.Shown, "") != tt.shown || refused != tt.refused {
			t.Errorf("payload %s: shown %v, refused %q (%v), want %s, %q", tt.payload, got.Shown, refused, got.Err, tt.shown, tt.refused)
		}
	}
	if r := c.Handle(pipetest.Event{Topic: "room:1", Event: "new_msg", Payload: `[1]`}).Refusal(); r == nil || r.Reason != "invalid" {
		t.Errorf("a list as payload gave %v, want invalid", r)
	}
}

func TestValidateProblems(t *testing.T) {
	tests := []struct {
		list string
		want []string
	}{
		{"- validate\n- show: 1\n", []string{"1:3: `validate` needs `fields`, `schema` or `file` (such as `fields: {email: {type: string, required: true}}`)"}},
		{"- validate: {fields: {a: {type: text}}, schema: user}\n- show: 1\n", []string{"1:49: `validate` takes one of `fields`, `schema` and `file` (remove all but one)"}},
		{"- validate: {schema: usr}\n- show: 1\n", []string{`1:22: there is no schema "usr" (did you mean "user"?)`}},
		{"- validate: {fields: {a: {type: enum}}}\n- show: 1\n", []string{"1:26: an enum needs `values`"}},
		{"- validate: {file: a.json}\n- show: 1\n", []string{"1:20: the schema a.json cannot be read: no such file or directory"}},
		{"- validate: {fields: {a: {type: text}}}\n  as: v\n- show: ${v.b}\n", []string{"3:"}},
	}
	for _, tt := range tests {
		t.Run(tt.list, func(t *testing.T) {
			got := pipetest.App{Defs: request.All(), Sections: validateSchemas, List: tt.list}.Problems(t)
			if !slices.EqualFunc(got, tt.want, strings.HasPrefix) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
		})
	}
}
