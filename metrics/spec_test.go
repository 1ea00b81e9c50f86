package metrics_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/metrics"
)

func example() metrics.Spec {
	return metrics.Spec{
		ID: "my-index", Version: 1, Title: "My index", Better: metrics.Higher, Min: 0, Max: 1, Scope: metrics.PerImage,
		Source: "Author 2024", Role: metrics.RoleQuality, Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01},
		Short: "an index", Long: "What it is.",
	}
}

func TestInfiniteLimitsSurviveAFile(t *testing.T) {
	for _, limits := range [][2]float64{{0, 1}, {0, math.Inf(1)}, {math.Inf(-1), 100}, {math.Inf(-1), math.Inf(1)}, {-1, 1}} {
		want := example()
		want.Min, want.Max = limits[0], limits[1]
		want.Axis = [2]float64{-.5, 1}
		want.Floor = metrics.Floor{Metric: "other", Title: "others"}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got metrics.Spec
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("limits %v (-want +got):\n%s", limits, d)
		}
	}
}

// TestOlderFiles reads what version 1 of the manifest had: no limits, no display.
func TestOlderFiles(t *testing.T) {
	var s metrics.Spec
	old := `{"id":"psnr","version":1,"title":"PSNR","unit":"dB","better":"higher","scope":"image","source":"scikit-image"}`
	if err := json.Unmarshal([]byte(old), &s); err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(s.Min, -1) || !math.IsInf(s.Max, 1) {
		t.Errorf("the range is %g to %g, want unbounded", s.Min, s.Max)
	}
	if _, ok := s.Perfect(); ok {
		t.Error("an unknown limit was taken for a perfect value")
	}
	c := s.Complete()
	if c.Show != metrics.Fixed(2) || c.Margin != (metrics.Margin{Absolute: .1}) || c.Role != metrics.RoleQuality || c.Short == "" {
		t.Errorf("completed to %+v", c)
	}
}

func TestComplete(t *testing.T) {
	inf := math.Inf(1)
	for _, tc := range []struct {
		name string
		spec metrics.Spec
		want metrics.Spec
	}{
		{"a plain index", metrics.Spec{Min: -1, Max: 1}, metrics.Spec{Show: metrics.Fixed(3), Margin: metrics.Margin{Absolute: .01}, Role: metrics.RoleQuality}},
		{"a plain number to 65025", metrics.Spec{Min: 0, Max: 65025}, metrics.Spec{Show: metrics.Fixed(3), Margin: metrics.Margin{Relative: .02}, Role: metrics.RoleQuality}},
		{"a plain number to 100", metrics.Spec{Min: -inf, Max: 100}, metrics.Spec{Show: metrics.Fixed(3), Margin: metrics.Margin{Relative: .02}, Role: metrics.RoleQuality}},
		{"a share", metrics.Spec{Unit: "share"}, metrics.Spec{Unit: "share", Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01}, Role: metrics.RoleQuality}},
		{"a rate by its old unit", metrics.Spec{Unit: "bit/px"}, metrics.Spec{Unit: "bpp", Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .01}, Role: metrics.RoleRate, Rate: metrics.Nominal}},
		{"codes", metrics.Spec{Unit: "codes"}, metrics.Spec{Unit: "codes", Show: metrics.Significant(3), Margin: metrics.Margin{Relative: .02}, Role: metrics.RoleTokens}},
		{"an unknown unit", metrics.Spec{Unit: "cm"}, metrics.Spec{Unit: "cm", Show: metrics.Fixed(3), Margin: metrics.Margin{Relative: .02}, Role: metrics.RoleQuality}},
		{"nothing is overwritten", metrics.Spec{Unit: "dB", Show: metrics.Fixed(1), Margin: metrics.Margin{Relative: .5}, Role: metrics.RolePixels}, metrics.Spec{Unit: "dB", Show: metrics.Fixed(1), Margin: metrics.Margin{Relative: .5}, Role: metrics.RolePixels}},
	} {
		got := tc.spec.Complete()
		if got.Unit != tc.want.Unit || got.Show != tc.want.Show || got.Margin != tc.want.Margin || got.Role != tc.want.Role || got.Rate != tc.want.Rate {
			t.Errorf("%s: completed to %+v", tc.name, got)
		}
		if again := got.Complete(); again != got {
			t.Errorf("%s: completing twice gives %+v", tc.name, again)
		}
	}
}

func TestValidate(t *testing.T) {
	if err := example().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*metrics.Spec)
		want   string
	}{
		"id":        {func(s *metrics.Spec) { s.ID = "My Index" }, "id"},
		"version":   {func(s *metrics.Spec) { s.Version = 0 }, "version"},
		"words":     {func(s *metrics.Spec) { s.Short = "" }, "short"},
		"direction": {func(s *metrics.Spec) { s.Better = "" }, "better"},
		"scope":     {func(s *metrics.Spec) { s.Scope = "" }, "scope"},
		"range":     {func(s *metrics.Spec) { s.Max = 0 }, "range"},
		"display":   {func(s *metrics.Spec) { s.Show = metrics.Display{} }, "Percent, Fixed or Significant"},
		"percent":   {func(s *metrics.Spec) { s.Show = metrics.Percent(1) }, "share"},
		"margin":    {func(s *metrics.Spec) { s.Margin = metrics.Margin{} }, "margin"},
		"role":      {func(s *metrics.Spec) { s.Role = "" }, "role"},
		"rate":      {func(s *metrics.Spec) { s.Role = metrics.RoleRate }, "counted"},
		"axis":      {func(s *metrics.Spec) { s.Axis = [2]float64{1, 0} }, "axis"},
		"floor":     {func(s *metrics.Spec) { s.Floor.Title = "nothing" }, "floor"},
	} {
		s := example()
		tc.change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, tc.want)
		}
	}
}

func TestMarginOf(t *testing.T) {
	for _, tc := range []struct {
		m              metrics.Margin
		baseline, want float64
	}{
		{metrics.Margin{Absolute: .01}, 5, .01},
		{metrics.Margin{Relative: .02}, -50, 1},
		{metrics.Margin{Absolute: .01, Relative: .02}, 50, 1},
		{metrics.Margin{Absolute: .01, Relative: .02}, 0, .01},
	} {
		if got := tc.m.Of(tc.baseline); got != tc.want {
			t.Errorf("%+v of %g is %g, want %g", tc.m, tc.baseline, got, tc.want)
		}
	}
}
