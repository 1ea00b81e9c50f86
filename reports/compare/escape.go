package compare

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/vtbench/vtbench/reports/format"
)

// Names in a comparison may come from a stranger's run, and the comment stands
// under the name of the project. So nothing in a name may become markup, a link, a
// picture, a mention that notifies somebody, or a reference that shows up on
// another issue.
//
// Backslashes do not do: GitHub looks for mentions and references in the rendered
// text, where the backslash is gone, and a table splits cells before it looks at
// code spans. Character references do not form structure in CommonMark (section
// 2.5) or cells in GFM, and a zero-width space breaks what is searched for in the
// rendered text; inside <code> nothing is searched for.

const zeroWidthSpace = "&#8203;"

// maxName and maxText bound names and sentences, in user-perceived characters.
const (
	maxName = 100
	maxText = 400
)

// text makes a sentence safe in Markdown, in a cell as elsewhere.
func text(s string) string { return escape(middle(format.Line(s), maxText), true) }

// code shows a name as code.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + escape(middle(format.Line(s), maxName), false) + "</code>"
}

// unmarked are the characters that are no markup within a line.
const unmarked = " ,;=%?\"'()+/.:-"

// escape writes everything that could be markup as a character reference. broken
// adds zero-width spaces where the rendered text would be searched for mentions
// and references.
func escape(s string, broken bool) string {
	var b strings.Builder
	rs := []rune(s)
	before := func(i int, word string) bool {
		return i >= len(word) && strings.EqualFold(string(rs[i-len(word):i]), word)
	}
	number := true // nothing but digits so far
	for i, r := range rs {
		plain := r >= 0x80 || isWord(r) || strings.ContainsRune(unmarked, r)
		switch {
		case isWord(r):
		case i == 0 || number: // "- ", "+ ", "1. " would start a list
			plain = plain && r >= 0x80
		case r == ':': // "https://" would be a link
			plain = i+1 == len(rs) || rs[i+1] != '/'
		case r == '.': // so would "www."
			plain = !before(i, "www")
		}
		if plain {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		if broken && (r == '@' || r == '#' || r == '-' && before(i, "gh")) {
			b.WriteString(zeroWidthSpace)
		}
		number = number && unicode.IsDigit(r)
	}
	return b.String()
}

func isWord(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// middle keeps both ends of a long text, since both tell names apart.
func middle(s string, n int) string {
	if len(s) <= n {
		return s
	}
	var parts []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		p := g.Str()
		if rs := []rune(p); len(rs) > 8 { // a pile of combining marks is no letter
			p = string(rs[:8])
		}
		parts = append(parts, p)
	}
	if len(parts) <= n {
		return strings.Join(parts, "")
	}
	head := (n - 1) * 2 / 3
	tail := n - 1 - head
	return strings.Join(parts[:head], "") + "…" + strings.Join(parts[len(parts)-tail:], "")
}
