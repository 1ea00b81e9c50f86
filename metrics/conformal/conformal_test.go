package conformal

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// pair is an image of blocks of any contrast, and the same with errors that grow with
// it.
func pair(seed uint64) (ref, got pix.Image) {
	rng := rand.New(rand.NewPCG(seed, 8))
	ref, got = pix.New(67, 50), pix.New(67, 50)
	contrast := make([]float64, 9*7)
	for i := range contrast {
		contrast[i] = math.Exp(4 * rng.Float64())
	}
	for y := range 50 {
		for x := range 67 {
			c := contrast[y/8*9+x/8]
			for k := range 3 {
				v := 128 + c*rng.NormFloat64()
				got.Pix[3*(67*y+x)+k] = uint8(min(max(v, 0), 255))
				ref.Pix[3*(67*y+x)+k] = uint8(min(max(v+.3*c*rng.NormFloat64(), 0), 255))
			}
		}
	}
	return ref, got
}

// The stated coverage is met on images that the bounds were not made from.
func TestCoverageIsMet(t *testing.T) {
	for _, alpha := range []float64{.05, .1, .3} {
		var refs, gots []pix.Image
		for i := range uint64(20) {
			r, g := pair(i)
			refs, gots = append(refs, r), append(gots, g)
		}
		b, err := Calibrate(refs, gots, alpha)
		if err != nil {
			t.Fatal(err)
		}
		var all Coverage
		for i := range uint64(40) {
			r, g := pair(1000 + i)
			c, err := b.Cover(r, g)
			if err != nil {
				t.Fatal(err)
			}
			all = all.Add(c)
		}
		t.Logf("alpha %g: %.3f of %d blocks covered, bounds %v, mean %.1f", alpha, all.Rate(), all.Blocks, b.Bound, all.MeanWidth())
		// Three deviations of a share of that many blocks, of the calibration's and of these.
		slack := 3 * math.Sqrt(alpha*(1-alpha)*(1/float64(all.Blocks)+1/float64(20*63)))
		if all.Rate() < 1-alpha-slack || all.Rate() > 1-alpha+slack+.02 {
			t.Errorf("alpha %g: %.3f of the blocks are covered", alpha, all.Rate())
		}
		if !(b.Bound[0] < b.Bound[1] && b.Bound[1] < b.Bound[2]) {
			t.Errorf("alpha %g: bounds %v do not grow with the variance", alpha, b.Bound)
		}
	}
}

// On what it was made from the rank alone decides: never less than stated.
func TestCalibrationCoversItself(t *testing.T) {
	r, g := pair(3)
	b, err := Calibrate([]pix.Image{r}, []pix.Image{g}, .2)
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Cover(r, g)
	if err != nil || c.Rate() < .8 || c.Blocks != 63 {
		t.Errorf("%d of %d blocks are covered (%v)", c.Covered, c.Blocks, err)
	}
}

func TestBadInputIsRefused(t *testing.T) {
	r, g := pair(1)
	for name, err := range map[string]error{
		"no images":  second(Calibrate(nil, nil, .1)),
		"one short":  second(Calibrate([]pix.Image{r, r}, []pix.Image{g}, .1)),
		"alpha 0":    second(Calibrate([]pix.Image{r}, []pix.Image{g}, 0)),
		"alpha NaN":  second(Calibrate([]pix.Image{r}, []pix.Image{g}, math.NaN())),
		"other size": second(Calibrate([]pix.Image{r}, []pix.Image{pix.New(8, 8)}, .1)),
		"too few":    second(Calibrate([]pix.Image{pix.New(8, 8)}, []pix.Image{pix.New(8, 8)}, .1)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ Bounds, err error) error { return err }
