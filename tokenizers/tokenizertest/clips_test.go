package tokenizertest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// clipToy quantizes the frames of windows of 1 + a multiple of 2 frames, with a switch for
// each way of breaking the contract. Codes are those of the first frame and of each pair.
type clipToy struct {
	*toy
	last  atomic.Pointer[pix.Image] // first frame of the last window
	count atomic.Int64

	fewer, reversed, early, means, remembers, otherStill, anyLength, flatCodes, future, takesAll, hangs, odd, fileBits, writes, panics, shared bool
}

func newClipToy() *clipToy {
	t := &clipToy{toy: newToy()}
	t.info.Clips = &tokenizers.ClipInfo{Multiple: 2, Causal: true}
	return t
}

func (t *clipToy) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out, err := t.toy.Reconstruct(ctx, in)
	for i := range out {
		if t.otherStill && out[i].Err == nil {
			for j := range out[i].Image.Pix {
				out[i].Image.Pix[j] ^= 8
			}
		}
	}
	return out, err
}

func (t *clipToy) ReconstructClip(ctx context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	if t.hangs {
		select {}
	}
	n := len(in.Frames)
	if !t.takesAll {
		if err := in.Validate(); err != nil {
			return out, err
		}
	}
	if err := t.info.Clips.Accepts(n); err != nil {
		if t.panics {
			panic(err)
		}
		if !t.anyLength {
			return out, err
		}
		in.Frames = in.Frames[:n-1]
	}
	stills, err := t.toy.Reconstruct(ctx, in.Frames)
	if err != nil {
		return out, err
	}
	for _, s := range stills {
		if s.Err != nil {
			return out, s.Err
		}
		out.Frames = append(out.Frames, s.Image)
		out.Bits, out.FileBits = out.Bits+s.Bits, out.FileBits+s.FileBits
	}
	if n == 0 {
		return out, nil
	}
	w, h := in.Size()
	switch {
	case t.fewer:
		out.Frames = out.Frames[1:]
	case t.reversed:
		for i := range n / 2 {
			out.Frames[i], out.Frames[n-1-i] = out.Frames[n-1-i], out.Frames[i]
		}
	case t.early: // the first frame is lost and the last shown twice
		out.Frames = append(out.Frames[1:], out.Frames[n-1])
	case t.means:
		for i := 1; i+4 <= n; i += 4 {
			mean := pix.New(w, h)
			for k := range mean.Pix {
				sum := 0
				for _, f := range out.Frames[i : i+4] {
					sum += int(f.Pix[k])
				}
				mean.Pix[k] = uint8(sum / 4)
			}
			for j := range 4 {
				out.Frames[i+j] = mean.Clone()
			}
		}
	case t.remembers:
		if last := t.last.Swap(&out.Frames[0]); last != nil && len(last.Pix) == len(out.Frames[0].Pix) {
			out.Frames[0].Pix[0] = last.Pix[7] ^ 0x80
		}
	case t.future:
		copy(out.Frames[0].Pix, out.Frames[n-1].Pix)
	case t.odd && w == 17:
		return out, errors.New("odd sides")
	case t.writes:
		in.Frames[0].Pix[0] ^= 1
	case t.shared:
		out.Frames[0].Pix[0] ^= uint8(t.count.Add(1) & 1)
	}
	if t.fileBits {
		out.FileBits = out.Bits - 1
	}
	ids := make([]int32, (n/2+1)*w*h)
	shape := []int{n/2 + 1, h, w}
	if t.flatCodes {
		shape = []int{len(ids)}
	}
	out.Codes = &tokenizers.Codes{Books: []tokenizers.Book{{Size: 16, Shape: shape, IDs: ids}}}
	return out, nil
}

func TestAConformingClipTokenizerPasses(t *testing.T) {
	for name, c := range map[string]tokenizers.ClipInfo{
		"causal": {Multiple: 2, Causal: true}, "any": {}, "fixed": {Fixed: 8}, "bounded": {Multiple: 4, Max: 8},
	} {
		tok := newClipToy()
		tok.info.Clips = &c
		r := Run(t.Context(), tok, Options{Side: 32})
		if !r.OK() || r.Count(Warning) > 0 {
			t.Errorf("%s:\n%s", name, r)
		}
		if got := find(t, r, "clip windows"); got.Status != OK {
			t.Errorf("%s: %s", name, got)
		}
	}
	means := newClipToy() // frames that come out alike are nearest to one of them, and none has moved
	means.means, means.info.Clips = true, &tokenizers.ClipInfo{Multiple: 4, Causal: true}
	if r := Run(t.Context(), means, Options{Side: 32}); !r.OK() || r.Count(Warning) > 0 {
		t.Errorf("means of frames:\n%s", r)
	}
	for _, c := range Run(t.Context(), newToy(), Options{Side: 32}).Checks {
		if strings.HasPrefix(c.Name, "clip") {
			t.Errorf("a tokenizer of images is asked about clips: %s", c)
		}
	}
}

