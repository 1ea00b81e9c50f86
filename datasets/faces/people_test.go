package faces

import (
	"fmt"
	"image"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/datasets"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/pix"
)

// sized puts an image of a size into a folder that is there.
func sized(t *testing.T, w, h int, elem ...string) {
	t.Helper()
	if err := pix.New(w, h).SavePNG(filepath.Join(elem...)); err != nil {
		t.Fatal(err)
	}
}

func lfwTree() map[string]string {
	return map[string]string{
		"Al_Bo/Al_Bo_0001.png": "", "Al_Bo/Al_Bo_0002.png": "", "Al_Bo/Al_Bo_0003.png": "", "Al_Bo/Al_Bo_0010.png": "",
		"Cy/Cy_0001.png": "", "Di/Di_0001.png": "", "Di/Di_0002.png": "",
	}
}

const lfwPairs = "2\t1\nAl_Bo\t1\t3\nCy\t1\tDi\t2\nDi\t1\t2\nAl_Bo\t10\tCy\t1\n"

func TestLFW(t *testing.T) {
	files := lfwTree()
	files["pairs.txt"] = lfwPairs
	root := tree(t, files)
	sized(t, 250, 250, root, "Cy", "Cy_0001.png")
	ds, err := OpenLFW(t.Context(), root, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Al_Bo/Al_Bo_0001.png", "Al_Bo/Al_Bo_0002.png", "Cy/Cy_0001.png", "Di/Di_0001.png", "Di/Di_0002.png",
		"Al_Bo/Al_Bo_0003.png", "Al_Bo/Al_Bo_0010.png",
	}
	if d := cmp.Diff(want, ds.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	it := load(t, ds, "Cy/Cy_0001.png")
	in := it.Instances[0]
	if it.Cluster != "Cy" || in.Identity != "Cy" || len(in.Points) != 0 || in.Box != image.Rect(68, 68, 182, 182) || !slices.Equal(in.Tags, []string{TagBoxFromAlignment}) {
		t.Errorf("item %s of %s: %+v", it.ID, it.Cluster, in)
	}
	if in := load(t, ds, "Di/Di_0001.png").Instances[0]; in.Box != image.Rect(0, 0, 200, 100) || in.Scale != 1 || !slices.Equal(in.Tags, []string{TagBoxIsImage}) {
		t.Errorf("an image of another size: %+v", in)
	}
	pairs := []Pair{
		{Fold: 0, A: "Al_Bo/Al_Bo_0001.png", B: "Al_Bo/Al_Bo_0003.png", Same: true},
		{Fold: 0, A: "Cy/Cy_0001.png", B: "Di/Di_0002.png", Same: false},
		{Fold: 1, A: "Di/Di_0001.png", B: "Di/Di_0002.png", Same: true},
		{Fold: 1, A: "Al_Bo/Al_Bo_0010.png", B: "Cy/Cy_0001.png", Same: false},
	}
	if d := cmp.Diff(pairs, ds.Pairs()); d != "" {
		t.Errorf("pairs (-want +got):\n%s", d)
	}

	// The folder of people inside another one, with the pairs beside it.
	outer := map[string]string{"pairs.txt": lfwPairs}
	for n, c := range lfwTree() {
		outer["lfw/"+n] = c
	}
	root = tree(t, outer)
	for _, dir := range []string{root, filepath.Join(root, "lfw")} {
		ds, err := OpenLFW(t.Context(), dir, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := ds.Pairs(); len(got) != 4 || !slices.Contains(ds.IDs(), got[3].B) {
			t.Errorf("%s: pairs %+v", dir, got)
		}
	}
	if ds, err = OpenLFW(t.Context(), tree(t, lfwTree()), datasets.Options{}); err != nil || ds.Pairs() != nil {
		t.Errorf("without pairs.txt: %v, error %v", ds.Pairs(), err)
	}
}

func TestLFWRefuses(t *testing.T) {
	for _, tc := range []struct{ name, pairs, want string }{
		{"empty", "\n", "pairs.txt is empty"},
		{"words", "hello\n", `pairs.txt:1: the first line is "hello"`},
		{"three numbers", "1 2 3\n", `pairs.txt:1: the first line is "1 2 3"`},
		{"no folds", "0\t300\n", `the first line is "0 300"`},
		{"two people where one is due", "1\t1\nCy\t1\tDi\t1\n", "pairs.txt:2: 4 fields, but pair 1 of fold 1 is one of the same person and has 3"},
		{"one person where two are due", "1\n\nDi\t1\t2\nDi\t1\t2\n", "pairs.txt:4: 3 fields, but pair 2 of fold 1 is one of two people and has 4"},
		{"no number", "1\nDi\tone\t2\n", `pairs.txt:2: "one" is no number of a photograph of Di`},
		{"path", "1\n../Di\t1\t2\n", "pairs.txt:2: there is no image ../Di_0001"},
		{"too few", lfwPairs[:strings.LastIndex(lfwPairs, "Al_Bo")], "pairs.txt:4: the file ends after 3 of the 4 pairs"},
		{"too many", lfwPairs + "Di\t1\t2\n", "pairs.txt:6: more pairs than the 4"},
	} {
		files := lfwTree()
		files["pairs.txt"] = tc.pairs
		ds, err := OpenLFW(t.Context(), tree(t, files), datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
	for want, files := range map[string]map[string]string{
		"a.png of ": {"a.png": "", "Cy/Cy_0001.png": ""}, "has no image; PERSON/PERSON_0001.jpg is wanted": {"Cy/notes.txt": "x"}, "decoding image": {"Cy/Cy_0001.png": "broken"},
	} {
		ds, err := OpenLFW(t.Context(), tree(t, files), datasets.Options{})
		if err == nil {
			_, err = ds.Load(t.Context(), 0)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func FuzzParsePairs(f *testing.F) {
	names := slices.Sorted(maps.Keys(lfwTree()))
	f.Add([]byte(lfwPairs))
	f.Add([]byte("1\nDi\t1\t2\nDi 1 Cy 1"))
	f.Add([]byte("1000000\t1000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := parsePairs("pairs.txt", b, names)
		if err != nil {
			return
		}
		bounded(t, list.broken)
		known := slices.Clone(names)
		for _, m := range list.missing {
			known = append(known, m.id)
		}
		for _, p := range list.pairs {
			if !slices.Contains(known, p.A) || !slices.Contains(known, p.B) || p.Fold < 0 {
				t.Fatalf("pair %+v", p)
			}
		}
	})
}

const celebaHeader = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n"

func celebaRow(name string) string {
	row := name
	for _, p := range five {
		row += fmt.Sprintf("  %g %g", p.X, p.Y)
	}
	return row + "\n"
}

func TestCelebA(t *testing.T) {
	const people = "000001.jpg 2880\n000002.jpg 17\n000003.jpg 2880\n"
	points := "3\n" + celebaHeader + celebaRow("000001.jpg") + celebaRow("000002.jpg") + celebaRow("000003.jpg")
	boxes := "2\nimage_id x_1 y_1 width height\n000001.jpg 30 10 40 56\n000002.jpg 0 0 0 0\n"
	type want struct {
		points   bool
		box      image.Rectangle
		tag, who string
	}
	drawn := square(five).rect()
	aligned := square(celebaFive).rect()
	for _, tc := range []struct {
		name  string
		files map[string]string
		w, h  int // of image 000001, if not 200×100
		id    string
		want  want
	}{
		{"aligned", map[string]string{
			"img_align_celeba/000001.jpg": "", "list_landmarks_align_celeba.txt": points, "identity_CelebA.txt": people, "list_bbox_celeba.txt": "of another crop",
		}, 0, 0, "000001.jpg", want{true, drawn, TagBoxFromPoints, "2880"}},
		{"tables with commas, folders twice, PNG", map[string]string{
			"img_align_celeba/img_align_celeba/000001.png": "", "identity_CelebA.csv": "image_id,id\n000001.jpg,2880\n",
			"list_landmarks_align_celeba.csv": "image_id," + strings.ReplaceAll(celebaHeader, " ", ",") + strings.ReplaceAll(celebaRow("000001.jpg"), " ", ","),
		}, 0, 0, "img_align_celeba/000001.png", want{true, drawn, TagBoxFromPoints, "2880"}},
		{"aligned, images alone", map[string]string{"Img/img_align_celeba/000001.jpg": ""}, 178, 218, "000001.jpg", want{false, aligned, TagBoxFromAlignment, "000001.jpg#000"}},
		{"aligned, images alone, of another size", map[string]string{"img_align_celeba/000001.jpg": ""}, 0, 0, "000001.jpg", want{false, image.Rect(0, 0, 200, 100), TagBoxIsImage, "000001.jpg#000"}},
		{"in the wild", map[string]string{
			"img_celeba/000001.jpg": "", "Anno/list_landmarks_celeba.txt": points, "Anno/list_bbox_celeba.txt": boxes, "Anno/identity_CelebA.txt": people,
		}, 0, 0, "000001.jpg", want{true, faceBox, "", "2880"}},
		{"in the wild, a box without area", map[string]string{
			"img_celeba/000002.jpg": "", "list_landmarks_celeba.txt": points, "list_bbox_celeba.txt": boxes, "identity_CelebA.txt": people,
		}, 0, 0, "000002.jpg", want{true, drawn, TagBoxFromPoints, "17"}},
		{"CelebA-HQ with the mapping", map[string]string{
			"CelebA-HQ-img/0.jpg": "", "identity_CelebA.txt": people, "list_landmarks_align_celeba.txt": points,
			"CelebA-HQ-to-CelebA-mapping.txt": "idx     orig_idx    orig_file\n0 1 000002.jpg\n1 0 000001.jpg\n",
		}, 512, 512, "0.jpg", want{false, alignedBox(512, 512).rect(), TagBoxFromAlignment, "17"}},
		{"CelebA-HQ with CelebA's names", map[string]string{"celeba-hq/000002.png": "", "identity_CelebA.txt": people}, 256, 256, "000002.png", want{false, alignedBox(256, 256).rect(), TagBoxFromAlignment, "17"}},
		{"CelebA-HQ with names of its own", map[string]string{"CelebA-HQ-img/00002.jpg": "", "identity_CelebA.txt": people}, 256, 256, "00002.jpg", want{false, alignedBox(256, 256).rect(), TagBoxFromAlignment, "00002.jpg#000"}},
	} {
		root := tree(t, tc.files)
		if tc.w != 0 {
			for n := range tc.files {
				if pix.IsImage(n) {
					sized(t, tc.w, tc.h, root, n)
				}
			}
		}
		ds, err := OpenCelebA(t.Context(), root, datasets.Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		it := load(t, ds, tc.id)
		in := it.Instances[0]
		if tc.want.points {
			near(t, tc.name, in.Points, five)
			upright(t, tc.name, in)
		} else if len(in.Points) != 0 {
			t.Errorf("%s: points %v", tc.name, in.Points)
		}
		bounds := image.Rect(0, 0, it.Image.W, it.Image.H)
		if in.Box != tc.want.box.Intersect(bounds) || in.Identity != tc.want.who || strings.Join(in.Tags, " ") != tc.want.tag {
			t.Errorf("%s: face %+v, want %+v", tc.name, in, tc.want)
		}
		if wantCluster := strings.TrimSuffix(tc.want.who, tc.id+"#000"); it.Cluster != wantCluster {
			t.Errorf("%s: cluster %q, want %q", tc.name, it.Cluster, wantCluster)
		}
	}
}

// A digest is of names and contents, wherever the files lie and however they are
// reached.
func TestDigestOfLinkedImages(t *testing.T) {
	for name, tc := range map[string]struct {
		dir  string
		open func(string) (*Set, error)
	}{
		"celeba": {"img_align_celeba", func(dir string) (*Set, error) { return OpenCelebA(t.Context(), dir, datasets.Options{}) }},
		"ffhq":   {"images1024x1024", func(dir string) (*Set, error) { return OpenFFHQ(t.Context(), dir, datasets.Options{}) }},
	} {
		plain := tree(t, map[string]string{tc.dir + "/000001.png": ""})
		linked := t.TempDir()
		if err := os.Symlink(filepath.Join(plain, tc.dir), filepath.Join(linked, tc.dir)); err != nil {
			t.Skipf("no symbolic links here: %v", err) //nolint:forbidigo // not on every file system
		}
		var digests []string
		for _, dir := range []string{plain, linked} {
			ds, err := tc.open(dir)
			if err != nil {
				t.Fatal(err)
			}
			load(t, ds, "000001.png")
			digests = append(digests, ds.Info().Digest)
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: a link changes the digest", name)
		}
		if err := os.WriteFile(filepath.Join(plain, tc.dir, "000001.png"), []byte("edited"), 0o600); err != nil {
			t.Fatal(err)
		}
		if ds, err := tc.open(plain); err != nil || ds.Info().Digest == digests[0] {
			t.Errorf("%s: another image leaves the digest as it was; error %v", name, err)
		}
	}
}

func TestCelebARefuses(t *testing.T) {
	const list, align = "list_landmarks_align_celeba.txt", "img_align_celeba/000001.jpg"
	row := celebaRow("000001.jpg")
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no images", map[string]string{"a.jpg": ""}, "has no folder of CelebA's images; looked for are img_align_celeba"},
		{"empty", map[string]string{"img_align_celeba/a.txt": "x"}, "has no image"},
		{"count", map[string]string{align: "", list: "7\n" + row}, list + ":1: 7 lines of images are announced, but there are 1"},
		{"no count", map[string]string{align: "", list: "many\n" + row}, list + `:1: "many" is no number`},
		{"a field too few", map[string]string{align: "", list: row + "000002.jpg 1 2\n"}, list + ":2: 3 fields: a name and 10 more"},
		{"commas", map[string]string{align: "", list: row + ",,\n"}, list + ":2: commas alone"},
		{"a word", map[string]string{align: "", list: strings.Replace(row, "40", "x", 1)}, list + `:1: "x" is no position`},
		{"twice", map[string]string{align: "", list: row + row}, list + ":2: 000001.jpg has a line before, 1"},
		{"no line", map[string]string{align: "", list: celebaRow("000002.jpg")}, list + " has no line for 000001.jpg"},
		{"nobody", map[string]string{align: "", "identity_CelebA.txt": "000002.jpg 5\n"}, "identity_CelebA.txt has no line for 000001.jpg"},
		{"no box", map[string]string{"img_celeba/000001.jpg": "", "list_bbox_celeba.txt": "000002.jpg 1 2 3 4\n"}, "list_bbox_celeba.txt has no line for 000001.jpg"},
		{"not mapped", map[string]string{"CelebA-HQ-img/00001.jpg": "", "CelebA-HQ-to-CelebA-mapping.txt": "0 5 000006.jpg\n"}, "mapping.txt has no line for 1"},
		{"broken image", map[string]string{align: "broken", list: row}, "decoding image"},
	} {
		ds, err := OpenCelebA(t.Context(), tree(t, tc.files), datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
}

func FuzzCelebATable(f *testing.F) {
	f.Add([]byte("1\n"+celebaHeader+celebaRow("000001.jpg")), true)
	f.Add([]byte("image_id,a,b\n000001.jpg,1,2\n000002.jpg,1,2\n"), false)
	f.Add([]byte("-1\n\n,,,"), false)
	f.Add([]byte(","), true)
	f.Fuzz(func(t *testing.T, b []byte, numeric bool) {
		for _, columns := range []int{1, 2, 4, 10} {
			list, err := parseTable("list.txt", b, columns, numeric)
			if err != nil {
				continue
			}
			bounded(t, list.broken)
			for k, r := range list.rows {
				if r.line < 1 || len(r.numbers)+len(r.fields) != columns || slices.ContainsFunc(r.numbers, func(x float64) bool { return !plausible(x) }) {
					t.Fatalf("%q: %+v", k, r)
				}
			}
		}
	})
}

// ffhqObject is an entry with the made-up face: at 1024 pixels five times as large
// as the 200×100 image of the other files, in the wild as it is.
func ffhqObject(t testing.TB) object {
	t.Helper()
	var wild, cropped [][]float64
	for _, p := range marks(t, 68) {
		wild, cropped = append(wild, []float64{p.X, p.Y}), append(cropped, []float64{5 * p.X, 5 * p.Y})
	}
	return object{
		"category": "training", "metadata": object{"license": "x"},
		"image":       object{"file_path": "images1024x1024/00000/00000.png", "face_landmarks": cropped},
		"in_the_wild": object{"pixel_size": []int{200, 100}, "face_rect": []float64{30, 10, 70, 66}, "face_landmarks": wild},
	}
}

func TestFFHQ(t *testing.T) {
	labels := encode(t, object{"0": ffhqObject(t), "7": ffhqObject(t)})
	const file = "ffhq-dataset-v2.json"
	for _, tc := range []struct {
		name, dir string
		files     map[string]string
		side      int // 0: 200×100
		id        string
		scale     float64 // of the points, 0 for none
		box       image.Rectangle
		tag       string
	}{
		{"full", "", map[string]string{"images1024x1024/00000/00007.png": "", "thumbnails128x128/00000.png": "", file: labels}, 1024, "00000/00007.png", 5, image.Rect(187, 125, 313, 275), TagBoxFromPoints},
		{"thumbnails", "", map[string]string{"thumbnails128x128/00000/00007.png": "", file: labels}, 128, "00000/00007.png", 5. / 8, image.Rect(23, 15, 40, 35), TagBoxFromPoints},
		{"any folder at 512", "", map[string]string{"img00000000.png": "", file: labels}, 512, "img00000000.png", 2.5, image.Rect(93, 62, 157, 138), TagBoxFromPoints},
		{"one of its folders", "images1024x1024", map[string]string{"images1024x1024/00007.png": "", file: labels}, 1024, "00007.png", 5, image.Rect(187, 125, 313, 275), TagBoxFromPoints},
		{"in the wild", "", map[string]string{"in-the-wild-images/00000/00000.png": "", file: labels}, 0, "00000/00000.png", 1, faceBox, ""},
		{"images alone", "", map[string]string{"a/b.png": ""}, 256, "a/b.png", 0, alignedBox(256, 256).rect(), TagBoxFromAlignment},
		{"in the wild alone", "", map[string]string{"in-the-wild-images/1.png": ""}, 300, "1.png", 0, image.Rect(0, 0, 300, 300), TagBoxIsImage},
		{"not square, alone", "", map[string]string{"1.png": ""}, 0, "1.png", 0, image.Rect(0, 0, 200, 100), TagBoxIsImage},
	} {
		root := tree(t, tc.files)
		for n := range tc.files {
			if tc.side != 0 && pix.IsImage(n) {
				sized(t, tc.side, tc.side, root, n)
			}
		}
		ds, err := OpenFFHQ(t.Context(), filepath.Join(root, tc.dir), datasets.Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		it := load(t, ds, tc.id)
		in := it.Instances[0]
		if tc.scale != 0 {
			want := slices.Clone(five)
			for i := range want {
				want[i].X, want[i].Y = tc.scale*want[i].X, tc.scale*want[i].Y
			}
			near(t, tc.name, in.Points, want)
			upright(t, tc.name, in)
		} else if len(in.Points) != 0 || in.Identity != tc.id+"#000" {
			t.Errorf("%s: %+v", tc.name, in)
		}
		if in.Box != tc.box || strings.Join(in.Tags, " ") != tc.tag || it.Cluster != "" {
			t.Errorf("%s: face %+v, want box %v and tag %s", tc.name, in, tc.box, tc.tag)
		}
	}
}

func TestFFHQRefuses(t *testing.T) {
	const file = "ffhq-dataset-v2.json"
	with := func(part, key string, value any) string {
		o := ffhqObject(t)
		o[part].(object)[key] = value
		return encode(t, object{"0": o})
	}
	good := encode(t, object{"0": ffhqObject(t)})
	for _, tc := range []struct{ name, dir, content, want string }{
		{"no JSON", "images1024x1024", "nope", "decoding "},
		{"a list", "images1024x1024", "[]", file + " begins with ["},
		{"nothing", "images1024x1024", "{}", "has no entry"},
		{"cut off", "images1024x1024", good[:len(good)-3], file + `: entry "0" at byte`},
		{"cut off at the end", "images1024x1024", strings.TrimSpace(good[:len(good)-1]), "the file is cut off"},
		{"a name", "images1024x1024", `{"x": {}}`, `entry "x" at byte 8: the number of an image`},
		{"twice", "images1024x1024", strings.TrimSuffix(good, "}") + `, "0": {}}`, `it stands there twice; the first is taken`},
		{"67 points", "images1024x1024", with("image", "face_landmarks", make([][]float64, 67)), `: image.face_landmarks has 67 points, want 68`},
		{"no coordinates", "images1024x1024", with("image", "face_landmarks", make([][]float64, 68)), `image.face_landmarks[0] is []`},
		{"another type", "images1024x1024", with("image", "face_landmarks", 5), `entry "0" at byte`},
		{"no size", ffhqWild, with("in_the_wild", "pixel_size", []int{1}), `in_the_wild.pixel_size is [1]`},
		{"no box", ffhqWild, with("in_the_wild", "face_rect", []float64{1}), "in_the_wild.face_rect: the box has 1 numbers"},
		{"flat box", ffhqWild, with("in_the_wild", "face_rect", []float64{1, 1, 1, 1}), "has no area"},
		{"another size", ffhqWild, with("in_the_wild", "pixel_size", []int{3, 4}), `entry "0" is about an image of 3×4, this one is 200×100`},
		{"not square", "images1024x1024", good, "is 200×100, but FFHQ's are square"},
		{"no entry", "images1024x1024", encode(t, object{"5": ffhqObject(t)}), file + ` has no entry "0"`},
	} {
		ds, err := OpenFFHQ(t.Context(), tree(t, map[string]string{tc.dir + "/00000.png": "", file: tc.content}), datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
	ds, err := OpenFFHQ(t.Context(), tree(t, map[string]string{"portrait.png": "", file: good}), datasets.Options{})
	told(t, "no number", "portrait.png has no number", ds, err)
	ds, err = OpenFFHQ(t.Context(), tree(t, map[string]string{file: good}), datasets.Options{})
	told(t, "no image", "has no image", ds, err)
}

func FuzzFFHQ(f *testing.F) {
	f.Add(encode(f, object{"0": object{"image": object{"face_landmarks": [][]float64{{1, 2}}}}}), false)
	f.Add(`{"0":{"in_the_wild":{"pixel_size":[1,1],"face_rect":[0,0,1,1]}}}`, true)
	f.Add(strings.Join(strings.Fields(encode(f, object{"3": ffhqObject(f)})), ""), true)
	f.Fuzz(func(t *testing.T, s string, wild bool) {
		table, err := parseFFHQ(t.Context(), "f.json", strings.NewReader(s), wild)
		if err != nil {
			return
		}
		bounded(t, table.broken)
		for n, l := range table.labels {
			if n < 0 || len(l.points) != pointCount || l.box.empty() {
				t.Fatalf("%d: %+v", n, l)
			}
		}
	})
}
