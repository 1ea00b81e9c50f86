package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"runtime"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func jpegKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "jpeg",
		Summary: "baseline JPEG, 4:2:0, standard Huffman tables",
		Example: "jpeg:q=50",
		Options: []tokenizers.Option{
			tokenizers.IntOption("q", 75, 1, 100, "quality, scaled as in libjpeg"),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			c := jpegCoder{quality: opts.Int("q")}
			// The coefficients, and with them the bits, have changed between Go
			// releases, so the release is the encoder's version.
			return newTokenizer(c, "jpeg", runtime.Version(), 65535, opts, map[string]string{
				"encoder": "image/jpeg " + runtime.Version(),
				"chroma":  "420",
			}), nil
		},
	}
}

type jpegCoder struct{ quality int }

func (c jpegCoder) encode(m pix.Image) ([]byte, error) {
	var buf bytes.Buffer
	err := jpeg.Encode(&buf, m.RGBA(), &jpeg.Options{Quality: c.quality})
	return buf.Bytes(), err
}

func (jpegCoder) decode(data []byte) (pix.Image, error) {
	m, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return pix.Image{}, err
	}
	y, ok := m.(*image.YCbCr)
	if !ok || y.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return pix.FromImage(m), nil
	}
	return fromJPEG420(y), nil
}

// fromJPEG420 converts 4:2:0 JFIF colours to RGB with chroma interpolated by the
// triangle filter that libjpeg calls fancy upsampling and uses by default.
// Package image replicates chroma instead, which costs colour edges (red text on
// white) up to several dB and would make JPEG look worse than everybody knows it.
func fromJPEG420(y *image.YCbCr) pix.Image {
	b := y.Rect
	w, h := b.Dx(), b.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	out := pix.New(w, h)
	cb, cr := make([]int32, w+1), make([]int32, w+1)
	for r := range h {
		// A row of pixels lies a quarter of a chroma row above or below the
		// centre of its own: weights 3/4 and 1/4 of the two nearest rows.
		near := r / 2
		far := near - 1 + 2*(r&1)
		far = min(max(far, 0), ch-1)
		n, f := y.COffset(b.Min.X, b.Min.Y+2*near), y.COffset(b.Min.X, b.Min.Y+2*far)
		triangle(cb, y.Cb[n:n+cw], y.Cb[f:f+cw])
		triangle(cr, y.Cr[n:n+cw], y.Cr[f:f+cw])
		row := out.Row(r)
		luma := y.Y[y.YOffset(b.Min.X, b.Min.Y+r):][:w]
		for x, v := range luma {
			l, u, v := int32(v), cb[x]-128, cr[x]-128
			// JFIF 1.02, section 7, in 16-bit fixed point.
			row[3*x] = clamp8(l + (91881*v+32768)>>16)
			row[3*x+1] = clamp8(l + (-22554*u-46802*v+32768)>>16)
			row[3*x+2] = clamp8(l + (116130*u+32768)>>16)
		}
	}
	return out
}

// triangle doubles a row of chroma samples, given the nearer and the farther of
// the two rows it lies between. The rounding alternates as in libjpeg, so that
// it has no bias.
func triangle(dst []int32, near, far []uint8) {
	last := len(near) - 1
	if last < 2 { // libjpeg replicates where there is too little to interpolate
		for x := range dst {
			dst[x] = int32(near[min(x/2, last)])
		}
		return
	}
	for i := range near {
		c := 3*int32(near[i]) + int32(far[i])
		l, r := c, c
		if i > 0 {
			l = 3*int32(near[i-1]) + int32(far[i-1])
		}
		if i < last {
			r = 3*int32(near[i+1]) + int32(far[i+1])
		}
		dst[2*i] = (3*c + l + 8) >> 4
		if 2*i+1 < len(dst) {
			dst[2*i+1] = (3*c + r + 7) >> 4
		}
	}
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// payload counts the entropy-coded bytes behind the scan headers, stuffing
// included, since those are sent.
func (jpegCoder) payload(data []byte) (int, error) {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return 0, errors.New("not a JPEG file: it does not start with FF D8")
	}
	total := 0
	for i := 2; ; {
		if i+2 > len(data) {
			return 0, errors.New("JPEG file ends before its end marker")
		}
		if data[i] != 0xff {
			return 0, fmt.Errorf("JPEG marker expected at byte %d, have %#02x", i, data[i])
		}
		marker := data[i+1]
		i += 2
		switch {
		case marker == 0xff: // fill byte
			i--
			continue
		case marker == 0xd9:
			return total, nil
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // stand alone
			continue
		}
		if i+2 > len(data) {
			return 0, errors.New("JPEG file ends in a marker segment")
		}
		i += int(data[i])<<8 | int(data[i+1])
		if i > len(data) {
			return 0, fmt.Errorf("JPEG segment %#02x is longer than the file", marker)
		}
		if marker != 0xda {
			continue
		}
		start := i
		for i+1 < len(data) && (data[i] != 0xff || data[i+1] == 0 || data[i+1] >= 0xd0 && data[i+1] <= 0xd7) {
			i++
		}
		total += i - start
	}
}
