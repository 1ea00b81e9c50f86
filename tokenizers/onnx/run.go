package onnx

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// far is how many widths of its range a value may lie outside before it is
// another range and not overshoot.
const far = 10

// Reconstruct implements tokenizers.Tokenizer.
func (t *Tokenizer) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	err := t.each(ctx, in, func(i int, err error) { out[i].Err = err }, func(at []int) error {
		batch := make([][]pix.Image, len(at))
		for k, i := range at {
			batch[k] = t.still(in[i])
		}
		got, err := t.batch(ctx, batch)
		if err != nil {
			return err
		}
		for k, i := range at {
			if out[i].Err = got[k].err; got[k].err == nil {
				r := got[k].clip
				out[i] = tokenizers.Reconstruction{Image: r.Frames[0], Codes: r.Codes, Encode: r.Encode, Decode: r.Decode}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// still is what a graph gets of an image: of clips as many equal frames as it takes at least.
func (t *Tokenizer) still(m pix.Image) []pix.Image {
	if !t.in.clips() {
		return []pix.Image{m}
	}
	return slices.Repeat([]pix.Image{m}, t.info.Clips.Frames(1))
}

// each calls do for batches of images of one size, and image by image where a
// batch fails. Its error is ctx's.
func (t *Tokenizer) each(ctx context.Context, in []pix.Image, fail func(int, error), do func(at []int) error) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return errors.New("onnx: the tokenizer is closed")
	}
	type size struct{ w, h int }
	var order []size
	groups := map[size][]int{}
	for i, m := range in {
		err := m.Validate()
		if err == nil {
			err = t.info.Accepts(m.W, m.H)
		}
		if err != nil {
			fail(i, fmt.Errorf("onnx: %w", err))
			continue
		}
		s := size{m.W, m.H}
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], i)
	}
	for _, s := range order {
		for at := range slices.Chunk(groups[s], t.info.BatchSize) {
			if err := ctx.Err(); err != nil {
				return err
			}
			err := do(at)
			if err == nil {
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if len(at) == 1 {
				fail(at[0], err)
				continue
			}
			for k := range at {
				if err := do(at[k : k+1]); err != nil {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					fail(at[k], err)
				}
			}
		}
	}
	return nil
}

// A result is what became of one item of a batch: an image, which has one frame, or a window.
type result struct {
	clip tokenizers.ClipReconstruction
	err  error
}

// batch runs items of one size and length through the graphs.
func (t *Tokenizer) batch(ctx context.Context, in [][]pix.Image) ([]result, error) {
	n := max(len(in), t.fixed)
	began := time.Now()
	tokens, err := t.encode(ctx, in, n)
	if err != nil {
		return nil, err
	}
	defer tokens.free()
	encoded := time.Now()
	var image ortlib.Value
	if t.dec == nil {
		image = tokens.get(t.out.tensor.name)
	} else {
		feed := make([]ortlib.Value, len(t.wires))
		for i, w := range t.wires {
			feed[i] = tokens.get(w)
		}
		decoded, err := t.dec.run(ctx, feed)
		if err != nil {
			return nil, err
		}
		defer decoded.free()
		image = decoded.get(t.out.tensor.name)
	}
	done := time.Now()
	images, errs, err := t.out.images(image, n, len(in), len(in[0]), in[0][0].W, in[0][0].H)
	if err != nil {
		return nil, err
	}
	codes, err := t.codes(tokens, n, len(in))
	if err != nil {
		return nil, err
	}
	out := make([]result, len(in))
	for i := range out {
		r := &out[i]
		if r.err = errs[i]; r.err != nil {
			continue
		}
		r.clip = tokenizers.ClipReconstruction{Frames: images[i], Codes: codes[i]}
		if err := codes[i].Validate(); err != nil {
			r.err = fmt.Errorf("onnx: ids of %v: %w: is codebooks right in the sidecar?", t.side.Codes, err)
			continue
		}
		if t.dec != nil { // one graph does not say where it encodes and where it decodes
			r.clip.Encode = encoded.Sub(began) / time.Duration(len(in))
			r.clip.Decode = done.Sub(encoded) / time.Duration(len(in))
		}
	}
	return out, nil
}

// encode runs the first graph on n items; those beyond the batch repeat the last.
func (t *Tokenizer) encode(ctx context.Context, in [][]pix.Image, n int) (*values, error) {
	v, err := t.in.value(in, n)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: input %q: %w", t.enc.file, t.in.tensor.name, err)
	}
	defer destroy(v)
	return t.enc.run(ctx, []ortlib.Value{v})
}

