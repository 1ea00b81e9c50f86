// Package detail measures what is left of fine structure: sharpness of edges, the
// spectrum band by band, and texture.
//
// Its opinion: one number of similarity hides what a tokenizer does to detail. A blur, a
// copy with noise and an invention that looks sharp can have one PSNR; they differ in
// which frequencies are kept, and in whether what stands there is what was there. So a
// band has two values: how much of the original's own structure is kept
// ([Bands.Kept]), and how much energy there is, right or wrong ([Bands.Energy]).
//
// All work on the stored values, not linearised, edges and texture on their full-range
// BT.601 luma: sharpness is compared between images that were coded in one way.
//
//	b, err := detail.SpectrumBands(ref, got)
//	fmt.Println(b.Kept[detail.Finest])      // 1 where all is kept, 0 where nothing is
package detail

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Kinds lists the metrics of this package for the registry.
func Kinds() []metrics.Kind {
	return []metrics.Kind{metrics.Static(edgeMetric{}), metrics.Static(bandMetric{}), metrics.Static(textureMetric{})}
}

var errSizes = errors.New("the images differ in size")

func check(ref, got pix.Image, side int) error {
	if err := ref.Validate(); err != nil {
		return fmt.Errorf("reference: %w", err)
	}
	if err := got.Validate(); err != nil {
		return err
	}
	if ref.W != got.W || ref.H != got.H {
		return fmt.Errorf("%w: %d×%d and %d×%d", errSizes, ref.W, ref.H, got.W, got.H)
	}
	if min(ref.W, ref.H) < side {
		return fmt.Errorf("images are %d×%d, both sides must be at least %d", ref.W, ref.H, side)
	}
	return nil
}

// luma is full-range BT.601 luma, not rounded.
func luma(m pix.Image) []float64 {
	out := make([]float64, m.W*m.H)
	for i := range out {
		p := m.Pix[3*i : 3*i+3 : 3*i+3]
		out[i] = float64(299*int32(p[0])+587*int32(p[1])+114*int32(p[2])) / 1000
	}
	return out
}

// EdgeSpec is that of mtf50.
var EdgeSpec = metrics.Spec{
	ID: "mtf50", Version: 1, Title: "MTF50", Unit: "c/px", Better: metrics.Higher, Min: 0, Max: maxFrequency, Scope: metrics.PerInstance,
	Source: "slanted edges as in ISO 12233: edge profile four times oversampled across the line of the original's edge, differentiated, Tukey window (α .5), frequency where contrast falls to a half",
	Role:   metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .005}, Axis: [2]float64{0, .5},
	Short: "sharpness of edges, cycles a pixel",
	Long:  "The frequency at which an edge keeps half of its contrast; .5 is the finest that pixels can hold. A gone edge counts as 0. Only of data sets that know where slanted edges are (patterns-default).",
}

type edgeMetric struct{}

func (edgeMetric) Specs() []metrics.Spec { return []metrics.Spec{EdgeSpec} }

// Scores implements metrics.Chooser.
func (edgeMetric) Scores(in datasets.Instance) bool { return !in.Ignore && in.IsEdge() }

func (m edgeMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	type edge struct {
		id   string
		line Edge
		err  error
	}
	var edges []edge
	var plane []float64
	for _, in := range ref.Instances {
		if !m.Scores(in) {
			continue
		}
		if plane == nil {
			plane = luma(ref.Image)
		}
		e := edge{id: in.ID}
		e.line, e.err = findEdge(plane, ref.Image.W, ref.Image.H, in.Box)
		edges = append(edges, e)
	}
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		if len(edges) == 0 {
			return nil, nil
		}
		if err := check(ref.Image, got, 1); err != nil {
			return nil, err
		}
		plane := luma(got)
		var out []metrics.Value
		for _, e := range edges {
			v := metrics.Value{Metric: EdgeSpec.ID, Instance: e.id}
			if e.err != nil {
				v.Err = e.err.Error()
			} else {
				v.Value = e.line.mtf50(plane, got.W)
			}
			out = append(out, v)
		}
		return out, nil
	}), nil
}

