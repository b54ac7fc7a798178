package form_test

import (
	"encoding/csv"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/store/internal/form"
)

func TestAppendCSV(t *testing.T) {
	for text, want := range map[string]string{
		"a": "a", "": `""`, "a b": `"a b"`, `a"b`: `"a""b"`, `a\b`: `"a\\b"`, "(a)": `"(a)"`, "a,b": `"a,b"`, "a\nb": "\"a\nb\"", "é": "é", "-1.5": "-1.5",
	} {
		got := string(form.AppendCSV(nil, []byte(text)))
		if got != want {
			t.Errorf("%q is written %s, want %s", text, got, want)
		}
		read, err := csv.NewReader(strings.NewReader(got)).Read()
		if err != nil || read[0] != strings.ReplaceAll(text, `\`, `\\`) {
			t.Errorf("%q is read back as %q, %v", text, read, err)
		}
	}
}

func TestAppendStripped(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: `{}`, `null`: `null`, `"a, {\"b\": null}"`: `"a, {\"b\": null}"`, `1.5`: `1.5`, ` [ null , 1 ] `: `[null,1]`, `{"a":null}`: `{}`, `[]`: `[]`,
		`{"a": null, "b": 1, "c": null}`: `{"b":1}`, `{"a": {"b": null}, "c": [{"d": null, "e": []}]}`: `{"a":{},"c":[{"e":[]}]}`,
		`{"null": "null"}`: `{"null":"null"}`, `{"a\"": null, "b\\": true}`: `{"b\\":true}`, `[[{"a":null}],{"a":[null]}]`: `[[{}],{"a":[null]}]`,
	} {
		if got := string(form.AppendStripped(nil, []byte(text))); got != want {
			t.Errorf("%s is stripped to %s, want %s", text, got, want)
		}
	}
}

// FuzzAppendStripped compares it with what comes of decoded JSON.
func FuzzAppendStripped(f *testing.F) {
	for _, text := range []string{`{"a":null,"b":[{"c":null,"d":"x"}]}`, `[1,"a\\\"",{"":null}]`, ` { "a" : { } } `} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var in, out any
		if json.Unmarshal([]byte(text), &in) != nil {
			return
		}
		got := form.AppendStripped(nil, []byte(text))
		if err := json.Unmarshal(got, &out); err != nil {
			t.Fatalf("%q is stripped to %q: %v", text, got, err)
		}
		if again := form.AppendStripped(nil, got); string(again) != string(got) {
			t.Errorf("%q is stripped to %q, and that to %q", text, got, again)
		}
		if repeats(text) {
			return // of two members of one name, Go has the last
		}
		if want := strip(in); !reflect.DeepEqual(out, want) {
			t.Errorf("%q is stripped to %q, want %v", text, got, want)
		}
	})
}

func strip(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e == nil {
				delete(v, k)
			} else {
				v[k] = strip(e)
			}
		}
	case []any:
		for i, e := range v {
			v[i] = strip(e)
		}
	}
	return v
}

// repeats tells JSON that may have a name twice in one object.
func repeats(text string) bool {
	seen := make(map[string]bool)
	d := json.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return false
		}
		if name, ok := token.(string); ok && seen[name] {
			return true
		} else if ok {
			seen[name] = true
		}
	}
}
