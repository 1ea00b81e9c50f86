package compare

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	xhtml "golang.org/x/net/html"

	"github.com/vtbench/vtbench/reports/format"
)

// github is CommonMark with GitHub's extensions, raw HTML included: the strictest
// reading of what a name could do.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(gmhtml.WithUnsafe()))

func render(t testing.TB, md string) string {
	t.Helper()
	var b bytes.Buffer
	if err := github.Convert([]byte(md), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shape is a page without its words: elements and their attributes.
func shape(t testing.TB, page string) string {
	t.Helper()
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			return b.String()
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			tok := z.Token()
			b.WriteString("<" + tok.Data)
			for _, a := range tok.Attr {
				b.WriteString(" " + a.Key)
				if a.Key == "style" || a.Key == "type" {
					b.WriteString("=" + a.Val)
				}
			}
			b.WriteString(">")
		case xhtml.EndTagToken:
			b.WriteString("</" + z.Token().Data + ">")
		case xhtml.CommentToken:
			b.WriteString("<!---->")
		}
	}
}

// words is what a reader sees.
func words(page string) string {
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case xhtml.ErrorToken:
			return b.String()
		case xhtml.TextToken:
			b.WriteString(html.UnescapeString(string(z.Raw())))
		}
	}
}

// references are what GitHub looks for in rendered text outside of code.
var references = regexp.MustCompile(`(?i)@[a-z0-9]|#[0-9]|\bgh-[0-9]`)

var insideCode = regexp.MustCompile(`(?s)<code>.*?</code>`)

var attacks = []string{
	"plain", "a|b", "`a`", "**b**", "_i_", "[x](https://example.org)", "![x](y)", "<img src=x onerror=y>", "<script>", "</code></td></tr></table>",
	"</details>", "-->", "<!-- vtbench:compare -->", "@everyone", "cc @octocat!", "#1", "owner/repo#12", "GH-7", "https://example.org", "www.example.org", "a@example.org",
	"mailto:a@example.org", `\`, `\|`, `a\|b\`, "a``b", "$x$", "~~s~~", "&amp;", "&lt;b&gt;", "- list", "1. list", "1) list", "+ x", "# h", "> q", "---", "===", "    code", "```", ":smile:",
	"a\nb", "a\r\nb", "a\n\n| x | y |", "\x1b[31m", "\u202eabc", "日本", "e\u0301", "::error::x", "[x]: y", "[^1]", "<https://example.org>", "ftp://example.org", "- [ ] task", "| :-- |", strings.Repeat("x", 1000), strings.Repeat("<", 1000),
}

func FuzzEscape(f *testing.F) {
	for _, s := range attacks {
		f.Add(s)
	}
	benign := func(t *testing.T) string { return render(t, frame("x", "x")) }
	f.Fuzz(func(t *testing.T, s string) {
		md := frame(text(s), code("x"+s))
		page := render(t, md)
		if got, want := shape(t, page), shape(t, benign(t)); got != want {
			t.Fatalf("%q made markup:\n%s\nfrom\n%s\nwant the shape\n%s", s, page, md, want)
		}
		outside := insideCode.ReplaceAllString(page, "")
		if m := references.FindString(strings.ReplaceAll(words(outside), "\u200b", "\u200b")); m != "" {
			t.Fatalf("%q makes the reference %q:\n%s", s, m, page)
		}
		if seen := strings.ReplaceAll(words(page), "\u200b", ""); !strings.Contains(collapse(seen), collapse(middle(format.Line(s), maxText))) {
			t.Fatalf("%q is not shown:\n%s", s, page)
		}
	})
}

// collapse forgives what HTML does to spaces.
func collapse(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u200b", "")), " ")
}

// frame puts a sentence and a name wherever the page puts one.
func frame(sentence, name string) string {
	if name == "x" {
		name = "<code>x</code>"
	}
	return "### ❌ vtbench: " + sentence + "\n\n" + name + " against " + name + "\n\n> [!WARNING]\n> **Before**\n>\n> - " + sentence + "\n> - " + sentence + "\n\n- error: " + sentence + "\n\n" +
		"<details><summary>t</summary>\n\n" + name + " on " + sentence + ":\n\n| a | b |\n|:--|--:|\n| " + sentence + " | " + name + " |\n| " + name + " | " + sentence + " |\n\n</details>\n"
}

// A whole comment of hostile names has the shape of one with harmless ones.
func TestHostileComment(t *testing.T) {
	o := Options{Commit: "x", Full: "x", BaselineImages: "b", CandidateImages: "c", Limit: SummaryLimit}
	want := shape(t, render(t, written(t, FormatMarkdown, hostile("x"), o)))
	for _, s := range attacks {
		if strings.TrimSpace(s) == "" {
			continue
		}
		page := render(t, written(t, FormatMarkdown, hostile(s), o))
		// Pictures that cannot be linked to are left out; that is no markup.
		got, want := strings.ReplaceAll(shape(t, page), "<img src width alt>", ""), strings.ReplaceAll(want, "<img src width alt>", "")
		if got != want {
			t.Errorf("%q changed the comment:\n%.3000s", s, page)
		}
		if n := strings.Count(page, "<!--"); n != 1 {
			t.Errorf("%q: %d comments", s, n)
		}
	}
}

// The parser, too, sees no link in a page of names.
func TestNoLinks(t *testing.T) {
	for _, s := range attacks {
		src := []byte(written(t, FormatMarkdown, hostile(s), Options{}))
		doc := github.Parser().Parse(gmtext.NewReader(src))
		err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			switch n.(type) {
			case *ast.Link, *ast.AutoLink, *ast.Image:
				t.Errorf("%q made a %s", s, n.Kind())
			}
			return ast.WalkContinue, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestMiddle(t *testing.T) {
	marks := "e" + strings.Repeat("\u0301", 10000)
	for in, want := range map[string]string{
		strings.Repeat("a", 60) + strings.Repeat("b", 60): "aaaaaa…bbb",
		"short": "short", "": "", marks: "…", "ab" + marks + "cd": "ab…cd",
	} {
		if got := middle(in, 10); got != want {
			t.Errorf("%.20q: got %q, want %q", in, got, want)
		}
	}
}
