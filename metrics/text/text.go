// Package text compares what was read with what was written.
//
// Its opinion: strings are compared as they are. Case, punctuation and accents
// survive or they do not, so nothing is folded before an error rate is computed;
// the relaxed accuracy of the scene-text literature is a measure of its own, with
// its own name. Rates are kept as two counts, errors and reference length, since
// the error rate of a set is the quotient of the sums and not the mean of the
// rates, and since a rate may exceed 1.
//
// The unit is the code point ([CodePoint]), as in jiwer, TokBench and the ICDAR
// tools, so that our numbers stand beside theirs. Where a script composes what a
// reader takes for one character (Devanagari, decomposed accents, emoji), the
// extended grapheme cluster of UAX #29, Unicode 15.0 ([Grapheme]) can be asked
// for. There is no
// Unicode normalisation: "é" in one code point and in two are different strings,
// and whoever mixes them normalises both sides first. Invalid UTF-8 counts as one
// U+FFFD a byte.
package text

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/rivo/uniseg"
)

// A Unit is what an edit inserts, deletes or replaces.
type Unit string

// The units there are.
const (
	CodePoint Unit = "code point"
	Grapheme  Unit = "grapheme" // extended grapheme cluster, UAX #29
)

// Errors are the edits that turn a reference into what was read, and the length
// of the reference in the same unit. The Errors of a set are the sum of those of
// its parts.
type Errors struct {
	Edits  int // insertions, deletions and substitutions, the fewest there can be
	Length int
}

// Add sums two counts.
func (e Errors) Add(o Errors) Errors { return Errors{e.Edits + o.Edits, e.Length + o.Length} }

// Rate is Edits/Length. It is NaN for an empty reference, which has no rate;
// jiwer returns the number of insertions there. Such a pair's edits still count
// in the sum of a set.
func (e Errors) Rate() float64 {
	if e.Length == 0 {
		return math.NaN()
	}
	return float64(e.Edits) / float64(e.Length)
}

// Distance is the Levenshtein distance in the given unit.
func Distance(a, b string, unit Unit) int {
	d, _, _ := distance(a, b, unit)
	return d
}

// distance also returns the lengths.
func distance(a, b string, unit Unit) (d, lenA, lenB int) {
	if unit == Grapheme {
		if !isASCII(a) || !isASCII(b) {
			ga, gb := graphemes(a), graphemes(b)
			return tokenDistance(ga, gb), len(ga), len(gb)
		}
		// In ASCII the only cluster of two is CR LF.
		a, b = strings.ReplaceAll(a, "\r\n", "\x80"), strings.ReplaceAll(b, "\r\n", "\x80")
	}
	return levenshtein.ComputeDistance(a, b), utf8.RuneCountInString(a), utf8.RuneCountInString(b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func graphemes(s string) []string {
	var out []string
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // one U+FFFD for every wrong byte, as for code points
	}
	for state := -1; s != ""; {
		var g string
		g, s, _, state = uniseg.FirstGraphemeClusterInString(s, state)
		out = append(out, g)
	}
	return out
}

// tokenDistance is the Levenshtein distance of two sequences, in one row of the
// matrix (Wagner and Fischer 1974).
func tokenDistance(a, b []string) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Characters counts character errors as jiwer's cer does: both sides lose
// leading and trailing white space, inner spaces are characters.
func Characters(ref, got string, unit Unit) Errors {
	d, n, _ := distance(strip(ref), strip(got), unit)
	return Errors{Edits: d, Length: n}
}

// Words counts word errors as jiwer's wer does: two or more white-space
// characters in a row become a space, both sides are stripped, and words stand
// between spaces. A lone tab or no-break space therefore does not part words.
func Words(ref, got string) Errors {
	r, g := words(ref), words(got)
	return Errors{Edits: tokenDistance(r, g), Length: len(r)}
}

func words(s string) []string {
	var b strings.Builder
	var last rune
	run := 0
	flush := func() {
		switch {
		case run == 1:
			b.WriteRune(last)
		case run > 1:
			b.WriteByte(' ')
		}
		run = 0
	}
	for _, r := range s {
		if isSpace(r) {
			last = r
			run++
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return slices.DeleteFunc(strings.Split(strip(b.String()), " "), func(w string) bool { return w == "" })
}

func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// isSpace is Python's str.isspace: Unicode's White_Space and the four
// information separators.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// Similarity is 1 − d/max(|ref|, |got|), the normalised edit similarity that
// TokBench calls T-NED and ICDAR "1-N.E.D.". It lies in [0, 1]. Two empty strings
// are equal and score 1; clovaai's evaluation gives 0 there, which cannot be told
// from a total failure.
func Similarity(ref, got string, unit Unit) float64 {
	d, n, m := distance(ref, got, unit)
	if n == 0 && m == 0 {
		return 1
	}
	return 1 - float64(d)/float64(max(n, m))
}

// Exact says whether two strings are equal byte by byte: the raw word accuracy
// of one word (TokBench's T-ACC).
func Exact(ref, got string) bool { return ref == got }

// Relaxed says whether two strings are equal once lower-cased and freed of
// everything but 0-9 and a-z, the accuracy of the clovaai scene-text benchmark
// (deep-text-recognition-benchmark, test.py). Nothing is left of a reference in
// another script or of punctuation alone, and any such two would be equal: defined
// is false for them.
func Relaxed(ref, got string) (equal, defined bool) {
	r := RelaxedForm(ref)
	return r == RelaxedForm(got), r != ""
}

// RelaxedForm is what [Relaxed] compares.
func RelaxedForm(s string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if '0' <= r && r <= '9' || 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, s)
}
