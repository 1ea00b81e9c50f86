package tokenizertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// skipped and warning are how a check ends otherwise than well or badly.
type (
	skipped string
	warning string
)

func (s skipped) Error() string { return string(s) }
func (w warning) Error() string { return string(w) }

func warnf(format string, args ...any) error { return warning(fmt.Sprintf(format, args...)) }

// A check is one thing asked of a tokenizer. run returns what it saw.
type check struct {
	name, asks, mend string
	run              func(ctx context.Context, r *runner) (string, error)
}

// needsImages reports whether a check says nothing new where no image of the usual
// size is reconstructed. Wrong codes and wrong ranges may be why.
func (c check) needsImages() bool {
	return !slices.Contains([]string{"info", "warm", "shape", "resemblance", "empty", "codes", "warnings"}, c.name) && !strings.HasPrefix(c.name, "clip ")
}

// runner calls the tokenizer and watches it.
type runner struct {
	tok  tokenizers.Tokenizer
	info tokenizers.Info
	opts Options
	name string // check under way
	hung string // check in which a call did not return
	lost string // why images of any size cannot be reconstructed; the checks that need some are skipped
	// why windows cannot be reconstructed; the checks of clips are skipped
	lostClips string
	dirty     string // an input that was written to, in the check under way
}

// grace is how long a call may go on once its context has ended; a variable for
// the tests of this package only.
var grace = 10 * time.Second

// errHung says that a call did not return; the tokenizer cannot be used again.
var errHung = errors.New("did not return")

// panicked is a call that panicked.
type panicked struct{ value any }

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// broke reports whether an error is none that the tokenizer returned, but a call
// that hung or panicked.
func broke(err error) bool {
	var p panicked
	return errors.Is(err, errHung) || errors.As(err, &p)
}

// guard runs a call of the tokenizer in a goroutine of its own, so that one that
// panics or hangs costs the check and not the program.
func guard[T any](ctx context.Context, r *runner, call func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, r.opts.Timeout)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		var res result
		defer func() {
			if p := recover(); p != nil {
				res.err = panicked{p}
			}
			done <- res
		}()
		res.value, res.err = call(ctx)
	}()
	var zero T
	select {
	case res := <-done:
		return res.value, res.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case res := <-done:
		return res.value, res.err
	case <-timer.C:
		r.hung = r.name
		return zero, fmt.Errorf("a call %w within %v of the end of its context", errHung, grace)
	}
}

// reconstruct calls Reconstruct and looks whether an input was written to. The
// error is that of the call; results are unchecked.
func (r *runner) reconstruct(ctx context.Context, in ...pix.Image) ([]tokenizers.Reconstruction, error) {
	before := make([]pix.Image, len(in))
	for i := range in {
		before[i] = in[i].Clone()
	}
	handed := slices.Clone(in)
	out, err := guard(ctx, r, func(ctx context.Context) ([]tokenizers.Reconstruction, error) {
		return r.tok.Reconstruct(ctx, handed)
	})
	if errors.Is(err, errHung) {
		return nil, err // it may still be at work on the inputs
	}
	for i := range in {
		if r.dirty == "" && (!in[i].Equal(before[i]) || !handed[i].Same(in[i]) && len(in[i].Pix) > 0) {
			r.dirty = fmt.Sprintf("input %d of a batch of %d was written to", i, len(in))
		}
	}
	return out, err
}

// good is reconstruct for images that must succeed.
func (r *runner) good(ctx context.Context, in ...pix.Image) ([]tokenizers.Reconstruction, error) {
	out, err := r.reconstruct(ctx, in...)
	if err != nil {
		if len(in) > 1 && !broke(err) { // is it the batch, or would any image do?
			if _, alone := r.good(ctx, in[0]); alone != nil {
				return nil, alone
			}
		}
		return nil, fmt.Errorf("%s: %w", sizes(in), err)
	}
	if err := tokenizers.Check(in, out); err != nil {
		return nil, fmt.Errorf("%s: %w", sizes(in), err)
	}
	for i := range out {
		if out[i].Err == nil {
			continue
		}
		if len(in) == 1 {
			return nil, fmt.Errorf("%s: %w", sizes(in), out[i].Err)
		}
		if _, alone := r.good(ctx, in[i]); alone != nil {
			return nil, alone // no fault of the batch
		}
		return nil, fmt.Errorf("image %d of %s: %w", i, sizes(in), out[i].Err)
	}
	return out, nil
}

