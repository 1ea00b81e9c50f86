package tokenizertest

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// checks lists what is asked, cheap and fundamental things first.
func checks() []check {
	return []check{
		{
			"info", "does it describe itself without contradiction?",
			"correct the fields that are named", checkInfo,
		},
		{
			"warm", "does warming up succeed?",
			"warming up must take every size that is declared", checkWarm,
		},
		{
			"shape", "is there one image of the input's size for every input, in order?",
			"return exactly one image per input, each of the size of its input; crop what was padded", checkShape,
		},
		{
			"resemblance", "is the output anything like the input?",
			"look at the range of values (0..1, -1..1, 0..255), the order of channels (RGB) and the layout (HWC, CHW)", checkResemblance,
		},
		{
			"deterministic", "does the same input give the same output, if it says so?",
			"switch sampling, dropout and autotuning off, or declare deterministic: false", checkDeterministic,
		},
		{
			"batch", "is an image's result its own, alone, in a batch and in another order?",
			"let no image see another: evaluation mode, no batch statistics, no padding to the largest; declare batch_invariant only where results are equal bit by bit", checkBatch,
		},
		{
			"sizes", "are all sizes taken that the declaration allows, odd and extreme ones too?",
			"pad and crop inside, or declare multiple_of, a fixed size, min_side or max_side", checkSizes,
		},
		{
			"mixed", "does a batch of different sizes work?",
			"group the inputs by size, or treat them one by one", checkMixed,
		},
		{
			"empty", "does an empty batch give an empty result?",
			"return no results and no error for no inputs", checkEmpty,
		},
		{
			"codes", "do ids and shapes fit the declared codebooks?",
			"ids lie in [0, size); the shape depends on the image's size only; codebooks lists the sizes", checkCodes,
		},
		{
			"decode", "does decoding the codes give the reconstruction?",
			"decoding must run the decoder that reconstructing runs, with the same rounding", checkDecode,
		},
		{
			"bad codes", "are codes that do not fit refused with an error?",
			"validate ids, shapes and the number of codebooks before decoding", checkBadCodes,
		},
		{
			"latents", "are the latents finite and of the stated shape?",
			"return [channels, h, w] with as many numbers; channels as declared", checkLatents,
		},
		{
			"neighbours", "are the nearest codes and distances those of a metric?",
			"an id is never its own nearest; distances are symmetric, and 0 only to the id itself", checkNeighbours,
		},
		{
			"bits", "are bit counts plausible?",
			"bits is the bitstream without its container in bits (not bytes), file_bits with it; 0 where there is none", checkBits,
		},
		{
			"times", "are encode and decode times plausible?",
			"measure with a monotonic clock around synchronised work, per image, and not longer than the call took", checkTimes,
		},
		{
			"isolation", "does an unacceptable image cost only itself?",
			"return an error for that image, or refuse the whole batch with one", checkIsolation,
		},
		{
			"cancelled", "does a call end when its context has ended, and the next one work?",
			"look between images whether the call was cancelled, and pass that on to whatever blocks", checkCancelled,
		},
		{
			"retained", "do results stay as they are when further images are processed?",
			"return fresh buffers; do not hand out the ones that are reused", checkRetained,
		},
		{
			"warnings", "is there nothing it warns of?",
			"see to what it says, or know that it is meant so", checkWarnings,
		},
		{
			"concurrent", "do concurrent calls give the same results, if it says so?",
			"guard shared state, or do not declare that calls may be concurrent", checkConcurrent,
		},
	}
}

// byName ends a check that a tokenizer which looks images up cannot take.
func (r *runner) byName() error {
	if _, ok := r.tok.(tokenizers.Lookup); ok {
		return skipped("it looks reconstructions up by name and computes none")
	}
	return nil
}

