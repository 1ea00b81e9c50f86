package quant

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"time"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Predictive coding of frames in the space of a fitted transform of patches: a frame is what
// was decoded before, carried on by a predictor, and of what differs only as much as counts.
//
//	r = z_t − ẑ_t|t−1        the residual of a patch, ẑ_t|t−1 = P(ẑ_t−1, …)
//	g = ‖r‖² > τ·3p²         patches of which it is less stay as predicted
//	id = sign(r)·⌊|r|/Δ + .4⌋   of each latent: a uniform step with a dead zone of .6Δ
//
// The first frame of a window is predicted as the mean of all patches, so that it stands
// alone. Gates and ids are coded by counts that begin anew in every window, in the context
// of neighbours that are known; the predictor sees decoded frames only, so that nothing but
// the ids has to be sent.

// predictors are the ways to carry a frame on.
const (
	predictCopy   = "copy"
	predictLinear = "linear"
)

func predictKinds() []tokenizers.Kind {
	return []tokenizers.Kind{
		predictKind("sparse-residual",
			"frame by frame: a gated, quantized residual of PCA latents against the frame before",
			"QUEEN, arXiv:2412.04469: its gate as a threshold, its decoder the fitted transform", predictCopy),
		predictKind("koopman",
			"the same with linear dynamics of the latents, fitted to decoded frames, as predictor",
			"Koopman VAE, arXiv:2310.02619 (abstract only; state, fit and bound on growth are ours)", predictLinear),
	}
}

func predictKind(name, summary, source, predictor string) tokenizers.Kind {
	other := predictLinear
	if predictor == predictLinear {
		other = predictCopy
	}
	return tokenizers.Kind{
		Name: name, Group: groupClips, Summary: summary, Source: source, Example: name + ":step=16",
		Options: []tokenizers.Option{
			patchOption(8),
			dimOption("PCA latents of a patch; 0: 4 for each pixel of a side"),
			tokenizers.FloatOption("step", 16, 1, 1024, "step of the quantizer in grey values"),
			tokenizers.FloatOption("tau", 1, 0, 1e5, "mean squared residual of a sample, in squared grey values, up to which a patch stays as predicted"),
			tokenizers.ChoiceOption("predictor", "copy: the frame before; linear: a linear map of 3×3 patches of it", predictor, other),
			tokenizers.IntOption("state", 16, 1, 64, "predictor=linear: leading latents of each of the 3×3 patches that the map sees"),
			tokenizers.ChoiceOption("trust", "predictor=linear: patches that the map predicted worse than copying are copied in the next frame; always: none are", "earned", "always"),
			fileOption(),
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			p, err := openPredictive(ctx, name, opts)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			return p, nil
		},
	}
}

// openTransform is the transform that ships or is in a file, for as many latents as the
// options ask for.
func openTransform(opts tokenizers.Options) (*Artefact, *Transform, error) {
	var a *Artefact
	var err error
	if path := opts["file"]; path != "" {
		a, err = readFile(path)
	} else {
		a, err = shippedTransform(transformStem(opts["patch"]))
	}
	if err != nil {
		return nil, nil, err
	}
	if a.Frames > 0 || !a.Has("basis") {
		return nil, nil, fmt.Errorf("a %q artefact is no transform of patches: fit one with `go run ./tokenizers/quant/fit -o my%s kl:patch=%s`", a.Rule, extension, opts["patch"])
	}
	dim := min(defaultDim(opts), a.Dim)
	if opts.Int("dim") > a.Dim {
		return nil, nil, fmt.Errorf("dim=%d: the transform has %d directions: dim=%d is the most", opts.Int("dim"), a.Dim, a.Dim)
	}
	t, err := ReadTransform(a, dim)
	return a, t, err
}

// transformInfo is that of a tokenizer of a window by a transform of patches.
func transformInfo(name string, a *Artefact, t *Transform, opts tokenizers.Options, clips tokenizers.ClipInfo) tokenizers.Info {
	params := map[string]string(maps.Clone(opts))
	params["patch"], params["dim"] = strconv.Itoa(t.Patch), strconv.Itoa(t.Dim)
	return tokenizers.Info{
		Name: name, Version: version, Weights: a.Digest(),
		Deterministic: true, BatchInvariant: true, Concurrent: true,
		Stride: t.Patch, Channels: t.Dim, Clips: &clips, Params: params,
	}
}

