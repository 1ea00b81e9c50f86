package view_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/view"
)

// Tokenizers of images are marked where films are shown, with a note, and nowhere else; what
// is counted and drawn has its own words.
func TestFilms(t *testing.T) {
	run, err := fixture.Films(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range v.Tokens {
		want := !tok.Reference && tok.Info.Clips == nil
		if got := strings.HasSuffix(tok.Name, view.ByFrameMark); got != want {
			t.Errorf("%s is marked: %t, want %t", tok.Name, got, want)
		}
	}
	if !strings.Contains(strings.Join(v.Warnings, "\n"), view.ByFrameMark+": a tokenizer of images") {
		t.Errorf("nothing says what the mark means: %q", v.Warnings)
	}
	if m, ok := v.Stability(v.Sections()[0]); !ok || m.ID != "t-stability" {
		t.Errorf("tracks are judged by %q", m.ID)
	}
	if got := v.Samples(); got != "clips" {
		t.Errorf("%s are drawn", got)
	}
	for scope, want := range map[metrics.Scope]string{
		metrics.PerImage: "frames", metrics.PerInstance: "instances", metrics.PerStep: "steps between frames", metrics.PerClip: "clips", metrics.PerTrack: "tracks",
	} {
		if got := view.Units(true, metrics.Spec{Scope: scope}); got != want {
			t.Errorf("values per %s are counted as %s, want %s", scope, got, want)
		}
	}
	// Tracks have bins, as words do.
	s := v.Sections()[0]
	for _, bin := range []string{"small", "large"} {
		for _, tok := range v.Tokens {
			if c := v.At(tok, s.Dataset.Name, s.Condition, bin, "t-stability"); c.N != len(fixture.FilmClips) {
				t.Errorf("%s has %d tracks in bin %s, want %d", tok.Name, c.N, bin, len(fixture.FilmClips))
			}
		}
	}

	images, err := view.New(fixture.Numbers(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	for _, tok := range images.Tokens {
		if strings.HasSuffix(tok.Name, view.ByFrameMark) {
			t.Errorf("%s is marked among images", tok.Name)
		}
	}
	if got := images.Samples(); got != "images or people" {
		t.Errorf("%s are drawn of images", got)
	}

	other := *run
	other.Dir += "-other"
	other.Manifest.Suite.Window = suite.DefaultWindow
	if _, err := view.New(run, &other); !errors.Is(err, view.ErrMismatch) || !strings.Contains(err.Error(), "8 frames of a film at once against 16") {
		t.Errorf("runs with other windows stand on one page: %v", err)
	}
}
