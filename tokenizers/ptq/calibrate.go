package ptq

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// What networks are calibrated on.
const (
	calibrationImages = 8 // of photographs, and as many of text
	calibrationSide   = 128
	calibrationSeed   = 20220325
	positions         = 1024 // of an image, whose inputs a layer is calibrated on
	channelSamples    = 128  // numbers of a channel and an image for ranges of activations
)

// calibrationSet are images to calibrate on, of a size that the tokenizer takes: crops of
// the packaged photographs whose role is to fit, and pages of random letters in typefaces
// that no data set draws with; or images drawn from statistics alone.
func calibrationSet(in tokenizers.Info, synthetic bool) ([]pix.Image, error) {
	side := calibrationSide
	if m := max(1, in.MultipleOf); side%m != 0 {
		side += m - side%m
	}
	side = max(side, in.MinSide)
	w, h := side, side
	if in.FixedW > 0 {
		w = in.FixedW
	}
	if in.FixedH > 0 {
		h = in.FixedH
	}
	if err := in.Accepts(w, h); err != nil {
		return nil, fmt.Errorf("choosing the size of images to calibrate on: %w", err)
	}
	kept := struct {
		w, h      int
		synthetic bool
	}{w, h, synthetic}
	calibration.mu.Lock()
	defer calibration.mu.Unlock()
	if images, ok := calibration.images[kept]; ok {
		return images, nil
	}
	images, err := drawSet(w, h, synthetic)
	if err != nil {
		return nil, err
	}
	if calibration.images == nil {
		calibration.images = map[any][]pix.Image{}
	}
	calibration.images[kept] = images
	return images, nil
}

// calibration keeps images, which decoding large photographs takes longer for than looking
// a quantized network up.
var calibration struct {
	mu     sync.Mutex
	images map[any][]pix.Image
}

func drawSet(w, h int, synthetic bool) ([]pix.Image, error) {
	if synthetic {
		return quant.SyntheticImages(2*calibrationImages, w, h, calibrationSeed)
	}
	photographs := assets.Photographs(assets.Fit)
	rng := rand.New(rand.NewPCG(calibrationSeed, 0x70747163))
	var out []pix.Image
	for i := range calibrationImages { // one at a time: they have tens of megapixels
		m, err := sample.Photograph(photographs[i%len(photographs)])
		if err != nil {
			return nil, err
		}
		m = sample.Shrink(m, 4*max(w, h))
		out = append(out, crop(m, rng.IntN(max(1, m.W-w+1)), rng.IntN(max(1, m.H-h+1)), w, h))
	}
	text, err := sample.NewText(calibrationSeed)
	if err != nil {
		return nil, err
	}
	for range calibrationImages {
		page, err := text.Page(w, h)
		if err != nil {
			return nil, err
		}
		out = append(out, page)
	}
	return out, nil
}

// crop cuts a part out; beyond the edges an image repeats.
func crop(m pix.Image, x0, y0, w, h int) pix.Image {
	out := pix.New(w, h)
	for y := range h {
		from, to := m.Row((y0+y)%m.H), out.Row(y)
		for x := range w {
			copy(to[3*x:3*x+3], from[3*((x0+x)%m.W):])
		}
	}
	return out
}

// imagesDigest is the hex SHA-256 of images.
func imagesDigest(images []pix.Image) string {
	h := sha256.New()
	for _, m := range images {
		_, _ = fmt.Fprintf(h, "%d %d ", m.W, m.H) // hashes do not fail
		h.Write(m.Pix)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// observed is what a value within a graph is called in its copy with more outputs.
func observed(value string) string { return "vtbench/" + value }

// exposed is a copy of the graphs with values as outputs, in float32.
func exposed(graphs []onnx.Graph, values [][]string) ([]onnx.Graph, [][]string, error) {
	out := make([]onnx.Graph, len(graphs))
	names := make([][]string, len(graphs))
	for g, graph := range graphs {
		m, err := onnxfile.Parse(graph.Data)
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", graph.Name, err)
		}
		for _, v := range values[g] {
			name := observed(v)
			if slices.Contains(names[g], name) {
				continue
			}
			m.Append(&onnxpb.NodeProto{
				OpType: proto.String("Cast"), Input: []string{v}, Output: []string{name},
				Attribute: []*onnxpb.AttributeProto{{
					Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(onnxpb.TensorProto_FLOAT)),
				}},
			})
			m.AddOutput(name)
			names[g] = append(names[g], name)
		}
		data, err := m.Bytes()
		if err != nil {
			return nil, nil, err
		}
		out[g] = onnx.Graph{Name: graph.Name, Data: data}
	}
	return out, names, nil
}

