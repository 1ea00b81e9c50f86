package portraits

import (
	"image"
	"slices"

	"github.com/vtbench/vtbench/pix"
)

const (
	// samples is how many times a pixel is looked at in either direction.
	samples = 4
	// soft is the radius, in pixels of the portrait, over which its rim fades.
	soft = 2
)

// polygon takes x and y of one corner after the other.
func polygon(xy ...int) []image.Point {
	var out []image.Point
	for c := range slices.Chunk(xy, 2) {
		out = append(out, image.Pt(c[0], c[1]))
	}
	return out
}

// A bust is the part of a portrait inside its outline. Where the outline fades the
// colours fade to black with it, so that scaling never mixes in what surrounds the
// person.
type bust struct {
	colour pix.Image
	cover  pix.Image // 255 where the person hides the background, thrice the same
}

// cutOut takes what lies within the outline; its top left corner is that of bounds.
func cutOut(m pix.Image, outline []image.Point) bust {
	r := bounds(outline)
	b := bust{colour: m.Crop(r), cover: pix.New(r.Dx(), r.Dy())}
	a := fade(inside(outline, r), r.Dx(), r.Dy())
	for i, v := range a {
		for c := range 3 {
			b.cover.Pix[3*i+c] = uint8(v)
			b.colour.Pix[3*i+c] = uint8((int(b.colour.Pix[3*i+c])*v + 127) / 255)
		}
	}
	return b
}

// scale makes it smaller; both halves by the same filter.
func (b bust) scale(w, h int) (bust, error) {
	colour, err := pix.Resize(b.colour, w, h)
	if err != nil {
		return bust{}, err
	}
	cover, err := pix.Resize(b.cover, w, h)
	return bust{colour, cover}, err
}

// mirror swaps left and right.
func (b bust) mirror() bust { return bust{mirror(b.colour), mirror(b.cover)} }

// over sets it into a canvas that it fits.
func (b bust) over(canvas pix.Image, left, top int) {
	for y := range b.colour.H {
		from, cover := b.colour.Row(y), b.cover.Row(y)
		to := canvas.Row(top + y)[3*left:]
		for i, v := range from {
			// The filter's overshoot can leave a colour brighter than its cover allows.
			to[i] = uint8(min(255, int(v)+(int(to[i])*(255-int(cover[i]))+127)/255))
		}
	}
}

// bounds is the smallest rectangle of pixels around an outline.
func bounds(outline []image.Point) image.Rectangle {
	r := image.Rectangle{Min: outline[0], Max: outline[0]}
	for _, p := range outline {
		r.Min.X, r.Min.Y = min(r.Min.X, p.X), min(r.Min.Y, p.Y)
		r.Max.X, r.Max.Y = max(r.Max.X, p.X), max(r.Max.Y, p.Y)
	}
	r.Max = r.Max.Add(image.Pt(1, 1))
	return r
}

// inside tells of every pixel of r how many of its samples lie within the outline,
// whose corners are centres of pixels; by scan lines and the even-odd rule.
func inside(outline []image.Point, r image.Rectangle) []int {
	w, h := r.Dx(), r.Dy()
	n := make([]int, w*h)
	// In 1/(2·samples) of a pixel, corners lie at samples and samples at odd numbers.
	at := func(v, low int) int { return 2*samples*(v-low) + samples }
	var cuts []int
	for row := range h * samples {
		y := 2*row + 1
		cuts = cuts[:0]
		for i, p := range outline {
			q := outline[(i+1)%len(outline)]
			px, py, qx, qy := at(p.X, r.Min.X), at(p.Y, r.Min.Y), at(q.X, r.Min.X), at(q.Y, r.Min.Y)
			if py > qy {
				px, py, qx, qy = qx, qy, px, py
			}
			if y >= py && y < qy {
				cuts = append(cuts, px+(qx-px)*(y-py)/(qy-py))
			}
		}
		slices.Sort(cuts)
		for i := 0; i+1 < len(cuts); i += 2 {
			for s := cuts[i] / 2; 2*s+1 < cuts[i+1]; s++ {
				if x := s / samples; x < w && 2*s+1 >= cuts[i] {
					n[row/samples*w+x]++
				}
			}
		}
	}
	return n
}

// fade turns counts into cover, 0 to 255: the share of the neighbourhood that lies
// inside, stretched so that a pixel at the outline is gone and one soft within is
// whole.
func fade(n []int, w, h int) []int {
	const whole = samples * samples * (2*soft + 1) * (2*soft + 1)
	out := make([]int, w*h)
	for y := range h {
		for x := range w {
			sum := 0
			for v := max(0, y-soft); v <= min(h-1, y+soft); v++ {
				for u := max(0, x-soft); u <= min(w-1, x+soft); u++ {
					sum += n[v*w+u]
				}
			}
			out[y*w+x] = max(0, (2*sum-whole)*255/whole)
		}
	}
	return out
}

func mirror(m pix.Image) pix.Image {
	out := pix.New(m.W, m.H)
	for y := range m.H {
		from, to := m.Row(y), out.Row(y)
		for x := range m.W {
			copy(to[3*x:3*x+3], from[3*(m.W-1-x):])
		}
	}
	return out
}
