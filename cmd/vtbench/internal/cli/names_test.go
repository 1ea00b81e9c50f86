//go:build unix

package cli

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/vtbench/vtbench/internal/fixture"
)

// acts reports characters that act on a terminal or turn the direction of writing.
func acts(r rune) bool {
	return unicode.Is(unicode.Cc, r) && r != '\n' && r != '\t' || r == unicode.ReplacementChar || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// safe checks a text that people look at.
func safe(t *testing.T, where, text string) {
	t.Helper()
	if i := strings.IndexFunc(text, acts); i >= 0 {
		t.Errorf("%s holds %q: %.200q", where, text[i:i+1], text[max(0, i-60):])
	}
}

// cells checks that no cell of a CSV file is a formula.
func cells(t *testing.T, where, text string) {
	t.Helper()
	safe(t, where, text)
	r := csv.NewReader(strings.NewReader(text))
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Errorf("%s: %d rows, %v", where, len(rows), err)
	}
	for _, row := range rows {
		for _, c := range row {
			number := false
			if _, err := fmt.Sscanf(c, "%g", new(float64)); err == nil && !strings.ContainsAny(c, "()!:") {
				number = strings.Trim(c, "-+0123456789.eE") == ""
			}
			if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) && !number {
				t.Errorf("%s: a spreadsheet calculates %q", where, c)
			}
		}
	}
}

// links checks that Markdown holds no link, picture or mention of a stranger.
func links(t *testing.T, where, text string) {
	t.Helper()
	safe(t, where, text)
	for _, bad := range []string{"https://example.org", "www.example.org", "](https", "@everyone", "@octocat", "a@example.org", "<script", "<img src=x", "ftp://"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s holds %q", where, bad)
		}
	}
}

// Names of files, tokenizers and data sets may be anything: in no output do they act, become
// formulas, markup or links, or stand for one another.
func TestHostileNamesInAllOutputs(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "one", 1, false, 0)
	picture, err := os.ReadFile("one/a.png")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\x07bell", "a\tb", "\u2066x", "\u009bcsi"}
	for _, s := range fixture.Attacks {
		if len(s) < 200 && !strings.ContainsAny(s, "/\x00") && !strings.HasPrefix(s, ".") {
			names = append(names, s)
		}
	}
	for i, s := range names {
		put(t, filepath.Join("evil", s+".png"), picture)
		put(t, filepath.Join("evil2", s+".png"), picture)
		if i%10 == 0 { // some fail, and are listed
			put(t, filepath.Join("evil", "broken "+s+".png"), []byte("no picture"))
		}
	}
	// Two names that are not UTF-8 would be one item; they are left out, and said.
	put(t, "evil/\xff.png", picture)
	put(t, "evil/\xfe.png", picture)
	evil := "=evil\x1b[31m <script>@everyone https://example.org ![x](https://example.org/p.png)\u202e"
	put(t, "c.yaml", []byte(fmt.Sprintf(`suite: s.yaml
data: ["folder:evil"]
resamples: 100
tokenizers:
  - {name: %q, use: "jpeg:q=20"}
`, evil)))
	status, stdout, stderr := vtbench(t, "run", "-c", "c.yaml", "-o", "r")
	if status != ExitItemsFailed {
		t.Fatalf("status %d: %s", status, stderr)
	}
	safe(t, "run", stdout)
	safe(t, "run's stderr", stderr)
	if !strings.Contains(stderr, `2 a name that is not UTF-8 (\xfe.png, \xff.png)`) {
		t.Errorf("two names that are not UTF-8 are not said: %s", stderr)
	}
	for _, args := range [][]string{
		{"report", "r"},
		{"baseline", "save", "r", "-o", "b.vtbench.json.gz"},
		{"baseline", "list", "."},
		{"baseline", "show", "b.vtbench.json.gz"},
		{"compare", "r", "b.vtbench.json.gz"},
		{"compare", "r", "r", "--format", "annotations"},
		{"compare", "r", "r", "--format", "junit"},
		{"datasets", "info", "folder:evil"},
		{"score", "evil", "evil2", "-m", "psnr"},
		{"conform", "jpeg:q=\x1b[31m"},
		{"report", "\x1b[31m"},
		{"run", "--suite", "s.yaml", "--data", "folder:\x1b[31m"},
	} {
		status, stdout, stderr := vtbench(t, args...)
		if status == ExitInternal {
			t.Errorf("%q: status %d: %s", args, status, stderr)
		}
		safe(t, strings.Join(args[:2], " "), stdout)
		safe(t, strings.Join(args[:2], " ")+"'s stderr", stderr)
	}
	for _, format := range []string{"markdown", "summary"} {
		_, stdout, _ := vtbench(t, "compare", "r", "r", "--format", format)
		links(t, "compare --format "+format, stdout)
	}
	_, stdout, _ = vtbench(t, "score", "evil", "evil2", "-m", "psnr", "--format", "csv")
	cells(t, "score --format csv", stdout)
	if n := strings.Count(stdout, "\n"); n < len(names) {
		t.Errorf("score has %d lines for %d names", n, len(names))
	}
	files, err := filepath.Glob("r/tables/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	figures, err := filepath.Glob("r/plots/*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(append(files, figures...), "r/report.md", "r/report.html") {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(name) {
		case ".csv":
			cells(t, name, string(b))
		case ".md":
			links(t, name, string(b))
		default:
			safe(t, name, string(b))
		}
	}
}

// A tokenizer's label that is not UTF-8 could stand for another in results.
func TestLabelsAreUTF8(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "s.yaml", []byte(suiteFile))
	photos(t, "in", 1, false, 0)
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-t", "a\xff=jpeg:q=20"); status != ExitUsage || !strings.Contains(stderr, "not UTF-8") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