// statistics are what calibration found of the inputs of one layer.
type statistics struct {
	h      []float64 // second moments, cols×cols
	weight float64   // rows that they are the mean of
	ranges *ranges   // nil where activations keep their numbers
}

// ranges are samples of the channels of an activation.
type ranges struct {
	low, high []float64 // of every channel
	samples   [][]float32
}

// gram computes products XᵀX of rows of numbers, in ONNX Runtime.
type gram struct{ net *ort.Network }

func newGram(library string) (*gram, error) {
	m, err := onnxfile.New(13, "g",
		&onnxpb.NodeProto{OpType: proto.String("Transpose"), Input: []string{"x"}, Output: []string{"t"}},
		&onnxpb.NodeProto{OpType: proto.String("MatMul"), Input: []string{"t", "x"}, Output: []string{"g"}},
	)
	if err != nil {
		return nil, err
	}
	m.AddInput("x", 0, 0)
	data, err := m.Bytes()
	if err != nil {
		return nil, err
	}
	net, err := ort.OpenNetwork("the product of second moments", data, library)
	if err != nil {
		return nil, err
	}
	return &gram{net}, nil
}

// add adds the product of rows of cols numbers.
func (g *gram) add(to []float64, rows []float32, cols int) error {
	return g.net.Run([]int64{int64(len(rows) / cols), int64(cols)}, rows, func(out []ort.Output) error {
		for i, v := range out[0].Data {
			to[i] += float64(v)
		}
		return nil
	})
}

// observation is a run of the calibration images through graphs.
type observation struct {
	t      onnx.Editable
	n      *network
	images []pix.Image
	gram   *gram
	// importance are maps of how much places of the images count; nil: all alike.
	importance [][]float64
}

// maxMoments bounds the second moments of one layer: 8192² numbers are half a gigabyte.
const maxMoments = 8192

