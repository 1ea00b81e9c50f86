package feature

import (
	"bytes"
	"slices"
	"strconv"
	"testing"

	"github.com/vtbench/vtbench/metrics"
)

// A gathering that was stored gives the same values, to the last bit, whether all vectors
// are kept or a sample and moments.
func TestStoredGathering(t *testing.T) {
	fill := func(limit, n int, seed int64) *Gathering {
		g := gather(limit, 7)
		for i, row := range random(uint64(seed), n, 5, 0) {
			if err := g.AddFeatures("item "+strconv.Itoa(i), row); err != nil {
				t.Fatal(err)
			}
		}
		return g
	}
	wanted := []string{idFID, idKID, idCMMD, idPrecision, idRecall, idDensity, idCoverage}
	cfg := metrics.Config{Options: map[string]string{OptionKIDSubset: "8"}, Seed: 3}
	for _, limit := range []int{100, 20} {
		ref, got := fill(limit, 60, 1), fill(limit, 50, 2)
		want, err := Compare(cfg, wanted, ref, got)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := fill(limit, 60, 1).WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadGathering(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		have, err := Compare(cfg, wanted, again, fill(limit, 50, 2))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if want[i].Err != "" || want[i].Value != have[i].Value {
				t.Errorf("limit %d: %s is %v, restored %v (%s)", limit, want[i].Metric, want[i].Value, have[i].Value, have[i].Err)
			}
		}
		for _, n := range []int{0, 5, 30, b.Len() - 1} {
			if _, err := ReadGathering(b.Bytes()[:n]); err == nil {
				t.Errorf("%d of %d bytes are a gathering", n, b.Len())
			}
		}
		if _, err := ReadGathering(append(slices.Clone(b.Bytes()), 0)); err == nil {
			t.Error("a byte too many was not noticed")
		}
	}
}

// Whatever a file holds: an error, or a gathering, in memory of its size.
func FuzzReadGathering(f *testing.F) {
	g := gather(4, 1)
	for i := range 6 {
		if err := g.AddFeatures(strconv.Itoa(i), []float32{float32(i), 1, 2}); err != nil {
			f.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := g.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(storeMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ReadGathering(b)
		if err == nil && (g.dim < 1 || len(g.kept) > g.limit) {
			t.Errorf("a gathering of dimension %d with %d vectors", g.dim, len(g.kept))
		}
	})
}
