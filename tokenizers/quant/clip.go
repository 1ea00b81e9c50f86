package quant

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/vtbench/vtbench/internal/rangecoder"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

const groupClips = "clips of frames"

// ClipKinds lists the tokenizers that code frames of films together.
func ClipKinds() []tokenizers.Kind {
	var out []tokenizers.Kind
	for _, r := range clipRules() {
		out = append(out, r.kind())
	}
	return append(append(out, predictKinds()...), ternaryKind())
}

// clipRules are the rules of space–time blocks.
func clipRules() []rule { return []rule{kl3dRule(), vq3dRule()} }

func blockOptions() []tokenizers.Option {
	return []tokenizers.Option{
		tokenizers.IntOption("patch", 8, 1, 256, "side of a block in pixels; 8 with t=4, 16 and 32 with t=8 are shipped"),
		tokenizers.IntOption("t", 4, 1, maxBlockFrames, "frames of a block"),
	}
}

// Space–time blocks without a quantizer, the bound of those with one: what "kl" is to
// patches.
func kl3dRule() rule {
	return rule{
		name:    "kl3d",
		group:   groupClips,
		summary: "continuous latents of space–time blocks (KLT), not quantized; optionally with noise",
		source:  "the linear counterpart of LTX-Video, arXiv:2501.00103; OD-VAE, arXiv:2409.01199; CV-VAE, arXiv:2405.20279",
		example: "kl3d:patch=8,t=4,dim=64",
		options: append(blockOptions(),
			tokenizers.IntOption("dim", 64, 1, maxDim, "numbers a block becomes; at most as many as were fitted, 128 of those that ship"),
			tokenizers.FloatOption("noise", 0, 0, 1e4, "standard deviation of the noise on every latent, in grey values; the capacity it leaves is the rate"),
			fileOption(),
		),
		stem:       func(o tokenizers.Options) string { return blocksStem(o["patch"], o["t"]) },
		dim:        blockDim,
		refuse:     refuseBlocks,
		openBlocks: func(*Artefact, *Blocks, tokenizers.Options) (Quantizer, error) { return nil, nil },
	}
}

// Vector quantization of the latents of space–time blocks.
func vq3dRule() rule {
	return rule{
		name:    "vq3d",
		group:   groupClips,
		summary: "space–time blocks to codewords (KLT latents); codebooks in a row and in groups",
		source:  "the linear counterpart of MotionAura's 3D-MBQ-VAE, arXiv:2410.07659; codebooks as of vq",
		example: "vq3d:patch=8,t=4,depth=4",
		options: append(blockOptions(),
			tokenizers.Option{Name: "k", Default: "1024", Help: "codewords of each codebook; several joined by - are one for each depth in turn", Check: vqOption("k").Check},
			tokenizers.IntOption("dim", 0, 0, maxDim, "latents a codeword has; 0: 64"),
			vqOption("groups"), vqOption("split"), vqOption("depth"), vqOption("beam"),
			fileOption(),
		),
		stem: func(o tokenizers.Options) string {
			o = asVQ(o)
			return fmt.Sprintf("vq3d-p%s-t%s-k%s", o["patch"], o["t"], o["k"]) + vqStem(o)[len(fmt.Sprintf("vq-p%s-k%s", o["patch"], o["k"])):]
		},
		dim: blockDim,
		refuse: func(o tokenizers.Options) error {
			if err := refuseBlocks(o); err != nil {
				return err
			}
			return refuseVQ(asVQ(o))
		},
		openBlocks: func(a *Artefact, b *Blocks, o tokenizers.Options) (Quantizer, error) {
			return openStages(a, b.Dim, asVQ(o))
		},
		fit: func(f *fitting) ([]Tensor, []Layout, map[string]string, error) {
			own := *f
			own.opts = asVQ(f.opts)
			tensors, stages, notes, err := fitVQ(&own)
			f.count = own.count
			return tensors, stages, notes, err
		},
	}
}

// vqOption is an option of vq.
func vqOption(name string) tokenizers.Option {
	for _, o := range vqRule().options {
		if o.Name == name {
			return o
		}
	}
	panic("vq has no option " + name)
}

// asVQ adds the defaults of the options of vq that blocks do not have.
func asVQ(o tokenizers.Options) tokenizers.Options {
	out := tokenizers.Options{}
	for _, v := range vqRule().options {
		out[v.Name] = v.Default
	}
	maps.Copy(out, o)
	out["dim"] = strconv.Itoa(blockDim(o))
	return out
}

// blockDim is the number of latents that the options ask for.
func blockDim(o tokenizers.Options) int {
	if d := o.Int("dim"); d > 0 || o["file"] != "" {
		return d
	}
	return partDim
}

func refuseBlocks(o tokenizers.Options) error {
	if o["file"] != "" {
		return nil
	}
	_, err := blockSteps(o.Int("patch"), o.Int("t"), blockDim(o))
	return err
}

