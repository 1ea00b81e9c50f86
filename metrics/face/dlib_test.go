package face

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// dlibSide is the side of the chips of dlib's network.
const dlibSide = 150

// drawn is the chip that model/testdata/dlib_golden.py draws.
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

// The digest of the converted file: converting depends on nothing but the input.
const convertedDigest = "8b9b6c7d84196ec47f1de8eb01cae2c259eabd5130fcd554899ecc1d59851ba5"

// Both engines give the embeddings of dlib 20.0.1 (model/testdata/dlib_golden.py).
func TestConvertedModelAgreesWithDlib(t *testing.T) {
	testenv.Sequential(t)
	path, err := assets.Path(dlibFile)
	testenv.Need(t, err)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	graph, err := model.FromDlib(file)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(graph); hex.EncodeToString(sum[:]) != convertedDigest {
		t.Errorf("the converted model has SHA-256 %x", sum)
	}
	b, err := os.ReadFile("model/testdata/dlib.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Embeddings [][]float64 }
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	var chips []pix.Image
	for seed := range golden.Embeddings {
		chips = append(chips, drawn(seed))
	}
	for _, name := range engines {
		got, err := realEngine(t, name).Embed(t.Context(), chips)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range golden.Embeddings {
			worst := 0.0
			for k, v := range want {
				worst = max(worst, math.Abs(v-float64(got[i][k])))
			}
			t.Logf("%s, chip %d: largest difference %.2g", name, i, worst)
			if worst > 2e-5 {
				t.Errorf("%s, chip %d: an embedding differs from dlib's by %g", name, i, worst)
			}
		}
	}
}