// deaf is a tokenizer that declares clips and takes none.
type deaf struct{ *toy }

func TestWhatIsBrokenInClipsIsFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(*clipToy)
		check  string
		status Status
	}{
		{"a frame missing", func(t *clipToy) { t.fewer = true }, "clip shape", Failed},
		{"a frame written to", func(t *clipToy) { t.writes = true }, "clip shape", Failed},
		{"frames backward", func(t *clipToy) { t.reversed = true }, "clip frames", Warning},
		{"frames one place early", func(t *clipToy) { t.early = true }, "clip frames", Warning},
		{"the last window shows", func(t *clipToy) { t.remembers = true }, "clip windows", Failed},
		{"images go another way", func(t *clipToy) { t.otherStill = true }, "clip single", Failed},
		{"any number of frames, fewer come back", func(t *clipToy) { t.anyLength = true }, "clip lengths", Failed},
		{"a panic over a number of frames", func(t *clipToy) { t.panics = true }, "clip lengths", Failed},
		{"a size not taken", func(t *clipToy) { t.odd = true }, "clip sizes", Failed},
		{"codes without time", func(t *clipToy) { t.flatCodes = true }, "clip codes", Failed},
		{"codebooks not as declared", func(t *clipToy) { t.info.Codebooks = []int{16, 16} }, "clip codes", Failed},
		{"a file smaller than its content", func(t *clipToy) { t.fileBits = true }, "clip bits", Failed},
		{"the first frame knows the last", func(t *clipToy) { t.future = true }, "clip causal", Warning},
		{"frames of two sizes are taken", func(t *clipToy) { t.takesAll, t.info.Clips.Causal = true, false }, "clip isolation", Failed},
		{"shared state", func(t *clipToy) { t.shared = true }, "clip concurrent", Failed},
		{"clips not declared", func(t *clipToy) { t.info.Clips = nil }, "info", Failed},
		{"constraints that cannot be", func(t *clipToy) { t.info.Clips = &tokenizers.ClipInfo{Fixed: 8, Max: 4} }, "info", Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok := newClipToy()
			c.spoil(tok)
			r := Run(t.Context(), tok, Options{Side: 32})
			if got := find(t, r, c.check); got.Status != c.status || got.Detail == "" || got.Mend == "" {
				t.Errorf("check %q is %s (%s), want %s with detail and mend\n%s", c.check, got.Status, got.Detail, c.status, r)
			}
		})
	}
	tok := newToy()
	tok.info.Clips = &tokenizers.ClipInfo{}
	if got := find(t, Run(t.Context(), deaf{tok}, Options{Side: 32}), "info"); got.Status != Failed {
		t.Errorf("clips declared and not taken: %s", got)
	}
}

func TestWindowsOfFrames(t *testing.T) {
	for _, c := range []struct {
		info   tokenizers.ClipInfo
		takes  []int
		not    []int
		faulty bool
	}{
		{info: tokenizers.ClipInfo{}, takes: []int{1, 2, 17}, not: []int{0, -1}},
		{info: tokenizers.ClipInfo{Multiple: 4}, takes: []int{4, 16}, not: []int{1, 17}},
		{info: tokenizers.ClipInfo{Multiple: 4, Causal: true}, takes: []int{1, 5, 17}, not: []int{0, 2, 4, 16}},
		{info: tokenizers.ClipInfo{Fixed: 16}, takes: []int{16}, not: []int{1, 15, 17}},
		{info: tokenizers.ClipInfo{Multiple: 2, Max: 6}, takes: []int{2, 6}, not: []int{8}},
		{info: tokenizers.ClipInfo{Multiple: 8, Max: 6}, faulty: true},
		{info: tokenizers.ClipInfo{Multiple: 4, Fixed: 6}, faulty: true},
		{info: tokenizers.ClipInfo{Multiple: -1}, faulty: true},
		{info: tokenizers.ClipInfo{Fixed: 17, Multiple: 4, Causal: true}, takes: []int{17}, not: []int{5}},
	} {
		if err := c.info.Validate(); (err != nil) != c.faulty {
			t.Errorf("%+v: %v", c.info, err)
		}
		for _, n := range c.takes {
			if err := c.info.Accepts(n); err != nil {
				t.Errorf("%+v, %d frames: %v", c.info, n, err)
			}
		}
		for _, n := range c.not {
			if err := c.info.Accepts(n); err == nil {
				t.Errorf("%+v: %d frames are accepted", c.info, n)
			}
		}
	}
	if err := (*tokenizers.ClipInfo)(nil).Validate(); err != nil {
		t.Error(err)
	}
}
