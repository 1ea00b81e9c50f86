package codec

import (
	"bytes"
	"context"
	"errors"
	"image"

	"github.com/gen2brain/jpegxl"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func jxlKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "jxl",
		Summary: "JPEG XL by libjxl; q=100 is lossless",
		Example: "jxl:q=50",
		Options: []tokenizers.Option{
			tokenizers.IntOption("q", 75, 1, 100, "quality; 100 codes without loss"),
			tokenizers.IntOption("effort", 4, 1, 10, "1 is fastest, 10 smallest"),
			libOption(),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			encoder, err := jxlLibrary.resolve(opts["lib"])
			if err != nil {
				return nil, err
			}
			c := jxlCoder{quality: opts.Int("q"), effort: opts.Int("effort"), system: opts["lib"] == libSystem}
			return newTokenizer(c, "jxl", encoder, 16384, opts, map[string]string{"encoder": encoder}), nil
		},
	}
}

type jxlCoder struct {
	quality, effort int
	system          bool
}

func (c jxlCoder) encode(m pix.Image) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	// An opaque alpha channel is coded along, since the binding knows no other
	// pictures: a few bytes.
	if c.system {
		err = jpegxl.Encode(&buf, nrgba(m), jpegxl.Options{Quality: c.quality, Effort: c.effort})
	} else {
		err = bundledJXLEncode(&buf, nrgba(m), c.quality, c.effort)
	}
	return buf.Bytes(), err
}

func (c jxlCoder) decode(data []byte) (pix.Image, error) {
	if c.system {
		m, err := jpegxl.Decode(bytes.NewReader(data))
		if err != nil {
			return pix.Image{}, err
		}
		return opaque(m), nil
	}
	m, _, err := bundledJXLDecode(bytes.NewReader(data), false, false)
	if err != nil {
		return pix.Image{}, err
	}
	return opaque(m.Image[0]), nil
}

// opaque drops the alpha channel, which is full everywhere.
func opaque(m image.Image) pix.Image {
	if n, ok := m.(*image.NRGBA); ok {
		m = &image.RGBA{Pix: n.Pix, Stride: n.Stride, Rect: n.Rect}
	}
	return pix.FromImage(m)
}

// payload is the whole of a bare codestream, or what the jxlc and jxlp boxes of
// a container hold of it (ISO/IEC 18181-2, annex A).
func (jxlCoder) payload(data []byte) (int, error) {
	if bytes.HasPrefix(data, []byte{0xff, 0x0a}) {
		return len(data), nil
	}
	total := 0
	seen, err := boxes(data, func(kind string, body []byte) {
		switch kind {
		case "jxlc":
			total += len(body)
		case "jxlp":
			total += max(0, len(body)-4) // behind its index
		}
	})
	if err == nil && (len(seen) == 0 || seen[0] != "JXL ") {
		err = errors.New("not a JPEG XL file: neither a codestream nor a container")
	}
	return total, err
}
