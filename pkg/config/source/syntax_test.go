package source

import (
	"strconv"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// syntaxCases: what people write, where it is told, and in which words. `at` is
// line:column, or line:column-end.
var syntaxCases = []struct{ name, text, at, message, hint string }{
	// indentation
	{"between two levels", "a:\n  b: 1\n c: 2\n", "3:2-3", "indented by 1", "indent it by 0 or 2"},
	{"deeper than its neighbour", "a:\n  b: 1\n   c: 2\n", "3:4-5", "deeper than `b:` in line 2", "indent it by 2"},
	{"below a value", "a: x\n  b: y\n", "2:3-4", "deeper than `a:` in line 1", "indent it by 0"},
	{"below brackets", "a: {b: 1}\n  c: 2\n", "2:3-4", "deeper than `a:`", "indent it by 0"},
	{"first key too deep", "a:\n    b: 1\n  c: 2\n", "3:3-4", "indented by 2", "indent it by 0 or 4"},
	{"key of an item", "- a: 1\n  b: 2\n c: 3\n", "3:2-3", "indented by 1", "indent it by 0 or 2"},
	{"item to the left", "a:\n  - b\n - c\n", "3:2-3", "indented by 1", "indent it by 0 or 2"},
	{"item at the margin", "a:\n  - b\n- c\n", "3:1-2", "this item is indented less", "indent it by 2"},
	{"item deeper, swallowed", "a:\n- b\n - c\n", "3:2-3", "goes on with the text of the line above", "indent it like the `-` above"},
	{"left of the first line", "  a: 1\nb: 2\n", "2:1-2", "less than the first one", "indent it by 2, like line 1"},
	{"left of the first line, behind brackets", "{a: 1}\nb: 2\n", "2:1-2", "belongs to nothing", ""},
	{"text block", "a: |\n    x\n  y\nb: 1\n", "3:3-4", "indented less than the text", "indent it by 4"},
	{"tab", "a:\n\tb: 1\n", "2:1-2", "a tab cannot indent", "indent with spaces"},
	{"tab before the first comment", "\t# c\na: b\n", "1:1-2", "a tab cannot indent", "indent with spaces"},
	{"tab later", "a:\n  b: 1\n\tc: 2\n", "3:1-2", "a tab cannot indent", "spaces"},
	{"tab below a value", "a: x\n\tb\n", "2:1-2", "a tab cannot indent", "spaces"},
	{"tab in a text block", "a: |\n\tselect 1\n", "2:1-2", "a tab cannot indent", "spaces"},
	{"tab behind a dash", "-\ta\n", "1:2-3", "a tab cannot indent", "spaces"},

	// colons
	{"two keys on a line", "key: value: more\n", "1:6-17", "holds `: ` must be quoted", `"value: more", or put`},
	{"condition", "x: 1\nwhen: a ? b : c\ny: 2\n", "2:7-16", "holds `: ` must be quoted", `quote this value: "a ? b : c"`},
	{"condition with quotes", "when: a == \"x\" ? 'b' : 'c'\n", "1:7-27", "holds `: ` must be quoted", "quote this value"},
	{"condition on two lines", "when: a\n  ? b : c\n", "1:7-8", "holds `: ` must be quoted", ">-"},
	{"colon at the end", "a: b:\n", "1:4-6", "must be quoted", `quote this value: "b:"`},
	{"expression", "a: ${x: y}\n", "1:4-11", "must be quoted", `"${x: y}"`},
	{"in a map", "a: {t: a: b}\n", "1:8-12", "must be quoted", `quote this value: "a: b"`},
	{"no space behind", "b: 2\na:1\nc: 3\n", "2:1-4", "a space is missing after the colon", "write `a: 1`"},
	{"no space behind, first line", "a:1\nb: 2\n", "1:1-4", "a space is missing after the colon", "write `a: 1`"},
	{"no space behind, in a map", "a: {b:1}\n", "1:5-8", "a space is missing after the colon", "write `b: 1`"},
	{"no colon", "a:\n  listen\n  b: 1\n", "2:3-9", "`listen` has no `:`", "write `listen:`"},
	{"no colon in an item", "- fetch_session\n  when: x\n", "1:3-16", "`fetch_session` has no `:`", "write `fetch_session:`"},
	{"no colon, last", "a: 1\nlisten\n", "2:1-7", "`listen` has no `:`", "write `listen:`"},
	{"no colon in a sentence", "a: 1\nthis is text\n", "2:1-13", "no `: `", "key: value"},

	// lists
	{"missing dash", "a:\n  - b\n  c\n", "3:3-4", "`- ` is missing", "start it with `- `"},
	{"missing dash or indentation", "a:\n  - x: 1\n  y: 2\n", "3:3-4", "`- ` is missing", "or indent it by 4"},
	{"missing dash, margin", "- a\nb: 1\n", "2:1-2", "`- ` is missing", "start it with `- `"},
	{"no space behind the dash", "a: 1\n-b\n", "2:1-3", "a space is missing after the `-`", "write `- b`"},
	{"item among keys", "a: 1\n- b\n", "2:1-2", "among the keys of a map", "below a key of its own"},
	{"list on the line of its key", "a: - b\n", "1:4-5", "cannot start on the line of its key", "next line"},

	// quotes
	{"single quote left open", "a: 'x\nb: 1\n", "1:4-5", "never closed", "close it"},
	{"double quote left open", "a: \"x\nb: 1\n", "1:4-5", "never closed", "close it"},
	{"quote closed by another", "a: 'x\nb: 'y'\n", "1:4-5", "never closed", "close it"},
	{"quote closed by another, taken by the parser", "a:\n  b: 'x\n  c: y'\n", "2:6", "closed in line 3 only", "close it on its line"},
	{"quote left open in a map", "a: {b: 'c}\nd: 1\n", "1:8-9", "never closed", "close it"},
	{"text behind single quotes", "a: 'x' in roles\nb: 1\n", "1:4-16", "begins with a quote ends with it", `quote this value: "'x' in roles"`},
	{"text behind double quotes", "a: \"x\" in roles\nb: 1\n", "1:4-16", "begins with a quote ends with it", `quote this value: '"x" in roles'`},
	{"text behind quotes in an item", "- 'x' in roles # c\n", "1:3-15", "begins with a quote ends with it", `"'x' in roles"`},
	{"text behind quotes in a list", "a: [1, 'x' in y]\n", "1:8-16", "begins with a quote ends with it", `"'x' in y"`},
	{"apostrophe", "a: 'it's me'\n", "1:4-13", "ends at its second quote", "write ''"},
	{"apostrophe in a map", "a: {x: 'it's me'}\n", "1:8-17", "ends at its second quote", "write ''"},
	{"quote in double quotes", "a: \"say \"hi\" now\"\n", "1:4-18", "ends at its second quote", `write \"`},
	{"escape", "a: \"\\d+\"\n", "1:5-7", "`\\d` means nothing in double quotes", "single quotes"},

	// brackets
	{"list left open", "a: [1, 2\nb: 1\n", "1:4-5", "`[` that opens here is never closed", "close it with `]`"},
	{"map left open", "a: {x: 1\nb: 1\n", "1:4-5", "`{` that opens here is never closed", "close it with `}`"},
	{"map left open, inner closed", "a: {when: not x, b: {c: d}\n", "1:4-5", "never closed", "`}`"},
	{"map left open at the end", "a: {\n", "1:4-5", "never closed", "`}`"},
	{"wrong bracket", "a: {b: [1, 2}\n", "1:13-14", "`}` closes the `[` of line 1", "`]` first"},
	{"comment in a map", "a: {t: x # y}\n", "1:10-11", "starts a comment", "quote the value"},
	{"no comma", "a: {\n  b: 1\n  c: 2\n}\n", "3:3-4", "a comma is missing", "end line 2"},
	{"no comma behind quotes", "a: {\n  b: '1'\n  c: 2\n}\n", "3:3-4", "a comma is missing", "end line 2"},
	{"no comma in a list", "a: [\n  b\n  c: 2\n]\n", "3:3-4", "a comma is missing", "end line 2"},
	{"no key in a map", "a: {:b: c}\n", "1:5-6", "a key is missing", "quote"},
	{"comment behind a bracket", "a: {# b: c}\nd: e\n", "1:5-6", "starts a comment", "quote"},
	{"two commas", "a: [b,,c]\n", "1:7-8", "nothing stands before this comma", "delete it"},
	{"closed twice", "a: [1, 2]]\n", "1:4-11", "ends with its bracket", "quote this value"},
	{"text behind a list", "when: [1, 2] == x\n", "1:7-18", "begins with `[` ends with its bracket", `"[1, 2] == x"`},
	{"host", "host: {tenant}.example.com\n", "1:7-27", "begins with `{` ends with its bracket", `"{tenant}.example.com"`},

	// expressions within brackets
	{"expression in a map", "a: {a: ${b}}\n", "1:8-12", "`${` within [ ] or { } must be quoted", `quote this value: "${b}"`},
	{"expression with quotes in a map", "a: {a: ${b ?? 'x, y'}, c: d}\n", "1:8-22", "`${` within", `"${b ?? 'x, y'}"`},
	{"expression in a list", "a: [${a}, b]\n", "1:5-9", "`${` within", `quote this value: "${a}"`},
	{"expression in a text in a map", "a: {a: x ${b}, c: d}\n", "1:8-14", "`${` within", `"x ${b}"`},
	{"expression as key", "a: {${b}: 1}\n", "1:5-12", "`${` within", `quote this key: "${b}"`},
	{"expression over lines", "a:\n  b: {c: d,\n    e: ${f}}\n", "3:8-12", "`${` within", `"${f}"`},
	{"topic in a map", "a: {t: room:{id}}\n", "1:8-17", "holds `{` must be quoted", `"room:{id}"`},
	{"list in a condition in a map", "a: {when: a in [1,2]}\n", "1:11-21", "holds `[` must be quoted", `quote this value: "a in [1,2]"`},
	{"question in a map", "a: {t: a ? b : c}\n", "1:8-17", "holds `?` must be quoted", `"a ? b : c"`},
	{"optional member in a map", "a: {t: x?.y}\n", "1:8-12", "holds `?` must be quoted", `"x?.y"`},
	{"call in a map, taken by the parser", "a: {k: has(a, b)}\n", "1:8-17", "the comma ends this value", `quote this value: "has(a, b)"`},
	{"call in a list, taken by the parser", "a: [has(a, b, c), d]\n", "1:5-17", "the comma ends this value", `"has(a, b, c)"`},
	{"text with a comma in a map, taken by the parser", "a: {when: x == 'a, b'}\n", "1:11-22", "the comma ends this value", `"x == 'a, b'"`},
	{"condition in an item, taken by the parser", "- x ? y : z\n", "1:3-8", "made a key of `x ? y`", "quote this value"},
	{"comment in an expression, taken by the parser", "a: ${ x # y }\n", "1:9-10", "cuts the `${`", `quote this value: "${ x # y }"`},

	// what a value must not start with
	{"at", "a: @x\n", "1:4-6", "cannot begin with `@`", `quote this value: "@x"`},
	{"backquote", "a: `x`\n", "1:4-7", "cannot begin with a backquote", "quote this value: \"`x`\""},
	{"percent", "a: %x\n", "1:4-6", "cannot begin with `%`", `"%x"`},
	{"comma", "a: , b\n", "1:4-7", "cannot begin with `,`", `", b"`},
	{"bracket", "a: ]\n", "1:4-5", "cannot begin with `]`", `"]"`},
	{"at in a map", "a: {b: @x, c: d}\n", "1:8-10", "cannot begin with `@`", `"@x"`},
	{"at in a key", "@a: x\n", "1:1-6", "cannot begin with `@`", `quote this key: "@a"`},
	{"greater", "when: > 5\n", "1:7-10", "stands in the lines below", `"> 5"`},
	{"bar", "when: | x\n", "1:7-10", "stands in the lines below", `"| x"`},
	{"star", "host: *.example.com\n", "1:7-20", "names an anchor", `quote this value: "*.example.com"`},
	{"star in a list", "a: [*.example.com, b]\n", "1:5-18", "names an anchor", `"*.example.com"`},
	{"unknown alias", "b: &service 1\na: *servce\n", "2:4-11", "no anchor &servce", `did you mean "service"?`},
	{"unknown alias, nothing near", "a: *x\n", "1:4-6", "no anchor &x", "&x"},
	{"ampersand", "a: && x\n", "1:4-8", "names an anchor", `"&& x"`},
	{"not", "when: !admin && x\n", "1:7-18", "is a YAML tag", `quote this value: "!admin && x"`},
	{"not, taken by the parser", "when: !admin\n", "1:7-13", "is a YAML tag", `"!admin"; a condition is negated with`},
	{"not with a blank, taken by the parser", "when: ! admin\n", "1:7-8", "is a YAML tag", "not"},
	{"tag, taken by the parser", "a: !!binary x\n", "1:4-12", "is a YAML tag", `"!!binary x"`},

	// keys and documents
	{"key twice", "a: 1\nb: 2\na: 3\n", "3:1-2", `the key "a" stands twice`, ""},
	{"key twice in a map", "a: {b: 1, b: 2}\n", "1:11-12", `the key "b" stands twice`, ""},
	{"null as key", "~: y\n", "1:1-2", "~ is null", `quote the key: "~"`},
	{"boolean as key", "true: y\n", "1:1-5", "true is a boolean", `"true"`},
	{"number as key", "1.5: y\n", "1:1-4", "1.5 is a number", `"1.5"`},
	{"list as key", "? [a]\n: b\n", "1:3", "not a list", ""},
	{"no key", ": y\n", "1:1-2", "a key is missing", ""},
	{"two documents", "a: 1\n---\nb: 2\n", "2:1-4", "a second document starts here", "include"},
	{"two documents, begun by a marker", "# c\n---\na: 1\n---\n", "4:1-4", "a second document starts here", "include"},
	{"text behind the end", "a: 1\n...\nb: 2\n", "3:1-5", "a second document starts here", "include"},
	{"told by the second parser", "? a\n: b\n- c\n", "3:1", "does not fit", "indentation"},
	{"told by the parser", "? a\n: &b/c d\n", "2:1", "this is no YAML", "the lines before"},
	{"directive", "%YAML 1.2\n---\na: 1\n", "1:1-10", "directive", "delete the line"},
	{"empty", "", "1:1", "the manifest is empty", "version: 1"},
	{"only a comment", "# c\n\n", "1:1", "the manifest is empty", "version: 1"},
	{"only a marker", "---\n", "1:1", "the manifest is empty", "version: 1"},

	// characters
	{"not UTF-8", "a: b\nc: caf\xe9\n", "2:7", "not UTF-8: byte 0xe9", "save it as UTF-8"},
	{"UTF-16", "\xff\xfea\x00", "1:1", "not UTF-8", "save it as UTF-8"},
	{"control", "a: é\x01\n", "1:5", "control character U+0001", `\u0001`},
	{"line separator", "a: b\u2028c\n", "1:5", "line separator U+2028", `\u2028`},
}

func TestSyntaxErrors(t *testing.T) {
	for _, c := range syntaxCases {
		t.Run(c.name, func(t *testing.T) {
			var ps diag.Problems
			Parse("a.yaml", []byte(c.text), &ps)
			if ps.Len() != 1 {
				t.Fatalf("%q: %d problems: %v", c.text, ps.Len(), ps.All())
			}
			p := ps.All()[0]
			if got := placeOf(p.At); got != c.at {
				t.Errorf("%q: at %s, want %s", c.text, got, c.at)
			}
			if !strings.Contains(p.Message, c.message) || !strings.Contains(p.Hint, c.hint) {
				t.Errorf("%q: %s (%s)\nwant %s (%s)", c.text, p.Message, p.Hint, c.message, c.hint)
			}
			for _, jargon := range []string{"yaml:", "mapping", "scalar", "token", "sequence", "node", "found"} {
				if strings.Contains(p.Message+p.Hint, jargon) {
					t.Errorf("%q: %s (%s) speaks of %q", c.text, p.Message, p.Hint, jargon)
				}
			}
		})
	}
}

func placeOf(p diag.Pos) string {
	text := strings.TrimPrefix(p.String(), "a.yaml:")
	if p.EndColumn > 0 {
		text += "-" + strconv.Itoa(p.EndColumn)
	}
	return text
}
