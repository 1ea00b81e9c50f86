package run

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/guard"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// damages reports whether the tokenizer can take part in a kind of token damage.
func damages(t tokenizers.Tokenizer, kind string) bool {
	if _, ok := t.(tokenizers.Decoder); !ok {
		return false
	}
	ok := true
	switch kind {
	case suite.TokenNearest:
		_, ok = t.(tokenizers.Neighbourer)
	case suite.TokenRepair:
		_, ok = t.(tokenizers.Repairer)
	case suite.TokenCluster:
		_, ok = t.(tokenizers.Clusterer)
	}
	return ok
}

// damages reports whether tokenizer t takes part in a kind of token damage of images, or of
// films. The tokens of a window that is coded as one stand for no single image, and no
// contract decodes them, whatever the tokenizer does with those of images.
func (r *runner) damages(t int, kind string, film bool) bool {
	return damages(r.cfg.Tokenizers[t].Tokenizer, kind) && !(film && r.codesClips(t))
}

// masked is the share of tokens that TokenMaskReplace drops; the others become any
// other code.
const masked = .9

// damageTokens returns a copy of the codes of a side×side image of which a share is
// replaced. The positions depend on the key alone; all books are one pool, so that
// a share is a share of what is sent.
func damageTokens(codes *tokenizers.Codes, kind string, share float64, t tokenizers.Tokenizer, side int, seed uint64, key ...string) (*tokenizers.Codes, error) {
	out := &tokenizers.Codes{Books: slices.Clone(codes.Books)}
	type position struct{ book, at int }
	var all []position
	frequent := make([]int32, len(out.Books))
	nearest := make([][]int32, len(out.Books))
	lost := make([][]bool, len(out.Books))
	for b := range out.Books {
		book := &out.Books[b]
		book.IDs = slices.Clone(book.IDs)
		lost[b] = make([]bool, len(book.IDs))
		for i := range book.IDs {
			all = append(all, position{b, i})
		}
		switch kind {
		case suite.TokenDrop, suite.TokenMaskReplace:
			frequent[b] = mode(book.IDs)
		case suite.TokenNearest:
			var err error
			if nearest[b], err = t.(tokenizers.Neighbourer).Nearest(b); err != nil {
				return nil, fmt.Errorf("looking up the nearest codes of codebook %d: %w", b, err)
			}
			if len(nearest[b]) < book.Size {
				return nil, fmt.Errorf("looking up the nearest codes of codebook %d: got %d for %d codes", b, len(nearest[b]), book.Size)
			}
		}
	}
	h := sha256.Sum256([]byte(join(key...)))
	rng := rand.New(rand.NewPCG(seed, binary.LittleEndian.Uint64(h[:8])))
	n := min(max(1, int(math.Round(share*float64(len(all))))), len(all))
	for k := range n { // the first n of a Fisher–Yates shuffle
		j := k + rng.IntN(len(all)-k)
		all[k], all[j] = all[j], all[k]
		p := all[k]
		book := out.Books[p.book]
		id := &book.IDs[p.at]
		switch {
		case kind == suite.TokenDrop, kind == suite.TokenMaskReplace && float64(k) < masked*float64(n):
			*id = frequent[p.book]
		case kind == suite.TokenNearest:
			*id = nearest[p.book][*id]
		case kind == suite.TokenRepair:
			lost[p.book][p.at] = true
		case kind == suite.TokenCluster:
			// Of the undamaged codes: a cluster may depend on another book's id.
			others, err := t.(tokenizers.Clusterer).Alternatives(codes, p.book, p.at)
			if err != nil {
				return nil, fmt.Errorf("looking up the cluster of a code of codebook %d: %w", p.book, err)
			}
			if len(others) > 0 {
				*id = others[rng.IntN(len(others))]
			}
		case book.Size > 1: // any code but the one it was
			other := int32(rng.IntN(book.Size - 1))
			if other >= *id {
				other++
			}
			*id = other
		}
	}
	if kind == suite.TokenRepair {
		repaired, err := t.(tokenizers.Repairer).Repair(out, lost, side, side)
		if err != nil {
			return nil, fmt.Errorf("repairing lost codes: %w", err)
		}
		return repaired, nil
	}
	return out, nil
}

// mode is the most frequent id, the smallest of several.
func mode(ids []int32) int32 {
	counts := map[int32]int{}
	for _, id := range ids {
		counts[id]++
	}
	var best int32
	most := 0
	for id, n := range counts {
		if n > most || n == most && id < best {
			best, most = id, n
		}
	}
	return best
}

// errNoClean says that there is nothing to damage.
var errNoClean = errors.New("there are no codes of the clean image to damage")

