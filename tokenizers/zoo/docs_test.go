package zoo

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
)

var update = flag.Bool("update", false, "write the tables of docs/released.md")

// conformed is what `make test-zoo` leaves in testdata/conform.json.
type conformed struct{ OK, Skipped, Warnings, Failed int }

// inCI are the classes that the libraries of `make test-torch` have.
var inCI = []string{"AutoencoderKL", "AutoencoderTiny", "VQModel", "AutoencoderKLCogVideoX"}

// TestDocs holds the tables of docs/released.md against what is known and what was tested.
func TestDocs(t *testing.T) {
	all, err := Presets()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/conform.json")
	if err != nil {
		t.Fatal(err)
	}
	results := map[string]conformed{}
	if err := json.Unmarshal(data, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != len(all) {
		t.Errorf("conform.json has %d presets, the zoo %d: make test-zoo", len(results), len(all))
	}
	presets := []string{
		"| preset | what it is | weights | class | range | latent | licence | tested | conform: ok / failed |",
		"|---|---|---|---|---|---|---|---|---|",
	}
	configs, figures := []string{"| configuration | of |", "|---|---|"}, []string{"| preset | what | value | source |", "|---|---|--:|---|"}
	from := map[string][]string{}
	for _, p := range all {
		weights := "`" + p.Hub + "`"
		if p.Subfolder != "" {
			weights += " " + p.Subfolder + "/"
		}
		if p.Revision != "" {
			weights += " at `" + p.Revision[:7] + "`"
		} else {
			weights += ", not pinned"
		}
		if p.Gated {
			weights += ", gated"
		}
		what := p.Title
		if c := p.Clips; c != nil && c.Fixed == 0 {
			what += fmt.Sprintf("; windows of %d, %d, %d … frames", c.Frames(1), c.Frames(c.Frames(1)+1), c.Frames(c.Frames(1)+c.Multiple+1))
		}
		if p.Note != "" {
			what += "; " + p.Note
		}
		where := "test-zoo"
		if slices.Contains(inCI, p.Class) {
			where = "CI, test-zoo"
		}
		conform := "not run"
		if r, ok := results[p.Name]; ok {
			conform = fmt.Sprintf("%d / %d", r.OK, r.Failed)
		}
		presets = append(presets, fmt.Sprintf("| `%s` | %s | %s | %s, %s ≥ %s | %g to %g | %s | %s | %s | %s |",
			p.Name, what, weights, p.Class, p.Library, p.Since, p.Range[0], p.Range[1], p.Shape(), p.Licence, where, conform))
		from[p.From] = append(from[p.From], "`"+p.Name+"`")
		for _, f := range p.Figures {
			figures = append(figures, fmt.Sprintf("| `%s` | %s | %g | %s |", p.Name, f.What, f.Value, f.Source))
		}
	}
	for _, source := range slices.Sorted(maps.Keys(from)) {
		configs = append(configs, "| "+source+" | "+strings.Join(from[source], ", ")+" |")
	}
	sources, err := Sources()
	if err != nil {
		t.Fatal(err)
	}
	figures = append(figures, "")
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		figures = append(figures, "- "+name+": "+sources[name])
	}

	file := filepath.Join(testenv.Root(t), "docs", "released.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := string(page)
	for name, lines := range map[string][]string{"presets": presets, "configurations": configs, "figures": figures} {
		block := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n).*?(<!-- end -->)`)
		if !block.MatchString(got) {
			t.Fatalf("%s has no place for %s", file, name)
		}
		got = block.ReplaceAllStringFunc(got, func(old string) string {
			m := block.FindStringSubmatch(old)
			return m[1] + "\n" + strings.Join(lines, "\n") + "\n\n" + m[2]
		})
	}
	switch {
	case got == string(page):
	case *update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the tables of %s are not those of zoo.json and testdata/conform.json: go test ./tokenizers/zoo -run Docs -update", file)
	}
}
