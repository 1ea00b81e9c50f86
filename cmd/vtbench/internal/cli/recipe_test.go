package cli

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/recipe"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

const (
	meanModel  = "../../../../metrics/network/testdata/mean.onnx"
	meanDigest = "a5209fe354d439461c2db0268d38c182336c94b47e9010c31ae63fb50e574d3e"
	recipeN    = 24
)

// drawn is image i of testdata/rfid.py.
func drawn(i int) pix.Image {
	m := pix.New(40+i%7, 36+i%5)
	for y := range m.H {
		for x := range m.W {
			for c := range 3 {
				m.Pix[3*(y*m.W+x)+c] = uint8((x*(3+c+i%4) + y*(5+i%3) + i*(11+20*c)) % 256 * (9 + (i*(3+2*c))%24) / 40)
			}
		}
	}
	return m
}

// recipeFiles writes a recipe with its references and a set to compare with them.
func recipeFiles(t *testing.T, crop string) (file, ref, got string) {
	t.Helper()
	dir := t.TempDir()
	ref, got = filepath.Join(dir, "ref"), filepath.Join(dir, "got")
	model, err := filepath.Abs(meanModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{ref, got} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i := range recipeN {
		if err := drawn(i).SavePNG(filepath.Join(ref, fmt.Sprintf("%02d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	d, err := folder.Open(t.Context(), ref, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "r.yaml")
	text := fmt.Sprintf(`recipe: 1
name: drawn
reference: {dataset: "folder:%s", digest: %s, n: %d}
crop: %s
resize: {side: 32, filter: bicubic, antialias: true}
extractor: {model: "%s", name: mean colour, sha256: %s, side: 16, filter: bilinear, antialias: true, range: -1..1}
metrics: [fid, kid, cmmd, precision, recall, density, coverage]
kid: {subset: %d}
`, ref, d.Info().Digest, recipeN, crop, model, meanDigest, recipeN)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range recipeN {
		m, err := r.Image(drawn(i))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range m.Pix {
			m.Pix[k] = v&0xc0 | 32
		}
		if err := m.SavePNG(filepath.Join(got, fmt.Sprintf("x%02d.png", i))); err != nil {
			t.Fatal(err)
		}
	}
	return file, ref, got
}

// Every number of a recipe is that of other packages that go the same way: Pillow, scipy,
// prdc (testdata/rfid.py). Features are float32 here.
func TestRecipeIsOtherPackages(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", t.TempDir())
	b, err := os.ReadFile("testdata/rfid.json")
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]map[string]float64
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	for crop, want := range table {
		file, ref, got := recipeFiles(t, crop)
		args := []string{"score", "--recipe", file, "folder:" + ref, got, "--format", "json"}
		for _, from := range []string{"measured", "cached"} {
			status, stdout, stderr := vtbench(t, args...)
			var out recipeScore
			if err := json.Unmarshal([]byte(stdout), &out); err != nil || status != ExitDone {
				t.Fatalf("status %d, %v: %s", status, err, stderr)
			}
			if out.References != from || len(out.Sets) != len(want) {
				t.Errorf("%s: references %s, want %s; %d values", crop, out.References, from, len(out.Sets))
			}
			for _, s := range out.Sets {
				if w := want[s.Metric]; math.Abs(float64(s.Value)-w) > 1e-5*math.Abs(w)+1e-9 || s.Error != "" {
					t.Errorf("%s: %s is %v, the other package has %v %s", crop, s.Metric, s.Value, w, s.Error)
				}
			}
			if err := os.RemoveAll(ref); err != nil { // the cached references need no images
				t.Fatal(err)
			}
			args = []string{"score", "--recipe", file, got, "--format", "json"}
		}
	}
}

func refDigest(t *testing.T, dir string) string {
	t.Helper()
	d, err := folder.Open(t.Context(), dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d.Info().Digest
}

// Whatever does not fit a recipe is refused, with both sides of it.
func TestRecipeMismatches(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", "off")
	file, ref, got := recipeFiles(t, "center")
	changed := func(old, with string) string {
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), old) {
			t.Fatalf("%q is not in the recipe, %v", old, err)
		}
		other := filepath.Join(t.TempDir(), "r.yaml")
		if err := os.WriteFile(other, []byte(strings.Replace(string(b), old, with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return other
	}
	few := filepath.Join(t.TempDir(), "few")
	if err := os.MkdirAll(few, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := drawn(0).SavePNG(filepath.Join(few, "a.png")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"other references": {[]string{"score", "--recipe", file, few, got}, []string{"reference.digest is ", "that of folder"}},
		"other pixels":     {[]string{"score", "--recipe", file, ref, ref}, []string{".png: it is ", "recipe drawn compares images of 32×32 (resize.side)"}},
		"fewer images":     {[]string{"score", "--recipe", file, ref, few}, []string{"reference.n is 24", "has 1 images"}},
		"more references":  {[]string{"score", "--recipe", changed("n: 24", "n: 25"), ref, got}, []string{"reference.n is 25", "has 24"}},
		"another network":  {[]string{"score", "--recipe", changed("sha256: a5", "sha256: b5"), ref, got}, []string{"it is another file"}},
		"no digest":        {[]string{"score", "--recipe", changed("digest: "+refDigest(t, ref)+", ", ""), ref, got}, []string{"reference.digest is missing; that of " + ref + " is " + refDigest(t, ref)}},
		"an option":        {[]string{"score", "--recipe", file, ref, got, "--option", "feature.side=8"}, []string{"--option feature.side=8: recipe drawn says 16"}},
		"another option":   {[]string{"score", "--recipe", file, ref, got, "--option", "feature.mean=1:2:3"}, []string{"recipe drawn says what images are given"}},
		"metrics":          {[]string{"score", "--recipe", file, ref, got, "-m", "fid"}, []string{"stand in the recipe"}},
		"unknown field":    {[]string{"score", "--recipe", changed("crop:", "corp:"), ref, got}, []string{`r.yaml:4:1: unknown field "corp", did you mean "crop"?`}},
		"a crop":           {[]string{"score", "--recipe", changed("crop: center", "crop: middle"), ref, got}, []string{"r.yaml:4:7: crop: is \"middle\""}},
		"a metric":         {[]string{"score", "--recipe", changed("[fid,", "[psnr,"), ref, got}, []string{"psnr compares two images"}},
		"a filter":         {[]string{"score", "--recipe", changed("filter: bicubic, antialias: true", "filter: lanczos, antialias: false"), ref, got}, []string{"lanczos without antialias has no agreed meaning"}},
		"no references":    {[]string{"score", "--recipe", changed(`dataset: "folder:`+ref+`", `, ""), got}, []string{"where are the references of recipe drawn?"}},
		"run, limit":       {[]string{"run", "--recipe", file, "--limit", "3"}, []string{"--limit: recipe drawn says how many"}},
		"run, suite":       {[]string{"run", "--recipe", file, "--suite", "text"}, []string{"leave out --suite"}},
		"run, seed":        {[]string{"run", "--recipe", file, "--seed", "9"}, []string{"--seed 9: recipe drawn says 1"}},
		"run, other data":  {[]string{"run", "--recipe", file, "--data", "folder:" + few, "-o", filepath.Join(t.TempDir(), "x")}, []string{"reference.digest is "}},
	} {
		status, _, stderr := vtbench(t, tc.args...)
		for _, w := range tc.want {
			if status != ExitUsage || !strings.Contains(stderr, w) {
				t.Errorf("%s: status %d, want %q in %s", name, status, w, stderr)
			}
		}
	}
}

// With --strict a set of which anything is left out or cannot be read is refused before
// anything is measured.
func TestStrictRecipe(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", t.TempDir())
	file, _, got := recipeFiles(t, "center")
	if status, _, stderr := vtbench(t, "score", "--recipe", file, got, "--strict"); status != ExitDone {
		t.Fatalf("a whole set: status %d: %s", status, stderr)
	}
	if err := os.WriteFile(filepath.Join(got, "x05.png"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := vtbench(t, "score", "--recipe", file, got, "--strict")
	if status != ExitUsage || !strings.Contains(stderr, "x05") || !strings.Contains(stderr, "--strict: 1 part") {
		t.Errorf("a torn image: status %d: %s", status, stderr)
	}
}

// A run by a recipe sees the prepared references, tells the recipe in its manifest, and
// gives the untouched original the distance 0; without an image it has no value.
func TestRunByRecipe(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", "off")
	file, ref, _ := recipeFiles(t, "center")
	out := filepath.Join(t.TempDir(), "run")
	status, _, stderr := vtbench(t, "run", "--recipe", file, "-t", "jpeg:q=20", "-o", out)
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var m struct {
		Provenance map[string]string
		Datasets   []struct{ Items int }
		Suite      struct{ Resolutions []int }
	}
	b, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	r, errR := recipe.Load(file)
	if err != nil || errR != nil || m.Provenance["feature.recipe"] != r.Title() || m.Datasets[0].Items != recipeN || m.Suite.Resolutions[0] != 32 {
		t.Errorf("%+v, %v, %v", m, err, errR)
	}
	var s struct {
		Rows []struct {
			Tokenizer, Metric string
			Mean              float64
		}
	}
	if b, err = os.ReadFile(filepath.Join(out, "summary.json")); err == nil {
		err = json.Unmarshal(b, &s)
	}
	fid := map[string]float64{}
	for _, row := range s.Rows {
		if row.Metric == "fid" {
			fid[row.Tokenizer] = row.Mean
		}
	}
	if err != nil || math.Abs(fid["original"]) > 1e-12 || !(fid["jpeg:q=20"] > 1e-9) {
		t.Errorf("FID %v, %v", fid, err)
	}
	// A reference that cannot be decoded: 23 images are not what the recipe is about.
	if err := os.WriteFile(filepath.Join(ref, "07.png"), []byte("\x89PNG\r\n\x1a\nbroken"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := folder.Open(t.Context(), ref, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), r.Reference.Digest, d.Info().Digest, 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr = vtbench(t, "run", "--recipe", file, "-t", "jpeg:q=20", "-o", out+"2")
	if status != ExitItemsFailed || !strings.Contains(stderr, "23 references and 23 images, the recipe is about 24 of each") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// The recipe in the examples reads, and says all that is needed.
func TestExampleRecipe(t *testing.T) {
	r, err := loadRecipe("../../../../examples/rfid/imagenet-256.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Reference.N != 50000 || r.Resize.Side != 256 {
		t.Errorf("%+v", r)
	}
}

// filmRecipe writes a recipe of windows of four frames, its references (folders of frames)
// and what became of them.
func filmRecipe(t *testing.T, frames int) (file, ref, got string) {
	t.Helper()
	dir := t.TempDir()
	ref, got = filepath.Join(dir, "ref"), filepath.Join(dir, "got")
	for i := range 5 {
		for _, d := range []string{ref, got} {
			clip := filepath.Join(d, fmt.Sprintf("c%d", i))
			if err := os.MkdirAll(clip, 0o700); err != nil {
				t.Fatal(err)
			}
			for k := range frames {
				m := pix.New(32, 32)
				for p := range m.Pix {
					m.Pix[p] = uint8(30*i + 7*k + p%3*(i*k%5+9))
					if d == got {
						m.Pix[p] = m.Pix[p]&0xe0 | 16
					}
				}
				if err := m.SavePNG(filepath.Join(clip, fmt.Sprintf("%02d.png", k))); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	set, err := video.Open(t.Context(), ref, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	model, err := filepath.Abs("../../../../metrics/network/testdata/four.onnx")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "f.yaml")
	text := fmt.Sprintf(`recipe: 1
name: films
reference: {dataset: "video:%s", digest: %s, n: 10}
window: 4
crop: center
resize: {side: 32, filter: bicubic, antialias: true}
extractor: {model: "%s", name: means, sha256: %x, layout: ntchw, side: 16, filter: bilinear, antialias: false, range: -1..1}
metrics: [fvd, kvd]
kid: {subset: 10}
`, ref, set.Info().Digest, model, sha256.Sum256(b))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, ref, got
}

// A recipe of films gives the same number by score, from measured and from cached references,
// and by a run whose tokenizer gives back what score was given.
func TestFilmRecipe(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", t.TempDir())
	file, _, got := filmRecipe(t, 8)
	values := map[string]float64{}
	for _, from := range []string{"measured", "cached"} {
		status, stdout, stderr := vtbench(t, "score", "--recipe", file, got, "--format", "json")
		var out recipeScore
		if err := json.Unmarshal([]byte(stdout), &out); err != nil || status != ExitDone || out.References != from || len(out.Sets) != 2 {
			t.Fatalf("status %d, %v, %s: %s", status, err, stdout, stderr)
		}
		for _, s := range out.Sets {
			if s.N != 10 || s.ReferenceN != 10 || s.Error != "" || values[s.Metric] != 0 && values[s.Metric] != float64(s.Value) || s.Value == 0 {
				t.Errorf("references %s: %+v, before %v", from, s, values)
			}
			values[s.Metric] = float64(s.Value)
		}
	}
	out := filepath.Join(t.TempDir(), "run")
	status, _, stderr := vtbench(t, "run", "--recipe", file, "-t", "folder:"+got, "-o", out)
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var s struct {
		Rows []struct {
			Tokenizer, Metric string
			Mean              float64
		}
	}
	b, err := os.ReadFile(filepath.Join(out, "summary.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	seen := 0
	for _, row := range s.Rows {
		want, ok := values[row.Metric]
		switch {
		case !ok:
			continue
		case row.Tokenizer == "original":
			// KVD is unbiased, so 0 is not its value for equal sets.
			if row.Metric == "fvd" && math.Abs(row.Mean) > 1e-9 {
				t.Errorf("%s of the original: %v", row.Metric, row.Mean)
			}
		case row.Tokenizer != "resize":
			seen++
			if math.Abs(row.Mean-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s of %s in a run is %v, by score %v", row.Metric, row.Tokenizer, row.Mean, want)
			}
		}
	}
	if err != nil || seen != 2 {
		t.Errorf("%d values of the run, %v", seen, err)
	}
}

// What does not fit a recipe of films is refused, with both sides of it.
func TestFilmRecipeMismatches(t *testing.T) {
	_, err := ort.Find("")
	testenv.Need(t, err)
	t.Setenv("VTBENCH_CACHE", "off")
	file, _, got := filmRecipe(t, 8)
	odd, _, gotOdd := filmRecipe(t, 7)
	changed := func(old, with string) string {
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), old) {
			t.Fatalf("%q is not in the recipe, %v", old, err)
		}
		other := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(other, []byte(strings.Replace(string(b), old, with, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		return other
	}
	for name, tc := range map[string]struct{ args, want []string }{
		"a rest of a window":     {[]string{"score", "--recipe", file, gotOdd}, []string{"clip c0 of ", "has 7 frames, no multiple of the 4 of a window", "frames=4"}},
		"a rest of a reference":  {[]string{"run", "--recipe", odd, "-o", filepath.Join(t.TempDir(), "x")}, []string{"clip c0 of ", "no multiple of the 4"}},
		"fewer windows":          {[]string{"score", "--recipe", changed("n: 10", "n: 12"), got}, []string{"reference.n is 12", "has 10 windows"}},
		"single images":          {[]string{"score", "--recipe", file, "folder:" + got}, []string{"windows of 4 frames", "single images"}},
		"another length":         {[]string{"score", "--recipe", changed("window: 4", "window: 8"), got}, []string{"reference.n is 10", "has 5 windows"}},
		"metrics of images":      {[]string{"score", "--recipe", changed("[fvd,", "[fid,"), got}, []string{"fid compares images, and window makes it a recipe of films"}},
		"no window":              {[]string{"score", "--recipe", changed("window: 4\n", ""), got}, []string{"extractor.layout: is ntchw, which is of windows"}},
		"an option":              {[]string{"score", "--recipe", file, got, "--option", "fvd.side=8"}, []string{"--option fvd.side=8: recipe films says 16"}},
		"run with other windows": {[]string{"run", "--recipe", file, "--window", "8"}, []string{"--window: recipe films says"}},
	} {
		status, _, stderr := vtbench(t, tc.args...)
		for _, w := range tc.want {
			if status != ExitUsage || !strings.Contains(stderr, w) {
				t.Errorf("%s: status %d, want %q in %s", name, status, w, stderr)
			}
		}
	}
}
