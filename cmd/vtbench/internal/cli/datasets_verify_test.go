package cli

import (
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// signFile writes a picture of a word.
func signFile(t *testing.T, file, word string) {
	t.Helper()
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		t.Fatal(err)
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: 40, DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 320, 100))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	d := font.Drawer{Dst: m, Src: image.NewUniform(color.Black), Face: face, Dot: fixed.P(30, 65)}
	d.DrawString(word)
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(out, m); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestDatasetsVerify(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"images", "gt"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const box = "29,35,148,35,148,66,29,66,"
	for name, gt := range map[string]string{
		"1": box + "Street\n" + box + "Street\n",                      // labelled twice
		"2": box + "Tunnel\n" + "900,900,950,900,950,920,900,920,x\n", // it says Bridge; the second lies outside
		"3": box + "Street\n",                                         // the pixels of 1
		"4": box + "Garden\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "gt", "gt_"+name+".txt"), []byte(gt), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	signFile(t, filepath.Join(dir, "images", "1.png"), "Street")
	signFile(t, filepath.Join(dir, "images", "2.png"), "Bridge")
	signFile(t, filepath.Join(dir, "images", "3.png"), "Street")
	if err := os.WriteFile(filepath.Join(dir, "images", "4.png"), []byte("no image"), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "datasets", "verify", "icdar:"+dir, "--engine", "tesseract", "--format", "json")
	if status != ExitItemsFailed {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	var v verification
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range v.Findings {
		got = append(got, f.Kind+" "+f.Item+" "+f.Instance)
	}
	want := []string{
		findImage + " 4.png ", findLabel + " 2.png line 2", findDuplicate + " 1.png 001", findDuplicate + " 3.png ",
		findUnread + " 2.png 000", findLicence + "  ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if v.Read["tesseract"] != 3 || v.Labels != 4 || v.Checked != 4 {
		t.Errorf("%d of %d labels are read in %d items", v.Read["tesseract"], v.Labels, v.Checked)
	}
	status, out, _ = vtbench(t, "datasets", "verify", "icdar:"+dir, "--engine", "none")
	if status != ExitItemsFailed || strings.Contains(out, findUnread) || !strings.Contains(out, "the same pixels as 1.png") {
		t.Errorf("without engines: status %d\n%s", status, out)
	}
	status, _, stderr = vtbench(t, "datasets", "verify", "icdar:"+dir, "--engine", "teseract")
	if status != ExitUsage || !strings.Contains(stderr, `did you mean "tesseract"`) {
		t.Errorf("a misspelt engine: status %d, %s", status, stderr)
	}
}
