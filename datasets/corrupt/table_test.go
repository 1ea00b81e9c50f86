package corrupt_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/cmplx"
	"os"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

// probe repeats the image of testdata/table.py: a ramp of each colour, a
// checkerboard, noise, grays, saturated disks.
func probe() pix.Image {
	m := pix.New(256, 192)
	state := uint32(2463534242)
	disks := [][3]uint8{{250, 20, 30}, {20, 240, 60}, {10, 40, 255}, {0, 0, 0}, {255, 255, 255}}
	for y := range m.H {
		row := m.Row(y)
		for x := range m.W {
			state = state*1664525 + 1013904223
			n := int(state >> 24)
			var p [3]uint8
			switch {
			case y < 64:
				p = [3]uint8{uint8(x), uint8(x + 2*y), uint8(255 - x)}
			case y < 128 && x < 128:
				c := uint8(25)
				if (x/4+y/4)%2 == 1 {
					c = 230
				}
				p = [3]uint8{c, c, 255 - c}
			case y < 128:
				p = [3]uint8{uint8(n), uint8((n + x) / 3), uint8(n * y / 128)}
			default:
				p = [3]uint8{uint8(x), uint8(x), uint8(x)}
				for i, q := range disks {
					if dx, dy := x-28-50*i, y-160; dx*dx+dy*dy <= 400 {
						p = q
					}
				}
			}
			copy(row[3*x:], p[:])
		}
	}
	return m
}

// reference is one row of testdata/imagecorruptions.json.
type reference struct {
	Corruption string
	Severity   int
	Seeds      int
	PSNR       float64
	PSNRSD     float64 `json:"psnr_sd"`
	Mean       [3]float64
	MeanSD     [3]float64 `json:"mean_sd"`
	Variance   [3]float64
	Rings      []float64
	Samples    []int
	Stride     int
	SHA256     string
}

type referenceTable struct {
	Package string
	Rings   []float64
	Images  map[string]struct {
		SHA256 string
		Rows   []reference
	}
	Crops []struct {
		Corruption    string
		Severity      int
		Width, Height int
		SHA256        string
	}
}

func loadTable(t testing.TB) referenceTable {
	t.Helper()
	b, err := os.ReadFile("testdata/imagecorruptions.json")
	if err != nil {
		t.Fatal(err)
	}
	var table referenceTable
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Images) != 2 {
		t.Fatalf("the table has %d images, want 2", len(table.Images))
	}
	return table
}

// What equals the package byte by byte must do so at odd sizes too.
func TestOddSizesAgainstImagecorruptions(t *testing.T) {
	table := loadTable(t)
	if len(table.Crops) < 100 {
		t.Fatalf("the table has %d crops", len(table.Crops))
	}
	for _, r := range table.Crops {
		img := probe().Crop(image.Rect(0, 0, r.Width, r.Height))
		got, err := corrupt.Apply(img, r.Corruption, r.Severity, corrupt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(got.Pix)
		if hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Errorf("%s/%d of %d×%d pixels: not those of the package", r.Corruption, r.Severity, r.Width, r.Height)
		}
	}
}

func psnr(a, b pix.Image) float64 {
	var sum float64
	for i, v := range a.Pix {
		d := float64(v) - float64(b.Pix[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a.Pix))/sum)
}

// stats of the residual of a corrupted image.
type stats struct {
	psnr           float64
	mean, variance [3]float64
	rings          []float64
}

func measure(clean, got pix.Image, rings []float64) stats {
	s := stats{psnr: psnr(clean, got)}
	n := float64(clean.W * clean.H)
	luma := make([]float64, clean.W*clean.H)
	weight := [3]float64{.299, .587, .114}
	for i := range luma {
		for c := range 3 {
			d := float64(got.Pix[3*i+c]) - float64(clean.Pix[3*i+c])
			s.mean[c] += d / n
			s.variance[c] += d * d / n
			luma[i] += weight[c] * d
		}
	}
	for c := range 3 {
		s.variance[c] -= s.mean[c] * s.mean[c]
	}
	if len(rings) > 0 {
		s.rings = ringPower(luma, clean.W, clean.H, rings)
	}
	return s
}

