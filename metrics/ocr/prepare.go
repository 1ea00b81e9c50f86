package ocr

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/vtbench/vtbench/pix"
)

// A recipe is everything that stands between a crop and the text read from it.
// There is one for users, [standard]; benchmarks compare it with others.
type recipe struct {
	height        int     // of the line image, in pixels
	padX, padY    float64 // context around the box, as shares of its height
	filter        filter  // how the crop is scaled
	upright       bool    // turn light-on-dark text over before reading
	stretch       bool    // spread ink and paper to black and white before reading
	segmentation  int     // Tesseract's page segmentation mode
	variables     []variable
	initVariables []variable // those that Tesseract heeds only while starting
}

type variable struct{ name, value string }

// standard is the recipe behind every score; docs/ocr.md has the measurements
// that chose it. A change of anything here raises the version of the metrics.
var standard = recipe{
	height:  36,
	padX:    0.1,
	padY:    0.3,
	filter:  linear,
	upright: true,
	stretch: true,
	// Raw line: the whole crop goes into the network, with no search for lines and
	// words in it first. It reads words and lines of several words alike, so that
	// the reader need not be told which of them a label is.
	segmentation: 13,
	// Without the second reading of the inverted line that Tesseract does when it
	// is unsure; upright has done what that is for, at no cost.
	variables: []variable{{"invert_threshold", "0"}},
	// Without dictionaries. The name hides it, but this is the variable that
	// decides whether the LSTM reader loads them (tessedit.cpp); load_system_dawg
	// and its like only concern the reader of Tesseract 3.
	initVariables: []variable{{"lstm_use_matrix", "0"}},
}

// maxAspect bounds the width of a line image: a crop wider than this many times
// its height is squeezed. At .4 heights a character that is a line of 300
// characters, and it keeps the longest recognition at about a tenth of a second.
const maxAspect = 128

// Crop cuts the axis-aligned box out of an image together with a margin in
// proportion to its height, as far as the image reaches. A box that has less than
// two pixels of width or height inside the image cannot hold text and is an error.
func Crop(img pix.Image, box image.Rectangle) (pix.Image, error) {
	return standard.crop(img, box)
}

func (r recipe) crop(img pix.Image, box image.Rectangle) (pix.Image, error) {
	region, err := r.region(img, box)
	if err != nil {
		return pix.Image{}, err
	}
	return img.Crop(region), nil
}

// region is the part of an image that crop cuts out.
func (r recipe) region(img pix.Image, box image.Rectangle) (image.Rectangle, error) {
	return region(img, box, r.padX, r.padY)
}

// region is a box with a margin in proportion to its height, as far as the image reaches.
func region(img pix.Image, box image.Rectangle, padX, padY float64) (image.Rectangle, error) {
	if err := img.Validate(); err != nil {
		return image.Rectangle{}, fmt.Errorf("cropping text: %w", err)
	}
	// Labels of data sets may name corners in any order and lie anywhere;
	// intersecting first keeps the arithmetic below within the image.
	all := image.Rect(0, 0, img.W, img.H)
	in := box.Canon().Intersect(all)
	switch {
	case in.Empty():
		return in, fmt.Errorf("cropping text: box %v has no pixel inside the %d×%d image", box, img.W, img.H)
	case in.Dx() < minSide || in.Dy() < minSide:
		return in, fmt.Errorf("cropping text: box %v has %d×%d pixels inside the %d×%d image, too few to hold text", box, in.Dx(), in.Dy(), img.W, img.H)
	}
	mx := int(math.Round(padX * float64(in.Dy())))
	my := int(math.Round(padY * float64(in.Dy())))
	return image.Rect(in.Min.X-mx, in.Min.Y-my, in.Max.X+mx, in.Max.Y+my).Intersect(all), nil
}

// minSide is the smallest width and height of a box that is read at all.
const minSide = 2

