package cheapest

import (
	"math"

	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// A score judges a reconstruction; more is better.
type score struct {
	name  string
	least float64 // good enough, unless the user says otherwise
	of    func(original, reconstruction pix.Image) float64
}

func scores() []score {
	return []score{
		{"psnr", 25, func(a, b pix.Image) float64 {
			v, err := quality.PSNR(a, b)
			if err != nil {
				return math.Inf(-1) // sizes were checked
			}
			return v
		}},
		{"tchebichef", leastTchebichef, func(_, b pix.Image) float64 { return tchebichef(b) }},
	}
}

// leastTchebichef is the median score that rvq (depth 4) has on the photographs to
// calibrate on, at 256 pixels.
const leastTchebichef = .04

// tchebi are the discrete Tchebichef polynomials on four points, orthonormal.
var tchebi = [4][4]float64{
	{.5, .5, .5, .5},
	{-3 / math.Sqrt2 / math.Sqrt(10), -1 / math.Sqrt2 / math.Sqrt(10), 1 / math.Sqrt2 / math.Sqrt(10), 3 / math.Sqrt2 / math.Sqrt(10)},
	{.5, -.5, -.5, .5},
	{-1 / math.Sqrt2 / math.Sqrt(10), 3 / math.Sqrt2 / math.Sqrt(10), -3 / math.Sqrt2 / math.Sqrt(10), 1 / math.Sqrt2 / math.Sqrt(10)},
}

// texture is the variance of a 4×4 block from which it counts as textured.
const texture = 25

func luma(m pix.Image) []float64 {
	out := make([]float64, m.W*m.H)
	for i := range out {
		p := m.Pix[3*i:]
		out[i] = .299*float64(p[0]) + .587*float64(p[1]) + .114*float64(p[2])
	}
	return out
}

// tchebichef judges a reconstruction by itself: how much of its texture is fine, over how
// much its pixels jump at the edges of blocks. The idea is that of RBQE, whose block size
// and orders are not published: those here, 4×4 and from 3, and a grid of 8 are ours.
// sharpness is the share of the energy of textured blocks that is of high order, and
// jumps how much more neighbouring pixels differ across the lines of a grid of 8 than
// elsewhere.
func sharpness(m pix.Image) (sharp, jumps float64) {
	y := luma(m)
	var high, all float64
	for by := 0; by+4 <= m.H; by += 4 {
		for bx := 0; bx+4 <= m.W; bx += 4 {
			var rows, t [4][4]float64
			for r := range 4 {
				for p := range 4 {
					for x := range 4 {
						rows[r][p] += tchebi[p][x] * y[(by+r)*m.W+bx+x]
					}
				}
			}
			var energy, fine float64
			for q := range 4 {
				for p := range 4 {
					for r := range 4 {
						t[q][p] += tchebi[q][r] * rows[r][p]
					}
					if p+q > 0 {
						energy += t[q][p] * t[q][p]
					}
					if p+q >= 3 {
						fine += t[q][p] * t[q][p]
					}
				}
			}
			if energy >= 16*texture {
				all += energy
				high += fine
			}
		}
	}
	if all > 0 {
		sharp = high / all
	}
	var across, inside float64
	var lines, others int
	step := func(d float64, at int) {
		if at%8 == 0 {
			across += math.Abs(d)
			lines++
		} else {
			inside += math.Abs(d)
			others++
		}
	}
	for r := range m.H {
		for x := 1; x < m.W; x++ {
			step(y[r*m.W+x]-y[r*m.W+x-1], x)
		}
	}
	for r := 1; r < m.H; r++ {
		for x := range m.W {
			step(y[r*m.W+x]-y[(r-1)*m.W+x], r)
		}
	}
	return sharp, (across/float64(max(lines, 1)) + 1) / (inside/float64(max(others, 1)) + 1)
}

func tchebichef(m pix.Image) float64 {
	sharp, jumps := sharpness(m)
	return sharp / jumps
}
