package compare_test

import (
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/fixture"
)

// Values of steps, clips and tracks are paired as others are, and what is drawn are clips.
func TestFilms(t *testing.T) {
	dir := t.TempDir()
	if _, err := fixture.Films(dir); err != nil {
		t.Fatal(err)
	}
	results, err := compare.Load(dir, compare.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if d := results.Datasets[0]; d.Clips != len(fixture.FilmClips) || d.Items != len(fixture.FilmClips)*fixture.FilmFrames {
		t.Errorf("the data set is %+v", d)
	}
	for _, tok := range results.Tokens {
		if want := tok.Kind == "vq3d" || tok.Kind == "sparse-residual"; tok.Clips != want {
			t.Errorf("%s codes frames together: %t", tok.Name, tok.Clips)
		}
	}
	report, err := compare.Compare([]compare.Side{{Results: results, Tokenizer: "vq:patch=8,k=256"}}, compare.Side{Results: results, Tokenizer: "vq3d:k=1024"}, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := report.Samples(); got != "clips" {
		t.Errorf("%s are drawn", got)
	}
	clips := len(fixture.FilmClips)
	want := map[string]int{
		"psnr": clips * fixture.FilmFrames, "flicker": clips * (fixture.FilmFrames - 1), "boundary": clips, "t-stability": 2 * clips,
	}
	for _, r := range report.Rows {
		n, ok := want[r.Metric]
		if !ok || r.Bin != "" && r.Bin != "mean" {
			continue
		}
		delete(want, r.Metric)
		if r.N != n || r.Clusters != clips {
			t.Errorf("%s: %d values of %d clips, want %d of %d", r.Metric, r.N, r.Clusters, n, clips)
		}
		if r.Why != "" && strings.Contains(r.Why, "image") {
			t.Errorf("%s: %s", r.Metric, r.Why)
		}
	}
	for id := range want {
		t.Errorf("no row of %s", id)
	}
	boards, err := compare.Boards([]*compare.Results{results}, compare.BoardOptions{Resamples: 99})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range boards {
		if b.Metric == "t-stability" && (b.Total != 2*clips || b.Clusters != clips) {
			t.Errorf("a board of %d tracks of %d clips", b.Total, b.Clusters)
		}
	}
}
