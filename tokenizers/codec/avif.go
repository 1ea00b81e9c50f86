package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"

	"github.com/gen2brain/avif"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func avifKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "avif",
		Summary: "AVIF by libaom",
		Example: "avif:q=50",
		Options: []tokenizers.Option{
			tokenizers.IntOption("q", 60, 1, 100, "quality; 100 is not lossless, since colours are converted"),
			tokenizers.IntOption("effort", 2, 0, 9, "0 is fastest, 9 smallest (10 less libaom's speed)"),
			tokenizers.ChoiceOption("chroma", "chroma subsampling", "420", "422", "444"),
			libOption(),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			encoder, err := avifLibrary.resolve(opts["lib"])
			if err != nil {
				return nil, err
			}
			c := avifCoder{
				quality: opts.Int("q"),
				speed:   10 - opts.Int("effort"),
				chroma: map[string]image.YCbCrSubsampleRatio{
					"420": image.YCbCrSubsampleRatio420,
					"422": image.YCbCrSubsampleRatio422,
					"444": image.YCbCrSubsampleRatio444,
				}[opts["chroma"]],
				system: opts["lib"] == libSystem,
			}
			return newTokenizer(c, "avif", encoder, 16384, opts, map[string]string{"encoder": encoder}), nil
		},
	}
}

type avifCoder struct {
	quality, speed int
	chroma         image.YCbCrSubsampleRatio
	system         bool
}

func (c avifCoder) encode(m pix.Image) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	if c.system {
		err = avif.Encode(&buf, m.RGBA(), avif.Options{Quality: c.quality, QualityAlpha: c.quality, Speed: c.speed, ChromaSubsampling: c.chroma})
	} else {
		err = bundledAVIFEncode(&buf, m.RGBA(), c.quality, c.quality, c.speed, c.chroma)
	}
	return buf.Bytes(), err
}

func (c avifCoder) decode(data []byte) (pix.Image, error) {
	if c.system {
		m, err := avif.Decode(bytes.NewReader(data))
		if err != nil {
			return pix.Image{}, err
		}
		return pix.FromImage(m), nil
	}
	m, _, err := bundledAVIFDecode(bytes.NewReader(data), false, false)
	if err != nil {
		return pix.Image{}, err
	}
	return pix.FromImage(m.Image[0]), nil
}

// payload is the content of the mdat boxes.
func (avifCoder) payload(data []byte) (int, error) {
	total := 0
	seen, err := boxes(data, func(kind string, body []byte) {
		if kind == "mdat" {
			total += len(body)
		}
	})
	if err == nil && (len(seen) == 0 || seen[0] != "ftyp") {
		err = errors.New("not an AVIF file: it does not start with an ftyp box")
	}
	return total, err
}

// boxes walks the top level of an ISO base media file (ISO/IEC 14496-12, section
// 4.2) and returns the kinds of its boxes.
func boxes(data []byte, visit func(kind string, body []byte)) ([]string, error) {
	var kinds []string
	for len(data) > 0 {
		if len(data) < 8 {
			return kinds, errors.New("file ends in the header of a box")
		}
		kind, head := string(data[4:8]), uint64(8)
		size := uint64(binary.BigEndian.Uint32(data))
		switch size {
		case 0: // to the end of the file
			size = uint64(len(data))
		case 1: // 64-bit size
			if len(data) < 16 {
				return kinds, errors.New("file ends in the header of a box")
			}
			head, size = 16, binary.BigEndian.Uint64(data[8:])
		}
		if size < head || size > uint64(len(data)) {
			return kinds, fmt.Errorf("box %q claims %d bytes, %d are left", kind, size, len(data))
		}
		visit(kind, data[head:size])
		kinds = append(kinds, kind)
		data = data[size:]
	}
	return kinds, nil
}
