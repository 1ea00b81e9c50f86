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
			if r.Token.Reference || math.IsNaN(r.MPC.Mean) {
				continue
			}
			if r.MPC.Mean > last {
				t.Errorf("%s: %s scores more than the row above it", g.Key(), r.Token.Name)
			}
			last = r.MPC.Mean
			if math.IsNaN(r.Loss.Mean) {
				t.Errorf("%s: %s has no loss against %s", g.Key(), r.Token.Name, g.Baseline)
			}
		}
	}
	want := []string{"under/text-default/256/t-ned/", "under/text-default/256/psnr/", "under/text-default/256/psnr/clean"}
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
		t.Error("no finding says who is best under damage")
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

// Relative scores praise those that have little to lose: they are shown above a clean
// floor only, and never as more than all of it.
func TestRelativeScoresNeedACleanScore(t *testing.T) {
	r := robust(t)
	r.Summary.Robustness = slices.Clone(r.Summary.Robustness)
	for i := range r.Summary.Robustness { // who reads nothing loses nothing
		if s := &r.Summary.Robustness[i]; s.Tokenizer == "vq:patch=4,k=1024" && s.Score == summary.ScoreP {
			s.Value = .03
		}
	}
	v, err := view.New(r)
	if err != nil {
		t.Fatal(err)
	}
	grids := v.RobustGrids()
	g := grids[0]
	floor := math.NaN()
	for _, r := range g.Rows {
		if r.Token.Own == "resize" {
			floor = view.CleanFloor * r.P.Mean
		}
	}
	shown, hidden := 0, 0
	for _, r := range g.Rows {
		if r.Token.Own == suite.Original {
			continue
		}
		has := !math.IsNaN(r.RPC.Mean)
		if has != (r.P.Mean >= floor) {
			t.Errorf("%s with a clean score of %.3f (floor %.3f) shows what is kept: %v", r.Token.Name, r.P.Mean, floor, has)
		}
		for _, c := range r.Kept {
			if has == math.IsNaN(c.Mean) {
				t.Errorf("%s: kept under one corruption %v, over all %v", r.Token.Name, c.Mean, r.RPC.Mean)
			}
		}
		if has {
			shown++
		} else {
			hidden++
		}
	}
	if shown == 0 || hidden == 0 {
		t.Errorf("%d tokenizers are above the floor, %d below: the fixture shows nothing", shown, hidden)
	}
	for _, r := range grids[1].Rows { // a logarithm has no shares
		if !math.IsNaN(r.RPC.Mean) {
			t.Errorf("%s keeps %v of its decibels", r.Token.Name, r.RPC.Mean)
		}
	}
	if got := view.Kept(view.Cell{Mean: 1.36}); got != "> 100" {
		t.Errorf("136 %% is shown as %q", got)
	}
	for _, f := range v.Findings() {
		if f.Key == "steadiest" && f.Value != best(g) {
			t.Errorf("%s is called best under damage; the best score has %s", f.Value, best(g))
		}
	}
}

// best is the contestant with the best score under damage.
func best(g view.RobustGrid) string {
	name, most := "", math.Inf(-1)
	for _, r := range g.Rows {
		if !r.Token.Reference && r.MPC.Mean > most {
			name, most = r.Token.Name, r.MPC.Mean
		}
	}
	return name
}