// sizes names a batch by its sizes: "an image of 64×64", "a batch of 3 (64×64, …)".
func sizes(in []pix.Image) string {
	if len(in) == 1 {
		return fmt.Sprintf("an image of %d×%d", in[0].W, in[0].H)
	}
	var words []string
	for i, m := range in {
		if i == 3 {
			words = append(words, "…")
			break
		}
		words = append(words, fmt.Sprintf("%d×%d", m.W, m.H))
	}
	return fmt.Sprintf("a batch of %d (%s)", len(in), strings.Join(words, ", "))
}

// takes reports whether one image of that size is reconstructed.
func (r *runner) takes(ctx context.Context, w, h int) bool {
	_, err := r.good(ctx, picture(w, h, 30))
	return err == nil
}

// multiples are what models want their sides to be multiples of: powers of two of
// convolutions, and patches of 14.
var multiples = []int{2, 4, 8, 14, 16, 28, 32, 64, 128}

// advice looks for the declaration under which the sizes that fail would not be
// tried, and returns it as the end of a sentence, or "". An adapter refuses what
// contradicts the declaration, so only multiples of what is declared can be tried.
func (r *runner) advice(ctx context.Context) string {
	if r.info.FixedW > 0 || r.info.FixedH > 0 || r.hung != "" {
		return ""
	}
	declared := max(1, r.info.MultipleOf)
	fits := func(m int) bool {
		k := max(1, 64/m) | 1 // odd, so that the sides are multiples of m and of nothing more
		return r.takes(ctx, m*k, m*k) && r.takes(ctx, m*(k+2), m*k)
	}
	if fits(declared) { // then it is small sides that fail
		for _, side := range []int{2, 4, 8, 16, 32, 64} {
			side = (side + declared - 1) / declared * declared
			if r.takes(ctx, side, side) {
				return fmt.Sprintf("; %d×%d and larger sizes work: it looks as if min_side is %d", side, side, side)
			}
		}
		return ""
	}
	for _, m := range multiples {
		if m = lcm(m, declared); m > declared && fits(m) {
			return fmt.Sprintf("; multiples of %d work: it looks as if multiple_of is %d", m, m)
		}
	}
	return ""
}

func lcm(a, b int) int {
	g, rest := a, b
	for rest != 0 {
		g, rest = rest, g%rest
	}
	return a / g * b
}

// size is a size the tokenizer says it accepts, near the one asked for.
func (r *runner) size(w, h int) (int, int) {
	fit := func(v, fixed int) int {
		if fixed > 0 {
			return fixed
		}
		m := max(1, r.info.MultipleOf)
		v = max(v, r.info.MinSide)
		if r.info.MaxSide > 0 {
			v = min(v, r.info.MaxSide)
		}
		up := (v + m - 1) / m * m
		if r.info.MaxSide > 0 && up > r.info.MaxSide {
			up -= m
		}
		return up
	}
	return fit(w, r.info.FixedW), fit(h, r.info.FixedH)
}

// base is the size most checks use.
func (r *runner) base() (int, int) { return r.size(r.opts.Side, r.opts.Side) }

// picture number n is soft shading with hard coloured shapes and letters' strokes
// on it, a different one for every n.
func picture(w, h, n int) pix.Image {
	rng := rand.New(rand.NewPCG(uint64(n), 0x70696374))
	m := shading(w, h, n)
	for range 6 {
		x0, y0 := rng.IntN(w), rng.IntN(h)
		bw, bh := 1+rng.IntN(1+w/4), 1+rng.IntN(1+h/4)
		if rng.IntN(2) == 0 {
			bw = min(bw, 2) // a stroke
		}
		c := [3]uint8{uint8(rng.Uint32()), uint8(rng.Uint32()), uint8(rng.Uint32())}
		for y := y0; y < min(h, y0+bh); y++ {
			for x := x0; x < min(w, x0+bw); x++ {
				copy(m.Pix[3*(y*w+x):], c[:])
			}
		}
	}
	return m
}

