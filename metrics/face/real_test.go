package face

import (
	"context"
	"flag"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
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

// calibrationPeople is how many people there are with the sample photographs; without them
// there are too few to say how alike strangers are.
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
		s, _, err := model.FitSimilarity(p.Points[:], r.Template[:])
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
	if os.Getenv(modelsEnv) == "" && len(all) >= calibrationPeople && math.Abs(strangers-r.Strangers) > .04 { // 15 pairs say no more
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

// crowdEnv names a folder of photographs in which nobody is twice; the table of strangers
// in docs/faces.md was made of those of dlib's examples.
const crowdEnv = "VTBENCH_FACE_CROWD"

// How alike different people are, for the calibration: the mean, its interval over people,
// and how the nearest stranger rises with the gallery. Run with -v for the table in
// docs/faces.md.
func TestStrangersOfACrowd(t *testing.T) {
	testenv.Sequential(t)
	dir := os.Getenv(crowdEnv)
	if dir == "" {
		t.Skipf("%s names no folder of photographs", crowdEnv)
	}
	e := realEngine(t, EngineONNX)
	files, err := filepath.Glob(filepath.Join(dir, "*.[jp][pn]g"))
	if err != nil {
		t.Fatal(err)
	}
	var faces [][]float32
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
			b := d.Box
			a := align(datasets.Instance{ID: "face", Identity: "x", Points: d.Points[:], Box: image.Rect(int(b.X0), int(b.Y0), int(b.X1), int(b.Y1))}, img.W, img.H, e.layout, nil)
			if !a.Scored() {
				t.Logf("%s: %s", filepath.Base(f), a.Why)
				continue
			}
			got, err := e.Embed(t.Context(), []pix.Image{model.Chip(img, a.Chip, e.layout.Side)})
			if err != nil {
				t.Fatal(err)
			}
			faces = append(faces, model.Unit(got[0]))
		}
	}
	n := len(faces)
	cosine := func(i, j int) float64 { return float64(dot(faces[i], faces[j])) }
	var all []float64
	for i := range n {
		for j := range i {
			all = append(all, cosine(i, j))
		}
	}
	slices.Sort(all)
	r := rand.New(rand.NewPCG(1, 2))
	var means []float64
	for range 2000 { // people are resampled, never a person against himself
		who := make([]int, n)
		for i := range who {
			who[i] = r.IntN(n)
		}
		var v []float64
		for i := range n {
			for j := range i {
				if who[i] != who[j] {
					v = append(v, cosine(who[i], who[j]))
				}
			}
		}
		means = append(means, mean(v))
	}
	slices.Sort(means)
	t.Logf("%d people, %d pairs: mean %.4f, 95 %% interval %.4f to %.4f, 95th percentile %.4f, highest %.4f",
		n, len(all), mean(all), quantile(means, .025), quantile(means, .975), quantile(all, .95), all[len(all)-1])
	for _, size := range []int{3, 6, 12, 23, n} {
		var nearest, average, high []float64
		for range 500 { // galleries of that size, drawn from the crowd
			var pairs []float64
			who := r.Perm(n)[:size]
			for i := range who {
				best := math.Inf(-1)
				for j := range who {
					if i != j {
						best = max(best, e.layout.Calibrated(cosine(who[i], who[j])))
						pairs = append(pairs, e.layout.Calibrated(cosine(who[i], who[j])))
					}
				}
				nearest = append(nearest, best)
			}
			slices.Sort(pairs)
			average, high = append(average, mean(pairs)), append(high, quantile(pairs, .95))
		}
		t.Logf("gallery of %2d: nearest stranger %.2f, stranger pairs: mean %.2f, 95th percentile %.2f", size, mean(nearest), mean(average), mean(high))
	}
}

