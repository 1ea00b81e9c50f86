package temporal

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// waves is a frame of testdata/flow.py.
func waves(t int) pix.Image {
	m := pix.New(96, 72)
	for y := range m.H {
		for x := range m.W {
			u, v := float64(x)-2.5*float64(t), float64(y)+1.25*float64(t)
			a := 128 + 60*math.Sin(u/5)*math.Cos(v/7) + 40*math.Sin((u+2*v)/11)
			rgb := [3]float64{a, 255 - a, a/2 + 64}
			if s := 30 + 3*t; x >= s && x < s+30 && y >= 20 && y < 50 {
				p := 128 + 90*math.Sin(float64(x-s)/3)*math.Sin(float64(y)/3)
				rgb = [3]float64{p, p, p}
			}
			for c, v := range rgb {
				m.Pix[3*(y*m.W+x)+c] = uint8(min(max(math.Floor(v+.5), 0), 255))
			}
		}
	}
	return m
}

func coarse(m pix.Image, t int) pix.Image {
	out := pix.New(m.W, m.H)
	for i, v := range m.Pix {
		out.Pix[i] = uint8(min(int(v)/16*16+3*t, 255))
	}
	return out
}

// TestFlowAgreesWithOpenCV holds the flow of the helper, and the errors by it, against
// OpenCV's Python package. Versions of OpenCV differ in the last digits of the flow.
func TestFlowAgreesWithOpenCV(t *testing.T) {
	_, err := opencv.Find()
	testenv.Need(t, err)
	b, err := os.ReadFile("testdata/flow.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Visible float64
		Flow    [][4]float64
		Warp    float64 `json:"warp-error-flow"`
		EWarp   float64 `json:"e-warp-flow"`
	}
	if err := json.Unmarshal(b, &golden); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFlow(t.Context(), metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	ref := []pix.Image{waves(0), waves(1)}
	flow, err := f.between(t.Context(), "c", 1, ref[0], ref[1])
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for i := range flow.DX {
		if flow.Known(i) {
			known++
		}
	}
	if share := float64(known) / float64(len(flow.DX)); math.Abs(share-golden.Visible) > .03 || share < .6 {
		t.Errorf("%.3f of the pixels are visible, OpenCV has %.3f", share, golden.Visible)
	}
	for _, g := range golden.Flow {
		if i := int(g[1])*flow.W + int(g[0]); flow.Known(i) && (math.Abs(float64(flow.DX[i])-g[2]) > .01 || math.Abs(float64(flow.DY[i])-g[3]) > .01) {
			t.Errorf("flow at %v, %v is %v, %v, OpenCV has %v, %v", g[0], g[1], flow.DX[i], flow.DY[i], g[2], g[3])
		}
	}
	seq, err := f.Begin(t.Context(), metrics.ClipInfo{ID: "c", W: 96, H: 72, Frames: 2})
	if err != nil {
		t.Fatal(err)
	}
	var values []metrics.Value
	for i, r := range ref {
		if values, err = seq.Next(t.Context(), metrics.Frame{Index: i, Ref: r, Got: coarse(r, i)}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]float64{}
	for _, v := range values {
		got[v.Metric] = v.Value
	}
	for id, want := range map[string]float64{WarpErrorFlow: golden.Warp, EWarpFlow: golden.EWarp} {
		if math.Abs(got[id]-want) > .01*want {
			t.Errorf("%s is %v, OpenCV has %v", id, got[id], want)
		}
	}
	// Identity is exact, whatever the flow.
	seq, err = f.Begin(t.Context(), metrics.ClipInfo{ID: "c", W: 96, H: 72, Frames: 2})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range ref {
		if values, err = seq.Next(t.Context(), metrics.Frame{Index: i, Ref: r, Got: r}); err != nil {
			t.Fatal(err)
		}
	}
	if values[0].Metric != WarpErrorFlow || values[0].Value != 0 {
		t.Errorf("identity has %v", values)
	}
}