type bandMetric struct{}

func (bandMetric) Specs() []metrics.Spec {
	var out []metrics.Spec
	for b := range Band(bandCount) {
		lo, hi := b.periods()
		out = append(out, metrics.Spec{
			ID: "kept-" + b.String(), Version: 1, Title: fmt.Sprintf("Kept %d–%d px", lo, hi), Unit: "share", Better: metrics.Higher,
			Min: metrics.Unbounded(-1), Max: metrics.Unbounded(1), Axis: [2]float64{0, 1.2}, Scope: metrics.PerImage,
			Source: "ours: Re Σ F·conj(G) / Σ |F|² over the frequencies of an octave, F and G the windowed spectra of R, G and B of original and reconstruction",
			Role:   metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: fmt.Sprintf("structure of %d to %d pixels a period that is kept", lo, hi),
			Long:  "100 % keeps all contrast of the original's own structure at these frequencies, 0 % has nothing of it; what is invented does not count. Images without such structure have no value.",
		})
	}
	for b := range Band(bandCount) {
		lo, hi := b.periods()
		out = append(out, metrics.Spec{
			ID: "energy-" + b.String(), Version: 1, Title: fmt.Sprintf("Energy %d–%d px", lo, hi), Unit: "share", Better: metrics.Neither,
			Min: 0, Max: metrics.Unbounded(1), Axis: [2]float64{0, 2}, Scope: metrics.PerImage,
			Source: "ours: Σ |G|² / Σ |F|², as for kept-" + b.String(),
			Role:   metrics.RoleReference, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .02},
			Short: fmt.Sprintf("energy at %d to %d pixels a period", lo, hi),
			Long:  "How much structure of this size there is, right or wrong, for 100 % in the original. Far more than the square of what is kept was invented: noise, ringing, blocks or made-up texture.",
		})
	}
	return out
}

func (m bandMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		b, err := SpectrumBands(ref.Image, got)
		if err != nil {
			return nil, err
		}
		var out []metrics.Value
		for i, s := range m.Specs() {
			v := b.Kept[i%bandCount]
			if i >= bandCount {
				v = b.Energy[i%bandCount]
			}
			out = append(out, metrics.Value{Metric: s.ID, Value: v})
		}
		return out, nil
	}), nil
}

type textureMetric struct{}

func (textureMetric) Specs() []metrics.Spec {
	return []metrics.Spec{
		{
			ID: "texture-contrast", Version: 1, Title: "Texture contrast", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "ours: mean over 8×8 blocks of luma of min(a/b, b/a), a and b the standard deviations of both images, where the original's is at least 2",
			Role:   metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: "agreement of local contrast",
			Long:  "100 % has as much local contrast as the original everywhere; both too smooth and too rough cost. It does not ask whether the texture is the same one.",
		},
		{
			ID: "texture-lbp", Version: 1, Title: "Texture patterns", Unit: "share", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
			Source: "intersection of histograms of uniform local binary patterns, 8 neighbours at radius 1, of 8-bit luma (Ojala et al. 2002; codes as scikit-image's local_binary_pattern; neighbours equal but for rounding are equal)",
			Role:   metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01},
			Short: "agreement of small patterns",
			Long:  "How alike the mixtures of edges, corners, spots and flat places are, wherever they lie. It asks for the same kind of texture, not for the same texture.",
		},
	}
}

func (m textureMetric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	return metrics.ScorerFunc(func(_ context.Context, got pix.Image) ([]metrics.Value, error) {
		var out []metrics.Value
		for i, f := range []func(ref, got pix.Image) (float64, error){TextureContrast, TexturePatterns} {
			v := metrics.Value{Metric: m.Specs()[i].ID}
			var err error
			if v.Value, err = f(ref.Image, got); err != nil {
				v.Err = err.Error()
			}
			out = append(out, v)
		}
		return out, nil
	}), nil
}