// moments finds the second moments of the inputs of layers, and ranges where they are
// asked for.
func (o *observation) moments(ctx context.Context, layers []*layer, ranged bool) ([]*statistics, error) {
	graphs, err := o.n.bytes()
	if err != nil {
		return nil, err
	}
	out := make([]*statistics, len(layers))
	values := make([][]string, len(graphs))
	type reader struct {
		layer int
		use   use
	}
	readers := make([]map[string][]reader, len(graphs))
	for g := range readers {
		readers[g] = map[string][]reader{}
	}
	for i, l := range layers {
		out[i] = &statistics{}
		if l.Cols <= maxMoments {
			out[i].h = make([]float64, l.Cols*l.Cols)
		}
		for _, u := range l.uses {
			values[l.graph] = append(values[l.graph], u.input)
			name := observed(u.input)
			readers[l.graph][name] = append(readers[l.graph][name], reader{i, u})
		}
	}
	shown, names, err := exposed(graphs, values)
	if err != nil {
		return nil, err
	}
	err = o.t.Observe(ctx, shown, names, o.images, func(image, g int, name string, shape []int64, data []float32) error {
		for _, r := range readers[g][name] {
			l, s := layers[r.layer], out[r.layer]
			if ranged {
				if s.ranges == nil {
					s.ranges = &ranges{}
				}
				if err := s.ranges.add(shape, data, r.use.channel, seedOf(image, name)); err != nil {
					return fmt.Errorf("%s: %w", o.n.label(l), err)
				}
			}
			if s.h == nil {
				continue
			}
			rows, err := o.rows(l, r.use, image, shape, data)
			if err != nil {
				return fmt.Errorf("%s: %w", o.n.label(l), err)
			}
			if len(rows) == 0 {
				continue
			}
			if err := o.gram.add(s.h, rows, l.Cols); err != nil {
				return err
			}
			s.weight += float64(len(rows) / l.Cols)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("calibrating: %w", err)
	}
	for i, s := range out {
		if s.h == nil {
			continue
		}
		if s.weight == 0 {
			return nil, fmt.Errorf("calibrating: %s was given no numbers", o.n.label(layers[i]))
		}
		for k := range s.h {
			s.h[k] /= s.weight
			if math.IsNaN(s.h[k]) || math.IsInf(s.h[k], 0) {
				return nil, fmt.Errorf("calibrating: an input of %s has a second moment of %v", o.n.label(layers[i]), s.h[k])
			}
		}
	}
	return out, nil
}

// seedOf draws the same places of an image for the same value, whatever the order.
func seedOf(image int, name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // hashes do not fail
	return h.Sum64() + uint64(image)
}

// rows gathers the inputs of a layer at some of the positions of an image.
func (o *observation) rows(l *layer, u use, image int, shape []int64, data []float32) ([]float32, error) {
	w, err := newWindow(u, l.Cols, shape)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(calibrationSeed, seedOf(image, u.input)))
	n := min(positions, w.places)
	out := make([]float32, n*l.Cols)
	weights := make([]float64, n)
	for i := range n {
		at := i
		if n < w.places {
			at = rng.IntN(w.places)
		}
		row := out[i*l.Cols:][:l.Cols]
		w.gather(row, data, at, i%u.groups)
		weights[i] = 1
		if o.importance != nil {
			weights[i] = o.importance[image][w.inMap(at, len(o.importance[image]))]
		}
	}
	if o.importance != nil {
		// Scaled to a mean of one, as RSQ does; each row by the root, since moments are
		// squares.
		var mean float64
		for _, v := range weights {
			mean += v / float64(n)
		}
		for i, v := range weights {
			by := float32(math.Sqrt(v / mean))
			for j := range l.Cols {
				out[i*l.Cols+j] *= by
			}
		}
	}
	return out, nil
}

// A window reads the inputs of a layer at a position.
type window struct {
	places int // positions in all
	cols   int
	// Of a convolution: sides of input and output, and geometry; nil for products.
	conv           *convolution
	channels       int // of a group
	in, out, first []int
	plane          int // numbers of a channel
	// Of products: numbers between one input and the next, and between positions.
	inner int
}

// newWindow works out where the inputs of a position lie in an activation.
func newWindow(u use, cols int, shape []int64) (*window, error) {
	dims := make([]int, len(shape))
	for i, d := range shape {
		dims[i] = int(d)
	}
	w := &window{cols: cols, conv: u.conv}
	if u.conv == nil {
		axis := u.channel + len(dims)
		if axis < 0 || axis >= len(dims) || dims[axis] != cols {
			return nil, fmt.Errorf("its input has shape %v: want %d numbers along axis %d", dims, cols, u.channel)
		}
		w.inner, w.places = 1, 1
		for i, d := range dims {
			if i > axis {
				w.inner *= d
			}
			if i != axis {
				w.places *= d
			}
		}
		return w, nil
	}
	axes := len(u.conv.kernel)
	if len(dims) != axes+2 || dims[1]%u.groups != 0 {
		return nil, fmt.Errorf("its input has shape %v: want %d axes and channels in %d groups", dims, axes+2, u.groups)
	}
	w.channels, w.in, w.plane, w.places = dims[1]/u.groups, dims[2:], 1, 1
	size := 1
	for _, k := range u.conv.kernel {
		size *= k
	}
	if u.conv.transposed {
		size = 1
	}
	if w.channels*size != cols {
		return nil, fmt.Errorf("its input has shape %v: want %d channels", dims, cols/size*u.groups)
	}
	for i, d := range w.in {
		w.plane *= d
		if u.conv.transposed { // every input is multiplied by all of the kernel
			w.out, w.first = append(w.out, d), append(w.first, 0)
			w.places *= d
			continue
		}
		reach := u.conv.dilations[i]*(u.conv.kernel[i]-1) + 1
		before, after := u.conv.pads[i], u.conv.pads[axes+i]
		switch u.conv.auto {
		case "SAME_UPPER", "SAME_LOWER":
			all := max(0, ((d+u.conv.strides[i]-1)/u.conv.strides[i]-1)*u.conv.strides[i]+reach-d)
			before, after = all/2, all-all/2
			if u.conv.auto == "SAME_LOWER" {
				before, after = after, before
			}
		case "VALID":
			before, after = 0, 0
		}
		n := (d+before+after-reach)/u.conv.strides[i] + 1
		if d+before+after < reach || n < 1 {
			return nil, fmt.Errorf("its input of %v is smaller than its kernel %v", w.in, u.conv.kernel)
		}
		w.out, w.first = append(w.out, n), append(w.first, -before)
		w.places *= n
	}
	return w, nil
}

// gather reads the inputs at a position, of one group of channels; those beyond the edge
// are zero.
func (w *window) gather(row, data []float32, at, group int) {
	if w.conv == nil {
		base := at/w.inner*w.inner*w.cols + at%w.inner
		for j := range row {
			row[j] = data[base+j*w.inner]
		}
		return
	}
	data = data[group*w.channels*w.plane:]
	place := make([]int, len(w.in))
	for i := len(w.out) - 1; i >= 0; i-- {
		place[i] = at % w.out[i]
		at /= w.out[i]
	}
	size := len(row) / w.channels
	offsets := make([]int, size)
	for k := range offsets {
		left, stride := k, 1
		for i := len(w.in) - 1; i >= 0; i-- {
			x := place[i]
			if !w.conv.transposed {
				x = place[i]*w.conv.strides[i] + w.first[i] + left%w.conv.kernel[i]*w.conv.dilations[i]
				left /= w.conv.kernel[i]
			}
			if x < 0 || x >= w.in[i] {
				offsets[k] = -1
				break
			}
			offsets[k] += x * stride
			stride *= w.in[i]
		}
	}
	for c := range w.channels {
		for k, at := range offsets {
			v := float32(0)
			if at >= 0 {
				v = data[c*w.plane+at]
			}
			row[c*size+k] = v
		}
	}
}

// inMap is the place in a square map of n numbers that belongs to a position.
func (w *window) inMap(at, n int) int {
	side := int(math.Sqrt(float64(n)))
	var h, wide int
	if w.conv != nil && len(w.out) == 2 {
		h, wide = w.out[0], w.out[1]
	} else { // tokens of a square image, row by row
		h = int(math.Sqrt(float64(w.places)))
		wide = h
		if h == 0 || h*wide != w.places {
			return at * n / w.places
		}
	}
	return min(at/wide*side/h, side-1)*side + at%wide*side/wide
}

// add takes samples of an activation.
func (r *ranges) add(shape []int64, data []float32, channel int, seed uint64) error {
	axis := channel
	if axis < 0 {
		axis += len(shape)
	}
	if axis < 0 || axis >= len(shape) || len(data) == 0 {
		return fmt.Errorf("its input has shape %v", shape)
	}
	n, inner := int(shape[axis]), 1
	for _, d := range shape[axis+1:] {
		inner *= int(d)
	}
	if r.samples == nil {
		r.samples = make([][]float32, n)
		r.low, r.high = make([]float64, n), make([]float64, n)
		for c := range n {
			r.low[c], r.high[c] = math.Inf(1), math.Inf(-1)
		}
	}
	if len(r.samples) != n {
		return fmt.Errorf("its input has %d channels in one image and %d in another", len(r.samples), n)
	}
	for i, v := range data {
		c := i / inner % n
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("its input holds %v", v)
		}
		r.low[c], r.high[c] = min(r.low[c], float64(v)), max(r.high[c], float64(v))
	}
	rng := rand.New(rand.NewPCG(calibrationSeed, seed))
	outer := len(data) / inner / n
	for c := range n {
		for range min(channelSamples, outer*inner) {
			at := rng.IntN(outer * inner)
			r.samples[c] = append(r.samples[c], data[(at/inner*n+c)*inner+at%inner])
		}
	}
	return nil
}

