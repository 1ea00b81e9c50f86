package video_test

import (
	"encoding/json"
	"image"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/internal/testenv"
)

type object = map[string]any

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text is a frame of TokBench's lists of text.
func text(film, name string, labels ...object) object {
	return object{"video_name": film, "file_name": name, "width": 64, "height": 32, "annotations": labels}
}

func word(text string, x int) object {
	return object{"rec": text, "bbox": []int{x, 4, x + 20, 12}, "ratio": .05}
}

func openTokBench(t *testing.T, arg string) *video.Set {
	t.Helper()
	s, err := video.OpenTokBench(t.Context(), arg, datasets.Options{})
	testenv.Need(t, err)
	t.Cleanup(func() { end(t, s) })
	return s
}

func TestTokBench(t *testing.T) {
	testenv.FFmpeg(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	write(t, at("videos/street/a.y4m"), y4m(64, 32, gray(6)...))
	write(t, at("videos/other.y4m"), y4m(64, 32, gray(2)...))
	write(t, at("video_annotations/text.json"), asJSON(t, []object{
		text("a", "a-frame0.jpg", word("EXIT", 0), word("CAFE", 30)),
		text("a", "a-frame2.jpg", word("CAFE", 34), word("EXIT", 4), word("###", 20)),
		// Frame 3 has another EXIT besides; frame 5 is too far for both.
		text("a", "a-frame3.jpg", word("EXIT", 44), word("EXIT", 6), object{"rec": "x", "bbox": []int{1, 2, 3}, "ratio": .1}),
		text("a", "a-frame5.jpg", word("EXIT", 26)),
		text("gone.mp4", "gone-frame1.jpg", word("EXIT", 26)),
	}))
	write(t, at("video_annotations/face.json"), asJSON(t, []object{{
		"video_name": "street/a.y4m", "image_name": "a-frame2.jpg", "img_width": 64, "img_height": 32,
		"faces": []object{{"kps": [][]float64{{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}}, "box": []float64{.5, .5, 12.2, 14}, "ratio": .3, "gt": "x"}},
	}}))
	s := openTokBench(t, dir)
	items, failed := load(t, s)
	if len(items) != 6 || len(failed) != 1 || !strings.HasPrefix(failed[0], "gone.mp4/lost: ") || !strings.Contains(failed[0], "text.json: [4]") {
		t.Fatalf("%d frames, %v", len(items), failed)
	}
	var got [][]string
	for _, it := range items {
		var ids []string
		for _, in := range it.Instances {
			ids = append(ids, in.ID+" "+in.Text)
		}
		got = append(got, ids)
	}
	want := [][]string{
		{"t000 EXIT", "t001 CAFE"},
		nil,
		// Lists are read in the order of their names: faces first.
		{"t002 ", "t001 CAFE", "t000 EXIT", "t003 ###"},
		{"t004 EXIT", "t000 EXIT"},
		nil,
		{"t005 EXIT"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("tracks (-want +got):\n%s", d)
	}
	in := items[2].Instances
	if !in[0].IsFace() || in[0].Box != image.Rect(0, 0, 13, 14) || in[0].Scale != .3 || in[0].Points[4] != (datasets.Point{X: 9, Y: 10}) || !in[3].Ignore {
		t.Errorf("instances %+v", in)
	}
	if l := items[3].Lost; len(l) != 1 || l[0].Reason != datasets.LostMalformed || !strings.Contains(l[0].Where, "text.json: [2] (a-frame3.jpg).annotations[2]") {
		t.Errorf("lost %+v", l)
	}
	if o := s.LeftOut().String(); !strings.Contains(o, "1 without labels (other.y4m)") {
		t.Errorf("left out: %s", o)
	}
	scaled := openTokBench(t, dir+",size=32x16")
	it, err := scaled.Load(t.Context(), 1) // behind the film that is not there
	if err != nil || it.Instances[1].Box != image.Rect(15, 2, 25, 6) {
		t.Errorf("at half the size: %+v, %v", it.Instances, err)
	}
}

func TestTokBenchFaults(t *testing.T) {
	testenv.FFmpeg(t)
	for name, tc := range map[string]struct {
		frame  object
		option string
		want   string
	}{
		"no number":      {text("a", "a.jpg"), "", "-frameN"},
		"no size":        {object{"video_name": "a", "file_name": "a-frame0.jpg"}, "", "the size of the frame"},
		"leads out":      {text("../a", "a-frame0.jpg"), "", "below videos/"},
		"before the 1st": {text("a", "a-frame0.jpg"), ",first=1", "counted from first=1"},
		"behind the end": {text("a", "a-frame2.jpg"), "", "first=1"},
		"another size":   {object{"video_name": "a", "file_name": "a-frame0.jpg", "width": 32, "height": 32}, "", "is about a frame of 32×32"},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "videos", "a.y4m"), y4m(64, 32, gray(2)...))
		write(t, filepath.Join(dir, "video_annotations", "t.json"), asJSON(t, []object{tc.frame}))
		s, err := video.OpenTokBench(t.Context(), dir+tc.option, datasets.Options{})
		var said string
		if err != nil {
			said = err.Error()
		} else {
			_, failed := load(t, s)
			said = strings.Join(failed, "\n")
			end(t, s)
		}
		if !strings.Contains(said, tc.want) || !strings.Contains(said, "t.json: [0]") {
			t.Errorf("%s: %q, want %q", name, said, tc.want)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "videos", "a.y4m"), y4m(64, 32, gray(2)...))
	write(t, filepath.Join(dir, "video_annotations", "t.json"), []byte("[\n{\"video_name\": 3}]"))
	if _, err := video.OpenTokBench(t.Context(), dir, datasets.Options{}); err == nil || !strings.Contains(err.Error(), "t.json:2") {
		t.Errorf("a malformed list: %v", err)
	}
}
