package html_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	page "github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

// made is the fixture, made once: drawing its pictures takes most of the time.
var made = sync.OnceValues(func() (*summary.Run, error) {
	dir, err := os.MkdirTemp("", "vtbench-html-")
	if err != nil {
		return nil, err
	}
	return fixture.Text(dir)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if run, err := made(); err == nil {
		if err := os.RemoveAll(run.Dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	os.Exit(code)
}

// text returns a run that a test may change; its directory stays as it is.
func text(t *testing.T) *summary.Run {
	t.Helper()
	run, err := made()
	if err != nil {
		t.Fatal(err)
	}
	out := *run
	out.Manifest.Tokenizers = slices.Clone(run.Manifest.Tokenizers)
	out.Summary.Rows, out.Summary.Errors = slices.Clone(run.Summary.Rows), slices.Clone(run.Summary.Errors)
	out.Cases = slices.Clone(run.Cases)
	return &out
}

func render(t *testing.T, run *summary.Run, o page.Options) (string, *html.Node) {
	t.Helper()
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	made, err := page.Report(v, []page.Plot{{Title: "a plot", SVG: []byte("<svg/>")}}, o)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(made.HTML)))
	if err != nil {
		t.Fatal(err)
	}
	return string(made.HTML), doc
}

// listed are the items that a page has, each a list of what gallery.js reads.
func listed(t *testing.T, doc *html.Node) [][]any {
	t.Helper()
	var out [][]any
	walk(doc, func(n *html.Node) {
		if n.Data == "script" && attr(n, "id") == "gallery-items" {
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &out); err != nil {
				t.Errorf("the items of the page: %v", err)
			}
		}
	})
	return out
}

