package icdar

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vtbench/vtbench/datasets"
)

// A Label is one label of a file.
type Label struct {
	Line    int // in the file, from 1
	Corners []datasets.Point
	Quad    bool // written as four corners; else as a box or a polygon
	Text    string
}

// DontCare is the transcription of what is not meant to be read.
const DontCare = "###"

// Ignore reports whether the label is don't-care, or has no transcription that
// could be compared.
func (l Label) Ignore() bool { return l.Text == DontCare || l.Text == "" }

// Box is the axis-aligned box of the corners, half-open, which is how TokBench
// crops.
func (l Label) Box() image.Rectangle {
	x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for _, p := range l.Corners {
		x0, y0 = min(x0, p.X), min(y0, p.Y)
		x1, y1 = max(x1, p.X), max(y1, p.Y)
	}
	return image.Rect(int(math.Floor(x0)), int(math.Floor(y0)), int(math.Ceil(x1)), int(math.Ceil(y1)))
}

// LineError is a line that cannot be used.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// ErrNoArea marks a label whose box has no area.
var ErrNoArea = errors.New("no area")

// maxCoordinate bounds what is taken for a position in an image.
const maxCoordinate = 1 << 20

// maxCorners bounds the corners of a polygon.
const maxCorners = 1000

// Parse reads a file of labels:
//
//	x1,y1,x2,y2,x3,y3,x4,y4,transcription     four corners, clockwise from top left (ICDAR 2015)
//	left, top, right, bottom, "transcription"  a box (ICDAR 2013, test)
//	left top right bottom "transcription"      a box (ICDAR 2013, training)
//	x1,y1,…,xn,yn,####transcription            a polygon
//	x: [[…]], y: [[…]], ornt: [u'c'], transcriptions: [u'…']   a polygon (Total-Text)
//
// A transcription may hold commas. Around a box's transcription quotation marks
// are taken off, with \" and \\ inside. Total-Text's "#" is don't-care. A byte order
// mark, CRLF and empty lines are fine. Since a box's transcription may itself begin
// with numbers, a file has corners when more of its lines begin with eight numbers
// than do not.
//
// Lines that cannot be used are in bad and cost no others; a don't-care line without
// area is nothing. The error concerns the whole file.
func Parse(b []byte) (labels []Label, bad []*LineError, err error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		return nil, nil, errors.New("the file is not UTF-8; convert it, since its transcriptions cannot be compared")
	}
	if totalTextLine.Match(b) {
		labels, bad = parseTotalText(string(b))
		return labels, bad, nil
	}
	type line struct {
		n    int
		text string
	}
	var lines []line
	eights := 0
	for i, l := range strings.Split(string(b), "\n") {
		l = strings.TrimSuffix(l, "\r")
		if strings.TrimSpace(l) == "" {
			continue
		}
		lines = append(lines, line{i + 1, l})
		if _, _, err := numbers(l, 8); err == nil {
			eights++
		}
	}
	want := 4
	if 2*eights > len(lines) {
		want = 8
	}
	for _, l := range lines {
		lab, err := parseLine(l.text, want)
		lab.Line = l.n
		labels, bad = keep(labels, bad, lab, err)
	}
	return labels, bad, nil
}

// keep sorts a label by whether it can be used.
func keep(labels []Label, bad []*LineError, l Label, err error) ([]Label, []*LineError) {
	switch {
	case err != nil:
		bad = append(bad, &LineError{l.Line, err})
	case !l.Box().Empty():
		labels = append(labels, l)
	case l.Text != DontCare:
		bad = append(bad, &LineError{l.Line, fmt.Errorf("box %v has %w", l.Box(), ErrNoArea)})
	}
	return labels, bad
}

// polygonMark stands before the transcription behind a polygon of any length.
const polygonMark = ",####"

func parseLine(text string, want int) (Label, error) {
	if head, rest, ok := strings.Cut(text, polygonMark); ok {
		if f := strings.Split(head, ","); len(f) >= 6 && len(f)%2 == 0 && len(f) <= 2*maxCorners {
			if v, _, err := numbers(head+",", len(f)); err == nil {
				return Label{Corners: corners(v), Quad: len(v) == 8, Text: strings.TrimSpace(rest)}, nil
			}
		}
	}
	v, rest, err := numbers(text, want)
	if err != nil {
		return Label{}, err
	}
	lab := Label{Quad: want == 8, Text: strings.TrimSpace(rest)}
	if want == 8 {
		lab.Corners = corners(v)
		return lab, nil
	}
	lab.Corners = []datasets.Point{{X: v[0], Y: v[1]}, {X: v[2], Y: v[1]}, {X: v[2], Y: v[3]}, {X: v[0], Y: v[3]}}
	lab.Text = unquote(lab.Text)
	if v[2] < v[0] || v[3] < v[1] {
		return lab, fmt.Errorf("box %g,%g,%g,%g: left, top, right, bottom are wanted in this order", v[0], v[1], v[2], v[3])
	}
	return lab, nil
}

