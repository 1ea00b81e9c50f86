// Package cheapest holds the tokenizer that chooses: of several, tried in their order,
// the first whose reconstruction of an image is good enough.
//
// Its opinion: "early exit" is a claim about rate at equal quality, so the choice is
// part of what is measured. The bits of an image are those of the tokenizer that was
// chosen and those that say which it was; its time is that of all that were tried. What
// is good enough is judged by the reconstruction alone, as a decoder could (RBQE,
// arXiv:2006.16581), or against the image, as an encoder can.
package cheapest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// version changes when the same members would be chosen from differently.
const version = "1"

// auto is the value of least that stands for the score's own.
const auto = "auto"

// Kind is the entry of the registry; kinds lists what can be chosen from.
func Kind(kinds func() []tokenizers.Kind) tokenizers.Kind {
	names := make([]string, 0, len(scores()))
	for _, s := range scores() {
		names = append(names, s.name)
	}
	return tokenizers.Kind{
		Name:    "cheapest",
		Summary: "of several tokenizers the first, in their order, that is good enough for the image",
		Source:  "RBQE, Xing et al. 2020, arXiv:2006.16581 (early exit; the score is ours)",
		Example: "cheapest:of={{vq:patch=16,k=256},{vq:patch=8,k=1024},{vq:patch=4,k=1024}}",
		Options: []tokenizers.Option{
			membersOption(kinds),
			tokenizers.ChoiceOption("score", "what is good enough: PSNR against the image, or how much texture and how few block edges the reconstruction has by itself", names...),
			{
				Name: "least", Default: auto, Help: "the score from which a reconstruction is good enough; auto: 25 dB, or what was fitted for the score",
				Check: func(v string) error {
					if f, err := strconv.ParseFloat(v, 64); v != auto && (err != nil || math.IsNaN(f) || math.IsInf(f, 0)) {
						return errors.New("want a number, or auto")
					}
					return nil
				},
			},
		},
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			return open(ctx, opts, kinds())
		},
	}
}

func membersOption(kinds func() []tokenizers.Kind) tokenizers.Option {
	o := tokenizers.ListOption("of", "the tokenizers, the cheapest first; those with commas in braces of their own", kinds)
	o.Required = true
	check := o.Check
	o.Check = func(v string) error {
		if err := check(v); err != nil || v == "" {
			return err
		}
		if specs, err := tokenizers.ParseList(v, kinds()); err == nil && len(specs) == 1 {
			return fmt.Errorf("of one tokenizer there is nothing to choose: use %s itself, or name two", specs[0].Name)
		}
		return nil
	}
	return o
}

// choosing is the tokenizer.
type choosing struct {
	members []tokenizers.Tokenizer
	score   score
	least   float64
	info    tokenizers.Info
}