func checkInfo(_ context.Context, r *runner) (string, error) {
	in := r.info
	var bad []string
	wrong := func(cond bool, format string, args ...any) {
		if cond {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	wrong(in.Name == "", "name is empty")
	wrong(in.Version == "", "version is empty: results of two versions could not be told apart")
	wrong(min(in.MultipleOf, in.FixedW, in.FixedH, in.MinSide, in.MaxSide, in.Stride, in.Channels, in.BatchSize) < 0, "a size is negative")
	wrong(in.BatchInvariant && !in.Deterministic, "batch_invariant is declared and deterministic is not: what is drawn anew each time cannot be equal bit by bit")
	wrong(in.MaxSide > 0 && in.MinSide > in.MaxSide, "min_side %d is above max_side %d", in.MinSide, in.MaxSide)
	for _, k := range in.Codebooks {
		wrong(k < 1, "codebooks: a size of %d", k)
	}
	if in.Weights != "" {
		raw, err := hex.DecodeString(in.Weights)
		wrong(err != nil || len(raw) != 32, "weights %q is not a SHA-256 in hex", in.Weights)
	}
	_, clips := r.tok.(tokenizers.ClipTokenizer)
	wrong(clips && in.Clips == nil, "it takes clips, and clips is not declared")
	wrong(!clips && in.Clips != nil, "clips is declared, and it takes none")
	if err := in.Clips.Validate(); err != nil {
		bad = append(bad, err.Error())
	}
	if len(bad) == 0 {
		w, h := r.base()
		if err := in.Accepts(w, h); err != nil {
			bad = append(bad, fmt.Sprintf("no size satisfies the constraints: %v", err))
		}
	}
	again := r.tok.Info()
	wrong(again.Name != in.Name || again.Version != in.Version || again.Weights != in.Weights || !slices.Equal(again.Codebooks, in.Codebooks), "it describes itself in another way when asked again")
	if len(bad) > 0 {
		return "", errors.New(strings.Join(bad, "; "))
	}
	return fmt.Sprintf("%s %s", in.Name, in.Version), nil
}

func checkWarm(ctx context.Context, r *runner) (string, error) {
	warmer, ok := r.tok.(tokenizers.Warmer)
	if !ok {
		return "", skipped("it needs no warming up")
	}
	w, h := r.base()
	start := time.Now()
	_, err := guard(ctx, r, func(ctx context.Context) (struct{}, error) { return struct{}{}, warmer.Warm(ctx, w, h) })
	return time.Since(start).Round(time.Millisecond).String(), err
}

func checkShape(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 1), picture(w, h, 2), picture(w, h, 3)}
	if _, err := r.good(ctx, in...); err != nil {
		if broke(err) || r.dirty != "" {
			return "", err
		}
		if !r.takes(ctx, w, h) {
			r.lost = fmt.Sprintf("images of %d×%d are not reconstructed, see the check shape", w, h)
			var size *tokenizers.SizeError
			if errors.As(err, &size) {
				if other := sanity.OtherSize(size.WantW, size.WantH, size.W, size.H); len(other.Alarms()) > 0 {
					return "", fmt.Errorf("%w; %s", err, other.Alarms()[0].Text)
				}
			}
			return "", fmt.Errorf("%w%s", err, r.advice(ctx))
		}
		return "", err
	}
	return fmt.Sprintf("%d images of %d×%d", len(in), w, h), nil
}

// What a reconstruction of smooth images and plain colours reaches, in dB: below
// poor it hardly shows them (the mean of the image alone would reach about as much),
// below fair another range is tried, which must be better by gain to be named.
const (
	poor = 12.0
	fair = 20.0
	gain = 3.0
)

