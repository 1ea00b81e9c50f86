package textgen_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/ocr"
)

// The promise of the set: a reader reads at least 95 % of the texts of every
// size exactly in the untouched images. Every seventh image is read, which
// visits all kinds of scene alike.
func TestTesseractReadsTheOriginals(t *testing.T) {
	testenv.Sequential(t)
	set, err := textgen.New(textgen.Options{})
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
	edges := []float64{.005, .01, .02, .03, .04, 1}
	type score struct{ read, all int }
	total := make([]score, len(edges)-1)
	var mu sync.Mutex
	var wg sync.WaitGroup
	items := make(chan int)
	for range pool.Clients() {
		wg.Go(func() {
			for i := range items {
				got, err := readItem(t.Context(), set, pool, i, edges)
				if err != nil {
					t.Error(err)
					continue
				}
				mu.Lock()
				for c := range got {
					total[c].all += got[c][0]
					total[c].read += got[c][1]
				}
				mu.Unlock()
			}
		})
	}
	for i := 0; i < len(set.IDs()); i += 7 {
		items <- i
	}
	close(items)
	wg.Wait()
	for c, s := range total {
		t.Logf("ratio %g–%g: %d of %d read exactly (%.1f %%)", edges[c], edges[c+1], s.read, s.all, 100*float64(s.read)/float64(s.all))
		if s.all < 150 || s.read*100 < s.all*95 {
			t.Errorf("ratio %g–%g: %d of %d texts were read exactly, want 95 %%", edges[c], edges[c+1], s.read, s.all)
		}
	}
}

// readItem counts texts and exact readings by class.
func readItem(ctx context.Context, set *textgen.Set, pool *ocr.Pool, i int, edges []float64) ([][2]int, error) {
	it, err := set.Load(ctx, i)
	if err != nil {
		return nil, err
	}
	counts := make([][2]int, len(edges)-1)
	for _, in := range it.Instances {
		got, err := pool.ReadBox(ctx, it.Image, in.Box)
		if err != nil {
			return nil, err
		}
		r := float64(in.Box.Dx()) / float64(len(in.Text)*it.Image.W)
		for c := range counts {
			if edges[c] <= r && r < edges[c+1] {
				counts[c][0]++
				if got == in.Text {
					counts[c][1]++
				}
			}
		}
	}
	return counts, nil
}
