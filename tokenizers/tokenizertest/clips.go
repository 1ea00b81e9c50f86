package tokenizertest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// clipChecks lists what is asked of a tokenizer of clips besides, fundamental things first.
func clipChecks() []check {
	return []check{
		{
			"clip shape", "is there one frame of the input's size for every frame of a window, for one frame and for many?",
			"return exactly one frame per input frame, each of the size of its input; declare clips: {multiple, causal, fixed, max} as they are", checkClipShape,
		},
		{
			"clip frames", "is every frame that comes out most like the one at its place that went in?",
			"look at the layout of time (NCTHW, NTCHW), at the order of frames, and at frames that are dropped at the start", checkClipFrames,
		},
		{
			"clip windows", "is a window's result its own, whatever was done before?",
			"keep nothing from one window to the next: clear caches of features, reset the encoder, switch sampling off or declare deterministic: false", checkClipWindows,
		},
		{
			"clip single", "is an image taken as a film of one frame?",
			"send an image through what codes clips: as a window of one frame, or of as few as are taken, all equal", checkClipSingle,
		},
		{
			"clip lengths", "are numbers of frames that are not declared refused, or done properly?",
			"refuse the window with an error that states the number of frames", checkClipLengths,
		},
		{
			"clip sizes", "are all sizes taken that the declaration allows, and other ones refused or done properly?",
			"pad and crop inside, or declare multiple_of, a fixed size, min_side or max_side", checkClipSizes,
		},
		{
			"clip codes", "are ids and shapes those of the window?",
			"one grid of shape {t, h, w} a codebook, with as many books and entries as codebooks lists; the shape depends on the window's size only", checkClipCodes,
		},
		{
			"clip bits", "are bit counts and times those of the whole window, and plausible?",
			"state bits (not bytes) and times of the window as a whole, the file not smaller than the bitstream in it", checkClipBits,
		},
		{
			"clip causal", "does the first frame stand alone, if it says so?",
			"let no later frame reach the first one (causal convolutions, padding in front), or do not declare causal", checkClipCausal,
		},
		{
			"clip isolation", "are windows that make no sense refused, and does the next one work?",
			"refuse a window without frames, or with frames of several sizes, with an error", checkClipIsolation,
		},
		{
			"clip cancelled", "does a call end when its context has ended, and the next one work?",
			"look between frames whether the call was cancelled, and pass that on to whatever blocks", checkClipCancelled,
		},
		{
			"clip retained", "do frames stay as they are when further windows are processed?",
			"return fresh buffers; do not hand out the ones that are reused", checkClipRetained,
		},
		{
			"clip concurrent", "do concurrent calls give the same results, if it says so?",
			"guard shared state, or do not declare that calls may be concurrent", checkClipConcurrent,
		},
	}
}

// usualWindow is how many frames the windows of most checks have, brought to what is taken.
const usualWindow = 5

// window is how many frames a window of about n has for the tokenizer.
func (r *runner) window(n int) int {
	c := *r.info.Clips
	return c.Frames(c.AtOnce(n))
}

// film is n frames of picture number k that moves by two pixels to the right a frame, and
// wraps around.
func film(w, h, n, k int) pix.Clip {
	still := picture(w, h, k)
	c := pix.Clip{Rate: 25, Start: 10 * k}
	for i := range n {
		m := pix.New(w, h)
		shift := 3 * (2 * i % w)
		for y := range h {
			row, from := m.Pix[3*y*w:3*(y+1)*w], still.Pix[3*y*w:3*(y+1)*w]
			copy(row[shift:], from)
			copy(row[:shift], from[3*w-shift:])
		}
		c.Frames = append(c.Frames, m)
	}
	return c
}

