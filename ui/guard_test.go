package ui

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// parsed calls fn for each file of Go in this folder and below.
func parsed(t *testing.T, fn func(path string, fset *token.FileSet, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		fn(path, fset, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingGrowsTooLong(t *testing.T) {
	parsed(t, func(path string, fset *token.FileSet, f *ast.File) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 400 {
			t.Errorf("%s has %d lines, 400 are allowed", path, n)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line; n > 60 {
				t.Errorf("%s: %s has %d lines, 60 are allowed", path, fn.Name.Name, n)
			}
		}
	})
}

func TestOnlyTheGuardStartsGoroutines(t *testing.T) {
	parsed(t, func(path string, fset *token.FileSet, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if g, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s: a bare go statement: a panic in it leaves the terminal broken", fset.Position(g.Pos()))
			}
			return true
		})
	})
}

func TestOnlyThePainterKnowsColours(t *testing.T) {
	parsed(t, func(path string, _ *token.FileSet, f *ast.File) {
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(name, "lipgloss") && path != filepath.Join("widget", "painter.go") {
				t.Errorf("%s imports %s; only the painter does", path, name)
			}
			if name == "brokeforge/sshrun" {
				t.Errorf("%s imports %s; the engine is asked", path, name)
			}
		}
	})
}
