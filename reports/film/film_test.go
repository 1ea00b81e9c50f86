package film_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/fixture"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/film"
	"github.com/vtbench/vtbench/reports/gallery"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
)

// made is the run that the tests look at; they do not change it.
var made *summary.Run

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "vtbench-film-")
	if err == nil {
		made, err = fixture.Films(dir)
	}
	code := 1
	if err == nil {
		code = m.Run()
	}
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func films(t *testing.T) (*view.View, *gallery.Gallery, []*film.Film) {
	t.Helper()
	return arranged(t, made)
}

func arranged(t *testing.T, run *summary.Run) (*view.View, *gallery.Gallery, []*film.Film) {
	t.Helper()
	v, err := view.New(run)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gallery.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	return v, g, film.Of(v, g)
}

// Every frame has its place, pictures are known of the clip that was kept, and values are
// those of the records.
func TestOf(t *testing.T) {
	v, g, all := films(t)
	if len(all) != len(fixture.FilmClips) {
		t.Fatalf("%d films, want %d", len(all), len(fixture.FilmClips))
	}
	for i, f := range all {
		if f.Clip.ID != fixture.FilmClips[i] || f.Window != fixture.FilmWindow || len(f.Frames) != fixture.FilmFrames {
			t.Errorf("film %d is %q with windows of %d and %d frames", i, f.Clip.ID, f.Window, len(f.Frames))
		}
		if kept := len(f.Kept); (i == 0) != (kept > 0) {
			t.Errorf("%s: %d tokenizers have pictures", f.Clip.ID, kept)
		}
		for at, it := range f.Frames {
			if it == nil || !strings.HasPrefix(it.Name, f.Clip.ID+"/") || it.Frame != at {
				t.Fatalf("%s: frame %d is %+v", f.Clip.ID, at, it)
			}
		}
		if !f.Edge(0) || !f.Edge(fixture.FilmWindow) || f.Edge(1) {
			t.Errorf("%s: windows begin elsewhere", f.Clip.ID)
		}
	}
	flicker := slices.IndexFunc(g.Metrics, func(m metrics.Spec) bool { return m.ID == "flicker" })
	vq := slices.IndexFunc(v.Tokens, func(t view.Token) bool { return t.Own == "vq3d:k=1024" })
	if first := all[0].Value(flicker, vq, 0); !math.IsNaN(first) {
		t.Errorf("the first frame has a flicker of %g", first)
	}
	if a, b := all[0].Value(flicker, vq, fixture.FilmWindow), all[0].Value(flicker, vq, fixture.FilmWindow+1); !(a > 2*b) {
		t.Errorf("flicker is %g where a window begins and %g behind it", a, b)
	}
	for _, m := range g.Metrics {
		if m.ID == "boundary" || m.ID == "t-stability" {
			t.Errorf("%s is no metric of single frames", m.ID)
		}
	}
}

// A strip is the track that a tokenizer holds worst of those with pictures, in every frame in
// which the thing is, and what was read there adds up to the metric.
func TestStrips(t *testing.T) {
	v, g, all := films(t)
	strips := film.Strips(v, g, all)
	if len(strips) != 4 {
		t.Fatalf("%d strips, want one a contestant", len(strips))
	}
	for _, s := range strips {
		least := math.Inf(1)
		for _, tr := range g.Tracks {
			if tr.Metric == "t-stability" && tr.Clip == s.Clip.ID {
				least = min(least, tr.Values[s.Token])
			}
		}
		if got := s.Track.Values[s.Token]; got != least {
			t.Errorf("%s: the worst track has %g, want %g", v.Tokens[s.Token].Name, got, least)
		}
		read, of := s.Held()
		if want := s.Track.Values[s.Token] * float64(of); math.Abs(float64(read)-want) > 1e-9 {
			t.Errorf("%s: read in %d of %d frames, the metric says %g", v.Tokens[s.Token].Name, read, of, want)
		}
		if s.Worse != nil && !(s.Worse.Values[s.Token] < least) {
			t.Errorf("%s: %s of %s is said to be worse and has %g", v.Tokens[s.Token].Name, s.Worse.Instance, s.Worse.Clip, s.Worse.Values[s.Token])
		}
		for _, tr := range g.Tracks {
			if tr.Metric == "t-stability" && tr.Values[s.Token] < least && s.Worse == nil {
				t.Errorf("%s: nothing is said of %s of %s, which is worse", v.Tokens[s.Token].Name, tr.Instance, tr.Clip)
			}
		}
	}
}

