package sanity

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// moments are the means and covariances of cells' mean colours, in levels.
type moments struct {
	in, out      [3]float64
	inIn, outOut [3][3]float64
	cross        [3][3]float64 // rows are input channels
	gain, offset float64       // output ≈ gain · input + offset, all channels together
	correlation  float64
	spreadIn     float64 // standard deviation of the input
	spreadOut    float64
	brightness   float64    // mean of the output less that of the input
	chromaIn     float64    // standard deviation of colour, brightness taken out
	kept         [6]float64 // correlation of colour, by order of channels
}

// orders are the orders of three channels: output channel i shows input channel order[i].
var orders = [6][3]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}}

func (s *Sums) moments() moments {
	var m moments
	n := float64(s.n[atCells])
	mean := func(at int) float64 { return float64(s.n[at]) / n / fixed }
	for i := range 3 {
		m.in[i], m.out[i] = mean(atIn+i), mean(atOut+i)
	}
	for k, p := range products {
		a := float64(s.n[atInIn+k])/n/(fixed*fixed) - m.in[p[0]]*m.in[p[1]]
		b := float64(s.n[atOutOut+k])/n/(fixed*fixed) - m.out[p[0]]*m.out[p[1]]
		m.inIn[p[0]][p[1]], m.inIn[p[1]][p[0]] = a, a
		m.outOut[p[0]][p[1]], m.outOut[p[1]][p[0]] = b, b
	}
	var x, y, xx, yy, xy float64
	for i := range 3 {
		for j := range 3 {
			m.cross[i][j] = float64(s.n[atCross+3*i+j])/n/(fixed*fixed) - m.in[i]*m.out[j]
		}
		x, y = x+m.in[i]/3, y+m.out[i]/3
		xx += (m.inIn[i][i] + m.in[i]*m.in[i]) / 3
		yy += (m.outOut[i][i] + m.out[i]*m.out[i]) / 3
		xy += (m.cross[i][i] + m.in[i]*m.out[i]) / 3
	}
	xx, yy, xy = max(xx-x*x, 0), max(yy-y*y, 0), xy-x*y
	m.spreadIn, m.spreadOut, m.brightness = math.Sqrt(xx), math.Sqrt(yy), y-x
	if xx > 0 {
		m.gain = xy / xx
		m.offset = y - m.gain*x
	}
	if xx*yy > 0 {
		m.correlation = xy / math.Sqrt(xx*yy)
	}
	a, b, c := colour(m.inIn), colour(m.outOut), colour(m.cross)
	varIn, varOut := a[0][0]+a[1][1]+a[2][2], b[0][0]+b[1][1]+b[2][2]
	m.chromaIn = math.Sqrt(max(varIn, 0))
	for k, o := range orders {
		if varIn*varOut > 0 {
			m.kept[k] = (c[o[0]][0] + c[o[1]][1] + c[o[2]][2]) / math.Sqrt(varIn*varOut)
		}
	}
	return m
}

// colour takes brightness, the mean of the three channels, out of a covariance.
func colour(k [3][3]float64) (out [3][3]float64) {
	var rows, columns [3]float64
	all := 0.0
	for i := range 3 {
		for j := range 3 {
			rows[i] += k[i][j] / 3
			columns[j] += k[i][j] / 3
			all += k[i][j] / 9
		}
	}
	for i := range 3 {
		for j := range 3 {
			out[i][j] = k[i][j] - rows[i] - columns[j] + all
		}
	}
	return out
}

// An Alarm is a mistake that the sums show.
type Alarm struct {
	Kind Kind
	// Text says what is seen and its likely cause, to be read behind the name of the
	// tokenizer.
	Text string
}

// Kind names a mistake.
type Kind string

// The mistakes that are recognised.
const (
	Size      Kind = "size"      // another size than the image's
	Identical Kind = "identical" // the image itself
	Constant  Kind = "constant"  // one colour, or one picture for all images
	Unlike    Kind = "unlike"    // nothing of the image
	Inverted  Kind = "inverted"  // dark for bright
	Channels  Kind = "channels"  // red for blue
	Range     Kind = "range"     // values scaled or shifted
)

// Limits of what passes for honest. They lie between what all shipped tokenizers do, down
// to one principal component a patch or four codes in all, and what the mistakes do to the
// best and the worst of them (TestNoFalseAlarm and TestMistakes print both; docs/sanity.md).
const (
	// likeness is the least correlation of mean colours. Honest: .69 (four codes) and
	// more. Exchanged images, a wrong layout: about 0.
	likeness = .4
	// lowSpread and highSpread bound the standard deviation of the output over that of
	// the input and over their correlation, since a tokenizer that does not know better
	// answers with the mean. Honest: .73 to 1.10. Values taken for half their range: .5.
	lowSpread, highSpread = .62, 1.2
	// brighter is how far mean levels may lie apart; brighterSure where the correlation is
	// at least sure. Honest: 25 at .75, 21 at .93, and 8 above.
	brighter, brighterSure = 40, 24
	sure                   = .95
	// contrasty and colourful are the standard deviations, in levels, from which images
	// can tell.
	contrasty, colourful = 6, 3
	// swapped is by how much the correlation of colours must be better in another order of
	// channels, and what it must be there. Honest: worse by .1, or, where next to no colour
	// is kept, better by .26 at .13. Exchanged: better by 1.2 at .8.
	swapped = .5
	// enough is the number of images from which less than sure will do.
	enough = 4
	// most is the share of images that stands for all.
	most = .9
)