// reconstructClip calls ReconstructClip and looks whether a frame was written to. The error
// is that of the call; the result is unchecked.
func (r *runner) reconstructClip(ctx context.Context, in pix.Clip) (tokenizers.ClipReconstruction, error) {
	tok := r.tok.(tokenizers.ClipTokenizer) // the checks of clips are asked of no others
	before := make([]pix.Image, len(in.Frames))
	for i, f := range in.Frames {
		before[i] = f.Clone()
	}
	handed := in
	handed.Frames = slices.Clone(in.Frames)
	out, err := guard(ctx, r, func(ctx context.Context) (tokenizers.ClipReconstruction, error) {
		return tok.ReconstructClip(ctx, handed)
	})
	if errors.Is(err, errHung) {
		return out, err // it may still be at work on the frames
	}
	for i, f := range in.Frames {
		if r.dirty == "" && (!f.Equal(before[i]) || !handed.Frames[i].Same(f) && len(f.Pix) > 0) {
			r.dirty = fmt.Sprintf("frame %d of a window of %d was written to", i, len(in.Frames))
		}
	}
	return out, err
}

// goodClip is reconstructClip for windows that must succeed.
func (r *runner) goodClip(ctx context.Context, in pix.Clip) (tokenizers.ClipReconstruction, error) {
	out, err := r.reconstructClip(ctx, in)
	if err == nil {
		err = tokenizers.CheckClip(in, &out)
	}
	if err != nil {
		w, h := in.Size()
		return out, fmt.Errorf("%s of %d×%d: %w", frames(len(in.Frames)), w, h, err)
	}
	return out, nil
}

func frames(n int) string {
	if n == 1 {
		return "a window of 1 frame"
	}
	return fmt.Sprintf("a window of %d frames", n)
}