// values are the outputs of one call.
type values struct {
	g *graph
	v []ortlib.Value
}

func (v *values) get(name string) ortlib.Value {
	return v.v[slices.IndexFunc(v.g.outputs, func(t tensor) bool { return t.name == name })]
}

func (v *values) free() {
	for _, x := range v.v {
		destroy(x)
	}
}

func destroy(v ortlib.Value) {
	if v != nil {
		_ = v.Destroy() // only fails when it was destroyed before
	}
}

// run calls the graph; cancelling ctx ends it.
func (g *graph) run(ctx context.Context, in []ortlib.Value) (*values, error) {
	opts, err := ortlib.NewRunOptions()
	if err != nil {
		return nil, fmt.Errorf("onnx: running %s: %w", g.file, err)
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		_ = opts.Terminate() // it fails only on options that were freed
	})
	out := make([]ortlib.Value, len(g.outputs))
	err = g.session.RunWithOptions(in, out, opts)
	if !stop() {
		<-ended // the options must outlive the call that uses them
	}
	err = errors.Join(err, opts.Destroy())
	v := &values{g, out}
	if ctx.Err() != nil {
		v.free()
		return nil, ctx.Err()
	}
	if err != nil {
		v.free()
		return nil, fmt.Errorf("onnx: running %s: %w", g.file, err)
	}
	return v, nil
}

// dims is the shape of a tensor of n items of so many frames.
func (b imageTensor) dims(n, frames, w, h int) []int64 {
	out := make([]int64, len(b.layout))
	for i, axis := range b.layout {
		out[i] = int64(map[rune]int{'N': n, 'C': 3, 'T': frames, 'H': h, 'W': w}[axis])
	}
	return out
}

// steps are how far apart items, frames, rows, columns and channels lie.
type steps struct{ item, frame, row, col, ch int }

// steps of a tensor with frames of that size.
func (b imageTensor) steps(frames, w, h int) steps {
	dims := b.dims(1, frames, w, h)
	step := map[byte]int{}
	n := 1
	for i := len(dims) - 1; i >= 0; i-- {
		step[b.layout[i]] = n
		n *= int(dims[i])
	}
	return steps{item: step['N'], frame: step['T'], row: step['H'], col: step['W'], ch: step['C']}
}

// channel is where R, G, B lie.
func (b imageTensor) channel(c int) int {
	if b.bgr {
		return 2 - c
	}
	return c
}

// value makes the input tensor of n items; those beyond the batch repeat the last.
func (b imageTensor) value(in [][]pix.Image, n int) (ortlib.Value, error) {
	frames, w, h := len(in[0]), in[0][0].W, in[0][0].H
	shape, size := ortlib.NewShape(b.dims(n, frames, w, h)...), n*frames*3*w*h
	if b.tensor.dtype == ortlib.TensorElementDataTypeUint8 {
		data := make([]uint8, size)
		fill(b, data, in, n, func(lut *[256]uint8, a affine) {
			for v := range lut {
				lut[v] = clampByte(float64(v)*a.scale + a.shift)
			}
		})
		return ortlib.NewTensor(shape, data)
	}
	data := make([]float32, size)
	fill(b, data, in, n, func(lut *[256]float32, a affine) {
		for v := range lut {
			lut[v] = float32(float64(v)*a.scale + a.shift)
		}
	})
	return ortlib.NewTensor(shape, data)
}

