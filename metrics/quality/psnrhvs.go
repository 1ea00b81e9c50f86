package quality

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

var (
	psnrHVS = definition{
		spec: metrics.Spec{
			ID: "psnr-hvs", Version: 1, Title: "PSNR-HVS", Unit: "dB", Better: metrics.Higher, Min: metrics.Unbounded(-1), Max: metrics.Unbounded(1), Scope: metrics.PerImage,
			Source: "Egiazarian et al. 2006: luma, 8×8 DCT, contrast sensitivity; Ponomarenko's psnrhvsm.m",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
			Short: "PSNR by the eye's contrast sensitivity",
			Long:  "PSNR in the DCT domain: errors of frequencies that people see well count more.",
		},
		minSide: 8,
		prepare: func(ref pix.Image, mem *memory) scorer { return newHVSReference(ref, mem, false) },
	}
	psnrHVSM = definition{
		spec: metrics.Spec{
			ID: "psnr-hvs-m", Version: 1, Title: "PSNR-HVS-M", Unit: "dB", Better: metrics.Higher, Min: metrics.Unbounded(-1), Max: metrics.Unbounded(1), Scope: metrics.PerImage,
			Source: "Ponomarenko et al. 2007: as psnr-hvs, with masking between DCT coefficients; Ponomarenko's psnrhvsm.m",
			Role:   metrics.RoleQuality, Show: metrics.Fixed(2), Margin: metrics.Margin{Absolute: .1},
			Short: "PSNR by contrast sensitivity and masking",
			Long:  "As PSNR-HVS; errors that texture hides count less.",
		},
		minSide: 8,
		prepare: func(ref pix.Image, mem *memory) scorer { return newHVSReference(ref, mem, true) },
	}
)

// PSNRHVS is the PSNR of DCT coefficients weighted by contrast sensitivity, in dB,
// over luma in blocks of 8×8; pixels beyond the last whole block do not count.
// Identical images give +Inf. Sides must be at least 8.
func PSNRHVS(ref, got pix.Image) (float64, error) { return psnrHVS.score(ref, got) }

// PSNRHVSM is PSNRHVS less what other coefficients of the same block mask; it is
// +Inf where no difference is visible.
func PSNRHVSM(ref, got pix.Image) (float64, error) { return psnrHVSM.score(ref, got) }

// hvsCSF is the contrast sensitivity of DCT basis functions, hvsMask how strongly
// they mask; both from psnrhvsm.m.
var (
	hvsCSF = [64]float64{
		1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887,
		2.144591, 2.144591, 1.838221, 1.354478, 0.989811, 0.443708, 0.428918, 0.467911,
		1.838221, 1.979622, 1.608443, 1.072295, 0.643377, 0.451493, 0.372972, 0.459555,
		1.838221, 1.513829, 1.169777, 0.887417, 0.504610, 0.295806, 0.321689, 0.415082,
		1.429727, 1.169777, 0.695543, 0.459555, 0.378457, 0.236102, 0.249855, 0.334222,
		1.072295, 0.735288, 0.467911, 0.402111, 0.317717, 0.247453, 0.227744, 0.279729,
		0.525206, 0.402111, 0.329937, 0.295806, 0.249855, 0.212687, 0.214459, 0.254803,
		0.357432, 0.279729, 0.270896, 0.262603, 0.229778, 0.257351, 0.249855, 0.259950,
	}
	hvsMask = [64]float64{
		0.390625, 0.826446, 1.000000, 0.390625, 0.173611, 0.062500, 0.038447, 0.026874,
		0.694444, 0.694444, 0.510204, 0.277008, 0.147929, 0.029727, 0.027778, 0.033058,
		0.510204, 0.591716, 0.390625, 0.173611, 0.062500, 0.030779, 0.021004, 0.031888,
		0.510204, 0.346021, 0.206612, 0.118906, 0.038447, 0.013212, 0.015625, 0.026015,
		0.308642, 0.206612, 0.073046, 0.031888, 0.021626, 0.008417, 0.009426, 0.016866,
		0.173611, 0.081633, 0.033058, 0.024414, 0.015242, 0.009246, 0.007831, 0.011815,
		0.041649, 0.024414, 0.016437, 0.013212, 0.009426, 0.006830, 0.006944, 0.009803,
		0.019290, 0.011815, 0.011080, 0.010412, 0.007972, 0.010000, 0.009426, 0.010203,
	}
)

