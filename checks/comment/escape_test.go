// Package comment reads what reports/compare writes with the parsers that others use:
// Markdown as GitHub renders it, and the JSON Schema.
package comment

import (
	"bytes"
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	gmtext "github.com/yuin/goldmark/text"
	xhtml "golang.org/x/net/html"

	of "github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/compare"
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

// maxShown is the longest name, in runes, that is shown whole.
const maxShown = 100

func FuzzEscape(f *testing.F) {
	for _, s := range fixture.Attacks {
		f.Add(s)
	}
	want := withoutPictures(shape(f, render(f, comment(f, "x"))))
	f.Fuzz(func(t *testing.T, s string) {
		line := format.Line(s)
		if strings.TrimSpace(line) == "" {
			t.Skip("what has no name is left out of the comment") //nolint:forbidigo // fuzzing
		}
		md := comment(t, s)
		page := render(t, md)
		if got := withoutPictures(shape(t, page)); got != want {
			t.Fatalf("%q made markup:\n%s\nfrom\n%s\nwant the shape\n%s", s, page, md, want)
		}
		outside := insideCode.ReplaceAllString(page, "")
		if m := references.FindString(words(outside)); m != "" {
			t.Fatalf("%q makes the reference %q:\n%s", s, m, page)
		}
		if utf8.RuneCountInString(line) <= maxShown && !strings.Contains(collapse(words(page)), collapse(line)) {
			t.Fatalf("%q is not shown:\n%s", s, page)
		}
	})
}

// comment is the comment of a comparison in which every name is s.
func comment(t testing.TB, s string) string {
	o := compare.Options{Commit: "x", Full: "x", BaselineImages: "b", CandidateImages: "c", Limit: compare.SummaryLimit}
	return written(t, compare.FormatMarkdown, fixture.HostileComparison(s), o)
}

// withoutPictures forgets pictures: those that cannot be linked to are left out, which
// is no markup.
func withoutPictures(shape string) string {
	return strings.ReplaceAll(shape, "<img src width alt>", "")
}

func written(t testing.TB, format string, r *of.Report, o compare.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := compare.Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// collapse forgives what HTML does to spaces.
func collapse(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "\u200b", "")), " ")
}

// A whole comment has one comment of HTML, the marker.
func TestMarkerStaysAlone(t *testing.T) {
	for _, s := range fixture.Attacks {
		if n := strings.Count(render(t, comment(t, s)), "<!--"); n != 1 {
			t.Errorf("%q: %d comments", s, n)
		}
	}
}

// The parser, too, sees no link in a page of names.
func TestNoLinks(t *testing.T) {
	for _, s := range fixture.Attacks {
		src := []byte(written(t, compare.FormatMarkdown, fixture.HostileComparison(s), compare.Options{}))
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
