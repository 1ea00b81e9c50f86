package corrupt

import (
	"math"
	"sync"

	"github.com/vtbench/vtbench/pix"
)

// frostParams: how much of the image is kept and how much ice is added.
var frostParams = [Severities]struct{ keep, ice float64 }{{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}

// frost adds a random part of one of four ice textures, the second twice as
// likely as the others, as in upstream's package, where two of the five files it
// picks from are the same.
func frost(j *job) {
	p := frostParams[j.sev]
	w, h := j.in.W, j.in.H
	kind := [5]int{0, 1, 1, 2, 3}[j.rng.below(5)]
	ice := iceTexture(kind)
	// Upstream enlarges files that are smaller than the image until they cover it,
	// and then by a tenth, which the textures here are drawn with.
	recipe := &iceRecipes[kind]
	factor := max(1, float64(h)/j.scale/float64(recipe.h), float64(w)/j.scale/float64(recipe.w)) * j.scale
	tw := max(int(math.Ceil(float64(float64(ice.W)*factor))), w+1)
	th := max(int(math.Ceil(float64(float64(ice.H)*factor))), h+1)
	y0, x0 := j.rng.below(th-h), j.rng.below(tw-w)

	var table [256 << 8]uint8 // [ice][image]
	for f := range 256 {
		for v := range 256 {
			table[f<<8|v] = cut64(float64(p.keep*float64(v)) + float64(p.ice*float64(f)))
		}
	}
	crop := newIceCrop(ice, tw, th, x0, w)
	defer crop.release()
	for y := range h {
		in, out, ice := j.in.Row(y), j.out.Row(y), crop.row(y0+y)
		if j.gray {
			for x := 0; x+2 < len(out); x += 3 {
				f := (2989*uint32(ice[x]) + 5870*uint32(ice[x+1]) + 1140*uint32(ice[x+2])) / 10000
				v := table[f<<8|uint32(in[x])]
				out[x], out[x+1], out[x+2] = v, v, v
			}
			continue
		}
		ice, in = ice[:len(out)], in[:len(out)]
		for i := range out {
			out[i] = table[int(ice[i])<<8|int(in[i])]
		}
	}
}

// An iceCrop hands out rows of a texture at another size, by cubic interpolation
// with OpenCV's coefficient where it is enlarged, by averages where it is shrunk.
type iceCrop struct {
	tex    pix.Image
	x0, w  int
	direct bool
	shrunk []uint8 // the whole texture, where it is shrunk
	th     int
	at     []int
	weight [][4]int32 // of 2^cubicBits
	rows   [4][]int32 // texture rows, interpolated along, by index modulo 4
	has    [4]int
	line   []uint8
}

const cubicBits = 10

func newIceCrop(tex pix.Image, tw, th, x0, w int) *iceCrop {
	c := &iceCrop{tex: tex, x0: x0, w: w, th: th, has: [4]int{-1, -1, -1, -1}}
	switch {
	case tw == tex.W && th == tex.H:
		c.direct = true
	case tw < tex.W:
		kx, ky := newBoxKernel(tex.W, tw), newBoxKernel(tex.H, th)
		tall := bytes8.get(3 * tw * tex.H)
		for y := range tex.H {
			kx.alongRow(tall[3*tw*y:][:3*tw], tex.Row(y))
		}
		c.shrunk = bytes8.get(3 * tw * th)
		acc := ints.get(3 * tw)
		for y := range th {
			ky.downColumns(c.shrunk[3*tw*y:][:3*tw], tall, acc, y, 3*tw)
		}
		ints.put(acc)
		bytes8.put(tall)
		c.tex = pix.Image{W: tw, H: th, Pix: c.shrunk}
		c.direct = true
	default:
		c.at, c.weight = make([]int, w), make([][4]int32, w)
		for x := range w {
			c.at[x], c.weight[x] = cubic(x0+x, tex.W, tw)
		}
		for i := range c.rows {
			c.rows[i] = make([]int32, 3*w)
		}
		c.line = bytes8.get(3 * w)
	}
	return c
}

func (c *iceCrop) release() {
	if c.shrunk != nil {
		bytes8.put(c.shrunk)
	}
	if c.line != nil {
		bytes8.put(c.line)
	}
}

// cubic returns the first of four samples and their weights for position i of n
// samples enlarged to m.
func cubic(i, n, m int) (first int, weight [4]int32) {
	const a = -0.75
	p := float64((float64(i)+0.5)*float64(n)/float64(m)) - 0.5
	k := math.Floor(p)
	t := p - k
	var w [4]float64
	for j := range w {
		d := math.Abs(t + 1 - float64(j))
		d2 := float64(d * d)
		d3 := float64(d2 * d)
		if d <= 1 {
			w[j] = float64((a+2)*d3) - float64((a+3)*d2) + 1
		} else {
			w[j] = float64(a*d3) - float64(5*a*d2) + float64(8*a*d) - 4*a
		}
	}
	sum := int32(0)
	for j := range w {
		weight[j] = int32(math.Floor(float64(w[j]*(1<<cubicBits)) + 0.5))
		sum += weight[j]
	}
	weight[1] += 1<<cubicBits - sum
	return int(k) - 1, weight
}

// row returns w pixels of row y.
func (c *iceCrop) row(y int) []uint8 {
	if c.direct {
		return c.tex.Row(y)[3*c.x0:][:3*c.w]
	}
	first, weight := cubic(y, c.tex.H, c.th)
	var src [4][]int32
	for k := range src {
		t := clamped(first+k, c.tex.H)
		if c.has[t&3] != t {
			c.has[t&3] = t
			c.along(c.rows[t&3], c.tex.Row(t))
		}
		src[k] = c.rows[t&3]
	}
	const half = 1 << (2*cubicBits - 1)
	for i := range c.line {
		v := src[0][i]*weight[0] + src[1][i]*weight[1] + src[2][i]*weight[2] + src[3][i]*weight[3]
		c.line[i] = uint8(min(max((v+half)>>(2*cubicBits), 0), 255))
	}
	return c.line
}

func (c *iceCrop) along(dst []int32, row []uint8) {
	for x, first := range c.at {
		w := &c.weight[x]
		o := dst[3*x : 3*x+3 : 3*x+3]
		if first >= 0 && first+3 < c.tex.W {
			p := row[3*first:][:12:12]
			for k := range o {
				o[k] = int32(p[k])*w[0] + int32(p[3+k])*w[1] + int32(p[6+k])*w[2] + int32(p[9+k])*w[3]
			}
			continue
		}
		for k := range o {
			o[k] = 0
			for i, wi := range w {
				o[k] += int32(row[3*clamped(first+i, c.tex.W)+k]) * wi
			}
		}
	}
}

// An iceRecipe says what a texture has in common with one of the photographs in
// imagecorruptions: measured figures only, no pixels.
type iceRecipe struct {
	w, h int // of the file; the texture is a tenth larger
	draw func(c *canvas, rng *stream)
	// bands are the standard deviations of luma in bands of detail: between Gaussians
	// of about σ = 0, 1, 3, 8, 20 and 60 pixels, then what the last keeps.
	bands [6]float32
	// quantiles of red, green and blue at iceQuantiles.
	quantiles [3][11]float32
	// chroma is how much of a second, independent field joins each channel.
	chroma [3]float32
}

var iceQuantiles = [11]float32{0, .01, .05, .1, .25, .5, .75, .9, .95, .99, 1}

var iceRecipes = [4]iceRecipe{
	{ // wrinkled blue sheet
		w: 900, h: 600, draw: drawSheet,
		bands: [6]float32{6.1, 4.2, 2.6, 3.1, 4.9, 10.5},
		quantiles: [3][11]float32{
			{11, 31, 40, 46, 58, 74, 95, 114, 127, 150, 212},
			{99, 116, 123, 128, 137, 148, 160, 171, 177, 189, 231},
			{115, 134, 141, 146, 155, 166, 176, 186, 191, 202, 238},
		},
		chroma: [3]float32{.7, 0, -.4},
	},
	{ // white needles
		w: 560, h: 315, draw: drawNeedles,
		bands: [6]float32{6.5, 6.2, 5, 3.5, 3.6, 13},
		quantiles: [3][11]float32{
			{56, 138, 162, 173, 189, 204, 215, 225, 230, 241, 253},
			{57, 140, 165, 176, 193, 208, 221, 230, 235, 245, 255},
			{62, 146, 172, 184, 202, 218, 231, 239, 244, 250, 255},
		},
	},
	{ // small gray leaves
		w: 527, h: 350, draw: drawLeaves,
		bands: [6]float32{10.9, 9, 5.9, 3.5, 4.5, 14.6},
		quantiles: [3][11]float32{
			{15, 70, 91, 103, 120, 138, 154, 171, 183, 217, 255},
			{26, 84, 106, 118, 136, 153, 170, 186, 198, 232, 255},
			{31, 93, 115, 129, 147, 165, 183, 200, 213, 246, 255},
		},
	},
	{ // dark ferns
		w: 660, h: 495, draw: drawFerns,
		bands: [6]float32{13.1, 12.1, 10.9, 9.1, 7.2, 23.9},
		quantiles: [3][11]float32{
			{0, 34, 48, 59, 80, 108, 139, 172, 194, 232, 255},
			{10, 45, 60, 71, 92, 119, 150, 182, 202, 237, 255},
			{22, 56, 72, 84, 105, 131, 161, 191, 210, 242, 255},
		},
	},
}

var (
	iceOnce     [len(iceRecipes)]sync.Once
	iceTextures [len(iceRecipes)]pix.Image
)

// iceTexture returns a texture, drawn when it is first asked for and the same in
// every process: two megabytes and a fifth of a second at the most.
func iceTexture(kind int) pix.Image {
	iceOnce[kind].Do(func() { iceTextures[kind] = drawIce(kind) })
	return iceTextures[kind]
}

// drawIce draws crystals, gives them the recipe's power in each band of detail,
// and its distribution of colours.
func drawIce(kind int) pix.Image {
	r := &iceRecipes[kind]
	c := newCanvas((r.w*11+9)/10, (r.h*11+9)/10)
	rng := newStream(0, "frost texture", uint64(kind), "")
	r.draw(c, &rng)
	c.shapeBands(r.bands, &rng)
	second := newCanvas(c.w, c.h)
	if r.chroma != [3]float32{} {
		copy(second.v, c.v)
		for i, j := 0, len(second.v)-1; i < j; i, j = i+1, j-1 { // turned by 180°: of the same kind, elsewhere
			second.v[i], second.v[j] = second.v[j], second.v[i]
		}
	}
	img := pix.New(c.w, c.h)
	mixed := make([]float32, len(c.v))
	for ch := range 3 {
		for i, v := range c.v {
			mixed[i] = v + float32(r.chroma[ch]*second.v[i])
		}
		toQuantiles(mixed, r.quantiles[ch])
		for i, v := range mixed {
			img.Pix[3*i+ch] = cut(v + 0.5)
		}
	}
	return img
}

// A canvas is a plane to draw light on.
type canvas struct {
	w, h int
	v    []float32
}

func newCanvas(w, h int) *canvas { return &canvas{w, h, make([]float32, w*h)} }

// dab adds light at a point, shared between the four pixels around it; the canvas
// is a torus.
func (c *canvas) dab(x, y, light float64) {
	fx, fy := math.Floor(x), math.Floor(y)
	ax, ay := float32(x-fx), float32(y-fy)
	x0, y0 := int(fx)%c.w, int(fy)%c.h
	if x0 < 0 {
		x0 += c.w
	}
	if y0 < 0 {
		y0 += c.h
	}
	x1, y1 := x0+1, y0+1
	if x1 == c.w {
		x1 = 0
	}
	if y1 == c.h {
		y1 = 0
	}
	l := float32(light)
	top, low := l*(1-ay), l*ay
	c.v[y0*c.w+x0] += float32(top * (1 - ax))
	c.v[y0*c.w+x1] += float32(top * ax)
	c.v[y1*c.w+x0] += float32(low * (1 - ax))
	c.v[y1*c.w+x1] += float32(low * ax)
}

// blade draws a tapering crystal edge of the given length, lit along it and dark
// on one side.
func (c *canvas) blade(x, y, angle, length, light float64) {
	sin, cos := sincos(angle)
	for t := 0.0; t < length; t += 0.7 {
		l := light * (1 - float64(0.7*t/length))
		px, py := x+float64(t*cos), y+float64(t*sin)
		c.dab(px, py, l)
		c.dab(px-float64(1.6*sin), py+float64(1.6*cos), -0.6*l)
	}
}

// fern draws a spine with side branches at 60°, the angle of ice, which have
// branches of their own down to depth 0.
func (c *canvas) fern(rng *stream, x, y, angle, length, light, gap float64, depth int) {
	bend := rng.between(-0.5, 0.5)
	next := gap
	for t := 0.0; t < length; t += 0.7 {
		sin, cos := sincos(angle)
		c.dab(x, y, light)
		c.dab(x-float64(1.7*sin), y+float64(1.7*cos), -0.5*light)
		x += float64(0.7 * cos)
		y += float64(0.7 * sin)
		angle += bend
		if t >= next {
			next += float64(gap * rng.between(0.7, 1.3))
			left := length - t
			for _, side := range [2]float64{-60, 60} {
				branch := float64(left*0.45) * rng.between(0.6, 1.1)
				a := angle + side + rng.between(-7, 7)
				if depth > 1 && branch > 8 {
					c.fern(rng, x, y, a, branch, 0.8*light, gap, depth-1)
				} else {
					c.blade(x, y, a, branch, 0.75*light)
				}
			}
		}
	}
}

// drawFerns grows ferns of all sizes in directions that change slowly across the
// glass, fainter where the glass is hazy.
func drawFerns(c *canvas, rng *stream) {
	turn, haze := newCanvas(c.w, c.h), newCanvas(c.w, c.h)
	turn.clouds(rng, 1)
	haze.clouds(rng, 1)
	for range c.w * c.h / 170 {
		x, y := rng.between(0, float64(c.w)), rng.between(0, float64(c.h))
		i := int(y)*c.w + int(x)
		angle := float64(360*float64(turn.v[i])) + rng.between(-70, 70)
		length := 10 + float64(55*float64(rng.float()*rng.float()))
		c.fern(rng, x, y, angle, length, float64(haze.v[i])*rng.between(0.4, 1.2), 3.2, 2)
	}
	c.saturate(1.5)
	c.grain(rng, 0.05)
}

// drawLeaves grows rosettes of short leaves, and rime in columns between them.
func drawLeaves(c *canvas, rng *stream) {
	for range c.w * c.h / 28 {
		x := rng.between(0, float64(c.w))
		x -= float64(0.8 * float64(int(x)%9)) // columns
		y := rng.between(0, float64(c.h))
		c.blade(x, y, rng.between(50, 130), rng.between(2, 9), rng.between(0.2, 0.8))
	}
	for range c.w * c.h / 480 {
		x, y := rng.between(0, float64(c.w)), rng.between(0, float64(c.h))
		angle := rng.between(0, 360)
		leaves := 2 + rng.below(4)
		for k := range leaves {
			c.fern(rng, x, y, angle+float64(40*k)+rng.between(-12, 12), rng.between(5, 26), rng.between(0.3, 1.3), 2.2, 1)
		}
	}
	c.saturate(1.5)
	c.grain(rng, 0.08)
}

// drawNeedles lays sheaves of long, almost parallel needles over each other, half
// of them darker than what is below.
func drawNeedles(c *canvas, rng *stream) {
	for range c.w * c.h / 130 {
		x, y := rng.between(0, float64(c.w)), rng.between(0, float64(c.h))
		angle := rng.between(0, 360)
		light := rng.between(-1, 1)
		for range 2 + rng.below(6) {
			length := 8 + float64(60*float64(rng.float()*rng.float()))
			c.blade(x+rng.between(-7, 7), y+rng.between(-7, 7), angle+rng.between(-8, 8), length, light*rng.between(0.3, 1))
		}
	}
	c.saturate(2)
	c.grain(rng, 0.12)
}

// drawSheet crumples a foil: creases of four sizes, lit from one side.
func drawSheet(c *canvas, rng *stream) {
	folds := make([]float32, len(c.v))
	for _, size := range [4]struct {
		sigma  float64
		height float32
	}{{1.6, .5}, {3, 1}, {6, 1.4}, {13, 2}} {
		noise := newCanvas(c.w, c.h)
		rng.normals(noise.v)
		noise.v = blurPlane(noise.v, c.w, c.h, size.sigma)
		// Creases where the noise passes through 0; 2√π·σ brings it back to deviation 1.
		gain := size.height * float32(3.545*size.sigma)
		for i, v := range noise.v {
			folds[i] -= float32(gain * max(v, -v))
		}
	}
	for y := range c.h {
		for x := range c.w {
			a := folds[clamped(y-1, c.h)*c.w+clamped(x-1, c.w)]
			b := folds[clamped(y+1, c.h)*c.w+clamped(x+1, c.w)]
			c.v[y*c.w+x] = b - a
		}
	}
	c.grain(rng, 0.1)
}

// grain adds fine noise.
func (c *canvas) grain(rng *stream, deviation float32) {
	noise := newCanvas(c.w, c.h)
	rng.normals(noise.v)
	for i, v := range blurPlane(noise.v, c.w, c.h, 1) {
		c.v[i] += float32(3.5 * deviation * v)
	}
}

// clouds adds a plasma fractal from 0 to the given height.
func (c *canvas) clouds(rng *stream, height float32) {
	n := 1
	for n < max(c.w, c.h) {
		n *= 2
	}
	m := floats.get(n * n)
	defer floats.put(m)
	lo, hi := plasma(m, n, 1.7, rng)
	for y := range c.h {
		for x := range c.w {
			c.v[y*c.w+x] += float32((m[y*n+x] - lo) / (hi - lo) * height)
		}
	}
}

// saturate bends light so that overlapping crystals do not add up without end.
func (c *canvas) saturate(soft float32) {
	for i, v := range c.v {
		c.v[i] = v / (soft + max(v, -v))
	}
}

// shapeBands splits the canvas into bands of detail and gives each its standard
// deviation; the coarsest comes from a cloud, which crystals lack.
func (c *canvas) shapeBands(bands [6]float32, rng *stream) {
	cloud := newCanvas(c.w, c.h)
	cloud.clouds(rng, 1)
	sum := make([]float32, len(c.v))
	last := c.v
	add := func(fine, coarse []float32, deviation float32) {
		var mean, square float64
		for i, v := range fine {
			d := float64(v)
			if coarse != nil {
				d -= float64(coarse[i])
			}
			mean += d
			square += float64(d * d)
		}
		n := float64(len(fine))
		mean /= n
		square = square/n - float64(mean*mean)
		gain := float32(0)
		if square > 0 {
			gain = deviation / float32(math.Sqrt(square))
		}
		for i, v := range fine {
			d := v
			if coarse != nil {
				d -= coarse[i]
			}
			sum[i] += float32(gain * d)
		}
	}
	for i, sigma := range [5]float64{1, 3, 8, 20, 60} {
		next := blurPlane(last, c.w, c.h, sigma)
		add(last, next, bands[i])
		last = next
	}
	add(blurPlane(cloud.v, c.w, c.h, 60), nil, bands[5])
	c.v = sum
}

// blurPlane returns the plane, blurred; it is kept in 16 bits meanwhile.
func blurPlane(src []float32, w, h int, sigma float64) []float32 {
	lo, hi := src[0], src[0]
	for _, v := range src {
		lo, hi = min(lo, v), max(hi, v)
	}
	plane := shorts.get(w * h)
	defer shorts.put(plane)
	gain := float32(0)
	if hi > lo {
		gain = 65535 / (hi - lo)
	}
	for i, v := range src {
		plane[i] = uint16(float32((v-lo)*gain) + 0.5)
	}
	smooth(plane, w, h, sigma, sigma, reflected)
	out := make([]float32, len(src))
	for i, v := range plane {
		out[i] = lo
		if gain > 0 {
			out[i] += float32(v) / gain
		}
	}
	return out
}

// toQuantiles replaces values by those of the same rank in a distribution given
// at iceQuantiles.
func toQuantiles(v []float32, quantiles [11]float32) {
	const bins = 1 << 14
	lo, hi := v[0], v[0]
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	if lo == hi {
		hi = lo + 1
	}
	gain := (bins - 1) / (hi - lo)
	var count [bins]int
	bin := func(x float32) int { return min(int(float32((x-lo)*gain)), bins-1) }
	for _, x := range v {
		count[bin(x)]++
	}
	var to [bins]float32
	below, q := 0, 1
	for i, n := range count {
		rank := (float32(below) + float32(0.5*float32(n))) / float32(len(v))
		for q < len(iceQuantiles)-1 && rank > iceQuantiles[q] {
			q++
		}
		t := (rank - iceQuantiles[q-1]) / (iceQuantiles[q] - iceQuantiles[q-1])
		to[i] = quantiles[q-1] + float32(t*(quantiles[q]-quantiles[q-1]))
		below += n
	}
	for i, x := range v {
		v[i] = to[bin(x)]
	}
}
