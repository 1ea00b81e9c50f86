// Package format writes numbers and names the same way in every report.
//
// Its opinion: a number is shown with the digits its interval can bear and no
// more, a share of things (words read, codes used) is a percentage, and an index
// that is not read as a percentage (SSIM, a cosine) stays a plain number. The
// style is the metric's own ([metrics.Spec.Show]), so that a terminal table, a
// Markdown page and an axis never disagree about one value.
//
//	st := format.For(spec)                     // of a share of words
//	st.Number(0.7134)                          // "71.3"
//	st.Interval(0.7134, 0.69, 0.735)           // "71.3 [69.0, 73.5]"
//	st.Unit                                    // "%"
package format

import (
	"math"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/metrics"
)

// Points is the unit of differences of values in a unit: those of percentages are points
// of a hundred.
func Points(unit string) string {
	if unit == "%" {
		return "pp"
	}
	return unit
}

// None stands where there is no number.
const None = "–"

// Style is how values of one metric are written.
type Style struct {
	Unit   string  // behind the number or in the heading: "%", "dB", "bpp", ""
	Scale  float64 // what a value is multiplied by before it is written
	Places int     // digits behind the point, where Digits is 0
	Digits int     // significant digits, for what spans orders of magnitude
}

// maxDigits bounds what a file may ask for.
const maxDigits = 9

// For returns the style that a metric states, or that its unit stands for.
func For(spec metrics.Spec) Style {
	spec = spec.Complete()
	digits := min(max(spec.Show.Digits, 0), maxDigits)
	switch spec.Show.Form {
	case metrics.FormPercent:
		return Style{Unit: "%", Scale: 100, Places: digits}
	case metrics.FormSignificant:
		return Style{Unit: spec.Unit, Scale: 1, Digits: max(digits, 1)}
	}
	return Style{Unit: spec.Unit, Scale: 1, Places: digits}
}

// Percent is the style of shares that are no metric of their own, such as what is kept
// under damage.
var Percent = Style{Unit: "%", Scale: 100, Places: 1}

// Rate is the style of rates, of whatever metric they are.
var Rate = For(metrics.Spec{Unit: "bpp"})

// Number writes v without its unit; NaN is [None], infinities are "∞" and "−∞".
func (s Style) Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return None
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	}
	v *= s.Scale
	var out string
	if s.Digits > 0 {
		out = significant(v, s.Digits)
	} else {
		out = strconv.FormatFloat(v, 'f', s.Places, 64)
	}
	return minus(out)
}

// Millis writes a time in milliseconds: three digits, and no more than a clock can
// tell.
func Millis(ms float64) string {
	if ms > 0 && ms < 0.01 {
		return "< 0.01"
	}
	return Style{Digits: 3, Scale: 1}.Number(ms)
}

// Delta writes a difference with its sign.
func (s Style) Delta(d float64) string {
	out := s.Number(d)
	if math.IsNaN(d) || math.IsInf(d, 0) || strings.HasPrefix(out, "−") || strings.Trim(out, "0.") == "" {
		return out
	}
	return "+" + out
}

// With writes v with its unit: "71.3 %", "24.31 dB".
func (s Style) With(v float64) string {
	out := s.Number(v)
	if s.Unit == "" || math.IsNaN(v) {
		return out
	}
	return out + " " + s.Unit
}

// Interval writes "mean [lo, hi]", or the mean alone where there is no interval.
func (s Style) Interval(mean, lo, hi float64) string {
	out := s.Number(mean)
	if b := s.Bounds(lo, hi); b != "" && !math.IsNaN(mean) {
		return out + " " + b
	}
	return out
}

// evenly is by how much the longer side of an interval may exceed the shorter one before
// half of the whole says something else than the interval.
const evenly = 1.25

// Even reports whether mean ± half of the interval says what the interval does: its
// sides are about as long, and no end passes a limit of the values.
func (s Style) Even(mean, lo, hi, least, most float64) bool {
	half := (hi - lo) / 2
	if mean+half > most || mean-half < least {
		return false
	}
	up, down := hi-mean, mean-lo
	if s.Number(up) == s.Number(down) {
		return true // no digit tells them apart
	}
	return min(up, down) > 0 && max(up, down) <= evenly*min(up, down)
}

// PlusMinus writes a mean with half of its interval, "71.3±2.1", or with both ends as
// they lie from it where these differ, "98.9+1.1−3.8". least and most are the limits of
// the values.
func (s Style) PlusMinus(mean, lo, hi, least, most float64) string {
	out := s.Number(mean)
	switch {
	case math.IsNaN(mean) || math.IsNaN(hi-lo):
	case s.Even(mean, lo, hi, least, most):
		out += "±" + s.Number((hi-lo)/2)
	default:
		out += "+" + s.Number(max(0, hi-mean)) + "−" + s.Number(max(0, mean-lo))
	}
	return out
}

// Bounds writes "[lo, hi]", or "" where either end is missing.
func (s Style) Bounds(lo, hi float64) string {
	if math.IsNaN(lo) || math.IsNaN(hi) {
		return ""
	}
	return "[" + s.Number(lo) + ", " + s.Number(hi) + "]"
}

// significant writes v with n significant digits and never an exponent for what
// fits a table cell.
func significant(v float64, n int) string {
	if v == 0 {
		return "0"
	}
	exp := int(math.Floor(math.Log10(math.Abs(v))))
	switch {
	case exp < -5, exp > 14:
		return strconv.FormatFloat(v, 'e', n-1, 64)
	case exp >= n-1:
		return Group(strconv.FormatFloat(v, 'f', 0, 64))
	}
	out := strconv.FormatFloat(v, 'f', n-1-exp, 64)
	// Rounding may have carried into a new digit: 0.9999 → 1.000.
	if f, err := strconv.ParseFloat(out, 64); err == nil && f != 0 {
		if e := int(math.Floor(math.Log10(math.Abs(f)))); e > exp {
			out = strconv.FormatFloat(v, 'f', max(0, n-1-e), 64)
		}
	}
	return out
}

// minus replaces the hyphen by a minus sign, and "-0.0" by "0.0".
func minus(s string) string {
	if !strings.HasPrefix(s, "-") {
		return s
	}
	if strings.Trim(s, "-0.") == "" {
		return s[1:]
	}
	return "−" + s[1:]
}

// Count writes a number of things in groups of three: 12,345.
func Count(n int) string { return Group(strconv.Itoa(n)) }

// Group puts a comma between groups of three digits of a whole number.
func Group(s string) string {
	neg := strings.HasPrefix(s, "-")
	d := strings.TrimPrefix(s, "-")
	var b strings.Builder
	for i, r := range d {
		if i > 0 && (len(d)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	if neg {
		return "-" + b.String()
	}
	return b.String()
}

// Bytes writes a size: "812 B", "3.4 MB" (powers of 1000).
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, units := float64(n), []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	for v >= 999.5 && i < len(units)-1 {
		v /= 1000
		i++
	}
	return significant(v, 2) + " " + units[i]
}

// Plural writes "1 image", "3 images".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}
