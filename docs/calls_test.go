package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/markdown"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/store"
)

// The page of functions is called as it says, on a database that its SQL made.
func TestFunctionsPage(t *testing.T) {
	url := apptest.Postgres(t)
	empty := apptest.Compile(t, "version: 1\nstores: {main: {url: \"${env.DATABASE_URL}\"}}\nscopes: []\n", url)
	script := blockOf(t, "rpc.md", "sql")
	if err := empty.Env.Store("").Locked(t.Context(), "setup", func(s store.Session) error { return s.Script(t.Context(), script) }); err != nil {
		t.Fatal(err)
	}
	call(t, apptest.Compile(t, blockOf(t, "rpc.md", "yaml functions"), url), "rpc.md")
}

func TestBatchPage(t *testing.T) {
	manifest, _ := complete("scopes", blockOf(t, "batch.md", "yaml scopes"))
	manifest = strings.ReplaceAll(strings.ReplaceAll(manifest, "sqlite:data/app.db", "sqlite::memory:"), "${env.SECRET_KEY_BASE}", strings.Repeat("s", 64))
	call(t, apptest.Compile(t, manifest, ""), "batch.md")
}

// call sends the requests of a page, METHOD PATH BODY → STATUS ANSWER, and compares what
// comes back: an answer that is an error has the text at its end somewhere.
func call(t *testing.T, a *app.App, page string) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(blockOf(t, page, "calls")), "\n") {
		request, answer, _ := strings.Cut(line, " → ")
		parts := append(strings.SplitN(request, " ", 3), "")
		status, want, _ := strings.Cut(answer, " ")
		w := apptest.Request(a, parts[0], parts[1], parts[2])
		got := strings.TrimSpace(w.Body.String())
		if same := got == want || status[0] == '4' && strings.Contains(got, want); !same || status != strings.Fields(w.Result().Status)[0] {
			t.Errorf("%s: %s\n%d %s", page, line, w.Code, got)
		}
	}
}

func blockOf(t *testing.T, page, info string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range markdown.Blocks(string(text)) {
		if b.Info == info {
			return b.Text
		}
	}
	t.Fatalf("%s has no block of %s", page, info)
	return ""
}