// clips opens a rule of blocks.
func (r rule) clips(a, from *Artefact, dim int, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	b, err := ReadBlocks(from, dim)
	if err != nil {
		return nil, err
	}
	q, err := r.openBlocks(a, b, opts)
	if err != nil {
		return nil, err
	}
	params := map[string]string(maps.Clone(opts))
	params["patch"], params["t"], params["dim"] = strconv.Itoa(b.Patch), strconv.Itoa(b.Frames), strconv.Itoa(b.Dim)
	c := &blockCoder{b: b, q: q, noise: opts.Float("noise"), info: tokenizers.Info{
		Name: r.name, Version: version, Weights: together(a, from),
		Deterministic: true, BatchInvariant: true, Concurrent: true,
		Stride: b.Patch, Channels: b.Dim, Clips: &tokenizers.ClipInfo{Multiple: b.Frames}, Params: params,
	}}
	if q == nil {
		return c, nil
	}
	c.info.Codebooks = q.Books()
	c.coder, err = newFrequencies(q)
	return c, err
}

// A blockCoder codes films by blocks of space and time.
type blockCoder struct {
	b     *Blocks
	q     Quantizer // nil: latents stay numbers
	coder Coder
	noise float64 // of latents that stay numbers, in grey values
	info  tokenizers.Info
}

// Info implements [tokenizers.Tokenizer].
func (c *blockCoder) Info() tokenizers.Info { return c.info }

// ReconstructClip implements [tokenizers.ClipTokenizer].
func (c *blockCoder) ReconstructClip(ctx context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	if err := checkWindow(ctx, in, c.info); err != nil {
		return out, err
	}
	start := time.Now()
	w, h := in.Size()
	gw, gh, gt := c.b.Grid(w, h, len(in.Frames))
	n := gw * gh * gt
	x := c.b.Forward(in.Frames)
	var ids [][]int32
	switch {
	case c.q != nil:
		all := make([]int32, n*len(c.info.Codebooks))
		c.q.Quantize(all, x)
		out.Codes = &tokenizers.Codes{}
		for b, size := range c.info.Codebooks {
			ids = append(ids, all[b*n:][:n])
			out.Codes.Books = append(out.Codes.Books, tokenizers.Book{Size: size, Shape: []int{gt, gh, gw}, IDs: ids[b]})
		}
		var e rangecoder.Encoder
		c.coder.Encode(&e, ids)
		out.Bits = max(1, 8*int64(len(e.Finish())))
	case c.noise > 0:
		disturb(x, c.noise, in.Frames...)
		out.Capacity = float64(n) * capacity(c.b.spread, c.noise)
	}
	encoded := time.Now()
	if c.q != nil {
		c.dequantize(x, ids)
	}
	out.Frames = c.b.Inverse(x, w, h, len(in.Frames))
	out.Encode, out.Decode = encoded.Sub(start), time.Since(encoded)
	return out, nil
}

func (c *blockCoder) dequantize(x []float32, ids [][]int32) {
	var all []int32
	for _, book := range ids {
		all = append(all, book...)
	}
	c.q.Dequantize(x, all)
}

// Reconstruct implements [tokenizers.Tokenizer]: every image is a film of one frame, which
// is repeated to fill a block.
func (c *blockCoder) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return stills(ctx, c, in)
}

// Latents implements [tokenizers.LatentEncoder].
func (c *blockCoder) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	out := make([]tokenizers.Latent, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("latents of image %d: %w", i, err)
		}
		gw, gh, _ := c.b.Grid(m.W, m.H, 1)
		out[i] = planar(c.b.Forward([]pix.Image{m}), c.b.Dim, gw, gh)
	}
	return out, nil
}

// stills makes a tokenizer of images of one of films.
func stills(ctx context.Context, t tokenizers.ClipTokenizer, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	frames := t.Info().Clips.Frames(1)
	return each(ctx, in, func(m pix.Image) (r tokenizers.Reconstruction) {
		film := pix.Clip{}
		for range frames {
			film.Frames = append(film.Frames, m)
		}
		c, err := t.ReconstructClip(ctx, film)
		if err != nil {
			r.Err = err
			return r
		}
		return tokenizers.Reconstruction{
			Image: c.Frames[0], Codes: c.Codes, Bits: c.Bits, FileBits: c.FileBits, Capacity: c.Capacity, Encode: c.Encode, Decode: c.Decode,
		}
	})
}

// checkWindow refuses what the runner would not send.
func checkWindow(ctx context.Context, in pix.Clip, info tokenizers.Info) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := in.Validate(); err != nil {
		return err
	}
	if n := len(in.Frames); info.Clips.Frames(n) != n {
		return fmt.Errorf("%s: a window of %d frames: the number must be a multiple of %d", info.Name, n, info.Clips.Multiple)
	}
	return nil
}

// capacity is how many bits numbers of these spreads can carry through noise: a Gaussian
// channel each, ½·log2(1 + λ/σ²).
func capacity(spread []float64, noise float64) float64 {
	var bits float64
	for _, s := range spread {
		bits += .5 * math.Log2(1+s*s/(noise*noise))
	}
	return bits
}

// disturb adds noise: drawn anew for every film, and the same for the same film.
func disturb(x []float32, noise float64, frames ...pix.Image) {
	h := fnv.New64a()
	for _, m := range frames {
		_, _ = fmt.Fprintf(h, "%d %d ", m.W, m.H) // hashes do not fail
		_, _ = h.Write(m.Pix)
	}
	rng := rand.New(rand.NewPCG(h.Sum64(), 0x6b6c))
	for i := range x {
		x[i] += float32(noise * rng.NormFloat64())
	}
}
