package icdar

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vtbench/vtbench/datasets"
)

// A Label is one line of a label file.
type Label struct {
	Line    int // in the file, from 1
	Corners [4]datasets.Point
	Quad    bool // written as four corners; else as a box
	Text    string
}

// DontCare is the transcription of what nobody is expected to read.
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

// LineError is a line that cannot be understood.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// maxCoordinate bounds what is taken for a position in an image.
const maxCoordinate = 1 << 20

// Parse reads a label file of either year:
//
//	x1,y1,x2,y2,x3,y3,x4,y4,transcription     four corners, clockwise from top left (2015)
//	left, top, right, bottom, "transcription"  a box (2013, test)
//	left top right bottom "transcription"      a box (2013, training)
//
// A transcription may hold commas. Around a box's transcription quotation marks
// are taken off, with \" and \\ inside. A byte order mark, CRLF and empty lines
// are fine. Since a box's transcription may itself begin with numbers, a file
// has corners when more of its lines begin with eight numbers than do not.
func Parse(b []byte) ([]Label, error) {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(b) {
		return nil, errors.New("the file is not UTF-8; convert it, since its transcriptions cannot be compared")
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
	labels := make([]Label, 0, len(lines))
	for _, l := range lines {
		v, rest, err := numbers(l.text, want)
		if err != nil {
			return nil, &LineError{l.n, err}
		}
		lab := Label{Line: l.n, Quad: want == 8, Text: strings.TrimSpace(rest)}
		if want == 8 {
			for i := range lab.Corners {
				lab.Corners[i] = datasets.Point{X: v[2*i], Y: v[2*i+1]}
			}
		} else {
			lab.Corners = [4]datasets.Point{{X: v[0], Y: v[1]}, {X: v[2], Y: v[1]}, {X: v[2], Y: v[3]}, {X: v[0], Y: v[3]}}
			lab.Text = unquote(lab.Text)
			if v[2] < v[0] || v[3] < v[1] {
				return nil, &LineError{l.n, fmt.Errorf("box %g,%g,%g,%g: left, top, right, bottom are wanted in this order", v[0], v[1], v[2], v[3])}
			}
		}
		if lab.Box().Empty() {
			return nil, &LineError{l.n, fmt.Errorf("box %v has no area", lab.Box())}
		}
		labels = append(labels, lab)
	}
	return labels, nil
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
