package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/strictyaml"
)

type doc struct {
	Title string `yaml:"title"`
	Inner struct {
		Resolutions []int `yaml:"resolutions"`
	} `yaml:"inner"`
}

func TestDecode(t *testing.T) {
	var d doc
	if err := strictyaml.Decode("a.yaml", []byte("title: x\ninner:\n  resolutions: [1, 2]\n"), &d); err != nil {
		t.Fatal(err)
	}
	if d.Title != "x" || len(d.Inner.Resolutions) != 2 {
		t.Errorf("read %+v", d)
	}
	for name, tc := range map[string]struct{ in, want string }{
		"unknown key": {"title: x\ninner:\n  resolution: [1]\n", `a.yaml:3:3: unknown field "resolution", did you mean "resolutions"?`},
		"wrong type":  {"title: x\ninner:\n  resolutions: [one]\n", "a.yaml:3:"},
		"broken":      {"title: [x\n", "a.yaml:1:"},
		"empty":       {"", "a.yaml: the file is empty"},
		"duplicate":   {"title: x\ntitle: y\n", "a.yaml:2:1"},
	} {
		var d doc
		err := strictyaml.Decode("a.yaml", []byte(tc.in), &d)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want it to contain %q", name, err, tc.want)
		}
	}
}
