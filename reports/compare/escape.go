package compare

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

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

// maxName and maxText bound names and sentences, in runes.
const (
	maxName     = 100
	maxText     = 400
	maxUnbroken = 30
)

// text makes a sentence safe in Markdown, in a cell as elsewhere.
func text(s string) string { return escape(middle(format.Line(s), maxText), true) }

// cell is text in the cell of a table.
func cell(s string) string { return escape(middle(format.Line(s), maxName), true) }

// number is a cell of a number that this package wrote: signs, digits, brackets. It
// is not broken into lines.
func number(s string) string {
	return strings.NewReplacer("<", "&lt;", " ", "&nbsp;").Replace(s)
}

// unbroken is a short cell that is not broken into lines.
func unbroken(s string) string {
	if utf8.RuneCountInString(s) > maxUnbroken {
		return cell(s)
	}
	return strings.NewReplacer(" ", "&nbsp;", "-", "&#8209;").Replace(cell(s))
}

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
		case i == 0: // "- ", "+ " and "---" would start a list or draw a line
			plain = plain && (isWord(r) || r >= 0x80 || r != ' ' && isDigit(next(rs, i)))
		case number && (r == '.' || r == ')'): // so would "1. "
			plain = next(rs, i) > ' '
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
		number = number && isDigit(r)
	}
	return b.String()
}

func isWord(r rune) bool { return r < 0x80 && (unicode.IsLetter(r) || isDigit(r)) }

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// next is the rune after i, 0 at the end.
func next(rs []rune, i int) rune {
	if i+1 < len(rs) {
		return rs[i+1]
	}
	return 0
}

// middle shortens a text to n runes and keeps both ends, since both tell names
// apart. It cuts between what a reader takes for characters, where that fits.
func middle(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	var parts []string
	for g := uniseg.NewGraphemes(s); g.Next(); {
		parts = append(parts, g.Str())
	}
	tailRoom := (n - 1) / 3
	headRoom := n - 1 - tailRoom
	head, tail := "", ""
	for _, p := range parts {
		if headRoom -= utf8.RuneCountInString(p); headRoom < 0 {
			break
		}
		head += p
	}
	for _, p := range slices.Backward(parts) {
		if tailRoom -= utf8.RuneCountInString(p); tailRoom < 0 {
			break
		}
		tail = p + tail
	}
	return head + "…" + tail
}
