package faces

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
)

// bounded checks what holds for the faults of every file.
func bounded(t *testing.T, f *faults) {
	t.Helper()
	if len(f.list) > maxFaults || len(f.entries()) > maxFaults+1 {
		t.Fatalf("%d faults, %d items", len(f.list), len(f.entries()))
	}
	for _, e := range f.entries() {
		if e.id == "" || !strings.Contains(e.err.Error(), filepath.Base(f.file)) {
			t.Fatalf("fault %q: %v", e.id, e.err)
		}
	}
}

// outcome is what each item comes to: its faces, what of it is lost, or why it fails.
func outcome(t *testing.T, ds datasets.Dataset) map[string]string {
	t.Helper()
	out := map[string]string{}
	for i, id := range ds.IDs() {
		it, err := ds.Load(t.Context(), i)
		if err != nil {
			out[id] = "fails: " + err.Error()
			continue
		}
		said := fmt.Sprintf("%d faces", len(it.Instances))
		for _, l := range it.Lost {
			said += fmt.Sprintf(", lost %s: %s: %s", l.ID, l.Reason, l.Where)
		}
		out[id] = said
	}
	return out
}

// One thing wrong among good ones costs what it is about, and is named.
func TestFaultsCostThemselves(t *testing.T) {
	const wflw, points, people = "list_98pt_rect_attr_test.txt", "list_landmarks_align_celeba.txt", "identity_CelebA.txt"
	plain := "0 0 0 0 0 0"
	badFace, text := tokFace(), tokFace()
	badFace["ratio"], text["kps"] = 0, "none"
	odd := cocoFace(t, 1, 68, 2)
	odd["keypoints"] = make([]float64, 50)
	word := cocoFace(t, 1, 68, 2)
	word["bbox"] = "all"
	flat := ffhqObject(t)
	flat["image"].(object)["face_landmarks"] = 5
	align := func(n int) string { return fmt.Sprintf("img_align_celeba/%06d.png", n) }
	for _, tc := range []struct {
		name  string
		open  func(context.Context, string) (datasets.Dataset, error)
		files map[string]string
		want  map[string]string // part of what each item comes to
	}{
		{"wflw", opener(OpenWFLW), map[string]string{
			"WFLW_images/a.png": "", "WFLW_images/b.png": "",
			wflw: wflwRow(t, "a.png", plain) + "x" + wflwRow(t, "b.png", plain) + "\n" + wflwRow(t, "b.png", plain) + strings.Repeat("1 ", maxLine) + "\n" + wflwRow(t, "b.png", "7 0 0 0 0 0"),
		}, map[string]string{
			"a.png": "1 faces", "b.png": "1 faces", wflw + ":2": wflw + `:2: field 1 is "x50`, wflw + ":5": wflw + ":5: the line has more than", wflw + ":6": wflw + ":6: field 201, pose, is 7",
		}},
		{"celeba", opener(OpenCelebA), map[string]string{
			align(1): "", align(2): "", align(3): "",
			points: "9\n" + celebaHeader + celebaRow("000001.jpg") + strings.Replace(celebaRow("000002.jpg"), "40", "x", 1) + celebaRow("000003.jpg") + celebaRow("000001.jpg") + "000009.jpg 1\n",
			people: "000001.jpg 7\n,,\n000002.jpg 8\n000003.jpg\n",
		}, map[string]string{
			"000001.png": "1 faces", "000002.png": points + `:4: "x" is no position`, "000003.png": people + ":4: 1 fields",
			points + ":6": points + ":6: 000001.jpg has a line before, 3", points + ":7": points + ":7: 2 fields",
			points + ":1": points + ":1: 9 lines of images are announced, but there are 5", people + ":2": people + ":2: commas alone",
		}},
		{"lfw", opener(OpenLFW), map[string]string{
			"Al_Bo/Al_Bo_0001.png": "", "Al_Bo/Al_Bo_0002.png": "", "Cy/Cy_0001.png": "", "stray.png": "",
			"pairs.txt": "2\t1\nAl_Bo\tone\t2\nCy\t1\tAl_Bo\t1\nAl_Bo\t1\t2\n",
		}, map[string]string{
			"Al_Bo/Al_Bo_0001.png": "1 faces", "Al_Bo/Al_Bo_0002.png": "1 faces", "Cy/Cy_0001.png": "1 faces", "stray.png": "is in no person's folder",
			"pairs.txt:2": `pairs.txt:2: "one" is no number`, "pairs.txt:4": "ends after 3 of the 4 pairs",
		}},
		{"ffhq", opener(OpenFFHQ), map[string]string{
			"in-the-wild-images/00000.png": "", "in-the-wild-images/00001.png": "",
			"ffhq-dataset-v2.json": strings.TrimSuffix(encode(t, object{"0": ffhqObject(t), "1": object{"in_the_wild": 3}, "7": object{"in_the_wild": 3}, "x": flat}), "}") + `, "0": {}}`,
		}, map[string]string{
			"00000.png": "1 faces", "00001.png": `ffhq-dataset-v2.json: entry "1" at byte`, `ffhq-dataset-v2.json["7"]`: "in_the_wild is a number",
			`ffhq-dataset-v2.json["x"]`: "the number of an image is wanted", `ffhq-dataset-v2.json["0"]`: "stands there twice",
		}},
		{"tokbench-face", opener(OpenTokBench), map[string]string{
			tokDir + "a.png": "", tokDir + "b.png": "",
			tokMeta: encode(t, []any{tokImage("a.png", tokFace(), badFace, text, 3), 3, tokImage("b.png", tokFace()), object{"image_name": "c.png"}, tokImage("a.png"), object{"image_name": 5}}),
		}, map[string]string{
			"a.png":             "1 faces, lost 001: label_malformed: ",
			"b.png":             "1 faces",
			"face_meta.json[1]": ": [1]: it is a number", "face_meta.json[3]": "[3] (c.png): img_width and", "face_meta.json[4]": "listed twice", "face_meta.json[5]": "[5]: image_name is a number",
		}},
		{"coco-face", opener(OpenCOCO), map[string]string{
			"a.png": "", "b.png": "",
			"f.json": encode(t, object{
				"images": []any{cocoPicture(1, "a.png"), cocoPicture(2, "b.png"), cocoPicture(2, "c.png"), object{"id": 3, "file_name": 7}, "d.png"},
				"annotations": []any{
					cocoFace(t, 1, 68, 2), odd, word, cocoFace(t, 3, 68, 2), cocoFace(t, 9, 68, 2), "face", cocoFace(t, 2, 68, 2),
				},
				"categories": []any{5},
			}),
		}, map[string]string{
			"a.png": "1 faces, lost 001: label_malformed: ", "b.png": "1 faces",
			"f.json images[2]": `images[2].id is "2"`, "f.json images[3]": "images[3]: file_name is a number", "f.json images[4]": "images[4]: it is a string",
			"f.json annotations[5]": "annotations[5]: it is a string", "f.json categories[0]": "categories[0]: it is a number",
			"f.json annotations": `annotations[4] (id 7).image_id: there is no image "9" in the file, nor for 0 others`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds, err := tc.open(t.Context(), tree(t, tc.files))
			if err != nil {
				t.Fatal(err)
			}
			got := outcome(t, ds)
			for id, want := range tc.want {
				if !strings.Contains(got[id], want) {
					t.Errorf("%s: %q, want %q in it", id, got[id], want)
				}
			}
			for id, said := range got {
				if _, ok := tc.want[id]; !ok {
					t.Errorf("another item, %s: %s", id, said)
				}
			}
			// Images come first, so that a part of the set is one of images.
			if images := strings.Count(ds.Info().Title, "images"); images != 1 || strings.ContainsAny(ds.IDs()[0], ":[ ") {
				t.Errorf("%s: order %v", ds.Info().Title, ds.IDs())
			}
		})
	}
}

