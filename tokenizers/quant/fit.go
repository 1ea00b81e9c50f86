package quant

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Fitting is a tokenizer of this package that is to be fitted.
type Fitting struct {
	rule rule
	opts tokenizers.Options
}

// NewFitting reads a tokenizer as a user writes it: "vq:patch=8,k=777".
func NewFitting(text string) (Fitting, error) {
	kinds := slices.Concat(Kinds(), ClipKinds())
	spec, err := tokenizers.ParseSpec(text, kinds)
	if err != nil {
		return Fitting{}, err
	}
	_, opts, err := tokenizers.Resolve(spec, kinds)
	if err != nil {
		return Fitting{}, err
	}
	rules := slices.Concat(all(), clipRules())
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == spec.Kind })
	f := Fitting{rule: rules[i], opts: opts}
	if f.rule.refuse != nil {
		if err := f.rule.refuse(opts); err != nil {
			return Fitting{}, fmt.Errorf("%s: %w", spec.Kind, err)
		}
	}
	return f, nil
}

// Patch is the side of its patches.
func (f Fitting) Patch() int { return f.opts.Int("patch") }

// Stem is the name under which it ships, without folder and extension.
func (f Fitting) Stem() string { return f.rule.stem(f.opts) }

// Dim is the number of latents of a patch: as asked for, else the number that
// ships for its patch size, where the next ones would hold less than what a
// codebook loses anyway.
func (f Fitting) Dim() int {
	if f.rule.dim != nil {
		return f.rule.dim(f.opts)
	}
	return defaultDim(f.opts)
}

func defaultDim(o tokenizers.Options) int {
	if d := o.Int("dim"); d > 0 {
		return d
	}
	patch := o.Int("patch")
	return max(1, min(4*patch, 3*patch*patch))
}

// Frames is the number of frames of its space–time blocks; 0 where it codes patches.
func (f Fitting) Frames() int {
	if f.rule.openBlocks == nil {
		return 0
	}
	return f.opts.Int("t")
}

// transform is the name under which the transform that it is fitted to ships.
func (f Fitting) transform() string {
	if n := f.Frames(); n > 0 {
		return blocksStem(f.opts["patch"], f.opts["t"])
	}
	return transformStem(f.opts["patch"])
}

// Linear is a fitted transform: a [Transform] of patches, or [Blocks] of space and time.
type Linear interface {
	// Digest identifies the artefact that it was read from.
	Digest() string
	// header is that of an artefact with numbers of this transform.
	header() Header
	// tensors are those of the first dim directions.
	tensors(dim int) []Tensor
	// latentsFor returns the latents of what a fit draws from its source.
	latentsFor(f *fitting, span int, through func(pix.Image) (pix.Image, error)) ([]float32, error)
}

// ReadLinear takes a transform of either kind from an artefact, with all its directions.
func ReadLinear(a *Artefact) (Linear, error) {
	if a.Frames > 0 {
		return ReadBlocks(a, 0)
	}
	return ReadTransform(a, 0)
}

func (t *Transform) header() Header { return Header{Rule: "pca", Patch: t.Patch, Dim: t.Dim} }

func (b *Blocks) header() Header {
	return Header{Rule: "klt3", Patch: b.Patch, Frames: b.Frames, Dim: b.Dim}
}

// A fitting is a fit under way: what a rule's fit may ask for.
type fitting struct {
	ctx    context.Context
	t      Linear
	dim    int
	opts   tokenizers.Options
	source Source
	seed   uint64
	images []int // of every patch that latents returned last
	count  int   // patches or blocks that latents returned last
	report func(string)
}

// progress says what is being done.
func (f *fitting) progress(format string, args ...any) {
	if f.report != nil {
		f.report(fmt.Sprintf(format, args...))
	}
}

// latents are those of windows of span×span patches, one window after the other,
// patches row by row; of images that have gone through something, where it is not
// nil. Of a transform of blocks they are those of single blocks.
func (f *fitting) latents(span int, through func(pix.Image) (pix.Image, error)) ([]float32, error) {
	x, err := f.t.latentsFor(f, span, through)
	if err != nil {
		return nil, err
	}
	return x, f.ctx.Err()
}

