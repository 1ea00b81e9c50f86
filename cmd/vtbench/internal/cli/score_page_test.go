package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// score --format html writes a page with the gallery of the pairs that were kept; flags that
// make no sense with it are refused before anything is read.
func TestScorePage(t *testing.T) {
	dir := t.TempDir()
	ref, dist, out := filepath.Join(dir, "ref"), filepath.Join(dir, "dist"), filepath.Join(dir, "page")
	for _, d := range []string{ref, dist} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"a", "b", "c"} {
		img := pix.New(32, 24)
		for k := range img.Pix {
			img.Pix[k] = uint8(k * 7)
		}
		if err := img.SavePNG(filepath.Join(ref, name+".png")); err != nil {
			t.Fatal(err)
		}
		for k := range img.Pix {
			img.Pix[k] += uint8(i * (k % 9))
		}
		if err := img.SavePNG(filepath.Join(dist, name+".png")); err != nil {
			t.Fatal(err)
		}
	}
	status, _, stderr := vtbench(t, "score", ref, dist, "-m", "psnr,ssim", "--format", "html", "-o", out, "--keep-images", "2")
	if status != 0 {
		t.Fatalf("status %d: %s", status, stderr)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"How close is", `id="gallery"`, "CIEDE2000", "./images/o-000000.png", "./images/d-000001.png", `"total":3`, `"pictured":2`, "1e999"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if strings.Contains(string(page), "o-000002.png") {
		t.Error("a picture is kept that was not asked for")
	}
	for _, name := range []string{"images/o-000001.png", "images/ssim-000001.png", "images/ciede2000-000001.png", "tables/psnr.csv"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if status, _, stderr := vtbench(t, "score", ref, dist, "-m", "psnr", "--format", "html", "-o", out, "--keep-images", "worst"); status != 0 || !strings.Contains(stderr, "pictures of 3 pairs") {
		t.Errorf("the worst: status %d: %s", status, stderr)
	}
	for _, args := range [][]string{
		{"score", ref, dist, "--format", "html"},
		{"score", ref, dist, "-o", out},
		{"score", ref, dist, "--format", "html", "-o", out, "--keep-images", "some"},
	} {
		if status, _, stderr := vtbench(t, args...); status != 2 {
			t.Errorf("%v: status %d: %s", args, status, stderr)
		}
	}
}
