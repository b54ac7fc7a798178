//go:build !race

// Hundreds of manifests, one after another in one goroutine: ten times as long with the
// race detector, which has nothing to see here.

package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/config"
	"github.com/openmanifest/gateway/pkg/config/spec"
	"github.com/openmanifest/gateway/pkg/pipeline"
)

// vocabulary lists the words of the language that can stand as a key or as a bare plug.
func vocabulary() []string {
	words := append(pipeline.Modifiers(), "do", "pipe_through", "match", "any", "path", "resources")
	for method := range app.Methods() {
		words = append(words, method)
	}
	blocks := []*spec.Fields{app.ResourceFields()}
	for _, describe := range []func(*spec.Fields){
		func(f *spec.Fields) { config.Describe(f, &config.Manifest{}) }, config.DescribeEndpoint, config.DescribeStore, config.DescribeToken,
		config.DescribeSchema, func(f *spec.Fields) { config.DescribeField(f, &config.Field{}) }, config.DescribeUpstream, config.DescribeScope,
		config.DescribeSocket, config.DescribeChannel,
	} {
		f := spec.NewFields("")
		describe(f)
		blocks = append(blocks, f)
	}
	for _, d := range app.Plugs() {
		words = append(words, d.Name)
		if !d.Later {
			blocks = append(blocks, d.Fields())
		}
	}
	for _, f := range blocks {
		words = append(words, f.Names()...)
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// misspellings are the slips of a hand: a letter left out, two swapped, one twice.
func misspellings(word string) []string {
	i := len(word) / 2
	return []string{word[:i] + word[i+1:], word[:i-1] + word[i:i+1] + word[i-1:i] + word[i+1:], word[:i] + word[i:i+1] + word[i:]}
}

// TestEveryWordMisspelt spells every word of the examples and of the two large manifests
// wrong, one at a time: each is found where it stands, with the right word suggested, and
// with nothing else than what was there before.
func TestEveryWordMisspelt(t *testing.T) {
	words := vocabulary()
	count := 0
	for _, pattern := range []string{"../../examples/*/app.yaml", "../../testdata/manifests/*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			count += misspell(t, path, words)
		}
	}
	if count < 300 {
		t.Errorf("only %d misspellings were tried", count)
	}
}

func misspell(t *testing.T, path string, words []string) (count int) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(path))); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, filepath.Base(path))
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SECRET_KEY_BASE": strings.Repeat("s", 64)}
	before := told(checked(copied, "prod", env).Problems)
	lines := strings.SplitAfter(string(raw), "\n")
	for i, n := range wordsOf(t, raw, words) {
		wrong := misspellings(n.Value)[i%3]
		if slices.Contains(words, wrong) {
			continue
		}
		line := lines[n.Line-1]
		lines[n.Line-1] = line[:n.Column-1] + wrong + line[n.Column-1+len(n.Value):]
		if err := os.WriteFile(copied, []byte(strings.Join(lines, "")), 0o600); err != nil {
			t.Fatal(err)
		}
		lines[n.Line-1] = line
		loaded := checked(copied, "prod", env)
		if after := told(loaded.Problems); after == before {
			if strings.Contains(path, "examples") { // elsewhere it stands in what this version lacks and takes with any options
				t.Errorf("%s:%d:%d %s for %s changes nothing", path, n.Line, n.Column, wrong, n.Value)
			}
			continue
		}
		count++
		want := fmt.Sprintf("did you mean %q?", n.Value)
		found := false
		for _, p := range loaded.Problems {
			if p.At.Line == n.Line && p.At.Column == n.Column && p.Hint == want {
				found = true
			} else if !strings.Contains(before, p.Message) {
				t.Errorf("%s:%d:%d %s for %s: beside it %v", path, n.Line, n.Column, wrong, n.Value, p)
			}
		}
		if !found {
			t.Errorf("%s:%d:%d %s for %s is not found there: %s", path, n.Line, n.Column, wrong, n.Value, told(loaded.Problems))
		}
	}
	return count
}

// wordsOf gives the nodes that hold a word of the language of three letters or more.
func wordsOf(t *testing.T, raw []byte, words []string) []*yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	var list []*yaml.Node
	var walk func(n *yaml.Node, under string)
	walk = func(n *yaml.Node, under string) {
		for i, child := range n.Content {
			inner := under
			if n.Kind == yaml.MappingNode && i%2 == 1 {
				inner = n.Content[i-1].Value
			}
			key := n.Kind == yaml.MappingNode && i%2 == 0 && !slices.Contains(authored(), under)
			if _, known := slices.BinarySearch(words, child.Value); known && len(child.Value) >= 3 && (key || n.Kind == yaml.SequenceNode && under != "values") {
				list = append(list, child)
			}
			walk(child, inner)
		}
	}
	walk(&doc, "")
	return list
}

// authored lists the keys whose maps hold names of the author's.
func authored() []string {
	return []string{"stores", "tokens", "schemas", "upstreams", "pipelines", "fields", "handle_in", "handle_out", "values", "assign", "assigns", "payload", "reply_error", "data", "owner",
		"meta", "merge", "reply", "push", "json", "headers", "user", "compose", "put_flash", "put_req_header", "environments"}
}