// farthest is how many spreads of a latent its residual reaches at most.
const farthest = 16

// predictive is the tokenizer.
type predictive struct {
	t      *Transform
	step   float32
	tau    float64 // of a whole patch
	state  int     // latents that a linear predictor sees; 0: the frame before is copied
	always bool    // a linear predictor holds for all patches
	bounds []int32 // largest magnitude of the ids of each latent
	info   tokenizers.Info
}

func openPredictive(_ context.Context, name string, opts tokenizers.Options) (*predictive, error) {
	a, t, err := openTransform(opts)
	if err != nil {
		return nil, err
	}
	p := &predictive{
		t: t, step: float32(opts.Float("step")), tau: opts.Float("tau") * float64(t.Size()), bounds: make([]int32, t.Dim),
		info: transformInfo(name, a, t, opts, tokenizers.ClipInfo{Multiple: 1, Causal: true}),
	}
	if opts["predictor"] == predictLinear {
		p.state, p.always = min(opts.Int("state"), t.Dim), opts["trust"] == "always"
	}
	p.info.Codebooks = []int{2}
	for d := range p.bounds {
		// No latent of pixels from 0 to 255 is farther from zero; a residual at most twice.
		var far float64
		for i, v := range t.basis[d*t.Size():][:t.Size()] {
			far += 2 * math.Abs(float64(v)) * max(float64(t.mean[i]), 255-float64(t.mean[i]))
		}
		// Nor are those of patches like the ones fitted on farther than some spreads. What is,
		// comes in several frames.
		if len(t.quantiles) > 0 {
			far = min(far, farthest*spreads(t.quantiles[d*quantileCount:][:quantileCount], 1)[0])
		}
		p.bounds[d] = int32(far/float64(p.step)) + 1
		p.info.Codebooks = append(p.info.Codebooks, 2*int(p.bounds[d])+1)
	}
	return p, nil
}

// Info implements [tokenizers.Tokenizer].
func (p *predictive) Info() tokenizers.Info { return p.info }

// Reconstruct implements [tokenizers.Tokenizer]: every image is a first frame.
func (p *predictive) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return stills(ctx, p, in)
}

// ReconstructClip implements [tokenizers.ClipTokenizer]. Frames are decoded from the bytes
// that count as its bits.
func (p *predictive) ReconstructClip(ctx context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	if err := checkWindow(ctx, in, p.info); err != nil {
		return out, err
	}
	start := time.Now()
	w, h := in.Size()
	gw, gh := p.t.Grid(w, h)
	ids := p.encode(gw, gh, len(in.Frames), func(f int) []float32 { return p.t.Forward(in.Frames[f]) })
	var e rangecoder.Encoder
	newResidualModels(p.t.Dim).encode(&e, ids, p.bounds, gw, gh)
	data := e.Finish()
	encoded := time.Now()
	back := p.blank(gw * gh * len(in.Frames))
	if err := newResidualModels(p.t.Dim).decode(rangecoder.NewDecoder(data), back, p.bounds, gw, gh); err != nil {
		return out, fmt.Errorf("%s: decoding what was coded: %w", p.info.Name, err)
	}
	out.Frames = p.decode(back, w, h, len(in.Frames))
	out.Encode, out.Decode = encoded.Sub(start), time.Since(encoded)
	out.Bits = max(1, 8*int64(len(data)))
	out.Codes = &tokenizers.Codes{}
	for b, size := range p.info.Codebooks {
		out.Codes.Books = append(out.Codes.Books, tokenizers.Book{Size: size, Shape: []int{len(in.Frames), gh, gw}, IDs: back[b]})
	}
	return out, nil
}

// blank is room for the ids of n patches: the gates, then each latent's.
func (p *predictive) blank(n int) [][]int32 {
	ids := make([][]int32, 1+p.t.Dim)
	for b := range ids {
		ids[b] = make([]int32, n)
	}
	return ids
}

