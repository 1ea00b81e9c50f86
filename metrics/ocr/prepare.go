package ocr

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"strings"

	"github.com/vtbench/vtbench/pix"
)

// A recipe is everything that stands between a crop and the text read from it.
// There is one for users, [standard]; benchmarks compare it with others.
type recipe struct {
	height        int     // of the line image, in pixels
	pad           float64 // context around the box, as a share of its height
	filter        filter  // how the crop is scaled
	upright       bool    // turn light-on-dark text over before reading
	variables     []variable
	initVariables []variable // those that Tesseract heeds only while starting
}

type variable struct{ name, value string }

// standard is the recipe behind every score; docs/ocr.md has the measurements
// that chose it. A change of anything here raises the version of the metrics.
var standard = recipe{
	height:  48,
	pad:     0.2,
	filter:  cubic,
	upright: false,
}

// maxAspect bounds the width of a line image: a crop wider than this many times
// its height is squeezed. At .4 heights a character that is a line of 300
// characters, and it keeps the longest recognition at about a tenth of a second.
const maxAspect = 128

// Mode says what a crop holds; the numbers are Tesseract's page segmentation modes.
type Mode int

// The modes a crop can be read in.
const (
	Line Mode = 7 // one line of several words
	Word Mode = 8 // one word
)

// ModeFor is the mode that fits a label: [Line] where it has a space between
// characters, else [Word]. This tells the reader how many words to expect (one,
// or more than one) and nothing else of the label.
func ModeFor(label string) Mode {
	if strings.ContainsAny(strings.TrimSpace(label), " \t\u00a0\u3000") {
		return Line
	}
	return Word
}

// Crop cuts the axis-aligned box out of an image together with a margin of
// [Margin] of its height on every side, as far as the image reaches. A box that
// has less than two pixels of width or height inside the image cannot hold text
// and is an error.
func Crop(img pix.Image, box image.Rectangle) (pix.Image, error) {
	return standard.crop(img, box)
}

func (r recipe) crop(img pix.Image, box image.Rectangle) (pix.Image, error) {
	if err := img.Validate(); err != nil {
		return pix.Image{}, fmt.Errorf("cropping text: %w", err)
	}
	// Labels of data sets may name corners in any order and lie anywhere;
	// intersecting first keeps the arithmetic below within the image.
	in := box.Canon().Intersect(image.Rect(0, 0, img.W, img.H))
	switch {
	case in.Empty():
		return pix.Image{}, fmt.Errorf("cropping text: box %v has no pixel inside the %d×%d image", box, img.W, img.H)
	case in.Dx() < minSide || in.Dy() < minSide:
		return pix.Image{}, fmt.Errorf("cropping text: box %v has %d×%d pixels inside the %d×%d image, too few to hold text", box, in.Dx(), in.Dy(), img.W, img.H)
	}
	m := int(math.Round(r.pad * float64(in.Dy())))
	return img.Crop(in.Inset(-m)), nil
}

// minSide is the smallest width and height of a box that is read at all.
const minSide = 2

// encode turns a crop into the line image that is recognised: gray, scaled to
// the recipe's height, in the one format that Leptonica takes without decoding.
func (r recipe) encode(crop pix.Image) ([]byte, error) {
	if err := crop.Validate(); err != nil {
		return nil, fmt.Errorf("reading text: %w", err)
	}
	g := grayOf(crop)
	w := int(math.Round(float64(crop.W) * float64(r.height) / float64(crop.H)))
	// Narrower than high is not text on a line; the floor keeps a sliver from
	// shrinking to a width at which the network has nothing to look at.
	w = min(max(w, r.height/4), maxAspect*r.height)
	g = g.resize(w, r.height, r.filter)
	if r.upright && g.lightOnDark() {
		g.invert()
	}
	return g.spix(), nil
}

// gray is an 8-bit image of one channel.
type gray struct {
	w, h int
	pix  []uint8
}

// grayOf is the luma of ITU-R BT.601 in 16-bit fixed point, rounded to nearest:
// what Pillow's convert("L") yields.
func grayOf(m pix.Image) gray {
	g := gray{w: m.W, h: m.H, pix: make([]uint8, m.W*m.H)}
	for i := range g.pix {
		p := m.Pix[3*i : 3*i+3 : 3*i+3]
		g.pix[i] = uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
	}
	return g
}

func (g gray) invert() {
	for i, v := range g.pix {
		g.pix[i] = 255 - v
	}
}

// lightOnDark guesses the polarity: Otsu's threshold parts the image in two, and
// the part that holds most of the outermost pixels is the background.
func (g gray) lightOnDark() bool {
	var hist [256]int
	for _, v := range g.pix {
		hist[v]++
	}
	t := otsu(&hist)
	dark, all := 0, 0
	count := func(v uint8) {
		all++
		if int(v) <= t {
			dark++
		}
	}
	for x := range g.w {
		count(g.pix[x])
		count(g.pix[(g.h-1)*g.w+x])
	}
	for y := 1; y < g.h-1; y++ {
		count(g.pix[y*g.w])
		count(g.pix[y*g.w+g.w-1])
	}
	return 2*dark > all
}