// corners makes points of x, y, x, y, …
func corners(v []float64) []datasets.Point {
	out := make([]datasets.Point, len(v)/2)
	for i := range out {
		out[i] = datasets.Point{X: v[2*i], Y: v[2*i+1]}
	}
	return out
}

// totalTextLine is a label of Total-Text's text files, which are NumPy arrays as
// Python 2 prints them: long ones go on in the next line. Groups: xs, ys, and the
// transcription in quotation marks of either kind.
var totalTextLine = regexp.MustCompile(`x:\s*\[\[([-\d\s.,]*)\]\],\s*y:\s*\[\[([-\d\s.,]*)\]\],\s*ornt:\s*\[[^\]]*\],\s*transcriptions:\s*\[u?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")?\]`)

// totalTextDontCare is the transcription of what is not meant to be read there.
const totalTextDontCare = "#"

func parseTotalText(s string) (labels []Label, bad []*LineError) {
	line, at := 1, 0
	skipped := func(to int) {
		// What no label matches must be blank.
		for i, l := range strings.Split(s[at:to], "\n") {
			if strings.TrimSpace(l) != "" {
				bad = append(bad, &LineError{line + i, fmt.Errorf("%.40q is no label of Total-Text", strings.TrimSpace(l))})
			}
		}
		line += strings.Count(s[at:to], "\n")
	}
	for _, m := range totalTextLine.FindAllStringSubmatchIndex(s, -1) {
		skipped(m[0])
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return s[m[2*i]:m[2*i+1]]
		}
		xs, errX := fields(group(1))
		ys, errY := fields(group(2))
		l := Label{Line: line, Text: unescape(group(3) + group(4))}
		err := errors.Join(errX, errY)
		switch {
		case err != nil:
		case len(xs) != len(ys) || len(xs) < 3:
			err = fmt.Errorf("%d numbers behind x and %d behind y: as many, and at least 3, are wanted", len(xs), len(ys))
		default:
			for i := range xs {
				l.Corners = append(l.Corners, datasets.Point{X: xs[i], Y: ys[i]})
			}
		}
		if l.Text == totalTextDontCare {
			l.Text = DontCare
		}
		labels, bad = keep(labels, bad, l, err)
		line += strings.Count(s[m[0]:m[1]], "\n")
		at = m[1]
	}
	skipped(len(s))
	return labels, bad
}

// fields reads numbers parted by blanks or commas.
func fields(s string) ([]float64, error) {
	f := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\n' || r == '\r' })
	if len(f) > maxCorners {
		return nil, fmt.Errorf("a polygon of %d corners", len(f))
	}
	out := make([]float64, len(f))
	for i, w := range f {
		v, err := strconv.ParseFloat(w, 64)
		if err != nil || math.Abs(v) > maxCoordinate || math.IsNaN(v) {
			return nil, fmt.Errorf("%q is no position in an image", w)
		}
		out[i] = v
	}
	return out, nil
}

// unescape undoes Python's quotation of a string: \xe9, \u2019, \', \\.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for s != "" {
		if strings.HasPrefix(s, `\'`) || strings.HasPrefix(s, `\"`) {
			out.WriteByte(s[1])
			s = s[2:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			out.WriteString(s)
			break
		}
		out.WriteRune(r)
		s = rest
	}
	return out.String()
}

// numbers splits off n leading numbers, parted by commas or white space, and the
// one separator behind the last.
func numbers(s string, n int) ([]float64, string, error) {
	v := make([]float64, n)
	rest := s
	for i := range v {
		rest = strings.TrimLeft(rest, " \t")
		end := strings.IndexAny(rest, ", \t")
		if end < 0 {
			end = len(rest)
		}
		f, err := strconv.ParseFloat(rest[:end], 64)
		if err != nil || math.Abs(f) > maxCoordinate || math.IsNaN(f) {
			return nil, "", fmt.Errorf("field %d is %q: %d numbers and a transcription are wanted", i+1, rest[:end], n)
		}
		v[i] = f
		rest = strings.TrimLeft(rest[end:], " \t")
		// "," or blanks: either parts; a line that ends here has no transcription.
		if comma := strings.HasPrefix(rest, ","); comma {
			rest = rest[1:]
		} else if i == n-1 && rest == "" {
			return nil, "", fmt.Errorf("no transcription behind %d numbers", n)
		}
	}
	return v, rest, nil
}

// unquote takes off quotation marks that enclose a whole transcription.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(s[1 : len(s)-1])
}
