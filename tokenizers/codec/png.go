package codec

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"runtime"
	"slices"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func pngKind() tokenizers.Kind {
	return tokenizers.Kind{
		Name:    "png",
		Summary: "PNG: lossless, or a palette of the image's own",
		Example: "png:palette=16",
		Options: []tokenizers.Option{
			tokenizers.IntOption("palette", 0, 0, 256, "colours of the palette (median cut and k-means, no dithering); 0 keeps all"),
			tokenizers.ChoiceOption("effort", "compression", "default", "fast", "best"),
		},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			n := opts.Int("palette")
			if n == 1 {
				return nil, errors.New("png: palette=1: want 0 or 2 to 256 colours")
			}
			c := pngCoder{colours: n, level: map[string]png.CompressionLevel{
				"default": png.DefaultCompression, "fast": png.BestSpeed, "best": png.BestCompression,
			}[opts["effort"]]}
			return newTokenizer(c, "png", runtime.Version(), 0, opts, map[string]string{"encoder": "image/png " + runtime.Version()}), nil
		},
	}
}

type pngCoder struct {
	colours int
	level   png.CompressionLevel
}

func (c pngCoder) encode(m pix.Image) ([]byte, error) {
	var src image.Image = nrgba(m)
	if c.colours > 0 {
		src = quantise(m, c.colours)
	}
	var buf bytes.Buffer
	err := (&png.Encoder{CompressionLevel: c.level}).Encode(&buf, src)
	return buf.Bytes(), err
}

func (pngCoder) decode(data []byte) (pix.Image, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return pix.Image{}, err
	}
	p, ok := m.(*image.Paletted)
	if !ok {
		return opaque(m), nil
	}
	out := pix.New(p.Rect.Dx(), p.Rect.Dy())
	colours := make([][3]uint8, len(p.Palette))
	for i, c := range p.Palette {
		v := color.NRGBAModel.Convert(c).(color.NRGBA)
		colours[i] = [3]uint8{v.R, v.G, v.B}
	}
	for y := range out.H {
		row := out.Row(y)
		for x, i := range p.Pix[p.Stride*y:][:out.W] {
			copy(row[3*x:3*x+3], colours[i][:])
		}
	}
	return out, nil
}

// payload adds up the chunks that depend on the pixels.
func (pngCoder) payload(data []byte) (int, error) {
	if !bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")) {
		return 0, errors.New("not a PNG file: no signature")
	}
	total := 0
	for rest := data[8:]; len(rest) > 0; {
		if len(rest) < 12 {
			return 0, errors.New("PNG file ends in a chunk")
		}
		size, kind := int64(binary.BigEndian.Uint32(rest)), string(rest[4:8])
		if size > int64(len(rest)-12) {
			return 0, fmt.Errorf("PNG chunk %q is longer than the file", kind)
		}
		switch kind {
		case "IDAT", "PLTE", "tRNS":
			total += int(size)
		}
		rest = rest[12+size:]
	}
	return total, nil
}

// nrgba is the image as the encoders take it without looking for transparency.
func nrgba(m pix.Image) *image.NRGBA {
	rgba := m.RGBA() // opaque: premultiplied or not is the same
	return &image.NRGBA{Pix: rgba.Pix, Stride: rgba.Stride, Rect: rgba.Rect}
}

// A shade is a colour of an image and how often it occurs.
type shade struct {
	c [3]uint8
	n int
}

// quantise maps an image to at most n colours of its own: median cut (Heckbert
// 1982), always on the box with the largest squared error along one axis, then
// a few rounds of k-means, which move each colour to the mean of its pixels.
func quantise(m pix.Image, n int) *image.Paletted {
	counts := map[[3]uint8]int{}
	for i := 0; i < len(m.Pix); i += 3 {
		counts[[3]uint8(m.Pix[i:i+3])]++
	}
	shades := make([]shade, 0, len(counts))
	for c, k := range counts {
		shades = append(shades, shade{c, k})
	}
	slices.SortFunc(shades, func(a, b shade) int { return slices.Compare(a.c[:], b.c[:]) })

	centres := medianCut(shades, n)
	nearest := make([]uint8, len(shades))
	const rounds = 4
	for round := range rounds + 1 {
		sums, weights := make([][3]float64, len(centres)), make([]float64, len(centres))
		for i, s := range shades {
			best := 1 << 30
			for j, c := range centres {
				if d := distance(s.c, c); d < best {
					best, nearest[i] = d, uint8(j)
				}
			}
			j := nearest[i]
			weights[j] += float64(s.n)
			for a := range 3 {
				sums[j][a] += float64(s.n) * float64(s.c[a])
			}
		}
		if round == rounds {
			break
		}
		for j := range centres {
			if weights[j] > 0 {
				for a := range 3 {
					centres[j][a] = uint8(sums[j][a]/weights[j] + .5)
				}
			}
		}
	}

	palette := make(color.Palette, len(centres))
	for i, c := range centres {
		palette[i] = color.NRGBA{c[0], c[1], c[2], 255}
	}
	out := image.NewPaletted(image.Rect(0, 0, m.W, m.H), palette)
	index := make(map[[3]uint8]uint8, len(shades))
	for i, s := range shades {
		index[s.c] = nearest[i]
	}
	for i := range out.Pix {
		out.Pix[i] = index[[3]uint8(m.Pix[3*i:3*i+3])]
	}
	return out
}

// medianCut returns up to n colours for shades, which it reorders.
func medianCut(shades []shade, n int) [][3]uint8 {
	type box struct {
		shades []shade
		axis   int
		spread float64 // squared error along the axis
	}
	measure := func(s []shade) box {
		b := box{shades: slices.Clone(s)}
		for a := range 3 {
			var w, sum, squares float64
			for _, v := range s {
				x, k := float64(v.c[a]), float64(v.n)
				w, sum, squares = w+k, sum+k*x, squares+k*x*x
			}
			if spread := squares - sum*sum/w; spread > b.spread {
				b.axis, b.spread = a, spread
			}
		}
		return b
	}
	boxes := []box{measure(shades)}
	for len(boxes) < n {
		i, widest := -1, 1e-6
		for j, b := range boxes {
			if len(b.shades) > 1 && b.spread > widest {
				i, widest = j, b.spread
			}
		}
		if i < 0 {
			break
		}
		b := boxes[i]
		slices.SortStableFunc(b.shades, func(x, y shade) int { return cmp.Compare(x.c[b.axis], y.c[b.axis]) })
		total, half := 0, 0
		for _, s := range b.shades {
			total += s.n
		}
		cut := 0
		for cut < len(b.shades)-1 && (cut == 0 || 2*(half+b.shades[cut].n) <= total) {
			half += b.shades[cut].n
			cut++
		}
		boxes[i] = measure(b.shades[:cut])
		boxes = append(boxes, measure(b.shades[cut:]))
	}
	out := make([][3]uint8, len(boxes))
	for i, b := range boxes {
		var w float64
		var sum [3]float64
		for _, s := range b.shades {
			w += float64(s.n)
			for a := range 3 {
				sum[a] += float64(s.n) * float64(s.c[a])
			}
		}
		for a := range 3 {
			out[i][a] = uint8(sum[a]/w + .5)
		}
	}
	return out
}

func distance(a, b [3]uint8) int {
	x, y, z := int(a[0])-int(b[0]), int(a[1])-int(b[1]), int(a[2])-int(b[2])
	return x*x + y*y + z*z
}