// sameClip says where two results of one window differ.
func sameClip(a, b tokenizers.ClipReconstruction) error {
	if len(a.Frames) != len(b.Frames) {
		return fmt.Errorf("%d and %d frames", len(a.Frames), len(b.Frames))
	}
	for i := range a.Frames {
		x, y := tokenizers.Reconstruction{Image: a.Frames[i]}, tokenizers.Reconstruction{Image: b.Frames[i]}
		if i == 0 {
			x.Codes, x.Bits, x.FileBits = a.Codes, a.Bits, a.FileBits
			y.Codes, y.Bits, y.FileBits = b.Codes, b.Bits, b.FileBits
		}
		if err := same(x, y); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

func checkClipShape(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	var done []string
	for _, n := range []int{usualWindow, 1, 2, 16} {
		if n = r.window(n); slices.Contains(done, fmt.Sprint(n)) {
			continue
		}
		if _, err := r.goodClip(ctx, film(w, h, n, 40)); err != nil {
			if len(done) == 0 {
				r.lostClips = "no window of the usual size is reconstructed, see the check clip shape"
			}
			return "", err
		}
		done = append(done, fmt.Sprint(n))
	}
	return fmt.Sprintf("windows of %s frames of %d×%d", strings.Join(done, ", "), w, h), nil
}

func checkClipFrames(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	in := pix.Clip{Rate: 25}
	n := r.window(usualWindow)
	for i := range n { // smooth shading that grows brighter by steps that no tokenizer overlooks
		m := shading(w, h, 1)
		for j, v := range m.Pix {
			m.Pix[j] = uint8(int(v)/2 + 120*i/max(n-1, 1))
		}
		in.Frames = append(in.Frames, m)
	}
	out, err := r.goodClip(ctx, in)
	if err != nil {
		return "", err
	}
	worst := math.Inf(1)
	for i, f := range out.Frames {
		own, best, at := psnr(in.Frames[i], f), math.Inf(-1), i
		for j, g := range in.Frames {
			if p := psnr(g, f); p > best {
				best, at = p, j
			}
		}
		worst = min(worst, own)
		// A group of frames that comes out as its mean is nearest to the middle one and yet
		// at its place: of a frame that has moved nothing as near is left where it came from.
		if best > own+gain && best > psnr(in.Frames[at], out.Frames[at])+gain {
			return "", warnf("frame %d that comes out is most like frame %d that went in (%.1f dB, %.1f dB to its own)", i, at, best, own)
		}
	}
	if worst < poor {
		return "", warnf("%.1f dB on smooth frames: they hardly show the input", worst)
	}
	return fmt.Sprintf("at least %.1f dB on smooth frames", worst), nil
}

func checkClipWindows(ctx context.Context, r *runner) (string, error) {
	if !r.info.Deterministic {
		return "", skipped("it is not deterministic")
	}
	w, h := r.base()
	n := r.window(usualWindow)
	a, b := film(w, h, n, 41), pix.Clip{Rate: 25, Start: 99}
	for i := range n {
		b.Frames = append(b.Frames, noise(w, h, 41+i))
	}
	var first tokenizers.ClipReconstruction
	for i, in := range []pix.Clip{a, a, b, a} {
		out, err := r.goodClip(ctx, in)
		if err != nil {
			return "", err
		}
		what := "the same window twice"
		switch i {
		case 0:
			first = out
			continue
		case 2:
			continue
		case 3:
			what = "the same window before and after another one"
		}
		if err := sameClip(first, out); err != nil {
			return "", fmt.Errorf("%s: %w", what, err)
		}
	}
	return "frames, codes and bits", nil
}

func checkClipSingle(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	img := picture(w, h, 42)
	n := r.window(1)
	in := pix.Clip{Frames: slices.Repeat([]pix.Image{img}, n)}
	film, err := r.goodClip(ctx, in)
	if err != nil {
		return "", err
	}
	still, err := r.good(ctx, img)
	if err != nil {
		return "", err
	}
	if !r.info.Deterministic {
		return frames(n) + ", sizes only, since it is not deterministic", nil
	}
	a, b := tokenizers.Reconstruction{Image: film.Frames[0]}, tokenizers.Reconstruction{Image: still[0].Image}
	if err := same(a, b); err != nil {
		err = fmt.Errorf("an image alone and as the first of %s: %w", frames(n), err)
		if apart(a, b) > batchNoise {
			return "", err
		}
		return fmt.Sprintf("%v: rounding", err), nil
	}
	return frames(n) + ", equal bit by bit", nil
}

func checkClipLengths(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	c := *r.info.Clips
	refused, done := 0, 0
	for n := 1; n <= r.window(usualWindow)+1; n++ {
		if c.Accepts(n) == nil {
			continue
		}
		in := film(w, h, n, 43)
		out, err := r.reconstructClip(ctx, in)
		switch {
		case broke(err):
			return "", fmt.Errorf("%s, a number that is not declared: %w", frames(n), err)
		case err != nil:
			refused++
			continue
		}
		if err := tokenizers.CheckClip(in, &out); err != nil {
			return "", fmt.Errorf("%s, a number that is not declared, gave no error: %w", frames(n), err)
		}
		done++
	}
	if refused+done == 0 {
		return "", skipped("it takes any number of frames")
	}
	if _, err := r.goodClip(ctx, film(w, h, r.window(usualWindow), 43)); err != nil {
		return "", fmt.Errorf("after windows of other lengths: %w", err)
	}
	return fmt.Sprintf("%d refused, %d done all the same", refused, done), nil
}

func checkClipSizes(ctx context.Context, r *runner) (string, error) {
	m := max(r.info.MultipleOf, 1)
	w2, h2 := r.otherSize()
	tries := [][2]int{{1, 1}, {3, 5}, {17, 31}, {m, 3 * m}, {w2, h2}}
	if s := r.info.MinSide; s > 0 {
		tries = append(tries, [2]int{s, s})
	}
	accepted, refused := 0, 0
	for i, t := range tries {
		in := film(t[0], t[1], r.window(2), 44+i)
		if r.info.Accepts(t[0], t[1]) == nil {
			if _, err := r.goodClip(ctx, in); err != nil {
				return "", err
			}
			accepted++
			continue
		}
		out, err := r.reconstructClip(ctx, in)
		if err == nil {
			err = tokenizers.CheckClip(in, &out)
			if err != nil {
				return "", fmt.Errorf("frames of %d×%d, a size that is not declared, gave no error: %w", t[0], t[1], err)
			}
		}
		if broke(err) {
			return "", fmt.Errorf("frames of %d×%d, a size that is not declared: %w", t[0], t[1], err)
		}
		refused++
	}
	return fmt.Sprintf("%d sizes accepted and reconstructed, %d outside the constraints", accepted, refused), nil
}

func checkClipCodes(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	n := r.window(usualWindow)
	var first *tokenizers.Codes
	for k := range 2 {
		out, err := r.goodClip(ctx, film(w, h, n, 50+k)) // ids and shapes are validated there
		if err != nil {
			return "", err
		}
		c := out.Codes
		switch {
		case c == nil && len(r.info.Codebooks) == 0:
			return "", skipped("it has no codes")
		case c == nil:
			return "", fmt.Errorf("a window has no codes, codebooks declares %d", len(r.info.Codebooks))
		case len(c.Books) != len(r.info.Codebooks):
			return "", fmt.Errorf("codes of %d codebooks, %d are declared", len(c.Books), len(r.info.Codebooks))
		}
		if k == 0 {
			first = c
		}
		for b, book := range c.Books {
			if book.Size != r.info.Codebooks[b] {
				return "", fmt.Errorf("codebook %d is of size %d, declared is %d", b, book.Size, r.info.Codebooks[b])
			}
			if len(book.Shape) != 3 {
				return "", fmt.Errorf("codebook %d has shape %v, want {t, h, w}", b, book.Shape)
			}
			if !slices.Equal(book.Shape, first.Books[b].Shape) {
				return "", fmt.Errorf("codebook %d has shape %v for one window and %v for another of the same size", b, first.Books[b].Shape, book.Shape)
			}
		}
	}
	return fmt.Sprintf("%d tokens for %d frames of %d×%d, the first book %v", first.Tokens(), n, w, h, first.Books[0].Shape), nil
}

func checkClipBits(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	n := r.window(usualWindow)
	start := time.Now()
	out, err := r.goodClip(ctx, film(w, h, n, 52)) // what is below zero is refused there
	wall := time.Since(start)
	if err != nil {
		return "", err
	}
	if sum := out.Encode + out.Decode; sum > wall+wall/10+time.Millisecond {
		return "", fmt.Errorf("encode %v and decode %v are more than the call took, %v", out.Encode, out.Decode, wall)
	}
	if out.Bits == 0 && out.FileBits != 0 {
		return "", fmt.Errorf("a file of %d bits and no bits", out.FileBits)
	}
	if out.FileBits != 0 && out.FileBits < out.Bits {
		return "", fmt.Errorf("the file (%d bits) is smaller than the bitstream in it (%d)", out.FileBits, out.Bits)
	}
	if out.Bits == 0 && out.Encode == 0 && out.Decode == 0 {
		return "", skipped("it reports neither bits nor times")
	}
	return fmt.Sprintf("%d bits for %d frames of %d×%d, encode %v, decode %v", out.Bits, n, w, h, out.Encode, out.Decode), nil
}

func checkClipCausal(ctx context.Context, r *runner) (string, error) {
	switch {
	case !r.info.Clips.Causal:
		return "", skipped("it does not say so")
	case !r.info.Deterministic:
		return "", skipped("it is not deterministic")
	}
	w, h := r.base()
	n := r.window(usualWindow)
	if n < 2 {
		return "", skipped("it takes one frame at a time")
	}
	a := film(w, h, n, 53)
	b := pix.Clip{Frames: []pix.Image{a.Frames[0]}, Rate: a.Rate, Start: a.Start}
	for i := 1; i < n; i++ {
		b.Frames = append(b.Frames, noise(w, h, 53+i))
	}
	one, err := r.goodClip(ctx, a)
	if err != nil {
		return "", err
	}
	other, err := r.goodClip(ctx, b)
	if err != nil {
		return "", err
	}
	x, y := tokenizers.Reconstruction{Image: one.Frames[0]}, tokenizers.Reconstruction{Image: other.Frames[0]}
	if err := same(x, y); err != nil {
		if apart(x, y) <= batchNoise {
			return fmt.Sprintf("%v: rounding", err), nil
		}
		return "", warnf("the first frame depends on those behind it: %v", err)
	}
	return "the first frame is the same before other frames", nil
}

func checkClipIsolation(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	n := r.window(usualWindow)
	mixed := film(w, h, n, 60)
	mixed.Frames[n-1] = picture(w+max(r.info.MultipleOf, 1), h, 60)
	torn := film(w, h, n, 60)
	torn.Frames[n-1] = pix.Image{W: w, H: h, Pix: torn.Frames[n-1].Pix[:3*w]}
	bad := []struct {
		what string
		clip pix.Clip
	}{{"without frames", pix.Clip{Rate: 25}}, {"with a frame that lacks pixels", torn}}
	if n > 1 {
		bad = append(bad, struct {
			what string
			clip pix.Clip
		}{"with frames of two sizes", mixed})
	}
	for _, b := range bad {
		_, err := r.reconstructClip(ctx, b.clip)
		switch {
		case err == nil:
			return "", fmt.Errorf("a window %s is taken without an error", b.what)
		case broke(err):
			return "", fmt.Errorf("a window %s: %w", b.what, err)
		}
	}
	if _, err := r.goodClip(ctx, film(w, h, n, 60)); err != nil {
		return "", fmt.Errorf("after windows that were refused: %w", err)
	}
	return fmt.Sprintf("%d windows refused", len(bad)), nil
}

func checkClipCancelled(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	in := film(w, h, r.window(usualWindow), 61)
	start := time.Now()
	_, err := r.reconstructClip(ended, in)
	took := time.Since(start).Round(time.Millisecond)
	if broke(err) {
		return "", err
	}
	if _, gerr := r.goodClip(ctx, in); gerr != nil {
		return "", fmt.Errorf("after a cancelled call: %w", gerr)
	}
	if err == nil {
		return fmt.Sprintf("it finished all the same, in %v", took), nil
	}
	return fmt.Sprintf("%v after %v", err, took), nil
}

func checkClipRetained(ctx context.Context, r *runner) (string, error) {
	w, h := r.base()
	n := r.window(usualWindow)
	out, err := r.goodClip(ctx, film(w, h, n, 62))
	if err != nil {
		return "", err
	}
	kept := out
	kept.Frames = nil
	for _, f := range out.Frames {
		kept.Frames = append(kept.Frames, f.Clone())
	}
	if out.Codes != nil {
		kept.Codes = &tokenizers.Codes{}
		for _, b := range out.Codes.Books {
			b.IDs = slices.Clone(b.IDs)
			kept.Codes.Books = append(kept.Codes.Books, b)
		}
	}
	if _, err := r.goodClip(ctx, film(w, h, n, 63)); err != nil {
		return "", err
	}
	if err := sameClip(kept, out); err != nil {
		return "", fmt.Errorf("a result changed when another window was processed: %w", err)
	}
	return "", nil
}

func checkClipConcurrent(ctx context.Context, r *runner) (string, error) {
	if !r.info.Concurrent {
		return "", skipped("it does not say that it may be called so")
	}
	w, h := r.base()
	const callers = 4
	var in [callers]pix.Clip
	var want [callers]tokenizers.ClipReconstruction
	for i := range in {
		in[i] = film(w, h, r.window(usualWindow), 64+i)
		var err error
		if want[i], err = r.goodClip(ctx, in[i]); err != nil {
			return "", err
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		// A runner of its own: the watching is not made for several calls.
		own := &runner{tok: r.tok, info: r.info, opts: r.opts, name: r.name}
		wg.Go(func() {
			for range 2 {
				out, err := own.goodClip(ctx, in[i])
				if err == nil && own.info.Deterministic {
					err = sameClip(want[i], out)
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