// fill converts items through a table: a byte has 256 values.
func fill[T any](b imageTensor, dst []T, in [][]pix.Image, n int, table func(*[256]T, affine)) {
	at := b.steps(len(in[0]), in[0][0].W, in[0][0].H)
	var lut [256]T
	for c := range 3 {
		table(&lut, b.scales[c])
		for i := range n {
			for f, m := range in[min(i, len(in)-1)] {
				from := i*at.item + f*at.frame + b.channel(c)*at.ch
				for y := range m.H {
					src := m.Row(y)
					k := from + y*at.row
					for x := c; x < len(src); x += 3 {
						dst[k] = lut[src[x]]
						k += at.col
					}
				}
			}
		}
	}
}

func clampByte(v float64) uint8 { return uint8(min(max(math.Floor(v+0.5), 0), 255)) }

// images reads the output tensor: the frames of the first want items. One error for all
// means that it is no batch of them; errs are those of single items.
func (b imageTensor) images(v ortlib.Value, n, want, frames, w, h int) (out [][]pix.Image, errs []error, err error) {
	shape := ortlib.NewShape(b.dims(n, frames, w, h)...)
	if got := v.GetShape(); !got.Equals(shape) {
		what, mend := "images", "pad inside the graph, or say multiple_of in the sidecar"
		if b.clips() {
			what, mend = fmt.Sprintf("windows of %d frames", frames), mend+"; clips says which numbers of frames it takes"
		}
		return nil, nil, fmt.Errorf("onnx: output %q has shape %v for %d %s of %d×%d: want %v (%s)", b.tensor.name, []int64(got), n, what, w, h, []int64(shape), mend)
	}
	out, errs = make([][]pix.Image, want), make([]error, want)
	at := b.steps(frames, w, h)
	for i := range out {
		out[i] = make([]pix.Image, frames)
		for f := range frames {
			from := i*at.item + f*at.frame
			switch t := v.(type) {
			case *ortlib.Tensor[uint8]:
				out[i][f] = b.bytes(t.GetData()[from:], at, w, h)
			case *ortlib.Tensor[float32]:
				if out[i][f], err = b.floats(t.GetData()[from:], at, w, h); err != nil && errs[i] == nil {
					if errs[i] = err; b.clips() {
						errs[i] = fmt.Errorf("frame %d of the window: %w", f, err)
					}
				}
			default:
				return nil, nil, fmt.Errorf("onnx: output %q is a %T where %s was announced", b.tensor.name, v, typeName(b.tensor.dtype))
			}
		}
	}
	return out, errs, nil
}

// bytes converts one frame of bytes, which starts at data[0].
func (b imageTensor) bytes(data []uint8, at steps, w, h int) pix.Image {
	m := pix.New(w, h)
	for c := range 3 {
		a := b.scales[c]
		var lut [256]uint8
		for v := range lut {
			lut[v] = clampByte((float64(v) - a.shift) / a.scale)
		}
		for y := range h {
			dst, k := m.Row(y), b.channel(c)*at.ch+y*at.row
			for x := c; x < len(dst); x += 3 {
				dst[x] = lut[data[k]]
				k += at.col
			}
		}
	}
	return m
}

// floats converts one frame, which starts at data[0], by rounding to nearest.
func (b imageTensor) floats(data []float32, at steps, w, h int) (pix.Image, error) {
	m := pix.New(w, h)
	for c := range 3 {
		a := b.scales[c]
		scale, shift := float32(1/a.scale), float32(-a.shift/a.scale+0.5)
		for y := range h {
			dst, k := m.Row(y), b.channel(c)*at.ch+y*at.row
			for x := c; x < len(dst); x += 3 {
				v := data[k]*scale + shift
				k += at.col
				switch {
				case v >= 0 && v < 256:
					dst[x] = uint8(v)
				case v >= 256 && v <= 255*(far+1):
					dst[x] = 255
				case v < 0 && v >= -255*far:
				default: // NaN, infinite, or another range altogether
					raw := data[k-at.col]
					if notFinite(raw) {
						return pix.Image{}, fmt.Errorf("onnx: output %q holds %v at row %d, column %d", b.tensor.name, raw, y, x/3)
					}
					return pix.Image{}, fmt.Errorf("onnx: output %q holds %g at row %d, column %d, far outside what range, mean and std in the sidecar say", b.tensor.name, raw, y, x/3)
				}
			}
		}
	}
	return m, nil
}

