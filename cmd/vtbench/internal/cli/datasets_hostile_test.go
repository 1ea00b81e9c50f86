package cli

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/pix"
)

// hostile writes data that is wrong in one way each, with good images beside; it returns
// specs with what must be said of them.
func hostile(t *testing.T) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	var good bytes.Buffer
	m := pix.New(40, 36)
	for i := range m.Pix {
		m.Pix[i] = uint8(i * 3)
	}
	if err := m.EncodePNG(&good); err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const tenGB = 10 << 30
	var tb bytes.Buffer
	tw := tar.NewWriter(&tb)
	for _, h := range []tar.Header{
		{Name: "good.png"}, {Name: "../up.png"}, {Name: "/abs.png"}, {Name: "link.png", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, {Name: "broken.png"},
	} {
		body := good.Bytes()
		if h.Typeflag == tar.TypeSymlink {
			body = nil
		}
		if h.Name == "broken.png" {
			body = body[:40]
		}
		h.Size, h.Mode = int64(len(body)), 0o644
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write(body); err != nil {
			t.Fatal(err)
		}
	}
	if err := tw.WriteHeader(&tar.Header{Name: "zeros.png", Size: tenGB, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := tw.Flush(); err == nil {
		t.Fatal("the member of ten gigabytes was written")
	}
	tarFile := write("x.tar", tb.Bytes())
	if err := os.Truncate(tarFile, int64(tb.Len())+tenGB+1024); err != nil { // a hole in the disk
		t.Fatal(err)
	}
	var zb bytes.Buffer
	zw := zip.NewWriter(&zb)
	for _, name := range []string{"good.png", "../up.png", "/abs.png"} {
		w, err := zw.Create(name)
		if err == nil {
			_, err = w.Write(good.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, size := range map[string]uint64{"zeros.png": tenGB, "packed.png": 900 << 20} {
		w, err := zw.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: size, CompressedSize64: 9})
		if err == nil {
			_, err = w.Write([]byte("not zeros"))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	zipFile := write("x.zip", zb.Bytes())
	write("val-0.tar", tb.Bytes()[:tb.Len()-512])
	for _, n := range []string{"list/a.png", "icdar/images/a.png", "icdar/images/b.png", "city/leftImg8bit/val/u/u_1_leftImg8bit.png"} {
		write(n, good.Bytes())
	}
	write("list/m.jsonl", []byte("{\"vtbench_manifest\": 1}\n{\"image\": \"a.png\"}\n{\"image\": \"gone.png\"}\n{\"image\": \"a.png\", \"id\": \"b\", \"lable\": 3}\n{\"image\": \"a.png\", \"id\": \"c\", \"width\": 9, \"height\": 9}\n"))
	write("icdar/gt/gt_a.txt", []byte("2,2,30,2,30,12,2,12,OPEN\n2,12,30,12,30,22,2,22,SHUT\n"))
	write("icdar/gt/gt_z.txt", []byte("2,2,30,2,30,12,2,12,OPEN\n"))
	gray := pix.New(20, 10)
	for n, fill := range map[string]uint8{"u_1": 7, "u_2": 200} {
		for i := range gray.Pix {
			gray.Pix[i] = fill
		}
		var b bytes.Buffer
		if err := gray.EncodePNG(&b); err != nil {
			t.Fatal(err)
		}
		write("city/gtFine/val/u/"+n+"_gtFine_labelIds.png", b.Bytes())
	}
	write("celeba/img_align_celeba/000001.png", good.Bytes())
	write("celeba/img_align_celeba/000002.png", good.Bytes())
	write("celeba/identity_CelebA.txt", []byte("000001.jpg 17\n000002.jpg\n,,\n000003.jpg 9 9\n"))
	points := strings.Repeat("20 10 ", 98) + "2 2 30 20 0 0 0 0 0 0 "
	write("wflw/WFLW_images/a.png", good.Bytes())
	write("wflw/list_98pt_rect_attr_test.txt", []byte(points+"a.png\nx"+points+"a.png\n"+points+"../a.png\n"))
	return map[string][]string{
		"celeba:" + filepath.Join(dir, "celeba"):             {"000002.png", "identity_CelebA.txt:2: 1 fields", "identity_CelebA.txt:3: commas alone", "identity_CelebA.txt:4: 3 fields"},
		"wflw:" + filepath.Join(dir, "wflw"):                 {`list_98pt_rect_attr_test.txt:2: field 1 is "x20"`, `list_98pt_rect_attr_test.txt:3: image name "../a.png" leads out`},
		"archive:" + tarFile:                                 {"2 named so that it would lie outside of the archive (../up.png, /abs.png)", "1 a link (link.png)", "1 larger than an image may be (zeros.png)", "broken.png"},
		"archive:" + zipFile:                                 {"2 named so that it would lie outside of the archive", "1 larger than an image may be (zeros.png)", "1 packed 200 times smaller, as no image is (packed.png)"},
		"webdataset:" + filepath.Join(dir, "val-{0..0}.tar"): {"2 named so that it would lie outside of the archive", "1 a link", "broken"},
		"manifest:" + filepath.Join(dir, "list", "m.jsonl"):  {"m.jsonl:3:", "gone.png", `m.jsonl:4: unknown field "lable"`, "m.jsonl:5:", "a.png is 40×36, the line says 9×9: its labels are of another image"},
		"icdar:" + filepath.Join(dir, "icdar"):               {"gt_b.txt is missing", "gt_z.txt have no image z"},
		"cityscapes:" + filepath.Join(dir, "city"):           {"u_2_gtFine_labelIds.png belong to no photograph"},
	}
}

// Data that is wrong in some part: each part is named, with its file and line, the rest is
// measured, and the status is 4; with --strict nothing is.
func TestHostileData(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "s.yaml")
	text := "id: pixels\nversion: 1\ntitle: Pixels\nquestion: How far?\ndatasets: [text-default]\nresolutions: [32]\nscore_at: input\nmetrics: [psnr]\nheadline: [psnr]\ntokenizers: [original, resize]\n"
	if err := os.WriteFile(asked, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for spec, want := range hostile(t) {
		kind, _, _ := strings.Cut(spec, ":")
		t.Run(kind, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out := filepath.Join(t.TempDir(), "run")
			status, _, stderr := vtbench(t, "run", "--suite", asked, "--data", spec, "-t", "jpeg:q=50", "--no-cache", "-o", out)
			fails := status == ExitItemsFailed || kind == "archive" && status == ExitDone // a zip that leaves out all that is wrong
			if !fails {
				t.Errorf("status %d: %s", status, stderr)
			}
			for _, w := range want {
				if !strings.Contains(stderr, w) {
					t.Errorf("%q is not in %s", w, stderr)
				}
			}
			b, err := os.ReadFile(filepath.Join(out, "records.jsonl"))
			if err != nil || !strings.Contains(string(b), `"metric":"psnr"`) {
				t.Errorf("the rest was not measured: %v", err)
			}
			strict := filepath.Join(t.TempDir(), "strict")
			status, _, stderr = vtbench(t, "run", "--suite", asked, "--data", spec, "-t", "jpeg:q=50", "--no-cache", "-o", strict, "--strict")
			if _, err := os.Stat(strict); status != ExitUsage || err == nil || !strings.Contains(stderr, "nothing was measured") {
				t.Errorf("--strict: status %d, the folder is there: %t, %s", status, err == nil, stderr)
			}
			for _, w := range want {
				if !strings.Contains(stderr, w) {
					t.Errorf("--strict: %q is not in %s", w, stderr)
				}
			}
			runtime.ReadMemStats(&after)
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 300 {
				t.Errorf("%d MB were allocated", mb)
			}
		})
	}
}

// A label that cannot be used is named and counted, and the status says so, where nothing else
// is wrong.
func TestLostLabelAlone(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "images", "text_data", "signs")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	photos(t, dir, 2, false, 0)
	if err := os.Mkdir(filepath.Join(root, "annotations"), 0o700); err != nil {
		t.Fatal(err)
	}
	list := `[{"file_name": "a.png", "height": 40, "width": 48, "annotations": [{"rec": "Way", "bbox": [4, 4, 30, 16], "ratio": 0.2}, {"rec": "Out", "bbox": [4, 20, 30], "ratio": 0.2}]},
{"file_name": "b.png", "height": 40, "width": 48, "annotations": [{"rec": "In", "bbox": [4, 4, 30, 16], "ratio": 0.2}]}]`
	if err := os.WriteFile(filepath.Join(root, "annotations", "text_signs.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := filepath.Join(t.TempDir(), "s.yaml")
	text := "id: pixels\nversion: 1\ntitle: Pixels\nquestion: How far?\ndatasets: [text-default]\nresolutions: [32]\nscore_at: input\nmetrics: [psnr]\nheadline: [psnr]\ntokenizers: [original, resize]\n"
	if err := os.WriteFile(asked, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := vtbench(t, "run", "--suite", asked, "--data", "tokbench:"+root, "-t", "jpeg:q=50", "--no-cache", "-o", filepath.Join(t.TempDir(), "run"))
	if status != ExitItemsFailed || !strings.Contains(stderr, "1 label that cannot be used") || !strings.Contains(stderr, "text_signs.json") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

// score --strict and --max-pixels.
func TestStrictScoreAndMaxPixels(t *testing.T) {
	dir := t.TempDir()
	ref, dist := filepath.Join(dir, "ref"), filepath.Join(dir, "dist")
	photos(t, ref, 3, false, 0)
	photos(t, dist, 2, true, 5)
	status, _, stderr := vtbench(t, "score", ref, dist, "-m", "psnr", "--strict")
	if status != ExitUsage || !strings.Contains(stderr, "c.png has no partner") || !strings.Contains(stderr, "z.png") {
		t.Errorf("status %d: %s", status, stderr)
	}
	for most, want := range map[string]int{"1920": ExitDone, "1919": ExitItemsFailed, "0": ExitUsage, "999999999999": ExitUsage} {
		status, _, stderr := vtbench(t, "score", filepath.Join(ref, "a.png"), filepath.Join(dist, "a.png"), "-m", "psnr", "--max-pixels", most)
		if status != want {
			t.Errorf("--max-pixels %s: status %d, want %d: %s", most, status, want, stderr)
		}
	}
	status, _, stderr = vtbench(t, "datasets", "info", "folder:"+ref, "--max-pixels", "1000")
	if status != ExitItemsFailed || !strings.Contains(stderr, "48×40, more than the 0.001 megapixels accepted") {
		t.Errorf("status %d: %s", status, stderr)
	}
}
