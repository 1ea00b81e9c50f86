package ocrsets_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/ocrsets"
	"github.com/vtbench/vtbench/pix"
)

// tree writes files; those whose name ends in an image's are a picture of 80×40.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "image" {
			if err := pix.New(80, 40).SavePNG(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// told is what a set says of its items, for comparison.
func told(t *testing.T, d datasets.Dataset) (out []string) {
	t.Helper()
	for i, id := range d.IDs() {
		it, err := d.Load(t.Context(), i)
		if err != nil {
			msg := err.Error()
			out = append(out, id+" fails: "+msg[strings.LastIndex(msg, string(filepath.Separator))+1:])
			continue
		}
		for _, in := range it.Instances {
			line := fmt.Sprintf("%s %s %v %q", id, in.ID, in.Box, in.Text)
			if in.Ignore {
				line += " ignored"
			}
			if in.Scale > 0 {
				line += fmt.Sprintf(" scale %g", in.Scale)
			}
			if in.Quad != nil {
				line += fmt.Sprintf(" quad %v", in.Quad)
			}
			out = append(out, line)
		}
		for _, l := range it.Lost {
			out = append(out, fmt.Sprintf("%s lost %s: %s", id, l.Reason, l.Where[strings.LastIndex(l.Where, string(filepath.Separator))+1:]))
		}
	}
	return out
}

type opener func(context.Context, string, datasets.Options) (*ocrsets.Set, error)

func TestCORD(t *testing.T) {
	root := tree(t, map[string]string{
		"test/image/r_1.png": "image", "test/image/r_2.png": "image", "test/image/r_3.png": "image",
		"test/json/r_1.json": `{"valid_line": [
			{"words": [{"quad": {"x1": 5, "y1": 5, "x2": 30, "y2": 5, "x3": 30, "y3": 15, "x4": 5, "y4": 15}, "text": "NASI", "row_id": 1}], "category": "menu.nm"},
			{"words": [{"quad": {"x1": 40, "y1": 5}, "text": "2x"}, {"quad": {"x1": 90, "y1": 5, "x2": 95, "y2": 5, "x3": 95, "y3": 9, "x4": 90, "y4": 9}, "text": "far"}, {"quad": {}, "text": ""}]}],
			"meta": {"image_size": {"width": 80, "height": 40}}}`,
		"test/json/r_2.json": `{"valid_line": [{"words": 3}]}`,
	})
	d, err := ocrsets.OpenCORD(t.Context(), filepath.Join(root, "test"), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`r_1.png 000 (5,5)-(30,15) "NASI" quad [{5 5} {30 5} {30 15} {5 15}]`,
		`r_1.png lost label_malformed: r_1.json: valid_line[1].words[0]: quad has no corner x2, y2 within an image`,
		`r_1.png lost label_outside: r_1.json: valid_line[1].words[1]: box (90,5)-(95,9) lies outside the 80×40 image`,
		`r_2.png fails: r_2.json:1: json: cannot unmarshal number into Go struct field .valid_line.words of type []struct { Text string "json:\"text\""; Quad map[string]float64 "json:\"quad\"" }`,
		`r_3.png fails: r_3.png has no labels: r_3.json is missing`,
	}
	if diff := cmp.Diff(want, told(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info := d.Info(); info.Licence != "CC-BY-4.0" || info.Digest == "" || info.ID != "cord" {
		t.Errorf("%+v", info)
	}
	if _, err := ocrsets.OpenCORD(t.Context(), root, datasets.Options{}); err == nil || !strings.Contains(err.Error(), "cord:"+filepath.Join(root, "test")) {
		t.Errorf("the folder of all parts: %v", err)
	}
}

func TestFUNSD(t *testing.T) {
	root := tree(t, map[string]string{
		"images/f1.png": "image", "images/f2.png": "image",
		"annotations/f1.json": `{"form": [{"box": [1,1,70,20], "text": "Date: 1 May", "label": "question", "words": [
			{"box": [2, 2, 20, 12], "text": "Date:"}, {"box": [22, 2, 22, 12], "text": "1"}, {"box": [24, 2], "text": "May"}, {"box": [0,0,0,0], "text": ""}], "linking": [], "id": 0}]}`,
		"annotations/f2.json": `{"form": [`,
		"annotations/f9.json": `{"form": []}`,
	})
	d, err := ocrsets.OpenFUNSD(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`f1.png 000 (2,2)-(20,12) "Date:"`,
		`f1.png lost label_malformed: f1.json: form[0].words[2]: the box has 2 numbers, want 4`,
		`f1.png lost label_no_area: f1.json: form[0].words[1]: the box has no area`,
		`f2.png fails: f2.json:1: unexpected end of JSON input`,
		`f9.json fails: f9.json have no image`,
	}
	if diff := cmp.Diff(want, told(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSROIE(t *testing.T) {
	root := tree(t, map[string]string{
		"img/X1.png": "image", "img/X2.png": "image",
		"box/X1.txt": "2,2,60,2,60,12,2,12,KEDAI PAPAN, SDN BHD\r\n2,20,60,20,60,30,2,30,CAF\xc9 5%\r\nnonsense\r\n",
		"box/X2.txt": "nonsense\n",
	})
	d, err := ocrsets.OpenSROIE(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := told(t, d)
	want := []string{
		`X1.png 000 (2,2)-(60,12) "KEDAI PAPAN, SDN BHD" quad [{2 2} {60 2} {60 12} {2 12}]`,
		`X1.png 001 (2,20)-(60,30) "CAFÉ 5%" quad [{2 20} {60 20} {60 30} {2 30}]`,
	}
	if len(got) != 4 || cmp.Diff(want, got[:2]) != "" || !strings.HasPrefix(got[2], "X1.png lost label_malformed: X1.txt: line 3") || !strings.HasPrefix(got[3], "X2.png fails: X2.txt: line 1") {
		t.Errorf("got %q", got)
	}
}

func TestTokBench(t *testing.T) {
	files := map[string]string{
		"images/text_data/ic15/a.png": "image", "images/text_data/sroie/a.png": "image", "images/text_data/sroie/b.png": "image",
		"annotations/text_ic15.json":  `[{"file_name": "a.png", "height": 40, "width": 80, "annotations": [{"rec": "Street", "bbox": [4, 4, 50, 20], "ratio": 0.0958}]}]`,
		"annotations/text_sroie.json": `[{"file_name": "a.png", "height": 40, "width": 80, "annotations": [{"rec": "x", "bbox": [4, 4], "ratio": 0.1}, {"rec": "y", "bbox": [4, 4, 9, 9], "ratio": 0.06}]}, {"file_name": "b.png", "height": 41, "width": 80, "annotations": []}]`,
		"annotations/face_meta.json":  `not read`,
	}
	d, err := ocrsets.OpenTokBench(t.Context(), tree(t, files), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`ic15/a.png 000 (4,4)-(50,20) "Street" scale 0.0958`,
		`sroie/a.png 000 (4,4)-(9,9) "y" scale 0.06`,
		`sroie/a.png lost label_malformed: text_sroie.json:1: [0] (a.png): annotations[0]: the box has 2 numbers, want 4`,
		`sroie/b.png fails: b.png is 80×40, its labels say 80×41`,
	}
	if diff := cmp.Diff(want, told(t, d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{`[{"file_name": "../a.png", "height": 4, "width": 4}]`, `[{"file_name": "a.png"}]`} {
		files["annotations/text_ic15.json"] = bad
		d, err := ocrsets.OpenTokBench(t.Context(), tree(t, files), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ids := d.IDs()
		if diff := cmp.Diff([]string{"sroie/a.png", "sroie/b.png", "text_ic15.json[0]"}, ids); diff != "" {
			t.Error(diff)
		}
		if _, err := d.Load(t.Context(), len(ids)-1); err == nil || !strings.Contains(err.Error(), "text_ic15.json:1: [0]") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, bad := range []string{`{}`, `[`} {
		files["annotations/text_ic15.json"] = bad
		if _, err := ocrsets.OpenTokBench(t.Context(), tree(t, files), datasets.Options{}); err == nil || !strings.Contains(err.Error(), "text_ic15.json") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestOmniDoc(t *testing.T) {
	root := tree(t, map[string]string{"data/0001.png": "image", "data/0002.png": "no image at all", "README.md": "x"})
	d, err := ocrsets.OpenOmniDoc(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0001.png", "0002.png"}, d.IDs()); diff != "" {
		t.Error(diff)
	}
	it, err := d.Load(t.Context(), 0)
	if err != nil || it.Image.W != 80 || len(it.Instances) != 0 {
		t.Errorf("%+v, %v", it, err)
	}
	if _, err := d.Load(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "0002.png") {
		t.Errorf("a damaged image: %v", err)
	}
}

func TestNothingThere(t *testing.T) {
	empty := t.TempDir()
	for name, open := range map[string]opener{
		"cord": ocrsets.OpenCORD, "funsd": ocrsets.OpenFUNSD, "sroie": ocrsets.OpenSROIE, "tokbench": ocrsets.OpenTokBench, "omnidoc": ocrsets.OpenOmniDoc,
	} {
		for _, dir := range []string{empty, filepath.Join(empty, "none")} {
			if _, err := open(t.Context(), dir, datasets.Options{}); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s of %s: %v", name, dir, err)
			}
		}
	}
}
