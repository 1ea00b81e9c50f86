package quant

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"
)

// clipOracle is testdata/clips.json, written by testdata/clips.py.
type clipOracle struct {
	Source string
	KLT    struct {
		Patch, Frames    int
		Blocks           [][]int
		Explained, Error [][2]float64
	}
	Residual struct {
		GW, GH, Dim int
		Step, Tau   float64
		Latents     [][]float32
		Gates       [][]int32
		IDs         [][][]int32
		State       []float32
	}
	Dynamics []struct {
		GW, GH, Dim, State int
		Frames             [][]float32
		Radius, Kept       float64
		Next               []float32
	}
	Fourier []struct{ X, Out []float32 }
	Levels  []struct {
		Levels int
		X      []float32
		Error  float64
	}
}

func readClipOracle(t *testing.T) clipOracle {
	t.Helper()
	raw, err := os.ReadFile("testdata/clips.json")
	if err != nil {
		t.Fatal(err)
	}
	var o clipOracle
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestBlocksAgainstNumpy(t *testing.T) {
	o := readClipOracle(t).KLT
	blocks := make([][]uint8, len(o.Blocks))
	for i, b := range o.Blocks {
		for _, v := range b {
			blocks[i] = append(blocks[i], uint8(v))
		}
	}
	for i, e := range o.Explained {
		b, err := FitBlocks(blocks, o.Patch, o.Frames, int(e[0]))
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(b.explained-e[1]) > 1e-6 {
			t.Errorf("%d directions hold %.7f of the variance, numpy says %.7f", b.Dim, b.explained, e[1])
		}
		// The squared error is what the numbers leave over, before rounding to pixels.
		var sum float64
		x := b.Project(blocks, b.Dim)
		back := make([]float32, len(blocks)*b.Size())
		multiply(back, x, b.steps[0].basis, len(blocks), b.Size(), b.Dim)
		for i, block := range blocks {
			for j, v := range block {
				d := float64(v) - float64(back[i*b.Size()+j]) - float64(b.mean[j])
				sum += d * d
			}
		}
		got, want := sum/float64(len(back)), o.Error[i][1]
		// Directions are kept in half precision.
		if math.Abs(got-want) > 2e-3*want+5e-3 {
			t.Errorf("%d directions leave a squared error of %.5f, numpy says %.5f", b.Dim, got, want)
		}
	}
}

func TestResidualAgainstNumpy(t *testing.T) {
	o := readClipOracle(t).Residual
	p := &predictive{t: &Transform{Patch: 1, Dim: o.Dim}, step: float32(o.Step), tau: o.Tau, bounds: []int32{1000, 1000, 1000}}
	n := o.GW * o.GH
	ids := p.encode(o.GW, o.GH, len(o.Latents), func(f int) []float32 { return o.Latents[f] })
	for f, gates := range o.Gates {
		for i, g := range gates {
			if ids[0][f*n+i] != g {
				t.Errorf("frame %d, patch %d: gate %d, numpy says %d", f, i, ids[0][f*n+i], g)
			}
			for d, q := range o.IDs[f][i] {
				if got := unzigzag(ids[1+d][f*n+i]); got != q {
					t.Errorf("frame %d, patch %d, latent %d: id %d, numpy says %d", f, i, d, got, q)
				}
			}
		}
	}
	c := newCarry(p, o.GW, o.GH)
	for f := range o.Latents {
		c.predict()
		c.correct(ids, f*n)
	}
	for i, v := range o.State {
		if c.now[i] != v {
			t.Errorf("number %d decodes to %v, numpy says %v", i, c.now[i], v)
		}
	}
}

func TestDynamicsAgainstNumpy(t *testing.T) {
	for _, o := range readClipOracle(t).Dynamics {
		d := newDynamics(o.GW, o.GH, o.Dim, o.State)
		d.learn(o.Frames[0], o.Frames[1])
		next := append([]float32(nil), o.Frames[1]...)
		d.advance(next, o.Frames[1])
		for i, v := range o.Next {
			if math.Abs(float64(next[i]-v)) > 1e-3*(1+math.Abs(float64(v))) {
				t.Errorf("radius %.3f: number %d is predicted as %v, numpy says %v", o.Radius, i, next[i], v)
				break
			}
		}
		if d.b == nil {
			if o.Kept != 1 {
				t.Errorf("radius %.3f: frames are copied, numpy keeps a map of radius %.3f", o.Radius, o.Kept)
			}
			continue
		}
		if r := d.growth(); math.Abs(r-o.Kept) > .05*o.Kept {
			t.Errorf("radius %.3f by power iteration, numpy says %.3f", r, o.Kept)
		}
	}
}

func TestFourierAgainstNumpy(t *testing.T) {
	for _, o := range readClipOracle(t).Fourier {
		n := len(o.X)
		v := &ternary{span: n, fourier: fourierBasis(n)}
		x := append([]float32(nil), o.X...)
		v.along(x, 1, false)
		for k, want := range o.Out {
			if math.Abs(float64(x[k]-want)) > 1e-5 {
				t.Errorf("%d numbers: frequency %d is %v, numpy says %v", n, k, x[k], want)
			}
		}
		v.along(x, 1, true)
		for i, want := range o.X {
			if math.Abs(float64(x[i]-want)) > 1e-5 {
				t.Errorf("%d numbers: number %d comes back as %v, was %v", n, i, x[i], want)
			}
		}
	}
}

// The levels leave hardly more error than the best that a search of both ends finds.
func TestLevelsAgainstNumpy(t *testing.T) {
	for _, o := range readClipOracle(t).Levels {
		lo, step := fitLevels(o.X, o.Levels, false)
		var sum float64
		for _, v := range o.X {
			d := float64(v - lo - step*float32(nearestLevel(v, lo, step, o.Levels)))
			sum += d * d
		}
		if got := sum / float64(len(o.X)); got > 1.06*o.Error {
			t.Errorf("%d levels leave %.5f, numpy finds %.5f", o.Levels, got, o.Error)
		}
		lo, step = fitLevels(o.X, o.Levels, true)
		if nearestLevel(slices.Min(o.X), lo, step, o.Levels) != 0 || int(nearestLevel(slices.Max(o.X), lo, step, o.Levels)) != o.Levels-1 {
			t.Errorf("%d levels from %v by %v do not span the numbers", o.Levels, lo, step)
		}
	}
}
