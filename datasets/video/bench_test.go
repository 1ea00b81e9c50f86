package video_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/internal/memory"
	"github.com/vtbench/vtbench/internal/testenv"
)

// BenchmarkFilm reads 1,000 frames of 1280×720, opening included, and says what this process
// took at most.
func BenchmarkFilm(b *testing.B) {
	p := testenv.FFmpeg(b)
	file := filepath.Join(b.TempDir(), "a.mp4")
	cmd := exec.Command(p.Path, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=40", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.SetBytes(1000 * 1280 * 720 * 3)
	memory.Reset()
	for b.Loop() {
		s, err := video.Open(b.Context(), file, datasets.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if n := len(s.IDs()); n != 1000 {
			b.Fatalf("%d frames", n)
		}
		for i := range s.IDs() {
			if _, err := s.Load(b.Context(), i); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(memory.Peak()>>20), "MiB-peak")
}
