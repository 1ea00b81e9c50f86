package recipe_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/recipe"
	"github.com/vtbench/vtbench/pix"
)

const sound = `recipe: 1
name: mine
reference: {dataset: "folder:ref", digest: 1111111111111111111111111111111111111111111111111111111111111111, n: 50}
crop: center
resize: {side: 64, filter: bicubic, antialias: true}
extractor: {model: a.onnx, name: a, sha256: 2222222222222222222222222222222222222222222222222222222222222222, side: 32, filter: bilinear, antialias: false, range: -1..1, mean: "1:2:3", std: "1:1:2"}
metrics: [fid, kid]
kid: {subset: 20}
seed: 3
`

// soundDigest is that of the release before films.
const soundDigest = "2103f18deca7f31eb901e500d48e845c72c7d771706e1d9eebf1f0ce91a42a2d"

func load(t *testing.T, text string) (*recipe.Recipe, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "r.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return recipe.Load(file)
}

// The digest is of all that changes a number, and of nothing else.
func TestDigest(t *testing.T) {
	r, err := load(t, sound)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{r.Digest(): "the recipe itself"}
	for old, with := range map[string]string{
		"digest: 1": "digest: 3", "n: 50": "n: 51", "crop: center": "crop: shorter-side", "side: 64": "side: 65", "filter: bicubic": "filter: box", "antialias: true": "antialias: false",
		"sha256: 2": "sha256: 4", "side: 32": "side: 33", "filter: bilinear": "filter: bicubic", "antialias: false": "antialias: true", "range: -1..1": "range: 0..1",
		`"1:2:3"`: `"1:2:4"`, `"1:1:2"`: `"1:1:3"`, "[fid, kid]": "[fid]", "subset: 20": "subset: 21", "seed: 3": "seed: 4",
	} {
		o, err := load(t, strings.Replace(sound, old, with, 1))
		if err != nil {
			t.Fatalf("%s: %v", with, err)
		}
		if other := seen[o.Digest()]; other != "" {
			t.Errorf("%s has the digest of %s", with, other)
		}
		seen[o.Digest()] = with
	}
	for old, with := range map[string]string{"name: mine": "name: other", "folder:ref": "folder:elsewhere", "a.onnx": "b.onnx", "name: a,": "name: b,"} {
		if o, err := load(t, strings.Replace(sound, old, with, 1)); err != nil || o.Digest() != r.Digest() {
			t.Errorf("%s changes the digest, or fails: %v", with, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	for old, with := range map[string][2]string{
		"recipe: 1":          {"recipe: 2", "r.yaml:1:9: recipe: is 2"},
		"name: mine":         {`name: ""`, "name: is missing"},
		"n: 50":              {"n: 1", "reference.n: is 1"},
		"digest: 1":          {"digest: x", "reference.digest"},
		"crop: center":       {"crop: none", "resize.side makes squares"},
		"side: 64":           {"side: 9999", "resize.side: is 9999"},
		"filter: bicubic, ":  {"", "resize.filter: is missing"},
		", antialias: true":  {"", "resize.antialias: is missing"},
		"filter: bilinear":   {"filter: sinc", `extractor.filter: filter "sinc"`},
		"sha256: 2":          {"sha256: x", "extractor.sha256"},
		"metrics: [fid, kid": {"metrics: [", "metrics: is empty"},
		"subset: 20":         {"subset: 1", "kid.subset: is 1"},
		"seed: 3":            {"window: 257", "window: is 257"},
		"side: 32":           {"side: 32, layout: ncthw", "extractor.layout: is ncthw, which is of windows"},
	} {
		if _, err := load(t, strings.Replace(sound, old, with[0], 1)); err == nil || !strings.Contains(err.Error(), with[1]) {
			t.Errorf("%s: error %v, want one with %q", with[0], err, with[1])
		}
	}
}

// The window and the layout are conditions too, and images keep the digests that they had.
func TestFilmDigest(t *testing.T) {
	image, err := load(t, sound)
	if err != nil {
		t.Fatal(err)
	}
	if d := image.Digest(); d != soundDigest {
		t.Errorf("the digest of a recipe of images is %s, was %s", d, soundDigest)
	}
	seen := map[string]string{image.Digest(): "images"}
	for _, more := range []string{"window: 16", "window: 8", "window: 16 "} {
		for _, layout := range []string{"", "layout: ntchw, "} {
			r, err := load(t, strings.Replace(sound, "side: 32", layout+"side: 32", 1)+more+"\n")
			if err != nil {
				t.Fatal(err)
			}
			key := strings.TrimSpace(more) + layout
			if other, ok := seen[r.Digest()]; ok != strings.HasSuffix(more, " ") || ok && other != key {
				t.Errorf("%s has the digest of %q", key, other)
			}
			seen[r.Digest()] = key
			if o := r.Options(); o["fvd.n"] != "50" || o["fvd.side"] != "32" || o["kvd.subset"] != "20" || o["fvd.layout"] == "" || o["feature.n"] != "" {
				t.Errorf("options %v", o)
			}
		}
	}
}

// Sizes of crops: the middle, halves to even as Python rounds them.
func TestImage(t *testing.T) {
	for crop, sizes := range map[string][][2]int{"center": {{64, 64}, {90, 40}, {41, 90}}, "shorter-side": {{64, 64}, {90, 40}, {41, 90}, {65, 64}}} {
		r, err := load(t, strings.Replace(sound, "crop: center", "crop: "+crop, 1))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sizes {
			m, err := r.Image(pix.New(s[0], s[1]))
			if err != nil || m.W != 64 || m.H != 64 || r.Fits(m) != nil {
				t.Errorf("%s of %v: %d×%d, %v", crop, s, m.W, m.H, err)
			}
		}
	}
}