func checkResemblance(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	in := []pix.Image{shading(w, h, 1), plain(w, h, 40), plain(w, h, 215), shading(w, h, 2)}
	out, err := r.good(ctx, in...)
	if broke(err) {
		return "", err
	}
	if err != nil { // values far from their range are an error of the image
		if best, tried := r.ranges(ctx, in); best.db >= poor {
			return "", fmt.Errorf("%w; %.1f dB with the range %g to %g%s: declare range: [%g, %g]", err, best.db, best.lo, best.hi, tried, best.lo, best.hi)
		}
		if r.lost != "" {
			return "", skipped(r.lost)
		}
		return "", err
	}
	worst, swapped := math.Inf(1), math.Inf(1)
	for i := range in {
		worst = min(worst, psnr(in[i], out[i].Image))
		swapped = min(swapped, psnr(in[i], redForBlue(out[i].Image)))
	}
	var looks sanity.Sums
	for i := range in {
		looks.Add(sanity.Look(in[i], out[i].Image, image.Rect(0, 0, w, h), max(out[i].Bits, out[i].FileBits)))
	}
	alarms := looks.Alarms()
	if len(alarms) > 0 && alarms[0].Kind == sanity.Identical && !r.info.Reference {
		return "", warnf("%s", alarms[0].Text)
	}
	if worst >= fair {
		return fmt.Sprintf("at least %.1f dB on smooth images", worst), nil
	}
	best, tried := r.ranges(ctx, in)
	switch {
	case best.db >= worst+gain && best.db >= poor:
		return "", warnf("%.1f dB on a smooth image or a plain colour as declared, %.1f dB with the range %g to %g%s: declare range: [%g, %g]", worst, best.db, best.lo, best.hi, tried, best.lo, best.hi)
	case swapped >= worst+gain && swapped >= poor:
		return "", warnf("%.1f dB on a smooth image or a plain colour, %.1f dB with red and blue exchanged: images go in as RGB and come out as BGR, or the other way", worst, swapped)
	case len(alarms) > 0:
		return "", warnf("%.1f dB on a smooth image or a plain colour%s: %s", worst, tried, alarms[0].Text)
	case worst < poor:
		return "", warnf("%.1f dB on a smooth image or a plain colour: it hardly shows the input%s", worst, tried)
	}
	return fmt.Sprintf("at least %.1f dB on smooth images%s", worst, tried), nil
}

// A rangeTrial is how well a model does with pixels of another range than declared.
type rangeTrial struct{ lo, hi, db float64 }

// ranges tries the usual ranges other than the declared one; tried is the end of a
// sentence that names them.
func (r *runner) ranges(ctx context.Context, in []pix.Image) (best rangeTrial, tried string) {
	best.db = math.Inf(-1)
	ranger, ok := r.tok.(tokenizers.Ranger)
	if !ok {
		return best, ""
	}
	lo, hi, known := ranger.Range()
	var words []string
	for _, t := range []rangeTrial{{lo: -1, hi: 1}, {lo: 0, hi: 1}, {lo: 0, hi: 255}, {lo: -.5, hi: .5}} {
		if known && t.lo == lo && t.hi == hi {
			continue
		}
		if t.db, ok = r.inRange(ctx, ranger, t.lo, t.hi, in); !ok {
			continue
		}
		words = append(words, fmt.Sprintf("%g to %g: %.1f dB", t.lo, t.hi, t.db))
		if t.db > best.db {
			best = t
		}
	}
	if len(words) == 0 {
		return best, ""
	}
	return best, " (tried " + strings.Join(words, ", ") + ")"
}

// inRange is the lowest PSNR of images with another range; ok is false where they
// could not be reconstructed with it.
func (r *runner) inRange(ctx context.Context, ranger tokenizers.Ranger, lo, hi float64, in []pix.Image) (db float64, ok bool) {
	tok, err := guard(ctx, r, func(ctx context.Context) (tokenizers.Tokenizer, error) { return ranger.InRange(ctx, lo, hi) })
	if err != nil {
		return 0, false
	}
	if c, closes := tok.(io.Closer); closes {
		defer func() { _ = c.Close() }() // it was only tried
	}
	other := &runner{tok: tok, info: tok.Info(), opts: r.opts, name: r.name}
	out, err := other.good(ctx, in...)
	if err != nil {
		r.hung = other.hung
		return 0, false
	}
	db = math.Inf(1)
	for i := range in {
		db = min(db, psnr(in[i], out[i].Image))
	}
	return db, true
}

func checkDeterministic(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	if !r.info.Deterministic {
		return "", skipped("it does not say that it is")
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 4), noise(w, h, 4)}
	first, err := r.good(ctx, in...)
	if err != nil {
		return "", err
	}
	second, err := r.good(ctx, in...)
	if err != nil {
		return "", err
	}
	for i := range in {
		if err := same(first[i], second[i]); err != nil {
			return "", fmt.Errorf("the same image twice: %w", err)
		}
	}
	return "image, codes and bits", nil
}

