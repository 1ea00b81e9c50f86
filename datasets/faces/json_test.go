package faces

import (
	"encoding/json"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/testenv"
)

type object = map[string]any

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// cocoFace is the made-up face in a scheme; visibility is that of all points.
func cocoFace(t testing.TB, im any, n, visibility int) object {
	t.Helper()
	var k []float64
	for _, p := range marks(t, n) {
		k = append(k, p.X, p.Y, float64(visibility))
	}
	return object{"id": 7, "image_id": im, "keypoints": k, "bbox": []float64{30, 10, 40, 56}, "iscrowd": 0}
}

func coco(t testing.TB, images, annotations []any) string {
	t.Helper()
	return encode(t, object{"images": images, "annotations": annotations, "categories": []any{}})
}

func cocoPicture(id any, name string) object {
	return object{"id": id, "file_name": name, "width": 200, "height": 100}
}

func TestCOCOSchemes(t *testing.T) {
	for _, s := range Schemes() {
		root := tree(t, map[string]string{"a.png": "", "f.json": coco(t, []any{cocoPicture(1, "a.png")}, []any{cocoFace(t, 1, s.Points, 2)})})
		ds, err := OpenCOCO(t.Context(), filepath.Join(root, "f.json"), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := load(t, ds, "a.png").Instances[0]
		near(t, s.Name, in.Points, five)
		upright(t, s.Name, in)
		if in.Box != faceBox || in.Scale != faceScale || in.Tags != nil || in.Ignore {
			t.Errorf("%s: %+v", s.Name, in)
		}
	}
}

// Points that are named are found by their names, whatever their number and order, and
// left is left in the image whoever it was named for.
func TestCOCONamedPoints(t *testing.T) {
	names := []any{"chin", "Mouth-Left", "right_eye", "NOSE tip", "left_eye_center", "mouth_right_corner", "brow"}
	order := []int{-1, LeftMouth, RightEye, NoseTip, LeftEye, RightMouth, -1}
	for who, swap := range map[string]bool{"the picture's": false, "the subject's": true} {
		var keypoints []any
		for _, k := range order {
			p := datasets.Point{X: 50, Y: 60}
			if k >= 0 {
				if p = five[k]; swap && k != NoseTip {
					p = five[[]int{RightEye, LeftEye, NoseTip, RightMouth, LeftMouth}[k]]
				}
			}
			keypoints = append(keypoints, p.X, p.Y, 2)
		}
		file := encode(t, object{
			"images":      []any{cocoPicture(1, "a.png")},
			"annotations": []any{object{"id": 1, "image_id": 1, "category_id": 7, "keypoints": keypoints, "bbox": []any{30, 10, 40, 56}}},
			"categories":  []any{object{"id": 7, "name": "face", "keypoints": names}},
		})
		ds, err := OpenCOCO(t.Context(), tree(t, map[string]string{"a.png": "", "f.json": file}), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := load(t, ds, "a.png").Instances[0]
		near(t, who, in.Points, five)
		upright(t, who, in)
	}
	if _, ok := schemeByNames("face", []string{"left_eye", "right_eye", "nose", "mouth_left", "mouth_left", "mouth_right"}); ok {
		t.Error("two points of one name are a scheme")
	}
}

func TestCOCOFolders(t *testing.T) {
	file := coco(t, []any{cocoPicture("x", "d/a.png"), cocoPicture(2, "d/b.png"), cocoPicture(3, "d/empty.png")}, []any{cocoFace(t, "x", 68, 2), cocoFace(t, "x", 68, 1)})
	other := coco(t, []any{cocoPicture(2, "d/a.png")}, []any{cocoFace(t, 2, 29, 2)})
	for name, files := range map[string]map[string]string{
		"all in one":   {"d/a.png": "", "d/empty.png": "", "f1.json": file, "f2.json": other},
		"images":       {"images/d/a.png": "", "images/d/empty.png": "", "f1.json": file, "f2.json": other},
		"annotations":  {"images/d/a.png": "", "images/d/empty.png": "", "annotations/f1.json": file, "annotations/f2.json": other},
		"images above": {"d/a.png": "", "d/empty.png": "", "annotations/f1.json": file, "annotations/f2.json": other},
	} {
		ds, err := OpenCOCO(t.Context(), tree(t, files), datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"d/a.png", "d/b.png", "d/empty.png"}, ds.IDs()); d != "" {
			t.Errorf("%s: ids (-want +got):\n%s", name, d)
		}
		it := load(t, ds, "d/a.png")
		if len(it.Instances) != 3 || len(it.Instances[2].Points) != 5 {
			t.Errorf("%s: faces %+v", name, it.Instances)
		}
		if d := cmp.Diff([]string{TagOccluded}, it.Instances[1].Tags); d != "" {
			t.Errorf("%s: tags (-want +got):\n%s", name, d)
		}
		if got := load(t, ds, "d/empty.png"); len(got.Instances) != 0 {
			t.Errorf("%s: faces of an image without: %+v", name, got.Instances)
		}
		if _, err := ds.Load(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "b.png") {
			t.Errorf("%s: a missing image gave %v", name, err)
		}
	}
}

func TestCOCOOddFaces(t *testing.T) {
	unlabelled := cocoFace(t, 1, 68, 2)
	unlabelled["keypoints"].([]float64)[3*30+2] = 0
	crowd := cocoFace(t, 1, 68, 2)
	crowd["iscrowd"] = 1
	boxless, fiveOnly := cocoFace(t, 1, 68, 2), cocoFace(t, 1, 5, 2)
	delete(boxless, "bbox")
	fiveOnly["bbox"] = []float64{0, 0, 0, 0}
	none := object{"id": "n", "image_id": 1, "bbox": []float64{-10, 10, 40, 56}}
	root := tree(t, map[string]string{"a.png": "", "f.json": coco(t, []any{cocoPicture(1, "a.png")}, []any{unlabelled, crowd, boxless, fiveOnly, none})})
	ds, err := OpenCOCO(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in := load(t, ds, "a.png").Instances
	if len(in[0].Points) != 0 || in[0].Identity != "a.png#000" {
		t.Errorf("a face whose nose is not labelled: %+v", in[0])
	}
	if !in[1].Ignore {
		t.Error("iscrowd is not ignored")
	}
	if d := cmp.Diff([]string{TagBoxFromPoints}, in[2].Tags); d != "" || in[2].Box != image.Rect(37, 25, 63, 55) {
		t.Errorf("without a box: %+v", in[2])
	}
	if d := cmp.Diff([]string{TagBoxFromPoints}, in[3].Tags); d != "" || !image.Rect(40, 30, 60, 55).In(in[3].Box) {
		t.Errorf("five points without a box: %+v", in[3])
	}
	if in[4].Identity != "a.png#004" || in[4].Box != image.Rect(0, 10, 30, 66) {
		t.Errorf("a box alone: %+v", in[4])
	}
}

func TestCOCORefuses(t *testing.T) {
	one := []any{cocoPicture(1, "a.png")}
	with := func(change func(object)) string {
		f := cocoFace(t, 1, 68, 2)
		change(f)
		return coco(t, one, []any{f})
	}
	for _, tc := range []struct{ name, content, want string }{
		{"no JSON", "{\n\n\"images\": nope}", "f.json:3: invalid character"},
		{"other JSON", `{"results": 1}`, "f.json has no field images"},
		{"a type", "{\"images\":\n [{\"id\": 1, \"file_name\": 5}]}", "f.json:2: images[0]: file_name is a number"},
		{"a list", "[]", "f.json:1: the file begins with [: an object is wanted"},
		{"no list", `{"images": 3}`, "f.json:1: images begins with 3: a list is wanted"},
		{"no images", `{"images": []}`, "lists no image"},
		{"ids twice", coco(t, []any{cocoPicture(1, "a.png"), cocoPicture(1, "b.png")}, nil), `images[1].id is "1"`},
		{"no id", coco(t, []any{cocoPicture(nil, "a.png")}, nil), `images[0].id is ""`},
		{"out of the folder", coco(t, []any{cocoPicture(1, "../a.png")}, nil), `images[0].file_name: image name "../a.png" leads out`},
		{"two sizes", coco(t, []any{cocoPicture(1, "a.png"), object{"id": 2, "file_name": "a.png", "width": 3, "height": 4}}, nil), "a.png is 3×4 here, 200×100 before"},
		{"half a size", coco(t, []any{object{"id": 2, "file_name": "a.png", "width": 3}}, nil), "3×0 is impossible"},
		{"another size", coco(t, []any{object{"id": 1, "file_name": "a.png", "width": 100, "height": 50}}, []any{cocoFace(t, 1, 5, 2)}), "a.png is 200×100, but"},
		{"no such image", coco(t, one, []any{cocoFace(t, 9, 68, 2)}), `annotations[0] (id 7).image_id: there is no image "9"`},
		{"scheme", with(func(f object) { f["keypoints"] = make([]float64, 51) }), "annotations[0] (id 7): keypoints: 17 key points"},
		{"a number too few", with(func(f object) { f["keypoints"] = make([]float64, 50) }), "keypoints has 50 numbers"},
		{"visibility", with(func(f object) { f["keypoints"].([]float64)[2] = 0.7 }), "keypoints[0]: 50, 42 with visibility 0.7"},
		{"far away", with(func(f object) { f["keypoints"].([]float64)[3] = 1e300 }), "keypoints[3]: 1e+300"},
		{"box", with(func(f object) { f["bbox"] = []float64{1, 2, 3} }), "bbox: the box has 3 numbers"},
		{"nothing to draw a box around", with(func(f object) { delete(f, "bbox"); delete(f, "keypoints") }), "has no area"},
		{"text", `{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "text"}], "annotations": [{"id": 7, "image_id": 1, "bbox": [1, 2, 30, 30]}]}`, "its categories are text, and no annotation has key points"},
	} {
		ds, err := OpenCOCO(t.Context(), tree(t, map[string]string{"a.png": "", "f.json": tc.content}), datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
	for name, want := range map[string]string{"": "no file is named", t.TempDir(): "has no JSON file", filepath.Join(t.TempDir(), "gone"): "opening annotations"} {
		if _, err := OpenCOCO(t.Context(), name, datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", name, err, want)
		}
	}
}

// The key points of the real photographs were drawn into them and looked at. Two
// faces look at the camera upright; the checks hold for all four.
func TestRealSample(t *testing.T) {
	dir := testenv.Data(t, "faces-sample")
	ds, err := OpenCOCO(t.Context(), dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"001766.jpg", "001805.jpg", "indoor_020.png", "indoor_029.png"}, ds.IDs()); d != "" {
		t.Fatalf("ids (-want +got):\n%s", d)
	}
	for _, id := range ds.IDs() {
		it := load(t, ds, id)
		if len(it.Instances) != 1 {
			t.Fatalf("%s has %d faces", id, len(it.Instances))
		}
		in := it.Instances[0]
		upright(t, id, in)
		drawn := square(in.Points).rect()
		both := drawn.Intersect(in.Box)
		area := func(r image.Rectangle) float64 { return float64(r.Dx() * r.Dy()) }
		iou := area(both) / (area(drawn) + area(in.Box) - area(both))
		t.Logf("%s: box %v, drawn from five points %v, IoU %.2f, scale %.3f", id, in.Box, drawn, iou, in.Scale)
		if iou < .5 {
			t.Errorf("%s: the box drawn from five points meets the annotators' with IoU %.2f", id, iou)
		}
	}
	if in := load(t, ds, "indoor_029.png").Instances[0]; in.Box != image.Rect(223, 217, 755, 789) || in.Scale != 572./960 {
		t.Errorf("indoor_029.png: %+v", in)
	}
	// A hand covers an eye, a moustache corners of the mouth; 300W marks nothing as hidden.
	for id, hidden := range map[string]bool{"001766.jpg": true, "001805.jpg": true, "indoor_020.png": false, "indoor_029.png": false} {
		if in := load(t, ds, id).Instances[0]; slices.Contains(in.Tags, TagOccluded) != hidden {
			t.Errorf("%s has tags %v, occluded should be %t", id, in.Tags, hidden)
		}
	}
	one, err := OpenCOCO(t.Context(), filepath.Join(dir, "test_cofw.json"), datasets.Options{})
	if err != nil || len(one.IDs()) != 2 {
		t.Fatalf("test_cofw.json: %v, error %v", one.IDs(), err)
	}
	if title := one.Info().Title; title != "Faces of test_cofw.json: 2 in 2 images" {
		t.Errorf("title %q", title)
	}
	if one.Info().Digest == ds.Info().Digest {
		t.Error("two files and one of them have the same digest")
	}
}

func tokFace() object {
	var k [][]float64
	for _, p := range five {
		k = append(k, []float64{p.X, p.Y})
	}
	return object{"kps": k, "box": []float64{30, 10, 70, 66}, "ratio": .25, "gt": []int{1}}
}

func tokImage(name string, faces ...any) object {
	return object{"image_name": name, "img_height": 100, "img_width": 200, "faces": faces}
}

const (
	tokMeta = "annotations/face_meta.json"
	tokDir  = "images/face_data/wflw/"
)

func TestTokBench(t *testing.T) {
	ds, err := OpenTokBench(t.Context(), tree(t, map[string]string{
		tokDir + "a/x.png": "", tokDir + "b/y.png": "",
		tokMeta: encode(t, []any{tokImage("b/y.png", tokFace(), tokFace()), tokImage("a/x.png", tokFace()), tokImage("a/gone.png", tokFace())}),
	}), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a/gone.png", "b/y.png", "a/x.png"}, ds.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	it := load(t, ds, "b/y.png")
	want := datasets.Instance{ID: "001", Box: faceBox, Points: five, Scale: .25}
	if d := cmp.Diff(want, it.Instances[1]); d != "" {
		t.Errorf("face (-want +got):\n%s", d)
	}
	if _, err := ds.Load(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "gone.png") {
		t.Errorf("a missing image gave %v", err)
	}
}

func TestTokBenchRefuses(t *testing.T) {
	with := func(key string, value any) string {
		f := tokFace()
		f[key] = value
		return encode(t, []any{tokImage("a.png", f)})
	}
	for _, tc := range []struct{ name, content, want string }{
		{"no JSON", "[\n{]", "face_meta.json:2: invalid character"},
		{"no list", "{}", "face_meta.json:1: the file begins with {: a list is wanted"},
		{"nothing", "[]", "lists no image"},
		{"out of the folder", encode(t, []any{tokImage("/a.png")}), `[0].image_name: image name "/a.png" leads out`},
		{"no size", encode(t, []any{object{"image_name": "a.png"}}), "[0] (a.png): img_width and img_height are 0 and 0"},
		{"another size", encode(t, []any{object{"image_name": "a.png", "img_width": 100, "img_height": 50}}), "a.png is 200×100, but its annotation is about one of 100×50"},
		{"twice", encode(t, []any{tokImage("a.png"), tokImage("a.png")}), "[1]: a.png is listed twice"},
		{"ratio", with("ratio", 0), "(a.png).faces[0]: ratio is 0"},
		{"four points", with("kps", [][]float64{{1, 2}, {1, 2}, {1, 2}, {1, 2}}), "kps has 4 points, want 5"},
		{"three coordinates", with("kps", [][]float64{{1, 2}, {1, 2, 3}, {1, 2}, {1, 2}, {1, 2}}), "kps[1] is [1 2 3]"},
		{"flat points", with("kps", []float64{1, 2}), "(a.png).faces[0]: kps is a number"},
		{"box", with("box", []float64{1}), "box: the box has 1 numbers"},
		{"box turned over", with("box", []float64{9, 9, 1, 1}), "left, top, right, bottom"},
	} {
		ds, err := OpenTokBench(t.Context(), tree(t, map[string]string{tokDir + "a.png": "", tokMeta: tc.content}), datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
	ds, err := OpenTokBench(t.Context(), t.TempDir(), datasets.Options{})
	told(t, "no images", "images/face_data/wflw", ds, err)
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, tokDir), 0o755); err != nil {
		t.Fatal(err)
	}
	ds, err = OpenTokBench(t.Context(), root, datasets.Options{})
	told(t, "no annotations", "face_meta.json", ds, err)
}

// sound checks what holds for everything that a parser lets through.
func sound(t *testing.T, c collection) {
	t.Helper()
	for _, e := range c.entries {
		if !filepath.IsLocal(e.id) || e.w < 0 || e.h < 0 {
			t.Fatalf("entry %+v", e)
		}
		for _, f := range e.faces {
			if f.err != nil {
				continue
			}
			if f.box.empty() || len(f.points) != 0 && len(f.points) != pointCount || f.where == "" {
				t.Fatalf("face %+v", f)
			}
			if slices.ContainsFunc(f.points, func(p datasets.Point) bool { return !plausible(p.X) || !plausible(p.Y) }) {
				t.Fatalf("points %v", f.points)
			}
			if in := f.instance(0, e.id, 200, 100); !in.Box.Empty() && (!in.IsFace() || in.Scale <= 0) {
				t.Fatalf("instance %+v", in)
			}
		}
	}
}

func FuzzCOCO(f *testing.F) {
	f.Add([]byte(coco(f, []any{cocoPicture(1, "a.png")}, []any{cocoFace(f, 1, 5, 2)})))
	f.Add([]byte(`{"images":[{"id":"x","file_name":"../a"}],"annotations":[{"image_id":"x","bbox":[0,0,1,1]}]}`))
	f.Add([]byte(fmt.Sprintf(`{"images":[{"id":1,"file_name":"a"}],"annotations":[{"image_id":1,"keypoints":[%s0]}]}`, strings.Repeat("0,", 14))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c collection
		if broken, err := c.coco("f.json", b); err == nil {
			sound(t, c)
			bounded(t, broken)
		}
	})
}

func FuzzTokBench(f *testing.F) {
	f.Add([]byte(encode(f, []any{tokImage("a.png", tokFace())})))
	f.Add([]byte(`[{"image_name":"..","img_width":1,"img_height":1}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c collection
		if broken, err := c.tokBench("face_meta.json", b); err == nil {
			sound(t, c)
			bounded(t, broken)
		}
	})
}
