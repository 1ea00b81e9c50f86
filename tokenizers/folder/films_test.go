package folder_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/all"
)

// write codes frames of 32×24 without loss, frame k of level from+10·k.
func write(t *testing.T, n int, from uint8, elem ...string) {
	t.Helper()
	p, err := ffmpeg.Open(t.Context())
	testenv.Need(t, err)
	var raw bytes.Buffer
	for k := range n {
		raw.Write(bytes.Repeat([]byte{from + uint8(10*k)}, 3*32*24))
	}
	path := filepath.Join(elem...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := ffmpeg.File(path)
	if err != nil {
		t.Fatal(err)
	}
	job := ffmpeg.Job{
		Inputs: []ffmpeg.Input{{Options: []string{"-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "32x24", "-r", "25"}, Reader: &raw}},
		Output: []string{"-c:v", "ffv1", "-pix_fmt", "gbrp", file},
	}
	var out bytes.Buffer
	if err := p.Run(t.Context(), job, &out); err != nil {
		t.Fatal(err)
	}
}

func open(ctx context.Context, spec string) (tokenizers.Tokenizer, error) {
	s, err := tokenizers.ParseSpec(spec, all.Kinds())
	if err != nil {
		return nil, err
	}
	kind, opts, err := tokenizers.Resolve(s, all.Kinds())
	if err != nil {
		return nil, err
	}
	return kind.Open(ctx, opts)
}

func mustOpen(t *testing.T, dir string) tokenizers.Tokenizer {
	t.Helper()
	tok, err := open(t.Context(), "folder:"+dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tok.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	})
	return tok
}

// frames asks for the frames of two clips of a data set at a resolution: pan of 5, zoom of 3.
func frames(t *testing.T, tok tokenizers.Tokenizer, condition string, side int) map[string]tokenizers.Reconstruction {
	t.Helper()
	a := tokenizers.Asked{Dataset: "drawn", Conditions: []string{condition}, Resolutions: []int{side}}
	for _, c := range []struct {
		id string
		n  int
	}{{"pan", 5}, {"zoom", 3}} {
		for k := range c.n {
			a.Items = append(a.Items, fmt.Sprintf("%s/%04d", c.id, 2*k)) // every second frame of a film
		}
	}
	if err := tok.(tokenizers.Planner).Plan(t.Context(), []tokenizers.Asked{a}); err != nil {
		t.Fatal(err)
	}
	out := map[string]tokenizers.Reconstruction{}
	for _, it := range a.Items {
		ref := tokenizers.ItemRef{Dataset: "drawn", Item: it, Condition: condition, Resolution: side, W: 320, H: 240}
		got, err := tok.(tokenizers.Lookup).ReconstructItems(t.Context(), []tokenizers.ItemRef{ref}, []pix.Image{pix.New(32, 24)})
		if err != nil {
			t.Fatal(err)
		}
		out[it] = got[0]
	}
	return out
}

// TestFilmsInFiles: a film in the place of a folder of frames holds them in their order; where
// a frame has a file of its own, that is it.
func TestFilmsInFiles(t *testing.T) {
	for _, below := range []string{"", "drawn", "drawn_32", "gaussian_noise/3/drawn_32"} {
		dir := t.TempDir()
		condition := "clean"
		if strings.HasPrefix(below, "gaussian") {
			condition = "gaussian_noise/3"
		}
		write(t, 5, 20, dir, below, "pan.mkv")
		write(t, 3, 100, dir, below, "zoom.mkv")
		own := pix.New(32, 24)
		own.Pix[0] = 7
		if err := os.MkdirAll(filepath.Join(dir, below, "zoom"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := own.SavePNG(filepath.Join(dir, below, "zoom", "0002.png")); err != nil {
			t.Fatal(err)
		}
		tok := mustOpen(t, dir)
		for it, want := range map[string]uint8{"pan/0000": 20, "pan/0008": 60, "pan/0004": 40, "zoom/0000": 100, "zoom/0002": 7, "zoom/0004": 120} {
			got := frames(t, tok, condition, 32)[it]
			if got.Err != nil || got.Image.W != 32 || got.Image.Pix[0] != want {
				t.Errorf("below %q: %s: %v, want level %d", below, it, got.Err, want)
			}
		}
		if tok.Info().Clips != nil {
			t.Error("finds frames one by one, and declares clips")
		}
	}
}

// TestFilmsThatDoNotFit: a film of another length or size, one that is torn, and two for one
// clip are named.
func TestFilmsThatDoNotFit(t *testing.T) {
	dir := t.TempDir()
	write(t, 4, 20, dir, "pan.mkv")
	if err := os.WriteFile(filepath.Join(dir, "zoom.mp4"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := frames(t, mustOpen(t, dir), "clean", 32)
	if err := got["pan/0002"].Err; err == nil || !strings.Contains(err.Error(), "pan.mkv has 4 frames, and pan has 5") {
		t.Errorf("a film that is too short: %v", err)
	}
	if err := got["zoom/0002"].Err; err == nil || !strings.Contains(err.Error(), "zoom.mp4") {
		t.Errorf("a torn film: %v", err)
	}
	sized := t.TempDir()
	write(t, 5, 20, sized, "pan.mkv")
	tok := mustOpen(t, sized)
	out, err := tok.(tokenizers.Lookup).ReconstructItems(t.Context(), []tokenizers.ItemRef{{Dataset: "drawn", Item: "pan/0000", Condition: "clean", Resolution: 64, W: 320, H: 240}}, []pix.Image{pix.New(64, 64)})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "pan.mkv") {
		t.Errorf("a film of another size, and of one frame that was asked for: %v, %v", out[0].Err, err)
	}
	twice := t.TempDir()
	write(t, 5, 20, twice, "pan.mkv")
	write(t, 5, 20, twice, "pan.avi")
	err = mustOpen(t, twice).(tokenizers.Planner).Plan(t.Context(), []tokenizers.Asked{{
		Dataset: "drawn", Items: []string{"pan/0", "pan/1", "pan/2", "pan/3", "pan/4"}, Conditions: []string{"clean"}, Resolutions: []int{32},
	}})
	if err == nil || !strings.Contains(err.Error(), "pan.avi") || !strings.Contains(err.Error(), "pan.mkv") {
		t.Errorf("two films of one clip: %v", err)
	}
	t.Setenv("VTBENCH_FFMPEG", filepath.Join(t.TempDir(), "none"))
	var lacks *missing.Error
	if _, err := open(t.Context(), "folder:"+sized); !errors.As(err, &lacks) {
		t.Errorf("no ffmpeg: %v", err)
	}
}