// Alarms says what is wrong, the most telling first; where one explains the others it
// stands alone.
func (s *Sums) Alarms() []Alarm {
	var out []Alarm
	if a, ok := s.size(); ok {
		out = append(out, a)
	}
	if s.pairs == 0 || s.varied == 0 {
		return out
	}
	m := s.moments()
	add := func(k Kind, format string, args ...any) []Alarm {
		return append(out, Alarm{k, fmt.Sprintf(format, args...)})
	}
	few := s.pairs < enough
	spread := 0.0
	if m.spreadIn > 0 && m.correlation > 0 {
		spread = m.spreadOut / m.spreadIn / m.correlation
	}
	best := 0
	for k := range m.kept {
		if m.kept[k] > m.kept[best] {
			best = k
		}
	}
	bound := float64(brighter)
	if m.correlation >= sure {
		bound = brighterSure
	}
	off := spread < lowSpread && (!few || m.correlation >= sure) || !few && (spread > highSpread || math.Abs(m.brightness) > bound)
	switch {
	case s.identical == s.pairs:
		return add(Identical, "every reconstruction is the image itself, pixel for pixel, without a bitstream: the model is not in the way, or these are the originals")
	case float64(s.flat) >= most*float64(s.varied):
		return add(Constant, "reconstructions are one colour, about level %.0f: %s", mean3(m.out), constantCause(mean3(m.out)))
	case s.imagesDiffer && !s.outcomesDiffer:
		return add(Constant, "all %d images get the same reconstruction: the decoder does not see the codes, or one buffer is returned for all", s.pairs)
	case m.spreadIn < contrasty:
		return out // nothing to tell from
	case m.correlation <= -likeness && (!few || m.correlation <= -sure):
		return add(Inverted, "dark and bright are exchanged (correlation %s): values are negated", number(m.correlation))
	case math.Abs(m.correlation) < likeness && !few:
		return add(Unlike, "reconstructions do not show their images (correlation of mean colours %s): the layout (HWC, CHW), the order of a batch or of files, or untrained weights", number(m.correlation))
	}
	if m.chromaIn >= colourful && m.kept[best]-m.kept[0] >= swapped && m.kept[best] >= swapped && (!few || m.kept[best] >= sure) {
		return add(Channels, "colours fit as %s instead of RGB (correlation %s, as they are %s): images go in or come out in another order of channels", orderName(orders[best]), number(m.kept[best]), number(m.kept[0]))
	}
	if off && m.correlation >= likeness {
		return add(Range, "the range of values is off, output ≈ %.2f · input %s levels (correlation %.2f): %s", m.gain, signed(m.offset), m.correlation, rangeCause(m, spread))
	}
	return out
}

func mean3(v [3]float64) float64 { return (v[0] + v[1] + v[2]) / 3 }

func signed(v float64) string {
	if v <= -.5 {
		return fmt.Sprintf("− %.0f", -v)
	}
	return fmt.Sprintf("+ %.0f", math.Abs(v))
}

// number writes a correlation.
func number(v float64) string { return strings.Replace(fmt.Sprintf("%.2f", v), "-", "−", 1) }

func orderName(o [3]int) string {
	// Output channel i shows input channel o[i].
	name := []byte("RGB")
	for i, k := range o {
		name[i] = "RGB"[k]
	}
	return string(name)
}

func constantCause(level float64) string {
	switch {
	case level < 2:
		return "values of 0 to 1 are written as levels of 0 to 255, or the output is empty"
	case level > 253:
		return "values of 0 to 255 are taken for 0 to 1, or the output is not a number"
	}
	return "the decoder does not see the codes"
}

// rangeCause is the mistake that makes such a line of output over input.
func rangeCause(m moments, spread float64) string {
	switch {
	case spread < lowSpread && m.gain > .35 && math.Abs(m.offset-127.5) < 25: // half of the range, the upper
		return "as of values of 0 to 1 that are taken for −1 to 1"
	case spread < lowSpread:
		return fmt.Sprintf("only about %.2g of the contrast is left, as of values that are divided twice or lie in a smaller range than declared", spread)
	case spread > highSpread && m.brightness < 0:
		return "darker with more contrast, as of values of −1 to 1 that are taken for 0 to 1"
	case spread > highSpread:
		return "more contrast than there was, as of values that are scaled twice"
	}
	return fmt.Sprintf("the mean is %s levels off, as of an offset that is added or not taken off", strings.Replace(fmt.Sprintf("%+.0f", m.brightness), "-", "−", 1))
}

// size is the alarm of reconstructions of another size.
func (s *Sums) size() (Alarm, bool) {
	if float64(s.failed) < most*float64(s.failed+s.pairs) || s.failed == 0 {
		return Alarm{}, false
	}
	var common [4]int
	for k, n := range s.sizes { // the most frequent, the smallest of equals
		if c := s.sizes[common]; n > c || n == c && slices.Compare(k[:], common[:]) < 0 {
			common = k
		}
	}
	w, h, gotW, gotH := common[0], common[1], common[2], common[3]
	text := fmt.Sprintf("reconstructions have another size than their images, %d×%d for %d×%d: ", gotW, gotH, w, h)
	switch {
	case gotW == 0 || gotH == 0:
		text += "return an image for every image"
	case gotW%w == 0 && gotH%h == 0 && gotW/w == gotH/h:
		text += fmt.Sprintf("%d times the sides, as of a decoder that enlarges more than its encoder reduces, or of an input that is to be reduced first", gotW/w)
	case w%gotW == 0 && h%gotH == 0 && w/gotW == h/gotH:
		text += fmt.Sprintf("1/%d of the sides, as of a decoder that enlarges less than its encoder reduces", w/gotW)
	case gotW == h && gotH == w:
		text += "width and height are exchanged"
	default:
		text += "crop what was padded, and return every image at the size it came in"
	}
	return Alarm{Size, text}, true
}
