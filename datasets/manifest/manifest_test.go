package manifest_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/manifest"
	"github.com/vtbench/vtbench/pix"
)

func picture(t *testing.T, file string, w, h int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	m := pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 7)
	}
	if err := m.SavePNG(file); err != nil {
		t.Fatal(err)
	}
}

// save writes a manifest and opens it.
func save(t *testing.T, file string, m *manifest.Imported) *manifest.Set {
	t.Helper()
	var b bytes.Buffer
	if err := manifest.Encode(&b, m.Header, m.Entries); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := manifest.Open(t.Context(), file, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A table becomes items with their labels, and what cannot be used is named by its line.
func TestFromTable(t *testing.T) {
	dir := t.TempDir()
	picture(t, filepath.Join(dir, "a.png"), 80, 40)
	picture(t, filepath.Join(dir, "sub", "b.png"), 60, 30)
	table := filepath.Join(dir, "t.csv")
	text := "\ufefffile_name,text,xmin,ymin,xmax,ymax,Ignore,tags,class,colour\n" +
		"a.png,OPEN,2,2,60,12,,low-contrast big,shop,red\n" +
		"a.png,\"SHUT, 5%\",2,20,60,30,true,,shop\n" +
		"sub/b.png,one line,,,,,,,\n" +
		"gone.png,x,1,2,3,4\n" +
		"a.png,x,1,2,three,4,,,shop\n" +
		"a.png,x,1,2,3,4,,,another class\n" +
		"../a.png,x,1,2,3,4\n" +
		"\"broken\n"
	if err := os.WriteFile(table, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := manifest.FromTable(t.Context(), table, dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`t.csv:1: unknown column "colour", did you mean`, `t.csv:6: right is "three", want a number`,
		`t.csv:7: "a.png" has another image, class, cluster or sha256 in line 2`, `t.csv:8: "../a.png" leads out`, `t.csv:9: extraneous or missing "`, `t.csv:5: there is no image`,
	}
	if len(m.Faults) != len(want) {
		t.Fatalf("faults %q", m.Faults)
	}
	for i, w := range want {
		if i > 0 && !strings.Contains(m.Faults[i], w) || i == 0 && !strings.Contains(m.Faults[0], "t.csv:1: unknown column \"colour\"") {
			t.Errorf("fault %d is %q, want %q", i, m.Faults[i], w)
		}
	}
	s := save(t, filepath.Join(dir, "m.jsonl"), m)
	if d := cmp.Diff([]string{"a.png", "sub/b.png"}, s.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	it, err := s.Load(t.Context(), 0)
	if err != nil || len(it.Instances) != 2 || it.Class != "shop" || it.Instances[0].Text != "OPEN" || !it.Instances[1].Ignore || !slices.Equal(it.Instances[0].Tags, []string{"low-contrast", "big"}) {
		t.Errorf("%+v, %v", it.Instances, err)
	}
	if it, err = s.Load(t.Context(), 1); err != nil || it.Instances[0].Box != it.Image.RGBA().Bounds() {
		t.Errorf("a text without a box: %+v, %v", it.Instances, err)
	}
	if _, err := manifest.FromTable(t.Context(), table, t.TempDir(), datasets.Options{}); err == nil || !strings.Contains(err.Error(), "is not below") {
		t.Errorf("images beside the manifest's folder: %v", err)
	}
}

// A folder and its manifest show the same pixels in the same order; an image that was
// replaced since is told.
func TestFromFolder(t *testing.T) {
	dir := t.TempDir()
	for i, n := range []string{"x/2.png", "x/10.png", "y/1.png"} {
		picture(t, filepath.Join(dir, n), 20+i, 10)
	}
	if err := os.WriteFile(filepath.Join(dir, "x", "3.png"), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := manifest.FromFolder(t.Context(), dir, dir, datasets.Options{})
	if err != nil || len(m.Faults) != 1 || !strings.Contains(m.Faults[0], "3.png") {
		t.Fatalf("%v, %v", m, err)
	}
	s := save(t, filepath.Join(dir, "manifest.jsonl"), m)
	of, err := folder.Open(t.Context(), dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := slices.DeleteFunc(slices.Clone(of.IDs()), func(id string) bool { return id == "x/3.png" })
	if d := cmp.Diff(ids, s.IDs()); d != "" {
		t.Errorf("ids (-folder +manifest):\n%s", d)
	}
	picture(t, filepath.Join(dir, "y", "1.png"), 99, 10)
	if _, err := s.Load(t.Context(), slices.Index(s.IDs(), "y/1.png")); err == nil || !strings.Contains(err.Error(), "it is another file") {
		t.Errorf("an image that was replaced: %v", err)
	}
}

// A label map survives being copied and read again.
func TestCopyOfMasks(t *testing.T) {
	dir := t.TempDir()
	classes := []manifest.Class{{Name: "road", Colour: [3]uint8{1, 2, 3}}, {Name: "car", Colour: [3]uint8{4, 5, 6}, Objects: true}}
	m := pix.New(3, 1)
	copy(m.Pix, []uint8{0, 0, 0, 1, 1, 1, 255, 255, 255})
	if err := m.SavePNG(filepath.Join(dir, "m.png")); err != nil {
		t.Fatal(err)
	}
	first := save(t, filepath.Join(dir, "a.jsonl"), &manifest.Imported{Header: manifest.Header{Classes: classes, Licence: "CC0-1.0"}, Entries: []manifest.Entry{{Mask: "m.png"}}})
	to := t.TempDir()
	again, err := manifest.Copy(t.Context(), first, 0, to)
	if err != nil || len(again.Faults) > 0 {
		t.Fatalf("%v, %v", again, err)
	}
	second := save(t, filepath.Join(to, "b.jsonl"), again)
	a, errA := first.Load(t.Context(), 0)
	b, errB := second.Load(t.Context(), 0)
	if errA != nil || errB != nil || !slices.Equal(a.Labels.Index, []uint8{0, 1, 255}) || !slices.Equal(a.Labels.Index, b.Labels.Index) || !slices.Equal(a.Labels.Classes, b.Labels.Classes) || second.Info().Licence != "CC0-1.0" {
		t.Errorf("%+v and %+v, %v, %v", a.Labels, b.Labels, errA, errB)
	}
}

// Whatever a file holds: an error, or items that load or fail by their names.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		"{\"vtbench_manifest\": 1}\n{\"image\": \"a.png\"}\n",
		"{\"vtbench_manifest\": 1, \"classes\": [{\"name\": \"x\", \"colour\": [1,2,3]}]}\n\n{\"mask\": \"a.png\", \"labels\": [{\"quad\": [[1,2],[3,4],[5,6],[7,8]]}]}",
		"{\"vtbench_manifest\": 1}\n{\"image\": \"../a.png\"}\n{}\nnull\n[]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file := filepath.Join(t.TempDir(), "m.jsonl")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		picture(t, filepath.Join(filepath.Dir(file), "a.png"), 3, 2)
		s, err := manifest.Open(t.Context(), file, datasets.Options{})
		if err != nil {
			return
		}
		defer func() { _ = s.Close() }()
		seen := map[string]bool{}
		for i, id := range s.IDs() {
			if seen[id] {
				t.Fatalf("two items are called %q", id)
			}
			seen[id] = true
			if item, err := s.Load(t.Context(), i); err == nil && (item.ID != id || item.Image.Validate() != nil) {
				t.Errorf("item %q is %q", id, item.ID)
			}
		}
	})
}
