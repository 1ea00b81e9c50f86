package web

import (
	"html/template"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	type kind string
	type inner struct {
		Name string
		K    kind
		own  string
	}
	type outer struct {
		inner
		List []inner
		Of   map[string]string
		Ptr  *inner
		Any  any
		CSS  template.CSS
		Pair [2]string
		Nil  []string
		None *inner
	}
	const evil, shown = "a\x1b\u202eb", `a\x1b\u202eb`
	in := &outer{
		List: []inner{{evil, evil, evil}}, Of: map[string]string{evil: evil}, Ptr: &inner{Name: evil}, Any: inner{Name: evil},
		CSS: evil, Pair: [2]string{evil, "x\ny"},
	}
	want := &outer{
		List: []inner{{shown, shown, evil}}, Of: map[string]string{shown: shown}, Ptr: &inner{Name: shown}, Any: inner{Name: shown},
		CSS: evil, Pair: [2]string{shown, "x\ny"},
	}
	if d := cmp.Diff(want, Clean(in), cmp.AllowUnexported(outer{}, inner{})); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if in.List[0].Name != evil || in.Ptr.Name != evil {
		t.Error("the original was changed")
	}
}