// pictures are the addresses of an item's pictures.
func pictures(item []any) []string {
	out := []string{item[7].(string)}
	for _, s := range item[9].([]any) {
		out = append(out, s.([]any)[1].(string), s.([]any)[3].(string))
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func walk(n *html.Node, f func(*html.Node)) {
	f(n)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, f)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func TestPageShowsEverything(t *testing.T) {
	run := text(t)
	_, doc := render(t, run, page.Options{})
	rows, broken := map[string]int{}, 0
	walk(doc, func(n *html.Node) {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "tr" && attr(n, "data-token") != "":
			rows[attr(n, "data-token")]++
		case n.Data == "img" && strings.HasPrefix(attr(n, "src"), "./"):
			if _, err := os.Stat(filepath.Join(run.Dir, attr(n, "src"))); err != nil {
				broken++
			}
		}
	})
	for _, tok := range run.Manifest.Tokenizers {
		if rows[tok.Name] == 0 {
			t.Errorf("%s is in no table", tok.Name)
		}
	}
	shown, items := 0, listed(t, doc)
	for _, it := range items {
		shown += len(it[9].([]any))
		for _, p := range pictures(it) {
			if _, err := os.Stat(filepath.Join(run.Dir, p)); err != nil {
				broken++
			}
		}
	}
	cases := map[string]bool{}
	for _, c := range run.Cases {
		cases[c.Tokenizer+" "+c.Item+" "+c.Instance+" "+c.Condition] = true
	}
	if shown != len(cases) {
		t.Errorf("%d reconstructions are listed of %d", shown, len(cases))
	}
	if broken > 0 {
		t.Errorf("%d pictures are linked that do not exist", broken)
	}
}

// Names come from files, plug-ins and OCR: none may become markup, script, or a
// path out of the run.
func TestHostileNames(t *testing.T) {
	run := text(t)
	const evil = `</script><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`"
	old := run.Manifest.Tokenizers[3].Name
	run.Manifest.Tokenizers[3].Name = evil
	for i := range run.Summary.Rows {
		if run.Summary.Rows[i].Tokenizer == old {
			run.Summary.Rows[i].Tokenizer = evil
		}
	}
	for i := range run.Cases {
		c := &run.Cases[i]
		c.Expected, c.Got, c.Item = evil, evil+"x", evil
		if c.Tokenizer == old {
			c.Tokenizer = evil
		}
		if i%3 == 0 {
			c.Original = "../../etc/passwd"
		}
		if i%3 == 1 {
			c.Reconstruction = "javascript:alert(1)"
		}
	}
	run.Summary.Errors = append(run.Summary.Errors, summary.Failure{Tokenizer: evil, Item: evil, Error: evil})
	for _, single := range []bool{false, true} {
		src, doc := render(t, run, page.Options{SingleFile: single})
		scripts := 0
		walk(doc, func(n *html.Node) {
			if n.Type != html.ElementNode {
				return
			}
			if n.Data == "script" && attr(n, "type") == "" {
				scripts++
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s> has a handler %s=%q", n.Data, a.Key, a.Val)
				}
				if v := strings.ToLower(a.Val); (a.Key == "src" || a.Key == "href") && (strings.Contains(v, "javascript:") || strings.Contains(v, "..")) {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
		})
		if scripts != 1 { // the page's own; data are no scripts
			t.Errorf("%d scripts on the page", scripts)
		}
		for _, it := range listed(t, doc) {
			for _, p := range pictures(it) {
				if !strings.HasPrefix(p, "./images/") && !strings.HasPrefix(p, "data:image/") {
					t.Errorf("a picture is %.80q", p)
				}
			}
		}
		if strings.Contains(src, "/etc/passwd") {
			t.Error("a path out of the run directory is on the page")
		}
	}
}

// A picture is found in its run's directory only, whatever path or link leads out
// of it, and only if it is one.
func TestPicturesStayInTheRun(t *testing.T) {
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret.png")
	pic, err := os.ReadFile(filepath.Join(run.Dir, filepath.FromSlash(run.Cases[0].Original)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, pic, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(run.Dir, "images", "link.png")); err != nil {
		t.Skip("no symbolic links here") //nolint:forbidigo // not on every file system
	}
	if err := os.WriteFile(filepath.Join(run.Dir, "images", "page.png"), []byte("<html><script>alert(1)</script>"), 0o644); err != nil {
		t.Fatal(err)
	}
	bad := []string{"images/link.png", "images/page.png", "images/../../x.png", secret, "images\\x.png", "images/none.png"}
	run.Cases = run.Cases[:len(bad)]
	for i := range run.Cases {
		run.Cases[i].Why, run.Cases[i].Original = record.WhyWorst, bad[i]
	}
	for _, single := range []bool{false, true} {
		src, doc := render(t, run, page.Options{SingleFile: single})
		found := 0
		for _, it := range listed(t, doc) {
			found += len(pictures(it))
		}
		if found != len(bad) { // the reconstructions
			t.Errorf("%d pictures, want %d", found, len(bad))
		}
		if !strings.Contains(src, fmt.Sprintf("%d pictures that the run lists are not in its directory", len(bad))) {
			t.Error("the page does not say how many pictures are missing")
		}
	}
}

func TestDamage(t *testing.T) {
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	var plots []page.Plot
	for _, f := range plot.Figures(v) {
		p := page.NewPlot(f, v.Sections())
		if p.SVG, err = f.Figure.SVG(); err != nil {
			t.Fatal(err)
		}
		plots = append(plots, p)
	}
	b, err := page.Report(v, plots, page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(b.HTML)))
	if err != nil {
		t.Fatal(err)
	}
	tables, figures, drawn := 0, 0, 0
	walk(doc, func(n *html.Node) {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "table" && strings.Contains(attr(n, "class"), "heat"):
			tables++
		case n.Data == "figure" && n.FirstChild != nil:
			figures++
			if attr(n, "data-figure") != "" {
				drawn++
			}
		}
	})
	// T-NED, and PSNR both ways; every figure but the heat maps, which are tables.
	if tables != 3 || drawn != len(plots)-3 {
		t.Errorf("%d tables, %d figures, %d drawings of %d plots", tables, figures, drawn, len(plots))
	}
}

// A drawing is part of the page: its names must not become markup either.
func TestHostileNamesInDrawings(t *testing.T) {
	run := text(t)
	const evil = `</text></svg><script>alert(1)</script>#ffffff:#000000`
	old := run.Manifest.Tokenizers[3].Name
	run.Manifest.Tokenizers[3].Name = evil
	for i := range run.Summary.Rows {
		if run.Summary.Rows[i].Tokenizer == old {
			run.Summary.Rows[i].Tokenizer = evil
		}
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	f := page.NewPlot(plot.Figures(v)[0], v.Sections())
	f.Title, f.Caption = evil, evil
	b, err := page.Report(v, []page.Plot{f}, page.Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(b.HTML)))
	if err != nil {
		t.Fatal(err)
	}
	scripts, drawings := 0, 0
	walk(doc, func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "script" && attr(n, "type") == "" {
			scripts++
		}
		if n.Type == html.ElementNode && n.Data == "figure" && attr(n, "data-figure") != "" {
			drawings++
		}
	})
	if scripts != 1 || drawings != 1 {
		t.Errorf("%d scripts and %d drawings on the page", scripts, drawings)
	}
}

func TestSingleFileNeedsNothingElse(t *testing.T) {
	run := text(t)
	_, doc := render(t, run, page.Options{SingleFile: true})
	walk(doc, func(n *html.Node) {
		if n.Data != "img" && n.Data != "link" && n.Data != "script" {
			return
		}
		for _, key := range []string{"src", "href"} {
			if v := attr(n, key); v != "" && !strings.HasPrefix(v, "data:") {
				t.Errorf("<%s> needs %s", n.Data, v)
			}
		}
	})
}
