// Package sanity recognises reconstructions that are wrong in a way that nobody means:
// values in another range, channels in another order, one colour, the input itself,
// another size. Such a mistake of one line in an adapter gives numbers that look like
// those of a bad tokenizer.
//
// Its opinion: a mistake shows in what every honest tokenizer keeps, the mean colour of a
// part of the picture. So it compares mean colours over a grid of cells, which costs one
// pass over the pixels, adds them up over all images, and decides once: one image may be
// anything, all of them together are not.
//
//	var all sanity.Sums
//	all.Add(sanity.Look(image, reconstruction, image.Bounds(), 0))
//	for _, a := range all.Alarms() {
//		fmt.Println(a.Text)
//	}
package sanity

import (
	"fmt"
	"image"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/pix"
)

const (
	// grid is how many cells a picture is cut into along each side: at 256 pixels a cell
	// is 16, as much as a token of the coarsest tokenizers.
	grid = 16
	// fixed is how many steps a level is counted in, so that sums are exact integers and
	// do not depend on their order.
	fixed = 16
)

// Of the numbers of a [Sums], where they stand: sums over cells of the mean colours of
// input and output, of their squares and products by channel, and of the products of
// input and output channels.
const (
	atCells = iota
	atIn
	atOut    = atIn + 3
	atInIn   = atOut + 3
	atOutOut = atInIn + 6
	atCross  = atOutOut + 6
	numbers  = atCross + 9
)

// Sums are what is kept of pairs of an image and its reconstruction. The zero value is of
// none.
type Sums struct {
	pairs     int
	identical int // pairs of equal pixels that came without a bitstream
	varied    int // pairs whose image is more than one colour
	flat      int // of these, pairs whose reconstruction is one colour
	n         [numbers]int64
	// The first pair, and whether an image or a reconstruction was another one.
	first                        [numbers]int64
	imagesDiffer, outcomesDiffer bool

	failed int            // reconstructions of another size
	sizes  map[[4]int]int // their number by size of image and reconstruction
}

// products are the pairs of channels of a symmetric matrix, row by row.
var products = [6][2]int{{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}}

// flatLevels is how far apart the mean colours of cells lie, in levels, in a picture that
// passes for one colour; variedLevels in one that does not.
const (
	flatLevels   = 1
	variedLevels = 16
)

// Look compares an image and its reconstruction of the same size within a rectangle that
// is not padding. bits is how much the tokenizer wrote for it, 0 where it has no bitstream.
func Look(in, out pix.Image, inside image.Rectangle, bits int64) Sums {
	s := Sums{pairs: 1}
	if bits == 0 && in.Equal(out) {
		s.identical = 1
	}
	lo, hi := [2]int64{1 << 60, 1 << 60}, [2]int64{-1, -1}
	columns, rows := min(grid, inside.Dx()), min(grid, inside.Dy())
	for gy := range rows {
		y0, y1 := inside.Min.Y+inside.Dy()*gy/rows, inside.Min.Y+inside.Dy()*(gy+1)/rows
		for gx := range columns {
			x0, x1 := inside.Min.X+inside.Dx()*gx/columns, inside.Min.X+inside.Dx()*(gx+1)/columns
			area := int64((x1 - x0) * (y1 - y0))
			var mean [2][3]int64
			for k, m := range [2]pix.Image{in, out} {
				var sum [3]int64
				for y := y0; y < y1; y++ {
					p := m.Row(y)[3*x0 : 3*x1]
					var a, b, c int
					for len(p) >= 3 {
						a, b, c = a+int(p[0]), b+int(p[1]), c+int(p[2])
						p = p[3:]
					}
					sum[0], sum[1], sum[2] = sum[0]+int64(a), sum[1]+int64(b), sum[2]+int64(c)
				}
				for i, v := range sum {
					mean[k][i] = (v*fixed + area/2) / area
					lo[k], hi[k] = min(lo[k], mean[k][i]), max(hi[k], mean[k][i])
				}
			}
			s.n[atCells]++
			for i := range 3 {
				s.n[atIn+i] += mean[0][i]
				s.n[atOut+i] += mean[1][i]
				for j := range 3 {
					s.n[atCross+3*i+j] += mean[0][i] * mean[1][j]
				}
			}
			for k, p := range products {
				s.n[atInIn+k] += mean[0][p[0]] * mean[0][p[1]]
				s.n[atOutOut+k] += mean[1][p[0]] * mean[1][p[1]]
			}
		}
	}
	if hi[0]-lo[0] >= variedLevels*fixed {
		s.varied = 1
		if hi[1]-lo[1] <= flatLevels*fixed {
			s.flat = 1
		}
	}
	s.first = s.n
	return s
}

// OtherSize is a reconstruction that failed because it has another size than its image.
func OtherSize(w, h, gotW, gotH int) Sums {
	return Sums{failed: 1, sizes: map[[4]int]int{{w, h, gotW, gotH}: 1}}
}

// Add takes in other pairs. The result does not depend on the order.
func (s *Sums) Add(o Sums) {
	for k, n := range o.sizes {
		if s.sizes == nil {
			s.sizes = map[[4]int]int{}
		}
		s.sizes[k] += n
	}
	s.failed += o.failed
	if o.pairs == 0 {
		return
	}
	if s.pairs == 0 {
		s.first = o.first
	}
	s.imagesDiffer = s.imagesDiffer || o.imagesDiffer || !slices.Equal(s.first[atIn:atOut], o.first[atIn:atOut]) || !slices.Equal(s.first[atInIn:atOutOut], o.first[atInIn:atOutOut])
	s.outcomesDiffer = s.outcomesDiffer || o.outcomesDiffer || !slices.Equal(s.first[atOut:atInIn], o.first[atOut:atInIn]) || !slices.Equal(s.first[atOutOut:atCross], o.first[atOutOut:atCross])
	s.pairs, s.identical, s.varied, s.flat = s.pairs+o.pairs, s.identical+o.identical, s.varied+o.varied, s.flat+o.flat
	for i, v := range o.n {
		s.n[i] += v
	}
}

// sizePrefix marks a state of OtherSize.
const sizePrefix = "size "

// State writes the sums of one pair as a line of text.
func (s Sums) State() string {
	for k := range s.sizes {
		return fmt.Sprintf("%s%d %d %d %d", sizePrefix, k[0], k[1], k[2], k[3])
	}
	b := fmt.Appendf(nil, "%d %d %d", s.identical, s.varied, s.flat)
	for _, v := range s.n {
		b = strconv.AppendInt(append(b, ' '), v, 10)
	}
	return string(b)
}

// Parse reads what State wrote.
func Parse(state string) (Sums, error) {
	rest, size := strings.CutPrefix(state, sizePrefix)
	var v []int64
	for f := range strings.FieldsSeq(rest) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return Sums{}, fmt.Errorf("reading statistics of a reconstruction: %w", err)
		}
		v = append(v, n)
	}
	switch {
	case size && len(v) == 4 && slices.Min(v[:2]) > 0 && slices.Min(v[2:]) >= 0: // a reconstruction may be empty
		return OtherSize(int(v[0]), int(v[1]), int(v[2]), int(v[3])), nil
	case !size && len(v) == 3+numbers:
		s := Sums{pairs: 1, identical: int(v[0]), varied: int(v[1]), flat: int(v[2])}
		copy(s.n[:], v[3:])
		s.first = s.n
		return s, nil
	}
	return Sums{}, fmt.Errorf("reading statistics of a reconstruction: %d numbers", len(v))
}
