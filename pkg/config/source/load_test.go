package source

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/openmanifest/gateway/pkg/config/diag"
)

// write puts the files of a txtar archive into a new folder and goes there.
func write(t *testing.T, archive string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if err := os.MkdirAll(filepath.Dir(f.Name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// print writes a tree on one line, with the line and file of each entry's key if asked.
func print(n *Node) string {
	switch n.Kind {
	case Map:
		var parts []string
		for _, e := range n.Entries {
			parts = append(parts, e.Key.Value+": "+print(e.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case List:
		var parts []string
		for _, item := range n.Items {
			parts = append(parts, print(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return fmt.Sprint(n.Scalar())
}

func told(ps *diag.Problems) string {
	var lines []string
	for _, p := range ps.All() {
		line := p.At.String() + ": " + p.Message
		for _, r := range p.Related {
			line += " [" + r.At.String() + "]"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func names(d *Document) (out []string) {
	for _, f := range d.Files {
		out = append(out, f.Name)
	}
	return out
}

func TestIncludes(t *testing.T) {
	for _, c := range []struct {
		name, files, tree string
		read              []string
		globs             []string
	}{
		{
			"maps join, lists follow",
			"-- app.yaml --\nversion: 1\ninclude: [routes/*.yaml, auth.yaml]\nschemas: {a: 1}\nscopes: [m]\n" +
				"-- routes/b.yaml --\nscopes: [b]\nversion: 1\nx-free: 1\n-- routes/a.yaml --\nscopes: {path: a}\nschemas: {b: 2}\nx-free: 2\n" +
				"-- auth.yaml --\npipelines: {p: []}\nschemas:\nendpoint: {listen: x}\n",
			"{version: 1, schemas: {a: 1, b: 2}, scopes: [m, {path: a}, b], pipelines: {p: []}, endpoint: {listen: x}}",
			[]string{"app.yaml", "routes/a.yaml", "routes/b.yaml", "auth.yaml"},
			[]string{"routes/*.yaml", "auth.yaml"},
		},
		{
			"includes include, each file once",
			"-- app.yaml --\ninclude: [a/a.yaml, b.yaml, ./b.yaml]\nscopes: 0\n-- a/a.yaml --\ninclude: ../b.yaml\nscopes: [1]\n-- b.yaml --\nscopes: [2]\n",
			"{scopes: [0, 1, 2]}",
			[]string{"app.yaml", "a/a.yaml", "b.yaml"},
			[]string{"a/a.yaml", "b.yaml", "b.yaml", "b.yaml"},
		},
		{
			"a pattern may match nothing, and not what is hidden",
			"-- app.yaml --\nversion: 1\ninclude: [none/*.yaml, '*/r.yaml', 'c/*.yaml']\n-- .git/r.yaml --\nscopes: [1]\n-- c/.r.yaml --\nscopes: [1]\n",
			"{version: 1}",
			[]string{"app.yaml"},
			[]string{"none/*.yaml", "*/r.yaml", "c/*.yaml"},
		},
		{
			"an empty section joins",
			"-- app.yaml --\ninclude: a.yaml\nschemas:\n-- a.yaml --\nschemas: {a: 1}\n",
			"{schemas: {a: 1}}",
			[]string{"app.yaml", "a.yaml"},
			[]string{"a.yaml"},
		},
		{
			"free keys of the manifest stay",
			"-- app.yaml --\nx-a: &a {b: 1}\nschemas: {a: *a}\n",
			"{x-a: {b: 1}, schemas: {a: {b: 1}}}",
			[]string{"app.yaml"},
			nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, c.files)
			var ps diag.Problems
			d := Load("app.yaml", &ps)
			if ps.Len() > 0 {
				t.Fatalf("problems:\n%s", told(&ps))
			}
			if got := print(d.Root); got != c.tree {
				t.Errorf("tree %s\nwant %s", got, c.tree)
			}
			if !slices.Equal(names(d), c.read) || !slices.Equal(d.Globs, c.globs) || d.Dir != "." {
				t.Errorf("files %q, globs %q, dir %q", names(d), d.Globs, d.Dir)
			}
		})
	}
}

func TestIncludeProblems(t *testing.T) {
	for _, c := range []struct{ name, files, want string }{
		{"a key in two files", "-- app.yaml --\ninclude: a.yaml\nschemas: {a: 1}\n-- a.yaml --\nschemas:\n  b: 1\n  a: 2\n",
			"a.yaml:3:3: schemas.a is already defined at app.yaml:2:11 [app.yaml:2:11]"},
		{"a name in two files", "-- app.yaml --\nname: a\nversion: 1\ninclude: a.yaml\n-- a.yaml --\nname: a\nversion: 2\n",
			"a.yaml:1:1: name is already defined at app.yaml:1:1 [app.yaml:1:1]\na.yaml:2:1: version is already defined at app.yaml:2:1 [app.yaml:2:1]"},
		{"a map and a list", "-- app.yaml --\ninclude: a.yaml\nschemas: {a: 1}\n-- a.yaml --\nschemas: [a]\n",
			"a.yaml:1:1: schemas is already defined at app.yaml:2:1 [app.yaml:2:1]"},
		{"a circle", "-- app.yaml --\ninclude: r/a.yaml\n-- r/a.yaml --\ninclude: b.yaml\n-- r/b.yaml --\nx-a: 1\ninclude: [../r/a.yaml]\n",
			"r/b.yaml:2:11: files include each other: r/a.yaml -> r/b.yaml -> r/a.yaml"},
		{"itself", "-- app.yaml --\ninclude: '*.yaml'\n", "app.yaml:1:10: files include each other: app.yaml -> app.yaml"},
		{"no such file", "-- app.yaml --\ninclude: [a.yaml, a.yaml]\n", "app.yaml:1:11: a.yaml cannot be included: there is no such file"},
		{"a folder", "-- app.yaml --\ninclude: r\n-- r/a.yaml --\na: 1\n", "app.yaml:1:10: r cannot be included: is a directory"},
		{"no name", "-- app.yaml --\ninclude: [1, {a: b}, '']\n", "app.yaml:1:11: `include` takes the name of a file, a pattern such as `routes/*.yaml`, or a list of them\n" +
			"app.yaml:1:14: `include` takes the name of a file, a pattern such as `routes/*.yaml`, or a list of them\n" +
			"app.yaml:1:22: `include` takes the name of a file, a pattern such as `routes/*.yaml`, or a list of them"},
		{"two stars", "-- app.yaml --\ninclude: r/**/*.yaml\n", "app.yaml:1:10: `**` in \"r/**/*.yaml\" would match one folder only"},
		{"no pattern", "-- app.yaml --\ninclude: 'r[.yaml'\n", "app.yaml:1:10: \"r[.yaml\" is no pattern"},
		{"no map", "-- app.yaml --\ninclude: a.yaml\n-- a.yaml --\n- a\n", "a.yaml:1:1: a manifest is a map of sections, not a list"},
		{"an empty file", "-- app.yaml --\ninclude: a.yaml\n-- a.yaml --\n", "a.yaml:1:1: the manifest is empty"},
		{"each file's first", "-- app.yaml --\ninclude: [a.yaml, b.yaml]\n-- a.yaml --\na: b: c\n-- b.yaml --\na: @x\nb: @y\n",
			"a.yaml:1:4: a value that holds `: ` must be quoted\nb.yaml:1:4: a value cannot begin with `@`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, c.files)
			var ps diag.Problems
			d := Load("app.yaml", &ps)
			if got := told(&ps); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
			if d == nil || d.Root == nil || d.Root.Get("include") != nil {
				t.Errorf("the manifest itself is whole: %+v", d)
			}
		})
	}
}

func TestLoadOfABrokenManifest(t *testing.T) {
	write(t, "-- conf/app.yaml --\na: b: c\n-- conf/list.yaml --\n- a\n")
	var ps diag.Problems
	d := Load("conf/app.yaml", &ps)
	if d == nil || d.Root != nil || len(d.Files) != 1 || d.Dir != "conf" || d.Text("conf/app.yaml") != "a: b: c\n" || d.Text("x") != "" {
		t.Errorf("document %+v", d)
	}
	if d := Load("conf/list.yaml", &ps); d == nil || d.Root != nil {
		t.Errorf("a list: %+v", d)
	}
	if d := Load("conf/none.yaml", &ps); d != nil {
		t.Errorf("no file: %+v", d)
	}
	want := "conf/app.yaml:1:4: a value that holds `: ` must be quoted\n" +
		"conf/list.yaml:1:1: a manifest is a map of sections, not a list\n" +
		"conf/none.yaml: the manifest cannot be read: there is no such file"
	if got := told(&ps); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestFilesAsRead(t *testing.T) {
	write(t, "-- a[b]*/app.yaml --\ninclude: r/*.yaml\n-- a[b]*/r/x.yaml --\nscopes: [1]\n-- aX/r/x.yaml --\nscopes: [2]\n")
	raw := []byte("\ufeffscopes: 1\r\nsockets: 2\r")
	if err := os.WriteFile("a[b]*/r/y.yaml", raw, 0o644); err != nil {
		t.Fatal(err)
	}
	var ps diag.Problems
	d := Load("./a[b]*/app.yaml", &ps)
	if ps.Len() > 0 || print(d.Root) != "{scopes: [1, 1], sockets: 2}" {
		t.Fatalf("tree %s, problems %s", print(d.Root), told(&ps))
	}
	if want := []string{"./a[b]*/app.yaml", "a[b]*/r/x.yaml", "a[b]*/r/y.yaml"}; !slices.Equal(names(d), want) {
		t.Errorf("names %q", names(d))
	}
	if f := d.Files[2]; f.Text != "scopes: 1\nsockets: 2\n" || f.Sum != sha256.Sum256(raw) || f.Path != f.Name {
		t.Errorf("file %+v", f)
	}
	if at := d.Root.Get("sockets").At; at != (diag.Pos{File: "a[b]*/r/y.yaml", Line: 2, Column: 10, EndColumn: 11}) {
		t.Errorf("place %+v", at)
	}
	if matches, err := filepath.Glob(d.Globs[0]); err != nil || len(matches) != 2 {
		t.Errorf("glob %q matches %q, %v", d.Globs[0], matches, err)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	var ps diag.Problems
	if Parse("a.yaml", make([]byte, MaxFileSize+1), &ps) != nil || !strings.Contains(told(&ps), "larger than 8 MB") {
		t.Errorf("problems %s", told(&ps))
	}
}
