package bench_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/metrics/all"
)

// Only a metric's own package names it: what a report, a comparison or a run must know
// of one stands in its spec. Suites are data and name metrics; tests may.
func TestNobodyNamesAMetric(t *testing.T) {
	ids := map[string]bool{}
	for _, k := range all.Kinds() {
		for _, s := range k.Specs {
			ids[s.ID] = true
		}
	}
	if len(ids) < 40 {
		t.Fatalf("the registry has %d metrics", len(ids))
	}
	// A prefix or a part of ids is a list of ids in disguise.
	part := func(s string) bool {
		for id := range ids {
			if len(s) > 2 && (strings.HasSuffix(s, "-") && strings.HasPrefix(id, s) || strings.HasPrefix(s, "-") && strings.HasSuffix(id, s)) {
				return true
			}
		}
		return false
	}
	for _, root := range []string{"../bench", "../reports", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ImportSpec:
					return false
				case *ast.BasicLit:
					if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && (ids[s] || part(s)) {
						t.Errorf("%s names the metric %q: say in its spec what is to be known of it", set.Position(n.Pos()), s)
					}
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "Contains" || f.Sel.Name == "HasPrefix" || f.Sel.Name == "HasSuffix") && len(n.Args) == 2 {
						lit, literal := n.Args[1].(*ast.BasicLit)
						if x, ok := f.X.(*ast.Ident); !ok || !literal || x.Name != "strings" {
							return true
						}
						s, _ := strconv.Unquote(lit.Value)
						for id := range ids {
							if len(s) > 2 && strings.Contains(id, s) {
								t.Errorf("%s looks for %q, as in the metric %q", set.Position(n.Pos()), s, id)
								break
							}
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
