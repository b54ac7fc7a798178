package diag

import (
	"bytes"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	plugs := []string{"accepts", "verify_token", "rate_limit", "put_flash", "json", "text", "html", "query", "query_one"}
	tests := []struct{ word, want string }{
		{"verfy_token", "verify_token"},
		{"verify-token", "verify_token"},
		{"VerifyToken", "verify_token"},
		{"rate_limt", "rate_limit"},
		{"quer", "query"},
		{"jsno", "json"}, // two neighbours swapped are one edit
		{"jsonn", "json"},
		{"xml", ""},
		{"j", ""},
		{"jsn", "json"}, // a letter is rather left out than added
		{"completely_else", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, plugs); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestNearestOfLongWordsAndParts(t *testing.T) {
	tests := []struct {
		word  string
		known []string
		want  string
	}{
		{"jsn", []string{"js", "json"}, "json"},
		{"int", []string{"string", "integer", "text"}, "integer"},
		{"in", []string{"integer"}, ""},
		{"development", []string{"dev", "test", "prod"}, "dev"},
		{"trusted_proxy", []string{"trusted_proxies", "plugs"}, "trusted_proxies"},
		{"secret_base", []string{"secret_key_base", "listen"}, "secret_key_base"},
		{"user_id", []string{"user", "users"}, "user"},
		{"date", []string{"datetime", "datestamp"}, ""},
		{"middleware", []string{"pipe_through", "path"}, "pipe_through"}, // what other products call it
		{"middleware", []string{"pipelines", "scopes"}, "pipelines"},
		{"list", []string{"index", "show"}, "index"},
		{"list", []string{"lisp", "index"}, "lisp"},
		{"middleware", []string{"index", "show"}, ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, tt.known); got != tt.want {
			t.Errorf("Nearest(%q, %v) = %q, want %q", tt.word, tt.known, got, tt.want)
		}
	}
}

func TestProblemsAreSortedAndToldOnce(t *testing.T) {
	var ps Problems
	at := func(line int) Pos { return Pos{File: "a.yaml", Line: line, Column: 3} }
	ps.Add(at(9), "x", "later")
	ps.Add(at(2), "x", "first").Relate(at(20), "used here")
	ps.Add(at(2), "x", "first").Relate(at(30), "used here")
	ps.Warn(at(5), "x", "between")
	var told []string
	for _, p := range ps.All() {
		told = append(told, p.Error())
	}
	want := "a.yaml:2:3: first|a.yaml:5:3: between|a.yaml:9:3: later"
	if got := strings.Join(told, "|"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := len(ps.All()[0].Related); got != 2 {
		t.Errorf("the fault told twice keeps %d related places, want both", got)
	}
	if !ps.Failed() {
		t.Error("an error does not count as failed")
	}
}

func TestForms(t *testing.T) {
	var ps Problems
	ps.Add(Pos{"app.yaml", 2, 5, 16}, "unknown-plug", "unknown plug %q", "verfy_token").Suggest("did you mean %q?", "verify_token")
	ps.Warn(Pos{"app.yaml", 3, 1, 0}, "missing-env", "100%% of, this").Relate(Pos{"b.yaml", 1, 1, 0}, "declared here")
	source := func(string) string { return "pipelines:\n  - verfy_token: user\nname: x\n" }

	var text bytes.Buffer
	Text(&text, ps.All(), source)
	wantText := `app.yaml:2:5: unknown plug "verfy_token"
    2 |   - verfy_token: user
      |     ^^^^^^^^^^^ did you mean "verify_token"?
app.yaml:3:1: warning: 100% of, this
    3 | name: x
      | ^
   b.yaml:1:1: declared here
`
	if text.String() != wantText {
		t.Errorf("text:\n%s\nwant:\n%s", text.String(), wantText)
	}

	var hub bytes.Buffer
	GitHub(&hub, ps.All())
	wantHub := `::error file=app.yaml,line=2,col=5,endColumn=16,title=unknown-plug::unknown plug "verfy_token"%0Adid you mean "verify_token"?
::warning file=app.yaml,line=3,col=1,endColumn=1,title=missing-env::100%25 of, this%0Ab.yaml:1:1: declared here
`
	if hub.String() != wantHub {
		t.Errorf("github:\n%s\nwant:\n%s", hub.String(), wantHub)
	}

	var list bytes.Buffer
	if err := JSON(&list, ps.All()[:1]); err != nil {
		t.Fatal(err)
	}
	wantJSON := `[
  {
    "file": "app.yaml",
    "line": 2,
    "column": 5,
    "end_column": 16,
    "severity": "error",
    "code": "unknown-plug",
    "message": "unknown plug \"verfy_token\"",
    "hint": "did you mean \"verify_token\"?",
    "related": []
  }
]
`
	if list.String() != wantJSON {
		t.Errorf("json:\n%s\nwant:\n%s", list.String(), wantJSON)
	}
	list.Reset()
	if err := JSON(&list, nil); err != nil || list.String() != "[]\n" {
		t.Errorf("no problems are %q, %v; want an empty list", list.String(), err)
	}
}

// Of a line that nobody can read whole what stands around the place is shown.
func TestLongLines(t *testing.T) {
	letters := strings.Repeat("0123456789", 30)
	for _, tt := range []struct {
		name   string
		column int
		starts string
		ends   string
		under  byte // what the caret stands under
	}{
		{"at the beginning", 3, "0123", "9…", '2'},
		{"in the middle", 150, "…9012", "8…", '9'},
		{"at the end", 300, "…0123", "89", '9'},
		{"behind the end", 301, "…0123", "89", 0},
	} {
		var ps Problems
		ps.Add(Pos{"app.yaml", 1, tt.column, tt.column + 1}, "x", "wrong")
		var out bytes.Buffer
		Text(&out, ps.All(), func(string) string { return letters })
		lines := strings.Split(out.String(), "\n")
		shown, caret := strings.TrimPrefix(lines[1], "    1 | "), strings.Index(strings.TrimPrefix(lines[2], "      | "), "^")
		runes := append([]rune(shown), 0)
		if !strings.HasPrefix(shown, tt.starts) || !strings.HasSuffix(shown, tt.ends) || len(runes) > 123 || runes[caret] != rune(tt.under) {
			t.Errorf("%s: %q, caret under %q", tt.name, shown, runes[caret])
		}
	}
}
