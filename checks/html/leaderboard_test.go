package html_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/leaderboard"
)

// hostileResults has a name wherever a file can bring one.
func hostileResults(t *testing.T, s string, source compare.Source) *compare.Results {
	t.Helper()
	b := compare.NewBuilder("r", compare.Header{
		Source: source, Origin: s, Suite: compare.SuiteID{ID: s, Version: 1, Digest: s, Title: s}, Datasets: []compare.DatasetID{{Name: s, Version: 1, Digest: s, Items: 9}},
		Headline: []string{s}, Tokens: []compare.TokenID{{Name: s, Kind: s}, {Name: s + "2"}, {Name: "bound" + s, Reference: true}}, Software: []compare.KeyValue{{Key: s, Value: s}},
		Made: s, Program: s,
		Metrics: []metrics.Spec{
			{ID: s, Version: 1, Title: s, Unit: s, Better: metrics.Higher, Scope: metrics.PerImage, Short: s},
			{ID: "rate" + s, Version: 1, Title: s, Better: metrics.Lower, Scope: metrics.PerImage, Role: metrics.RoleRate, Rate: metrics.Nominal},
		},
	})
	for i := range 9 {
		for k, tok := range []string{s, s + "2", "bound" + s} {
			rec := record.Record{Dataset: s, Tokenizer: tok, Item: s + fmt.Sprint(i), Condition: "clean@256", Metric: s, Value: record.Num(float64(i + k))}
			if i == 0 && k == 1 {
				rec.Value, rec.Error = nil, s
			}
			b.Add(&rec)
			rec.Metric, rec.Value, rec.Error = "rate"+s, record.Num(1), ""
			b.Add(&rec)
		}
	}
	r, err := b.Results()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Whatever results call themselves becomes no markup, script or address on a leaderboard,
// and the page keeps the structure that readers of tables rely on.
func TestHostileLeaderboard(t *testing.T) {
	for name, evil := range map[string]string{
		"markup":    `</script></style><script>alert(1)</script><img src=x onerror=alert(1)>"'` + "`",
		"template":  `{{.}} ${alert(1)}`,
		"address":   "javascript:alert(1)//https://x",
		"direction": "\u202eevil\u200b\u0000\x1b[2J",
		"emoji":     "👩‍🔬 T-ACC ﷺ",
		"lines":     "a\nb\tc",
		"long":      strings.Repeat("long name ", 400),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			in := filepath.Join(dir, "in")
			if err := os.MkdirAll(in, 0o755); err != nil {
				t.Fatal(err)
			}
			for file, source := range map[string]compare.Source{"ours": compare.FromRun, "theirs": compare.Imported} {
				if err := hostileResults(t, evil, source).Save(filepath.Join(in, file+"&<b>"+compare.BaselineSuffix), compare.SaveOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			published, err := leaderboard.PublishedTables()
			if err != nil {
				t.Fatal(err)
			}
			site, err := leaderboard.Write(context.Background(), []string{in}, filepath.Join(dir, "site"), leaderboard.Options{
				BoardOptions: compare.BoardOptions{Resamples: 99, MinCoverage: .5}, Published: published, Program: evil,
			})
			if err != nil {
				t.Fatal(err)
			}
			if site.Ranked() != 2 {
				t.Fatalf("%d boards are ranked", site.Ranked())
			}
			page, err := site.Page(&leaderboard.Live{Board: evil, Note: evil, Runs: []leaderboard.LiveRun{{Name: evil, State: evil, Suite: evil, Phase: evil, Error: evil, Page: evil, Tokenizers: []leaderboard.LiveToken{{Name: evil}}}}})
			if err != nil {
				t.Fatal(err)
			}
			checkLeaderboard(t, string(page))
		})
	}
}

func checkLeaderboard(t *testing.T, page string) {
	t.Helper()
	for _, bad := range []string{"\u202e", "\x1b", "\x00", "\u200b"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is on the page as it is", bad)
		}
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	scripts := 0
	var links []string
	walk(doc, func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		switch n.Data {
		case "script":
			scripts++
		case "img", "iframe", "object", "embed", "form", "base":
			t.Errorf("there is <%s>", n.Data)
		case "th":
			if attr(n, "scope") == "" {
				t.Error("a heading of a table does not say of what")
			}
		case "table":
			if n.FirstChild == nil || !has(n, "caption") {
				t.Error("a table has no caption")
			}
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "id":
				if ids[a.Val] {
					t.Errorf("two elements are called %q", a.Val)
				}
				ids[a.Val] = true
			case a.Key == "href":
				links = append(links, a.Val)
			case a.Key == "src":
				t.Errorf("<%s src=%q>", n.Data, a.Val)
			}
		}
	})
	if scripts != 1 {
		t.Errorf("%d scripts", scripts)
	}
	for _, l := range links {
		part, here := strings.CutPrefix(l, "#")
		switch {
		case here && (part == "" || ids[part]), l == "", l == "data:,", strings.HasPrefix(l, "https://"), strings.HasPrefix(l, "./"):
		case strings.Contains(l, "javascript") || strings.Contains(l, "unsafe") || strings.HasPrefix(l, "#ZgotmplZ"):
			if !strings.HasPrefix(l, "#ZgotmplZ") {
				t.Errorf("a link to %q", l)
			}
		case here:
			t.Errorf("a link to %q, which is not there", l)
		}
	}
}

// has reports whether a node has a child of this kind.
func has(n *html.Node, kind string) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.Data == kind {
			return true
		}
	}
	return false
}
