package compare

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/vtbench/vtbench/reports/format"
)

// maxName and maxText bound names and sentences, in runes.
const (
	maxName     = 100
	maxText     = 400
	maxUnbroken = 18
)

// text makes a sentence safe in Markdown, in a cell as elsewhere.
func text(s string) string { return format.Markdown(middle(format.Line(s), maxText)) }

// cell is text in the cell of a table.
func cell(s string) string { return format.Markdown(middle(format.Line(s), maxName)) }

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
func code(s string) string { return format.Code(middle(format.Line(s), maxName)) }

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
