package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/pix"
)

// corrupted runs vtbench corrupt and returns the file it wrote.
func corrupted(t *testing.T, out string, args ...string) []byte {
	t.Helper()
	if status, _, stderr := vtbench(t, append([]string{"corrupt"}, args...)...); status != ExitDone {
		t.Fatalf("vtbench corrupt %v exits with %d: %s", args, status, stderr)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCorruptIsSeeded(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "in", 2, false, 0)
	one := corrupted(t, "one.png", "in/a.png", "one.png", "--type", "gaussian_noise", "--severity", "3")
	again := corrupted(t, "two.png", "in/a.png", "two.png", "--type", "gaussian_noise", "--severity", "3")
	if !bytes.Equal(one, again) {
		t.Error("the same seed gives other pixels")
	}
	other := corrupted(t, "three.png", "in/a.png", "three.png", "--type", "gaussian_noise", "--severity", "3", "--seed", "2")
	if bytes.Equal(one, other) {
		t.Error("another seed gives the same pixels")
	}
	// A folder's files are keyed by their relative path, as a single file is by its name.
	folder := corrupted(t, "out/a.png", "in", "out", "--type", "gaussian_noise", "--severity", "3")
	if !bytes.Equal(one, folder) {
		t.Error("an image of a folder is damaged otherwise than alone")
	}
	// What the command writes is what the library makes.
	img, err := pix.Load("in/a.png")
	if err != nil {
		t.Fatal(err)
	}
	want, err := corrupt.Apply(img, "gaussian_noise", 3, corrupt.Options{Seed: 1, Key: "a.png"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := pix.Load("one.png")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Pix, want.Pix) {
		t.Error("the command and the library disagree")
	}
}

func TestCorruptKeepsTheTree(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "in/deep", 2, true, 0)
	status, _, stderr := vtbench(t, "corrupt", "in", "out", "--type", "salt_and_pepper", "--amount", "0.5")
	if status != ExitItemsFailed || !strings.Contains(stderr, "z.png") || !strings.Contains(stderr, "2 of 3") {
		t.Errorf("one unreadable image of three: status %d, stderr %s", status, stderr)
	}
	for _, name := range []string{"a.png", "b.png"} {
		img, err := pix.Load(filepath.Join("out", "deep", name))
		if err != nil {
			t.Fatal(err)
		}
		struck := 0
		for i := 0; i < len(img.Pix); i += 3 {
			if p := img.Pix[i : i+3]; slices.Equal(p, []uint8{0, 0, 0}) || slices.Equal(p, []uint8{255, 255, 255}) {
				struck++
			}
		}
		if share := float64(struck) / float64(img.W*img.H); share < .45 || share > .55 {
			t.Errorf("%s: %.0f %% of the pixels are struck, want about 50", name, 100*share)
		}
	}
}

func TestCorruptRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "in", 1, false, 0)
	if err := os.WriteFile("there.png", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"in/a.png", "x.png"}, "--type"},
		{[]string{"in/a.png", "x.png", "--type", "fogg", "--severity", "3"}, "fog"},
		{[]string{"in/a.png", "x.png", "--type", "fog", "--severity", "6"}, "1 to 5"},
		{[]string{"in/a.png", "x.png", "--type", "fog", "--severity", "3", "--amount", "1"}, "--amount"},
		{[]string{"in/a.png", "x.png", "--type", "hue_shift", "--amount", "7"}, "hue_shift"},
		{[]string{"in/a.png", "x.png", "--type", "fog", "--amount", "1"}, "fog"},
		{[]string{"in/a.png", "x.jpg", "--type", "fog", "--severity", "3"}, "PNG"},
		{[]string{"in/a.png", "there.png", "--type", "fog", "--severity", "3"}, "--force"},
		{[]string{"in/a.png", "x.png", "--type", "fog", "--severity", "3", "--mode", "big"}, "--mode"},
		{[]string{"absent.png", "x.png", "--type", "fog", "--severity", "3"}, "absent.png"},
		{[]string{"in", "x.png", "--sheet"}, "folder"},
		{[]string{"in", "x", "--type", "fog", "--severity", "3", "--key", "k"}, "--key"},
		{[]string{"in/a.png", "x.png", "--sheet", "--type", "fog,frots"}, "frost"},
	} {
		status, _, stderr := vtbench(t, append([]string{"corrupt"}, tc.args...)...)
		if status != ExitUsage || !strings.Contains(stderr, tc.want) {
			t.Errorf("corrupt %v: status %d, stderr %q, want word of %s", tc.args, status, stderr, tc.want)
		}
		if _, err := os.Stat("x.png"); err == nil {
			t.Fatalf("corrupt %v wrote a file", tc.args)
		}
	}
}

func TestCorruptSheet(t *testing.T) {
	t.Chdir(t.TempDir())
	photos(t, "in", 1, false, 0)
	corrupted(t, "sheet.png", "in/a.png", "sheet.png", "--sheet", "--type", "fog,jpeg_compression", "--cell", "48")
	img, err := pix.Load("sheet.png")
	if err != nil {
		t.Fatal(err)
	}
	if img.W < 6*48 || img.H < 2*40 {
		t.Errorf("the sheet is %d×%d: no room for two rows of six", img.W, img.H)
	}
}

func TestListCorruptions(t *testing.T) {
	status, stdout, stderr := vtbench(t, "list", "corruptions", "--format", "json")
	if status != ExitDone {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var list []struct {
		Name    string `json:"name"`
		Summary string `json:"summary"`
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, c := range list {
		names[c.Name] = true
		if c.Summary == "" {
			t.Errorf("%s has no summary", c.Name)
		}
	}
	for _, name := range append(corrupt.Names(), "token_drop", "token_random", "token_nearest") {
		if !names[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}