// encode returns the ids of frames, of which latents returns those of a grid of gw by gh
// patches.
func (p *predictive) encode(gw, gh, frames int, latents func(f int) []float32) [][]int32 {
	n, dim := gw*gh, p.t.Dim
	ids := p.blank(n * frames)
	row := make([]int32, dim)
	c := newCarry(p, gw, gh)
	for f := range frames {
		z, guess := latents(f), c.predict()
		for i := range n {
			r, own := z[i*dim:][:dim], guess[i*dim:][:dim]
			var norm float64
			any := false
			for d, v := range r {
				e := v - own[d]
				norm += float64(e) * float64(e)
				row[d] = p.quantize(d, e)
				any = any || row[d] != 0
			}
			// What would be sent as nothing need not be sent.
			if !any || f > 0 && norm <= p.tau {
				continue
			}
			ids[0][f*n+i] = 1
			for d, q := range row {
				ids[1+d][f*n+i] = zigzag(q)
			}
		}
		c.correct(ids, f*n)
	}
	return ids
}

// quantize is the id of a residual as a signed number.
func (p *predictive) quantize(d int, r float32) int32 {
	const dead = .6
	q := int32(min(math.Abs(float64(r))/float64(p.step)+1-dead, float64(p.bounds[d])))
	if r < 0 {
		return -q
	}
	return q
}

// zigzag writes 0, 1, −1, 2, −2, … as 0, 1, 2, 3, 4, …
func zigzag(q int32) int32 {
	if q > 0 {
		return 2*q - 1
	}
	return -2 * q
}

func unzigzag(id int32) int32 {
	if id%2 == 1 {
		return (id + 1) / 2
	}
	return -id / 2
}

// decode returns the frames of ids.
func (p *predictive) decode(ids [][]int32, w, h, frames int) []pix.Image {
	gw, gh := p.t.Grid(w, h)
	c := newCarry(p, gw, gh)
	out := make([]pix.Image, frames)
	for f := range out {
		c.predict()
		c.correct(ids, f*gw*gh)
		out[f] = p.t.Inverse(c.now, w, h)
	}
	return out
}

// A carry is the state of a window that encoder and decoder share.
type carry struct {
	p        *predictive
	now      []float32 // latents of the frame: predicted, then corrected
	before   []float32 // those of the frame before
	seen     int       // frames that were corrected
	dynamics *dynamics // nil: frames are copied
}

func newCarry(p *predictive, gw, gh int) *carry {
	c := &carry{p: p, now: make([]float32, gw*gh*p.t.Dim)}
	if p.state > 0 {
		c.dynamics = newDynamics(gw, gh, p.t.Dim, p.state)
		c.dynamics.always = p.always
	}
	return c
}

// predict returns the prediction of the next frame; not to be written to.
func (c *carry) predict() []float32 {
	if c.dynamics == nil || c.seen == 0 {
		return c.now
	}
	if c.seen > 1 {
		c.dynamics.learn(c.before, c.now)
	}
	c.before = append(c.before[:0], c.now...)
	c.dynamics.advance(c.now, c.before)
	return c.now
}

// correct adds what the ids of a frame, from position at on, stand for.
func (c *carry) correct(ids [][]int32, at int) {
	dim := c.p.t.Dim
	for i := range len(c.now) / dim {
		if ids[0][at+i] == 0 {
			continue
		}
		own := c.now[i*dim:][:dim]
		for d := range own {
			own[d] += float32(float32(unzigzag(ids[1+d][at+i])) * c.p.step)
		}
	}
	if c.dynamics != nil && c.seen > 0 {
		c.dynamics.judge(c.now, c.before)
	}
	c.seen++
}

// residualModels are the beliefs about gates and ids of a window.
type residualModels struct {
	// gates by whether the patches to the left, above and at the same place of the frame
	// before have one; the first frame has its own.
	gates [2][8]*rangecoder.Adaptive
	// sizes of each latent's ids in the first frame and in later ones, by those of the
	// patches to the left and above: both nothing, one in all, more.
	sizes [2][][3]*rangecoder.Adaptive
}

const (
	// escape is the size of an id from which on the rest is written as an Elias gamma code.
	escape = 15
	// idStrength is how many ids outweigh what models begin with.
	idStrength = 16
)