// Of results that depend on their batch in the last bits only, at most this share of
// samples or ids differs by more than one level: kernels that add in another order
// round differently. More than that means that one image sees another.
const batchNoise = .01

func checkBatch(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	if !r.info.Deterministic {
		return "", skipped("it is not deterministic")
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 5), plain(w, h, 255), noise(w, h, 5), picture(w, h, 6), plain(w, h, 0)}
	together, err := r.good(ctx, in...)
	if err != nil {
		return "", err
	}
	turned := slices.Clone(in)
	slices.Reverse(turned)
	backward, err := r.good(ctx, turned...)
	if err != nil {
		return "", err
	}
	var small error // the first difference that is rounding
	for i := range in {
		alone, err := r.good(ctx, in[i])
		if err != nil {
			return "", err
		}
		for _, other := range []struct {
			what string
			rec  tokenizers.Reconstruction
		}{
			{fmt.Sprintf("image %d in a batch of %d and alone", i, len(in)), alone[0]},
			{fmt.Sprintf("image %d in a batch and in the reversed batch", i), backward[len(in)-1-i]},
		} {
			err := same(together[i], other.rec)
			if err == nil {
				continue
			}
			err = fmt.Errorf("%s: %w", other.what, err)
			if r.info.BatchInvariant || apart(together[i], other.rec) > batchNoise {
				return "", err
			}
			if small == nil {
				small = err
			}
		}
	}
	switch {
	case small != nil:
		return fmt.Sprintf("%v: rounding, so batch_invariant is rightly not declared", small), nil
	case !r.info.BatchInvariant:
		return fmt.Sprintf("%d images, equal bit by bit: batch_invariant may be declared where that holds on every machine", len(in)), nil
	}
	return fmt.Sprintf("%d images, equal bit by bit", len(in)), nil
}

func checkSizes(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	tries := [][2]int{{1, 1}, {2, 1}, {1, 2}, {3, 5}, {7, 7}, {16, 16}, {17, 31}, {33, 8}, {64, 1}, {1, 64}, {127, 129}, {512, 9}, {9, 512}}
	m := max(r.info.MultipleOf, 1)
	tries = append(tries, [2]int{m, m}, [2]int{m, 3 * m})
	if s := r.info.MinSide; s > 0 {
		tries = append(tries, [2]int{s, s})
	}
	if s := r.info.MaxSide; s > 0 && s <= 1024 {
		tries = append(tries, [2]int{s, s})
	}
	if r.info.FixedW > 0 || r.info.FixedH > 0 {
		w, h := r.base()
		tries = append(tries, [2]int{w, h})
	}
	w2, h2 := r.otherSize()
	tries = append(tries, [2]int{w2, h2}) // of the check for mixed sizes
	accepted, refused := 0, 0
	for _, t := range tries {
		img := picture(t[0], t[1], 7)
		if r.info.Accepts(t[0], t[1]) == nil {
			if _, err := r.good(ctx, img); err != nil {
				if broke(err) {
					return "", err
				}
				return "", fmt.Errorf("%w%s", err, r.advice(ctx))
			}
			accepted++
			continue
		}
		// Outside its constraints an error is right; so is a proper result.
		out, err := r.reconstruct(ctx, img)
		switch {
		case broke(err):
			return "", fmt.Errorf("an image of %d×%d, a size that is not declared: %w", t[0], t[1], err)
		case err == nil && len(out) != 1:
			return "", fmt.Errorf("an image of %d×%d, a size that is not declared, gave %d results and no error", t[0], t[1], len(out))
		case err == nil && out[0].Err == nil:
			if got := out[0].Image; got.Validate() != nil || got.W != t[0] || got.H != t[1] {
				return "", fmt.Errorf("an image of %d×%d, a size that is not declared, gave one of %d×%d and no error", t[0], t[1], got.W, got.H)
			}
		}
		refused++
	}
	return fmt.Sprintf("%d sizes accepted and reconstructed, %d outside the constraints", accepted, refused), nil
}

// otherSize is a size that is declared and is not that of most checks, where there
// is one.
func (r *runner) otherSize() (w, h int) { return r.size(2*r.opts.Side+5, r.opts.Side+3) }