// otsu returns the threshold t that maximises the variance between values ≤ t
// and values > t (Otsu 1979).
func otsu(hist *[256]int) int {
	var n, sum float64
	for v, c := range hist {
		n += float64(c)
		sum += float64(v) * float64(c)
	}
	best, at := -1.0, 127
	var n0, sum0 float64
	for v, c := range hist {
		n0 += float64(c)
		sum0 += float64(v) * float64(c)
		if n0 == 0 || n0 == n {
			continue
		}
		d := sum0/n0 - (sum-sum0)/(n-n0)
		if s := n0 * (n - n0) * d * d; s > best {
			best, at = s, v
		}
	}
	return at
}

// A filter is an interpolation kernel.
type filter struct {
	name    string
	support float64 // radius in source pixels at scale 1
	at      func(x float64) float64
}

var (
	linear = filter{"bilinear", 1, func(x float64) float64 { return max(0, 1-math.Abs(x)) }}
	// cubic is Keys' kernel with a = −1/2, also known as Catmull–Rom.
	cubic = filter{"bicubic", 2, func(x float64) float64 {
		x = math.Abs(x)
		switch {
		case x < 1:
			return (1.5*x-2.5)*x*x + 1
		case x < 2:
			return ((-0.5*x+2.5)*x-4)*x + 2
		}
		return 0
	}}
	lanczos = filter{"lanczos3", 3, func(x float64) float64 {
		if x == 0 {
			return 1
		}
		if x <= -3 || x >= 3 {
			return 0
		}
		x *= math.Pi
		return 3 * math.Sin(x) * math.Sin(x/3) / (x * x)
	}}
)

// taps are the weights of one output position, starting at source position lo.
type taps struct {
	lo int
	w  []float32
}

// taps computes the weights for scaling in samples to out; the kernel is widened
// when shrinking and renormalised at the ends.
func (f filter) taps(in, out int) []taps {
	scale := float64(in) / float64(out)
	wide := max(scale, 1)
	support := f.support * wide
	per := int(2*support) + 2
	all := make([]taps, out)
	room := make([]float32, 0, out*per)
	for i := range all {
		center := (float64(i) + .5) * scale
		lo := max(int(math.Floor(center-support+.5)), 0)
		hi := min(int(math.Floor(center+support+.5)), in)
		start, sum := len(room), float32(0)
		for s := lo; s < hi; s++ {
			w := float32(f.at((float64(s) + .5 - center) / wide))
			room = append(room, w)
			sum += w
		}
		w := room[start:len(room):len(room)]
		for j := range w {
			w[j] /= sum
		}
		all[i] = taps{lo, w}
	}
	return all
}

// resize scales to w by h: columns first, then rows, in 32-bit floats, rounded
// once at the end. Explicit conversions keep the compiler from fusing multiply
// and add, so that every architecture gives the same bytes.
func (g gray) resize(w, h int, f filter) gray {
	if w == g.w && h == g.h {
		return g
	}
	mid := make([]float32, g.w*h)
	for y, t := range f.taps(g.h, h) {
		row := mid[y*g.w : (y+1)*g.w]
		for j, c := range t.w {
			src := g.pix[(t.lo+j)*g.w:]
			src = src[:len(row)]
			for x := range row {
				row[x] += float32(c * float32(src[x]))
			}
		}
	}
	out := gray{w: w, h: h, pix: make([]uint8, w*h)}
	across := f.taps(g.w, w)
	for y := range h {
		row, dst := mid[y*g.w:(y+1)*g.w], out.pix[y*w:(y+1)*w]
		for x, t := range across {
			src := row[t.lo : t.lo+len(t.w)]
			var v float32
			for j, c := range t.w {
				v += float32(c * src[j])
			}
			dst[x] = uint8(min(max(v+.5, 0), 255))
		}
	}
	return out
}

// spixHeader is the size of the header of Leptonica's serialised image.
const spixHeader = 28

// spix writes the image as Leptonica keeps it in memory (spixio.c: "spix",
// width, height, depth, words a row, colours, bytes, then rows of 32-bit words,
// leftmost pixel in the highest byte; all words in the machine's own order).
// Leptonica reads it with one copy: 9 µs for a word of 261×48, where BMP takes
// 15, PGM 190 and PNG 415.
func (g gray) spix() []byte {
	words := (g.w + 3) / 4
	out := make([]byte, spixHeader+4*words*g.h)
	copy(out, "spix")
	ne := binary.NativeEndian
	for i, v := range []int{g.w, g.h, 8, words, 0, 4 * words * g.h} {
		ne.PutUint32(out[4+4*i:], uint32(v))
	}
	var last [4]byte
	for y := range g.h {
		src, dst := g.pix[y*g.w:(y+1)*g.w], out[spixHeader+4*words*y:]
		for ; len(src) >= 4; src, dst = src[4:], dst[4:] {
			ne.PutUint32(dst, binary.BigEndian.Uint32(src))
		}
		if len(src) > 0 {
			last = [4]byte{}
			copy(last[:], src)
			ne.PutUint32(dst, binary.BigEndian.Uint32(last[:]))
		}
	}
	return out
}

// blankLine is a white line image, for starting a client.
func blankLine(height int) []byte {
	g := gray{w: 2 * height, h: height, pix: make([]uint8, 2*height*height)}
	g.invert()
	return g.spix()
}
