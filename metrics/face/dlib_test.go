package face

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/pix"
)

// asset reads a file that `vtbench models pull` fetches; the test is skipped where it
// was not.
func asset(t testing.TB, name string) []byte {
	t.Helper()
	path, err := assets.Path(name)
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// opened skips a test where ONNX Runtime is not there.
func opened(t testing.TB, name string, file []byte) network {
	t.Helper()
	net, err := openONNX(name, file, "")
	var lacks *missing.Error
	if errors.As(err, &lacks) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	return net
}

// drawn is the chip that testdata/dlib_golden.py draws.
func drawn(seed int) pix.Image {
	m := pix.New(dlibSide, dlibSide)
	for y := range dlibSide {
		for x := range dlibSide {
			for c := range 3 {
				m.Pix[3*(y*dlibSide+x)+c] = uint8(x*(3+seed) + y*(5+2*seed) + c*40 + x*y/(7+seed))
			}
		}
	}
	return m
}

// golden is testdata/dlib.json, what dlib 20.0.1 computed (testdata/dlib_golden.py).
func golden(t *testing.T) (g struct {
	Embeddings [][]float64
	Chip       struct {
		Scale, Offset float64
		Rect          []float64
	}
},
) {
	t.Helper()
	b, err := os.ReadFile("testdata/dlib.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// The digest of the converted file: converting depends on nothing but the input.
const convertedDigest = "8b9b6c7d84196ec47f1de8eb01cae2c259eabd5130fcd554899ecc1d59851ba5"

func TestConvertedModelAgreesWithDlib(t *testing.T) {
	model, err := convertDlib(asset(t, dlibFile))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(model); hex.EncodeToString(sum[:]) != convertedDigest {
		t.Errorf("the converted model has SHA-256 %x", sum)
	}
	r := recogniser{layouts()[0], opened(t, "dlib", model)}
	want := golden(t).Embeddings
	var chips []pix.Image
	for seed := range want {
		chips = append(chips, drawn(seed))
	}
	got, err := r.embed(chips)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		worst := 0.0
		for k, v := range want[i] {
			worst = max(worst, math.Abs(v-float64(got[i][k])))
		}
		t.Logf("chip %d: largest difference %.2g", i, worst)
		if worst > 2e-5 {
			t.Errorf("chip %d: an embedding differs from dlib's by %g", i, worst)
		}
	}
}

// dlib cuts its own mean face as our template says.
func TestDlibTemplate(t *testing.T) {
	g := golden(t).Chip
	var from, to []datasets.Point
	for i, p := range dlibTemplate() {
		from = append(from, datasets.Point{X: g.Offset + g.Scale*dlibMeanFace[i].X, Y: g.Offset + g.Scale*dlibMeanFace[i].Y})
		to = append(to, p)
	}
	s, err := FitSimilarity(from, to)
	if err != nil {
		t.Fatal(err)
	}
	inv := s.Inverse()
	tl, br := inv.Apply(datasets.Point{}), inv.Apply(datasets.Point{X: dlibSide, Y: dlibSide})
	for i, v := range []float64{tl.X, tl.Y, br.X, br.Y} {
		if math.Abs(v-g.Rect[i]) > 1 { // dlib's points are whole numbers
			t.Errorf("side %d of the chip lies at %.1f, dlib cuts at %.1f", i, v, g.Rect[i])
		}
	}
}

func TestConvertRefusesOtherFiles(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "no layers": []byte("a file of another kind"),
		"short": append([]byte{1, 5}, "con_4\x01\x02\x02\x80\x12\x01\x01\x01\x01\x01\x01\x00\x00"...),
		"huge":  append([]byte{1, 5}, "con_4\x01\x02\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x01\x01\x01\x01\x01\x01"...),
	} {
		if _, err := convertDlib(b); err == nil {
			t.Errorf("%s: converted", name)
		}
	}
}

func FuzzConvertDlib(f *testing.F) {
	f.Add([]byte("\x01\x05con_4\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = convertDlib(b) }) // must not panic
}
