package files

import (
	"path"
	"strings"
	"testing"
)

// FuzzPair: whatever names there are, each item has at most one file and each file one
// item, and nothing is left out of the counts.
func FuzzPair(f *testing.F) {
	f.Add("a.jpg\nb/c.png\nimg_10", "a.png\nb/c.png\nimg_10.jpg")
	f.Add("x\nx.png", "x.png\nx.jpg")
	f.Add("a/b.png\nc/b.png", "b.png")
	f.Add("\n.\n..", "/\n//\na/")
	f.Fuzz(func(t *testing.T, a, b string) {
		items, found := strings.Split(a, "\n"), unique(strings.Split(b, "\n"))
		m, err := Pair(items, found, func(s string) string { return strings.TrimSuffix(s, path.Ext(s)) })
		if err != nil {
			return
		}
		used := map[string]bool{}
		for it, file := range m.Of {
			if used[file] {
				t.Fatalf("%q belongs to two items, one is %q", file, it)
			}
			used[file] = true
		}
		if len(m.Of)+len(m.Missing) != len(items) || len(m.Of)+len(m.Unused) != len(found) {
			t.Fatalf("%d pairs, %d missing, %d unused of %d items and %d files", len(m.Of), len(m.Missing), len(m.Unused), len(items), len(found))
		}
		for _, x := range items {
			for _, y := range found {
				if Natural(x, y) != -Natural(y, x) {
					t.Fatalf("%q and %q have no order", x, y)
				}
			}
		}
		if n := len(Interleave(found)); n != len(found) {
			t.Fatalf("%d of %d names are left when folders take turns", n, len(found))
		}
	})
}

func unique(names []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, n := range names {
		if n != "" && !seen[n] { // no file has an empty name
			out, seen[n] = append(out, n), true
		}
	}
	return out
}
