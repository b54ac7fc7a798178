package housetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// A package-level variable is set where it is declared and never again: not assigned, not
// counted up, no element of it set or deleted, no address of it taken. The parser resolves
// what is declared in a file; what it leaves open is declared in another file of the
// package.
func TestNoMutableGlobals(t *testing.T) {
	files, set := sources(t)
	names, declared := map[string]bool{}, objects{}
	for _, f := range files {
		for _, id := range variables(f.tree) {
			names[filepath.Dir(f.path)+" "+id.Name] = true
			declared[id.Obj] = true
		}
	}
	for _, f := range files {
		if f.isTest() {
			continue
		}
		changed(f.tree, func(id *ast.Ident) {
			if declared[id.Obj] || id.Obj == nil && names[filepath.Dir(f.path)+" "+id.Name] {
				t.Errorf("%s: %s is a package-level variable, and is changed here", set.Position(id.Pos()), id.Name)
			}
		})
	}
}

// objects are what the parser takes names for. Without types it errs on keys of struct
// literals, which are never changed.
//
//lint:ignore SA1019 a type checker would read the whole world for this
type objects map[*ast.Object]bool

// variables are the package-level ones that a file declares.
func variables(tree *ast.File) []*ast.Ident {
	var names []*ast.Ident
	for _, d := range tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, s := range g.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					if id.Name != "_" {
						names = append(names, id)
					}
				}
			}
		}
	}
	return names
}

// changed calls each for the name at the root of everything that a file changes.
func changed(tree *ast.File, each func(*ast.Ident)) {
	change := func(e ast.Expr) {
		if id := root(e); id != nil {
			each(id)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					change(e)
				}
			}
		case *ast.IncDecStmt:
			change(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				change(n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") && len(n.Args) > 0 {
				change(n.Args[0])
			}
		}
		return true
	})
}

// root is the variable that an expression is a part of: x of x, x[i], x.f, *x.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

func TestChanged(t *testing.T) {
	const before = "package p\nvar m = map[string]int{}\nvar n int\nfunc f(p []int) {\n"
	tests := []struct{ body, want string }{
		{"m = nil", "m"},
		{"m[`a`] = 1", "m"},
		{"n++", "n"},
		{"delete(m, `a`)", "m"},
		{"_ = &n", "n"},
		{"p[0] = n", ""},
		{"m := 1; m = 2; _ = m", ""},
		{"var n int; n = 2; _ = n", ""},
		{"_ = m[`a`] + n", ""},
	}
	for _, tt := range tests {
		tree, err := parser.ParseFile(token.NewFileSet(), "p.go", before+tt.body+"\n}", 0)
		if err != nil {
			t.Fatal(err)
		}
		global := objects{}
		for _, id := range variables(tree) {
			global[id.Obj] = true
		}
		got := ""
		changed(tree, func(id *ast.Ident) {
			if global[id.Obj] {
				got += id.Name
			}
		})
		if got != tt.want {
			t.Errorf("%s changes %q, want %q", tt.body, got, tt.want)
		}
	}
}
