package cli

import (
	"bytes"
	"encoding/json"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/score"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/pix"
)

// flat is an image of one value.
func flat(w, h int, v uint8) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = v
	}
	return m
}

func put(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func pngOf(t *testing.T, m pix.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := m.EncodePNG(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sideways is a JPEG whose EXIF orientation says that it is to be turned right.
func sideways(t *testing.T, m pix.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m.RGBA(), &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	exif := []byte("\xff\xe1\x00\x22Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00\x00")
	return slices.Concat(b.Bytes()[:2], exif, b.Bytes()[2:])
}

// What is in two folders decides what score measures, by names and contents, and what
// it leaves out is said in text and in JSON.
func TestScoreAnyonesFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "ref/a.png", pngOf(t, flat(32, 32, 100)))
	put(t, "dist/a.ppm", append([]byte("P6 32 32 255\n"), flat(32, 32, 104).Pix...))
	put(t, "ref/b.jfif", sideways(t, flat(40, 32, 50)))
	put(t, "dist/b.png", pngOf(t, flat(32, 40, 50)))
	put(t, "ref/c.png", append([]byte("P6 32 32 255\n"), flat(32, 32, 9).Pix...)) // no PNG, whatever its name
	put(t, "dist/c.png", pngOf(t, flat(32, 32, 13)))
	put(t, "dist/.ipynb_checkpoints/a-checkpoint.png", pngOf(t, flat(32, 32, 0)))
	put(t, "dist/notes.txt", nil)
	status, stdout, stderr := vtbench(t, "score", "ref", "dist", "-m", "mae", "--format", "json")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var got struct {
		scores
		LeftOut map[string]files.Omissions `json:"left_out"`
		Notes   []score.FileNote           `json:"notes"`
		Reader  string                     `json:"reader"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatal(err)
	}
	names := map[string]float64{}
	for _, p := range got.Pairs {
		names[p.Name] = float64(p.Metrics["mae"])
	}
	if len(names) != 3 || names["a.png"] != 4 || names["c.png"] != 4 || names["b.jfif"] > 1 {
		t.Errorf("pairs %v", names)
	}
	if l := got.LeftOut["dist"].String(); l != "1 hidden (.ipynb_checkpoints/); 1 no image by its name (notes.txt)" || len(got.LeftOut) != 1 {
		t.Errorf("left out: %v", got.LeftOut)
	}
	if len(got.Notes) != 1 || got.Notes[0].Note != pix.NoteTurned || got.Notes[0].Files != 1 || !strings.Contains(got.Reader, "orientation exif") {
		t.Errorf("notes %+v, reader %q", got.Notes, got.Reader)
	}
	for _, want := range []string{"dist: left out: 1 hidden", "turned upright by its EXIF orientation (1 files, "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr does not say %q:\n%s", want, stderr)
		}
	}
	// As they are stored, the sideways pair has two sizes.
	if status, _, stderr = vtbench(t, "score", "ref", "dist", "-m", "mae", "--orientation", "stored"); status != ExitItemsFailed || !strings.Contains(stderr, "40×32") {
		t.Errorf("stored: status %d: %s", status, stderr)
	}
	// One file for two references is nobody's.
	put(t, "ref2/x/a.png", pngOf(t, flat(32, 32, 1)))
	put(t, "ref2/y/a.png", pngOf(t, flat(32, 32, 2)))
	put(t, "dist2/a.png", pngOf(t, flat(32, 32, 1)))
	if status, _, stderr = vtbench(t, "score", "ref2", "dist2"); status != ExitUsage || !strings.Contains(stderr, "x/a.png") || !strings.Contains(stderr, "y/a.png") {
		t.Errorf("ambiguous: status %d: %s", status, stderr)
	}
	// Nor does a run begin with it.
	put(t, "s.yaml", []byte(suiteFile))
	if status, _, stderr = vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:ref2", "-t", "mine=folder:dist2", "-r", "32", "-o", "run"); status != ExitUsage || !strings.Contains(stderr, "x/a.png") || !strings.Contains(stderr, "y/a.png") {
		t.Errorf("ambiguous run: status %d: %s", status, stderr)
	}
	if _, err := os.Stat("run"); err == nil {
		t.Error("an ambiguous run left a directory")
	}
}

// The manifest says how images were read, what was left out, and the summary what was
// assumed; the other way of reading is another data set.
func TestRunAnyonesFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "in/a.jpg", sideways(t, flat(40, 32, 50)))
	put(t, "in/b.png", pngOf(t, flat(32, 32, 9)))
	put(t, "in/.hidden.png", nil)
	put(t, "s.yaml", []byte(suiteFile))
	digests := map[string]bool{}
	for _, data := range []string{"folder:in", "folder:in,orientation=stored"} {
		dir := "run" + filepath.Ext(strings.ReplaceAll(data, "=", "."))
		if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", data, "-t", "png", "-r", "32", "-o", dir); status != ExitDone || !strings.Contains(stderr, "left out: 1 hidden (.hidden.png)") {
			t.Fatalf("%s: status %d: %s", data, status, stderr)
		}
		var m struct {
			Datasets []struct {
				Info    struct{ Digest, Reader string }
				LeftOut files.Omissions `json:"left_out"`
			}
		}
		b, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		d := m.Datasets[0]
		digests[d.Info.Digest] = true
		if d.LeftOut.String() != "1 hidden (.hidden.png)" || !strings.Contains(d.Info.Reader, map[bool]string{true: "stored", false: "exif"}[strings.HasSuffix(data, "stored")]) {
			t.Errorf("%s: %+v", data, d)
		}
		sum, err := os.ReadFile(filepath.Join(dir, "summary.json"))
		if err != nil || !strings.Contains(string(sum), "EXIF orientation") {
			t.Errorf("%s: the summary does not tell of the orientation (%v)", data, err)
		}
	}
	if len(digests) != 2 {
		t.Error("upright and stored images have one digest")
	}
}

// What a folder of reconstructions holds beside them is said, and stands in the manifest;
// so is what a data set leaves out.
func TestLeftOutOfFoldersIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"in", "recon"} {
		photos(t, dir, 2, false, 0)
		if err := os.WriteFile(filepath.Join(dir, "notes.txt"), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:in", "-t", "mine=folder:recon,scaled_back=true", "-o", "r", "--resamples", "100")
	if status != ExitDone || !strings.Contains(stderr, "tokenizer mine: left out: ") || !strings.Contains(stderr, "data set folder:in: left out: ") {
		t.Errorf("status %d\n%s", status, stderr)
	}
	var m record.Manifest
	if err := record.ReadJSON(filepath.Join("r", record.ManifestFile), &m); err != nil {
		t.Fatal(err)
	}
	if tok, ok := m.Token("mine"); !ok || len(tok.LeftOut) == 0 || len(m.Datasets[0].LeftOut) == 0 {
		t.Errorf("the manifest says nothing of notes.txt: %+v, %+v", tok.LeftOut, m.Datasets[0].LeftOut)
	}
	for _, format := range []string{"table", "json"} {
		if status, stdout, stderr := vtbench(t, "datasets", "info", "folder:in", "--format", format); status != ExitDone || !strings.Contains(stdout, "notes.txt") {
			t.Errorf("datasets info, %s: status %d\n%s%s", format, status, stdout, stderr)
		}
	}
}

// `datasets info` says which labels are lost and why, and ends with 4 where an item cannot
// be loaded, in both formats.
func TestInfoCountsLostLabels(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "set/images/img_1.png", pngOf(t, flat(100, 80, 90)))
	put(t, "set/gt/gt_img_1.txt", []byte("10,10,60,10,60,30,10,30,GOOD\n5,5,x,5,5,9,9,9,BAD\n20,40,20,40,20,40,20,40,FLAT\n"))
	for _, format := range []string{"table", "json"} {
		status, stdout, stderr := vtbench(t, "datasets", "info", "icdar:set", "--format", format)
		said := stderr
		if format == "json" {
			said = stdout
		}
		if status != ExitDone || !strings.Contains(said, "gt_img_1.txt:2") || !strings.Contains(said, "gt_img_1.txt:3") {
			t.Errorf("%s: status %d\n%s\n%s", format, status, stdout, stderr)
		}
	}
	put(t, "set/images/img_2.png", []byte("\x89PNG\r\n\x1a\n broken"))
	put(t, "set/gt/gt_img_2.txt", []byte("10,10,60,10,60,30,10,30,LOST\n"))
	for _, format := range []string{"table", "json"} {
		if status, _, stderr := vtbench(t, "datasets", "info", "icdar:set", "--format", format); status != ExitItemsFailed {
			t.Errorf("%s with a broken image: status %d\n%s", format, status, stderr)
		}
	}
}
