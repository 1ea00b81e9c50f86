package all_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/all"
)

// TestSpecsAreWhole holds every metric to the contract: what a report or a comparison
// may ask is stated.
func TestSpecsAreWhole(t *testing.T) {
	seen := map[string]metrics.Spec{}
	for _, k := range all.Kinds() {
		if len(k.Specs) == 0 {
			t.Error("a kind yields nothing")
		}
		for _, s := range k.Specs {
			if err := s.Validate(); err != nil {
				t.Error(err)
			}
			if _, twice := seen[s.ID]; twice {
				t.Errorf("two metrics have the id %q", s.ID)
			}
			seen[s.ID] = s
		}
	}
	for _, s := range seen {
		if s.Floor != (metrics.Floor{}) {
			if f, ok := seen[s.Floor.Metric]; !ok || f.Show != s.Show || f.Scope != s.Scope {
				t.Errorf("the floor of %s is %s, which is not shown alike", s.ID, s.Floor.Metric)
			}
		}
		// What a manifest holds says as much as the program does.
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got metrics.Spec
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(s, got); d != "" {
			t.Errorf("%s is another one after a file (-want +got):\n%s", s.ID, d)
		}
		if d := cmp.Diff(s, s.Complete()); d != "" {
			t.Errorf("%s leaves something to its unit (-stated +completed):\n%s", s.ID, d)
		}
	}
}
