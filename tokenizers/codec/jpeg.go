package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"runtime"

	decoder "github.com/vtbench/vtbench/internal/jpeg"
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
				"decoder": fmt.Sprintf("vtbench jpeg %d, as libjpeg-turbo", decoder.Version),
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
	m, err := decoder.Decode(data)
	return pix.Image{W: m.W, H: m.H, Pix: m.Pix}, err
}

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
