package folder_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/datasettest"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/pix"
)

func TestFolder(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"10.png", "9.png", "more/a.png"} {
		if err := pix.New(4+i, 3).SavePNG(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	broken := filepath.Join(root, "11.jpg")
	if err := os.WriteFile(broken, []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	ds, err := folder.Open(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"9.png", "more/a.png", "10.png", "11.jpg"}, ds.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	for i, w := range []int{5, 6, 4} {
		it, err := ds.Load(t.Context(), i)
		if err != nil || it.Image.W != w || it.ID != ds.IDs()[i] {
			t.Errorf("item %d is %q, %d wide (%v), want %d wide", i, it.ID, it.Image.W, err, w)
		}
	}
	if _, err := ds.Load(t.Context(), 3); err == nil || !strings.Contains(err.Error(), broken) {
		t.Errorf("the broken image gave %v, which does not name it", err)
	}
	for _, i := range []int{-1, 4} {
		if _, err := ds.Load(t.Context(), i); err == nil {
			t.Errorf("item %d was loaded", i)
		}
	}
	if in := ds.Info(); in.ID != "folder" || len(in.Digest) != 64 {
		t.Errorf("info %+v", in)
	}
	if _, err := folder.Open(t.Context(), t.TempDir(), datasets.Options{}); !errors.Is(err, folder.ErrEmpty) {
		t.Errorf("an empty folder gave %v", err)
	}
}

func TestConformance(t *testing.T) {
	root := t.TempDir()
	for i, name := range []string{"a.png", "b.png", "c.png"} {
		if err := pix.New(4+i, 3).SavePNG(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	datasettest.Run(t, func(t *testing.T) datasets.Dataset {
		d, err := folder.Open(t.Context(), root, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