// encode turns a crop into the line image that is recognised: gray, scaled to
// the recipe's height, in the one format that Leptonica takes without decoding.
// It is nil for a crop without contrast, in which the network would see things.
func (r recipe) encode(crop pix.Image) ([]byte, error) {
	if err := crop.Validate(); err != nil {
		return nil, fmt.Errorf("reading text: %w", err)
	}
	g := grayOf(crop)
	if slices.Max(g.pix)-slices.Min(g.pix) < minContrast {
		return nil, nil
	}
	w := int(math.Round(float64(crop.W) * float64(r.height) / float64(crop.H)))
	// Narrower than high is not text on a line; the floor keeps a sliver from
	// shrinking to a width at which the network has nothing to look at.
	w = min(max(w, r.height/4), maxAspect*r.height)
	g = g.resize(w, r.height, r.filter)
	if r.upright || r.stretch {
		c := g.classes()
		if r.upright && c.lightOnDark() {
			g.invert()
			c = c.inverted()
		}
		if r.stretch {
			g.stretch(c)
		}
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

// classes are the two sorts of pixels of an image, parted by Otsu's threshold.
type classes struct {
	dark, light     class
	sides, darkSide int // pixels at the left and right end of the text's rows, dark ones among them
}

type class struct {
	n          int
	mean, sdev float64
	lo, hi     int // extremes
}

func (g gray) classes() classes {
	var hist [256]int
	for _, v := range g.pix {
		hist[v]++
	}
	t := otsu(&hist)
	c := classes{dark: classOf(hist[:t+1], 0), light: classOf(hist[t+1:], t+1)}
	for y := g.h * 3 / 16; y < g.h-g.h*3/16; y++ { // without the margins above and below
		for _, v := range []uint8{g.pix[y*g.w], g.pix[y*g.w+g.w-1]} {
			c.sides++
			if int(v) <= t {
				c.darkSide++
			}
		}
	}
	return c
}

// classOf describes the pixels of a histogram whose first value is base.
func classOf(hist []int, base int) class {
	c := class{lo: -1}
	var sum, squares float64
	for i, k := range hist {
		if k == 0 {
			continue
		}
		v := base + i
		if c.lo < 0 {
			c.lo = v
		}
		c.hi = v
		c.n += k
		sum += float64(k * v)
		squares += float64(k * v * v)
	}
	if c.n == 0 {
		return class{}
	}
	n := float64(c.n)
	c.mean = sum / n
	c.sdev = math.Sqrt(max(squares/n-float64(c.mean*c.mean), 0))
	return c
}

// lightOnDark guesses the polarity: paper is what covers more than half, counted
// as the mean of its shares of the sides and of the whole. The whole alone fails on
// heavy type, the sides alone on slanted signs; above and below the text there may
// be the frame of a label or something else altogether.
func (c classes) lightOnDark() bool {
	sides, all := float64(c.darkSide)/float64(c.sides), float64(c.dark.n)/float64(c.dark.n+c.light.n)
	return sides+all > 1
}

// inverted are the classes of the inverted image.
func (c classes) inverted() classes {
	return classes{
		dark:     c.light.inverted(),
		light:    c.dark.inverted(),
		sides:    c.sides,
		darkSide: c.sides - c.darkSide,
	}
}

func (c class) inverted() class {
	return class{n: c.n, mean: 255 - c.mean, sdev: c.sdev, lo: 255 - c.hi, hi: 255 - c.lo}
}

// Limits of stretch.
const (
	darkest     = 2.0 // standard deviations of the ink, from its mean down, that become black
	grain       = 0.5 // standard deviations of the paper, from its mean down, that count as noise
	minContrast = 4   // gray levels between ink and paper, below which there is nothing to spread
)

// stretch maps the darkest ink to black and what is lighter than the paper's mean
// less half its standard deviation to white.
//
// The network does have a normalisation of its own, but it takes black from the
// lower quartile of the local minima in the middle row (networkio.cpp,
// ComputeBlackWhite): with the slightest grain in the paper most of these
// minima are paper, black comes out near white, and perfectly clear words are
// read as rubbish. Taking the mean of the ink for black would make small, blurred
// letters fat and run them together.
func (g gray) stretch(c classes) {
	lo, hi := max(c.dark.mean-darkest*c.dark.sdev, float64(c.dark.lo)), c.light.mean-grain*c.light.sdev
	if c.dark.n == 0 || c.light.n == 0 || hi-lo < minContrast {
		return
	}
	var table [256]uint8
	for v := range table {
		table[v] = uint8(min(max((float64(v)-lo)/(hi-lo)*255+.5, 0), 255))
	}
	for i, v := range g.pix {
		g.pix[i] = table[v]
	}
}

// otsu returns the threshold t that maximises the variance between values ≤ t
// and values > t (Otsu 1979).
func otsu(hist *[256]int) int {
	var n, sum float64
	for v, k := range hist {
		n += float64(k)
		sum += float64(v * k)
	}
	best, at := -1.0, 127
	var n0, sum0 float64
	for v, k := range hist {
		n0 += float64(k)
		sum0 += float64(v * k)
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
