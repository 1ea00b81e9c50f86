package suite_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
)

func twoSets() suite.Suite {
	s := testSuite()
	s.Datasets = []string{"words", "faces"}
	s.Metrics = append(s.Metrics, "likeness")
	s.Headline = append(s.Headline, "likeness")
	s.Of = map[string]suite.DatasetOptions{"faces": {Items: 2, Worst: "likeness"}}
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
	s.Of["signs"] = suite.DatasetOptions{Items: -1, Worst: "grace"}
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

func testSuite() suite.Suite {
	return suite.Suite{
		ID: "demo", Version: 1, Datasets: []string{"words"}, Resolutions: []int{32, 64}, ScoreAt: "original",
		Metrics: []string{"level", "mae", "rate", "distinct"}, Headline: []string{"level"}, Worst: "level",
		Bins: &suite.Bins{Scale: "text", Names: []string{"small", "large"}, Edges: map[int][]float64{
			32: {.05, .1, 1}, 64: {.05, .1, 1},
		}},
	}
}

func TestSuitesAreValid(t *testing.T) {
	all, err := suite.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no built-in suites")
	}
	if _, err := suite.Load("txet"); err == nil || !strings.Contains(err.Error(), `did you mean "text"?`) {
		t.Errorf("a misspelt suite: %v", err)
	}
}

func TestConditionRoundTrip(t *testing.T) {
	for _, c := range []suite.Condition{
		{},
		{Resolution: 256},
		{Corruption: "fog", Severity: 3, Resolution: 512},
		{Corruption: "fog", Severity: 3, Resolution: 512, Against: "clean"},
	} {
		got, err := suite.ParseCondition(c.String())
		if err != nil || got != c {
			t.Errorf("%+v became %q and then %+v, %v", c, c.String(), got, err)
		}
	}
	for _, s := range []string{"", "fog", "fog/x", "clean@", "clean@-1"} {
		if c, err := suite.ParseCondition(s); err == nil {
			t.Errorf("ParseCondition(%q) = %+v", s, c)
		}
	}
}

// What is listed twice would be measured and counted twice: twice as many images.
func TestNothingIsListedTwice(t *testing.T) {
	const file = `id: s
version: 1
title: T
question: Q
datasets: [d]
score_at: original
resolutions: [64, 32]
metrics: [psnr, ssim]
headline: [psnr, ssim]
corruptions: [{type: fog, severities: [1, 3]}]
bins: {scale: tag, names: [a, b]}
`
	if _, err := loadYAML(t, file); err != nil {
		t.Fatal(err)
	}
	for change, want := range map[[2]string]string{
		{"64, 32", "64, 64"}:                                         "resolutions: 64 px is listed twice",
		{"64, 32", "native, 64, native"}:                             "resolutions: native size is listed twice",
		{"metrics: [psnr", "metrics: [ssim, psnr"}:                   `metrics: "ssim" is listed twice`,
		{"headline: [psnr", "headline: [psnr, psnr"}:                 `headline: "psnr" is listed twice`,
		{"[1, 3]", "[3, 1, 3]"}:                                      "severity 3 is listed twice",
		{"names: [a, b]", "names: [a, b, a]"}:                        `bins.names: "a" is listed twice`,
		{"[{type: fog", "[{type: fog, severities: [1]}, {type: fog"}: "fog is listed twice",
	} {
		if _, err := loadYAML(t, strings.Replace(file, change[0], change[1], 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", change[1], err, want)
		}
	}
}