// ringPower is the mean power of a plane in rings of spatial frequency.
func ringPower(plane []float64, w, h int, edges []float64) []float64 {
	rows, cols := fourier.NewFFT(w), fourier.NewCmplxFFT(h)
	half := w/2 + 1
	spectrum := make([][]complex128, h)
	for y := range h {
		spectrum[y] = rows.Coefficients(nil, plane[y*w:(y+1)*w])
	}
	power, count := make([]float64, len(edges)-1), make([]float64, len(edges)-1)
	column := make([]complex128, h)
	for x := range half {
		for y := range h {
			column[y] = spectrum[y][x]
		}
		full := cols.Coefficients(nil, column)
		weight := 2.0 // the other half of the plane mirrors this one
		if x == 0 || 2*x == w {
			weight = 1
		}
		for y, c := range full {
			fy := float64(y) / float64(h)
			if fy >= 0.5 {
				fy--
			}
			r := math.Hypot(float64(x)/float64(w), fy)
			for i := range power {
				if r >= edges[i] && r < edges[i+1] {
					a := cmplx.Abs(c)
					power[i] += weight * a * a / float64(w*h)
					count[i] += weight
				}
			}
		}
	}
	for i := range power {
		power[i] /= count[i]
	}
	return power
}

func images(t *testing.T, table referenceTable) map[string]pix.Image {
	t.Helper()
	out := map[string]pix.Image{"probe": probe()}
	t.Run("I01", func(t *testing.T) {
		img, err := pix.Load(testenv.Data(t, "iqa", "I01.BMP"))
		if err != nil {
			t.Fatal(err)
		}
		out["I01"] = img
	})
	for name, img := range out {
		sum := sha256.Sum256(img.Pix)
		if got := hex.EncodeToString(sum[:]); got != table.Images[name].SHA256 {
			t.Fatalf("%s is not the image that the table was made of", name)
		}
	}
	return out
}

// tolerance is how far from the package's figures ours may be.
type tolerance struct {
	psnr  float64 // dB, of the mean over seeds
	mean  float64 // gray levels, of the residual's mean
	ratio float64 // of the residual's variance, either way
	rings float64 // dB, of the residual's power in rings of frequency
}

var tolerances = map[string]tolerance{
	"gaussian_noise": {.1, .6, 1.03, .5}, "shot_noise": {.1, .6, 1.03, .5},
	"impulse_noise": {.15, .6, 1.05, .6}, "speckle_noise": {.1, .6, 1.03, .5},
	"glass_blur": {.1, .6, 1.02, .5}, "elastic_transform": {.25, .6, 1.06, .8},
	"motion_blur": {.5, .6, 1.15, 1}, "snow": {.3, 2, 1.1, 1},
	"frost": {1, 12, 1.4, 3}, "fog": {1, 12, 1.2, 1.5}, "spatter": {1, 1, 1.3, 1},
}

// seedsOf is how many seeds of ours are averaged: weather varies most between
// them.
func seedsOf(name string, severity int) int {
	switch {
	case name == "spatter" && severity == 1, name == "frost":
		return 200 / slow
	case name == "fog", name == "motion_blur":
		return 60 / slow
	case name == "snow", name == "spatter":
		return 24 / slow
	}
	return 6
}

func TestAgainstImagecorruptions(t *testing.T) {
	table := loadTable(t)
	for name, img := range images(t, table) {
		if slow > 1 && name != "probe" {
			continue // the small image will do to look for races
		}
		rows := table.Images[name].Rows
		if len(rows) != 19*corrupt.Severities {
			t.Fatalf("%s: the table has %d rows, want 19 corruptions × %d", name, len(rows), corrupt.Severities)
		}
		for _, r := range rows {
			t.Run(fmt.Sprintf("%s/%s/%d", name, r.Corruption, r.Severity), func(t *testing.T) {
				t.Parallel()
				if c, err := corrupt.Lookup(r.Corruption); err != nil || !c.InImageNetC {
					t.Fatalf("Lookup: %+v, %v", c, err)
				}
				if r.Seeds == 1 {
					compareExactly(t, img, r, table.Rings)
				} else {
					compareOnAverage(t, img, r, table.Rings)
				}
			})
		}
	}
}

