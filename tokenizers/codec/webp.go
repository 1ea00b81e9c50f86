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
		return pix.FromVP8(y), nil
	}
	return pix.FromImage(m), nil
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
