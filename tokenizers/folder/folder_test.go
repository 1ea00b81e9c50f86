package folder

import (
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// grey is an image that is recognised by its level.
func grey(w, h int, level uint8) pix.Image {
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = level
	}
	return m
}

// save writes an image by its extension.
func save(t *testing.T, m pix.Image, elem ...string) {
	t.Helper()
	file := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	switch filepath.Ext(file) {
	case ".jpg", ".JPG":
		err = jpeg.Encode(f, m.RGBA(), nil)
	case ".bmp":
		err = bmp.Encode(f, m.RGBA())
	default:
		err = m.EncodePNG(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func mustOpen(t *testing.T, dir string) *Tokenizer {
	t.Helper()
	tok, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestLayouts(t *testing.T) {
	ref := tokenizers.ItemRef{Dataset: "ic15", Item: "img_1", Condition: "clean", Resolution: 32, W: 40, H: 20}
	with := func(f func(*tokenizers.ItemRef)) tokenizers.ItemRef { r := ref; f(&r); return r }
	for _, c := range []struct {
		name  string
		files map[string]uint8 // path to level
		ref   tokenizers.ItemRef
		want  uint8
	}{
		{"flat", map[string]uint8{"img_1.png": 1}, ref, 1},
		{"flat, JPEG", map[string]uint8{"img_1.JPG": 9}, ref, 9},
		{"flat, BMP", map[string]uint8{"img_1.bmp": 7}, ref, 7},
		{"item with extension", map[string]uint8{"img_1.png": 1}, with(func(r *tokenizers.ItemRef) { r.Item = "img_1.jpg" }), 1},
		{"item in a folder, flat on disk", map[string]uint8{"img_1.png": 1}, with(func(r *tokenizers.ItemRef) { r.Item = "images/img_1.jpg" }), 1},
		{"item in a folder, so on disk", map[string]uint8{"a/img_1.png": 1, "b/img_1.png": 2}, with(func(r *tokenizers.ItemRef) { r.Item = "b/img_1" }), 2},
		{"dots in names", map[string]uint8{"v1.2.png": 1, "v1.3.png": 2}, with(func(r *tokenizers.ItemRef) { r.Item = "v1.3" }), 2},
		{"set and side", map[string]uint8{"ic15_32/img_1.png": 1, "ic15_64/img_1.png": 2, "ic13_32/img_1.png": 3}, ref, 1},
		{"TokBench", map[string]uint8{"text_data/ic15_32/img_1.png": 1, "text_data/ic15_64/img_1.png": 2}, ref, 1},
		{"TokBench faces", map[string]uint8{"face_data/wflw_32/x/img_1.png": 4}, with(func(r *tokenizers.ItemRef) { r.Dataset, r.Item = "wflw", "x/img_1" }), 4},
		{"set, then side", map[string]uint8{"ic15/32/img_1.png": 5, "ic15/64/img_1.png": 6}, ref, 5},
		{"side alone", map[string]uint8{"32/img_1.png": 5, "64/img_1.png": 6}, ref, 5},
		{"set alone", map[string]uint8{"ic15/img_1.png": 5, "ic13/img_1.png": 6}, ref, 5},
		{"dataset with a path", map[string]uint8{"ic15-sample_32/img_1.png": 5}, with(func(r *tokenizers.ItemRef) { r.Dataset = "icdar:../data/ic15-sample/" }), 5},
		{"condition", map[string]uint8{"img_1.png": 1, "fog/3/img_1.png": 8}, with(func(r *tokenizers.ItemRef) { r.Condition = "fog/3" }), 8},
		{"condition, flat name", map[string]uint8{"img_1.png": 1, "fog_3/img_1.png": 8, "fog_4/img_1.png": 9}, with(func(r *tokenizers.ItemRef) { r.Condition = "fog/3" }), 8},
		{"numbered folders that are no sides", map[string]uint8{"batch_32/img_1.png": 3, "batch_64/img_2.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "batch_32/img_1" }), 3},
		{"items in a folder named by a side", map[string]uint8{"32/img_1.png": 3, "64/img_1.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "64/img_1.png" }), 4},
		{"items in a folder named by this side", map[string]uint8{"32/img_1.png": 3, "64/img_1.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "32/img_1.jpg" }), 3},
		{"items in a folder named by a number", map[string]uint8{"10/img_1.png": 3, "11/img_1.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "10/img_1.png" }), 3},
		{"a side, then items in a folder named by it", map[string]uint8{"32/32/img_1.png": 3, "64/32/img_1.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "32/img_1.png" }), 3},
		{"an extension behind the extension", map[string]uint8{"img_1.jpg.png": 3, "img_1.bmp.png": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "img_1.jpg" }), 3},
		{"an exact name", map[string]uint8{"img_1.png": 3, "img_1.bmp": 4}, with(func(r *tokenizers.ItemRef) { r.Item = "img_1.png" }), 3},
		{"not fitted", map[string]uint8{"img_1.png": 3}, with(func(r *tokenizers.ItemRef) { r.Resolution = 0 }), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for f, level := range c.files {
				save(t, grey(32, 32, level), dir, f)
			}
			out, err := mustOpen(t, dir).ReconstructItems(t.Context(), []tokenizers.ItemRef{c.ref}, []pix.Image{grey(32, 32, 0)})
			if err != nil || out[0].Err != nil {
				t.Fatal(err, out[0].Err)
			}
			if got := out[0].Image.Pix[0]; got != c.want {
				t.Errorf("got the image of level %d, want %d", got, c.want)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	dir := t.TempDir()
	save(t, grey(32, 32, 1), dir, "as-given.png")
	save(t, grey(40, 20, 2), dir, "as-original.png")
	save(t, grey(31, 32, 3), dir, "wrong.png")
	if err := os.WriteFile(filepath.Join(dir, "broken.png"), []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	var refs []tokenizers.ItemRef
	var in []pix.Image
	for _, name := range []string{"as-given", "as-original", "wrong", "broken", "as_given"} {
		refs = append(refs, tokenizers.ItemRef{Dataset: "set", Item: name, Condition: "clean", Resolution: 32, W: 40, H: 20})
		in = append(in, grey(32, 32, 0))
	}
	tok := mustOpen(t, dir)
	out, err := tok.ReconstructItems(t.Context(), refs, in)
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Err != nil || out[0].Image.W != 32 {
		t.Errorf("the size that is given: %v", out[0].Err)
	}
	for i, want := range map[int]string{
		1: `reconstruction of "as-original": .*as-original\.png is 40×20 as the original: want 32×32 .* declare that: folder:.*,scaled_back=true`,
		2: `reconstruction of "wrong": .*wrong\.png is 31×32: want 32×32 as the tokenizer is given`,
		3: `reconstruction of "broken": decoding image .*broken\.png`,
		4: `reconstruction of "as_given" \(set at 32\) is missing: looked in .* \(4 images, did you mean "as-given"\?\)`,
	} {
		if out[i].Err == nil || !regexp.MustCompile(want).MatchString(out[i].Err.Error()) {
			t.Errorf("item %d: %v\nwant %s", i, out[i].Err, want)
		}
	}
	// Declared, originals' sizes count and others do not.
	back, err := Open(t.Context(), dir, Options{ScaledBack: true})
	if err != nil {
		t.Fatal(err)
	}
	if !back.Info().ScaledBack || tok.Info().ScaledBack {
		t.Error("the declaration is not in the info")
	}
	declared, err := back.ReconstructItems(t.Context(), refs, in)
	if err != nil || declared[1].Err != nil || declared[1].Image.W != 40 {
		t.Errorf("declared: %v, %v", err, declared[1].Err)
	}
	if err := declared[0].Err; err == nil || !strings.Contains(err.Error(), "want 40×20 as the original") {
		t.Errorf("a size that was not declared: %v", err)
	}
	// An original that the square has room for was not scaled down.
	small := []tokenizers.ItemRef{{Dataset: "set", Item: "as-original", Condition: "clean", Resolution: 64, W: 40, H: 20}}
	if out, err := tok.ReconstructItems(t.Context(), small, []pix.Image{grey(64, 64, 0)}); err != nil || out[0].Err != nil || out[0].Image.W != 40 {
		t.Errorf("a small original: %v, %v", err, out[0].Err)
	}
	plain, err := tok.Reconstruct(t.Context(), in)
	if err != nil || len(plain) != len(in) || plain[0].Err == nil {
		t.Errorf("without names: %v, %v", err, plain)
	}
	if _, err := tok.ReconstructItems(t.Context(), refs[:1], in); err == nil {
		t.Error("one name for five images was accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tok.ReconstructItems(ctx, refs, in); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMissingAndAmbiguous(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		ref   tokenizers.ItemRef
		want  string
	}{
		{"two formats", []string{"a.png", "a.bmp"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Resolution: 32}, `a\.bmp and a\.png could both belong to "a": keep one`},
		{"other folders", []string{"x/a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Resolution: 32}, `is missing`},
		{"other side only, bare", []string{"64/a.png", "a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Resolution: 32}, `has no folder for s at 32`},
		{"other side only, nested", []string{"s/64/a.png", "s/a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Resolution: 32}, `has no folder for s at 32`},
		{"other side only", []string{"s_64/a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Resolution: 32}, `has no folder for s at 32: name one s_32`},
		{"clean is not corrupted", []string{"a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "a", Condition: "fog/3", Resolution: 32}, `has no folder for s at 32, fog/3: name one fog/3/s_32`},
		{"out of the folder", []string{"a.png"}, tokenizers.ItemRef{Dataset: "s", Item: "../../etc/passwd", Resolution: 32}, `is missing`},
		{"beside the set", []string{"s_32/a.png", "b.png"}, tokenizers.ItemRef{Dataset: "s", Item: "b", Resolution: 32}, `is missing: looked in .*s_32 \(1 images`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				save(t, grey(32, 32, 1), dir, f)
			}
			out, err := mustOpen(t, dir).ReconstructItems(t.Context(), []tokenizers.ItemRef{c.ref}, []pix.Image{grey(32, 32, 0)})
			if err != nil {
				t.Fatal(err)
			}
			if out[0].Err == nil || !regexp.MustCompile(c.want).MatchString(out[0].Err.Error()) {
				t.Errorf("got %v, want %s", out[0].Err, c.want)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), filepath.Join(dir, "none"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := Open(t.Context(), dir, Options{}); err == nil {
		t.Error("an empty folder was opened")
	}
	save(t, grey(2, 2, 1), dir, "recon", "a.png")
	save(t, grey(2, 2, 1), dir, "recon", ".cache", "b.png")
	if _, err := Open(t.Context(), filepath.Join(dir, "recon", "a.png"), Options{}); err == nil {
		t.Error("a file was opened")
	}
	first := mustOpen(t, filepath.Join(dir, "recon")).Info()
	if first.Name != "recon" || first.Params["files"] != "1" {
		t.Errorf("info: %+v", first)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("recon", link); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, link).Info(); got.Name != "link" || got.Weights != first.Weights {
		t.Errorf("through a link: %+v", got)
	}
	save(t, grey(2, 2, 2), dir, "recon", "a.png")
	if got := mustOpen(t, filepath.Join(dir, "recon")).Info(); got.Weights == first.Weights {
		t.Error("other pixels, but the same digest")
	}
	// The option set names the folders where the data set is called otherwise.
	save(t, grey(32, 32, 6), dir, "named", "mine_32", "a.png")
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "folder", Opts: map[string]string{"dir": filepath.Join(dir, "named"), "set": "mine"}}, []tokenizers.Kind{Kind(Films{})})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := k.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	out, err := tok.(tokenizers.Lookup).ReconstructItems(t.Context(), []tokenizers.ItemRef{{Dataset: "theirs", Item: "a", Resolution: 32}}, []pix.Image{grey(32, 32, 0)})
	if err != nil || out[0].Err != nil || out[0].Image.Pix[0] != 6 {
		t.Errorf("option set: %v, %v", err, out)
	}
}

// A file that is named by Name is found, and items that differ in little stay apart.
func TestNameIsFound(t *testing.T) {
	dir := t.TempDir()
	var refs []tokenizers.ItemRef
	for _, set := range []string{"ic15", "faces/small"} {
		for _, item := range []string{"a/img", "b/img", "photo.jpg", "photo.png", "photo.JPG", "v1.2"} {
			for _, condition := range []string{"clean", "gaussian_noise/3", "gaussian_noise/4"} {
				for _, resolution := range []int{256, 512} {
					refs = append(refs, tokenizers.ItemRef{Dataset: set, Item: item, Condition: condition, Resolution: resolution, W: 9, H: 7})
				}
			}
		}
	}
	for i, ref := range refs {
		m := grey(8, 8, uint8(i))
		save(t, m, dir, filepath.FromSlash(Name(ref)))
	}
	tok := mustOpen(t, dir)
	in := make([]pix.Image, len(refs))
	for i := range in {
		in[i] = pix.New(8, 8)
	}
	out, err := tok.ReconstructItems(t.Context(), refs, in)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if o.Err != nil || o.Image.Pix[0] != uint8(i) {
			t.Errorf("%v as %s: image %v, error %v", refs[i], Name(refs[i]), o.Image.Pix, o.Err)
		}
	}
}

// A name that could mean two things ends a run before it begins, whatever part of the
// data set the run takes.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		items []string
		want  string
	}{
		{"one file for two items", []string{"img.png"}, []string{"a/img.png", "b/img.png"}, `img\.png could belong to "a/img\.png" and to "b/img\.png"`},
		{"two files for one item", []string{"img.png", "img.bmp"}, []string{"img.jpg"}, `img\.bmp and img\.png could both belong to "img\.jpg"`},
		{"items that differ in extension", []string{"img.bmp"}, []string{"img.jpg", "img.png"}, `img\.bmp could belong to "img\.jpg" and to "img\.png"`},
		{"exact names", []string{"img.png", "img.jpg"}, []string{"img.jpg", "img.png"}, ""},
		{"missing is no ambiguity", []string{"img.png"}, []string{"img.jpg", "img.png"}, ""},
		{"nor is a folder of another condition", []string{"img.png", "fog/3/img.png"}, []string{"img.png"}, ""},
	} {
		dir := t.TempDir()
		for _, f := range c.files {
			save(t, grey(32, 32, 1), dir, f)
		}
		err := mustOpen(t, dir).Plan(t.Context(), []tokenizers.Asked{{Dataset: "s", Items: c.items, Conditions: []string{"clean", "fog/3"}, Resolutions: []int{32}}})
		if (c.want == "") != (err == nil) || err != nil && !regexp.MustCompile(c.want).MatchString(err.Error()) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// Frames of films are items: reconstructions of clips are folders of frames, and a frame is
// found in its own clip only.
func TestFramesOfFilms(t *testing.T) {
	const clips, frames = 2, 3
	for _, below := range []string{"", "drawn", "drawn_32", "drawn/32"} {
		dir := t.TempDir()
		film := tokenizers.Asked{Dataset: "drawn", Conditions: []string{"clean"}, Resolutions: []int{32}}
		for c := range clips {
			for f := range frames {
				item := fmt.Sprintf("clip-%d/%04d", c, f)
				film.Items = append(film.Items, item)
				if c == clips-1 && f == frames-1 {
					continue // the last of the last clip is missing, and the other clip has one of its name
				}
				save(t, grey(32, 32, uint8(10*c+f)), dir, filepath.FromSlash(below), filepath.FromSlash(item)+".png")
			}
		}
		tok := mustOpen(t, dir)
		if tok.Info().Clips != nil {
			t.Error("takes frames one by one, and declares clips")
		}
		if err := tok.Plan(t.Context(), []tokenizers.Asked{film}); err != nil {
			t.Fatal(err)
		}
		var refs []tokenizers.ItemRef
		var in []pix.Image
		for _, item := range film.Items {
			refs = append(refs, tokenizers.ItemRef{Dataset: "drawn", Item: item, Condition: "clean", Resolution: 32, W: 40, H: 20})
			in = append(in, pix.New(32, 32))
		}
		out, err := tok.ReconstructItems(t.Context(), refs, in)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range out[:len(out)-1] {
			if want := uint8(10*(i/frames) + i%frames); r.Err != nil || r.Image.Pix[0] != want {
				t.Errorf("below %q: %s: %v, level %v, want %d", below, refs[i].Item, r.Err, r.Image.Pix[:min(1, len(r.Image.Pix))], want)
			}
		}
		if err := out[len(out)-1].Err; err == nil || !strings.Contains(err.Error(), "clip-1/0002") {
			t.Errorf("below %q: a missing frame: %v, want an error that names it", below, err)
		}
	}
}
