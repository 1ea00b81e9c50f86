package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gocv.io/x/gocv"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/jp2"
)

// compression is OpenCV's IMWRITE_JPEG2000_COMPRESSION_X1000, which gocv does not
// name: the size of the codestream in thousandths of the raw image.
const compression = 272

// minSide is the smallest image for the six resolutions OpenCV asks OpenJPEG for;
// a smaller one makes it throw.
const minSide = 32

// codec is JPEG 2000 at one rate.
type codec struct{ rate int }

func newCodec(rate int) codec { return codec{rate} }

// Info implements tokenizers.Tokenizer.
func (c codec) Info() tokenizers.Info {
	return tokenizers.Info{
		Name: "jp2", Version: "OpenCV " + gocv.OpenCVVersion(), Deterministic: true, BatchInvariant: true,
		MinSide: minSide, MaxSide: 16384,
		Params: map[string]string{"rate": strconv.Itoa(c.rate), "encoder": "OpenCV " + gocv.OpenCVVersion()},
	}
}

// Reconstruct implements tokenizers.Tokenizer.
func (c codec) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = c.one(m)
	}
	return out, nil
}

func (c codec) one(m pix.Image) (r tokenizers.Reconstruction) {
	fail := func(doing string, err error) tokenizers.Reconstruction {
		return tokenizers.Reconstruction{Err: fmt.Errorf("%s: %w", doing, err)}
	}
	if err := m.Validate(); err != nil {
		return fail("encoding JPEG 2000", err)
	}
	if err := c.Info().Accepts(m.W, m.H); err != nil {
		return fail("encoding JPEG 2000", err)
	}
	begun := time.Now()
	mat, err := gocv.NewMatFromBytes(m.H, m.W, gocv.MatTypeCV8UC3, bgr(m.Pix))
	if err != nil {
		return fail("encoding JPEG 2000", err)
	}
	defer mat.Close() //nolint:errcheck // frees memory
	buf, err := gocv.IMEncodeWithParams(".jp2", mat, []int{compression, c.rate})
	if err != nil {
		return fail("encoding JPEG 2000", err)
	}
	defer buf.Close()
	data := append([]byte(nil), buf.GetBytes()...)
	r.Encode = time.Since(begun)

	begun = time.Now()
	back, err := gocv.IMDecode(data, gocv.IMReadColor)
	if err != nil {
		return fail("decoding JPEG 2000", err)
	}
	defer back.Close() //nolint:errcheck // frees memory
	if back.Empty() || back.Cols() != m.W || back.Rows() != m.H {
		return fail("decoding JPEG 2000", errors.New("OpenCV gave no image of the size that went in"))
	}
	r.Image = pix.Image{W: m.W, H: m.H, Pix: bgr(back.ToBytes())}
	r.Decode = time.Since(begun)

	payload, err := jp2.Payload(data)
	if err != nil {
		return fail("measuring JPEG 2000", err)
	}
	r.Bits, r.FileBits = 8*int64(payload), 8*int64(len(data))
	return r
}

// bgr swaps red and blue, which turns RGB into OpenCV's order and back.
func bgr(p []uint8) []uint8 {
	out := make([]uint8, len(p))
	for i := 0; i+2 < len(p); i += 3 {
		out[i], out[i+1], out[i+2] = p[i+2], p[i+1], p[i]
	}
	return out
}