func (t *Transform) latentsFor(f *fitting, span int, through func(pix.Image) (pix.Image, error)) ([]float32, error) {
	side := t.Patch
	windows, image, err := f.source.Patches(side*span, through)
	if err != nil {
		return nil, err
	}
	if span > 1 {
		row := 3 * side * span
		var small [][]uint8
		var from []int
		for i, w := range windows {
			for cell := range span * span {
				cx, cy := cell%span, cell/span
				p := make([]uint8, 0, t.Size())
				for y := range side {
					p = append(p, w[(cy*side+y)*row+3*side*cx:][:3*side]...)
				}
				small, from = append(small, p), append(from, image[i])
			}
		}
		windows, image = small, from
	}
	f.images, f.count = image, len(windows)
	return t.Project(windows, f.dim), nil
}

func (b *Blocks) latentsFor(f *fitting, span int, through func(pix.Image) (pix.Image, error)) ([]float32, error) {
	if span != 1 || through != nil {
		return nil, errors.New("blocks of space and time are fitted one by one, as they are")
	}
	blocks, err := f.source.Moving(b.Patch, b.Frames)
	if err != nil {
		return nil, err
	}
	f.images, f.count = nil, len(blocks)
	return b.Project(blocks, f.dim), nil
}

// Fit fits to a source, of which t, already fitted and read back, is the
// transform. A whole artefact brings the transform along; the others name it.
// report, where it is not nil, is told how far it is.
func (f Fitting) Fit(ctx context.Context, source Source, t Linear, whole bool, report func(string)) (*Artefact, error) {
	a := &Artefact{Header: t.header()}
	dim := min(f.Dim(), a.Dim)
	a.Dim = dim
	a.Fit = map[string]string{"seed": strconv.FormatUint(source.Seed, 10), "images": source.Digest()}
	if f.rule.fit != nil {
		a.Rule = f.rule.name
	}
	if whole || f.rule.fit == nil {
		a.Tensors = append(a.Tensors, t.tensors(dim)...)
	} else {
		a.Transform = t.Digest()
	}
	if f.rule.fit == nil {
		return a, nil
	}
	state := &fitting{ctx: ctx, t: t, dim: dim, opts: f.opts, source: source, seed: source.Seed, report: report}
	tensors, stages, notes, err := f.rule.fit(state)
	if err != nil {
		return nil, fmt.Errorf("fitting %s: %w", f.Stem(), err)
	}
	a.Tensors = append(a.Tensors, tensors...)
	a.Stages = stages
	a.Fit["patches"] = strconv.Itoa(state.count)
	maps.Copy(a.Fit, notes)
	return a, nil
}

// damage is what fit=paired learns to undo.
func damage(kind string) func(pix.Image) (pix.Image, error) {
	if kind == "jpeg" {
		return func(m pix.Image) (pix.Image, error) {
			var b bytes.Buffer
			if err := jpeg.Encode(&b, m.RGBA(), &jpeg.Options{Quality: 10}); err != nil {
				return pix.Image{}, err
			}
			back, err := pix.Decode(&b, pix.Options{})
			return back.Image, err
		}
	}
	return func(m pix.Image) (pix.Image, error) { return blur(m, 1.5), nil }
}

// blur is a Gaussian blur; pixels beyond the edge repeat it.
func blur(m pix.Image, sigma float64) pix.Image {
	r := int(math.Ceil(3 * sigma))
	kernel := make([]float64, 2*r+1)
	var sum float64
	for i := range kernel {
		kernel[i] = math.Exp(-float64((i-r)*(i-r)) / (2 * sigma * sigma))
		sum += kernel[i]
	}
	for i := range kernel {
		kernel[i] /= sum
	}
	rows := make([]float64, len(m.Pix))
	for y := range m.H {
		row := m.Row(y)
		for x := range m.W {
			for c := range 3 {
				var v float64
				for k, w := range kernel {
					v += w * float64(row[3*min(max(x+k-r, 0), m.W-1)+c])
				}
				rows[3*(y*m.W+x)+c] = v
			}
		}
	}
	out := pix.New(m.W, m.H)
	for y := range m.H {
		to := out.Row(y)
		for i := range to {
			var v float64
			for k, w := range kernel {
				v += w * rows[3*m.W*min(max(y+k-r, 0), m.H-1)+i]
			}
			to[i] = uint8(v + .5)
		}
	}
	return out
}
