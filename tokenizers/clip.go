package tokenizers

import (
	"context"
	"fmt"
	"time"

	"github.com/vtbench/vtbench/pix"
)

// A ClipTokenizer codes consecutive frames together. Films reach it in windows of a length
// that the suite states, the same for every tokenizer; what it returns for a window depends
// on that window alone, so runs can stop, go on and be shared out anywhere. Its Reconstruct
// takes every image as a film of one frame.
type ClipTokenizer interface {
	Tokenizer // its Info has Clips
	// ReconstructClip runs one window. The number of frames satisfies Info().Clips; the
	// input must not be written to.
	ReconstructClip(ctx context.Context, in pix.Clip) (ClipReconstruction, error)
}

// ClipInfo says how many frames a [ClipTokenizer] takes at once.
type ClipInfo struct {
	Multiple int  `json:"multiple,omitempty"` // the number of frames is a multiple of it; 0 or 1: any
	Causal   bool `json:"causal,omitempty"`   // the first frame stands alone: 1 + a multiple
	Fixed    int  `json:"fixed,omitempty"`    // the only number of frames it takes; 0: any
	Max      int  `json:"max,omitempty"`      // most frames at once; 0: any number
}

// Frames is the smallest number of frames, n or more, that the tokenizer takes. Windows are
// brought to it by repeating their last frame, and what comes back for the repeats is left out.
func (c ClipInfo) Frames(n int) int {
	if c.Fixed > 0 {
		return c.Fixed
	}
	m, first := max(c.Multiple, 1), 0
	if c.Causal {
		first = 1
	}
	return first + (max(n-first, 0)+m-1)/m*m
}

// Validate refuses constraints that contradict each other; nil has none.
func (c *ClipInfo) Validate() error {
	switch {
	case c == nil:
		return nil
	case min(c.Multiple, c.Fixed, c.Max) < 0 || max(c.Multiple, c.Fixed, c.Max) > maxClip:
		return fmt.Errorf("clips: multiple %d, fixed %d and max %d must be from 0 to %d", c.Multiple, c.Fixed, c.Max, maxClip)
	case c.Max > 0 && c.Fixed > c.Max:
		return fmt.Errorf("clips: fixed %d is above max %d", c.Fixed, c.Max)
	case c.Max > 0 && c.Frames(1) > c.Max:
		return fmt.Errorf("clips: a window of one frame becomes %d, and max is %d", c.Frames(1), c.Max)
	case c.Fixed > 0 && (ClipInfo{Multiple: c.Multiple, Causal: c.Causal}).Frames(c.Fixed) != c.Fixed:
		return fmt.Errorf("clips: fixed %d is not what multiple %d and causal %v ask for", c.Fixed, c.Multiple, c.Causal)
	}
	return nil
}

// maxClip bounds what a constraint on the number of frames can be meant to say.
const maxClip = 1 << 20

// Accepts says whether a window of n frames satisfies the constraints; the error names the
// number that would.
func (c ClipInfo) Accepts(n int) error {
	switch want := c.Frames(n); {
	case n < 1:
		return fmt.Errorf("a window of %d frames: want at least one", n)
	case want != n:
		return fmt.Errorf("a window of %d frames: it takes %d", n, want)
	case c.Max > 0 && n > c.Max:
		return fmt.Errorf("a window of %d frames: it takes at most %d", n, c.Max)
	}
	return nil
}

// AtOnce is the most frames of a window that the tokenizer can be given, of n.
func (c ClipInfo) AtOnce(n int) int {
	limit := n
	if c.Fixed > 0 {
		limit = min(limit, c.Fixed)
	}
	if c.Max > 0 {
		for limit > 1 && c.Frames(limit) > c.Max {
			limit--
		}
	}
	return limit
}

// ClipReconstruction is what became of one window. Codes, bits and times are those of the
// window as a whole.
type ClipReconstruction struct {
	Frames         []pix.Image // as many as went in, of their size
	Codes          *Codes      // books of shape {t, h, w}; nil for continuous tokenizers
	Bits, FileBits int64       // as in [Reconstruction]
	Capacity       float64
	Encode, Decode time.Duration
}

// CheckClip enforces the contract of ReconstructClip on what an adapter returned.
func CheckClip(in pix.Clip, out *ClipReconstruction) error {
	if len(out.Frames) != len(in.Frames) {
		return fmt.Errorf("tokenizer returned %d frames for a window of %d", len(out.Frames), len(in.Frames))
	}
	stills := make([]Reconstruction, len(out.Frames))
	for i, f := range out.Frames {
		stills[i].Image = f
	}
	stills[0].Codes, stills[0].Bits, stills[0].FileBits = out.Codes, out.Bits, out.FileBits
	stills[0].Capacity, stills[0].Encode, stills[0].Decode = out.Capacity, out.Encode, out.Decode
	if err := Check(in.Frames, stills); err != nil {
		return err
	}
	for i := range stills {
		if err := stills[i].Err; err != nil {
			return fmt.Errorf("frame %d: %w", in.Start+i, err)
		}
	}
	return nil
}
