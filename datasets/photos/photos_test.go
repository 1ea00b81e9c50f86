package photos_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets/photos"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

func TestWithoutFiles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	_, err := photos.New()
	var lacks *missing.Error
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "datasets pull") {
		t.Errorf("the error is %v", err)
	}
}

func TestItems(t *testing.T) {
	set, err := photos.New()
	testenv.Need(t, err)
	seen := map[string]bool{}
	clusters := map[string]bool{}
	for i, id := range set.IDs() {
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
		clusters[strings.TrimSuffix(id, "/detail")] = true
		if i%stride != 0 {
			continue
		}
		item, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if who := strings.TrimSuffix(id, "/detail"); item.ClusterID() != who {
			t.Errorf("%s belongs to %s, want %s", id, item.ClusterID(), who)
		}
		w, h := item.Image.W, item.Image.H
		if detail := strings.HasSuffix(id, "/detail"); detail && (w != 768 || h != 768) || !detail && max(w, h) > 1024 || min(w, h) < 300 {
			t.Errorf("%s is %d×%d", id, w, h)
		}
		if item.ID != id || item.Image.Validate() != nil {
			t.Errorf("%s: loaded as %s, %v", id, item.ID, item.Image.Validate())
		}
	}
	if n := set.DefaultItems(); len(clusters) != n {
		t.Errorf("%d clusters, want one for each of %d photographs", len(clusters), n)
	}
	if info := set.Info(); len(info.Digest) != 64 || !strings.Contains(info.Licence, "CC-BY") {
		t.Errorf("info: %+v", info)
	}
	if _, err := set.Load(t.Context(), len(set.IDs())); err == nil {
		t.Error("an item beyond the last one loads")
	}

	small, err := photos.NewSmall()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(small.IDs()); n != set.DefaultItems() || n != small.DefaultItems() || n < 24 {
		t.Errorf("%d small images of %d photographs, %d by default; want 24 independent ones", n, set.DefaultItems(), small.DefaultItems())
	}
	if small.Info().Digest == set.Info().Digest || small.Info().ID != photos.SmallID {
		t.Errorf("info: %+v", small.Info())
	}
	for i := 0; i < len(small.IDs()); i += stride {
		item, err := small.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if item.Image.W != 256 || item.Image.H != 256 || item.ClusterID() != item.ID {
			t.Errorf("%s is %d×%d of cluster %s", item.ID, item.Image.W, item.Image.H, item.ClusterID())
		}
	}
}
