package icdar_test

import (
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/icdar"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

func TestParse(t *testing.T) {
	type label struct {
		Box    image.Rectangle
		Quad   bool
		Text   string
		Ignore bool
	}
	for _, tc := range []struct {
		name, in string
		want     []label
	}{
		{"2015 with mark, CRLF and empty lines", "\ufeff377,117,463,117,465,130,378,130,Genaxis Theatre\r\n\r\n374,155,409,155,409,170,374,170,###\r\n", []label{
			{image.Rect(377, 117, 465, 130), true, "Genaxis Theatre", false}, {image.Rect(374, 155, 409, 170), true, "###", true},
		}},
		{"commas and quotation marks in a 2015 transcription", "1,2,9,2,9,8,1,8,\"$1,000,000\"", []label{{image.Rect(1, 2, 9, 8), true, `"$1,000,000"`, false}}},
		{"2015 with an empty transcription", "1,2,9,2,9,8,1,8,\n", []label{{image.Rect(1, 2, 9, 8), true, "", true}}},
		{"2015 in any order, negative and fractional", "-3,2.5,9,2,9,8.2,1,8,x", []label{{image.Rect(-3, 2, 9, 9), true, "x", false}}},
		{"2013 training", "158 128 411 181 \"Footpath\"\n443 128 501 169 \"To\"\n", []label{
			{image.Rect(158, 128, 411, 181), false, "Footpath", false}, {image.Rect(443, 128, 501, 169), false, "To", false},
		}},
		{"2013 test", "38, 43, 920, 215, \"Tiredness, 2 \\\"x\\\"\"", []label{{image.Rect(38, 43, 920, 215), false, `Tiredness, 2 "x"`, false}}},
		{"boxes without quotation marks", "1,2,30,40,a,b\n5,6,70,80,###", []label{{image.Rect(1, 2, 30, 40), false, "a,b", false}, {image.Rect(5, 6, 70, 80), false, "###", true}}},
		{"a box whose transcription is numbers", "1,2,30,40,50,60,70,80,90\n1,2,30,40,x\n1,2,30,40,y", []label{
			{image.Rect(1, 2, 30, 40), false, "50,60,70,80,90", false}, {image.Rect(1, 2, 30, 40), false, "x", false}, {image.Rect(1, 2, 30, 40), false, "y", false},
		}},
		{"nothing", "\ufeff\r\n \r\n", []label{}},
		{"don't-care without area", "1,2,9,2,9,8,1,8,ok\n5,5,5,5,5,5,5,5,###\n9,8,1,8,1,8,9,8,###", []label{{image.Rect(1, 2, 9, 8), true, "ok", false}}},
		{"polygons", "1,2,9,2,9,8,5,9,1,8,####a, b\n1,2,9,2,9,8,1,8,####c\n", []label{{image.Rect(1, 2, 9, 9), false, "a, b", false}, {image.Rect(1, 2, 9, 8), true, "c", false}}},
		{"Total-Text", "x: [[206 633 643 215]], y: [[633 620 694\n 707]], ornt: [u'm'], transcriptions: [u'PETROSAINS']\nx: [[5, 9, 7]], y: [[1, 1, 6]], ornt: [u'#'], transcriptions: [u'#']\n" +
			`x: [[5 9 7]], y: [[1 1 6]], ornt: [u'c'], transcriptions: [u"it's"]` + "\n" + `x: [[5 9 7]], y: [[1 1 6]], ornt: [u'c'], transcriptions: [u'caf\xe9 \u2019']`, []label{
			{image.Rect(206, 620, 643, 707), false, "PETROSAINS", false},
			{image.Rect(5, 1, 9, 6), false, "###", true},
			{image.Rect(5, 1, 9, 6), false, "it's", false},
			{image.Rect(5, 1, 9, 6), false, "café ’", false},
		}},
		{"no Latin", "1,2,9,2,9,8,1,8,文字 é", []label{{image.Rect(1, 2, 9, 8), true, "文字 é", false}}},
	} {
		labels, bad, err := icdar.Parse([]byte(tc.in))
		if err != nil || len(bad) > 0 {
			t.Errorf("%s: %v, %v", tc.name, err, bad)
			continue
		}
		got := make([]label, len(labels))
		for i, l := range labels {
			got[i] = label{l.Box(), l.Quad, l.Text, l.Ignore()}
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "1,2,9,2,9,8,1,8,ok\n"
	for _, tc := range []struct {
		name, in string
		line     int
		msg      string
	}{
		{"a number too few", good + good + "1,2,9,2,9,8,1,short\n", 3, `field 8 is "short": 8 numbers`},
		{"no transcription", good + good + "\n1,2,9,2,9,8,1,8", 4, "no transcription behind 8 numbers"},
		{"words", good + good + good + "hello world", 4, `field 1 is "hello"`},
		{"no area", good + good + "1,2,9,2,9,2,1,2,flat", 3, "has no area"},
		{"not a number", good + good + "NaN,2,9,2,9,8,1,8,x", 3, `field 1 is "NaN"`},
		{"far away", good + good + "1e300,2,9,2,9,8,1,8,x", 3, `field 1 is "1e300"`},
		{"box turned over", "9,8,1,2,x\n", 1, "left, top, right, bottom"},
		{"half a box", "1,2,3\n", 1, `field 4 is ""`},
		{"Total-Text with unequal counts", "x: [[1 2 3]], y: [[1 2 9]], ornt: [u'c'], transcriptions: [u'a']\nx: [[1 2 3]],\n y: [[1 9]], ornt: [u'c'], transcriptions: [u'b']", 2, "3 numbers behind x and 2 behind y"},
		{"Total-Text and something else", "x: [[1 2 3]], y: [[1 2 9]], ornt: [u'c'], transcriptions: [u'a']\nmore", 2, `"more" is no label`},
	} {
		labels, bad, err := icdar.Parse([]byte(tc.in))
		if err != nil || len(bad) != 1 || bad[0].Line != tc.line || !strings.Contains(bad[0].Error(), tc.msg) {
			t.Errorf("%s: error %v, bad %v, want line %d and %q", tc.name, err, bad, tc.line, tc.msg)
		}
		if want := strings.Count(tc.in, good) + strings.Count(tc.in, "u'a'"); len(labels) != want {
			t.Errorf("%s: %d labels are left, want %d", tc.name, len(labels), want)
		}
	}
	if _, _, err := icdar.Parse([]byte("1,2,9,2,9,8,1,8,caf\xe9")); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("Latin-1 gave %v", err)
	}
}

func save(t *testing.T, root string, files map[string]string, images ...string) {
	t.Helper()
	for _, im := range images {
		p := filepath.Join(root, im)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := pix.New(100, 50).SavePNG(p); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayouts(t *testing.T) {
	const gt = "90,40,120,40,120,48,90,48,edge\n"
	for name, layout := range map[string][2]string{
		"images and gt":        {"images/img_1.png", "gt/gt_img_1.txt"},
		"imgs and annotations": {"imgs/img_1.png", "annotations/gt_img_1.txt"},
		"all in one":           {"img_1.png", "gt_img_1.txt"},
		"beside the images":    {"images/img_1.png", "images/img_1.txt"},
		"images in itself":     {"img_1.png", "gt/img_1.txt"},
	} {
		root := t.TempDir()
		save(t, root, map[string]string{layout[1]: gt, "readme.txt": "about"}, layout[0])
		ds, err := icdar.Open(t.Context(), root, datasets.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		it, err := ds.Load(t.Context(), 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := []datasets.Instance{{
			ID: "000", Box: image.Rect(90, 40, 100, 48), Text: "edge", // the box ends where the image does
			Quad: []datasets.Point{{X: 90, Y: 40}, {X: 120, Y: 40}, {X: 120, Y: 48}, {X: 90, Y: 48}},
		}}
		if d := cmp.Diff(want, it.Instances); d != "" || it.ID != "img_1.png" {
			t.Errorf("%s: item %s (-want +got):\n%s", name, it.ID, d)
		}
	}
}

func TestWhatIsMissingIsLoud(t *testing.T) {
	root := t.TempDir()
	save(t, root, map[string]string{
		"gt/gt_img_2.txt": "1,2,9,2,9,8,1,8,ok\n", "gt/gt_img_3.txt": "1,2,9,2,9,8,1,8,ok\n1,2,9,2,9,8,1,8,ok\n1,2,x\n",
		"gt/gt_img_4.txt": "x,y\n", "gt/gt_img_77.txt": "",
	}, "images/img_1.png", "images/img_2.png", "images/img_3.png", "images/img_4.png", "images/img_10.png")
	ds, err := icdar.Open(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"img_1.png", "img_2.png", "img_3.png", "img_4.png", "img_10.png", "gt_img_77.txt"}, ds.IDs()); d != "" {
		t.Fatalf("ids (-want +got):\n%s", d)
	}
	for i, want := range []string{
		"img_1.png has no labels: gt_img_1.txt is missing", "", "", "gt_img_4.txt:1: field 1", "img_10.png has no labels", "gt_img_77.txt have no image img_77",
	} {
		_, err := ds.Load(t.Context(), i)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("item %d: error %v, want one with %q", i, err, want)
		}
	}
	for name, files := range map[string]map[string]string{
		"has no images":  {"gt/gt_a.txt": ""},
		"has no labels:": {"images/a.png": "x"},
		"none of the 1":  {"images/a.png": "x", "gt/gt_b.txt": ""},
	} {
		dir := t.TempDir()
		save(t, dir, files)
		if _, err := icdar.Open(t.Context(), dir, datasets.Options{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
}

// The counts are those of grep: non-empty lines, and lines with ###.
func TestRealSample(t *testing.T) {
	ds, err := icdar.Open(t.Context(), testenv.Data(t, "icdar15-sample"), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all, ignored int
	for i := range ds.IDs() {
		it, err := ds.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range it.Instances {
			all++
			if in.Ignore {
				ignored++
			}
		}
		if it.Image.W != 1280 || it.Image.H != 720 {
			t.Errorf("%s is %d×%d", it.ID, it.Image.W, it.Image.H)
		}
		if i == 0 {
			if in := it.Instances[0]; in.Text != "Genaxis Theatre" || in.Box != image.Rect(377, 117, 465, 130) {
				t.Errorf("first label is %q in %v", in.Text, in.Box)
			}
		}
	}
	if all != 82 || ignored != 61 {
		t.Errorf("%d labels of which %d are don't-care, want 82 and 61", all, ignored)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf377,117,463,117,465,130,378,130,Genaxis Theatre\r\n"))
	f.Add([]byte("158 128 411 181 \"Foot\\\"path\"\n"))
	f.Add([]byte("38, 43, 920, 215, \"Tiredness\"\n1,2,3,4,5,6,7,8,9\n"))
	f.Add([]byte("x: [[206 633 643]], y: [[633 620 694\n]], ornt: [u'm'], transcriptions: [u'a\\'b']\n1,2,3,4,5,6,####x"))
	f.Add([]byte("1e9,,,\n\n-1\t2 3,4\t"))
	f.Fuzz(func(t *testing.T, b []byte) {
		labels, _, err := icdar.Parse(b)
		if err != nil {
			return
		}
		last := 0
		for _, l := range labels {
			if l.Line < last || l.Box().Empty() || strings.ContainsAny(l.Text, "\n") {
				t.Fatalf("label %+v", l)
			}
			last = l.Line
		}
	})
}

// A label that says nothing costs itself: not its image, not the labels beside it.
func TestLostLabels(t *testing.T) {
	root := t.TempDir()
	const good = "1,2,9,2,9,8,1,8,ok\n"
	save(t, root, map[string]string{"gt/gt_a.txt": good +
		"5,5,5,5,5,5,5,5,flat\n" + // no area
		"5,5,5,5,5,5,5,5,###\n" + // nothing
		"-40,-40,-5,-40,-5,-5,-40,-5,out\n" +
		"-40,-40,-5,-40,-5,-5,-40,-5,###\n" + // nothing
		"what\n" + good +
		"90,40,120,40,120,80,90,80,edge\n"}, "images/a.png")
	ds, err := icdar.Open(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	it, err := ds.Load(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(it.Instances) != 3 || it.Instances[2].Box != image.Rect(90, 40, 100, 50) {
		t.Errorf("instances %+v", it.Instances)
	}
	got := map[string]string{}
	for _, l := range it.Lost {
		got[l.ID] = l.Reason
		if !strings.Contains(l.Where, filepath.Join("gt", "gt_a.txt:"+strings.TrimPrefix(l.ID, "line "))) {
			t.Errorf("%s is said to be at %q", l.ID, l.Where)
		}
	}
	want := map[string]string{"line 2": datasets.LostNoArea, "line 4": datasets.LostOutside, "line 6": datasets.LostMalformed}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lost (-want +got):\n%s", d)
	}
}

// The folders into which the official archives unpack.
func TestOfficialLayouts(t *testing.T) {
	const quad, box = "1,2,9,2,9,8,1,8,ok\n", "1, 2, 9, 8, \"ok\"\n"
	const polygon = "x: [[1 9 9 1]], y: [[2 2 8 8]], ornt: [u'h'], transcriptions: [u'ok']\n"
	for _, tc := range []struct {
		name, open string
		files      map[string]string
		images     []string
		err        string
	}{
		{"ICDAR 2015, test", "", map[string]string{"Challenge4_Test_Task1_GT/gt_img_1.txt": quad}, []string{"ch4_test_images/img_1.png"}, ""},
		{"ICDAR 2015, training", "", map[string]string{"ch4_training_localization_transcription_gt/gt_img_1.txt": quad}, []string{"ch4_training_images/img_1.png"}, ""},
		{"ICDAR 2015, both", "", map[string]string{"Challenge4_Test_Task1_GT/gt_img_1.txt": quad, "ch4_training_localization_transcription_gt/gt_img_1.txt": quad}, []string{"ch4_test_images/img_1.png", "ch4_training_images/img_1.png"}, "name the one that is meant"},
		{"ICDAR 2015, one of both", "ch4_test_images", map[string]string{"Challenge4_Test_Task1_GT/gt_img_1.txt": quad, "ch4_training_localization_transcription_gt/gt_img_1.txt": "1,1,2,2,no\n"}, []string{"ch4_test_images/img_1.png", "ch4_training_images/img_1.png"}, ""},
		{"ICDAR 2013", "", map[string]string{"Challenge2_Test_Task1_GT/gt_img_1.txt": box}, []string{"Challenge2_Test_Task12_Images/img_1.png"}, ""},
		{"Total-Text", "", map[string]string{"Groundtruth/Polygon/Test/poly_gt_img_1.txt": polygon}, []string{"Images/Test/img_1.png"}, ""},
		{"Total-Text, one of two parts", "Images/Train", map[string]string{"Txt/Test/poly_gt_img_1.txt": "", "Txt/Train/poly_gt_img_1.txt": polygon}, []string{"Images/Test/img_1.png", "Images/Train/img_1.png"}, ""},
		{"Total-Text, flat", "", map[string]string{"gt/poly_gt_img_1.txt": polygon}, []string{"Images/img_1.png"}, ""},
		{"two files of labels", "", map[string]string{"gt/gt_img_1.txt": quad, "gt/img_1.txt": quad}, []string{"images/img_1.png"}, "gt_img_1.txt and img_1.txt could both"},
	} {
		root := t.TempDir()
		save(t, root, tc.files, tc.images...)
		ds, err := icdar.Open(t.Context(), filepath.Join(root, tc.open), datasets.Options{})
		if tc.err != "" {
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		it, err := ds.Load(t.Context(), 0)
		if err != nil || len(ds.IDs()) != 1 || it.ID != "img_1.png" || len(it.Instances) != 1 || it.Instances[0].Text != "ok" || it.Instances[0].Box != image.Rect(1, 2, 9, 8) {
			t.Errorf("%s: %v, %+v, %v", tc.name, ds.IDs(), it.Instances, err)
		}
	}
}