// dct8 is the orthonormal DCT-II of 8 points, a row a frequency.
var dct8 = func() (t [8][8]float64) {
	for k := range t {
		for n := range t[k] {
			t[k][n] = math.Cos(math.Pi*float64(k*(2*n+1))/16) / 2
			if k == 0 {
				t[k][n] /= math.Sqrt2
			}
		}
	}
	return t
}()

// hvsReference holds the blocks of the reference, transformed, and how strongly each
// masks.
type hvsReference struct {
	masked bool
	blocks []float64 // 64 coefficients each
	masks  []float64
}

func newHVSReference(ref pix.Image, mem *memory, masked bool) *hvsReference {
	n := (ref.W / 8) * (ref.H / 8)
	r := &hvsReference{masked: masked, blocks: mem.floats(64 * n), masks: mem.floats(n)}
	hvsBlocks(mem, ref, masked, func(i int, c *[64]float64, mask float64) {
		copy(r.blocks[64*i:], c[:])
		r.masks[i] = mask
	})
	return r
}

func (r *hvsReference) score(got pix.Image, mem *memory) float64 {
	sum := 0.0
	hvsBlocks(mem, got, r.masked, func(i int, c *[64]float64, mask float64) {
		ref := (*[64]float64)(r.blocks[64*i:])
		limit := max(mask, r.masks[i])
		for k, v := range c {
			d := math.Abs(v - ref[k])
			if r.masked && k > 0 { // the mean is never masked
				d = max(d-limit/hvsMask[k], 0)
			}
			d *= hvsCSF[k]
			sum += d * d
		}
	})
	return decibels(sum / float64(len(r.blocks)))
}

// hvsBlocks calls f for every whole block of 8×8 with its coefficients and, where
// wanted, its masking.
func hvsBlocks(mem *memory, m pix.Image, masking bool, f func(i int, c *[64]float64, mask float64)) {
	at := mem.wide.mark()
	defer mem.wide.release(at)
	band := mem.floats(8 * m.W)
	var block, half, c [64]float64
	i := 0
	for y := 0; y+8 <= m.H; y += 8 {
		luma(band, pix.Image{W: m.W, H: 8, Pix: m.Pix[3*m.W*y : 3*m.W*(y+8)]})
		for x := 0; x+8 <= m.W; x += 8 {
			for r := range 8 {
				row := (*[8]float64)(band[r*m.W+x:])
				copy(block[8*r:], row[:])
				for k := range 8 {
					t := &dct8[k]
					half[8*r+k] = t[0]*row[0] + t[1]*row[1] + t[2]*row[2] + t[3]*row[3] + t[4]*row[4] + t[5]*row[5] + t[6]*row[6] + t[7]*row[7]
				}
			}
			for k := range 8 {
				t := &dct8[k]
				for col := range 8 {
					c[8*k+col] = t[0]*half[col] + t[1]*half[8+col] + t[2]*half[16+col] + t[3]*half[24+col] +
						t[4]*half[32+col] + t[5]*half[40+col] + t[6]*half[48+col] + t[7]*half[56+col]
				}
			}
			mask := 0.0
			if masking {
				mask = hvsMasking(&block, &c)
			}
			f(i, &c, mask)
			i++
		}
	}
}

// hvsMasking is the masking of a block: the energy of its coefficients, less where
// the block is an edge, whose quadrants vary less than the whole.
func hvsMasking(block, c *[64]float64) float64 {
	energy := 0.0
	for k := 1; k < 64; k++ {
		energy += c[k] * c[k] * hvsMask[k]
	}
	whole := scatter(block, 0, 8) * 64 / 63
	if whole < 1e-9 {
		return 0 // flat, but for rounding
	}
	quarters := (scatter(block, 0, 4) + scatter(block, 4, 4) + scatter(block, 32, 4) + scatter(block, 36, 4)) * 16 / 15
	return math.Sqrt(energy*quarters/whole) / 32
}

// scatter is the sum of squared deviations of a square of a block.
func scatter(block *[64]float64, from, side int) float64 {
	mean, sum := 0.0, 0.0
	for r := range side {
		for _, v := range block[from+8*r:][:side] {
			mean += v
		}
	}
	mean /= float64(side * side)
	for r := range side {
		for _, v := range block[from+8*r:][:side] {
			sum += (v - mean) * (v - mean)
		}
	}
	return sum
}
