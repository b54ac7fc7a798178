package source

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

func TestResolve(t *testing.T) {
	for plain, want := range map[string]any{
		"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil, "nULL": "nULL", "none": "none",
		"true": true, "false": false, "True": "True", "FALSE": "FALSE", "yes": "yes", "no": "no", "on": "on", "NO": "NO",
		"0": int64(0), "12": int64(12), "-12": int64(-12), "+12": int64(12), "007": int64(7),
		"0x1F": int64(31), "0o17": int64(15), "0b1": "0b1", "0x": "0x", "0xg": "0xg", "-0x1": "-0x1", "0x-1": "0x-1", "0o8": "0o8",
		"9223372036854775807": int64(math.MaxInt64), "9223372036854775808": "9223372036854775808", "-9223372036854775808": int64(math.MinInt64),
		"0xffffffffffffffff": "0xffffffffffffffff",
		"1.5":                1.5, "-.5": -.5, "5.": 5., "1e3": 1e3, "1E-3": 1e-3, "1.10": 1.1, "1e999": "1e999", "1e": "1e", ".": ".", "-": "-", "+": "+", "1.2.3": "1.2.3",
		".inf": math.Inf(1), "-.INF": math.Inf(-1), "+.Inf": math.Inf(1), "-.nan": "-.nan", ".Nan": ".Nan",
		"1_000": "1_000", "1:30": "1:30", "--1": "--1", "-+1": "-+1", "30s": "30s", "8MB": "8MB", "2026-11-24": "2026-11-24", "nil": "nil", "é": "é",
	} {
		if got := Resolve(plain); got != want {
			t.Errorf("Resolve(%q) = %T %v, want %T %v", plain, got, got, want, want)
		}
	}
	if f, ok := Resolve(".nan").(float64); !ok || !math.IsNaN(f) {
		t.Errorf("Resolve(.nan) = %v", Resolve(".nan"))
	}
}

func TestScalarsByStyle(t *testing.T) {
	var ps diag.Problems
	root := Parse("a.yaml", []byte("plain: 5\nsingle: '5'\ndouble: \"5\"\nblock: |-\n  5\nfolded: >-\n  true\ntagged: !!str 5\nnothing:\nempty: ''\ntilde: ~\nmap: {}\n200: ok\n<<x: '<<'\n"), &ps)
	for key, want := range map[string]any{
		"plain": int64(5), "single": "5", "double": "5", "block": "5", "folded": "true", "tagged": "5", "nothing": nil, "empty": "", "tilde": nil, "map": nil, "200": "ok", "<<x": "<<",
	} {
		n := root.Get(key)
		if n == nil || n.Scalar() != want {
			t.Errorf("%s: %#v", key, n.Scalar())
		}
		if null := key == "nothing" || key == "tilde"; n.Null() != null {
			t.Errorf("%s: Null() = %v", key, n.Null())
		}
	}
	var none *Node
	if ps.Len() > 0 || !none.Null() || none.Scalar() != nil || none.Get("x") != nil || root.Get("x") != nil {
		t.Errorf("nil node, or problems: %s", told(&ps))
	}
}

