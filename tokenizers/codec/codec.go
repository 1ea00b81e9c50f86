// Package codec makes tokenizers of image codecs: JPEG, WebP, AVIF, JPEG XL and
// PNG with an optional palette.
//
// Codecs are the yardstick of the table: everybody knows what JPEG at quality 20
// looks like, and a codec has a real bitstream, so its rate is measured and not
// computed. Two sizes are given, since the difference is what makes published
// rates of small images disagree: [tokenizers.Reconstruction.FileBits] is the
// whole file, Bits counts only the bytes whose content depends on the pixels:
//
//	JPEG    the entropy-coded scan; the fixed quantisation and Huffman tables,
//	        the frame and scan headers and the markers are left out
//	WebP    payloads of the VP8, VP8L and ALPH chunks; not the RIFF headers
//	AVIF    payload of the mdat boxes; not the other boxes
//	JPEG XL the codestream; not the boxes around it, where there are any
//	PNG     payloads of IDAT, PLTE and tRNS; not the other chunks and the framing
//
// Bits must not depend on what happens to be installed, so the encoders of
// libwebp, libavif and libjxl are by default the ones compiled into this program
// (WebAssembly, run in-process). The libraries behind them would also pick up a
// system library at run time and silently change every file; here that takes an
// explicit lib=system. Whatever did the work is named, with its version, in
// [tokenizers.Info.Params].
//
//	kind, opts, err := tokenizers.Resolve(spec, codec.Kinds()) // "jpeg:q=20"
//	tok, err := kind.Open(ctx, opts)
//	recs, err := tok.Reconstruct(ctx, images)
package codec

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Kinds lists the codecs.
func Kinds() []tokenizers.Kind {
	return []tokenizers.Kind{jpegKind(), webpKind(), avifKind(), jxlKind(), pngKind()}
}

// A coder is one codec at one setting. Its methods are called from several
// goroutines.
type coder interface {
	encode(m pix.Image) ([]byte, error)
	decode(data []byte) (pix.Image, error)
	// payload is the number of bytes of data that depend on the pixels.
	payload(data []byte) (int, error)
}

// tokenizer runs a coder there and back.
type tokenizer struct {
	coder
	info tokenizers.Info
}

func newTokenizer(c coder, name, version string, maxSide int, opts tokenizers.Options, extra map[string]string) *tokenizer {
	params := map[string]string(maps.Clone(opts))
	maps.Copy(params, extra)
	return &tokenizer{coder: c, info: tokenizers.Info{
		Name:          name,
		Version:       version,
		Deterministic: true, BatchInvariant: true,
		Concurrent: true,
		MaxSide:    maxSide,
		Params:     params,
	}}
}

// Info implements [tokenizers.Tokenizer].
func (t *tokenizer) Info() tokenizers.Info { return t.info }

// Reconstruct implements [tokenizers.Tokenizer].
func (t *tokenizer) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = t.one(m)
	}
	return out, nil
}

func (t *tokenizer) one(m pix.Image) tokenizers.Reconstruction {
	if err := m.Validate(); err != nil {
		return tokenizers.Reconstruction{Err: fmt.Errorf("%s: %w", t.info.Name, err)}
	}
	if err := t.info.Accepts(m.W, m.H); err != nil {
		return tokenizers.Reconstruction{Err: err}
	}
	start := time.Now()
	data, err := t.encode(m)
	encoded := time.Now()
	if err != nil {
		return tokenizers.Reconstruction{Err: fmt.Errorf("%s: encoding a %d×%d image: %w", t.info.Name, m.W, m.H, err)}
	}
	payload, err := t.payload(data)
	if err != nil {
		return tokenizers.Reconstruction{Err: fmt.Errorf("%s: measuring the bitstream: %w", t.info.Name, err)}
	}
	decoding := time.Now()
	got, err := t.decode(data)
	decoded := time.Now()
	if err != nil {
		return tokenizers.Reconstruction{Err: fmt.Errorf("%s: decoding what it encoded: %w", t.info.Name, err)}
	}
	return tokenizers.Reconstruction{
		Image:    got,
		Bits:     8 * int64(payload),
		FileBits: 8 * int64(len(data)),
		Encode:   encoded.Sub(start),
		Decode:   decoded.Sub(decoding),
	}
}

// Warm implements [tokenizers.Warmer]: the first image through a codec compiles
// it, which belongs to no image's encoding time.
func (t *tokenizer) Warm(ctx context.Context, w, h int) error {
	if err := t.info.Accepts(w, h); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.one(pix.New(min(w, 64), min(h, 64))).Err
}
