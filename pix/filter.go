package pix

import (
	"fmt"
	"math"
	"strings"
)

// A Filter is how pixels are weighed when an image is resized.
type Filter uint8

// The filters, by Pillow's names. The zero value is the one that everything uses unless it
// says otherwise.
const (
	Lanczos Filter = iota
	Bicubic
	Bilinear
	Box
	Nearest
)

var filterNames = []string{"lanczos", "bicubic", "bilinear", "box", "nearest"}

// Filters lists the names of the filters.
func Filters() []string { return filterNames }

// String is the name of a filter.
func (f Filter) String() string {
	if int(f) < len(filterNames) {
		return filterNames[f]
	}
	return fmt.Sprintf("filter %d", f)
}

// ParseFilter reads the name of a filter.
func ParseFilter(s string) (Filter, error) {
	for i, n := range filterNames {
		if s == n {
			return Filter(i), nil
		}
	}
	return 0, fmt.Errorf("filter %q: want one of %s", s, strings.Join(filterNames, ", "))
}

// Sampling says how an image is resized. Its zero value is [Resize].
type Sampling struct {
	Filter Filter
	// Aliased leaves the filter as wide as it is when the image shrinks, so that pixels are
	// passed over: what OpenCV's resize and PyTorch's interpolate without antialias do. The
	// filter is then Bilinear, Bicubic (with their a = −0.75) or Nearest. Nearest always is.
	Aliased bool
}

// Validate refuses filters that have no such form.
func (s Sampling) Validate() error {
	if int(s.Filter) >= len(filterNames) {
		return fmt.Errorf("there is no %s", s.Filter)
	}
	if s.Aliased && (s.Filter == Lanczos || s.Filter == Box) {
		return fmt.Errorf("%s without antialias has no agreed meaning: want bilinear, bicubic or nearest", s.Filter)
	}
	if !s.Aliased && s.Filter == Nearest {
		return fmt.Errorf("nearest takes one pixel, so it has no antialias: say antialias: false")
	}
	return nil
}

// String is what digests and reports say.
func (s Sampling) String() string {
	if s.Aliased {
		return s.Filter.String() + ", no antialias"
	}
	return s.Filter.String() + ", antialias"
}

// window is the weight of a filter by distance in source pixels, and how far it reaches
// (python-pillow/Pillow, src/libImaging/Resample.c).
func (f Filter) window() (weight func(x float64) float64, radius float64) {
	switch f {
	case Bicubic:
		return func(x float64) float64 { return cubicWindow(x, -.5) }, 2
	case Bilinear:
		return func(x float64) float64 { return max(0, 1-math.Abs(x)) }, 1
	case Box:
		return func(x float64) float64 {
			if -.5 < x && x <= .5 {
				return 1
			}
			return 0
		}, .5
	}
	return lanczos3, lanczosSupport
}

// cubicWindow is Keys' cubic convolution with the slope a.
func cubicWindow(x, a float64) float64 {
	switch x = math.Abs(x); {
	case x < 1:
		return ((a+2)*x-(a+3))*x*x + 1
	case x < 2:
		return (((x-5)*x+8)*x - 4) * a
	}
	return 0
}

// A tap is a source pixel and its weight.
type tap struct {
	at     int
	weight float64
}

// aliasedTaps weighs the pixels around the centre of each output pixel; beyond the border the
// last pixel counts again.
func aliasedTaps(f Filter, in, out int) [][]tap {
	reach := map[Filter]int{Bilinear: 1, Bicubic: 2}[f] // pixels on either side
	scale := float64(in) / float64(out)
	taps := make([][]tap, out)
	for i := range taps {
		if f == Nearest { // floor of the left edge, as OpenCV and PyTorch have it
			taps[i] = []tap{{min(int(float64(i)*scale), in-1), 1}}
			continue
		}
		centre := (float64(i)+.5)*scale - .5
		left := int(math.Floor(centre))
		for t := left - reach + 1; t <= left+reach; t++ {
			v := max(0, 1-math.Abs(float64(t)-centre))
			if f == Bicubic {
				v = cubicWindow(float64(t)-centre, -.75)
			}
			taps[i] = append(taps[i], tap{min(max(t, 0), in-1), v})
		}
	}
	return taps
}

// resizeAliased resizes in float64 and rounds once, so that what a cubic overshoots in one
// direction is not cut off before the other.
func resizeAliased(f Filter, m Image, w, h int) Image {
	across, down := aliasedTaps(f, m.W, w), aliasedTaps(f, m.H, h)
	rows := make([]float64, 3*w*m.H)
	for y := range m.H {
		in, out := m.Row(y), rows[3*w*y:]
		for x, taps := range across {
			for _, t := range taps {
				for c := range 3 {
					out[3*x+c] += t.weight * float64(in[3*t.at+c])
				}
			}
		}
	}
	out := New(w, h)
	sum := make([]float64, 3*w)
	for y, taps := range down {
		clear(sum)
		for _, t := range taps {
			for j, v := range rows[3*w*t.at : 3*w*(t.at+1)] {
				sum[j] += t.weight * v
			}
		}
		row := out.Row(y)
		for j, v := range sum {
			row[j] = uint8(min(max(math.Floor(v+.5), 0), 255))
		}
	}
	return out
}
