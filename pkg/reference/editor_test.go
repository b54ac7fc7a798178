package reference_test

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A document is opened in an editor, and the editor asked at places of it.
type document struct {
	Name     string   `json:"name"`
	Text     string   `json:"text"`
	Complete [][2]int `json:"complete,omitempty"`
	Hover    [][2]int `json:"hover,omitempty"`
}

// An answer is what the editor shows.
type answer struct {
	Name        string     `json:"name"`
	Diagnostics []string   `json:"diagnostics"`
	Complete    [][]string `json:"complete"`
	Hover       []string   `json:"hover"`
}

// cursor stands in a text where the editor is asked.
const cursor = "‸"

// opened makes a document of a text with one cursor.
func opened(name, text string, set func(*document, [][2]int)) document {
	before, after, _ := strings.Cut(text, cursor)
	line := strings.Count(before, "\n")
	column := len(before) - strings.LastIndex(before, "\n") - 1
	d := document{Name: name, Text: before + after}
	set(&d, [][2]int{{line, column}})
	return d
}

func completed(d *document, at [][2]int) { d.Complete = at }

func hovered(d *document, at [][2]int) { d.Hover = at }

// TestEditor: the language server of editors has nothing to say of the examples, offers in
// each place what can stand there, and shows the doc of a plug.
func TestEditor(t *testing.T) {
	const (
		route   = "version: 1\nscopes:\n  - routes:\n      - get: /a\n        do:\n          - ‸\n"
		inline  = "version: 1\nscopes:\n  - routes:\n      - get: /a\n        ‸\n"
		event   = "version: 1\nsockets:\n  - path: /socket\n    connect: []\n    channels:\n      - topic: a\n        join: []\n        handle_in:\n          new:\n            - ‸\n"
		joining = "version: 1\nsockets:\n  - path: /socket\n    connect: []\n    channels:\n      - topic: a\n        join:\n          - ‸\n"
		section = "version: 1\nendpoint:\n  ‸\n"
		field   = "version: 1\nschemas:\n  post:\n    table: posts\n    fields:\n      title:\n        ‸\n"
		option  = "version: 1\npipelines:\n  api:\n    - rate_limit:\n        ‸\n"
	)
	tests := []struct {
		name, text        string
		offers, offersNot []string
	}{
		{"a route's list", route, []string{"json", "render", "verify_token", "pipe_through", "when"}, []string{"reply", "push", "track"}},
		{"a route", inline, []string{"do", "json", "render", "redirect"}, []string{"reply", "track"}},
		{"handle_in", event, []string{"reply", "push", "broadcast", "track"}, []string{"render", "json", "redirect", "accepts"}},
		{"join", joining, []string{"reply", "require", "verify_token"}, []string{"push", "track", "render"}},
		{"the endpoint", section, []string{"listen", "secret_key_base", "plugs"}, []string{"routes"}},
		{"a field", field, []string{"type", "required", "references", "length"}, []string{"table"}},
		{"a plug's settings", option, []string{"rate", "burst", "key"}, []string{"do", "json"}},
	}
	folder, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	var documents []document
	examples := files(t, "examples/*/app.yaml")
	for _, m := range examples {
		path, err := filepath.Abs(m.Name)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, document{Name: path, Text: m.Text})
	}
	for _, tt := range tests {
		documents = append(documents, opened(filepath.Join(folder, "editor", tt.name+".yaml"), tt.text, completed))
	}
	documents = append(documents, opened(filepath.Join(folder, "editor/hover.yaml"), "version: 1\npipelines:\n  api:\n    - rate_‸limit: 10/s\n", hovered))
	answers := edit(t, documents)
	for i, m := range examples {
		if len(answers[i].Diagnostics) > 0 {
			t.Errorf("%s: %q", m.Name, answers[i].Diagnostics)
		}
	}
	for i, tt := range tests {
		offered := answers[len(examples)+i].Complete[0]
		for _, name := range tt.offers {
			if !slices.Contains(offered, name) {
				t.Errorf("%s: %q is not offered: %q", tt.name, name, offered)
			}
		}
		for _, name := range tt.offersNot {
			if slices.Contains(offered, name) {
				t.Errorf("%s: %q is offered", tt.name, name)
			}
		}
	}
	if shown := answers[len(answers)-1].Hover[0]; !strings.Contains(shown, "rate") || !strings.Contains(strings.ToLower(shown), "caller") {
		t.Errorf("hover on rate_limit shows %q", shown)
	}
}

func edit(t *testing.T, documents []document) []answer {
	t.Helper()
	schema, err := filepath.Abs(root + "/schema/gateway.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{"schema": schema, "documents": documents})
	if err != nil {
		t.Fatal(err)
	}
	var answers []answer
	if err := json.Unmarshal(node(t, input, "testdata/editor.cjs", modules), &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(documents) {
		t.Fatalf("%d answers of %d documents", len(answers), len(documents))
	}
	return answers
}