// decodeDamaged decodes damaged codes of clean images, for cells of a batch. Failures are
// in the results; the error says that the run has to stop.
func (r *runner) decodeDamaged(ctx context.Context, b *batch, wanted []int) error {
	src := r.cfg.Tokenizers[b.tokenizer]
	var codes []*tokenizers.Codes
	var at []*cell
	for _, i := range wanted {
		c := b.cells[i]
		in, clean := c.in, b.clean[i]
		switch {
		case in.err != nil:
			c.result.Err = in.err
			continue
		case c.result.Err != nil: // its reference could not be made
			continue
		case clean.err != nil:
			c.result.Err = clean.err
			continue
		case clean.tokens == nil:
			c.result.Err = errNoClean
			continue
		}
		hit := in.cond
		if hit.Corruption == suite.TokenRepair {
			hit.Corruption = suite.TokenDrop // the same tokens, so that the two can be compared
		}
		key := []string{r.manifest.Datasets[in.source].Name, in.id, src.Name, hit.String()}
		damaged, err := damageTokens(clean.tokens, b.cond.Corruption, suite.TokenShares[b.cond.Severity-1], src.Tokenizer, b.cond.Resolution, r.cfg.Seed, key...)
		if err != nil {
			c.result.Err = fmt.Errorf("damaging the tokens of %s: %w", in.id, err)
			continue
		}
		c.result.Codes = damaged
		codes, at = append(codes, damaged), append(at, c)
	}
	if len(codes) == 0 {
		return nil
	}
	if err := r.warmed(ctx, b.tokenizer); err != nil {
		return err
	}
	out, err := r.decode(ctx, b.tokenizer, codes, b.cond.Resolution)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for k, c := range at {
		if err != nil {
			c.result.Err = err
			continue
		}
		c.result.Image = out[k]
	}
	return nil
}

// decode is Decode with its contract enforced; a panic costs the batch.
func (r *runner) decode(ctx context.Context, t int, batch []*tokenizers.Codes, side int) (out []pix.Image, err error) {
	src := r.cfg.Tokenizers[t]
	defer guard.Recover(&err, "tokenizer "+src.Name)
	release, err := r.enter(ctx, t)
	if err != nil {
		return nil, err
	}
	defer release()
	defer r.spent.in(tokenizing)()
	out, err = src.Tokenizer.(tokenizers.Decoder).Decode(ctx, batch, side, side)
	if err != nil {
		return nil, fmt.Errorf("tokenizer %s: decoding: %w", src.Name, err)
	}
	if len(out) != len(batch) {
		return nil, fmt.Errorf("tokenizer %s: decoding returned %d images for a batch of %d", src.Name, len(out), len(batch))
	}
	for i := range out {
		if err := out[i].Validate(); err != nil {
			return nil, fmt.Errorf("tokenizer %s: decoding: %w", src.Name, err)
		}
		if out[i].W != side || out[i].H != side {
			return nil, fmt.Errorf("tokenizer %s: decoding returned %d×%d, want %d×%d", src.Name, out[i].W, out[i].H, side, side)
		}
	}
	return out, nil
}

// changes are the records of what compares codes, for one reconstruction: with those of
// the clean image, or with its own when it is encoded once more.
func (r *runner) changes(c *cell, base record.Record, t int, clean *cell) []record.Record {
	near, _ := r.cfg.Tokenizers[t].Tokenizer.(tokenizers.Neighbourer)
	var out []record.Record
	for i, m := range r.cfg.Codes {
		specs := r.owed(m, t)
		if !r.anyWanted(specs) {
			continue
		}
		rec := c.key
		if clean != nil {
			rec = identity.Changed(clean.key, c.key)
		}
		got, err := c.part(r.value(c, rec, func(k *kept) identity.Part { return k.codes[i] }, asShown), needs{again: clean == nil}, func() (part, error) {
			before, after := c.tokens, c.again
			switch {
			case clean != nil && clean.err != nil:
				return part{}, errNoClean
			case clean != nil:
				before, after = clean.tokens, c.tokens
			case c.againErr != nil:
				return part{}, c.againErr
			}
			if before == nil || after == nil {
				return part{}, nil // nothing to compare
			}
			values, err := guard.Call("comparing codes by "+specs[0].ID, func() ([]metrics.Value, error) { return m.Compare(before, after, near) })
			return part{values: values}, err
		})
		if errors.Is(err, errNoClean) {
			continue // counted where the clean image failed
		}
		out = append(out, r.values(base, c.in, specs, got.values, err)...)
	}
	return out
}

// owed are the values that a comparison of codes has for a tokenizer: without knowledge
// of its codewords the first only.
func (r *runner) owed(m metrics.CodeComparer, t int) []metrics.Spec {
	specs := m.Specs()
	if _, ok := r.cfg.Tokenizers[t].Tokenizer.(tokenizers.Neighbourer); !ok {
		return specs[:1]
	}
	return specs
}

// comparesCodes reports whether any metric wants tokens to be compared.
func (r *runner) comparesCodes() bool {
	return slices.ContainsFunc(r.cfg.Codes, func(m metrics.CodeComparer) bool { return r.anyWanted(m.Specs()) })
}

// encodeAgain encodes clean reconstructions once more and keeps their tokens: what
// flips without any damage.
func (r *runner) encodeAgain(ctx context.Context, b *batch) error {
	if !r.comparesCodes() || b.clips {
		return nil
	}
	if _, ok := r.cfg.Tokenizers[b.tokenizer].Tokenizer.(tokenizers.Lookup); ok {
		return nil // finds results, cannot encode
	}
	var images []pix.Image
	var at []*cell
	for _, c := range b.cells {
		if c.needs.again && c.err == nil && c.tokens != nil {
			images, at = append(images, c.result.Image), append(at, c)
		}
	}
	if len(images) == 0 {
		return nil
	}
	out, err := r.call(ctx, b.tokenizer, images, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for k, c := range at {
		switch {
		case err != nil:
			c.againErr = err
		case out[k].Err != nil:
			c.againErr = out[k].Err
		default:
			c.again = out[k].Codes
		}
	}
	return nil
}