func open(ctx context.Context, opts tokenizers.Options, kinds []tokenizers.Kind) (_ tokenizers.Tokenizer, err error) {
	specs, err := tokenizers.ParseList(opts["of"], kinds)
	if err != nil {
		return nil, fmt.Errorf("cheapest: %w", err)
	}
	c := &choosing{}
	for _, s := range scores() {
		if s.name == opts["score"] {
			c.score, c.least = s, s.least
		}
	}
	if opts["least"] != auto {
		c.least = opts.Float("least")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	for _, s := range specs {
		kind, own, err := tokenizers.Resolve(s, kinds)
		if err != nil {
			return nil, fmt.Errorf("cheapest: %w", err)
		}
		t, err := kind.Open(ctx, own)
		if err != nil {
			return nil, fmt.Errorf("cheapest: %w", err)
		}
		if _, byName := t.(tokenizers.Lookup); byName {
			err := fmt.Errorf("cheapest: %s looks reconstructions up by name: name tokenizers that compute them", s.Name)
			if closer, ok := t.(io.Closer); ok {
				err = errors.Join(err, closer.Close())
			}
			return nil, err
		}
		c.members = append(c.members, t)
	}
	return c, c.describe(opts)
}

// describe makes the Info of all members together.
func (c *choosing) describe(opts tokenizers.Options) error {
	out := tokenizers.Info{
		Name: "cheapest", Version: version, Deterministic: true, BatchInvariant: true, Concurrent: true, MultipleOf: 1,
		Params: map[string]string{"of": opts["of"], "score": c.score.name, "least": strconv.FormatFloat(c.least, 'g', -1, 64)},
	}
	h := sha256.New()
	learned, undigested := false, false
	for k, t := range c.members {
		in := t.Info()
		for name, v := range in.Params { // versions of engines among them: they change results
			out.Params[fmt.Sprintf("of.%d.%s", k+1, name)] = v
		}
		out.Deterministic = out.Deterministic && in.Deterministic
		out.BatchInvariant = out.BatchInvariant && in.BatchInvariant
		out.Concurrent = out.Concurrent && in.Concurrent
		out.External = out.External || in.External
		out.MultipleOf = lcm(out.MultipleOf, max(1, in.MultipleOf))
		out.MinSide = max(out.MinSide, in.MinSide)
		if in.MaxSide > 0 && (out.MaxSide == 0 || in.MaxSide < out.MaxSide) {
			out.MaxSide = in.MaxSide
		}
		for _, side := range []struct{ all, own *int }{{&out.FixedW, &in.FixedW}, {&out.FixedH, &in.FixedH}} {
			if *side.own == 0 {
				continue
			}
			if *side.all != 0 && *side.all != *side.own {
				return fmt.Errorf("cheapest: its tokenizers take images of %d and of %d pixels only: name such that take one size", *side.all, *side.own)
			}
			*side.all = *side.own
		}
		learned = learned || in.Weights != ""
		undigested = undigested || in.Weights == "" && in.External
		_, _ = fmt.Fprintf(h, "%s %s %s\n", in.Name, in.Version, in.Weights) // hashes do not fail
	}
	if learned && !undigested {
		out.Weights = hex.EncodeToString(h.Sum(nil))
	}
	if out.MultipleOf == 1 {
		out.MultipleOf = 0
	}
	c.info = out
	return nil
}

func lcm(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}

// Info implements [tokenizers.Tokenizer].
func (c *choosing) Info() tokenizers.Info { return c.info }

// Close closes the members.
func (c *choosing) Close() error {
	var errs []error
	for _, t := range c.members {
		if closer, ok := t.(io.Closer); ok {
			errs = append(errs, closer.Close())
		}
	}
	return errors.Join(errs...)
}

// Warm implements [tokenizers.Warmer].
func (c *choosing) Warm(ctx context.Context, w, h int) error {
	for _, t := range c.members {
		if warmer, ok := t.(tokenizers.Warmer); ok {
			if err := warmer.Warm(ctx, w, h); err != nil {
				return err
			}
		}
	}
	return nil
}

// Reconstruct implements [tokenizers.Tokenizer]. Ids are not handed out, since those of
// one image are of another codebook than those of the next.
func (c *choosing) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	spent := make([]time.Duration, len(in))
	left := make([]int, len(in)) // images that nothing was good enough for so far
	for i := range left {
		left[i] = i
	}
	for m, t := range c.members {
		if len(left) == 0 {
			break
		}
		batch := make([]pix.Image, len(left))
		for k, i := range left {
			batch[k] = in[i]
		}
		got, err := t.Reconstruct(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Info().Name, err)
		}
		if err := tokenizers.Check(batch, got); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Info().Name, err)
		}
		var still []int
		for k, i := range left {
			r := got[k]
			if r.Err != nil {
				out[i].Err = fmt.Errorf("%s: %w", t.Info().Name, r.Err)
				continue
			}
			start := time.Now()
			good := m == len(c.members)-1 || c.score.of(in[i], r.Image) >= c.least
			spent[i] += r.Encode + time.Since(start)
			if !good {
				spent[i] += r.Decode
				still = append(still, i)
				continue
			}
			if out[i], err = c.chosen(t, r); err != nil {
				out[i].Err = err
				continue
			}
			out[i].Encode = spent[i]
		}
		left = still
	}
	return out, nil
}

// chosen is a reconstruction with the bits that say whose it is.
func (c *choosing) chosen(t tokenizers.Tokenizer, r tokenizers.Reconstruction) (tokenizers.Reconstruction, error) {
	if r.Bits == 0 && r.Codes != nil {
		var nominal float64
		for _, b := range r.Codes.Books {
			nominal += float64(len(b.IDs)) * math.Log2(float64(b.Size))
		}
		r.Bits = int64(math.Ceil(nominal))
	}
	if r.Bits == 0 {
		return tokenizers.Reconstruction{}, fmt.Errorf("%s has neither a bitstream nor ids, so that it cannot be called cheap: name such that have", t.Info().Name)
	}
	return tokenizers.Reconstruction{Image: r.Image, Bits: r.Bits + int64(bits.Len(uint(len(c.members)-1))), Decode: r.Decode}, nil
}
