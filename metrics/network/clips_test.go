package network_test

import (
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/feature"
	"github.com/vtbench/vtbench/pix"
)

// film is a window of frames of one colour each: 10·first+t, 1 and 2 times that, and 3.
func film(start, frames, w, h, first int) pix.Clip {
	c := pix.Clip{Start: start}
	for t := range frames {
		m := pix.New(w, h)
		for i := 0; i < len(m.Pix); i += 3 {
			m.Pix[i], m.Pix[i+1], m.Pix[i+2] = uint8(10*first+t), uint8(2*(10*first+t)), 3
		}
		c.Frames = append(c.Frames, m)
	}
	return c
}

func clipEmbedder(t *testing.T, options map[string]string) metrics.ClipEmbedder {
	t.Helper()
	needsRuntime(t)
	e, err := kind(t, "fvd").Sets.Open(t.Context(), metrics.Config{Options: options})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
	return e.(metrics.ClipEmbedder)
}

// The graphs return the mean of every channel of every frame, in the order in which they are
// fed, so the features tell the layout and the range.
func TestWindowsAreFed(t *testing.T) {
	for _, c := range []struct {
		options map[string]string
		frames  int
		want    []float32
	}{
		{map[string]string{"fvd.model": "testdata/clip.onnx", "fvd.range": "0..255"}, 2, []float32{50, 51, 100, 102, 3, 3}},
		{map[string]string{"fvd.model": "testdata/clip.onnx", "fvd.range": "0..255", "fvd.side": "5"}, 1, []float32{50, 100, 3}},
		{map[string]string{"fvd.model": "testdata/clip.onnx", "fvd.range": "-1..1", "fvd.mean": "-1:-1:-1"}, 1, []float32{100. / 255, 200. / 255, 6. / 255}},
		{map[string]string{"fvd.model": "testdata/four.onnx", "fvd.range": "0..255", "fvd.layout": "ntchw"}, 4, []float32{50, 100, 3, 51, 102, 3, 52, 104, 3, 53, 106, 3}},
	} {
		e := clipEmbedder(t, c.options)
		state, err := e.EmbedClip(t.Context(), film(0, c.frames, 4, 3, 5))
		if err != nil {
			t.Fatal(err)
		}
		got, err := feature.Decode(state)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got, c.want, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-4 }) {
			t.Errorf("%v: features %v, want %v", c.options, got, c.want)
		}
		if p := e.(metrics.Provenance).Provenance(); !strings.HasPrefix(p["fvd.model"], "sha256:") || !strings.Contains(p["fvd"], "frames") || p["fvd.engine"] == "" {
			t.Errorf("provenance %v", p)
		}
	}
}

func TestWindowsThatDoNotFit(t *testing.T) {
	four := clipEmbedder(t, map[string]string{"fvd.model": "testdata/four.onnx", "fvd.layout": "ntchw"})
	odd := film(16, 4, 4, 3, 1)
	odd.Frames[2] = pix.New(5, 3)
	for want, clip := range map[string]pix.Clip{
		"frames 16 to 18: testdata/four.onnx takes 4 frames, and the window has 3: use --window 4": film(16, 3, 4, 3, 1),
		"frame 18 is 5×3": odd,
		"no frames":       {},
	} {
		if _, err := four.EmbedClip(t.Context(), clip); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want word of %s", err, want)
		}
	}
	if _, err := four.Embed(t.Context(), pix.New(4, 4)); err == nil || !strings.Contains(err.Error(), "films") {
		t.Errorf("a single image: %v", err)
	}
	for want, options := range map[string]map[string]string{
		"fvd.layout=thwc: want ncthw or ntchw":                                                      {"fvd.layout": "thwc", "fvd.model": "testdata/clip.onnx"},
		"5 dimensions (batch, 3, frames, height, width)":                                            {"fvd.model": "testdata/mean.onnx"},
		"feature.model: input \"x\" of testdata/clip.onnx is":                                       nil,
		"fvd.side=x: want a whole number":                                                           {"fvd.side": "x"},
		"fvd.model=FILE, an ONNX graph with one input of float32 (batch, 3, frames, height, width)": {},
		"it is another file":                                                                        {"fvd.model": "testdata/clip.onnx", "fvd.sha256": "00"},
	} {
		id := "fvd"
		if options == nil {
			id, options = "fid", map[string]string{"feature.model": "testdata/clip.onnx"}
		}
		if _, err := kind(t, id).Sets.Open(t.Context(), metrics.Config{Options: options}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want word of %s", options, err, want)
		}
	}
}

// FVD and KVD are the distances of features of images, of windows; their options are their own.
func TestDistancesOfWindows(t *testing.T) {
	e, k := clipEmbedder(t, map[string]string{"fvd.model": "testdata/clip.onnx", "fvd.range": "0..255"}), kind(t, "fvd")
	cfg := metrics.Config{Options: map[string]string{"kvd.subset": "5", "kid.subset": "broken", "feature.n": "1"}, Workers: 1}
	gather := func(shift int) metrics.Gathering {
		g := k.Sets.Gather(cfg)
		for i := range 8 {
			state, err := e.EmbedClip(t.Context(), film(0, 3, 4, 4, i*(1+i%3)+shift))
			if err == nil {
				err = g.Add("clip/"+strconv.Itoa(i), state)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return g
	}
	for shift := range 2 {
		values, err := k.Sets.Compare(cfg, []string{"fvd", "kvd"}, gather(0), gather(shift))
		if err != nil || len(values) != 2 || values[0].Metric != "fvd" || values[1].Metric != "kvd" {
			t.Fatalf("%+v, %v", values, err)
		}
		// All windows are shifted by 10 and 20 levels in three frames each: no change of covariance.
		if want := float64(shift * 3 * (10*10 + 20*20)); math.Abs(values[0].Value-want) > 1e-3*(1+want) || values[0].Err != "" {
			t.Errorf("fvd is %+v, want %v", values[0], want)
		}
		if values[1].Err != "" {
			t.Errorf("kvd %+v", values[1])
		}
		if w := strings.Join(values[0].Warnings, " "); !strings.Contains(w, "2048 windows") || strings.Contains(w, "image") {
			t.Errorf("warnings %q", w)
		}
	}
	cfg.Options["fvd.n"] = "16"
	values, err := k.Sets.Compare(cfg, []string{"fvd"}, gather(0), gather(0))
	if err != nil || len(values) != 1 || values[0].Err != "8 references and 8 windows, the recipe is about 16 of each" {
		t.Errorf("another number than asked for: %+v, %v", values, err)
	}
	cfg.Options["kvd.subset"] = "x"
	if _, err := k.Sets.Compare(cfg, []string{"kvd"}, gather(0), gather(0)); err == nil || !strings.Contains(err.Error(), "kvd.subset=x") {
		t.Errorf("a broken option: %v", err)
	}
}