func checkMixed(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w1, h1 := r.size(r.opts.Side, r.opts.Side)
	w2, h2 := r.otherSize()
	if w1 == w2 && h1 == h2 {
		return "", skipped(fmt.Sprintf("it takes only %d×%d", w1, h1))
	}
	if !r.takes(ctx, w2, h2) {
		return "", skipped(fmt.Sprintf("an image of %d×%d fails alone too, see the check sizes", w2, h2))
	}
	in := []pix.Image{picture(w1, h1, 8), picture(w2, h2, 9), picture(w1, h1, 10)}
	_, err := r.good(ctx, in...)
	return sizes(in), err
}

func checkEmpty(ctx context.Context, r *runner) (string, error) {
	out, err := r.reconstruct(ctx)
	if err != nil {
		return "", err
	}
	if len(out) != 0 {
		return "", fmt.Errorf("%d results for no inputs", len(out))
	}
	return "", nil
}

func checkCodes(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 11), noise(w, h, 11), plain(w, h, 0), plain(w, h, 255)}
	if r.lost != "" { // is it for the codes?
		if out, err := r.reconstruct(ctx, in[0]); err == nil && len(out) == 1 && out[0].Err == nil && out[0].Codes.Validate() != nil {
			return "", out[0].Codes.Validate()
		}
		return "", skipped(r.lost)
	}
	out, err := r.good(ctx, in...) // ids and shapes are validated there
	if err != nil {
		return "", err
	}
	if out[0].Codes == nil && len(r.info.Codebooks) == 0 {
		for i := range out {
			if out[i].Codes != nil {
				return "", fmt.Errorf("image %d has codes, image 0 has none", i)
			}
		}
		return "", skipped("it has no codes")
	}
	for i := range out {
		c := out[i].Codes
		if c == nil {
			return "", fmt.Errorf("image %d has no codes, codebooks declares %d", i, len(r.info.Codebooks))
		}
		if len(c.Books) != len(r.info.Codebooks) {
			return "", fmt.Errorf("codes of %d codebooks, %d are declared", len(c.Books), len(r.info.Codebooks))
		}
		for b, book := range c.Books {
			if book.Size != r.info.Codebooks[b] {
				return "", fmt.Errorf("codebook %d is of size %d, declared is %d", b, book.Size, r.info.Codebooks[b])
			}
			if first := out[0].Codes.Books[b].Shape; !slices.Equal(book.Shape, first) {
				return "", fmt.Errorf("codebook %d has shape %v for one image and %v for another of the same size", b, first, book.Shape)
			}
		}
	}
	return fmt.Sprintf("%d tokens for %d×%d in %d codebooks", out[0].Codes.Tokens(), w, h, len(out[0].Codes.Books)), nil
}

// coded gives the codes of two pictures, or skips.
func (r *runner) coded(ctx context.Context) (tokenizers.Decoder, []tokenizers.Reconstruction, error) {
	if err := r.byName(); err != nil {
		return nil, nil, err
	}
	dec, ok := r.tok.(tokenizers.Decoder)
	if !ok {
		return nil, nil, skipped("it cannot decode codes")
	}
	w, h := r.base()
	out, err := r.good(ctx, picture(w, h, 12), noise(w, h, 12))
	if err != nil {
		return nil, nil, err
	}
	if out[0].Codes == nil || out[1].Codes == nil {
		return nil, nil, errors.New("it can decode codes, but its reconstructions have none")
	}
	return dec, out, nil
}

func checkDecode(ctx context.Context, r *runner) (string, error) {
	dec, out, err := r.coded(ctx)
	if err != nil {
		return "", err
	}
	w, h := out[0].Image.W, out[0].Image.H
	got, err := guard(ctx, r, func(ctx context.Context) ([]pix.Image, error) {
		return dec.Decode(ctx, []*tokenizers.Codes{out[0].Codes, out[1].Codes}, w, h)
	})
	if err != nil {
		return "", err
	}
	if len(got) != 2 {
		return "", fmt.Errorf("%d images for the codes of 2", len(got))
	}
	for i, m := range got {
		if err := m.Validate(); err != nil {
			return "", err
		}
		if m.W != w || m.H != h {
			return "", fmt.Errorf("decoding to %d×%d gave %d×%d", w, h, m.W, m.H)
		}
		if !r.info.Deterministic {
			continue
		}
		if err := same(tokenizers.Reconstruction{Image: m}, tokenizers.Reconstruction{Image: out[i].Image}); err != nil {
			return "", fmt.Errorf("image %d: %w", i, err)
		}
	}
	if !r.info.Deterministic {
		return "sizes only, since it is not deterministic", nil
	}
	return "", nil
}

