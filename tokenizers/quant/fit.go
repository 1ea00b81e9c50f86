package quant

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

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
	i := slices.IndexFunc(rules(), func(r rule) bool { return r.name == spec.Kind })
	return Fitting{rule: rules()[i], opts: opts}, nil
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
	if d := f.opts.Int("dim"); d > 0 {
		return d
	}
	return max(1, min(4*f.Patch(), 3*f.Patch()*f.Patch()))
}

// Fit fits to patches, of which t, already fitted and read back, is the
// transform. A whole artefact brings the transform along; the others name it.
func (f Fitting) Fit(patches [][]uint8, t *Transform, whole bool, seed uint64) (*Artefact, error) {
	dim := min(f.Dim(), t.Dim)
	a := &Artefact{Header: Header{Rule: f.rule.name, Patch: t.Patch, Dim: dim, Fit: map[string]string{
		"patches": strconv.Itoa(len(patches)),
		"seed":    strconv.FormatUint(seed, 10),
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
	tensors, notes, err := f.rule.fit(t.Project(patches, dim), dim, f.opts, seed)
	if err != nil {
		return nil, fmt.Errorf("fitting %s: %w", f.Stem(), err)
	}
	a.Tensors = append(a.Tensors, tensors...)
	maps.Copy(a.Fit, notes)
	return a, nil
}
