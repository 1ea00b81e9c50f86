package face

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

func testMetric(t testing.TB) *metric {
	t.Helper()
	m := &metric{engine: realEngine(t, EngineOpenCV), gallery: gallery{}}
	return m
}

// portrait is one of the packaged photographs with its face as the detector sees it.
func portrait(t testing.TB, m *metric, name string) metrics.Reference {
	t.Helper()
	path, err := assets.Path(name)
	testenv.Need(t, err)
	img, err := pix.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	found, err := m.engine.Detect(t.Context(), img)
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %d faces, error %v", name, len(found), err)
	}
	b := found[0].Box
	return metrics.Reference{Item: name, Image: img, Instances: []datasets.Instance{{
		ID: "face", Identity: name, Points: found[0].Points[:], Box: image.Rect(int(b.X0), int(b.Y0), int(b.X1), int(b.Y1)),
	}}}
}

func scored(t testing.TB, m *metric, ref metrics.Reference, got pix.Image) map[string]metrics.Value {
	t.Helper()
	s, err := m.Prepare(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.Score(t.Context(), got)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(Specs()) * len(ref.Instances); len(values) != want {
		t.Fatalf("%d values, want %d", len(values), want)
	}
	out := map[string]metrics.Value{}
	for _, v := range values {
		out[v.Instance+"/"+v.Metric] = v
	}
	return out
}

func TestOriginalAndStranger(t *testing.T) {
	testenv.Sequential(t)
	m := testMetric(t)
	a, b := portrait(t, m, "astronaut.png"), portrait(t, m, "grace_hopper.jpg")
	for _, ref := range []metrics.Reference{a, b} {
		if err := m.Enrol(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	v := scored(t, m, a, a.Image)
	for id, want := range map[string]float64{idSim: 1, idCalibrated: 1, idDist: 0, idVerified: 1, idRank1: 1, idDetected: 1, idNME: 0, idPSNR: math.Inf(1), idSSIM: 1} {
		if x := v["face/"+id]; x.Drop != "" || x.Err != "" || math.Abs(x.Value-want) > 1e-6 && x.Value != want {
			t.Errorf("%s of the original is %+v, want %g", id, x, want)
		}
	}
	if x := v["face/"+idStranger].Value; x < -.5 || x > .7 {
		t.Errorf("the nearest stranger is at %g", x)
	}
	// Everything black: there is no face.
	black := scored(t, m, a, pix.New(a.Image.W, a.Image.H))
	if x := black["face/"+idDetected]; x.Value != 0 || x.Drop != "" {
		t.Errorf("a face is found in the dark: %+v", x)
	}
	if x := black["face/"+idNME]; x.Drop != metrics.DropNotFound {
		t.Errorf("key points drift in the dark: %+v", x)
	}
	if x := black["face/"+idSim]; x.Value > .9 {
		t.Errorf("darkness has F-Sim %g", x.Value)
	}
	// The other woman in her place: not the same person.
	s, _, err := model.FitSimilarity(b.Instances[0].Points, a.Instances[0].Points)
	if err != nil {
		t.Fatal(err)
	}
	other := a.Image.Clone()
	for y := range other.H {
		for x := range other.W {
			p := s.Inverse().Apply(datasets.Point{X: float64(x) + .5, Y: float64(y) + .5})
			if px, py := int(p.X), int(p.Y); px >= 0 && py >= 0 && px < b.Image.W && py < b.Image.H {
				copy(other.Pix[3*(y*other.W+x):][:3], b.Image.Pix[3*(py*b.Image.W+px):])
			}
		}
	}
	swapped := scored(t, m, a, other)
	if x := swapped["face/"+idRank1]; x.Value != 0 {
		t.Errorf("a stranger is taken for the person: %+v", x)
	}
	if x := swapped["face/"+idVerified]; x.Value != 0 {
		t.Errorf("a stranger is verified: %+v, distance %g", x, swapped["face/"+idDist].Value)
	}
}

// The threshold of TAR is the one of TARAtFAR on the pairs of the gallery.
func TestThresholdOfAGallery(t *testing.T) {
	m := &metric{gallery: gallery{}}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 80 {
		e := make([]float32, 16)
		for k := range e {
			e[k] = float32(r.NormFloat64())
		}
		m.gallery[galleryKey{fmt.Sprint(i), "face"}] = enrolled{identity: fmt.Sprint("person ", i/2), embedding: model.Unit(e)}
	}
	m.search(make([]float32, 16), "")
	var cosines []float64
	for a, x := range m.gallery {
		for b, y := range m.gallery {
			if a.item < b.item && x.identity != y.identity {
				cosines = append(cosines, float64(dot(x.embedding, y.embedding)))
			}
		}
	}
	accepted := 0
	for _, c := range cosines {
		if c >= m.accept {
			accepted++
		}
	}
	if want := len(cosines) / 1000; accepted != want {
		t.Errorf("%d of %d strangers are accepted, want %d", accepted, len(cosines), want)
	}
	few := &metric{gallery: gallery{{"a", ""}: {identity: "a", embedding: []float32{1}}, {"b", ""}: {identity: "b", embedding: []float32{1}}}}
	if few.search([]float32{1}, "a"); !math.IsNaN(few.accept) {
		t.Errorf("one pair makes the threshold %g", few.accept)
	}
}

func TestKeyPointsAreFoundWhereNoneAreLabelled(t *testing.T) {
	testenv.Sequential(t)
	m := testMetric(t)
	ref := portrait(t, m, "astronaut.png")
	with := scored(t, m, ref, damaged(t, ref.Image, "jpeg_compression", 30))
	ref.Instances[0].Points = nil
	without := scored(t, m, ref, damaged(t, ref.Image, "jpeg_compression", 30))
	for k, v := range with {
		if w := without[k]; v.Drop != w.Drop || math.Abs(v.Value-w.Value) > 1e-9 {
			t.Errorf("%s: %+v with labels, %+v without", k, v, w)
		}
	}
	ref.Instances[0].Box = image.Rect(400, 400, 460, 460) // a helmet
	for k, v := range scored(t, m, ref, ref.Image) {
		if v.Drop != metrics.DropNotFound {
			t.Errorf("%s where no face is: %+v", k, v)
		}
	}
}

func TestDegenerateFaces(t *testing.T) {
	testenv.Sequential(t)
	m := testMetric(t)
	base := portrait(t, m, "astronaut.png")
	face := base.Instances[0]
	moved := func(dx, dy, k float64) datasets.Instance {
		in := face
		in.Points = nil
		for _, p := range face.Points {
			in.Points = append(in.Points, datasets.Point{X: p.X*k + dx, Y: p.Y*k + dy})
		}
		return in
	}
	border := moved(-float64(face.Box.Min.X)-40, 0, 1)
	border.Box = face.Box.Sub(image.Pt(face.Box.Min.X+40, 0))
	tiny := moved(100, 100, 3/float64(face.Box.Dx()))
	tiny.Box = image.Rect(100, 100, 103, 103)
	three := face
	three.Points = face.Points[:3]
	outside := face
	outside.Box = image.Rect(9000, 9000, 9100, 9100)
	swapped := moved(0, 0, 1)
	p := swapped.Points
	p[0], p[1], p[3], p[4] = p[1], p[0], p[4], p[3]
	scattered := moved(0, 0, 1)
	p = scattered.Points
	p[0], p[1], p[2], p[3], p[4] = p[2], p[4], p[0], p[1], p[3]
	elsewhere := face
	elsewhere.Box = face.Box.Add(image.Pt(face.Box.Dx(), 0))
	larger := moved(0, 0, 1)
	larger.Box = image.Rect(0, 0, 1, 1).Add(face.Box.Min.Add(face.Box.Max).Div(2))
	coincident := moved(0, 0, 0)
	half := moved(-float64(face.Box.Min.X+face.Box.Dx()/2), 0, 1)
	half.Box = face.Box.Sub(image.Pt(face.Box.Min.X+face.Box.Dx()/2, 0)).Intersect(image.Rect(0, 0, base.Image.W, base.Image.H))
	cases := []struct {
		name string
		in   datasets.Instance
		drop string // "" for none
		why  string // or, without a drop, the error
	}{
		{"border", border, metrics.DropCut, "lies within the image"},
		{"half", half, metrics.DropCut, "lies within the image"},
		{"tiny", tiny, metrics.DropUndefined, "pixels apart"},
		{"coincident", coincident, metrics.DropUndefined, "fall together"},
		{"three points", three, "", "3 key points"},
		{"outside", outside, metrics.DropBox, "outside of its box"},
		{"elsewhere", elsewhere, metrics.DropBox, "outside of its box"},
		{"larger", larger, metrics.DropBox, "its box"},
		{"swapped", swapped, metrics.DropPoints, "exchanged"},
		{"scattered", scattered, metrics.DropPoints, "make no face"},
		{"sound", face, "", ""},
	}
	base.Instances = []datasets.Instance{{ID: "word", Text: "USA", Box: face.Box}, {ID: "ignored", Ignore: true, Identity: "x"}}
	for _, c := range cases {
		c.in.ID = c.name
		base.Instances = append(base.Instances, c.in)
	}
	s, err := m.Prepare(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	values, err := s.Score(t.Context(), damaged(t, base.Image, "jpeg_compression", 20))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]metrics.Value{}
	for _, v := range values {
		got[v.Instance] = append(got[v.Instance], v)
	}
	for _, c := range cases {
		if len(got[c.name]) != len(Specs()) {
			t.Errorf("%s has %d values, want %d", c.name, len(got[c.name]), len(Specs()))
		}
		for _, v := range got[c.name] {
			switch {
			case c.name == "sound": // what there is no gallery for is undefined
				if v.Metric == idSim && (v.Drop != "" || v.Err != "" || !(v.Value > .9)) {
					t.Errorf("a sound face: %+v", v)
				}
			case c.drop == "":
				if !strings.Contains(v.Err, c.why) || !strings.Contains(v.Err, c.name) {
					t.Errorf("%s: %+v", c.name, v)
				}
			case v.Drop != c.drop || !strings.Contains(v.Detail, c.why) || !math.IsNaN(v.Value):
				t.Errorf("%s: %+v, want dropped as %s, without a value", c.name, v, c.drop)
			}
		}
		delete(got, c.name)
	}
	if len(got) > 0 {
		t.Errorf("scored too: %v", got)
	}
}

// What a gallery says of itself: how many people, how alike they are, who may be there
// twice.
func TestRemarksOfAGallery(t *testing.T) {
	l, err := model.FindLayout("dlib")
	if err != nil {
		t.Fatal(err)
	}
	gallery := func(faces ...enrolled) *metric {
		m := &metric{engine: &engine{layout: l}, gallery: gallery{}}
		for i, f := range faces {
			m.gallery[galleryKey{fmt.Sprint(i, ".png"), "000"}] = f
		}
		return m
	}
	face := func(who string, e ...float32) enrolled {
		return enrolled{identity: cmp.Or(who, fmt.Sprint(e)), stated: who != "", embedding: model.Unit(e), raw: e}
	}
	for name, tc := range map[string]struct {
		m    *metric
		want []string // in their order; the first is the head
	}{
		"nobody":       {gallery(), nil},
		"one person":   {gallery(face("a", 1, 0), face("a", 1, .1)), []string{"2 faces of 1 person", "no strangers"}},
		"two people":   {gallery(face("a", 1, 0), face("b", .8, .6)), []string{"2 faces of 2 people", "F-Sim calibrated -0.37 on average, -0.37 at the 95th percentile, in 1 pairs of 2 people"}},
		"the same":     {gallery(face("a", 1, 0), face("b", .99, .1)), []string{"2 faces of 2 people", "different people"}},
		"no names":     {gallery(face("", 1, 0), face("", .99, .1), face("", 0, 1)), []string{"3 faces, identities not stated", "3 of 3 faces have no stated identity", "in 3 pairs", "1 pair of faces that count as different people lie within three quarters of the recogniser's threshold for one person: likely repeats, the nearest 0.png (000) and 1.png (000)"}},
		"one nameless": {gallery(face("a", 1, 0), face("", 0, 1)), []string{"2 faces of 2 people, 1 of them without", "1 of 2 faces", "different people"}},
	} {
		got := tc.m.Remarks()
		if len(got) != len(tc.want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, r := range got {
			if !strings.Contains(r.Text, tc.want[i]) || r.Head != (i == 0) {
				t.Errorf("%s: remark %d is %+v, want word of %q", name, i, r, tc.want[i])
			}
		}
	}
	// Strangers are paired among the first faces only; there may be none among them.
	many := make([]enrolled, paired+1)
	for i := range many {
		many[i] = face("a", 1, 0)
	}
	crowd := gallery(many...)
	crowd.gallery[galleryKey{"z.png", "000"}] = face("b", 0, 1)
	if got := crowd.Remarks(); len(got) != 2 || !strings.Contains(got[1].Text, "the first 3000 of 3002 faces are of one person") {
		t.Errorf("a crowd of one person and a stranger: %+v", got)
	}
	// Among nobody else it is no feat to be the nearest.
	if _, stranger := gallery(face("a", 1, 0)).search([]float32{1, 0}, "a"); !math.IsNaN(stranger) {
		t.Errorf("a gallery of one has a stranger at %g", stranger)
	}
}

// Forty faces in one image, gray, and a photograph of twenty megapixels.
func TestCrowdsGrayAndLarge(t *testing.T) {
	testenv.Sequential(t)
	m := testMetric(t)
	one := portrait(t, m, "astronaut.png")
	gray := one.Image.Clone()
	for i := 0; i < len(gray.Pix); i += 3 {
		g := uint8((299*int(gray.Pix[i]) + 587*int(gray.Pix[i+1]) + 114*int(gray.Pix[i+2])) / 1000)
		gray.Pix[i], gray.Pix[i+1], gray.Pix[i+2] = g, g, g
	}
	face := one.Instances[0]
	one.Instances = nil
	for i := range 40 {
		in := face
		in.ID = fmt.Sprint(i)
		one.Instances = append(one.Instances, in)
	}
	v := scored(t, m, one, gray)
	for i := range 40 {
		if a, b := v[fmt.Sprint(i)+"/"+idSim], v["0/"+idSim]; math.Abs(a.Value-b.Value) > 1e-5 || a.Value < .9 {
			t.Errorf("face %d of 40 equal ones, gray: %g, the first %g", i, a.Value, b.Value)
		}
	}
	large, err := pix.Resize(one.Image, 4500, 4500)
	if err != nil {
		t.Fatal(err)
	}
	k := 4500 / float64(one.Image.W)
	big := face
	big.Points = nil
	for _, p := range face.Points {
		big.Points = append(big.Points, datasets.Point{X: p.X * k, Y: p.Y * k})
	}
	big.Box = image.Rect(int(float64(face.Box.Min.X)*k), int(float64(face.Box.Min.Y)*k), int(float64(face.Box.Max.X)*k), int(float64(face.Box.Max.Y)*k))
	b := scored(t, m, metrics.Reference{Item: "large", Image: large, Instances: []datasets.Instance{big}}, large)
	if x := b["face/"+idDetected]; x.Value != 1 || x.Drop != "" {
		t.Errorf("a face in 20 megapixels: %+v", x)
	}
}

func TestModelsOfOnesOwn(t *testing.T) {
	testenv.OpenCV(t)
	_, err := ort.Find("")
	testenv.Need(t, err)
	dir := t.TempDir()
	open := func(yaml string) error {
		if err := os.WriteFile(filepath.Join(dir, ModelsFile), []byte(yaml), 0o644); err != nil {
			t.Fatal(err)
		}
		e, err := openEngine(t.Context(), map[string]string{OptionModels: dir})
		if err == nil {
			err = e.close()
		}
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "rubbish.onnx"), []byte("rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	for yaml, want := range map[string]string{
		"recognizer: {}": "recogniser",
		"{}":             "neither",
		"recogniser: {layout: arcfase, file: x.onnx}":                "arcface",
		"recogniser: {layout: arcface, file: ../x.onnx}":             "below",
		"detector: {layout: scrfd, file: absent.onnx}":               "absent.onnx",
		"detector: {layout: yunet, file: rubbish.onnx}":              "sha256",
		"recogniser: {layout: sface, file: a, strangers: 2}":         "strangers",
		"detector: {layout: yunet, file: rubbish.onnx, sha256: abc}": "another file",
	} {
		if err := open(yaml); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, want word of %s", yaml, err, want)
		}
	}
	// What claims to be a network and is none must be an error, not the end.
	if err := os.WriteFile(filepath.Join(dir, ModelsFile), []byte("detector: {layout: yunet, file: rubbish.onnx}"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range engines {
		_, err := openEngine(t.Context(), map[string]string{OptionModels: dir, OptionAllow: "true", OptionEngine: name})
		if err == nil || !strings.Contains(err.Error(), "rubbish.onnx") {
			t.Errorf("rubbish opens in %s: %v", name, err)
		}
	}
}

func TestWithoutModels(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := Kind().Open(t.Context(), metrics.Config{})
	var lacks *missing.Error
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "vtbench models pull") {
		t.Errorf("without models: %v", err)
	}
}

func BenchmarkDetect(b *testing.B) {
	for _, name := range engines {
		b.Run(name, func(b *testing.B) {
			m := &metric{engine: realEngine(b, name), gallery: gallery{}}
			img := portrait(b, m, "astronaut.png").Image
			b.SetBytes(int64(len(img.Pix)))
			for b.Loop() {
				if _, err := m.engine.Detect(b.Context(), img); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFace aligns and embeds one face.
func BenchmarkFace(b *testing.B) {
	for _, name := range engines {
		b.Run(name, func(b *testing.B) {
			m := &metric{engine: realEngine(b, name), gallery: gallery{}}
			ref := portrait(b, m, "astronaut.png")
			l := m.engine.layout
			s, _, err := model.FitSimilarity(ref.Instances[0].Points, l.Template[:])
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := m.engine.Embed(b.Context(), []pix.Image{model.Chip(ref.Image, s, l.Side)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Faces that look aside are scored up to a profile in which the far eye is hidden behind
// the nose: a stated rule, here on a head of five points that is turned.
func TestProfiles(t *testing.T) {
	l, err := model.FindLayout("dlib")
	if err != nil {
		t.Fatal(err)
	}
	// Eyes, nose and mouth of an average head, in distances of the eyes: x to the right, y
	// down, z towards the viewer.
	head := [][3]float64{{-.5, 0, 0}, {.5, 0, 0}, {0, .55, .5}, {-.4, 1, .1}, {.4, 1, .1}}
	for yaw := 0; yaw <= 180; yaw += 5 {
		s, c := math.Sincos(float64(yaw) * math.Pi / 180)
		in := datasets.Instance{ID: "face", Identity: "x", Box: image.Rect(200, 200, 400, 400)}
		for _, p := range head {
			in.Points = append(in.Points, datasets.Point{X: 300 + 70*(p[0]*c+p[2]*s), Y: 260 + 70*p[1]})
		}
		a := align(in, 600, 600, l, nil)
		t.Logf("turned by %d degrees: residual %.1f, %s", yaw, a.Residual, a.Drop)
		switch {
		case yaw <= 60 && !a.Scored():
			t.Errorf("turned by %d degrees: %s", yaw, a.Why)
		case yaw >= 95 && a.Drop != metrics.DropPoints:
			t.Errorf("turned by %d degrees, so that left is right, it is scored: %+v", yaw, a)
		}
	}
}

// Every reason for which a face is left out is in docs/faces.md.
func TestReasonsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/faces.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{
		metrics.DropOutside, metrics.DropIgnored, metrics.DropFailed, metrics.DropLoad, metrics.DropInfinite, metrics.DropUndefined,
		metrics.DropNotFound, metrics.DropPoints, metrics.DropBox, metrics.DropCut, datasets.LostOutside,
	} {
		if !strings.Contains(string(b), "| `"+reason+"` |") {
			t.Errorf("docs/faces.md has no line for %s", reason)
		}
	}
}