func checkBadCodes(ctx context.Context, r *runner) (string, error) {
	dec, out, err := r.coded(ctx)
	if err != nil {
		return "", err
	}
	w, h := out[0].Image.W, out[0].Image.H
	// spoil returns a copy of the codes with its first book changed.
	spoil := func(change func(*tokenizers.Book)) *tokenizers.Codes {
		c := &tokenizers.Codes{Books: slices.Clone(out[0].Codes.Books)}
		b := &c.Books[0]
		b.IDs, b.Shape = slices.Clone(b.IDs), slices.Clone(b.Shape)
		change(b)
		return c
	}
	for _, bad := range []struct {
		name  string
		codes *tokenizers.Codes
	}{
		{"an id beyond the codebook", spoil(func(b *tokenizers.Book) { b.IDs[0] = int32(min(b.Size, math.MaxInt32)) })},
		{"a negative id", spoil(func(b *tokenizers.Book) { b.IDs[len(b.IDs)-1] = -1 })},
		{"an id too few", spoil(func(b *tokenizers.Book) { b.IDs = b.IDs[1:] })},
		{"no codebooks", &tokenizers.Codes{}},
		{"no codes", nil},
	} {
		_, err := guard(ctx, r, func(ctx context.Context) ([]pix.Image, error) {
			return dec.Decode(ctx, []*tokenizers.Codes{bad.codes}, w, h)
		})
		switch {
		case err == nil:
			return "", fmt.Errorf("%s is decoded without an error", bad.name)
		case broke(err):
			return "", fmt.Errorf("%s: %w", bad.name, err)
		}
	}
	// It must have survived that.
	_, err = r.good(ctx, picture(w, h, 12))
	return "", err
}

func checkLatents(ctx context.Context, r *runner) (string, error) {
	enc, ok := r.tok.(tokenizers.LatentEncoder)
	if !ok {
		return "", skipped("it hands out no latents")
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 13), noise(w, h, 13)}
	got, err := guard(ctx, r, func(ctx context.Context) ([]tokenizers.Latent, error) { return enc.Latents(ctx, in) })
	if err != nil {
		return "", err
	}
	if len(got) != len(in) {
		return "", fmt.Errorf("%d latents for %d images", len(got), len(in))
	}
	for i, l := range got {
		n := 1
		for _, s := range l.Shape {
			n *= s
		}
		if len(l.Shape) != 3 || n != len(l.Data) || n == 0 {
			return "", fmt.Errorf("latent %d has %d numbers in shape %v, want [channels, h, w]", i, len(l.Data), l.Shape)
		}
		if r.info.Channels > 0 && l.Shape[0] != r.info.Channels {
			return "", fmt.Errorf("latent %d has %d channels, declared are %d", i, l.Shape[0], r.info.Channels)
		}
		for j, v := range l.Data {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return "", fmt.Errorf("latent %d holds %v at position %d", i, v, j)
			}
		}
	}
	return fmt.Sprintf("shape %v", got[0].Shape), nil
}