// compareExactly holds corruptions without chance against the package's pixels.
func compareExactly(t *testing.T, img pix.Image, r reference, edges []float64) {
	got, err := corrupt.Apply(img, r.Corruption, r.Severity, corrupt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	switch r.Corruption {
	case "brightness", "contrast", "pixelate", "jpeg_compression", "saturate":
		sum := sha256.Sum256(got.Pix)
		if hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Error("pixels are not those of the package")
		}
	}
	for i, want := range r.Samples {
		if v := int(got.Pix[i*r.Stride]); v < want-1 || v > want+1 {
			t.Errorf("byte %d is %d, want %d or one off", i*r.Stride, v, want)
		}
	}
	s := measure(img, got, edges)
	if d := math.Abs(s.psnr - r.PSNR); d > 0.02 {
		t.Errorf("PSNR is %.3f dB, want %.3f", s.psnr, r.PSNR)
	}
}

// compareOnAverage holds corruptions with chance against the package's
// distribution over seeds.
func compareOnAverage(t *testing.T, img pix.Image, r reference, edges []float64) {
	tol, ok := tolerances[r.Corruption]
	if !ok {
		t.Fatal("no tolerance for a corruption with chance")
	}
	if r.Corruption == "spatter" && r.Severity == 1 {
		tol.rings = 2 // few drops
	}
	if slow > 1 { // fewer seeds
		tol = tolerance{3 * tol.psnr, 3 * tol.mean, 2 * tol.ratio, 3 * tol.rings}
	}
	n := seedsOf(r.Corruption, r.Severity)
	const spectra = 12 // seeds whose spectrum is looked at
	var sum stats
	sum.rings = make([]float64, len(r.Rings))
	for seed := range n {
		got, err := corrupt.Apply(img, r.Corruption, r.Severity, corrupt.Options{Seed: uint64(seed)})
		if err != nil {
			t.Fatal(err)
		}
		m := measure(img, got, edges[:0])
		if seed < spectra {
			m = measure(img, got, edges)
			for i, v := range m.rings {
				sum.rings[i] += v / float64(min(n, spectra))
			}
		}
		sum.psnr += m.psnr / float64(n)
		for c := range 3 {
			sum.mean[c] += m.mean[c] / float64(n)
			sum.variance[c] += m.variance[c] / float64(n)
		}
	}
	if d := math.Abs(sum.psnr - r.PSNR); d > tol.psnr {
		t.Errorf("mean PSNR over %d seeds is %.3f dB, want %.3f ± %g", n, sum.psnr, r.PSNR, tol.psnr)
	}
	for c, channel := range []string{"red", "green", "blue"} {
		if d := math.Abs(sum.mean[c] - r.Mean[c]); d > tol.mean {
			t.Errorf("%s changes by %.2f on average, want %.2f ± %g", channel, sum.mean[c], r.Mean[c], tol.mean)
		}
		if q := sum.variance[c] / r.Variance[c]; q > tol.ratio || q < 1/tol.ratio {
			t.Errorf("%s's change has variance %.1f, want %.1f within a factor of %g", channel, sum.variance[c], r.Variance[c], tol.ratio)
		}
	}
	for i, v := range sum.rings {
		if edges[i+1] <= 0.02 {
			continue // a handful of coefficients
		}
		if d := 10 * math.Log10(v/r.Rings[i]); math.Abs(d) > tol.rings {
			t.Errorf("power at %g to %g cycles a pixel is off by %.2f dB, want ± %g", edges[i], edges[i+1], d, tol.rings)
		}
	}
}
