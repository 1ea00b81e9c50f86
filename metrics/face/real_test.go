package face

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

var update = flag.Bool("update", false, "draw the figure of docs/faces.md again")

// modelsEnv names a folder with face-models.yaml whose networks are measured instead.
const modelsEnv = "VTBENCH_FACE_MODELS"

// engines are the engines that every machine with `make deps` and `make build` has.
var engines = []string{EngineOpenCV, EngineONNX}

// realEngine opens an engine; the test is skipped where `make deps` was not run.
func realEngine(t testing.TB, name string) *engine {
	t.Helper()
	if name == EngineOpenCV {
		testenv.OpenCV(t)
	}
	e, err := openEngine(context.Background(), map[string]string{OptionModels: os.Getenv(modelsEnv), OptionEngine: name})
	testenv.Need(t, err)
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// A person is a face in a photograph; everyone is somebody else.
type person struct {
	photo string
	img   pix.Image
	model.Detection
}

// people are the faces that the detector finds in the photographs at hand.
func people(t testing.TB, e *engine) []person {
	t.Helper()
	var files []string
	for _, name := range []string{"astronaut.png", "grace_hopper.jpg"} {
		path, err := assets.Path(name)
		testenv.Need(t, err)
		files = append(files, path)
	}
	if dir := sampleFolder(t); dir != "" {
		found, err := filepath.Glob(filepath.Join(dir, "*.[jp][pn]g"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	var out []person
	for _, f := range files {
		img, err := pix.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		found, err := e.Detect(t.Context(), img)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range found {
			out = append(out, person{filepath.Base(f), img, d})
		}
	}
	return out
}

// sampleFolder is the folder of sample photographs, "" where there is none.
func sampleFolder(t testing.TB) string {
	t.Helper()
	dir := ""
	if tt, ok := t.(*testing.T); ok {
		tt.Run("sample", func(t *testing.T) { dir = testenv.Data(t, "faces-sample") })
	}
	return dir
}

// damaged is an image under a corruption by an amount.
func damaged(t testing.TB, img pix.Image, kind string, amount float64) pix.Image {
	t.Helper()
	out, err := corrupt.ApplyAmount(img, kind, amount, corrupt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// shrunk takes a whole image down so that a face is as wide as given, and back up.
func shrunk(t testing.TB, img pix.Image, face, to float64) pix.Image {
	t.Helper()
	k := min(1, to/face)
	small, err := pix.Resize(img, max(1, int(float64(img.W)*k+.5)), max(1, int(float64(img.H)*k+.5)))
	if err == nil {
		small, err = pix.Resize(small, img.W, img.H)
	}
	if err != nil {
		t.Fatal(err)
	}
	return small
}

// calibrationPeople is how many people the calibration was made of; without the sample
// photographs there are fewer.
const calibrationPeople = 6

// What the networks are worth on real faces: similarity must fall with JPEG quality
// and with size, strangers must stay below, and nearly everybody must be found. Run
// with -v for the table in docs/faces.md.
func TestModelsOnRealFaces(t *testing.T) {
	testenv.Sequential(t)
	e := realEngine(t, EngineOpenCV)
	all := people(t, e)
	if len(all) < 2 {
		t.Fatalf("%d faces were found", len(all))
	}
	r := e.layout
	embed := func(img pix.Image, p person) []float32 {
		s, err := model.FitSimilarity(p.Points[:], r.Template[:])
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Embed(t.Context(), []pix.Image{model.Chip(img, s, r.Side)})
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	var originals [][]float32
	for _, p := range all {
		t.Logf("%-16s face of %3.0f × %3.0f pixels, score %.2f", p.photo, p.Box.X1-p.Box.X0, p.Box.Y1-p.Box.Y0, p.Score)
		originals = append(originals, embed(p.img, p))
	}
	var cosines, distances []float64
	for i := range originals {
		for j := range i {
			cosines = append(cosines, model.Cosine(originals[i], originals[j]))
			distances = append(distances, model.Distance(originals[i], originals[j]))
		}
	}
	strangers := mean(cosines)
	t.Logf("%d faces, %d pairs of strangers: cosine mean %.4f, highest %.4f; distance mean %.3f, least %.3f",
		len(all), len(cosines), strangers, slices.Max(cosines), mean(distances), slices.Min(distances))
	if os.Getenv(modelsEnv) == "" && len(all) >= calibrationPeople && math.Abs(strangers-r.Strangers) > .02 {
		t.Errorf("the mean cosine of strangers is %.3f, the calibration says %.3f", strangers, r.Strangers)
	}
	measure := func(name string, damage func(person) pix.Image) plot.Point {
		var sims, dists []float64
		same := 0
		for i, p := range all {
			v := embed(damage(p), p)
			sims, dists = append(sims, model.Cosine(originals[i], v)), append(dists, model.Distance(originals[i], v))
			best, at := math.Inf(1), -1
			for j, o := range originals {
				if d := model.Distance(o, v); d < best {
					best, at = d, j
				}
			}
			if at == i {
				same++
			}
		}
		sim := mean(sims)
		t.Logf("%-14s F-Sim %.4f, calibrated %.3f, F-Dist %.3f (farthest %.3f), rank-1 %d of %d",
			name, sim, (sim-r.Strangers)/(1-r.Strangers), mean(dists), slices.Max(dists), same, len(all))
		return plot.Point{Y: sim, Lo: slices.Min(sims), Hi: slices.Max(sims)}
	}
	var figures []plot.Figure
	falls := func(what string, names []string, values []plot.Point) {
		for i := 1; i < len(values); i++ {
			if !(values[i].Y < values[i-1].Y) {
				t.Errorf("F-Sim does not fall with %s: %v", what, values)
			}
		}
		if last := values[len(values)-1].Y; len(all) >= calibrationPeople && last <= strangers {
			t.Errorf("after the strongest %s, faces are less alike (%.4f) than strangers are (%.4f)", what, last, strangers)
		}
		f := plot.Figure{Title: what, X: plot.Axis{Names: names}}
		same := plot.Series{Name: "same person", Style: view.Style{Colour: 0}, Line: true}
		other := plot.Series{Name: "different people", Style: view.Style{Colour: view.Ink, Marker: 1}, Line: true}
		for i, v := range values {
			v.X = float64(i)
			same.Points = append(same.Points, v)
			other.Points = append(other.Points, plot.Point{X: float64(i), Y: strangers, Lo: slices.Min(cosines), Hi: slices.Max(cosines)})
		}
		f.Series = []plot.Series{same, other}
		figures = append(figures, f)
	}
	var sims []plot.Point
	var names []string
	for _, q := range []float64{90, 50, 20, 10, 4} {
		names = append(names, fmt.Sprintf("q%g", q))
		sims = append(sims, measure(fmt.Sprintf("jpeg q%g", q), func(p person) pix.Image { return damaged(t, p.img, "jpeg_compression", q) }))
	}
	falls("JPEG quality", names, sims)
	sims, names = nil, nil
	for _, w := range []float64{64, 48, 32, 24, 16} {
		names = append(names, fmt.Sprintf("%g px", w))
		sims = append(sims, measure(fmt.Sprintf("%g pixels", w), func(p person) pix.Image { return shrunk(t, p.img, p.Box.X1-p.Box.X0, w) }))
	}
	falls("width of the face", names, sims)
	if *update {
		png, err := plot.Curves("F-Sim (cosine, dlib) on six real faces", "Mean, least and highest of six people; of 15 pairs for different people.", figures).PNG()
		if err == nil {
			err = os.WriteFile(filepath.Join("..", "..", "docs", "images", "face-similarity.png"), png, 0o644) //nolint:gosec // a picture of the docs
		}
		if err != nil {
			t.Error(err)
		}
	}
	measure("blur w/20", func(p person) pix.Image { return damaged(t, p.img, "gaussian_blur", (p.Box.X1-p.Box.X0)/20) })
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
