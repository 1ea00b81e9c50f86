package view_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/reports/view"
)

func robust(t *testing.T) *summary.Run {
	t.Helper()
	run, err := fixture.Robust(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestRobustGrids(t *testing.T) {
	run := robust(t)
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	grids := v.RobustGrids()
	var keys []string
	for _, g := range grids {
		keys = append(keys, g.Key())
		if len(g.Corruptions) != len(run.Manifest.Suite.Corruptions) || g.Corruptions[0] != "gaussian_noise" {
			t.Errorf("%s: corruptions %v", g.Key(), g.Corruptions)
		}
		if !g.Rows[0].Token.Reference {
			t.Errorf("%s starts with %s", g.Key(), g.Rows[0].Token.Name)
		}
		last := math.Inf(1)
		for _, r := range g.Rows {
			if len(r.Cells) != len(g.Corruptions) {
				t.Fatalf("%s: %d cells", g.Key(), len(r.Cells))
			}
			if r.Token.Reference || math.IsNaN(r.RPC.Mean) {
				continue
			}
			if r.RPC.Mean > last {
				t.Errorf("%s: %s keeps more than the row above it", g.Key(), r.Token.Name)
			}
			last = r.RPC.Mean
		}
	}
	want := []string{"retention/text-default/256/t-ned/", "retention/text-default/256/psnr/", "retention/text-default/256/psnr/clean"}
	if !slices.Equal(keys, want) {
		t.Errorf("tables %v, want %v", keys, want)
	}
	tok, _ := v.Token("jpeg:q=20")
	points := v.Severities(tok, grids[0], "fog")
	if len(points) != 4 || points[0].Severity != 0 || points[3].Severity != 5 {
		t.Fatalf("severities: %+v", points)
	}
	if !(points[0].Mean > points[3].Mean) {
		t.Errorf("fog does no harm: %v to %v", points[0].Mean, points[3].Mean)
	}
	if got := v.Severities(tok, grids[0], "none"); got != nil {
		t.Errorf("an unknown corruption has points: %v", got)
	}
	if got := v.Severities(tok, grids[2], "fog"); len(got) != 4 {
		t.Errorf("restoration has %d points", len(got))
	}
	found := false
	for _, f := range v.Findings() {
		found = found || f.Key == "steadiest" && strings.Contains(f.Plain(), "Hardest for all: ")
	}
	if !found {
		t.Error("no finding says who keeps most")
	}
}

// Scores over conditions mean nothing beside those over others.
func TestRunsWithOtherCorruptionsAreNotJoined(t *testing.T) {
	a, b := robust(t), robust(t)
	b.Manifest.Suite.Corruptions = b.Manifest.Suite.Corruptions[1:]
	if _, err := view.New(a, b); !errors.Is(err, view.ErrMismatch) {
		t.Errorf("joined: %v", err)
	}
	b = robust(t)
	b.Manifest.Suite.Baseline = "jpeg:q=20"
	if _, err := view.New(a, b); !errors.Is(err, view.ErrMismatch) {
		t.Errorf("joined: %v", err)
	}
}

// An upper bound that both runs measured alike stands in each table once.
func TestJoinedRobustness(t *testing.T) {
	v, err := view.New(robust(t), robust(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range v.RobustGrids() {
		names := map[string]int{}
		for _, r := range g.Rows {
			names[r.Token.Name]++
			if math.IsNaN(r.P.Mean) && r.Token.Own != suite.Original {
				t.Errorf("%s has no clean score", r.Token.Name)
			}
		}
		if names["resize"] != 1 {
			t.Errorf("%s: resize stands there %d times", g.Key(), names["resize"])
		}
	}
}
