package files_test

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/vtbench/vtbench/internal/files"
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

func isImage(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".webp", ".tiff", ".bmp", ".gif"}, strings.ToLower(filepath.Ext(name)))
}

func link(t *testing.T, to, from string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Skipf("no symbolic links here: %v", err) //nolint:forbidigo // not on every file system
	}
}

func TestList(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"img_10.png": "", "\xff.png": "", "\xfe.png": "", "img_2.PNG": "", "notes.txt": "", ".hidden.png": "", "._img_2.png": "", ".git/a.png": "", ".git/b.png": "",
		"b/x.jpg": "", "a/1.webp": "", "a/2.tiff": "", "a/deep/3.bmp": "", "a/4.gif": "", "a/5.mp4": "",
		"a/.ipynb_checkpoints/1.webp": "",
	})
	elsewhere := t.TempDir()
	write(t, elsewhere, map[string]string{"far.png": "", "more/near.png": ""})
	link(t, elsewhere, filepath.Join(root, "b", "linked"))
	link(t, filepath.Join(elsewhere, "far.png"), filepath.Join(root, "other.png"))
	link(t, "gone.png", filepath.Join(root, "broken.png"))
	link(t, "..", filepath.Join(root, "a", "up"))
	link(t, root, filepath.Join(elsewhere, "more", "back")) // a loop through two links
	if err := syscall.Mkfifo(filepath.Join(root, "pipe.png"), 0o644); err != nil {
		t.Fatal(err)
	}
	top := filepath.Join(t.TempDir(), "link")
	link(t, root, top)
	want := []string{
		"a/1.webp", "a/2.tiff", "a/4.gif", "a/deep/3.bmp", "b/linked/far.png", "b/linked/more/near.png", "b/x.jpg",
		"img_2.PNG", "img_10.png", "other.png",
	}
	left := files.Omissions{
		{Reason: files.Hidden, Count: 4, Names: []string{"._img_2.png", ".git/", ".hidden.png", "a/.ipynb_checkpoints/"}, Usual: true},
		{Reason: files.OtherName, Count: 2, Names: []string{"a/5.mp4", "notes.txt"}, Usual: true},
		{Reason: files.BrokenLink, Count: 1, Names: []string{"broken.png"}},
		{Reason: files.LinkLoop, Count: 2, Names: []string{"a/up/", "b/linked/more/back/"}},
		{Reason: files.NotRegular, Count: 1, Names: []string{"pipe.png"}},
		{Reason: files.NotUTF8, Count: 2, Names: []string{`\xfe.png`, `\xff.png`}},
	}
	for _, dir := range []string{root, top} {
		got, err := files.List(t.Context(), dir, isImage)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got.Files); d != "" {
			t.Errorf("files of %s (-want +got):\n%s", dir, d)
		}
		if d := cmp.Diff(left, got.LeftOut); d != "" {
			t.Errorf("left out of %s (-want +got):\n%s", dir, d)
		}
		for _, f := range got.Files {
			if _, err := files.Read(got.Path(f), 10); err != nil {
				t.Error(err)
			}
		}
	}
	if s := left.String(); !strings.HasPrefix(s, "4 hidden (._img_2.png, .git/") || strings.Contains(s, "…") {
		t.Errorf("omissions read %q", s)
	}
	mixed := []string{"a/1.webp", "a/2.tiff", "a/4.gif", "a/deep/3.bmp", "b/x.jpg", "img_2.PNG", "img_10.png"}
	wantOrder := []string{"img_2.PNG", "a/1.webp", "a/deep/3.bmp", "b/x.jpg", "img_10.png", "a/2.tiff", "a/4.gif"}
	if d := cmp.Diff(wantOrder, files.Interleave(mixed)); d != "" {
		t.Errorf("interleaved (-want +got):\n%s", d)
	}
	for _, dir := range []string{"", filepath.Join(root, "absent"), filepath.Join(root, "notes.txt")} {
		if _, err := files.List(t.Context(), dir, isImage); err == nil {
			t.Errorf("%q was listed", dir)
		}
	}
}