func notFinite(f float32) bool { return math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) }

// codes reads the ids of the first want images.
func (t *Tokenizer) codes(v *values, n, want int) ([]*tokenizers.Codes, error) {
	out := make([]*tokenizers.Codes, want)
	if len(t.side.Codes) == 0 {
		return out, nil
	}
	for i := range out {
		out[i] = &tokenizers.Codes{}
	}
	for k, name := range t.side.Codes {
		ids, shape, err := integers(v.get(name))
		if err != nil {
			return nil, fmt.Errorf("onnx: %s: output %q: %w", v.g.file, name, err)
		}
		if len(shape) < 2 || shape[0] != n {
			return nil, fmt.Errorf("onnx: %s: output %q holds ids of shape %v for %d images: want the batch as its first axis and a grid behind it", v.g.file, name, shape, n)
		}
		books, axis := 1, 0
		if len(t.side.Codes) == 1 && len(t.side.Codebooks) > 1 {
			books, axis = len(t.side.Codebooks), t.side.BooksAxis
			if axis >= len(shape) || shape[axis] != books {
				return nil, fmt.Errorf("onnx: %s: output %q has shape %v: want %d codebooks along axis %d", v.g.file, name, shape, books, axis)
			}
		}
		grid := slices.Clone(shape[1:])
		if axis > 0 {
			grid = slices.Delete(grid, axis-1, axis)
		}
		if len(grid) == 0 {
			grid = []int{1}
		}
		each := len(ids) / n
		inner := 1 // ids behind one step of the books' axis
		for _, s := range shape[axis+1:] {
			inner *= s
		}
		for i := range out {
			mine := ids[i*each : (i+1)*each]
			for b := range books {
				book := tokenizers.Book{Size: t.side.Codebooks[k+b], Shape: grid}
				if books == 1 {
					book.IDs = slices.Clone(mine)
				} else {
					for at := b * inner; at < each; at += books * inner {
						book.IDs = append(book.IDs, mine[at:at+inner]...)
					}
				}
				out[i].Books = append(out[i].Books, book)
			}
		}
	}
	return out, nil
}

// integers reads an int64 or int32 tensor.
func integers(v ortlib.Value) (ids []int32, shape []int, err error) {
	for _, s := range v.GetShape() {
		shape = append(shape, int(s))
	}
	switch t := v.(type) {
	case *ortlib.Tensor[int32]:
		return t.GetData(), shape, nil
	case *ortlib.Tensor[int64]:
		ids = make([]int32, len(t.GetData()))
		for i, id := range t.GetData() {
			if id < math.MinInt32 || id > math.MaxInt32 {
				return nil, nil, fmt.Errorf("id %d at position %d is beyond 32 bits", id, i)
			}
			ids[i] = int32(id)
		}
		return ids, shape, nil
	}
	return nil, nil, fmt.Errorf("a %T is no tensor of ids", v)
}

// The optional interfaces, as the graphs have them.
type (
	decoder struct{ t *Tokenizer }
	latents struct{ t *Tokenizer }
	windows struct{ t *Tokenizer }
)

