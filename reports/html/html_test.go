package html_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vtbench/vtbench/bench"
	page "github.com/vtbench/vtbench/reports/html"
	"github.com/vtbench/vtbench/reports/internal/fixture"
	"github.com/vtbench/vtbench/reports/view"
)

func text(t *testing.T) *bench.Run {
	t.Helper()
	run, err := fixture.Text(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func render(t *testing.T, run *bench.Run, o page.Options) (string, *html.Node) {
	t.Helper()
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	b, err := page.Report(v, []page.Plot{{Title: "a plot", SVG: []byte("<svg/>"), DarkSVG: []byte("<svg/>")}}, o)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b), doc
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
	_, doc := render(t, run, page.Options{Dir: run.Dir})
	rows, cards, broken := map[string]int{}, 0, 0
	walk(doc, func(n *html.Node) {
		switch {
		case n.Type != html.ElementNode:
		case n.Data == "tr" && attr(n, "data-token") != "":
			rows[attr(n, "data-token")]++
		case n.Data == "article" && attr(n, "class") == "card":
			cards++
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
	worst := 0
	for _, c := range run.Cases {
		if c.Why == bench.WhyWorst {
			worst++
		}
	}
	if cards != worst {
		t.Errorf("%d cards for %d worst cases", cards, worst)
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
	run.Summary.Errors = append(run.Summary.Errors, bench.Failure{Tokenizer: evil, Item: evil, Error: evil})
	for _, single := range []bool{false, true} {
		src, doc := render(t, run, page.Options{Dir: run.Dir, SingleFile: single})
		scripts := 0
		walk(doc, func(n *html.Node) {
			if n.Type != html.ElementNode {
				return
			}
			if n.Data == "script" {
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
		if scripts != 2 { // the page's own, and its data
			t.Errorf("%d scripts on the page", scripts)
		}
		if strings.Contains(src, "/etc/passwd") {
			t.Error("a path out of the run directory is on the page")
		}
	}
}

func TestSingleFileNeedsNothingElse(t *testing.T) {
	run := text(t)
	_, doc := render(t, run, page.Options{Dir: run.Dir, SingleFile: true})
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