// Pipes that nobody writes to, devices that never end, and files beyond the limit are
// refused; none of them hangs.
func TestRead(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"ten": "0123456789", "empty": ""})
	pipe := filepath.Join(root, "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		filepath.Join(root, "ten"): "more than the 9 bytes", pipe: "a pipe, device or socket", "/dev/zero": "a pipe, device or socket",
		root: "a folder", filepath.Join(root, "gone"): "no such file",
	} {
		if b, err := files.Read(name, 9); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("reading %s gave %d bytes and %v, want an error with %q", name, len(b), err, want)
		}
	}
	for name, want := range map[string]string{"ten": "0123456789", "empty": ""} {
		if b, err := files.Read(filepath.Join(root, name), 10); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	// Files of /proc say that they have no bytes.
	if b, err := files.Read("/proc/self/status", 1<<20); err == nil && len(b) == 0 {
		t.Error("a file whose size is stated as 0 was not read")
	}
}

func trim(name string) string {
	if isImage(name) {
		return strings.TrimSuffix(name, filepath.Ext(name))
	}
	return name
}

func TestPair(t *testing.T) {
	for _, tc := range []struct {
		name         string
		items, files []string
		want         map[string]string
		missing      []string
		unused       []string
		ambiguous    []string // the error names these
	}{
		{name: "exact names", items: []string{"p.jpg", "p.png"}, files: []string{"p.jpg", "p.png"}, want: map[string]string{"p.jpg": "p.jpg", "p.png": "p.png"}},
		{name: "an exact name beats one without extension", items: []string{"p.jpg", "p.png"}, files: []string{"p.png"}, want: map[string]string{"p.png": "p.png"}, missing: []string{"p.jpg"}},
		{name: "what an exact name leaves", items: []string{"p.jpg"}, files: []string{"p.jpg", "p.png"}, want: map[string]string{"p.jpg": "p.jpg"}, unused: []string{"p.png"}},
		{name: "another extension", items: []string{"p.jpg", "q"}, files: []string{"p.png", "q.bmp"}, want: map[string]string{"p.jpg": "p.png", "q": "q.bmp"}},
		{name: "an extension behind the extension", items: []string{"p.jpg", "p.png"}, files: []string{"p.jpg.png", "p.png.png"}, want: map[string]string{"p.jpg": "p.jpg.png", "p.png": "p.png.png"}},
		{name: "dots in names", items: []string{"v1.2", "v1.3"}, files: []string{"v1.2.png", "v1.3.png"}, want: map[string]string{"v1.2": "v1.2.png", "v1.3": "v1.3.png"}},
		{name: "two items, one file", items: []string{"p.jpg", "p.png"}, files: []string{"p.webp"}, ambiguous: []string{"p.jpg", "p.png", "p.webp"}},
		{name: "one item, two files", items: []string{"p.jpg"}, files: []string{"p.bmp", "p.png"}, ambiguous: []string{"p.jpg", "p.bmp", "p.png"}},
		{name: "a flat folder", items: []string{"a/1.png", "b/2.png"}, files: []string{"1.png", "2.png"}, want: map[string]string{"a/1.png": "1.png", "b/2.png": "2.png"}},
		{name: "a flat folder that is not enough", items: []string{"a/1.png", "b/1.png"}, files: []string{"1.png"}, ambiguous: []string{"a/1.png", "b/1.png", "1.png"}},
		{name: "nor beside one that is", items: []string{"a/1.png", "b/1.png"}, files: []string{"a/1.png", "1.png"}, ambiguous: []string{"a/1.png", "b/1.png", "1.png"}},
		{name: "other folders never", items: []string{"a/1.png"}, files: []string{"b/1.png"}, missing: []string{"a/1.png"}, unused: []string{"b/1.png"}},
		{name: "two flat files", items: []string{"a/1.png"}, files: []string{"1.jpg", "1.bmp"}, ambiguous: []string{"a/1.png", "1.jpg", "1.bmp"}},
		{name: "a flat item never has a nested file", items: []string{"1.png"}, files: []string{"x/1.png"}, missing: []string{"1.png"}, unused: []string{"x/1.png"}},
		{name: "the same item twice", items: []string{"1", "1"}, files: []string{"1.png"}, ambiguous: []string{"1"}},
		{name: "nothing", items: []string{"1"}, missing: []string{"1"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := files.Pair(tc.items, tc.files, trim)
			if len(tc.ambiguous) > 0 {
				if !errors.Is(err, files.ErrAmbiguous) {
					t.Fatalf("got %v and %v", m.Of, err)
				}
				for _, n := range tc.ambiguous {
					if !strings.Contains(err.Error(), n) {
						t.Errorf("%q does not name %s", err, n)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tc.want == nil {
				tc.want = map[string]string{}
			}
			if d := cmp.Diff([]any{tc.want, tc.missing, tc.unused}, []any{m.Of, m.Missing, m.Unused}); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// Whatever the names: a file serves one item at most, every item is served or
// missing, and an exact name is always honoured.
func TestPairIsOneToOne(t *testing.T) {
	name := rapid.StringMatching(`([ab]/)?[12](\.png|\.jpg)?`)
	distinct := func(s string) string { return s }
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfDistinct(name, distinct).Draw(t, "items")
		names := rapid.SliceOfDistinct(name, distinct).Draw(t, "files")
		m, err := files.Pair(items, names, trim)
		if err != nil {
			if !errors.Is(err, files.ErrAmbiguous) {
				t.Fatal(err)
			}
			return
		}
		used := map[string]bool{}
		for _, f := range m.Of {
			if used[f] {
				t.Fatalf("%s serves two items: %v", f, m.Of)
			}
			used[f] = true
		}
		if len(m.Of)+len(m.Missing) != len(items) || len(m.Of)+len(m.Unused) != len(names) {
			t.Fatalf("%d items, %d files: %+v", len(items), len(names), m)
		}
		for _, it := range items {
			if slices.Contains(names, it) && m.Of[it] != it {
				t.Fatalf("%s is served by %q", it, m.Of[it])
			}
			if f := m.Of[it]; f != "" && path.Base(trim(f)) != path.Base(trim(it)) && trim(f) != it {
				t.Fatalf("%s is served by %q", it, f)
			}
		}
	})
}

// Natural is a total order: antisymmetric, transitive, equal only for equals.
func TestNaturalIsAnOrder(t *testing.T) {
	name := rapid.StringMatching(`[ab0-9_]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if files.Natural(a, b) != -files.Natural(b, a) || (files.Natural(a, b) == 0) != (a == b) {
			t.Fatalf("%q and %q: %d and %d", a, b, files.Natural(a, b), files.Natural(b, a))
		}
		if files.Natural(a, b) <= 0 && files.Natural(b, c) <= 0 && files.Natural(a, c) > 0 {
			t.Fatalf("%q ≤ %q ≤ %q, but not %q ≤ %q", a, b, c, a, c)
		}
	})
}

func TestInterleaveKeepsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.StringMatching(`([abc]/)?[0-9]{1,3}`), func(s string) string { return s }).Draw(t, "names")
		slices.SortFunc(names, files.Natural)
		got := files.Interleave(names)
		slices.SortFunc(got, files.Natural)
		if !slices.Equal(names, got) {
			t.Fatalf("%v became %v", names, got)
		}
	})
}

func TestDigest(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"a.png": "one", "b.png": "two"})
	names := []string{"a.png", "b.png"}
	first := files.Digest(root, "r", names)
	if got := files.Digest(root, "r", []string{"b.png", "a.png"}); got != first {
		t.Error("the digest depends on the order")
	}
	write(t, root, map[string]string{"b.png": "too"})
	edited := files.Digest(root, "r", names)
	write(t, root, map[string]string{"c.png": "too"})
	renamed := files.Digest(root, "r", []string{"a.png", "c.png"})
	missing := files.Digest(root, "r", []string{"a.png", "d.png"})
	reread := files.Digest(root, "other", names)
	all := []string{reread, first, edited, renamed, missing, files.Digest(root, "r", names[:1])}
	slices.Sort(all)
	if len(slices.Compact(all)) != 6 {
		t.Errorf("six different sets share digests: %v", all)
	}
}
