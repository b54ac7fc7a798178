package jsonschema_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/jsonschema"
	"github.com/openmanifest/gateway/pkg/value"
)

// load writes files into a folder and loads a.json of them. It gives what is wrong, with
// places in the folder and without its name.
func load(t *testing.T, files map[string]string) (*jsonschema.Schema, []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ps := &diag.Problems{}
	s := jsonschema.Load(filepath.Join(dir, "a.json"), jsonschema.Source{Dir: dir, At: diag.Pos{File: "app.yaml", Line: 7, Column: 3}, To: ps})
	var out []string
	for _, p := range ps.All() {
		out = append(out, strings.ReplaceAll(p.Error(), dir+"/", ""))
	}
	return s, out
}

const person = `{
  "type": "object",
  "required": ["name"],
  "properties": {
    "name": {"type": "string", "minLength": 2, "maxLength": 5},
    "age": {"type": "integer", "minimum": 18, "exclusiveMaximum": 150},
    "ratio": {"type": "number"},
    "admin": {"type": "boolean", "default": false},
    "email": {"type": "string", "format": "email"},
    "born": {"format": "date"},
    "role": {"enum": ["a", "b"]},
    "code": {"type": "string", "pattern": "^[a-z]+$"},
    "tags": {"type": "array", "maxItems": 2, "uniqueItems": true, "items": {"type": "integer"}},
    "address": {"$ref": "#/$defs/address"},
    "way": {"oneOf": [{"type": "integer"}, {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}]},
    "free": {"type": "object"},
    "avatar": {"type": "object", "properties": {"size": {"maximum": 10}, "content_type": {"const": "image/png"}}}
  },
  "$defs": {"address": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "zip": {"type": "integer"}}}}
}`

// file is what an upload is to an expression.
type file struct{ size int64 }

func (f file) Member(name string) (any, bool) {
	switch name {
	case "size":
		return f.size, true
	case "content_type":
		return "image/png", true
	}
	return nil, false
}

func (f file) Names() []string { return []string{"size", "content_type"} }

