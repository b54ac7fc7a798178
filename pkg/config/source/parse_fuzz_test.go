package source

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
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

// FuzzScan: in a text that the parser takes the scan finds nothing wrong, but for what is
// refused elsewhere too: so what it finds in another text is worth telling.
func FuzzScan(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		var ps diag.Problems
		file, ok := newFile("a.yaml", "", []byte(text), &ps)
		if !ok {
			return
		}
		root, err := decode(file.Text)
		if _, several := file.secondDocument(); err != nil || root == nil || several {
			return
		}
		if newBuilder(file, &ps).node(root, surroundings{}); ps.Len() > 0 {
			return
		}
		s := newScan(file)
		if s.run(); s.found.Len() == 0 {
			return
		}
		// The parser lets brackets go over lines that are indented less; people forget to
		// close them.
		if found := s.found.All()[0]; !strings.Contains(found.Message, "never closed") {
			t.Fatalf("%q: %v", text, found)
		}
	})
}
