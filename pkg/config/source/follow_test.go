package source

import (
	"math/rand"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// scalars visits each scalar once, keys too.
func scalars(n *Node, visit func(*Node)) {
	seen := map[*Node]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.Kind == Scalar {
			visit(n)
		}
		for _, e := range n.Entries {
			walk(e.Key)
			walk(e.Value)
		}
		for _, item := range n.Items {
			walk(item)
		}
	}
	if n != nil {
		walk(n)
	}
}

// at cuts what a place names out of a text, "" when it is not in there.
func at(text string, p diag.Pos) string {
	lines := strings.Split(normalise([]byte(text)), "\n")
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	line := []rune(lines[p.Line-1])
	end := p.EndColumn
	if end == 0 {
		end = len(line) + 1
	}
	if p.Column < 1 || p.Column > end || end > len(line)+1 {
		return ""
	}
	return string(line[p.Column-1 : end-1])
}

func TestSpanFindsWordsInEveryStyle(t *testing.T) {
	for _, text := range []string{
		"a: x ${usr.id} y\n",
		"a:   'it''s ${usr.id}'\n",
		"a: \"t\\t\\u00e9 ${usr.id}\"\n",
		"é: \"\\\n   ${usr.id}\"\n",
		"é: \"one \\\n\n   ${usr.id}\"\n",
		"a: &x !!str ${usr.id}\n",
		"a: !!str\n  ${usr.id}\n",
		"a: !!str # c\n  ${usr.id}\n",
		"a: one\n  two ${usr.id}\n\n  three\n",
		"a: \"one\n  two ${usr.id}\n\n  three\"\n",
		"a: 'one  \n  two ${usr.id}'\n",
		"a: |\n  select 1\n  from x where y = ${usr.id}\n",
		"a: |-\n    select\n      ${usr.id}\n\n",
		"a: >\n  select 1\n  from x where y = ${usr.id}\n",
		"a: >-\n  one\n\n  two\n    more\n    more ${usr.id}\n  end\n\n\nb: 1\n",
		"a: >\n  one\n\n\n    led\n\n  ${usr.id}",
		"a: |2\n    lead\n  ${usr.id}\n",
		"a: |2\n     \n  ${usr.id}\n",
		"- - |+\n    x\n    ${usr.id}\n\n\n- z\n",
		"a: {b: \"${usr.id}\", c: '${usr.id}'}\n",
		"a: [x usr.id, \"y\"]\n",
		"- when: not\n    usr\n",
		"a: >\n\n  two\n  ${usr.id}\n",
		"a: |\r\n  x\r\n  ${usr.id}\r\n",
		"\ufeffa: ${usr.id}\r\nb: c",
		"? ${usr.id}\n: 1\n",
		"a: \"日本 ${usr.id}\"\n",
		"a: 日本 ${usr.id} # c\n",
		"\"a\\tb\": \"${usr.id}\"\n",
		"a: # c\n  ${usr.id}\n",
		"a: | # c\n  ${usr.id}\n",
		"a: &x usr\nb: *x\n",
	} {
		var ps diag.Problems
		root := Parse("a.yaml", []byte(text), &ps)
		found := 0
		scalars(root, func(n *Node) {
			k := strings.Index(n.Value, "usr")
			if k < 0 {
				return
			}
			found++
			if got := at(text, n.Span(k, k+3)); got != "usr" {
				t.Errorf("%q: Span names %q at %v", text, got, n.Span(k, k+3))
			}
			if got := n.PosAt(k); got.EndColumn != 0 || !strings.HasPrefix(at(text, got), "usr") {
				t.Errorf("%q: PosAt gives %v", text, got)
			}
		})
		if found == 0 || ps.Len() > 0 {
			t.Errorf("%q: found %d scalars, %d problems: %v", text, found, ps.Len(), ps.All())
		}
	}
}