// blockSide and leastContrast are those of texture-contrast.
const (
	blockSide     = 8
	leastContrast = 2
)

// TextureContrast is the agreement of local contrast, 0 to 1; NaN where no block of the
// reference has any.
func TextureContrast(ref, got pix.Image) (float64, error) {
	if err := check(ref, got, blockSide); err != nil {
		return 0, fmt.Errorf("texture-contrast: %w", err)
	}
	a, b := luma(ref), luma(got)
	sum, n := 0.0, 0
	for y := 0; y+blockSide <= ref.H; y += blockSide {
		for x := 0; x+blockSide <= ref.W; x += blockSide {
			s, t := deviation(a[y*ref.W+x:], ref.W), deviation(b[y*ref.W+x:], ref.W)
			if s < leastContrast {
				continue
			}
			sum += min(s, t) / max(s, t)
			n++
		}
	}
	if n == 0 {
		return math.NaN(), nil
	}
	return sum / float64(n), nil
}

// deviation is the standard deviation of a block.
func deviation(p []float64, stride int) float64 {
	const n = blockSide * blockSide
	mean, ss := 0.0, 0.0
	for y := range blockSide {
		for _, v := range p[y*stride:][:blockSide] {
			mean += v / n
		}
	}
	for y := range blockSide {
		for _, v := range p[y*stride:][:blockSide] {
			ss += (v - mean) * (v - mean)
		}
	}
	return math.Sqrt(ss / n)
}

// TexturePatterns is the agreement of local binary patterns, 0 to 1.
func TexturePatterns(ref, got pix.Image) (float64, error) {
	if err := check(ref, got, 3); err != nil {
		return 0, fmt.Errorf("texture-lbp: %w", err)
	}
	a, b := Patterns(ref), Patterns(got)
	sum := 0.0
	for i, v := range a {
		sum += float64(min(v, b[i]))
	}
	return sum / float64(ref.W*ref.H), nil
}

// Patterns counts the pixels of each uniform local binary pattern of 8-bit luma: those
// with 0 to 8 neighbours at least as bright as the middle, in one run, and all others.
// Outside the image is black.
func Patterns(m pix.Image) (counts [10]int) {
	// The plane has a ring of zeros around it.
	w := m.W + 2
	p := make([]float64, w*(m.H+2))
	for i, v := range luma(m) {
		p[(i/m.W+1)*w+i%m.W+1] = math.Floor(v + .5)
	}
	// Neighbours counter-clockwise from the right one. A diagonal one lies at distance 1,
	// between four pixels; scikit-image rounds its place to five digits.
	const d = .70711
	diagonal := func(c, sx, sy int) float64 {
		return (1-d)*((1-d)*p[c]+d*p[c+sx]) + d*((1-d)*p[c+sy*w]+d*p[c+sx+sy*w])
	}
	for y := range m.H {
		for x := range m.W {
			c := (y+1)*w + x + 1
			bits := 0
			for k, v := range [...]float64{
				p[c+1], diagonal(c, 1, -1), p[c-w], diagonal(c, -1, -1), p[c-1], diagonal(c, -1, 1), p[c+w], diagonal(c, 1, 1),
			} {
				if v >= p[c]-1e-6 {
					bits |= 1 << k
				}
			}
			counts[uniform[bits]]++
		}
	}
	return counts
}

// uniform maps eight bits in a ring to the number of ones where they lie in one run, and
// to 9 otherwise.
var uniform = func() (out [256]uint8) {
	for v := range out {
		changes, ones := 0, 0
		for k := range 8 {
			if v>>k&1 != v>>((k+1)%8)&1 {
				changes++
			}
			ones += v >> k & 1
		}
		if out[v] = 9; changes <= 2 {
			out[v] = uint8(ones)
		}
	}
	return out
}()