func newResidualModels(dim int) *residualModels {
	make1 := func(weights []float64) *rangecoder.Adaptive {
		m, err := rangecoder.NewAdaptive(weights, idStrength)
		if err != nil {
			panic(err) // the weights are ours
		}
		return m
	}
	sizes := make([]float64, escape+1)
	for i := range sizes {
		sizes[i] = math.Pow(2, -float64(i))
	}
	m := &residualModels{}
	for k := range 2 {
		for i := range m.gates[k] {
			m.gates[k][i] = make1([]float64{1, 1})
		}
		m.sizes[k] = make([][3]*rangecoder.Adaptive, dim)
		for d := range dim {
			for i := range m.sizes[k][d] {
				m.sizes[k][d][i] = make1(sizes)
			}
		}
	}
	return m
}

// gate and size are the models of what is at position i of ids.
func (m *residualModels) gate(gates []int32, i, gw, gh int) *rangecoder.Adaptive {
	left, up, before := around(gates, i, gw, gh)
	return m.gates[later(i, gw, gh)][left+2*up+4*before]
}

func (m *residualModels) size(d int, ids []int32, i, gw, gh int) *rangecoder.Adaptive {
	left, up, _ := around(ids, i, gw, gh)
	return m.sizes[later(i, gw, gh)][d][min((left+1)/2+(up+1)/2, 2)]
}

func later(i, gw, gh int) int { return min(i/(gw*gh), 1) }

// around are the ids to the left, above and at the same place of the frame before; 0 where
// there are none.
func around(ids []int32, i, gw, gh int) (left, up, before int32) {
	if i%gw > 0 {
		left = ids[i-1]
	}
	if i/gw%gh > 0 {
		up = ids[i-gw]
	}
	if i >= gw*gh {
		before = ids[i-gw*gh]
	}
	return left, up, before
}

func (m *residualModels) encode(e *rangecoder.Encoder, ids [][]int32, bounds []int32, gw, gh int) {
	for i, g := range ids[0] {
		rangecoder.Encode(e, m.gate(ids[0], i, gw, gh), int(g))
		if g == 0 {
			continue
		}
		for d := range bounds {
			q := unzigzag(ids[1+d][i])
			size := max(q, -q)
			rangecoder.Encode(e, m.size(d, ids[1+d], i, gw, gh), int(min(size, escape)))
			if size >= escape {
				putGamma(e, uint32(size-escape+1))
			}
			if size > 0 {
				e.Put(uint32(ids[1+d][i]&1), 1)
			}
		}
	}
}

func (m *residualModels) decode(dec *rangecoder.Decoder, ids [][]int32, bounds []int32, gw, gh int) error {
	for i := range ids[0] {
		g, err := rangecoder.Decode(dec, m.gate(ids[0], i, gw, gh))
		if err != nil {
			return err
		}
		ids[0][i] = int32(g)
		if g == 0 {
			continue
		}
		for d, bound := range bounds {
			size, err := rangecoder.Decode(dec, m.size(d, ids[1+d], i, gw, gh))
			if err != nil {
				return err
			}
			if size == escape {
				more, err := getGamma(dec)
				if err != nil {
					return err
				}
				size += int(more) - 1
			}
			if size > int(bound) {
				return rangecoder.ErrCorrupt
			}
			if size == 0 {
				continue
			}
			plus, err := dec.Get(1)
			if err != nil {
				return err
			}
			ids[1+d][i] = 2*int32(size) - int32(plus)
		}
	}
	return nil
}

// putGamma writes a positive number as an Elias gamma code.
func putGamma(e *rangecoder.Encoder, v uint32) {
	n := 0
	for v>>(n+1) > 0 {
		n++
	}
	for range n {
		e.Put(0, 1)
	}
	e.Put(1, 1)
	if n > 0 {
		e.Put(v, n)
	}
}

func getGamma(d *rangecoder.Decoder) (uint32, error) {
	const most = 24
	n := 0
	for {
		bit, err := d.Get(1)
		if err != nil {
			return 0, err
		}
		if bit == 1 {
			break
		}
		if n++; n > most {
			return 0, rangecoder.ErrCorrupt
		}
	}
	if n == 0 {
		return 1, nil
	}
	v, err := d.Get(n)
	return 1<<n | v, err
}
