package quant

// The two loops that nearly all time is spent in: comparing with codewords, and
// multiplying matrices. Both are written twice, in Go and by vectors of eight, and
// give the same bits: products are rounded before they are added (no fused
// multiply-add), and every sum runs in the order of its terms. So a patch has the
// same latent and the same id on every processor and in every batch.

// Codewords are compared in groups of groupSize, lanes at a time, quad coordinates
// after quad coordinates.
const (
	groupSize = 64
	lanes     = 8
	quad      = 4
)

// whole rounds a number of coordinates up to quads.
func whole(dim int) int { return (dim + quad - 1) / quad * quad }

// lane is where a coordinate of a codeword of a group of dim coordinates is: blocks of
// lanes codewords, coordinate by coordinate.
func lane(word, d, dim int) int { return word/lanes*lanes*dim + d*lanes + word%lanes }

// withinGo has a bit for each codeword of a group that is not farther from x than bound,
// a squared distance; len(x) is a number of quads. What fills up a group is not a number
// and never near.
//
// Floor: quad multiply-adds a codeword; more quads only for blocks of which one codeword
// is near so far.
func withinGo(group, x []float32, bound float32) uint64 {
	var near uint64
	for word := range groupSize {
		w := group[lane(word, 0, len(x)):]
		var sum float32
		for d := 0; d < len(x); d += quad {
			d0, d1, d2, d3 := x[d]-w[d*lanes], x[d+1]-w[(d+1)*lanes], x[d+2]-w[(d+2)*lanes], x[d+3]-w[(d+3)*lanes]
			sum = sum + float32(d0*d0) + float32(d1*d1) + float32(d2*d2) + float32(d3*d3)
			if !(sum <= bound) {
				break
			}
		}
		if sum <= bound {
			near |= 1 << word
		}
	}
	return near
}

// multiplyGo computes rows r0 to r1 and columns c0 to c1 of dst = a·b for row-major a
// (of k columns) and b (k×m).
//
// Floor: k multiply-adds an element.
func multiplyGo(dst, a, b []float32, m, k, r0, r1, c0, c1 int) {
	for i := r0; i < r1 && c0 < c1; i++ {
		row := dst[i*m:][c0:c1]
		clear(row)
		for l, v := range a[i*k:][:k] {
			for j, w := range b[l*m:][c0:c1] {
				row[j] += float32(v * w)
			}
		}
	}
}
