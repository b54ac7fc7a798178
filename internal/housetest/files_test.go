package housetest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openmanifest/gateway/internal/gatewaytest"
)

// maxLines is how long a file may be, tests excepted.
const maxLines = 350

// longer are the files that may be longer, with the reason.
func longer() map[string]string {
	return map[string]string{}
}

// A file is one Go source of ours.
type file struct {
	path string // from the folder of the project, with slashes
	text []byte
	tree *ast.File
}

func (f *file) isTest() bool {
	return strings.HasSuffix(f.path, "_test.go") || isKit(filepath.Dir(f.path))
}

// sources reads every Go file of the project. Positions are in the returned set.
func sources(t *testing.T) ([]*file, *token.FileSet) {
	t.Helper()
	root, set := gatewaytest.Root(t), token.NewFileSet()
	var all []*file
	for _, top := range []string{"bench", "cmd", "docs", "examples", "internal", "pkg"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			tree, err := parser.ParseFile(set, path, text, parser.ParseComments)
			rel, _ := filepath.Rel(root, path)
			all = append(all, &file{filepath.ToSlash(rel), text, tree})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all, set
}

func TestFilesAreShort(t *testing.T) {
	files, _ := sources(t)
	for _, f := range files {
		lines := bytes.Count(f.text, []byte("\n"))
		if _, allowed := longer()[f.path]; !f.isTest() && lines > maxLines && !allowed {
			t.Errorf("%s has %d lines: what in it has a home of its own?", f.path, lines)
		}
	}
}

// outside are the doors to the process around us, which main alone opens.
func outside() map[string][]string {
	return map[string][]string{
		"os":  {"Args", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Exit"},
		"log": {"Fatal", "Fatalf", "Fatalln", "Print", "Printf", "Println"},
	}
}

func TestOnlyMainTouchesTheProcess(t *testing.T) {
	files, set := sources(t)
	for _, f := range files {
		if f.isTest() || strings.HasPrefix(f.path, "cmd/") {
			continue
		}
		selectors(f.tree, func(pkg, name string, at token.Pos) {
			for _, closed := range outside()[pkg] {
				if name == closed {
					t.Errorf("%s: %s.%s belongs into cmd", set.Position(at), pkg, name)
				}
			}
		})
	}
}

func TestNoInit(t *testing.T) {
	files, set := sources(t)
	for _, f := range files {
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: func init runs unseen", set.Position(fn.Pos()))
			}
		}
	}
}

// Tests neither sleep nor skip: a wait has something to wait for, and what a test needs is
// installed by `make setup`.
func TestTestsNeitherSleepNorSkip(t *testing.T) {
	files, set := sources(t)
	for _, f := range files {
		if !f.isTest() {
			continue
		}
		selectors(f.tree, func(pkg, name string, at token.Pos) {
			if pkg == "time" && name == "Sleep" {
				t.Errorf("%s: time.Sleep", set.Position(at))
			}
			if (pkg == "t" || pkg == "b" || pkg == "f" || pkg == "tb") && strings.HasPrefix(name, "Skip") {
				t.Errorf("%s: %s.%s", set.Position(at), pkg, name)
			}
		})
	}
}

// selectors calls each for every a.B of a file, with the name of a as written.
func selectors(tree *ast.File, each func(a, b string, at token.Pos)) {
	ast.Inspect(tree, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				each(x.Name, s.Sel.Name, s.Pos())
			}
		}
		return true
	})
}
