package ocr

import (
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
)

// Ways to read a network's output, steps × classes.
const (
	// decodeCTC: the best class of every step, repeats merged, blanks removed (Graves 2006).
	decodeCTC = "ctc"
	// decodeAutoregressive: the best class of every step up to the end token. The decoder
	// is unrolled in the network.
	decodeAutoregressive = "autoregressive"
)

// A recogniser reads lines of text with a network in ONNX Runtime: an image of a fixed
// height goes in, scores of characters come out. Every crop is read alone: on a processor
// a batch is no faster, and a neighbour can change the last bits of a result.
type recogniser struct {
	net    *ort.Network
	name   string // of the engine
	layout layout
	chars  []string // by class, without the special one
	file   string   // name and digest
	run    string   // ONNX Runtime's version
	slots  chan struct{}
}

// A layout is everything that stands between a crop and a network's input, and between
// its output and a text.
type layout struct {
	decode     string
	height     int
	width      int // 0: as wide as the text, in multiples of step
	step       int
	stretch    bool   // to the whole width, whatever the aspect
	channels   string // "rgb", "bgr", "gray"
	mean, sdev []float32
	pad        float32 // what lies beside a crop, before mean and sdev
	special    string  // where the blank or the end token stands among the classes: "first", "last"
	padX, padY float64 // of the crop around the box, as shares of its height
}

// widest bounds the width of an input of any width: a longer line is squeezed.
const widest = 4096

// ppocr is the layout of PP-OCRv6's recognisers (PaddleOCR: RecResizeImg with BGR input,
// (x/255 − .5)/.5, zeros to the right), but for the width: there it is that of the widest
// crop of a batch, so that a reading depends on its neighbours; here a crop's own.
var ppocr = layout{
	decode: decodeCTC, height: 48, step: 32, channels: "bgr",
	mean: []float32{.5, .5, .5}, sdev: []float32{.5, .5, .5}, pad: .5,
	special: "first", padX: .1, padY: .15,
}

// computing is how many boxes are worth reading at once.
func (s setup) computing() int { return min(s.workers, runtime.GOMAXPROCS(0)) }

func newRecogniser(engine string, n *ort.Network, l layout, chars []string, file, version string, slots int) *recogniser {
	return &recogniser{net: n, name: engine, layout: l, chars: chars, file: file, run: version, slots: make(chan struct{}, slots)}
}

// Clients implements reader.
func (r *recogniser) Clients() int { return cap(r.slots) }

// Close implements reader.
func (r *recogniser) Close() error { return r.net.Close() }

// Provenance implements reader.
func (r *recogniser) Provenance() map[string]string {
	return map[string]string{
		"ocr." + r.name:             r.file,
		"ocr." + r.name + ".input":  r.layout.String(),
		"ocr." + r.name + ".engine": "ONNX Runtime " + r.run,
	}
}

// String describes the layout for a manifest.
func (l layout) String() string {
	width := fmt.Sprintf("multiples of %d", l.step)
	if l.width > 0 {
		width = fmt.Sprint(l.width)
	}
	fit := "aspect kept"
	if l.stretch {
		fit = "stretched"
	}
	return fmt.Sprintf("%s, %d high, width %s, %s, %s, mean %v, std %v, pad %g, margin %g,%g",
		l.decode, l.height, width, fit, l.channels, l.mean, l.sdev, l.pad, l.padX, l.padY)
}

func (r *recogniser) region(img pix.Image, box image.Rectangle) (image.Rectangle, error) {
	return region(img, box, r.layout.padX, r.layout.padY)
}

// ReadBox implements reader.
func (r *recogniser) ReadBox(ctx context.Context, img pix.Image, box image.Rectangle) (string, error) {
	at, err := r.region(img, box)
	if err != nil {
		return "", err
	}
	crop := img.Crop(at)
	if g := grayOf(crop); slices.Max(g.pix)-slices.Min(g.pix) < minContrast {
		return "", nil // as for Tesseract: a network sees letters in anything
	}
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the recogniser: %w", ctx.Err())
	}
	defer func() { <-r.slots }()
	in, w := r.layout.input(crop)
	var text string
	err = r.net.Run([]int64{1, int64(len(in) / (w * r.layout.height)), int64(r.layout.height), int64(w)}, in, func(out []ort.Output) error {
		var err error
		text, err = r.decode(out[0])
		return err
	})
	if errors.Is(err, ort.ErrClosed) {
		return "", ErrClosed
	}
	if err != nil {
		return "", fmt.Errorf("recognising a crop: %w", err)
	}
	return tidy(text), nil
}

