package source

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/rogpeppe/go-internal/txtar"
)

// inside tells whether a place is in a text, or just behind it.
func inside(text string, p diag.Pos) bool {
	lines := strings.Split(normalise([]byte(text)), "\n")
	if p.Line < 1 || p.Line > len(lines) || p.Column < 1 {
		return false
	}
	width := utf8.RuneCountInString(lines[p.Line-1])
	return p.Column <= width+1 && p.EndColumn <= width+1 && (p.EndColumn == 0 || p.EndColumn >= p.Column)
}

func seeds(f *testing.F) {
	for _, c := range syntaxCases {
		f.Add(c.text)
	}
	for _, text := range []string{
		"a: &x {b: [1, 2]}\nc: {<<: *x, d: 'e'}\n", "a: |\n  b\n c\n", "- [{\"a\":1}, *x]\n", "? a\n: b\n", "%YAML 1.1\n---\na: !!str\n  b\n",
		"\ta: b", "a: \"x\\\n  y\"\n", "{a: b,\n c: [d,\n e]}\n", "a:\n- b\n-\n  - c\n", "a: b\n...\n# c\n", "'a': b\n\"c\" : d\n", "a: x\n\n  y # z\nb: 1\n",
	} {
		f.Add(text)
	}
}

// FuzzParse: any bytes give a tree or a problem, and every place is in the file.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		var ps diag.Problems
		root := Parse("a.yaml", []byte(text), &ps)
		if root == nil && !ps.Failed() {
			t.Fatalf("%q: neither a tree nor a problem", text)
		}
		for _, p := range ps.All() {
			if !inside(text, p.At) {
				t.Fatalf("%q: %q is placed at %+v", text, p.Message, p.At)
			}
			for _, r := range p.Related {
				if !inside(text, r.At) {
					t.Fatalf("%q: %q is placed at %+v", text, r.Message, r.At)
				}
			}
		}
		scalars(root, func(n *Node) {
			if !inside(text, n.At) || !inside(text, n.PosAt(len(n.Value))) || !inside(text, n.Span(0, len(n.Value))) {
				t.Fatalf("%q: %q is placed at %+v, %+v", text, n.Value, n.At, n.Span(0, len(n.Value)))
			}
		})
	})
}

// FuzzScan: whatever the scan finds in any text has a place in it. That it finds nothing in a
// text that the parser takes is checked on manifests, below: the parser also takes oddities
// that nobody writes, such as a tab before a comment or a block where its dash stands, and the
// scan is asked only when the parser has refused a text.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		var ps diag.Problems
		file, ok := newFile("a.yaml", "", []byte(text), &ps)
		if !ok {
			return
		}
		s := newScan(file)
		s.run()
		for _, p := range s.found.All() {
			if !inside(text, p.At) {
				t.Fatalf("%q: %q is placed at %+v", text, p.Message, p.At)
			}
		}
	})
}

// In what the parser takes the scan finds nothing wrong, so what it finds in another text is
// worth telling.
func TestTheScanAgreesWithTheParser(t *testing.T) {
	taken := 0
	for _, pattern := range []string{"../../../examples/*/app.yaml", "../../../testdata/manifests/*/*.yaml", "../../../testdata/check/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, name := range files {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			texts := [][]byte{archive.Comment}
			for _, f := range archive.Files {
				texts = append(texts, f.Data)
			}
			for _, text := range texts {
				taken += agree(t, name, text)
			}
		}
	}
	if taken < 150 {
		t.Errorf("the parser took %d manifests only", taken)
	}
}

// agree counts a text that the parser takes.
func agree(t *testing.T, name string, text []byte) int {
	t.Helper()
	var ps diag.Problems
	file, ok := newFile("a.yaml", "", text, &ps)
	if !ok {
		return 0
	}
	root, err := decode(file.Text)
	if _, several := file.secondDocument(); err != nil || root == nil || several {
		return 0
	}
	if newBuilder(file, &ps).node(root, surroundings{}); ps.Len() > 0 {
		return 0
	}
	s := newScan(file)
	if s.run(); s.found.Len() > 0 {
		t.Errorf("%s: %v", name, s.found.All()[0])
	}
	return 1
}