// Frames keep their places where others could not be loaded: such a record does not say which
// clip it is of.
func TestLostFrames(t *testing.T) {
	run := &summary.Run{Manifest: made.Manifest, Summary: made.Summary, Dir: t.TempDir()}
	run.Manifest.Datasets = slices.Clone(run.Manifest.Datasets)
	run.Manifest.Datasets[0].Clips = []record.ClipEntry{{ID: "a", Frames: 4}, {ID: "b", First: 4, Frames: 3}}
	j, err := record.OpenJournal(run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, item := range []string{"a/0", "-", "a/2", "-", "-", "b/1", "-"} {
		rec := record.Record{Suite: "video", Dataset: "clips", Item: item, Error: "no"}
		if item == "-" {
			rec.Item = "lost" + string(rune('0'+i))
		} else {
			rec = record.Record{Tokenizer: "resize", Suite: "video", Dataset: "clips", Item: item, Cluster: item[:1], Condition: "clean@256", Metric: "psnr", Value: record.Num(float64(i))}
		}
		if err := j.AddRecord(&rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Commit(0, 7); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, all := arranged(t, run)
	got := map[string]bool{}
	for _, f := range all {
		for at, it := range f.Frames {
			if it != nil {
				got[it.Name+" is "+f.Clip.ID+" "+string(rune('0'+at))] = true
			}
		}
	}
	for _, want := range []string{"a/0 is a 0", "a/2 is a 2", "b/1 is b 1"} {
		if !got[want] {
			t.Errorf("want %s, got %v", want, got)
		}
	}
}

// Of a thing in which nothing is read, as a face, a strip says how alike it is.
func TestFaces(t *testing.T) {
	v, g, all := films(t)
	for _, f := range all {
		for _, it := range f.Frames {
			if it.Boxes == nil {
				continue
			}
			for i := range it.Boxes.List {
				it.Boxes.List[i].Label = ""
			}
			for _, found := range it.Boxes.Found {
				for i := range found {
					found[i].Right, found[i].Read = math.NaN(), ""
				}
			}
		}
	}
	figures, err := film.Figures(v, g, all)
	if err != nil {
		t.Fatal(err)
	}
	f, ok := figures[0].Figure.(plot.Filmstrip)
	if !ok || len(f.Marks) > 0 || !strings.Contains(f.Describe(), " %, frame ") || strings.Contains(f.Note, "Read in") {
		t.Errorf("%q, %q", f.Describe(), f.Note)
	}
}

// Pictures that are missing leave their place, and all missing the strip.
func TestFigures(t *testing.T) {
	v, g, all := films(t)
	figures, err := film.Figures(v, g, all)
	if err != nil {
		t.Fatal(err)
	}
	strips, panels := 0, 0
	for _, f := range figures {
		if f.Part != plot.PartFilms {
			t.Errorf("%s stands elsewhere", f.Name)
		}
		switch d := f.Figure.(type) {
		case plot.Filmstrip:
			strips++
			if len(d.Cells) == 0 || len(d.Marks) < len(d.Cells) || !strings.Contains(d.Describe(), "read from frame") {
				t.Errorf("%s: %d cells, %d marks, %q", f.Name, len(d.Cells), len(d.Marks), d.Describe())
			}
		case plot.Panels:
			panels++
			for _, p := range d.Figures {
				if want := fixture.FilmFrames/fixture.FilmWindow - 1; len(p.Rules) != want {
					t.Errorf("%s, %s: %d windows are marked, want %d", f.Name, p.Title, len(p.Rules), want)
				}
			}
		}
		for _, draw := range []func() ([]byte, error){f.Figure.PNG, f.Figure.SVG} {
			if b, err := draw(); err != nil || len(b) == 0 {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	if strips != 4 || panels != 3 {
		t.Errorf("%d strips and %d figures over time, want 4 and 3", strips, panels)
	}
	for i := range v.Runs {
		v.Runs[i].Dir = t.TempDir()
	}
	figures, err = film.Figures(v, g, all)
	if err != nil || len(figures) != panels {
		t.Errorf("without pictures there are %d figures: %v", len(figures), err)
	}
}

func TestCSV(t *testing.T) {
	v, g, all := films(t)
	lines := strings.Split(strings.TrimSpace(string(film.CSV(v, g, all))), "\n")
	want := "clips,clean@256,pan,9,1,0.750,vq3d:k=1024,flicker,"
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
		t.Errorf("no line begins with %s", want)
	}
	lines = strings.Split(strings.TrimSpace(string(film.TracksCSV(v, g))), "\n")
	if want := 1 + len(g.Tracks)*len(v.Tokens); len(lines) != want {
		t.Errorf("%d lines of tracks, want %d", len(lines), want)
	}
}

// Two runs on one page have figures of their own each.
func TestJoined(t *testing.T) {
	other := *made
	other.Dir = t.TempDir()
	v, err := view.New(made, &other)
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Runs {
		v.Runs[i].Dir = made.Dir
	}
	g, err := gallery.Of(v)
	if err != nil {
		t.Fatal(err)
	}
	figures, err := film.Figures(v, g, film.Of(v, g))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range figures {
		if seen[f.Name] {
			t.Errorf("two figures are called %s", f.Name)
		}
		seen[f.Name] = true
	}
	if len(figures) != 8+3 {
		t.Errorf("%d figures, want a strip for each of eight tokenizers, and three over time", len(figures))
	}
}
