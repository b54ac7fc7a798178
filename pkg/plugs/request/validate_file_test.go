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

const postSchema = `{
  "type": "object", "required": ["title"], "additionalProperties": false,
  "properties": {"title": {"type": "string", "minLength": 2}, "stars": {"type": "integer"}, "avatar": {"properties": {"size": {"maximum": 3}}}}
}`

func TestValidateFile(t *testing.T) {
	tests := []struct {
		name, target, kind, body string
		status                   int
		want                     string
	}{
		{"json", "/", asJSON, `{"title":"ab","stars":5}`, 200, `{"avatar":null,"stars":5,"title":"ab"}`},
		{"a form is cast", "/", asForm, `title=12&stars=5`, 200, `{"avatar":null,"stars":5,"title":"12"}`},
		{"the query is cast beside json", "/?stars=5", asJSON, `{"title":"ab"}`, 200, `{"avatar":null,"stars":5,"title":"ab"}`},
		{"json is not cast", "/", asJSON, `{"title":"ab","stars":"5"}`, 422, `"errors":{"stars":["is invalid"]}`},
		{"all faults at once", "/", asJSON, `{"stars":"x","more":1}`, 422, `"errors":{"more":["is not a known field"],"stars":["is invalid"],"title":["can't be blank"]}`},
		{"a file", "/", asMany, field("title", "ab") + file("avatar", "a", "text/plain", "abc") + "--B--", 200, `{"avatar":{"filename":"a","content_type":"text/plain","size":3},"stars":null,"title":"ab"}`},
		{"a file that is too large", "/", asMany, field("title", "ab") + file("avatar", "a", "text/plain", "abcd") + "--B--", 422, `"errors":{"avatar.size":["must be less than or equal to 3"]}`},
		{"nothing", "/", "", "", 422, `"errors":{"title":["can't be blank"]}`},
	}
	app := pipetest.App{Defs: request.All(), Files: map[string]string{"schemas/post.json": postSchema}}
	app.List = "- parsers\n- validate: {file: schemas/post.json}\n  as: post\n- show: ${post}\n"
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			c := app.Compile(t)
			r := httptest.NewRequest("POST", tt.target, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", tt.kind)
			got := c.Serve(r, "id", "7") // a capture of the path that the schema does not know
			if got.Status != tt.status || !strings.Contains(got.Body, tt.want) {
				t.Errorf("%d %s, want %d %s", got.Status, got.Body, tt.status, tt.want)
			}
			if files := c.Env.Files.All(); len(files) != 1 || !strings.HasSuffix(files[0], "schemas/post.json") {
				t.Errorf("files to watch: %q, want the schema", files)
			}
		})
	}
}

func TestValidatePayloadByFile(t *testing.T) {
	app := pipetest.App{Defs: request.All(), Place: pipeline.In, Files: map[string]string{"post.json": postSchema}}
	app.List = "- validate: {file: post.json}\n  as: post\n- show: ${post.title}\n"
	c := app.Compile(t)
	if got := c.Handle(pipetest.Event{Topic: "room:1", Event: "new", Payload: `{"title":"ab"}`}); !slices.Equal(got.Shown, []string{`"ab"`}) {
		t.Errorf("shown %q (%v)", got.Shown, got.Err)
	}
	got := c.Handle(pipetest.Event{Topic: "room:1", Event: "new", Payload: `{"title":"ab","stars":"5"}`})
	if r := got.Refusal(); r == nil || !slices.Equal(r.Errors["stars"], []string{"is invalid"}) {
		t.Errorf("ended with %v, want that stars is invalid", got.Err)
	}
}

func TestValidateFileProblems(t *testing.T) {
	app := pipetest.App{Defs: request.All(), Files: map[string]string{"post.json": postSchema, "bad.json": `{"properties": {"a": {"type": "strng"}}}`}}
	tests := []struct{ list, want string }{
		{"- validate: {file: psot.json}\n- show: 1\n", "1:20: the schema psot.json cannot be read: no such file or directory"},
		{"- validate: {file: bad.json}\n- show: 1\n", "bad.json:1:31: the schema is not valid: value must be one of "},
		{"- validate: {file: post.json}\n  as: post\n- show: ${post.titel}\n", "3:16: "},
		{"- validate: {file: post.json, fields: {a: {type: text}}}\n- show: 1\n", "1:39: `validate` takes one of `fields`, `schema` and `file` (remove all but one)"},
		{"- validate: {file: ../post.json}\n- show: 1\n", "1:20: the schema ../post.json cannot be read: it is outside of the manifest's folder"},
	}
	for _, tt := range tests {
		app.List = tt.list
		if got := app.Problems(t); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s: problems %q, want %q", tt.list, got, tt.want)
		}
	}
}
