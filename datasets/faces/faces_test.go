package faces

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
)

// The face of the made-up files: in a 200×100 image, five points and a box.
var (
	five    = []datasets.Point{{X: 40, Y: 30}, {X: 60, Y: 31}, {X: 50, Y: 42}, {X: 43, Y: 55}, {X: 58, Y: 54}}
	faceBox = image.Rect(30, 10, 70, 66)
)

const faceScale = 56. / 200

// marks spreads the five points over a scheme: what is not one of them lies at the
// nose, points that are averaged lie around their mean.
func marks(t testing.TB, n int) []datasets.Point {
	t.Helper()
	s, err := schemeOf(n)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]datasets.Point, n)
	for i := range all {
		all[i] = five[NoseTip]
	}
	for k, from := range s.Five {
		for j, i := range from {
			off := float64(j) - float64(len(from)-1)/2
			all[i] = datasets.Point{X: five[k].X + off, Y: five[k].Y - 2*off}
		}
	}
	return all
}

// tree writes text files, and 200×100 images for names with an empty text.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if content == "" && pix.IsImage(name) {
			err = pix.New(200, 100).SavePNG(p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func load(t *testing.T, ds datasets.Dataset, id string) datasets.Item {
	t.Helper()
	i := slices.Index(ds.IDs(), id)
	if i < 0 {
		t.Fatalf("no item %s among %v", id, ds.IDs())
	}
	it, err := ds.Load(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	if it.ID != id {
		t.Errorf("item %s calls itself %s", id, it.ID)
	}
	for _, in := range it.Instances {
		if !in.IsFace() {
			t.Errorf("%s: instance %+v is no face", id, in)
		}
	}
	return it
}

// told checks that opening, or else loading some item, says what is wrong.
func told(t *testing.T, name, want string, ds datasets.Dataset, err error) {
	t.Helper()
	var said []string
	if err != nil {
		said = []string{err.Error()}
	} else {
		for i := range ds.IDs() {
			it, err := ds.Load(t.Context(), i)
			if err != nil {
				said = append(said, err.Error())
			}
			for _, l := range it.Lost {
				said = append(said, l.Where)
			}
		}
	}
	if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, want) }) {
		t.Errorf("%s: told %q, want %q", name, said, want)
	}
}

