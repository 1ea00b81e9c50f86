package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	gowebp "github.com/gen2brain/webp"
	"golang.org/x/image/webp"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func webpKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "webp",
		Summary: "WebP by libwebp, lossy or lossless",
		Example: "webp:q=50",
		Options: []tokenizers.Option{
			tokenizers.IntOption("q", 75, 1, 100, "quality"),
			tokenizers.BoolOption("lossless", false, "code without loss; q is then ignored"),
			tokenizers.IntOption("effort", 4, 0, 6, "0 is fastest, 6 smallest (libwebp's method)"),
			libOption(),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			encoder, err := webpLibrary.resolve(opts["lib"])
			if err != nil {
				return nil, err
			}
			c := webpCoder{
				quality:  opts.Int("q"),
				effort:   opts.Int("effort"),
				lossless: opts.Bool("lossless"),
				system:   opts["lib"] == libSystem,
			}
			return newTokenizer(c, "webp", encoder, 16383, opts, map[string]string{
				"encoder": encoder,
				"decoder": "golang.org/x/image/webp",
			}), nil
		},
	}
}

type webpCoder struct {
	quality, effort  int
	lossless, system bool
}

func (c webpCoder) encode(m pix.Image) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	if c.system {
		err = gowebp.Encode(&buf, m.RGBA(), gowebp.Options{Quality: c.quality, Method: c.effort, Lossless: c.lossless})
	} else {
		err = bundledWebP(&buf, m.RGBA(), c.quality, c.effort, c.lossless, false)
	}
	return buf.Bytes(), err
}

func (webpCoder) decode(data []byte) (pix.Image, error) {
	m, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return pix.Image{}, err
	}
	if y, ok := m.(*image.YCbCr); ok {
		return fromVP8(y), nil
	}
	return pix.FromImage(m), nil
}

// fromVP8 converts VP8's pictures to RGB as libwebp does, bit by bit. They are
// BT.601 with luma in 16..235 (RFC 6386, section 9.2), whereas *image.YCbCr and
// with it package image take every YCbCr for JFIF's full range: whites would
// come out at 235. Chroma is interpolated with weights 9, 3, 3, 1 sixteenths.
func fromVP8(y *image.YCbCr) pix.Image {
	w, h := y.Rect.Dx(), y.Rect.Dy()
	cw, ch := (w+1)/2, (h+1)/2
	out := pix.New(w, h)
	u, v := make([]int32, w+2), make([]int32, w+2)
	for r := range h {
		near := r / 2
		far := min(max(near-1+2*(r&1), 0), ch-1)
		n, f := y.CStride*near, y.CStride*far
		diagonal(u, y.Cb[n:n+cw], y.Cb[f:f+cw])
		diagonal(v, y.Cr[n:n+cw], y.Cr[f:f+cw])
		row := out.Row(r)
		for x, l := range y.Y[y.YStride*r:][:w] {
			// 14-bit fixed point after an 8-bit shift: 1.164, 1.596, .391, .813
			// and 2.018 times 2^14, the offsets folded into one constant.
			l := int32(l) * 19077 >> 8
			row[3*x] = clip14(l + v[x]*26149>>8 - 14234)
			row[3*x+1] = clip14(l - u[x]*6419>>8 - v[x]*13320>>8 + 8708)
			row[3*x+2] = clip14(l + u[x]*33050>>8 - 17685)
		}
	}
	return out
}

func clip14(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// diagonal doubles a row of chroma: (9a + 3b + 3c + d + 8) / 16 of the four
// samples around, computed in libwebp's two steps, whose truncations differ from
// the plain quotient.
func diagonal(dst []int32, near, far []uint8) {
	last := len(near) - 1
	dst[0] = (3*int32(near[0]) + int32(far[0]) + 2) >> 2
	for i := range last {
		a, b := int32(near[i]), int32(near[i+1])
		c, d := int32(far[i]), int32(far[i+1])
		sum := a + b + c + d + 8
		dst[2*i+1] = ((sum+2*(b+c))>>3 + a) >> 1
		dst[2*i+2] = ((sum+2*(a+d))>>3 + b) >> 1
	}
	dst[2*last+1] = (3*int32(near[last]) + int32(far[last]) + 2) >> 2
}

func (webpCoder) payload(data []byte) (int, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WEBP" {
		return 0, errors.New("not a WebP file: no RIFF header of form WEBP")
	}
	total := 0
	for rest := data[12:]; len(rest) > 0; {
		if len(rest) < 8 {
			return 0, errors.New("WebP file ends in a chunk header")
		}
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:8]))
		if size > int64(len(rest)-8) {
			return 0, fmt.Errorf("WebP chunk %q is longer than the file", id)
		}
		switch id {
		case "VP8 ", "VP8L", "ALPH":
			total += int(size)
		}
		rest = rest[min(int64(len(rest)), 8+size+size&1):]
	}
	return total, nil
}