func TestPlaces(t *testing.T) {
	text := "é: è # c\r\na:   'it''s'\nb: \"\\\"x\"  \nc: |\n  x\nd: &x !!str\n  y\ne: [1, {f: g}]\nh: &y\n  i: j\nk: *y\nl:\nm: n\n o\n"
	var ps diag.Problems
	root := Parse("a.yaml", []byte(text), &ps)
	entry := func(n *Node, key string) Entry {
		i := slices.IndexFunc(n.Entries, func(e Entry) bool { return e.Key.Value == key })
		return n.Entries[i]
	}
	list := root.Get("e")
	for _, c := range []struct {
		what string
		n    *Node
		want string
	}{
		{"root", root, "1:1"},
		{"key", entry(root, "é").Key, "1:1-2"},
		{"value", root.Get("é"), "1:4-5"},
		{"single", root.Get("a"), "2:6-13"},
		{"double", root.Get("b"), "3:4-9"},
		{"block", root.Get("c"), "4:4"},
		{"behind a tag and an anchor", root.Get("d"), "7:3-4"},
		{"list", list, "8:4"},
		{"item", list.Items[0], "8:5-6"},
		{"map", list.Items[1], "8:8"},
		{"key in a map", list.Items[1].Entries[0].Key, "8:9-10"},
		{"value in a map", list.Items[1].Get("f"), "8:12-13"},
		{"map behind an anchor", root.Get("h"), "10:3"},
		{"alias", root.Get("k"), "10:3"},
		{"value of the alias", root.Get("k").Get("i"), "10:6-7"},
		{"nothing", root.Get("l"), "12:3"},
		{"two lines", root.Get("m"), "13:4"},
	} {
		if got := placeOf(c.n.At); got != c.want {
			t.Errorf("%s: at %s, want %s", c.what, got, c.want)
		}
	}
	if ps.Len() > 0 {
		t.Error(told(&ps))
	}
}

func TestMerge(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a: &a {b: 1, c: 2}\nd: {<<: *a, c: 3}\n", "{a: {b: 1, c: 2}, d: {c: 3, b: 1}}"},
		{"a: &a {b: 1}\nc: &c {b: 2, d: 3}\ne: {<<: [*a, *c], f: 4}\n", "{a: {b: 1}, c: {b: 2, d: 3}, e: {f: 4, b: 1, d: 3}}"},
		{"a: {<<: {b: 1}}\n", "{a: {b: 1}}"},
		{"a: &a {b: 1}\nc: &c {<<: *a, d: 2}\ne: {<<: *c}\n", "{a: {b: 1}, c: {d: 2, b: 1}, e: {d: 2, b: 1}}"},
		{"a: {'<<': 1}\n", "{a: {<<: 1}}"},
		{"a: &a [1]\nb: [*a, *a]\n", "{a: [1], b: [[1], [1]]}"},
		{"a: &a 1\nb: &a 2\nc: *a\n", "{a: 1, b: 2, c: 2}"},
	} {
		var ps diag.Problems
		root := Parse("a.yaml", []byte(c.text), &ps)
		if ps.Len() > 0 || print(root) != c.want {
			t.Errorf("%q: %s, %s", c.text, print(root), told(&ps))
		}
	}
}

func TestRefusedTrees(t *testing.T) {
	var bomb, wide strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	wide.WriteString("x: &x\n")
	for i := range 20_000 {
		fmt.Fprintf(&wide, "  k%d: 1\n", i)
	}
	wide.WriteString("y:\n")
	wide.WriteString(strings.Repeat("  - {<<: *x}\n", 20_000))
	chain := "a0: &a0 [x]\n"
	for i := range 250 {
		chain += fmt.Sprintf("a%d: &a%d [*a%d]\n", i+1, i+1, i)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a circle", "a: &a {b: [*a]}\n", "a.yaml:1:12: the alias *a stands inside of what it names"},
		{"a merged circle", "a: &a {<<: *a}\n", "a.yaml:1:12: the alias *a stands inside of what it names"},
		{"a merged value", "a: {<<: [1, {b: 2}]}\n", "a.yaml:1:10: `<<` takes a map or a list of maps, not a plain value"},
		{"merged twice", "a: {b: 1, b: {c: 2, c: 3}}\n", "a.yaml:1:11: the key \"b\" stands twice in this map [a.yaml:1:5]\na.yaml:1:21: the key \"c\" stands twice in this map [a.yaml:1:15]"},
		{"deep", strings.Repeat("[", 300) + strings.Repeat("]", 300), "a.yaml:1:202: maps and lists are nested deeper than 200"},
		{"deeper than the parser goes", strings.Repeat("- ", 20_000), "a.yaml:1:1: maps and lists are nested deeper than 200"},
		{"deep by aliases", chain, "a.yaml:200:14: maps and lists are nested deeper than 200"},
		{"a bomb of aliases", bomb.String(), "a.yaml:6:45: aliases make this file too large"},
		{"a bomb of merges", wide.String(), "aliases make this file too large"},
	} {
		var ps diag.Problems
		Parse("a.yaml", []byte(c.text), &ps)
		if got := told(&ps); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestDuplicatesInALargeMap(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "k%d: %d\n", i%60, i)
	}
	var ps diag.Problems
	root := Parse("a.yaml", []byte(b.String()), &ps)
	if ps.Len() != 40 || len(root.Entries) != 60 || root.Get("k5").Value != "5" {
		t.Errorf("%d problems, %d entries", ps.Len(), len(root.Entries))
	}
	if p := ps.All()[0]; p.At.Line != 61 || p.Related[0].At.Line != 1 {
		t.Errorf("%+v", p)
	}
}