// withAbilities returns the tokenizer with the optional interfaces it has.
func (t *Tokenizer) withAbilities() tokenizers.Tokenizer {
	switch [3]bool{t.decodes, t.side.Latent != "", t.in.clips()} {
	case [3]bool{true, true, true}:
		return struct {
			*Tokenizer
			decoder
			latents
			windows
		}{t, decoder{t}, latents{t}, windows{t}}
	case [3]bool{true, true, false}:
		return struct {
			*Tokenizer
			decoder
			latents
		}{t, decoder{t}, latents{t}}
	case [3]bool{true, false, true}:
		return struct {
			*Tokenizer
			decoder
			windows
		}{t, decoder{t}, windows{t}}
	case [3]bool{true, false, false}:
		return struct {
			*Tokenizer
			decoder
		}{t, decoder{t}}
	case [3]bool{false, true, true}:
		return struct {
			*Tokenizer
			latents
			windows
		}{t, latents{t}, windows{t}}
	case [3]bool{false, true, false}:
		return struct {
			*Tokenizer
			latents
		}{t, latents{t}}
	case [3]bool{false, false, true}:
		return struct {
			*Tokenizer
			windows
		}{t, windows{t}}
	}
	return t
}

// ReconstructClip implements [tokenizers.ClipTokenizer].
func (c windows) ReconstructClip(ctx context.Context, in pix.Clip) (tokenizers.ClipReconstruction, error) {
	t := c.t
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return tokenizers.ClipReconstruction{}, errors.New("onnx: the tokenizer is closed")
	}
	w, h := in.Size()
	for _, err := range []error{in.Validate(), t.info.Accepts(w, h), t.info.Clips.Accepts(len(in.Frames)), ctx.Err()} {
		if err != nil {
			return tokenizers.ClipReconstruction{}, fmt.Errorf("onnx: %w", err)
		}
	}
	got, err := t.batch(ctx, [][]pix.Image{in.Frames})
	if err == nil {
		err = got[0].err
	}
	if err != nil {
		return tokenizers.ClipReconstruction{}, err
	}
	if codes := got[0].clip.Codes; codes != nil {
		for b, book := range codes.Books {
			if len(book.Shape) != 3 {
				return tokenizers.ClipReconstruction{}, fmt.Errorf("onnx: ids of codebook %d have shape %v for a window: want [n, t, h, w] in the graph", b, book.Shape)
			}
		}
	}
	return got[0].clip, nil
}

// Decode implements tokenizers.Decoder.
func (d decoder) Decode(ctx context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	t := d.t
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return nil, errors.New("onnx: the tokenizer is closed")
	}
	if err := t.info.Accepts(w, h); err != nil {
		return nil, fmt.Errorf("onnx: decoding: %w", err)
	}
	for i, c := range codes {
		if c == nil || len(c.Books) != len(t.side.Codebooks) {
			return nil, fmt.Errorf("onnx: decoding: element %d needs ids of %d codebooks", i, len(t.side.Codebooks))
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("onnx: decoding: element %d: %w", i, err)
		}
		for b, book := range c.Books {
			if book.Size != t.side.Codebooks[b] || !slices.Equal(book.Shape, codes[0].Books[b].Shape) {
				return nil, fmt.Errorf("onnx: decoding: book %d of element %d has size %d and shape %v, want %d and %v", b, i, book.Size, book.Shape, t.side.Codebooks[b], codes[0].Books[b].Shape)
			}
		}
	}
	var out []pix.Image
	for part := range slices.Chunk(codes, t.info.BatchSize) {
		images, err := t.decodeBatch(ctx, part, w, h)
		if err != nil {
			return nil, err
		}
		out = append(out, images...)
	}
	return out, nil
}

func (t *Tokenizer) decodeBatch(ctx context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	n := max(len(codes), t.fixed)
	feed := make([]ortlib.Value, len(t.wires))
	defer func() {
		for _, v := range feed {
			destroy(v)
		}
	}()
	for i, name := range t.wires {
		v, err := t.idsValue(slices.Index(t.side.Codes, name), t.dec.inputs[i].dtype, codes, n)
		if err != nil {
			return nil, fmt.Errorf("onnx: %s: input %q: %w", t.dec.file, t.dec.inputs[i].name, err)
		}
		feed[i] = v
	}
	got, err := t.dec.run(ctx, feed)
	if err != nil {
		return nil, err
	}
	defer got.free()
	frames := 1
	if t.in.clips() {
		frames = t.info.Clips.Frames(1)
	}
	items, errs, err := t.out.images(got.get(t.out.tensor.name), n, len(codes), frames, w, h)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	images := make([]pix.Image, len(items))
	for i, frames := range items {
		images[i] = frames[0]
	}
	return images, nil
}

