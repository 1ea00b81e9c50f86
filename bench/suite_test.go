package bench_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench"
)

func twoSets() bench.Suite {
	s := suite()
	s.Datasets = []string{"words", "faces"}
	s.Metrics = append(s.Metrics, "likeness")
	s.Headline = append(s.Headline, "likeness")
	s.Of = map[string]bench.DatasetOptions{"faces": {Items: 2, Worst: "likeness"}}
	s.Optional = []string{"faces", "likeness"}
	return s
}

func TestSuiteLeavesOut(t *testing.T) {
	before := twoSets()
	if err := before.Validate(); err != nil {
		t.Fatal(err)
	}
	s := before
	s.WithoutDataset("faces")
	if err := s.Validate(); err != nil {
		t.Errorf("without a data set: %v", err)
	}
	if slices.Contains(s.Datasets, "faces") || slices.Contains(s.Optional, "faces") || len(s.Of) != 0 {
		t.Errorf("faces are still there: %+v", s)
	}
	s.WithoutMetric("likeness")
	if err := s.Validate(); err != nil {
		t.Errorf("without a metric: %v", err)
	}
	if slices.Contains(s.Headline, "likeness") || len(s.Optional) != 0 {
		t.Errorf("likeness is still there: %+v", s)
	}
	m := before
	m.WithoutMetric("likeness")
	if err := m.Validate(); err != nil {
		t.Errorf("without the metric of a data set's worst cases: %v", err)
	}
	other := before
	other.OnlyDatasets([]string{"folder:x"})
	if err := other.Validate(); err != nil {
		t.Errorf("on other data: %v", err)
	}
	if err := before.Validate(); err != nil || len(before.Of) != 1 || len(before.Optional) != 2 || before.Of["faces"].Worst != "likeness" {
		t.Errorf("leaving out changed the suite that was copied: %v, %+v", err, before)
	}
}

func TestSuiteFaultsOfDatasets(t *testing.T) {
	s := twoSets()
	s.Of["signs"] = bench.DatasetOptions{Items: -1, Worst: "grace"}
	s.Optional = append(s.Optional, "psnt")
	err := s.Validate()
	if err == nil {
		t.Fatal("faults pass")
	}
	for _, want := range []string{`of: "signs"`, "of.signs: items", `"grace"`, `optional: "psnt"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q says nothing of %s", err, want)
		}
	}
}

// A data set's own number of items holds for it alone.
func TestItemsOfADataset(t *testing.T) {
	cfg := config(t, 9)
	cfg.Limit, cfg.Full = 0, false
	cfg.Suite.Items = 5
	cfg.Suite.Of = map[string]bench.DatasetOptions{cfg.Datasets[0].Spec: {Items: 3}}
	run := execute(t, cfg)
	if n := run.Manifest.Datasets[0].Items; n != 3 {
		t.Errorf("%d items were planned, want 3", n)
	}
}

func TestDistributionsHoldEveryValueThatCounts(t *testing.T) {
	cfg := config(t, 6)
	cfg.Suite.Distributions = map[string][]float64{"level": {0, 100}}
	if err := cfg.Suite.Validate(); err != nil {
		t.Fatal(err)
	}
	run := execute(t, cfg)
	if len(run.Summary.Distributions) == 0 {
		t.Fatal("no distributions")
	}
	for _, d := range run.Summary.Distributions {
		want := 0
		for _, r := range run.Summary.Rows {
			if r.Tokenizer == d.Tokenizer && r.Dataset == d.Dataset && r.Condition == d.Condition && r.Metric == d.Metric && r.Bin == bench.BinAll {
				want = r.N
			}
		}
		got := 0
		for _, n := range d.Counts {
			got += n
		}
		if got != want || want == 0 {
			t.Errorf("%s, %s: %d values in the bars, %d in the mean", d.Tokenizer, d.Condition, got, want)
		}
	}
	cfg.Suite.Distributions = map[string][]float64{"grade": {0, 1}, "level": {1, 1}}
	if err := cfg.Suite.Validate(); err == nil || !strings.Contains(err.Error(), "grade") || !strings.Contains(err.Error(), "distributions.level") {
		t.Errorf("faults of distributions: %v", err)
	}
}