func TestOverlay(t *testing.T) {
	var ps diag.Problems
	base := Parse("base", []byte("endpoint: {listen: a, tls: {cert: c}, list: [1, 2]}\nstores: {main: {url: x}}\n"), &ps)
	before := print(base)
	over := Parse("over", []byte("endpoint: {tls: {key: k}, list: [3], url: u}\nmailer: {from: m}\nstores: {main: off}\n"), &ps)
	got := Overlay(base, over)
	if want := "{endpoint: {listen: a, tls: {cert: c, key: k}, list: [3], url: u}, stores: {main: off}, mailer: {from: m}}"; print(got) != want {
		t.Errorf("%s\nwant %s", print(got), want)
	}
	if print(base) != before {
		t.Errorf("the base changed: %s", print(base))
	}
	if at := got.Get("endpoint").Get("tls").Get("key").At; at.File != "over" || at.Column != 23 {
		t.Errorf("place of what is laid over: %+v", at)
	}
	if at := got.Get("endpoint").Get("listen").At; at.File != "base" {
		t.Errorf("place of what is kept: %+v", at)
	}
	if Overlay(base, nil) != base || Overlay(nil, over) != over {
		t.Error("nothing laid over something, or the other way round")
	}
}

func TestMadeByHand(t *testing.T) {
	at := diag.Pos{File: "x", Line: 1, Column: 2}
	n := NewMap(at, Entry{NewString(at, "a"), NewList(at, NewScalar(at, "1"), NewString(at, "1"))})
	if items := n.Get("a").Items; n.Kind != Map || n.At != at || items[0].Scalar() != int64(1) || items[1].Scalar() != "1" {
		t.Errorf("%s", print(n))
	}
}

// manyRoutes writes a manifest of n routes with six lines each.
func manyRoutes(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nscopes:\n  - path: /\n    routes:\n")
	for i := range n {
		fmt.Fprintf(&b, "      - get: /things%d/:id\n        do:\n          - query_one: select * from t where id = ${params.id} and n = %d\n            as: row\n          - json: {row: \"${row}\", n: %d}\n            status: 200\n", i, i, i)
	}
	return []byte(b.String())
}

func TestManyRoutesCountsAll(t *testing.T) {
	var ps diag.Problems
	root := Parse("a.yaml", manyRoutes(1000), &ps)
	routes := root.Get("scopes").Items[0].Get("routes").Items
	if len(routes) != 1000 || ps.Len() > 0 {
		t.Fatalf("%d routes, %s", len(routes), told(&ps))
	}
	query := routes[999].Get("do").Items[0].Get("query_one")
	if k := strings.Index(query.Value, "params.id"); query.Span(k, k+9) != (diag.Pos{File: "a.yaml", Line: 6001, Column: 53, EndColumn: 62}) {
		t.Errorf("place %+v", query.Span(k, k+9))
	}
}

func BenchmarkParse(b *testing.B) {
	text := manyRoutes(10_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var ps diag.Problems
		if Parse("a.yaml", text, &ps) == nil {
			b.Fatal("no tree")
		}
	}
}
