package reference_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/openmanifest/gateway/internal/markdown"
	"github.com/openmanifest/gateway/pkg/reference"
)

// TestSchemaJudgesTheCorpus: the schema says of every broken manifest what its case says,
// refuses at least half of them, and takes the examples, the two large manifests and every
// complete manifest of the docs.
func TestSchemaJudgesTheCorpus(t *testing.T) {
	manifests, want := corpus(t)
	sound := append(files(t, "examples/*/app.yaml", "testdata/manifests/*/*.yaml"), blocks(t)...)
	if len(sound) < 6 {
		t.Errorf("only %d sound manifests", len(sound))
	}
	refused := 0
	for _, v := range judge(t, append(sound, manifests...)) {
		expected, broken := want[v.Name]
		if !broken {
			expected = "accepts"
		}
		if v.Verdict != expected {
			t.Errorf("%s: the schema %s, want %s: %q", v.Name, v.Verdict, expected, v.Errors)
		}
		if v.Verdict == "refuses" {
			refused++
		}
	}
	if 2*refused < len(manifests) {
		t.Errorf("the schema refuses %d of %d broken manifests, at least half are wanted", refused, len(manifests))
	}
}

// blocks gives the YAML blocks of the docs that are whole manifests.
func blocks(t *testing.T) []manifest {
	t.Helper()
	var list []manifest
	for _, page := range files(t, "*.md", "docs/*.md", "docs/*/*.md", "examples/*/README.md") {
		for _, b := range markdown.Blocks(page.Text) {
			if b.Info == "yaml" && strings.Contains("\n"+b.Text, "\nversion:") {
				list = append(list, manifest{fmt.Sprintf("%s:%d", page.Name, b.Line), b.Text})
			}
		}
	}
	return list
}

// TestSchemaAcceptsWhatCheckAccepts changes the examples in one place after another. What
// check then still takes the schema must take.
func TestSchemaAcceptsWhatCheckAccepts(t *testing.T) {
	var taken []manifest
	tried := 0
	for _, example := range files(t, "examples/*/app.yaml") {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(filepath.Dir(example.Name))); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "app.yaml")
		for _, m := range mutants(t, example) {
			if err := os.WriteFile(path, []byte(m.Text), 0o600); err != nil {
				t.Fatal(err)
			}
			tried++
			if loaded := check(path); !loaded.Failed() {
				taken = append(taken, m)
			}
		}
	}
	if len(taken) < 50 || len(taken) == tried {
		t.Fatalf("check takes %d of %d changed manifests", len(taken), tried)
	}
	for _, v := range judge(t, taken) {
		if v.Verdict != "accepts" {
			t.Errorf("check takes, the schema %s: %s\n%q", v.Verdict, v.Name, v.Errors)
		}
	}
}

// replacements stand in place of each value.
func replacements() []string {
	return []string{"", "5", "true", "text", "/path", "[]", "{}", "${1}", "[text]", "{a: b}"}
}

// stride leaves out places, so that the test takes seconds.
const stride = 17

func mutants(t *testing.T, of manifest) []manifest {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(of.Text), &doc); err != nil {
		t.Fatal(err)
	}
	var list []manifest
	count := 0
	write := func(n *yaml.Node, what string) {
		if count++; count%stride != 0 {
			return
		}
		text, err := yaml.Marshal(&doc)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, manifest{of.Name + " " + what, string(text)})
	}
	var walk func(n *yaml.Node, path string)
	walk = func(n *yaml.Node, path string) {
		if n.Kind == yaml.MappingNode {
			for i := 0; i < len(n.Content); i += 2 {
				kept := n.Content
				n.Content = append(append([]*yaml.Node{}, kept[:i]...), kept[i+2:]...)
				write(n, "without "+path+"/"+kept[i].Value)
				n.Content = kept
			}
		}
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				continue
			}
			inner := path
			if n.Kind == yaml.MappingNode {
				inner += "/" + n.Content[i-1].Value
			}
			for _, r := range replacements() {
				var other yaml.Node
				if err := yaml.Unmarshal([]byte(r), &other); err != nil {
					t.Fatal(err)
				}
				n.Content[i] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}
				if len(other.Content) > 0 {
					n.Content[i] = other.Content[0]
				}
				write(n, inner+": "+r)
			}
			n.Content[i] = child
			walk(child, inner)
		}
	}
	walk(&doc, "")
	return list
}

// TestGeneratedFilesAreFresh: what `make generate` writes is what the code says.
func TestGeneratedFilesAreFresh(t *testing.T) {
	schema, err := reference.SchemaText()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"schema/gateway.schema.json": string(schema)}
	for name, text := range reference.Pages() {
		want["docs/reference/"+name] = text
	}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(got) != text {
			t.Errorf("%s is stale (%v): run `make generate`", name, err)
		}
	}
	pages, err := filepath.Glob(root + "/docs/reference/*.md")
	if err != nil || len(pages) != len(reference.Pages()) {
		t.Errorf("docs/reference holds %d pages, %d are generated: %v", len(pages), len(reference.Pages()), err)
	}
}
