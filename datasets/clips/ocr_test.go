package clips_test

import (
	"runtime"
	"testing"

	"github.com/vtbench/vtbench/datasets/clips"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/ocr"
)

// A reader reads nearly all words of the untouched frames, so that an error in a
// reconstruction is the tokenizer's. Every fifth frame of a default run is read.
func TestTesseractReadsTheOriginals(t *testing.T) {
	testenv.Sequential(t)
	set, err := clips.New(clips.ID)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := ocr.NewPool(t.Context(), ocr.Options{Clients: runtime.GOMAXPROCS(0)})
	testenv.Need(t, err)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	read, all := map[string]int{}, map[string]int{}
	for i := 0; i < set.DefaultItems(); i += 5 {
		it, err := set.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range it.Instances {
			if in.Ignore {
				continue
			}
			got, err := pool.ReadBox(t.Context(), it.Image, in.Box)
			if err != nil {
				t.Fatal(err)
			}
			all[it.Cluster]++
			if got == in.Text {
				read[it.Cluster]++
			} else {
				t.Logf("%s: %q is read as %q", it.ID, in.Text, got)
			}
		}
	}
	for _, c := range set.Clips()[:set.DefaultItems()/32] {
		t.Logf("%s: %d of %d", c.ID, read[c.ID], all[c.ID])
		if all[c.ID] < 5 || read[c.ID]*100 < all[c.ID]*90 {
			t.Errorf("%s: %d of %d words were read exactly, want 90 %%", c.ID, read[c.ID], all[c.ID])
		}
	}
}
