package bench_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vtbench/vtbench/"

// The shape of the tree: contracts know nothing of what implements them; bench is a
// chain of packages, each importable without those after it; reports read records and
// summaries, never the runner; none of them needs cgo.
func TestImportsPointInward(t *testing.T) {
	contracts := []string{"pix", "metrics", "datasets", "tokenizers", "internal/"}
	chain := func(links ...string) []string { return slices.Concat(links, contracts) }
	for _, tc := range []struct {
		pattern string
		allowed []string // of this module; "x/" allows everything below x
	}{
		{"./pix", []string{"pix", "internal/files", "internal/jpeg", "internal/wholefile"}},
		{"./datasets", contracts},
		{"./tokenizers", contracts},
		{"./metrics", contracts},
		{"./bench/suite", chain("bench/suite")},
		{"./bench/record", chain("bench/record", "bench/suite")},
		{"./bench/identity", chain("bench/identity", "bench/record", "bench/suite")},
		{"./bench/cache", chain("bench/cache")},
		{"./bench/summary", chain("bench/summary", "bench/record", "bench/suite", "metrics/stat")},
		{"./bench/run", chain("bench/run", "bench/cache", "bench/identity", "bench/summary", "bench/record", "bench/suite", "metrics/stat")},
		{"./bench/recipe", chain("bench/recipe", "bench/suite")},
		{"./bench/distribute", chain("bench/distribute", "bench/identity", "bench/record", "bench/suite")},
		{"./bench/score", chain("bench/score", "bench/summary", "bench/record", "bench/suite", "metrics/stat")},
		{"./bench/compare", chain("bench/compare", "bench/summary", "bench/record", "bench/suite", "metrics/stat")},
		{"./reports/...", chain("reports", "reports/", "bench/compare", "bench/summary", "bench/record", "bench/suite", "metrics/stat", "metrics/text")},
		{"./datasets/textgen", append([]string{"datasets/textgen", "datasets/"}, contracts...)},
	} {
		out, err := goList("-deps", "-f", `{{.ImportPath}} {{.Standard}} {{len .CgoFiles}}`, "../"+strings.TrimPrefix(tc.pattern, "./"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			if len(f) != 3 || f[1] == "true" {
				continue
			}
			if f[2] != "0" {
				t.Errorf("%s needs cgo: %s", tc.pattern, f[0])
			}
			if rel, ok := strings.CutPrefix(f[0], module); ok && !allowed(rel, tc.allowed) {
				t.Errorf("%s imports %s", tc.pattern, rel)
			}
		}
	}
}

// vtbench neither grows nor starts later by NATS: only vtbench-work holds it.
func TestProgramLinksNoNATS(t *testing.T) {
	nats := func(pattern string) (found []string) {
		out, err := goList("-deps", pattern)
		if err != nil {
			t.Fatal(err)
		}
		for pkg := range strings.Lines(out) {
			if strings.HasPrefix(pkg, "github.com/nats-io/") {
				found = append(found, strings.TrimSpace(pkg))
			}
		}
		return found
	}
	if found := nats("../cmd/vtbench"); len(found) > 0 {
		t.Errorf("cmd/vtbench links %s", found)
	}
	if len(nats("../cmd/vtbench-work")) == 0 {
		t.Error("cmd/vtbench-work links nothing of NATS: this test looks for the wrong packages")
	}
}

func allowed(rel string, list []string) bool {
	for _, a := range list {
		if rel == a || strings.HasSuffix(a, "/") && strings.HasPrefix(rel, a) {
			return true
		}
	}
	return false
}

func goList(args ...string) (string, error) {
	out, err := exec.Command("go", append([]string{"list"}, args...)...).CombinedOutput()
	if err != nil {
		return "", &listError{string(out), err}
	}
	return string(out), nil
}

type listError struct {
	out string
	err error
}

func (e *listError) Error() string { return e.err.Error() + ": " + e.out }
func (e *listError) Unwrap() error { return e.err }
