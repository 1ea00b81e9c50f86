package files_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/internal/files"
)

// BenchmarkList lists 50,000 files in 50 folders.
func BenchmarkList(b *testing.B) {
	root := b.TempDir()
	for i := range 50_000 {
		dir := filepath.Join(root, fmt.Sprint(i/1000))
		if i%1000 == 0 {
			if err := os.Mkdir(dir, 0o755); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("img_%d.png", i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		l, err := files.List(b.Context(), root, isImage)
		if err != nil || len(l.Files) != 50_000 {
			b.Fatal(len(l.Files), err)
		}
	}
}

// BenchmarkPair pairs 50,000 items with as many files of another extension.
func BenchmarkPair(b *testing.B) {
	items, names := make([]string, 50_000), make([]string, 50_000)
	for i := range items {
		items[i], names[i] = fmt.Sprintf("%d/img_%d.jpg", i/1000, i), fmt.Sprintf("%d/img_%d.png", i/1000, i)
	}
	for b.Loop() {
		if m, err := files.Pair(items, names, trim); err != nil || len(m.Of) != len(items) {
			b.Fatal(len(m.Of), err)
		}
	}
}
