package strictyaml_test

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/strictyaml"
)

func TestWhere(t *testing.T) {
	const file = "title: x\ninner:\n  resolutions:\n    - 1\n    - 2\n"
	for field, want := range map[string]string{
		"title": "a.yaml:1:8", "inner.resolutions[1]": "a.yaml:5:7", "absent": "a.yaml", "": "a.yaml", "a..b[": "a.yaml",
	} {
		if got := strictyaml.Where("a.yaml", []byte(file), field); got != want {
			t.Errorf("%s is at %s, want %s", field, got, want)
		}
	}
	if got, want := strictyaml.Where("a.yaml", []byte(file), "inner.absent"), "a.yaml:"; !strings.HasPrefix(got, want) {
		t.Errorf("what holds an absent field is at %s", got)
	}
	if got := strictyaml.Where("a.yaml", []byte("a: [\n"), "a"); got != "a.yaml" {
		t.Errorf("a broken file has %s", got)
	}
}

// The YAML package panics on this file (found by fuzzing).
func TestPanicsAreErrors(t *testing.T) {
	var d struct {
		Margins []int `yaml:"margins"`
	}
	err := strictyaml.Decode("a.yaml", []byte("version: 0\nmargins:\n ! 0000000000000000000000\n00008: 00000"), &d)
	if err == nil || !strings.Contains(err.Error(), "a.yaml: it is not YAML that can be read") {
		t.Errorf("error %v", err)
	}
}

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
		"wrong type":  {"title: x\ninner:\n  resolutions: [one]\n", `a.yaml:3:17: "one": want a whole number`},
		"no list":     {"inner:\n  resolutions: one\n", `a.yaml:2:16: "one": want a list, [a, b]`},
		"no fields":   {"inner: 3\n", `a.yaml:1:8: "3": want fields with values, field: value`},
		"a list":      {"title: [x]\n", "a.yaml:1:8: want a text"},
		"too large":   {"inner:\n  resolutions: [99999999999999999999]\n", "a.yaml:2:17: "},
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
