package token

import (
	"math"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// A channel that never changes is told from those that do, for any order and
// grouping of the images.
func TestLatentObserverFindsCollapse(t *testing.T) {
	var obs LatentObserver
	var states []string
	for i := range 6 {
		l := tokenizers.Latent{Shape: []int{3, 1, 2}, LogVariance: make([]float32, 6)}
		for c := range 3 {
			for p := range 2 {
				v := float32(.7)
				if c != 1 {
					v = float32((i*7+c*3+p*5)%4) - 1.5
				}
				l.Data = append(l.Data, v)
			}
		}
		values, state, err := obs.Observe(metrics.Observation{Latent: &l, W: 8, H: 8})
		if err != nil || len(values) != 0 || state == "" {
			t.Fatalf("values %v, state %q, %v", values, state, err)
		}
		states = append(states, state)
	}
	add := func(order ...int) metrics.Accumulator {
		a := obs.NewAccumulator()
		for _, i := range order {
			if err := a.Add(states[i]); err != nil {
				t.Fatal(err)
			}
		}
		return a
	}
	one := add(0, 1, 2, 3, 4, 5)
	two := add(5, 3)
	if err := two.Merge(add(4, 0, 1, 2)); err != nil {
		t.Fatal(err)
	}
	for _, a := range []metrics.Accumulator{one, two} {
		if w := a.(metrics.Warner).Warnings(); len(w) != 1 || !strings.Contains(w[0], "1 of 3 channels") {
			t.Errorf("warnings %q", w)
		}
		values, err := a.Result()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, v := range values {
			got[v.Metric] = v.Value
		}
		if got[LatentUnits] != 3 || math.Abs(got[LatentActive]-2./3) > 1e-12 {
			t.Errorf("units %v, active %v, want 3 and 2/3", got[LatentUnits], got[LatentActive])
		}
		// Posterior variance 1: half the mean square.
		if math.Abs(got[LatentLeast]-.245) > 1e-6 || got[LatentKL] <= got[LatentLeast] {
			t.Errorf("KL %v, least %v", got[LatentKL], got[LatentLeast])
		}
	}
	if _, state, err := obs.Observe(metrics.Observation{W: 8, H: 8}); err != nil || state != "" {
		t.Errorf("without a latent: %q, %v", state, err)
	}
	if values, err := obs.NewAccumulator().Result(); err != nil || len(values) != 0 {
		t.Errorf("nothing added: %v, %v", values, err)
	}
}
