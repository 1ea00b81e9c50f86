package suite_test

import (
	"image"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// Bins by tag hold instances by one of their tags, at every resolution; an image belongs
// to the bin of most of its characters.
func TestBinsByTag(t *testing.T) {
	s := testSuite()
	s.Bins = &suite.Bins{Scale: suite.ByTag, Names: []string{"6pt", "8pt"}}
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	box := image.Rect(0, 0, 9, 9)
	item := datasets.Item{Image: pix.New(10, 10), Instances: []datasets.Instance{
		{ID: "a", Text: "long text", Box: box, Tags: []string{"page", "8pt"}},
		{ID: "b", Text: "short", Box: box, Tags: []string{"6pt"}},
		{ID: "c", Text: "none", Box: box},
		{ID: "d", Text: "###", Box: box, Ignore: true, Tags: []string{"6pt"}},
	}}
	for _, res := range s.Resolutions {
		scored, bin, left := s.Sort(item, res)
		if d := cmp.Diff(map[string]string{"a": "8pt", "b": "6pt"}, bin); d != "" || len(scored) != 2 {
			t.Errorf("at %d, %d instances (-want +got):\n%s", res, len(scored), d)
		}
		if d := cmp.Diff(map[string]string{"c": metrics.DropOutside, "d": metrics.DropIgnored}, left); d != "" {
			t.Errorf("left out (-want +got):\n%s", d)
		}
		if got := s.BinOf(scored, bin); got != "8pt" {
			t.Errorf("the image is in the bin %q", got)
		}
	}
	s.Bins.Edges = map[int][]float64{256: {0, 1, 2}}
	if err := s.Validate(); err == nil {
		t.Error("bins by tag with edges are accepted")
	}
}
