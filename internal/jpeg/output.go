package jpeg

// image turns the components into pixels.
func (d *decoder) image() (Image, error) {
	if err := d.finishHeader(); err != nil {
		return Image{}, err
	}
	if d.Progressive {
		for i := range d.comp {
			d.comp[i].transform()
		}
	}
	// The room behind the last row lets kernels write whole vectors.
	pix := make([]uint8, 3*d.W*d.H, 3*d.W*d.H+slack)
	rows := make([]upsampler, len(d.comp))
	for i := range rows {
		rows[i] = d.upsampler(&d.comp[i])
	}
	row := func(i, y int) []uint8 { return rows[i].row(y)[:d.W] }
	for y := range d.H {
		// Rows may be written beyond their end, into the one that comes next.
		out := pix[3*d.W*y : 3*d.W*(y+1)]
		switch d.Model {
		case Gray:
			for x, v := range row(0, y) {
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = v, v, v
			}
		case RGB:
			r, g, b := row(0, y), row(1, y), row(2, y)
			for x := range r {
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = r[x], g[x], b[x]
			}
		case YCbCr:
			ToRGB(out, row(0, y), row(1, y), row(2, y))
		case CMYK:
			c, m, ye, k := row(0, y), row(1, y), row(2, y), row(3, y)
			for x := range c {
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = ink(c[x], k[x]), ink(m[x], k[x]), ink(ye[x], k[x])
			}
		case YCCK:
			// jdcolor.c converts to 255 less RGB, which is C, M and Y.
			ToRGB(out, row(0, y), row(1, y), row(2, y))
			k := row(3, y)
			for x, v := range k {
				o := out[3*x : 3*x+3 : 3*x+3]
				o[0], o[1], o[2] = ink(255-o[0], v), ink(255-o[1], v), ink(255-o[2], v)
			}
		}
	}
	return Image{Header: d.Header, Pix: pix}, nil
}

// ink is Pillow's conversion of one ink and black, both stored inverted as Adobe
// does, to a primary colour (src/libImaging/Convert.c, cmyk2rgb): with nk = 255 − K,
// nk − C·nk/255, rounded as MULDIV255 does.
func ink(stored, black uint8) uint8 {
	t := uint32(255-stored)*uint32(black) + 128
	return uint8(max(int32(black)-int32((t>>8+t)>>8), 0))
}

// transform turns the coefficients of a progressive file into samples.
func (c *component) transform() {
	for y := range c.bh {
		for x := range c.bw {
			coef := (*[64]int16)(c.coef[64*(y*c.bw+x):])
			last := min(c.sent[y*c.bw+x], 1)
			inverseBlock(c.plane[8*y*c.stride+8*x:], c.stride, coef, c.quant, int(last))
		}
	}
}

// An upsampler yields rows of a component at the image's size.
type upsampler struct {
	c      *component
	kind   sampling
	fx, fy int
	buf    []uint8
	sums   []uint16
	last   int // row in buf, −1 for none
}

type sampling int

const (
	full      sampling = iota
	wide               // half as many columns: triangle filter along the row
	tall               // half as many rows: triangle filter between rows
	both               // half as many of both
	replicate          // anything else, as libjpeg
)

// upsampler chooses the filter as jdsample.c does with do_fancy_upsampling.
func (d *decoder) upsampler(c *component) upsampler {
	u := upsampler{c: c, fx: d.hmax / c.h, fy: d.vmax / c.v, kind: replicate, last: -1}
	switch {
	case u.fx == 1 && u.fy == 1:
		u.kind = full
		return u
	case u.fx == 2 && u.fy == 1 && c.w > 2:
		u.kind = wide
	case u.fx == 1 && u.fy == 2:
		u.kind = tall
	case u.fx == 2 && u.fy == 2 && c.w > 2:
		u.kind = both
	}
	u.buf = make([]uint8, u.fx*c.w+slack)
	u.sums = make([]uint16, c.w+slack)
	return u
}

func (c *component) row(y int) []uint8 {
	y = min(max(y, 0), c.hgt-1)
	return c.plane[y*c.stride : y*c.stride+c.w]
}

func (u *upsampler) row(y int) []uint8 {
	c := u.c
	near := y / u.fy
	switch u.kind {
	case full:
		return c.row(y)
	case wide:
		stretch(u.buf[:2*c.w], c.row(near), u.sums)
	case tall:
		far := c.row(near - 1 + 2*(y&1))
		bias := uint16(1 + y&1)
		for x, v := range c.row(near) {
			u.buf[x] = uint8((3*uint16(v) + uint16(far[x]) + bias) >> 2)
		}
	case both:
		Widen(u.buf[:2*c.w], c.row(near), c.row(near-1+2*(y&1)), u.sums[:c.w+2])
	default:
		if u.last != near {
			u.last = near
			for x, v := range c.row(near) {
				for i := range u.fx {
					u.buf[u.fx*x+i] = v
				}
			}
		}
	}
	return u.buf[:u.fx*c.w]
}