func opener[D datasets.Dataset](open func(context.Context, string, datasets.Options) (D, error)) func(context.Context, string) (datasets.Dataset, error) {
	return func(ctx context.Context, dir string) (datasets.Dataset, error) {
		return open(ctx, dir, datasets.Options{})
	}
}

// Lines and folds of what stands behind a fault are what they were; so are lines of JSON.
func TestPlacesBehindFaults(t *testing.T) {
	files := lfwTree()
	files["pairs.txt"] = strings.Replace(lfwPairs, "Cy\t1\tDi\t2", "Cy\t1", 1)
	ds, err := OpenLFW(t.Context(), tree(t, files), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []Pair{
		{Fold: 0, A: "Al_Bo/Al_Bo_0001.png", B: "Al_Bo/Al_Bo_0003.png", Same: true},
		{Fold: 1, A: "Di/Di_0001.png", B: "Di/Di_0002.png", Same: true},
		{Fold: 1, A: "Al_Bo/Al_Bo_0010.png", B: "Cy/Cy_0001.png"},
	}
	if d := cmp.Diff(want, ds.Pairs()); d != "" {
		t.Errorf("pairs (-want +got):\n%s", d)
	}
	const meta = "[\n" + `{"image_name": "a.png", "img_width": 200, "img_height": 100, "faces": []},` + "\n\n3,\n{\"image_name\": \"a.png\",\n\"img_width\": 1, \"img_height\": 1}\n]"
	var c collection
	broken, err := c.tokBench("f.json", []byte(meta))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range broken.entries() {
		said = append(said, e.id+" "+e.err.Error())
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "f.json[1] f.json:4: [1]: ") || !strings.HasPrefix(said[1], "f.json[2] f.json:5: [2]: ") {
		t.Errorf("%q", said)
	}
}

// A file of anything else does not become a data set: of its faults a hundred are items.
func TestManyFaults(t *testing.T) {
	const list, many = "list_98pt_rect_attr_test.txt", 5000
	good := wflwRow(t, "a.png", "0 0 0 0 0 0")
	images := map[string]string{"WFLW_images/a.png": "", list: good + strings.Repeat("garbage\n", many)}
	ds, err := OpenWFLW(t.Context(), tree(t, images), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := ds.IDs()
	if len(ids) != 1+maxFaults+1 || ids[0] != "a.png" || ids[1] != list+":2" || ids[maxFaults] != fmt.Sprintf("%s:%d", list, maxFaults+1) {
		t.Fatalf("%d items: %v", len(ids), ids[:3])
	}
	told(t, "the others", fmt.Sprintf("%s has %d more faults than the first %d", list, many-maxFaults, maxFaults), only{ds, len(ids) - 1}, nil)
	load(t, ds, "a.png")

	// After enough of them a file is read no further.
	var c collection
	broken, err := c.wflw("l.txt", []byte(good+strings.Repeat("x\n", enoughFaults)+wflwRow(t, "b.png", "0 0 0 0 0 0")))
	if err != nil {
		t.Fatal(err)
	}
	items := broken.entries()
	if last := items[len(items)-1].err.Error(); len(c.entries) != 1 || broken.count() != enoughFaults || !strings.Contains(last, "what stands behind them was not read") {
		t.Errorf("%d images, %d faults: %s", len(c.entries), broken.count(), last)
	}

	images[list] = strings.Repeat("garbage\n", many)
	_, err = OpenWFLW(t.Context(), tree(t, images), datasets.Options{})
	told(t, "garbage alone", fmt.Sprintf(`has no face: %s:1: field 1 is "garbage"`, list), nil, shortened(err))

	// An image whose line is one of those that are counted says that it may be there.
	table := strings.Repeat("000002.jpg\n", maxFaults) + "000001.jpg\n000003.jpg 5\n"
	celeba, err := OpenCelebA(t.Context(), tree(t, map[string]string{"img_align_celeba/000001.png": "", "identity_CelebA.txt": table}), datasets.Options{})
	told(t, "beyond the first", "has no line for 000001.png that can be read; it has more faults", only{celeba, 0}, err)

	// The names of faults are none of images.
	images[list] = good + wflwRow(t, list+":3", "0 0 0 0 0 0") + "garbage\n"
	images["WFLW_images/"+list+":3"] = "no image"
	ds, err = OpenWFLW(t.Context(), tree(t, images), datasets.Options{})
	if err != nil || !slices.Contains(ds.IDs(), list+":3'") {
		t.Errorf("%v, error %v", ds.IDs(), err)
	}
}

// only is one item of a data set.
type only struct {
	datasets.Dataset
	i int
}

func (o only) IDs() []string { return o.Dataset.IDs()[o.i : o.i+1] }
func (o only) Load(ctx context.Context, i int) (datasets.Item, error) {
	return o.Dataset.Load(ctx, o.i+i)
}

// shortened is an error without the folders of the test.
func shortened(err error) error {
	if err == nil {
		return nil
	}
	var words []string
	for w := range strings.FieldsSeq(err.Error()) {
		words = append(words, filepath.Base(w))
	}
	return fmt.Errorf("%s", strings.Join(words, " "))
}