// input is a crop as a network takes it: channel by channel, scaled with a bilinear
// filter that is widened when shrinking, and its width.
func (l layout) input(crop pix.Image) (data []float32, w int) {
	fit := func(side, of, to int) int { return max(int(math.Ceil(float64(side)*float64(to)/float64(of)-1e-9)), 1) }
	h := l.height
	inner := fit(crop.W, crop.H, h) // at full height
	switch {
	case l.width == 0:
		inner = min(inner, widest)
		w = (inner + l.step - 1) / l.step * l.step
	case l.stretch:
		w, inner = l.width, l.width
	default:
		w = l.width
		if inner > w { // too long: as wide as there is room, and lower
			inner, h = w, min(fit(crop.H, crop.W, w), h)
		}
	}
	planes := resizePlanes(crop, inner, h, linear)
	var order []int
	switch l.channels {
	case "bgr":
		order = []int{2, 1, 0}
	case "gray":
		planes = [][]float32{luma(planes)}
		order = []int{0}
	default:
		order = []int{0, 1, 2}
	}
	size := w * l.height
	data = make([]float32, len(order)*size)
	for c, from := range order {
		mean, scale := l.mean[c], 1/l.sdev[c]
		out := data[c*size : (c+1)*size]
		outside := float32(float32(l.pad-mean) * scale)
		for y := range l.height {
			row := out[y*w : (y+1)*w]
			n := 0
			if y < h {
				n = inner
				for x, v := range planes[from][y*inner : (y+1)*inner] {
					row[x] = float32(float32(v-mean) * scale)
				}
			}
			for x := n; x < w; x++ {
				row[x] = outside
			}
		}
	}
	return data, w
}

// luma is that of ITU-R BT.601.
func luma(rgb [][]float32) []float32 {
	out := make([]float32, len(rgb[0]))
	for i := range out {
		out[i] = float32(.299*rgb[0][i]) + float32(.587*rgb[1][i]) + float32(.114*rgb[2][i])
	}
	return out
}

// resizePlanes scales the three channels of an image, in 32-bit floats from 0 to 1.
func resizePlanes(m pix.Image, w, h int, f filter) [][]float32 {
	planes := make([][]float32, 3)
	down, across := f.taps(m.H, h), f.taps(m.W, w)
	mid := make([]float32, 3*m.W)
	for c := range planes {
		planes[c] = make([]float32, w*h)
	}
	for y, t := range down {
		clear(mid)
		for j, k := range t.w {
			src := m.Row(t.lo + j)[:len(mid)]
			for x := range mid {
				mid[x] += float32(k * float32(src[x]))
			}
		}
		for x, t := range across {
			var sum [3]float32
			for j, k := range t.w {
				p := mid[3*(t.lo+j):]
				p = p[:3]
				sum[0] += float32(k * p[0])
				sum[1] += float32(k * p[1])
				sum[2] += float32(k * p[2])
			}
			for c := range planes {
				planes[c][y*w+x] = min(max(sum[c]/255, 0), 1)
			}
		}
	}
	return planes
}

// decode turns the scores of one crop into a text.
func (r *recogniser) decode(out ort.Output) (string, error) {
	classes := len(r.chars) + 1
	if len(out.Shape) != 3 || out.Shape[0] != 1 || out.Shape[2] != int64(classes) {
		return "", fmt.Errorf("%s yields %v, want 1 × steps × %d: a class for each of the %d characters and one more", r.net.Name(), out.Shape, classes, len(r.chars))
	}
	special, shift := 0, 1
	if r.layout.special == "last" {
		special, shift = classes-1, 0
	}
	var b strings.Builder
	last := -1
	for t := 0; t < int(out.Shape[1]); t++ {
		best := argmax(out.Data[t*classes : (t+1)*classes])
		if best == special {
			if r.layout.decode == decodeAutoregressive {
				break
			}
			last = best
			continue
		}
		if r.layout.decode == decodeAutoregressive || best != last {
			b.WriteString(r.chars[best-shift])
		}
		last = best
	}
	return b.String(), nil
}

// argmax is the first of the largest.
func argmax(v []float32) int {
	best, at := float32(math.Inf(-1)), 0
	for i, x := range v {
		if x > best {
			best, at = x, i
		}
	}
	return at
}
