package format_test

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/reports/format"
)

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"vq:patch=4,k=256":  "vq:patch=4,k=256",
		"a|b":               "a&#124;b",
		"<b>":               "&#60;b&#62;",
		"`code`":            "&#96;code&#96;",
		"[x](javascript:y)": "&#91;x&#93;(javascript:y)",
		"![x](y.png)":       "&#33;&#91;x&#93;(y.png)",
		"@somebody":         "&#64;&#8203;somebody",
		"https://x.org":     "https&#58;//x.org",
		"www.x.org":         "www&#46;x.org",
		"#1 and GH-7":       "&#35;&#8203;1 and GH-&#8203;7",
		"1. list":           "1&#46; list",
		"a\nb":              "a&#92;nb",
		"my_tok_py":         "my_tok_py",
		"_i_ a_":            "&#95;i&#95; a&#95;",
		"%":                 "%",
	} {
		if got := format.Markdown(in); got != want {
			t.Errorf("Markdown(%q) = %q, want %q", in, got, want)
		}
	}
	if got := format.Code("a@b"); got != "<code>a&#64;b</code>" || format.Code("") != "" {
		t.Errorf("Code: %q", got)
	}
}

// No text becomes a formula, and none loses more than its first place.
func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@sum": "'@sum", " =1": "' =1", "＝1": "'＝1",
		"\t=1": `\t=1`, "a=1": "a=1", "": "", "jpeg:q=20": "jpeg:q=20", "a\nb": `a\nb`, "\x1b[0m": `\x1b[0m`,
	} {
		if got := format.Cell(in); got != want {
			t.Errorf("Cell(%q) = %q, want %q", in, got, want)
		}
	}
	if got := strings.Join(format.Cells("=a", "b"), "|"); got != "'=a|b" {
		t.Error(got)
	}
}

func TestText(t *testing.T) {
	if got := format.Text("a\n\tb\x1b[0m\u202e\xff"); got != "a\n\tb\\x1b[0m\\u202e\\xff" {
		t.Errorf("%q", got)
	}
}