// shading is smooth in both directions: the easiest image there is, short of a
// plain one.
func shading(w, h, n int) pix.Image {
	m := pix.New(w, h)
	for y := range h {
		for x := range w {
			u, v := float64(x)/float64(w), float64(y)/float64(h)
			p := m.Pix[3*(y*w+x):]
			p[0] = uint8(64 + 127*u)
			p[1] = uint8(64 + 127*v)
			p[2] = uint8(127 + 60*math.Sin(float64(n)+3*u+2*v))
		}
	}
	return m
}

// noise has every value anywhere: the hardest image.
func noise(w, h, n int) pix.Image {
	rng := rand.New(rand.NewPCG(uint64(n), 0x6e6f69))
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(rng.Uint32())
	}
	return m
}

// plain is one colour.
func plain(w, h int, v uint8) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return m
}

// same says where two results of one image differ, in image, codes and bits.
func same(a, b tokenizers.Reconstruction) error {
	if !a.Image.Equal(b.Image) {
		worst, count := 0, 0
		for i := range min(len(a.Image.Pix), len(b.Image.Pix)) {
			if d := int(a.Image.Pix[i]) - int(b.Image.Pix[i]); d != 0 {
				worst, count = max(worst, d, -d), count+1
			}
		}
		return fmt.Errorf("%d of %d samples differ, by up to %d", count, len(a.Image.Pix), worst)
	}
	if (a.Codes == nil) != (b.Codes == nil) {
		return errors.New("one has codes, the other has none")
	}
	if a.Codes != nil {
		if len(a.Codes.Books) != len(b.Codes.Books) {
			return fmt.Errorf("codes of %d and of %d codebooks", len(a.Codes.Books), len(b.Codes.Books))
		}
		for i, book := range a.Codes.Books {
			if !slices.Equal(book.IDs, b.Codes.Books[i].IDs) {
				return fmt.Errorf("ids of codebook %d differ", i)
			}
		}
	}
	if a.Bits != b.Bits || a.FileBits != b.FileBits {
		return fmt.Errorf("%d and %d bits, files of %d and %d", a.Bits, b.Bits, a.FileBits, b.FileBits)
	}
	return nil
}

func psnr(a, b pix.Image) float64 {
	var sum float64
	for i := range a.Pix {
		d := float64(a.Pix[i]) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/sum)
}

// apart is the larger of two shares: of samples that differ by more than one level,
// of ids that differ. It is 1 where the results cannot be compared.
func apart(a, b tokenizers.Reconstruction) float64 {
	if len(a.Image.Pix) != len(b.Image.Pix) || a.Codes.Tokens() != b.Codes.Tokens() || a.Bits != b.Bits && a.Codes == nil {
		return 1
	}
	n := 0
	for i, v := range a.Image.Pix {
		if d := int(v) - int(b.Image.Pix[i]); d < -1 || d > 1 {
			n++
		}
	}
	share := float64(n) / float64(max(1, len(a.Image.Pix)))
	if a.Codes == nil || b.Codes == nil {
		return share
	}
	if len(a.Codes.Books) != len(b.Codes.Books) {
		return 1
	}
	n = 0
	for k, book := range a.Codes.Books {
		other := b.Codes.Books[k].IDs
		if len(other) != len(book.IDs) {
			return 1
		}
		for i, id := range book.IDs {
			if id != other[i] {
				n++
			}
		}
	}
	return max(share, float64(n)/float64(max(1, a.Codes.Tokens())))
}

// redForBlue returns an image with red and blue exchanged.
func redForBlue(m pix.Image) pix.Image {
	out := m.Clone()
	for i := 0; i+2 < len(out.Pix); i += 3 {
		out.Pix[i], out.Pix[i+2] = out.Pix[i+2], out.Pix[i]
	}
	return out
}
