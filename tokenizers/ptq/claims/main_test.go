package main

import (
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/all"
)

// Every arm of a claim is in the run that it is measured in.
func TestArmsAreInTheRun(t *testing.T) {
	claims, err := list()
	if err != nil {
		t.Fatal(err)
	}
	s, err := suite.Load("weights.yaml")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, text := range s.Tokenizers {
		specs, err := tokenizers.ParseSpecs(text, all.Kinds())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range specs {
			have[s.Name] = true
		}
	}
	for _, c := range claims {
		for _, arm := range append([]string{c.Of, c.Against}, c.Curve...) {
			if arm != "" && !have[spec(arm)] {
				t.Errorf("claim %s: %s is not in weights.yaml", c.ID, spec(arm))
			}
		}
	}
}

func TestIntervalsAreOfPairs(t *testing.T) {
	r := &results{marks: map[string]map[string]map[string]mark{"psnr": {"a": {}, "b": {}}}, clusters: map[string][][]string{}}
	for _, item := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		r.marks["psnr"]["a"][item] = mark{float64(item[0]), 1}
		r.marks["psnr"]["b"][item] = mark{float64(item[0]) - 2, 1}
		r.clusters["psnr"] = append(r.clusters["psnr"], []string{item})
	}
	v, lo, hi := r.interval("psnr", func(items []string) float64 { return r.mean("psnr", "a", items) - r.mean("psnr", "b", items) })
	if v != 2 || lo != 2 || hi != 2 {
		t.Errorf("%g [%g, %g], want 2 of each pair", v, lo, hi)
	}
	if along([]float64{0, 1}, []float64{0, 10}, .5) != 5 {
		t.Error("half way is not half way")
	}
}