// idsValue lays ids out as the encoder's output number k had them.
func (t *Tokenizer) idsValue(k int, dtype ortlib.TensorElementDataType, codes []*tokenizers.Codes, n int) (ortlib.Value, error) {
	first, books, axis := k, 1, 0
	if len(t.side.Codes) == 1 && len(t.side.Codebooks) > 1 {
		first, books, axis = 0, len(t.side.Codebooks), t.side.BooksAxis
	}
	grid := codes[0].Books[first].Shape
	shape := ortlib.NewShape(int64(n))
	for _, s := range grid {
		shape = append(shape, int64(s))
	}
	inner := 1
	if axis > 0 {
		if axis > len(shape) {
			return nil, fmt.Errorf("ids of shape %v have no axis %d for the codebooks", grid, axis)
		}
		for _, s := range shape[axis:] {
			inner *= int(s)
		}
		shape = slices.Insert(shape, axis, int64(books))
	} else {
		inner = len(codes[0].Books[first].IDs)
	}
	var ids []int32
	for i := range n {
		c := codes[min(i, len(codes)-1)]
		for at := 0; at < len(c.Books[first].IDs); at += inner {
			for b := range books {
				ids = append(ids, c.Books[first+b].IDs[at:at+inner]...)
			}
		}
	}
	if dtype == ortlib.TensorElementDataTypeInt32 {
		return ortlib.NewTensor(shape, ids)
	}
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	return ortlib.NewTensor(shape, wide)
}

// Latents implements tokenizers.LatentEncoder.
func (l latents) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	t := l.t
	out := make([]tokenizers.Latent, len(in))
	errs := make([]error, len(in))
	err := t.each(ctx, in, func(i int, err error) { errs[i] = fmt.Errorf("image %d: %w", i, err) }, func(at []int) error {
		batch := make([][]pix.Image, len(at))
		for k, i := range at {
			batch[k] = t.still(in[i])
		}
		n := max(len(batch), t.fixed)
		v, err := t.encode(ctx, batch, n)
		if err != nil {
			return err
		}
		defer v.free()
		z, ok := v.get(t.side.Latent).(*ortlib.Tensor[float32])
		if !ok || len(z.GetShape()) != len(t.in.layout) || z.GetShape()[0] != int64(n) {
			want := fmt.Sprintf("[%d, channels, height, width]", n)
			if t.in.clips() {
				want = fmt.Sprintf("[%d, channels, time, height, width]", n)
			}
			return fmt.Errorf("onnx: output %q has shape %v: want %s", t.side.Latent, []int64(v.get(t.side.Latent).GetShape()), want)
		}
		shape := z.GetShape()
		times := 1 // of a clip the latent of its first frame is handed out
		if t.in.clips() {
			times = int(shape[2])
		}
		channels, rows, cols := int(shape[1]), int(shape[len(shape)-2]), int(shape[len(shape)-1])
		size := rows * cols
		for k, i := range at {
			data := make([]float32, 0, channels*size)
			for c := range channels {
				from := (k*channels + c) * times * size
				data = append(data, z.GetData()[from:from+size]...)
			}
			if j := slices.IndexFunc(data, notFinite); j >= 0 {
				errs[i] = fmt.Errorf("image %d: onnx: output %q holds %v at position %d", i, t.side.Latent, data[j], j)
				continue
			}
			out[i] = tokenizers.Latent{Shape: []int{channels, rows, cols}, Data: data}
		}
		return nil
	})
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return out, nil
}