func TestSpanAtTheEdges(t *testing.T) {
	var ps diag.Problems
	root := Parse("a.yaml", []byte("a: abc\nb: \"x\\n\"\nc:\nd: 'one  \n  two'\n"), &ps)
	place := func(line, column, end int) diag.Pos {
		return diag.Pos{File: "a.yaml", Line: line, Column: column, EndColumn: end}
	}
	for _, c := range []struct {
		what      string
		got, want diag.Pos
	}{
		{"behind the last byte", root.Get("a").PosAt(3), place(1, 7, 0)},
		{"the whole", root.Get("a").Span(0, 3), place(1, 4, 7)},
		{"nothing", root.Get("a").Span(1, 1), place(1, 5, 0)},
		{"too far", root.Get("a").PosAt(4), root.Get("a").At},
		{"before", root.Get("a").PosAt(-1), root.Get("a").At},
		{"backwards", root.Get("a").Span(2, 1), root.Get("a").At},
		{"an escape", root.Get("b").Span(1, 2), place(2, 6, 8)},
		{"behind an escape", root.Get("b").PosAt(2), place(2, 8, 0)},
		{"an empty value", root.Get("c").PosAt(0), place(3, 3, 0)},
		{"up to a fold", root.Get("d").Span(0, 4), place(4, 5, 8)},
		{"over a fold", root.Get("d").Span(0, 7), place(4, 5, 0)},
		{"made by hand", NewScalar(place(9, 9, 0), "x").PosAt(0), place(9, 9, 0)},
		{"a map", root.PosAt(0), place(1, 1, 0)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, c.got, c.want)
		}
	}
}

// randomScalar writes a text with marks in one of YAML's styles.
func randomScalar(r *rand.Rand) string {
	words := []string{"a", "é", "''", "\\n", "\\u00e9", "x y", "  ", "#", "\\\n   ", "\n  ", "\n\n  ", "\n    ", " \n  ", "日", "\"", "'", "$", "\t", "MARK", "\\\"", ":"}
	var b strings.Builder
	for range r.Intn(8) {
		b.WriteString(words[r.Intn(len(words))])
	}
	b.WriteString("MARK")
	for range r.Intn(4) {
		b.WriteString(words[r.Intn(len(words))])
	}
	body := b.String()
	before := []string{"a: ", "- ", "k: {x: ", "a: &x ", "é: !!str "}[r.Intn(5)]
	behind := "\n"
	if before[0] == 'k' {
		behind = "}\n"
	}
	switch r.Intn(5) {
	case 0:
		return before + body + behind
	case 1:
		return before + `"` + body + `"` + behind
	case 2:
		return before + "'" + body + "'" + behind
	case 3:
		return before + "|" + []string{"", "-", "+", "2"}[r.Intn(4)] + "\n  " + body + "\n\nb: 1\n"
	}
	return before + ">" + []string{"", "-", "+"}[r.Intn(3)] + "\n  " + body + "\n"
}

func TestNearlyEveryScalarIsFollowed(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	valid, followed := 0, 0
	for range 40_000 {
		text := randomScalar(r)
		var ps diag.Problems
		root := Parse("a.yaml", []byte(text), &ps)
		scalars(root, func(n *Node) {
			k := strings.Index(n.Value, "MARK")
			if k < 0 {
				return
			}
			valid++
			if _, _, ok := n.bytes(k, k+4); !ok {
				return
			}
			followed++
			if got := at(text, n.Span(k, k+4)); got != "MARK" {
				t.Fatalf("%q: Span names %q", text, got)
			}
		})
	}
	if valid < 10_000 || float64(followed) < 0.98*float64(valid) {
		t.Errorf("followed %d of %d scalars", followed, valid)
	}
	t.Logf("followed %d of %d", followed, valid)
}

// FuzzPositions: a character of a value, if its place is known, stands there; it may be
// written as an escape.
func FuzzPositions(f *testing.F) {
	r := rand.New(rand.NewSource(2))
	for range 200 {
		f.Add(randomScalar(r))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var ps diag.Problems
		root := Parse("a.yaml", []byte(text), &ps)
		scalars(root, func(n *Node) {
			for i, c := range n.Value {
				from, _, ok := n.bytes(i, i+utf8.RuneLen(c))
				if !ok {
					return
				}
				written := n.text.file.Text[from:]
				switch {
				case strings.HasPrefix(written, string(c)), strings.HasPrefix(written, `\`) && n.text.style == double:
				case c == '\'' && strings.HasPrefix(written, "''"):
				case c == ' ' || c == '\n':
					if written != "" && written[0] != '\n' && written[0] != ' ' && written[0] != '\t' && written[0] != '\\' {
						t.Fatalf("%q: byte %d of %q is told to stand at %q", text, i, n.Value, written)
					}
				default:
					t.Fatalf("%q: byte %d of %q is told to stand at %q", text, i, n.Value, written)
				}
			}
		})
	})
}
