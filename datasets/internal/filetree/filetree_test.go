package filetree_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/datasets/internal/filetree"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImages(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"img_10.png": "", "img_2.PNG": "", "notes.txt": "", ".hidden.png": "", "._img_2.png": "", ".git/a.png": "",
		"b/x.jpg": "", "a/1.webp": "", "a/2.tiff": "", "a/deep/3.bmp": "", "a/4.gif": "", "a/5.mp4": "",
	})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	want := []string{"a/1.webp", "a/2.tiff", "a/4.gif", "a/deep/3.bmp", "b/x.jpg", "img_2.PNG", "img_10.png"}
	for _, dir := range []string{root, link} {
		got, err := filetree.Images(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("images of %s (-want +got):\n%s", dir, d)
		}
	}
	wantOrder := []string{"img_2.PNG", "a/1.webp", "a/deep/3.bmp", "b/x.jpg", "img_10.png", "a/2.tiff", "a/4.gif"}
	if d := cmp.Diff(wantOrder, filetree.Interleave(want)); d != "" {
		t.Errorf("interleaved (-want +got):\n%s", d)
	}
	for _, dir := range []string{"", filepath.Join(root, "absent"), filepath.Join(root, "notes.txt")} {
		if _, err := filetree.Images(t.Context(), dir); err == nil {
			t.Errorf("%q was listed", dir)
		}
	}
}

// Natural is a total order: antisymmetric, transitive, equal only for equals.
func TestNaturalIsAnOrder(t *testing.T) {
	name := rapid.StringMatching(`[ab0-9_]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if filetree.Natural(a, b) != -filetree.Natural(b, a) || (filetree.Natural(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d and %d", a, b, filetree.Natural(a, b), filetree.Natural(b, a))
		}
		if filetree.Natural(a, b) <= 0 && filetree.Natural(b, c) <= 0 && filetree.Natural(a, c) > 0 {
			t.Fatalf("%q ≤ %q ≤ %q, but not %q ≤ %q", a, b, c, a, c)
		}
	})
}

func TestInterleaveKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching(`([abc]/)?[0-9]{1,3}`), func(s string) string { return s }).Draw(t, "names")
		slices.SortFunc(names, filetree.Natural)
		got := filetree.Interleave(names)
		slices.SortFunc(got, filetree.Natural)
		if !slices.Equal(names, got) {
			t.Fatalf("%v became %v", names, got)
		}
	})
}

func TestDigest(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a.png": "one", "b.png": "two"})
	names := []string{"a.png", "b.png"}
	first := filetree.Digest(root, names)
	if got := filetree.Digest(root, []string{"b.png", "a.png"}); got != first {
		t.Error("the digest depends on the order")
	}
	write(t, root, map[string]string{"b.png": "too"})
	edited := filetree.Digest(root, names)
	write(t, root, map[string]string{"c.png": "too"})
	renamed := filetree.Digest(root, []string{"a.png", "c.png"})
	missing := filetree.Digest(root, []string{"a.png", "d.png"})
	all := []string{first, edited, renamed, missing, filetree.Digest(root, names[:1])}
	slices.Sort(all)
	if len(slices.Compact(all)) != 5 {
		t.Errorf("five different sets share digests: %v", all)
	}
}