// reconstructed is an image after vq:patch=16 at 256 pixels, as a run makes it.
func reconstructed(t testing.TB, tok tokenizers.Tokenizer, img pix.Image) pix.Image {
	t.Helper()
	fitted, place, err := pix.Fit(img, 256)
	if err != nil {
		t.Fatal(err)
	}
	out, err := tok.Reconstruct(t.Context(), []pix.Image{fitted})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, out[0].Err)
	}
	back, err := place.Restore(out[0].Image)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func coarse(t testing.TB) tokenizers.Tokenizer {
	t.Helper()
	spec, err := tokenizers.ParseSpec("vq:patch=16", alltok.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	kind, opts, err := tokenizers.Resolve(spec, alltok.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := kind.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// similar is the calibrated similarity of a face under a transform, guards or none.
func similar(t testing.TB, e *engine, chip model.Similarity, a, b pix.Image) float64 {
	t.Helper()
	got, err := e.Embed(t.Context(), []pix.Image{model.Chip(a, chip, e.layout.Side), model.Chip(b, chip, e.layout.Side)})
	if err != nil {
		t.Fatal(err)
	}
	return e.layout.Calibrated(model.Cosine(got[0], got[1]))
}

// labelled is a person as an instance with the points of the detector.
func labelled(p person) datasets.Instance {
	b := p.Box
	return datasets.Instance{
		ID: "face", Identity: p.photo, Points: slices.Clone(p.Points[:]),
		Box: image.Rect(int(b.X0), int(b.Y0), int(b.X1), int(b.Y1)),
	}
}

// What no annotation may do: turn a stranger into a friend. Points of which left and
// right are exchanged, and faces of which the image holds a part, are not scored. Run
// with -v for the tables in docs/faces.md.
func TestBadAnnotationsAreNotRewarded(t *testing.T) {
	testenv.Sequential(t)
	e := realEngine(t, EngineONNX)
	tok := coarse(t)
	people := people(t, e)
	table := map[string][]float64{}
	var order []string
	dropped := map[string]int{}
	add := func(row string, v float64, a Alignment, want string) {
		if table[row] == nil {
			order = append(order, row)
		}
		table[row] = append(table[row], v)
		if !a.Scored() {
			dropped[row]++
		}
		if a.Drop != want {
			t.Errorf("%s, %s: dropped as %q (%s), want %q", a.Identity, row, a.Drop, a.Why, want)
		}
	}
	for _, p := range people {
		in := labelled(p)
		rec := reconstructed(t, tok, p.img)
		right := align(in, p.img.W, p.img.H, e.layout, nil)
		add("right", similar(t, e, right.Chip, p.img, rec), right, "")
		in.Points = []datasets.Point{in.Points[1], in.Points[0], in.Points[2], in.Points[4], in.Points[3]}
		swapped := align(in, p.img.W, p.img.H, e.layout, nil)
		add("left and right exchanged", similar(t, e, swapped.Chip, p.img, rec), swapped, metrics.DropPoints)
		t.Logf("%-16s residual %4.1f of %d pixels, exchanged %4.1f; points in place %.2f, exchanged %.2f", p.photo, right.Residual, e.layout.Side, swapped.Residual,
			last(table["right"]), last(table["left and right exchanged"]))
		for _, cut := range []float64{0, .1, .3, .5, .7, .9} {
			// The image ends within the face: its left or its upper part is gone.
			for _, side := range []string{"left", "top"} {
				in := labelled(p)
				crop := image.Rect(0, 0, p.img.W, p.img.H)
				if side == "left" {
					crop.Min.X = max(0, int(p.Box.X0+cut*(p.Box.X1-p.Box.X0)))
				} else {
					crop.Min.Y = max(0, int(p.Box.Y0+cut*(p.Box.Y1-p.Box.Y0)))
				}
				part := p.img.Crop(crop)
				for i := range in.Points {
					in.Points[i].X, in.Points[i].Y = in.Points[i].X-float64(crop.Min.X), in.Points[i].Y-float64(crop.Min.Y)
				}
				in.Box = in.Box.Sub(crop.Min).Intersect(image.Rect(0, 0, part.W, part.H))
				a := align(in, part.W, part.H, e.layout, nil)
				want := ""
				if a.Inside < minInside {
					want = metrics.DropCut
				}
				row := fmt.Sprintf("%2.0f %% cut off, %s", 100*cut, side)
				add(row, similar(t, e, a.Chip, part, reconstructed(t, tok, part)), a, want)
				table[row+" inside"] = append(table[row+" inside"], a.Inside)
				if cut >= .5 && a.Scored() {
					t.Errorf("%s, %s: scored", p.photo, row)
				}
			}
		}
	}
	for _, row := range order {
		inside := ""
		if v := table[row+" inside"]; v != nil {
			inside = fmt.Sprintf(", %.2f of the chip within the image", mean(v))
		}
		t.Logf("%-25s vq:patch=16 scores %.2f on average (%.2f at most) without the rule%s; %d of %d dropped", row, mean(table[row]), slices.Max(table[row]), inside, dropped[row], len(people))
	}
}

func last(v []float64) float64 { return v[len(v)-1] }
