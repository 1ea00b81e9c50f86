package quant

import (
	"bytes"
	"context"
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
	kinds := Kinds()
	spec, err := tokenizers.ParseSpec(text, kinds)
	if err != nil {
		return Fitting{}, err
	}
	_, opts, err := tokenizers.Resolve(spec, kinds)
	if err != nil {
		return Fitting{}, err
	}
	rules := all()
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

// A fitting is a fit under way: what a rule's fit may ask for.
type fitting struct {
	ctx    context.Context
	t      *Transform
	dim    int
	opts   tokenizers.Options
	source Source
	seed   uint64
	images []int // of every patch that latents returned last
	count  int   // patches that latents returned last
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
// nil.
func (f *fitting) latents(span int, through func(pix.Image) (pix.Image, error)) ([]float32, error) {
	side := f.t.Patch
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
				p := make([]uint8, 0, f.t.Size())
				for y := range side {
					p = append(p, w[(cy*side+y)*row+3*side*cx:][:3*side]...)
				}
				small, from = append(small, p), append(from, image[i])
			}
		}
		windows, image = small, from
	}
	f.images, f.count = image, len(windows)
	return f.t.Project(windows, f.dim), f.ctx.Err()
}

// Fit fits to a source, of which t, already fitted and read back, is the
// transform. A whole artefact brings the transform along; the others name it.
// report, where it is not nil, is told how far it is.
func (f Fitting) Fit(ctx context.Context, source Source, t *Transform, whole bool, report func(string)) (*Artefact, error) {
	dim := min(f.Dim(), t.Dim)
	a := &Artefact{Header: Header{Rule: f.rule.name, Patch: t.Patch, Dim: dim, Fit: map[string]string{
		"seed": strconv.FormatUint(source.Seed, 10), "images": source.Digest(),
	}}}
	if f.rule.fit == nil {
		a.Rule = "pca"
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
