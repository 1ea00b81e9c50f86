// Package quality holds the full-reference image quality metrics.
//
// Its opinion: a name is one definition. "PSNR" and "SSIM" in papers are families
// whose members differ by whole decibels on the same pixels, so every member has
// its own id here, says which paper or package it follows, and is held to values
// that somebody else computed (docs/metrics.md). All take 8-bit sRGB images of
// equal size; those that are defined on gray take full-range BT.601 luma, not
// rounded.
//
//	v, err := quality.PSNR(ref, got)
//
// Who scores many images against one reference prepares it once:
//
//	p, err := quality.Prepare("ssimulacra2", ref)
//	v, err := p.Score(got)
//
// Images that are too small for a metric, or differ in size, are an error;
// identical images score the metric's best value, which for PSNR is +Inf. All
// functions are safe for concurrent use.
package quality

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// definition is a metric of one value an image.
type definition struct {
	spec    metrics.Spec
	minSide int
	// prepare does what concerns the reference alone. It takes memory from mem,
	// which lives as long as the scorer.
	prepare func(ref pix.Image, mem *memory) scorer
}

// A scorer compares an image with the reference it was made from. It does not
// change itself; scratch comes from mem.
type scorer interface {
	score(got pix.Image, mem *memory) float64
}

// pairScorer is a scorer of metrics that have nothing to prepare.
type pairScorer struct {
	ref pix.Image
	f   func(ref, got pix.Image, mem *memory) float64
}

func (p pairScorer) score(got pix.Image, mem *memory) float64 { return p.f(p.ref, got, mem) }

// pairwise makes the prepare function of such a metric.
func pairwise(f func(ref, got pix.Image, mem *memory) float64) func(pix.Image, *memory) scorer {
	return func(ref pix.Image, _ *memory) scorer { return pairScorer{ref, f} }
}

func (d *definition) score(ref, got pix.Image) (float64, error) {
	if err := check(d.spec.ID, d.minSide, ref, got); err != nil {
		return 0, err
	}
	mem := borrow()
	defer mem.giveBack()
	return d.prepare(ref, mem).score(got, mem), nil
}

// definitions lists the metrics of one value each, without the pixel errors, which
// share a pass.
func definitions() []*definition {
	return []*definition{
		&psnrY, &ssim, &ssimUniform, &ssimWang, &ssimY, &msSSIM, &msSSIMY, &gmsd,
		&vif, &vifp, &haarPSI, &mdsi, &psnrHVS, &psnrHVSM, &nlpd, &ciede, &ssimulacra2, &fsim, &fsimc, &iwSSIM,
	}
}

// Prepared is a reference that was made ready for a metric, to score many images
// against. It holds as much memory as the metric needs, up to some 40 times the
// bytes of the image.
type Prepared struct {
	def    *definition
	ref    pix.Image
	scorer scorer
}

// Prepare makes a reference ready for the metric of the given id. Scores are those
// of the metric's plain function.
func Prepare(id string, ref pix.Image) (*Prepared, error) {
	for _, d := range allDefinitions() {
		if d.spec.ID != id {
			continue
		}
		if err := check(id, d.minSide, ref, ref); err != nil {
			return nil, err
		}
		return &Prepared{d, ref, d.prepare(ref, &memory{})}, nil
	}
	var ids []string
	for _, d := range allDefinitions() {
		ids = append(ids, d.spec.ID)
	}
	return nil, fmt.Errorf("no quality metric is called %q; there are %s", id, strings.Join(ids, ", "))
}

// Score scores an image against the prepared reference.
func (p *Prepared) Score(got pix.Image) (float64, error) {
	if err := check(p.def.spec.ID, p.def.minSide, p.ref, got); err != nil {
		return 0, err
	}
	mem := borrow()
	defer mem.giveBack()
	return p.scorer.score(got, mem), nil
}

func allDefinitions() []*definition {
	return append([]*definition{&psnrRGB, &mse, &mae}, definitions()...)
}

// Usual are the ids that are meant where nobody says which: what papers state first.
func Usual() []string { return []string{psnrRGB.spec.ID, ssim.spec.ID} }

// All lists the metrics of this package.
func All() []metrics.Metric {
	all := []metrics.Metric{errorMetric{}, similarity{&ssim, &msSSIM, colours}, similarity{&ssimY, &msSSIMY, lumas}}
	for _, d := range definitions() {
		if !slices.ContainsFunc(all, func(m metrics.Metric) bool { return slices.ContainsFunc(m.Specs(), d.is) }) {
			all = append(all, adapter{d})
		}
	}
	return all
}

// Kinds lists the metrics of this package for the registry.
func Kinds() []metrics.Kind {
	var kinds []metrics.Kind
	for _, m := range All() {
		if s, ok := m.(similarity); ok {
			kinds = append(kinds, s.kind())
			continue
		}
		kinds = append(kinds, metrics.Static(m))
	}
	return kinds
}

// is reports whether s is the spec of d.
func (d *definition) is(s metrics.Spec) bool { return s.ID == d.spec.ID }

// adapter makes a Metric of a definition.
type adapter struct{ def *definition }

func (a adapter) Specs() []metrics.Spec { return []metrics.Spec{a.def.spec} }

// Prepare never fails: an image that is too small costs this metric's value, not
// those of the others.
func (a adapter) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	p, err := Prepare(a.def.spec.ID, ref.Image)
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		if err != nil {
			return nil, err
		}
		v, err := p.Score(got)
		if err != nil {
			return nil, err
		}
		return []metrics.Value{{Metric: a.def.spec.ID, Value: v}}, nil
	}), nil
}

// farColours is the CIEDE2000 difference that counts as the worst in a map: colours
// that are clearly different.
const farColours = 20

// Damage implements [metrics.Mapper] for the metrics that have a map.
func (a adapter) Damage(ref, got pix.Image) (values []float32, ok bool, err error) {
	var m Map
	damage := func(v float32) float32 { return 1 - v } // of a similarity
	switch a.def.spec.ID {
	case "ssim":
		m, err = SSIMMap(ref, got)
	case "gmsd":
		m, err = GMSDMap(ref, got)
	case "ciede2000":
		m, err = CIEDE2000Map(ref, got)
		damage = func(v float32) float32 { return v / farColours }
	default:
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	for i, v := range m.Pix {
		m.Pix[i] = min(max(damage(v), 0), 1)
	}
	return m.Pix, true, nil
}

// Maps are the metrics of which reports show where in an image they see damage.
func Maps() []string { return []string{"ssim", "ciede2000"} }

// check says whether two images can be compared by a metric that needs sides of
// at least minSide pixels.
func check(metric string, minSide int, ref, got pix.Image) error {
	if err := ref.Validate(); err != nil {
		return fmt.Errorf("%s: reference: %w", metric, err)
	}
	if err := got.Validate(); err != nil {
		return fmt.Errorf("%s: distorted: %w", metric, err)
	}
	if ref.W != got.W || ref.H != got.H {
		return fmt.Errorf("%s: the reference is %d×%d, the other image %d×%d: sizes must be equal", metric, ref.W, ref.H, got.W, got.H)
	}
	if min(ref.W, ref.H) < minSide {
		return fmt.Errorf("%s: images are %d×%d, both sides must be at least %d", metric, ref.W, ref.H, minSide)
	}
	return nil
}