// bits is the entropy of an activation in 256 equal parts of its range.
func (r *ranges) bits() float64 {
	lo, hi := slices.Min(r.low), slices.Max(r.high)
	var counts [256]float64
	total := 0.0
	for _, s := range r.samples {
		for _, v := range s {
			k := 0
			if hi > lo {
				k = min(int((float64(v)-lo)/(hi-lo)*256), 255)
			}
			counts[k]++
			total++
		}
	}
	var sum float64
	for _, c := range counts {
		if c > 0 {
			sum -= c / total * math.Log2(c/total)
		}
	}
	return sum
}

// importanceOf maps images to how much each place counts for text: the energy of the
// luma's gradient, in squares of 4 pixels, from the least to the most of the image to
// [.005, 1] (RSQ, arXiv:2503.01820, with edges in place of attention).
func importanceOf(images []pix.Image) ([][]float64, error) {
	out := make([][]float64, len(images))
	for i, m := range images {
		const cell = 4
		side := min(m.W, m.H) / cell
		if side == 0 {
			return nil, errors.New("images of fewer than 4 pixels have no edges")
		}
		energy := make([]float64, side*side)
		luma := func(x, y int) float64 {
			p := m.Row(min(y, m.H-1))[3*min(x, m.W-1):]
			return .299*float64(p[0]) + .587*float64(p[1]) + .114*float64(p[2])
		}
		for y := range m.H {
			for x := range m.W {
				dx, dy := luma(x+1, y)-luma(x, y), luma(x, y+1)-luma(x, y)
				energy[min(y*side/m.H, side-1)*side+min(x*side/m.W, side-1)] += dx*dx + dy*dy
			}
		}
		lo, hi := slices.Min(energy), slices.Max(energy)
		for k, e := range energy {
			energy[k] = 1
			if hi > lo {
				energy[k] = .005 + .995*(e-lo)/(hi-lo)
			}
		}
		out[i] = energy
	}
	return out, nil
}
