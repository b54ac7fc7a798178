// Package docs_test compiles what the pages show.
package docs_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openmanifest/gateway/internal/markdown"
	"github.com/openmanifest/gateway/pkg/app"
	"github.com/openmanifest/gateway/pkg/app/apptest"
	"github.com/openmanifest/gateway/pkg/config/diag"
	"github.com/openmanifest/gateway/pkg/password"
	"github.com/openmanifest/gateway/pkg/store"
	"github.com/openmanifest/gateway/pkg/tlscert"
	"gopkg.in/yaml.v3"
)

// Every block of YAML in a page is compiled. What stands behind ```yaml says what it is:
//
//	yaml            a whole manifest
//	yaml fragment   some sections; those of base that it lacks are added
//	yaml scopes     a list of scopes
//	yaml routes     a list of routes
//	yaml plugs      the list of a pipeline, through which a route goes
//	yaml channels   a list of channels
//	yaml refused    a whole manifest with faults: those that the block after it, ```text, shows
//	sql before      what the database of the block after it has
//
// app.yaml is the file, in a folder with the templates and folders that a page may name.
func TestYAMLBlocks(t *testing.T) {
	seen := 0
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := markdown.Blocks(string(text))
		for i, b := range blocks {
			language, kind, _ := strings.Cut(b.Info, " ")
			if language != "yaml" || kind == "functions" { // TestFunctionsPage has their database
				continue
			}
			seen++
			want := ""
			if kind == "refused" {
				if i+1 == len(blocks) || blocks[i+1].Info != "text" {
					t.Errorf("%s:%d: no block of text tells the faults", page, b.Line)
					continue
				}
				want = blocks[i+1].Text
			}
			manifest, ok := complete(kind, b.Text)
			if !ok {
				t.Errorf("%s:%d: `yaml %s` is no kind of block", page, b.Line, kind)
				continue
			}
			tables := ""
			if i > 0 && blocks[i-1].Info == "sql before" {
				tables = blocks[i-1].Text
			}
			if got := faults(t, manifest, tables); got != want {
				t.Errorf("%s:%d: faults\n%s\nwant\n%s\nin\n%s", page, b.Line, got, want, manifest)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d blocks of YAML found, want more than 20", seen)
	}
}

// Every page but the index and the generated ones is linked from the index, and every link
// to a file leads somewhere.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links(string(text)) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link)
			}
		}
	}
	index, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		inDocs := !strings.HasPrefix(page, "..") && page != "README.md"
		if inDocs && !slices.Contains(links(string(index)), filepath.ToSlash(page)) {
			t.Errorf("the index does not link to %s", page)
		}
	}
}

// links gives the targets of a page that are files of the project.
func links(text string) []string {
	var out []string
	for _, part := range strings.Split(text, "](")[1:] {
		target, _, _ := strings.Cut(part, ")")
		target, _, _ = strings.Cut(target, "#")
		if target != "" && !strings.Contains(target, "://") {
			out = append(out, target)
		}
	}
	return out
}

