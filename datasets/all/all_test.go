package all_test

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/internal/testenv"
)

func TestKindsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range all.Kinds() {
		if k.Name == "" || k.Summary == "" || k.Open == nil || !strings.HasPrefix(k.Example, k.Name) || seen[k.Name] {
			t.Errorf("kind %+v is incomplete or named twice", k)
		}
		seen[k.Name] = true
		if _, err := k.Open(t.Context(), "no/such/folder", datasets.Options{}); err == nil {
			t.Errorf("%s opened a folder that does not exist", k.Name)
		}
	}
}

func TestOpensRealFolders(t *testing.T) {
	for _, tc := range []struct {
		kind, dir string
		items     int
	}{{"icdar", "icdar15-sample", 10}, {"folder", "icdar15-sample", 10}, {"folder", "iqa", 4}, {"coco-face", "faces-sample", 4}} {
		ds, err := datasets.Open(t.Context(), tc.kind+":"+testenv.Data(t, tc.dir), all.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		if len(ds.IDs()) != tc.items || len(ds.Info().Digest) != 64 {
			t.Errorf("%s:%s has %d items and digest %q, want %d items", tc.kind, tc.dir, len(ds.IDs()), ds.Info().Digest, tc.items)
		}
		for i, id := range ds.IDs() {
			it, err := ds.Load(t.Context(), i)
			if err != nil || it.ID != id || it.Image.Validate() != nil {
				t.Errorf("%s: item %q, error %v", id, it.ID, err)
			}
		}
	}
}
