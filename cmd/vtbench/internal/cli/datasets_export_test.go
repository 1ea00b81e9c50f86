package cli

import (
	"encoding/json"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/pix"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

const damagedSuite = `id: damaged-pixels
version: 1
title: Pixels
question: How far are the pixels?
datasets: [text-default]
resolutions: [32, 48]
score_at: original
corruptions:
  - {type: gaussian_noise, severities: [1, 5]}
  - {type: frost, severities: [3]}
  - {type: token_random, severities: [2]}
metrics: [psnr, ssim, mae]
headline: [psnr]
worst: psnr
tokenizers: [resize]
`

// exportable is a folder of images of several shapes and names, one of them broken.
func exportable(t *testing.T, dir string) {
	t.Helper()
	photos(t, filepath.Join(dir, "a"), 2, true, 3)
	photos(t, filepath.Join(dir, "b"), 1, false, 90)
	m := noisy(61, 90)
	f, err := os.Create(filepath.Join(dir, "b", "a.jpg")) // beside b/a.png
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(f, m.RGBA(), nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func noisy(w, h int) pix.Image {
	m, state := pix.New(w, h), uint32(7)
	for i := range m.Pix {
		state = state*1664525 + 1013904223
		m.Pix[i] = uint8(i/3%w*3) + uint8(state>>28)
	}
	return m
}

// Reconstructions that were made elsewhere, from exported images, score as the adapter
// does, digit for digit, and exported images themselves as the way there and back.
func TestExportedImagesScoreAsTheAdapter(t *testing.T) {
	t.Chdir(t.TempDir())
	exportable(t, "photos")
	if err := os.WriteFile("s.yaml", []byte(damagedSuite), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "datasets", "export", "folder:photos", "todo", "--suite", "s.yaml", "--seed", "5", "--format", "json")
	if status != ExitItemsFailed || !strings.Contains(stderr, "z.png") {
		t.Fatalf("status %d, want %d for the broken image\n%s", status, ExitItemsFailed, stderr)
	}
	var m exported
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		t.Fatal(err)
	}
	// 4 images and a broken one, 2 sizes, clean and 3 damages; damaged tokens change no image.
	if m.Written != 4*2*4 || m.Failed != 1*2*4 {
		t.Errorf("%d written and %d failed, want 32 and 8", m.Written, m.Failed)
	}
	// The reconstruction elsewhere: knows nothing but files.
	ctx := t.Context()
	opened, err := openTokenizers(ctx, []tokenizerConfig{{Use: "jpeg:q=20"}}, alltok.Kinds(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tok := opened[0].Tokenizer
	n := 0
	for _, e := range exportLines(t, "todo") {
		if e.Error != "" {
			continue
		}
		n++
		in, err := pix.Load(filepath.Join("todo", e.File))
		if err != nil {
			t.Fatal(err)
		}
		if in.W != e.Resolution || in.H != e.Resolution {
			t.Errorf("%s is %d×%d", e.File, in.W, in.H)
		}
		rec, err := tok.Reconstruct(ctx, []pix.Image{in})
		if err != nil || rec[0].Err != nil {
			t.Fatal(err, rec[0].Err)
		}
		to := filepath.Join("done", e.File)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := rec[0].Image.SavePNG(to); err != nil {
			t.Fatal(err)
		}
	}
	if n != m.Written {
		t.Errorf("%d images are listed, %d written", n, m.Written)
	}
	status, out, stderr = vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:photos", "--seed", "5", "-o", "r",
		"-t", "jpeg:q=20", "-t", "elsewhere=folder:done", "-t", "resize", "-t", "untouched=folder:todo")
	if status != ExitItemsFailed {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	type key struct{ item, condition, metric string }
	values := map[string]map[key]record.Record{}
	for r, err := range record.Records("r") {
		if err != nil {
			t.Fatal(err)
		}
		name := r.Tokenizer
		if values[name] == nil {
			values[name] = map[key]record.Record{}
		}
		r.Tokenizer = ""
		values[name][key{r.Item, r.Condition, r.Metric}] = r
	}
	for elsewhere, adapter := range map[string]string{"elsewhere": "jpeg:q=20", "untouched": "resize"} {
		// 4 images, 2 sizes, 3 metrics: clean, and 3 damages against what was shown and
		// against the undamaged.
		if n := len(values[adapter]); n != 4*2*3*(1+2*3) {
			t.Errorf("%s has %d records", adapter, n)
		}
		if d := cmp.Diff(values[adapter], values[elsewhere]); d != "" {
			t.Errorf("%s (-) and %s (+) differ:\n%s", adapter, elsewhere, d)
		}
	}
	// What the table says is the same, too; behind the mean stand the rate, which files do
	// not have, and the difference from resize itself.
	mean := func(name string) string {
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == name {
				return f[1]
			}
		}
		t.Fatalf("no row %s in\n%s", name, out)
		return ""
	}
	if a, b := mean("resize"), mean("untouched"); a != b {
		t.Errorf("resize has %s, the exported images %s", a, b)
	}
	if a, b := mean("jpeg:q=20"), mean("elsewhere"); a != b {
		t.Errorf("jpeg:q=20 has %s, its files %s", a, b)
	}
}

func exportLines(t *testing.T, dir string) []exportedImage {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, exportImagesFile))
	if err != nil {
		t.Fatal(err)
	}
	var out []exportedImage
	for line := range strings.Lines(string(b)) {
		var e exportedImage
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// What cannot be exported is said before anything is written.
func TestExportRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "taken", 1, false, 0)
	photos(t, "photos", 1, false, 0)
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"folder:photos", "taken"}, "taken is not empty (a.png)"},
		{[]string{"folder:photos", "new", "--resolution", "0"}, "want the side of a square"},
		{[]string{"folder:photos", "new", "--limit", "-1"}, "--limit"},
		{[]string{"folder:nowhere", "new"}, "nowhere"},
		{[]string{"folder:photos", "new", "--suite", "robustnes"}, "robustness"},
		{[]string{"folder:photos"}, "want vtbench datasets export DATASET… DIR, but only"},
	} {
		status, _, stderr := vtbench(t, append([]string{"datasets", "export"}, tc.args...)...)
		if status != ExitUsage || !strings.Contains(stderr, tc.says) {
			t.Errorf("%v: status %d, %s", tc.args, status, stderr)
		}
		if _, err := os.Stat("new"); err == nil {
			t.Fatalf("%v left files", tc.args)
		}
	}
}