func TestCheck(t *testing.T) {
	s, problems := load(t, map[string]string{"a.json": person})
	if s == nil {
		t.Fatal(problems)
	}
	tests := []struct {
		name, given string // JSON
		text        bool   // all came as text
		want        string // what is kept, without the nils; or the errors
	}{
		{"the declared ones", `{"name":"ann","x":1,"age":20}`, false, `{"admin":false,"age":20,"name":"ann"}`},
		{"nothing", `{}`, false, `{"name":["can't be blank"]}`},
		{"too short", `{"name":"a"}`, false, `{"name":["should be at least 2 character(s)"]}`},
		{"too long", `{"name":"aaaaaa"}`, false, `{"name":["should be at most 5 character(s)"]}`},
		{"not a text", `{"name":1}`, false, `{"name":["is invalid"]}`},
		{"null", `{"name":null}`, false, `{"name":["is invalid"]}`},
		{"too small", `{"name":"ann","age":3}`, false, `{"age":["must be greater than or equal to 18"]}`},
		{"too large", `{"name":"ann","age":150}`, false, `{"age":["must be less than 150"]}`},
		{"not whole", `{"name":"ann","age":20.5}`, false, `{"age":["is invalid"]}`},
		{"whole as a float", `{"name":"ann","age":20.0}`, false, `{"admin":false,"age":20,"name":"ann"}`},
		{"beyond 64 bit", `{"name":"ann","age":99999999999999999999}`, false, `{"age":["must be less than 150"]}`},
		{"a number that takes ages", `{"name":"ann","age":1e999999}`, false, `{"age":["is invalid"]}`},
		{"all faults at once", `{"age":3,"role":"c"}`, false, `{"age":["must be greater than or equal to 18"],"name":["can't be blank"],"role":["is invalid"]}`},
		{"a format", `{"name":"ann","email":"x"}`, false, `{"email":["has invalid format"]}`},
		{"a date", `{"name":"ann","born":"2024-02-30"}`, false, `{"born":["has invalid format"]}`},
		{"a pattern", `{"name":"ann","code":"A"}`, false, `{"code":["has invalid format"]}`},
		{"inside of another", `{"name":"ann","address":{"zip":"x"}}`, false, `{"address.city":["can't be blank"],"address.zip":["is invalid"]}`},
		{"undeclared inside of another", `{"name":"ann","address":{"city":"x","y":1}}`, false, `{"address":{"city":"x"},"admin":false,"name":"ann"}`},
		{"in a list", `{"name":"ann","tags":[1,"x"]}`, false, `{"tags.1":["is invalid"]}`},
		{"too many in a list", `{"name":"ann","tags":[1,2,3]}`, false, `{"tags":["should have at most 2 item(s)"]}`},
		{"none of several ways", `{"name":"ann","way":"x"}`, false, `{"way":["is invalid"]}`},
		{"one of several ways", `{"name":"ann","way":{"x":1,"y":2}}`, false, `{"admin":false,"name":"ann","way":{"x":1}}`},
		{"what declares nothing is kept whole", `{"name":"ann","free":{"x":{"y":1}}}`, false, `{"admin":false,"free":{"x":{"y":1}},"name":"ann"}`},
		{"a text is no number in JSON", `{"name":"ann","age":"20"}`, false, `{"age":["is invalid"]}`},
		{"texts of a form", `{"name":"12","age":"20","ratio":"1.5","admin":"true","tags":["1","2"],"address":{"city":"1","zip":"7"}}`, true,
			`{"address":{"city":"1","zip":7},"admin":true,"age":20,"name":"12","ratio":1.5,"tags":[1,2]}`},
		{"texts that are no numbers", `{"name":"ann","age":"0x20","ratio":"NaN","admin":"yes"}`, true, `{"admin":["is invalid"],"age":["is invalid"],"ratio":["is invalid"]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := value.DecodeJSON([]byte(tt.given))
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Check(v.(map[string]any), func(string) bool { return tt.text })
			var invalid *jsonschema.Invalid
			if err != nil && !errors.As(err, &invalid) {
				t.Fatal(err)
			}
			var text []byte
			if invalid != nil {
				text, err = json.Marshal(invalid.Errors)
			} else {
				maps.DeleteFunc(got, func(_ string, v any) bool { return v == nil })
				text, err = value.AppendJSON(nil, got)
			}
			if err != nil || string(text) != tt.want {
				t.Errorf("gave %s (%v), want %s", text, err, tt.want)
			}
		})
	}
}

func TestCheckOfFiles(t *testing.T) {
	s, _ := load(t, map[string]string{"a.json": person})
	never := func(string) bool { return false }
	got, err := s.Check(map[string]any{"name": "ann", "avatar": file{9}}, never)
	if err != nil || got["avatar"] != (file{9}) {
		t.Errorf("gave %v (%v), want the file itself", got["avatar"], err)
	}
	_, err = s.Check(map[string]any{"name": "ann", "avatar": file{11}}, never)
	var invalid *jsonschema.Invalid
	if !errors.As(err, &invalid) || !slices.Equal(invalid.Errors["avatar.size"], []string{"must be less than or equal to 10"}) {
		t.Errorf("gave %v, want that it is too large", err)
	}
}

func TestClosedSchemas(t *testing.T) {
	s, problems := load(t, map[string]string{"a.json": `{"properties":{"a":{"properties":{"b":true},"additionalProperties":false}},"patternProperties":{"^x-":{}},"additionalProperties":false}`})
	if s == nil {
		t.Fatal(problems)
	}
	never := func(string) bool { return false }
	if got, err := s.Check(map[string]any{"x-1": int64(1), "a": map[string]any{"b": true}}, never); err != nil || got["x-1"] != int64(1) {
		t.Errorf("gave %v, %v", got, err)
	}
	_, err := s.Check(map[string]any{"c": true, "a": map[string]any{"d": true, strings.Repeat("e", 1000): true}}, never)
	var invalid *jsonschema.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("gave %v, want errors", err)
	}
	want := []string{"a.d", "a." + strings.Repeat("e", 100) + "…", "c"}
	if got := slices.Sorted(maps.Keys(invalid.Errors)); !slices.Equal(got, want) {
		t.Errorf("errors of %q, want %q", got, want)
	}
}

func TestManyErrorsAreBounded(t *testing.T) {
	s, _ := load(t, map[string]string{"a.json": `{"properties":{"a":{}},"additionalProperties":{"type":"integer"}}`})
	given := map[string]any{}
	for i := range 1000 {
		given[strings.Repeat("x", 1+i%90)+string(rune('a'+i/90))] = "no"
	}
	_, err := s.Check(given, func(string) bool { return false })
	var invalid *jsonschema.Invalid
	if !errors.As(err, &invalid) || len(invalid.Errors) != 100 {
		t.Errorf("gave %v, want 100 fields", err)
	}
}

func TestRefersToFilesBesideIt(t *testing.T) {
	s, problems := load(t, map[string]string{
		"a.json": `{"properties":{"b":{"$ref":"b.json"},"self":{"$ref":"#"}}}`, "b.json": `{"type":"object","properties":{"n":{"type":"integer"}}}`})
	if s == nil {
		t.Fatal(problems)
	}
	self := map[string]any{"self": map[string]any{"b": map[string]any{"n": "x"}}}
	_, err := s.Check(self, func(string) bool { return false })
	var invalid *jsonschema.Invalid
	if !errors.As(err, &invalid) || len(invalid.Errors["self.b.n"]) != 1 {
		t.Errorf("gave %v, want an error of self.b.n", err)
	}
}

func TestSchemasThatAreNone(t *testing.T) {
	tests := []struct {
		name string
		text string
		want string // the beginning
	}{
		{"no JSON", `{"a"`, "app.yaml:7:3: the schema a.json cannot be read: it is not JSON:"},
		{"a misspelt type", "{\n \"properties\": {\n  \"a\": {\"type\": \"strng\"}\n }\n}", "a.json:3:17: the schema is not valid: "},
		{"a limit that is no number", "{\"properties\": {\"a\": {\"minLength\": \"x\"}}}", "a.json:1:36: the schema is not valid: got string, want integer"},
		{"a pattern that is none", `{"properties":{"a":{"pattern":"("}}}`, "a.json:1:31: the schema is not valid: "},
		{"a reference to nothing", `{"properties":{"a":{"$ref":"#/$defs/x"}}}`, "app.yaml:7:3: the schema cannot be used: "},
		{"a reference to elsewhere", `{"properties":{"a":{"$ref":"https://example.com/x.json"}}}`, "app.yaml:7:3: the schema https://example.com/x.json cannot be read: schemas are not fetched from elsewhere"},
		{"a reference out of the folder", `{"properties":{"a":{"$ref":"../x.json"}}}`, "app.yaml:7:3: the schema ../x.json cannot be read: it is outside of the manifest's folder"},
		{"a reference to a file that is missing", `{"properties":{"a":{"$ref":"x.json"}}}`, "app.yaml:7:3: the schema x.json cannot be read: no such file or directory"},
		{"an unknown draft", `{"$schema":"https://example.com/draft","properties":{"a":{}}}`, "app.yaml:7:3: the schema "},
		{"a reference to itself alone", `{"properties":{"a":{"allOf":[{"$ref":"#/properties/a"}]}}}`, "a.json:1:20: the schema is not valid: it refers to itself without end"},
		{"two that refer to each other", `{"properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"anyOf":[{"$ref":"#/properties/a"}]}}}`, "a.json:1:20: the schema is not valid: it refers to itself without end"},
		{"no properties", `{"type":"object"}`, "a.json:1:1: the schema declares no properties"},
		{"true", `true`, "a.json:1:1: the schema declares no properties"},
		{"a list", `[]`, "a.json:1:1: the schema is not valid: got array, want boolean or object"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, problems := load(t, map[string]string{"a.json": tt.text})
			if s != nil || len(problems) == 0 || !strings.HasPrefix(problems[0], tt.want) {
				t.Errorf("problems %q, want %q", problems, tt.want)
			}
		})
	}
}

// What refers to itself for another value ends where the value does.
func TestRecursiveSchemas(t *testing.T) {
	for _, text := range []string{
		`{"properties":{"next":{"$ref":"#"},"a":{"type":"integer"}}}`,
		`{"properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]},"a":{"$ref":"#/$defs/x"},"b":{"allOf":[{"$ref":"#/$defs/x"},{"$ref":"#/$defs/x"}]}},"$defs":{"x":{"type":"integer"}}}`,
		`{"properties":{"next":{"$ref":"#"},"a":{"type":"integer"},"schema":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`,
	} {
		s, problems := load(t, map[string]string{"a.json": text})
		if s == nil {
			t.Errorf("%s: %q", text, problems)
			continue
		}
		given := map[string]any{"next": map[string]any{"next": map[string]any{"a": "x"}}, "a": int64(1)}
		_, err := s.Check(given, func(string) bool { return false })
		var invalid *jsonschema.Invalid
		if !errors.As(err, &invalid) || len(invalid.Errors) == 0 {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// FuzzCheck gives a schema anything that JSON can hold: it answers, with bounded errors, and
// keeps nothing that it does not declare.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"name":"ann","age":20}`, `{"tags":[1,"x",null]}`, `{"way":{"x":1e400}}`, `{"age":-0.0e-99999999}`, `{"address":{"city":{}}}`, `{"born":"2024-02-30T","email":"@"}`} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	path := filepath.Join(f.TempDir(), "a.json")
	if err := os.WriteFile(path, []byte(person), 0o600); err != nil {
		f.Fatal(err)
	}
	ps := &diag.Problems{}
	s := jsonschema.Load(path, jsonschema.Source{Dir: filepath.Dir(path), To: ps})
	if s == nil {
		f.Fatal(ps.All())
	}
	names := s.Names()
	f.Fuzz(func(t *testing.T, text []byte, asText bool) {
		v, err := value.DecodeJSON(text)
		given, ok := v.(map[string]any)
		if err != nil || !ok {
			return
		}
		kept, err := s.Check(given, func(string) bool { return asText })
		var invalid *jsonschema.Invalid
		switch {
		case errors.As(err, &invalid):
			if len(invalid.Errors) == 0 || len(invalid.Errors) > 100 {
				t.Errorf("%d errors", len(invalid.Errors))
			}
		case err != nil:
			t.Errorf("ended with %v", err)
		case !slices.Equal(slices.Sorted(maps.Keys(kept)), names):
			t.Errorf("kept %v, want %q", kept, names)
		}
	})
}