func checkNeighbours(ctx context.Context, r *runner) (string, error) {
	nb, ok := r.tok.(tokenizers.Neighbourer)
	if !ok {
		return "", skipped("its codes have no distances")
	}
	if len(r.info.Codebooks) == 0 {
		return "", errors.New("it has distances between codes, but no codebooks are declared")
	}
	for b, k := range r.info.Codebooks {
		if k < 2 {
			continue
		}
		near, err := guard(ctx, r, func(context.Context) ([]int32, error) { return nb.Nearest(b) })
		if err != nil {
			return "", fmt.Errorf("codebook %d: %w", b, err)
		}
		if len(near) != k {
			return "", fmt.Errorf("codebook %d: nearest of %d ids, it has %d", b, len(near), k)
		}
		for id, n := range near {
			if n < 0 || int(n) >= k || int(n) == id {
				return "", fmt.Errorf("codebook %d: the nearest to id %d is given as %d", b, id, n)
			}
		}
		for i := range min(k, 16) {
			id, other := int32(i*(k-1)/16), int32((i*(k-1)/16+k/2)%k)
			var d [4]float64
			for j, pair := range [][2]int32{{id, near[id]}, {near[id], id}, {id, other}, {id, id}} {
				if d[j], err = nb.Distance(b, pair[0], pair[1]); err != nil {
					return "", fmt.Errorf("codebook %d: distance of %d and %d: %w", b, pair[0], pair[1], err)
				}
				if math.IsNaN(d[j]) || math.IsInf(d[j], 0) || d[j] < 0 {
					return "", fmt.Errorf("codebook %d: distance of %d and %d is %v", b, pair[0], pair[1], d[j])
				}
			}
			// Distances may come from another summation than the search's.
			slack := 1e-4*d[0] + 1e-6
			if math.Abs(d[0]-d[1]) > slack || d[3] > 1e-6 || other != id && d[2]+slack < d[0] {
				return "", fmt.Errorf("codebook %d: id %d is %g from its nearest %d, %g back, %g from %d, %g from itself", b, id, d[0], near[id], d[1], d[2], other, d[3])
			}
		}
	}
	return "", nil
}

func checkBits(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	in := []pix.Image{picture(w, h, 14), noise(w, h, 14), plain(w, h, 128)}
	out, err := r.good(ctx, in...)
	if err != nil {
		return "", err
	}
	if out[0].Bits == 0 && out[0].FileBits == 0 {
		for i := range out {
			if out[i].Bits != 0 || out[i].FileBits != 0 {
				return "", fmt.Errorf("image %d has bits, image 0 has none", i)
			}
		}
		return "", skipped("it has no bitstream")
	}
	for i := range out {
		if out[i].Bits == 0 {
			return "", fmt.Errorf("image %d has a file of %d bits and no bits", i, out[i].FileBits)
		}
		if out[i].FileBits != 0 && out[i].FileBits < out[i].Bits {
			return "", fmt.Errorf("image %d: the file (%d bits) is smaller than the bitstream in it (%d)", i, out[i].FileBits, out[i].Bits)
		}
	}
	return fmt.Sprintf("%d bits for a picture of %d×%d, %d for noise", out[0].Bits, w, h, out[1].Bits), nil
}

func checkTimes(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	start := time.Now()
	out, err := r.good(ctx, picture(w, h, 15)) // negative times are refused there
	wall := time.Since(start)
	if err != nil {
		return "", err
	}
	encode, decode := out[0].Encode, out[0].Decode
	if encode == 0 && decode == 0 {
		return "", skipped("it reports no times")
	}
	// Clocks of two processes may tick differently.
	if encode+decode > wall+wall/10+time.Millisecond {
		return "", fmt.Errorf("encode %v and decode %v are more than the call took, %v", encode, decode, wall)
	}
	return fmt.Sprintf("encode %v, decode %v of %v", encode, decode, wall.Round(time.Microsecond)), nil
}

