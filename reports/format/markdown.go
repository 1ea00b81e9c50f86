package format

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names may come from a stranger's files, and a page or comment stands under the name of
// the project. So nothing in a name may become markup, a link, a picture, a mention that
// notifies somebody, or a reference that shows up on another issue.
//
// Backslashes do not do: GitHub looks for mentions, references and bare links in the
// rendered text, where the backslash is gone, and a table splits cells before it looks at
// code spans. Character references do not form structure in CommonMark (section
// 2.5) or cells in GFM, and a zero-width space breaks what is searched for in the
// rendered text; inside <code> nothing is searched for.

const zeroWidthSpace = "&#8203;"

// Markdown makes a text safe anywhere in GitHub's Markdown, in a cell as elsewhere: one line,
// without markup, links, mentions and references.
func Markdown(s string) string { return escape(Line(s), true) }

// Code shows a text as code in GitHub's Markdown; "" stays "".
func Code(s string) string {
	if s == "" {
		return ""
	}
	return "<code>" + escape(Line(s), false) + "</code>"
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
			plain = plain && (isWord(r) || r >= 0x80 || r == '%' || r != ' ' && isDigit(next(rs, i)))
		case r == '_': // within a word it is no emphasis
			plain = isWord(rs[i-1]) && isWord(next(rs, i))
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

// formulas are the characters with which a cell becomes a formula in spreadsheets, in
// their usual and their wide form.
var formulas = []rune("=+-@＝＋－＠")

// Cell makes a text safe as a cell of a CSV file: one line, and an apostrophe before what a
// spreadsheet would take for a formula. Numbers need no such care.
func Cell(s string) string {
	s = Line(s)
	first, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	if slices.Contains(formulas, first) {
		return "'" + s
	}
	return s
}

// Cells is Cell for a row.
func Cells(row ...string) []string {
	out := make([]string, len(row))
	for i, s := range row {
		out[i] = Cell(s)
	}
	return out
}
