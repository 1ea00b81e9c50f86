package browser_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/vtbench/vtbench/internal/fixture"
	shown "github.com/vtbench/vtbench/reports/compare"
)

var comment = flag.String("comment", "", "with TestComment: a comment in Markdown to look at, instead of the fixture's")

// likeGitHub is what decides about widths in a comment there: its font, the padding of
// cells, and that a table that is too wide scrolls.
const likeGitHub = `<!doctype html><html lang="en"><meta charset="utf-8"><title>comment</title><style>
body { margin:0; font:14px/1.5 -apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif; color:#1f2328; background:#fff }
main { width:830px; padding:16px; overflow-wrap:break-word }
table { display:block; width:max-content; max-width:100%; overflow:auto; border-collapse:collapse; margin:0 0 16px } th, td { border:1px solid #d1d9e0; padding:6px 13px } code { font:85% ui-monospace,monospace; background:#818b981f; padding:.2em .4em; border-radius:6px; overflow-wrap:anywhere } blockquote { border-left:.25em solid #d1d9e0; margin:0 0 16px; padding:0 1em; color:#59636e } img { max-width:100% } h3 { font-size:1.25em }
</style><main>`

// A comment fits into the 830 pixels that GitHub gives it, without scrolling sideways.
func TestComment(t *testing.T) {
	var md bytes.Buffer
	if *comment != "" {
		b, err := os.ReadFile(*comment) //nolint:forbidigo // named by who runs the test
		if err != nil {
			t.Fatal(err)
		}
		md.Write(b)
	} else if err := shown.Markdown(&md, fixture.Comparison(), shown.Options{Full: "compare.json", BaselineImages: "https://example.org/a", CandidateImages: "https://example.org/b"}); err != nil {
		t.Fatal(err)
	}
	page := bytes.NewBufferString(likeGitHub)
	g := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	// Pictures are of the width that the comment states; there is nobody to ask for them.
	if err := g.Convert(bytes.ReplaceAll(md.Bytes(), []byte("https://example.org/"), []byte("data:,")), page); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "comment.html")
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	x := open(t, path, size{900, 1400}, false)
	x.run(`document.querySelectorAll('details').forEach(d => { d.open = true; })`)
	for _, over := range value[[]string](x, `[...document.querySelectorAll('table')].filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.scrollWidth + ' px: ' + t.rows[0].innerText.replaceAll('\t', ' | '))`) {
		t.Errorf("a table scrolls sideways: %s", over)
	}
	x.run(`document.querySelectorAll('details').forEach(d => { d.open = false; }); scrollTo(0, 0)`)
	x.shot("comment")
}