// pages lists the pages that people write and read.
func pages(t *testing.T) []string {
	t.Helper()
	list := []string{filepath.Join("..", "README.md"), filepath.Join("..", "CHANGELOG.md")}
	for _, root := range []string{".", filepath.Join("..", "examples")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, "LICENSE.md") {
				list = append(list, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// base is what a fragment may refer to.
func base() []struct{ section, text string } {
	return []struct{ section, text string }{
		{"version", "version: 1\n"},
		{"endpoint", "endpoint: {secret_key_base: \"${env.SECRET_KEY_BASE}\"}\n"},
		{"stores", "stores: {main: {url: 'sqlite:data/app.db'}}\n"},
		{"tokens", "tokens: {user: {salt: user auth}}\n"},
		{"schemas", "schemas:\n" +
			"  user: {table: users, fields: {email: {type: string}, password: {type: string, virtual: true}, password_hash: {type: string, hidden: true}}}\n" +
			"  post: {table: posts, fields: {title: {type: string, required: true}, status: {type: string}, user_id: {references: user, writable: false}}}\n" +
			"  comment: {table: comments, fields: {body: {type: text}, post_id: {references: post, writable: false}}}\n"},
		{"upstreams", "upstreams: {service: {targets: ['http://127.0.0.1:9000']}}\n"},
		{"pipelines", "pipelines:\n" +
			"  api: [accepts: [json]]\n" +
			"  browser: [accepts: [html]]\n"},
		{"scopes", "scopes: [{routes: [{get: /, text: Hello}]}]\n"},
	}
}

// complete makes a whole manifest of a block.
func complete(kind, text string) (string, bool) {
	in := func(indent int) string {
		pad := strings.Repeat(" ", indent)
		return pad + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+pad) + "\n"
	}
	switch kind {
	case "", "refused":
		return text, true
	case "fragment":
	case "scopes":
		text = "scopes:\n" + in(2)
	case "routes":
		text = "scopes:\n  - routes:\n" + in(6)
	case "plugs":
		text = "pipelines:\n  example:\n" + in(4) + "scopes: [{pipe_through: example, routes: [{post: '/rooms/:room_id', text: Hello}]}]\n"
	case "channels":
		text = "sockets:\n  - path: /socket\n    connect: [{verify_token: {token: user, from: [{param: token}]}, as: user_id}]\n    id: user:${user_id}\n    channels:\n" + in(6)
	default:
		return "", false
	}
	var sections map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(text), &sections); err != nil {
		return text, true // its fault is told when it is compiled
	}
	for _, b := range base() {
		if _, has := sections[b.section]; has {
			continue
		}
		text += b.text
		if b.section == "pipelines" && strings.Contains(text, "authenticated") {
			text += "  authenticated: [{verify_token: user, as: current_user_id}]\n"
		}
	}
	return text, true
}

// faults compiles a manifest and gives what `gateway check` would tell. tables is SQL that
// runs in its database before.
func faults(t *testing.T, manifest, tables string) string {
	t.Helper()
	dir := t.TempDir()
	if tables != "" {
		a := apptest.CompileIn(t, dir, "version: 1\nstores: {main: {url: 'sqlite:data/app.db'}}\nscopes: [{routes: [{get: /, text: Hello}]}]\n", "")
		err := a.Env.Store("").Locked(t.Context(), "setup", func(s store.Session) error { return s.Script(t.Context(), tables) })
		if err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]string{
		"app.yaml": manifest, "templates/home.html": "{{.title}}", "templates/root.html": "<!doctype html>{{.inner_content}}",
		"migrations/README": "", "templates/not_found.html": "{{.title}}", "templates/error.html": "{{.status}} {{.message}}",
		"public/robots.txt": "", "routes/api.yaml": "pipelines: {}\n", "secrets/key": strings.Repeat("k", 64),
		"schemas/post.json": `{"properties": {"title": {"type": "string"}}}`,
	}
	for _, page := range []string{"index", "show", "new", "edit"} {
		files["templates/posts/"+page+".html"] = page
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cert, key, err := tlscert.SelfSigned(filepath.Join(dir, "tls"), []string{"example.com"}, rand.Reader, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example.com", "example.org"} {
		base := filepath.Join(dir, "tls", name)
		if err := errors.Join(os.Link(cert, base+".crt"), os.Link(key, base+".key")); err != nil {
			t.Fatal(err)
		}
	}
	variables := map[string]string{"SECRET_KEY_BASE": strings.Repeat("s", 64), "DATABASE_URL": "postgres://postgres@127.0.0.1/app"}
	loaded := app.Load(filepath.Join(dir, "app.yaml"), "prod", app.Deps{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Random: rand.Reader, Hub: app.NoHub{}, Hasher: password.NewHasher(1),
		Getenv: func(name string) (string, bool) { v, ok := variables[name]; return v, ok },
	})
	var out bytes.Buffer
	diag.Text(&out, loaded.Problems, loaded.Source)
	return strings.ReplaceAll(out.String(), dir+string(filepath.Separator), "")
}
