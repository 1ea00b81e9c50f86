package process

import (
	"context"
	"fmt"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// clipWords says which windows a plug-in takes.
func clipWords(c *tokenizers.ClipInfo) string {
	if c == nil {
		return "none"
	}
	return fmt.Sprintf("%+v", *c)
}

// ReconstructClip implements [tokenizers.ClipTokenizer]. A window is one item of a request:
// what fails, fails for the whole window.
func (c clips) ReconstructClip(ctx context.Context, in pix.Clip) (out tokenizers.ClipReconstruction, err error) {
	t := c.t
	w, h := in.Size()
	size := 3 * int64(w) * int64(h) * int64(len(in.Frames))
	err = in.Validate()
	if err == nil {
		err = t.info.Accepts(w, h)
	}
	if err == nil {
		err = t.info.Clips.Accepts(len(in.Frames))
	}
	if err == nil && size > maxClipBytes {
		err = fmt.Errorf("a window of %d frames of %d×%d has %d bytes, more than the %d that are sent at once: use shorter windows or smaller frames", len(in.Frames), w, h, size, maxClipBytes)
	}
	if err != nil {
		return out, fmt.Errorf("before asking plug-in %q: %w", t.c.label, err)
	}
	var failed error
	j := job{
		item: wire.Item{W: w, H: h, Frames: len(in.Frames), Rate: in.Rate, Start: in.Start},
		back: int(size),
		take: func(it wire.Item, p wire.Payload) (err error) {
			out, err = t.clip(in, it, p)
			return err
		},
		fail: func(err error) { failed = err },
	}
	for _, f := range in.Frames {
		j.body = append(j.body, f.Pix)
	}
	err = t.run(ctx, wire.ReconstructClip, []job{j}, func(took time.Duration, ok []int) {
		// Each is bounded before it is added, so that no sum overflows.
		if most := longest(took); len(ok) > 0 && min(out.Encode, most+1)+min(out.Decode, most+1) > most {
			out.Encode, out.Decode = 0, 0
			t.warn("it reported more encoding and decoding time than a whole window took; the times of such windows are left out")
		}
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return tokenizers.ClipReconstruction{}, err
	}
	return out, nil
}

// maxClipBytes bounds the pixels of a window: request and answer stay below a frame of the
// protocol with room for codes.
const maxClipBytes = 448 << 20

// clip checks one window that came back.
func (t *Tokenizer) clip(in pix.Clip, it wire.Item, p wire.Payload) (out tokenizers.ClipReconstruction, err error) {
	w, h := in.Size()
	if it.Frames != len(in.Frames) {
		return out, fmt.Errorf("it returned %d frames for a window of %d: return one frame for every one, also for those that repeat the last, and say so in frames", it.Frames, len(in.Frames))
	}
	if it.W != w || it.H != h {
		return out, &tokenizers.SizeError{
			W: it.W, H: it.H, WantW: w, WantH: h,
			Text: fmt.Sprintf("it returned frames of %d×%d for a window of %d×%d: return every frame at the size it came in (pad inside, or declare multiple_of or a fixed size)", it.W, it.H, w, h),
		}
	}
	codes, err := t.codes(it, p)
	if err != nil {
		return out, err
	}
	if codes != nil {
		for b, book := range codes.Books {
			if len(book.Shape) != 3 {
				return out, fmt.Errorf("codebook %d of a window has shape %v: want {t, h, w}", b, book.Shape)
			}
		}
	}
	if err := costs(it); err != nil {
		return out, err
	}
	out = tokenizers.ClipReconstruction{
		Codes: codes, Bits: it.Bits, FileBits: it.FileBits, Capacity: it.Capacity,
		Encode: time.Duration(it.EncodeNS), Decode: time.Duration(it.DecodeNS),
	}
	frame := 3 * w * h
	for i := range in.Frames {
		out.Frames = append(out.Frames, pix.Image{W: w, H: h, Pix: p.Pix[i*frame : (i+1)*frame : (i+1)*frame]})
	}
	return out, nil
}
