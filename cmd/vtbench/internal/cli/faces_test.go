package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// upright are where an upright face has its points in a square of 250 pixels, about as
// Labeled Faces in the Wild cuts them out.
var upright = []datasets.Point{{X: 100, Y: 112}, {X: 150, Y: 112}, {X: 125, Y: 140}, {X: 105, Y: 166}, {X: 146, Y: 166}}

// sitters are two of the packaged portraits, one of each person.
var sitters = sync.OnceValues(func() (out []datasets.Item, err error) {
	set, err := portraits.New()
	if err != nil {
		return nil, err
	}
	for i := 0; len(out) < 2; i++ { // people take turns
		item, err := set.Load(context.Background(), i)
		if err != nil {
			return nil, err
		}
		if item.Instances[0].Box.Dx() >= 60 && i%2 == len(out) {
			out = append(out, item)
		}
	}
	return out, nil
})

// faceOf is a square of the given side with the face of one of the packaged portraits,
// its points where upright says; tinted so that no two are alike.
func faceOf(t testing.TB, n, side int) pix.Image {
	t.Helper()
	items, err := sitters()
	testenv.Need(t, err)
	item := items[n%2]
	s, _, err := model.FitSimilarity(item.Instances[0].Points, uprightAt(float64(side)/250, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	out := model.Chip(item.Image, s, side)
	for k := range out.Pix {
		out.Pix[k] = uint8(int(out.Pix[k]) * (256 - 9*((n/2*(k%3+1))%11)) / 256)
	}
	return out
}

func uprightAt(k, dx, dy float64) []datasets.Point {
	out := make([]datasets.Point, len(upright))
	for i, p := range upright {
		out[i] = datasets.Point{X: k*p.X + dx, Y: k*p.Y + dy}
	}
	return out
}

func putImage(t testing.TB, img pix.Image, elem ...string) {
	t.Helper()
	p := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := img.SavePNG(p); err != nil {
		t.Fatal(err)
	}
}

func putText(t testing.TB, content string, elem ...string) {
	t.Helper()
	p := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// faceRun runs the suite face on a data set and returns the rows of jpeg.
func faceRun(t *testing.T, spec, metricIDs string) (map[string]summary.Row, *record.Manifest) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	status, _, stderr := vtbench(t, "run", "--suite", "face", "--data", spec, "-r", "256", "-t", "jpeg:q=20", "-m", metricIDs, "-q", "--resamples", "100", "-o", dir)
	if status != ExitDone {
		t.Fatalf("%s: status %d: %s", spec, status, stderr)
	}
	r, err := summary.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]summary.Row{}
	for _, row := range r.Summary.Rows {
		if row.Tokenizer == "jpeg:q=20" && row.Bin == summary.BinAll {
			out[row.Metric] = row
		}
	}
	return out, &r.Manifest
}

// Labeled Faces in the Wild as it is laid out, with ten folds of pairs and as many people
// as a threshold at a false accept rate of 1 in 1,000 needs.
func TestLabeledFacesEndToEnd(t *testing.T) {
	testenv.Sequential(t)
	testenv.OpenCV(t)
	dir := filepath.Join(t.TempDir(), "lfw")
	const people = 46
	var pairs strings.Builder
	fmt.Fprintf(&pairs, "10\t1\n")
	for i := range people {
		who := fmt.Sprintf("Person_%02d", i)
		img := faceOf(t, i, 250)
		putImage(t, img, dir, who, who+"_0001.png")
		if i < 10 { // a second photograph, mirrored
			putImage(t, mirrored(img), dir, who, who+"_0002.png")
			fmt.Fprintf(&pairs, "%s\t1\t2\n%s\t1\tPerson_%02d\t1\n", who, who, i+11)
		}
	}
	putText(t, pairs.String(), dir, "pairs.txt")
	rows, m := faceRun(t, "lfw:"+dir, "f-sim-calibrated,face-pairs,face-tar,face-rank1")
	if r := rows["face-pairs"]; r.N != 10 || !(r.Mean >= 0 && r.Mean <= 1) || r.Clusters != 10 {
		t.Errorf("pairs: %+v, want those of ten first photographs", r)
	}
	for _, id := range []string{"f-sim-calibrated", "face-tar", "face-rank1"} {
		// These people are two, tinted: a threshold that parts them accepts nobody.
		if r := rows[id]; r.N != people+10 || r.Clusters != people || !(r.Mean > 0) && id != "face-tar" {
			t.Errorf("%s: %+v, want %d faces of %d people", id, r, people+10, people)
		}
	}
	if len(m.Remarks) == 0 || m.Remarks[0].Text != "56 faces of 46 people" {
		t.Errorf("remarks %+v", m.Remarks)
	}
}

func mirrored(m pix.Image) pix.Image {
	out := pix.New(m.W, m.H)
	for y := range m.H {
		for x := range m.W {
			copy(out.Row(y)[3*x:3*x+3], m.Row(y)[3*(m.W-1-x):])
		}
	}
	return out
}

// CelebA's aligned crops with the authors' lists, and FFHQ's cropped photographs with its
// JSON.
func TestCelebAAndFFHQEndToEnd(t *testing.T) {
	testenv.Sequential(t)
	testenv.OpenCV(t)
	root := t.TempDir()
	celeba, ffhq := filepath.Join(root, "celeba"), filepath.Join(root, "ffhq")
	landmarks := "4\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"
	identities := ""
	entries := map[string]any{}
	for i := range 4 {
		face := faceOf(t, i, 250)
		crop := face.Crop(image.Rect(36, 16, 36+178, 16+218))
		putImage(t, crop, celeba, "img_align_celeba", fmt.Sprintf("%06d.png", i+1))
		landmarks += fmt.Sprintf("%06d.jpg", i+1)
		for _, p := range uprightAt(1, -36, -16) {
			landmarks += fmt.Sprintf(" %.0f %.0f", p.X, p.Y)
		}
		landmarks += "\n"
		identities += fmt.Sprintf("%06d.jpg %d\n", i+1, 2880+i%2)

		putImage(t, face, ffhq, "images1024x1024", "00000", fmt.Sprintf("%05d.png", i))
		p := uprightAt(1024/250., 0, 0)
		marks := make([][2]float64, 68)
		for k := range marks {
			at := p[2]
			switch {
			case k >= 36 && k < 42:
				at = p[0]
			case k >= 42 && k < 48:
				at = p[1]
			case k == 48:
				at = p[3]
			case k == 54:
				at = p[4]
			case k < 17: // the jaw, so that the box is one of a face
				at = datasets.Point{X: 330 + 22*float64(k), Y: 480 + 330*(1-float64((k-8)*(k-8))/64)}
			}
			marks[k] = [2]float64{at.X, at.Y}
		}
		entries[fmt.Sprint(i)] = map[string]any{"image": map[string]any{"face_landmarks": marks}}
	}
	putText(t, landmarks, celeba, "list_landmarks_align_celeba.txt")
	putText(t, identities, celeba, "identity_CelebA.txt")
	b, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	putText(t, string(b), ffhq, "ffhq-dataset-v2.json")
	for spec, head := range map[string]string{"celeba:" + celeba: "4 faces of 2 people", "ffhq:" + ffhq: "4 faces, identities not stated"} {
		rows, m := faceRun(t, spec, "f-sim-calibrated,face-rank1,face-nme")
		if r := rows["f-sim-calibrated"]; r.N != 4 || !(r.Mean > .5) {
			t.Errorf("%s: %+v", spec, r)
		}
		if r := rows["face-rank1"]; r.N != 4 {
			t.Errorf("%s: %+v", spec, r)
		}
		if len(m.Remarks) == 0 || m.Remarks[0].Text != head {
			t.Errorf("%s: remarks %+v", spec, m.Remarks)
		}
	}
}

// faceSet is a set in COCO's JSON: a sound face, one with left and right exchanged, an
// image that is not there.
func faceSet(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var images, annotations []any
	for i, name := range []string{"sound.png", "exchanged.png", "gone.png"} {
		p := uprightAt(1, 0, 0)
		if i == 1 {
			p[0], p[1], p[3], p[4] = p[1], p[0], p[4], p[3]
		}
		if i < 2 {
			putImage(t, faceOf(t, i, 250), dir, name)
		}
		var k []float64
		for _, q := range p {
			k = append(k, q.X, q.Y, 2)
		}
		images = append(images, map[string]any{"id": i, "file_name": name, "width": 250, "height": 250})
		annotations = append(annotations, map[string]any{"id": i, "image_id": i, "keypoints": k, "bbox": []int{70, 60, 110, 130}})
	}
	b, err := json.Marshal(map[string]any{"images": images, "annotations": annotations})
	if err != nil {
		t.Fatal(err)
	}
	putText(t, string(b), dir, "faces.json")
	return "coco-face:" + dir
}

func TestFaces(t *testing.T) {
	testenv.OpenCV(t)
	spec := faceSet(t)
	t.Chdir(t.TempDir())
	status, stdout, stderr := vtbench(t, "faces", spec, "-t", "jpeg:q=20", "--sheet", "sheet.png", "--chips", "chips", "--format", "json")
	if status != ExitItemsFailed || !strings.Contains(stderr, "gone.png") {
		t.Errorf("status %d: %s", status, stderr)
	}
	var got []struct {
		Item, Points, Drop, Why, Chip string
		Inside                        float64
		Similar                       map[string]float64 `json:"f_sim_calibrated"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got) != 2 {
		t.Fatalf("%v: %s", err, stdout)
	}
	a, b := got[0], got[1]
	if a.Item != "sound.png" {
		a, b = b, a
	}
	if a.Drop != "" || a.Points != "labels" || a.Inside != 1 || !(a.Similar["jpeg:q=20"] > .5) || a.Chip != "sound_000.png" {
		t.Errorf("the sound face: %+v", a)
	}
	if b.Drop != "bad_points" || !strings.Contains(b.Why, "exchanged") || b.Similar != nil || b.Chip != "" {
		t.Errorf("the other: %+v", b)
	}
	if img, err := pix.Load("chips/sound_000.png"); err != nil || img.W != 150 {
		t.Errorf("the chip: %v, %d pixels", err, img.W)
	}
	if img, err := pix.Load("sheet.png"); err != nil || img.W < 500 {
		t.Errorf("the sheet: %v, %d pixels wide", err, img.W)
	}
	status, stdout, _ = vtbench(t, "faces", spec)
	if status != ExitItemsFailed || !strings.Contains(stdout, "2 faces, 1 of them scored\n1 with key points that make no face") {
		t.Errorf("status %d: %s", status, stdout)
	}
	for _, line := range [][]string{{"faces", spec, "--sheet", "sheet.png"}, {"faces", spec, "--chips", "chips"}, {"faces", spec, "--sheet", "x.jpg"}, {"faces", "nowhere:x"}} {
		if status, _, stderr := vtbench(t, line...); status != ExitUsage {
			t.Errorf("%v: status %d: %s", line, status, stderr)
		}
	}
}

// The bins of a data set of faces are those of the suite face, a bad image costs one cell
// of a sheet, and a run says which labels it refused and counts what failed alike
// everywhere.
func TestFacesInInfoSheetAndRun(t *testing.T) {
	testenv.OpenCV(t)
	spec := faceSet(t)
	t.Chdir(t.TempDir())
	status, stdout, stderr := vtbench(t, "datasets", "info", spec)
	if status != ExitItemsFailed || !strings.Contains(stdout, "bins of suite face") {
		t.Errorf("info: status %d: %s%s", status, stdout, stderr)
	}
	status, _, stderr = vtbench(t, "datasets", "sheet", spec, "sheet.png", "--boxes")
	if status != ExitItemsFailed || !strings.Contains(stderr, "gone.png") {
		t.Errorf("sheet: status %d: %s", status, stderr)
	}
	if img, err := pix.Load("sheet.png"); err != nil || img.W < 900 {
		t.Errorf("the sheet of three: %v, %d pixels wide", err, img.W)
	}
	status, stdout, stderr = vtbench(t, "run", "--suite", "face", "--data", spec, "-r", "256", "-t", "jpeg:q=20", "-t", "resize", "-q", "--resamples", "100", "-o", "run")
	if status != ExitItemsFailed {
		t.Errorf("run: status %d: %s", status, stderr)
	}
	for _, want := range []string{"1 face, identities not stated", "1 with key points that make no face", "1 could not be loaded", "exchanged.png, 000: left and right"} {
		if !strings.Contains(strings.Join(strings.Fields(stdout), " "), want) {
			t.Errorf("the table does not say %q:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "done, with 1 failure;") {
		t.Errorf("stderr: %s", stderr)
	}
	md, err := os.ReadFile("run/report.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(md), "Failed: 1 failure") {
		t.Errorf("the report counts otherwise:\n%s", md)
	}
}