func near(t *testing.T, name string, got, want []datasets.Point) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d points, want %d", name, len(got), len(want))
		return
	}
	for i := range got {
		if math.Hypot(got[i].X-want[i].X, got[i].Y-want[i].Y) > 1e-9 {
			t.Errorf("%s: point %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}

// upright checks what holds for every face that stands upright in its image.
func upright(t *testing.T, name string, in datasets.Instance) {
	t.Helper()
	p := in.Points
	if len(p) != pointCount {
		t.Errorf("%s: %d points", name, len(p))
		return
	}
	if !(p[LeftEye].X < p[RightEye].X && p[LeftMouth].X < p[RightMouth].X) {
		t.Errorf("%s: left is not left of right: %v", name, p)
	}
	if !(max(p[LeftEye].Y, p[RightEye].Y) < p[NoseTip].Y && p[NoseTip].Y < min(p[LeftMouth].Y, p[RightMouth].Y)) {
		t.Errorf("%s: eyes, nose and mouth are not in this order from above: %v", name, p)
	}
	for _, q := range p {
		if !image.Pt(int(q.X), int(q.Y)).In(in.Box.Inset(-1)) { // a mark may be the edge of its box
			t.Errorf("%s: point %v lies outside box %v", name, q, in.Box)
		}
	}
	if in.Scale <= 0 || in.Scale > 1 {
		t.Errorf("%s: scale %g", name, in.Scale)
	}
}

func TestSchemes(t *testing.T) {
	seen := map[int]bool{}
	for _, s := range Schemes() {
		if seen[s.Points] {
			t.Errorf("two schemes have %d points", s.Points)
		}
		seen[s.Points] = true
		near(t, s.Name, s.five(marks(t, s.Points)), five)
	}
	if _, err := schemeOf(133); err == nil || !strings.Contains(err.Error(), "98 (WFLW), 106 (LaPa)") || !strings.Contains(err.Error(), "without keypoints in the file the detector") {
		t.Errorf("133 points gave %v", err)
	}
}

func TestBelow(t *testing.T) {
	for in, want := range map[string]string{
		"a.jpg": "a.jpg", "0--Parade/a b.jpg": "0--Parade/a b.jpg", "./x//y.png": "x/y.png", "a/../b.png": "b.png", "..a/b": "..a/b",
		"": "", ".": "", "..": "", "../a.jpg": "", "a/../../b": "", "/etc/passwd": "", `a\b.png`: "", "a\x00": "",
	} {
		got, err := below(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, error %v; want %q", in, got, err, want)
		}
	}
}

func TestBoxesNobodyDrew(t *testing.T) {
	// In FFHQ's cropping eyes and mouth lie where the recipe puts them, so that the
	// box of the recipe is the box of those points.
	const side, unit = 1024., 1024 / 3.6
	p := []datasets.Point{
		{X: side/2 - 100, Y: side/2 - .1*unit},
		{X: side/2 + 100, Y: side/2 - .1*unit},
		{X: side / 2, Y: side / 2},
		{X: side/2 - 80, Y: side/2 + .9*unit},
		{X: side/2 + 80, Y: side/2 + .9*unit},
	}
	a, b := alignedBox(side, side), square(p)
	for i := range a {
		if math.Abs(a[i]-b[i]) > 1e-6 {
			t.Errorf("aligned box %v, box of its points %v", a, b)
		}
	}
	if got := bounds(marks(t, 68)); got != (box{37.5, 25, 62.5, 55}) {
		t.Errorf("box around 68 points is %v", got)
	}
}

func wflwRow(t testing.TB, name, attributes string) string {
	t.Helper()
	var b strings.Builder
	for _, p := range marks(t, 98) {
		fmt.Fprintf(&b, "%.6f %.6f ", p.X, p.Y)
	}
	fmt.Fprintf(&b, "%d %d %d %d %s %s\n", faceBox.Min.X, faceBox.Min.Y, faceBox.Max.X, faceBox.Max.Y, attributes, name)
	return b.String()
}

func TestWFLW(t *testing.T) {
	const test, train = "list_98pt_rect_attr_test.txt", "list_98pt_rect_attr_train.txt"
	plain, posed := "0 0 0 0 0 0", "1 0 0 0 1 0"
	for _, dir := range wflwLists {
		root := tree(t, map[string]string{
			"WFLW_images/0--Parade/p_10.png": "", "WFLW_images/0--Parade/p_2.png": "", "WFLW_images/9--Press/q.png": "", "WFLW_images/unused.png": "",
			dir + "/" + test:  wflwRow(t, "0--Parade/p_10.png", posed) + "\r\n" + wflwRow(t, "9--Press/q.png", plain),
			dir + "/" + train: wflwRow(t, "0--Parade/p_10.png", plain) + wflwRow(t, "0--Parade/p_2.png", plain) + wflwRow(t, "gone.png", plain),
		})
		ds, err := OpenWFLW(t.Context(), root, datasets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"gone.png", "0--Parade/p_2.png", "9--Press/q.png", "0--Parade/p_10.png"}, ds.IDs()); d != "" {
			t.Errorf("ids (-want +got):\n%s", d)
		}
		it := load(t, ds, "0--Parade/p_10.png")
		if len(it.Instances) != 2 || it.Cluster != "" {
			t.Fatalf("%d faces, cluster %q", len(it.Instances), it.Cluster)
		}
		in := it.Instances[0]
		near(t, test, in.Points, five)
		upright(t, test, in)
		if in.Box != faceBox || in.Scale != faceScale || in.Identity != "" {
			t.Errorf("face %+v", in)
		}
		if d := cmp.Diff([][]string{{"test", "pose", "occlusion"}, {"train"}}, [][]string{in.Tags, it.Instances[1].Tags}); d != "" {
			t.Errorf("tags (-want +got):\n%s", d)
		}
		if _, err := ds.Load(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "gone.png") {
			t.Errorf("a missing image gave %v", err)
		}
		info := ds.Info()
		if info.ID != WFLW || info.Version != Version || len(info.Digest) != 64 || info.Source != root || !strings.HasSuffix(info.Title, ": 5 in 4 images") {
			t.Errorf("info %+v", info)
		}
	}
}

func TestWFLWRefuses(t *testing.T) {
	const list = "list_98pt_rect_attr_test.txt"
	good := wflwRow(t, "a.png", "0 0 0 0 0 0")
	for _, tc := range []struct{ name, content, want string }{
		{"a number too few", good + good[strings.Index(good, " ")+1:], list + `:2: field 206 is "a.png"`},
		{"a word", "x" + good, list + `:1: field 1 is "x50`},
		{"no name", strings.TrimSuffix(good, "a.png\n"), list + `:1: field 206 is "0"`},
		{"not finite", strings.Replace(good, "50.000000", "NaN", 1), list + `:1: field 1 is "NaN"`},
		{"attribute", strings.Replace(good, " 0 a.png", " 7 a.png", 1), list + ":1: field 206, blur, is 7"},
		{"out of the folder", strings.Replace(good, "a.png", "../../a.png", 1), list + `:1: image name "../../a.png" leads out`},
		{"nothing", "\n", "has no face"},
		{"endless line", strings.Repeat("1 ", maxLine), list + ":1: the line has more than"},
	} {
		root := tree(t, map[string]string{"WFLW_images/a.png": "", list: tc.content})
		ds, err := OpenWFLW(t.Context(), root, datasets.Options{})
		told(t, tc.name, tc.want, ds, err)
	}
	ds, err := OpenWFLW(t.Context(), tree(t, map[string]string{"a.png": ""}), datasets.Options{})
	told(t, "no images", "WFLW_images", ds, err)
	ds, err = OpenWFLW(t.Context(), tree(t, map[string]string{"WFLW_images/a.png": ""}), datasets.Options{})
	told(t, "no list", "has no list_98pt_rect_attr_*.txt", ds, err)
	ds, err = OpenWFLW(t.Context(), tree(t, map[string]string{"WFLW_images/a.png": "broken", list: good}), datasets.Options{})
	told(t, "broken image", "decoding image", ds, err)
	// A face outside costs itself, not the face beside it.
	outside := strings.Replace(good, "30 10 70 66", "300 10 370 66", 1)
	ds, err = OpenWFLW(t.Context(), tree(t, map[string]string{"WFLW_images/a.png": "", list: outside + good}), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	it := load(t, ds, "a.png")
	want := []datasets.LostLabel{{ID: "000", Reason: datasets.LostOutside, Where: it.Lost[0].Where}}
	if d := cmp.Diff(want, it.Lost); d != "" || len(it.Instances) != 1 || it.Instances[0].ID != "001" || !strings.Contains(it.Lost[0].Where, list+":1: box (300,10)-(370,66), image of 200×100") {
		t.Errorf("%+v, lost (-want +got):\n%s", it, d)
	}
	flat := strings.Replace(good, "30 10 70 66", "30 10 30 10", 1)
	ds, err = OpenWFLW(t.Context(), tree(t, map[string]string{"WFLW_images/a.png": "", list: flat}), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in := load(t, ds, "a.png").Instances[0]; !slices.Contains(in.Tags, TagBoxFromPoints) || in.Box != image.Rect(40, 30, 60, 55) {
		t.Errorf("a box without area gave %+v", in)
	}
}

func FuzzWFLWLine(f *testing.F) {
	row := strings.TrimSpace(wflwRow(f, "0--Parade/a b.png", "0 1 0 0 0 1"))
	f.Add(row)
	f.Add(strings.Replace(row, "a b", "../../../b", 1))
	f.Add("1 2 3")
	f.Fuzz(func(t *testing.T, line string) {
		name, v, err := wflwLine(line)
		if err != nil {
			return
		}
		if len(v) != wflwFields || slices.ContainsFunc(v, func(x float64) bool { return !plausible(x) }) || !filepath.IsLocal(name) {
			t.Fatalf("name %q, numbers %v", name, v)
		}
	})
}