func checkIsolation(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	// A size outside the constraints where there are any, else no pixels at all.
	bad, what := pix.Image{}, "without pixels"
	for _, s := range [][2]int{{w + 1, h}, {1, 1}, {w, h + 3}} {
		if r.info.Accepts(s[0], s[1]) != nil {
			bad, what = picture(s[0], s[1], 16), fmt.Sprintf("of %d×%d", s[0], s[1])
			break
		}
	}
	in := []pix.Image{picture(w, h, 16), bad, picture(w, h, 17)}
	out, err := r.reconstruct(ctx, in...)
	switch {
	case broke(err):
		return "", fmt.Errorf("a batch with an image %s: %w", what, err)
	case err == nil:
		if len(out) != len(in) {
			return "", fmt.Errorf("%d results for a batch of %d with an image %s", len(out), len(in), what)
		}
		if out[1].Err == nil && (bad.Empty() || out[1].Image.W != bad.W || out[1].Image.H != bad.H) {
			return "", fmt.Errorf("an image %s gave one of %d×%d and no error", what, out[1].Image.W, out[1].Image.H)
		}
	}
	alone, gerr := r.good(ctx, in[0], in[2]) // and it still works
	if gerr != nil {
		return "", fmt.Errorf("after an image %s: %w", what, gerr)
	}
	if err != nil {
		return fmt.Sprintf("a batch with an image %s is refused: %v", what, err), nil
	}
	for i, j := range []int{0, 2} {
		if out[j].Err != nil {
			return "", fmt.Errorf("beside an image %s, image %d fails: %w", what, j, out[j].Err)
		}
		if !r.info.Deterministic {
			continue
		}
		if err := same(out[j], alone[i]); err != nil {
			return "", fmt.Errorf("beside an image %s, image %d differs: %w", what, j, err)
		}
	}
	if out[1].Err == nil {
		return fmt.Sprintf("an image %s is reconstructed", what), nil
	}
	return fmt.Sprintf("an image %s: %v", what, out[1].Err), nil
}

func checkCancelled(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	in := []pix.Image{picture(w, h, 18), picture(w, h, 19), picture(w, h, 20)}
	start := time.Now()
	out, err := r.reconstruct(ended, in...)
	took := time.Since(start)
	switch {
	case broke(err):
		return "", err
	case err == nil && len(out) != len(in):
		return "", fmt.Errorf("no error and %d results for a batch of %d", len(out), len(in))
	}
	if r.byName() == nil {
		if _, gerr := r.good(ctx, in...); gerr != nil {
			return "", fmt.Errorf("after a cancelled call: %w", gerr)
		}
	}
	if err == nil {
		return fmt.Sprintf("it finished all the same, in %v", took.Round(time.Millisecond)), nil
	}
	return fmt.Sprintf("%v after %v", err, took.Round(time.Millisecond)), nil
}

func checkRetained(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	w, h := r.base()
	out, err := r.good(ctx, picture(w, h, 21))
	if err != nil {
		return "", err
	}
	kept := out[0]
	kept.Image = out[0].Image.Clone()
	if c := out[0].Codes; c != nil {
		kept.Codes = &tokenizers.Codes{}
		for _, b := range c.Books {
			b.IDs = slices.Clone(b.IDs)
			kept.Codes.Books = append(kept.Codes.Books, b)
		}
	}
	if _, err := r.good(ctx, noise(w, h, 22), noise(w, h, 23)); err != nil {
		return "", err
	}
	if err := same(kept, out[0]); err != nil {
		return "", fmt.Errorf("a result changed when further images were processed: %w", err)
	}
	return "", nil
}

func checkConcurrent(ctx context.Context, r *runner) (string, error) {
	if err := r.byName(); err != nil {
		return "", err
	}
	if !r.info.Concurrent {
		return "", skipped("it does not say that it may be called so")
	}
	w, h := r.base()
	const callers = 4
	var in [callers]pix.Image
	var want [callers]tokenizers.Reconstruction
	for i := range in {
		in[i] = picture(w, h, 24+i)
		out, err := r.good(ctx, in[i])
		if err != nil {
			return "", err
		}
		want[i] = out[0]
	}
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		// A runner of its own: the watching is not made for several calls.
		own := &runner{tok: r.tok, info: r.info, opts: r.opts, name: r.name}
		wg.Go(func() {
			for range 3 {
				out, err := own.good(ctx, in[i])
				if err == nil && own.info.Deterministic {
					err = same(want[i], out[0])
				}
				if err == nil && own.dirty != "" {
					err = errors.New(own.dirty)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if errors.Is(err, errHung) {
			r.hung = r.name
		}
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d callers", callers), nil
}

// checkWarnings comes last but for concurrency: what went wrong in all other checks
// has been said by then.
func checkWarnings(_ context.Context, r *runner) (string, error) {
	w, ok := r.tok.(tokenizers.Witness)
	if !ok {
		return "", skipped("it has no way to warn")
	}
	if list := w.Warnings(); len(list) > 0 {
		return "", warnf("%s", strings.Join(list, "; "))
	}
	return "", nil
}
