package temporal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/clips"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// side, texture and scene are those of testdata/golden.py.
const side = 96

func texture(seed int) []int {
	const n = side/4 + 2
	g, grid, out := generator(seed), make([]int, 3*n*n), make([]int, 3*4*side*side)
	for i := range grid {
		grid[i] = g.next() & 255
	}
	for y := range 2 * side {
		for x := range 2 * side {
			a, b := x%8, y%8
			for c := range 3 {
				at := func(i, j int) int { return grid[3*((y/8+i)*n+x/8+j)+c] }
				top, bottom := at(0, 0)*(8-a)+at(0, 1)*a, at(1, 0)*(8-a)+at(1, 1)*a
				out[3*(y*2*side+x)+c] = (top*(8-b) + bottom*b) / 64
			}
		}
	}
	return out
}

func scene(ground, square []int, t int) pix.Image {
	out := pix.New(side, side)
	for y := range side {
		for x := range side {
			from, i := ground, 3*((y+t)*2*side+x+2*t)
			if left := 30 + 2*t; y >= 40 && y < 72 && x >= left && x < left+32 {
				from, i = square, 3*(y*2*side+x-left+10)
			}
			for c := range 3 {
				out.Pix[3*(y*side+x)+c] = uint8(from[i+c])
			}
		}
	}
	return out
}

func opened(t testing.TB, wanted ...string) metrics.Temporal {
	t.Helper()
	testenv.OpenCV(t)
	m, err := openOptical(t.Context(), metrics.Config{Wanted: wanted})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.(*optical).Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func watched(t testing.TB, m metrics.Temporal, ref, got []pix.Image) (out [][]metrics.Value) {
	t.Helper()
	seq, err := m.Begin(t.Context(), metrics.ClipInfo{ID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := seq.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range ref {
		values, err := seq.Next(t.Context(), metrics.Frame{Index: i, Ref: ref[i], Got: got[i]})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, values)
	}
	return out
}

// TestOpticalFlowAgreesWithOpenCV holds the values against opencv-python and scipy. The two
// versions of OpenCV round differently.
func TestOpticalFlowAgreesWithOpenCV(t *testing.T) {
	m := opened(t)
	for _, c := range readGolden(t).Flow {
		seed := 100 * int(c["seed"])
		ground, square, dirt := texture(seed), texture(seed+1), texture(seed+2)
		ref := []pix.Image{scene(ground, square, 0), scene(ground, square, 1)}
		got := []pix.Image{pix.New(side, side), pix.New(side, side)}
		for i := range got[0].Pix {
			got[0].Pix[i] = ref[0].Pix[i]/2 + 40
			got[1].Pix[i] = ref[1].Pix[i]/2 + uint8(dirt[i/(3*side)*3*2*side+i%(3*side)]/4)
		}
		values := watched(t, m, ref, got)
		if len(values[0]) != 0 || len(values[1]) != 2 {
			t.Fatalf("values %v", values)
		}
		for _, v := range values[1] {
			if want := c[v.Metric]; want <= 0 || math.Abs(v.Value-want) > 2e-3*want {
				t.Errorf("case %d: %s is %v, by opencv-python %v", seed, v.Metric, v.Value, want)
			}
		}
		flow, err := m.(*optical).measure(t.Context(), ref[1], ref[0])
		if err != nil {
			t.Fatal(err)
		}
		seen, dx := 0., 0.
		for i := range flow.DX {
			if flow.Known(i) {
				seen, dx = seen+1, dx+float64(flow.DX[i])
			}
		}
		if math.Abs(seen-c["seen"]) > 2e-3*c["seen"] || math.Abs(dx/seen-c["dx"]) > 2e-3 {
			t.Errorf("case %d: %v pixels seen, moved by %v on average; by opencv-python %v and %v", seed, seen, dx/seen, c["seen"], c["dx"])
		}
	}
}

// TestOpticalFlowOfAnyFilm: a film that is the original has no error, however small or still
// it is, and however little is known of its motion.
func TestOpticalFlowOfAnyFilm(t *testing.T) {
	m := opened(t, WarpErrorFlow)
	for _, size := range [][2]int{{1, 1}, {2, 1}, {1, 9}, {5, 4}, {33, 17}, {side, side}} {
		w, h := size[0], size[1]
		film := []pix.Image{noise(1, w, h), noise(1, w, h), noise(2, w, h), pix.New(w, h)}
		for _, values := range watched(t, m, film, film)[1:] {
			if len(values) != 1 || values[0].Metric != WarpErrorFlow || values[0].Value != 0 || values[0].Drop != "" && values[0].Drop != DropMotion {
				t.Errorf("%d×%d: %v", w, h, values)
			}
		}
	}
	film := []pix.Image{noise(1, 32, 32), noise(1, 32, 32)}
	if v := watched(t, m, film, film)[1][0]; v.Drop != "" {
		t.Errorf("a film that stands still: %v", v)
	}
	seq, err := m.Begin(t.Context(), metrics.ClipInfo{ID: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seq.Next(t.Context(), metrics.Frame{Ref: noise(1, 4, 4), Got: noise(1, 4, 5)}); err == nil || !strings.Contains(err.Error(), "sizes differ") {
		t.Errorf("other sizes: %v", err)
	}
}

// TestFlowIsMeasuredOnce, whichever tokenizers ask for it, and again once it was forgotten.
func TestFlowIsMeasuredOnce(t *testing.T) {
	o := opened(t).(*optical)
	film := []pix.Image{noise(1, 32, 32), noise(2, 32, 32), noise(3, 32, 32)}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { watched(t, o, film, film) })
	}
	wg.Wait()
	if len(o.known) != 2 || o.bytes != 2*8*32*32 {
		t.Errorf("%d motions are kept in %d bytes", len(o.known), o.bytes)
	}
	o.bytes += flowBytes
	watched(t, o, []pix.Image{film[1], film[0]}, []pix.Image{film[0], film[1]})
	if len(o.known) != 1 || len(o.order) != 1 {
		t.Errorf("%d motions are kept, by order %d", len(o.known), len(o.order))
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := o.flow(stopped, pair{}, film[0], film[1]); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := o.flow(t.Context(), pair{}, film[0], film[1]); err != nil {
		t.Errorf("after one that was stopped: %v", err)
	}
}

func TestOpticalFlowWithoutOpenCV(t *testing.T) {
	t.Setenv(opencv.Env, filepath.Join(t.TempDir(), "absent"))
	_, err := openOptical(t.Context(), metrics.Config{})
	var lacks *missing.Error
	if !errors.As(err, &lacks) {
		t.Errorf("no program: %v", err)
	}
}

// TestOpticalFlowOfDrawnClips holds the flow to the motion that drawn clips state exactly, by
// whole pixels and not, with some of it hidden.
func TestOpticalFlowOfDrawnClips(t *testing.T) {
	o := opened(t).(*optical)
	data, err := clips.New("clips-default")
	if err != nil {
		t.Fatal(err)
	}
	for _, clip := range []string{"pan", "drift", "occlusion", "rotate"} {
		var frames [2]datasets.Item
		for i := range frames {
			if frames[i], err = data.Load(t.Context(), slices.Index(data.IDs(), fmt.Sprintf("%s/%04d", clip, 10+i))); err != nil {
				t.Fatal(err)
			}
		}
		flow, err := o.measure(t.Context(), frames[1].Image, frames[0].Image)
		if err != nil {
			t.Fatal(err)
		}
		var off []float64
		known := 0
		for i := range flow.DX {
			if !frames[1].Flow.Known(i) {
				continue
			}
			if known++; flow.Known(i) {
				off = append(off, math.Hypot(float64(flow.DX[i]-frames[1].Flow.DX[i]), float64(flow.DY[i]-frames[1].Flow.DY[i])))
			}
		}
		slices.Sort(off)
		median, most, share := off[len(off)/2], off[len(off)*95/100], float64(len(off))/float64(known)
		t.Logf("%s: flow of %.0f %% of the pixels, off by %.2f pixels in the median, 95 %% by less than %.2f", clip, 100*share, median, most)
		if median > .2 || share < .5 {
			t.Errorf("%s: the flow of %.2f of the pixels is used, off by %.2f pixels in the median", clip, share, median)
		}
	}
}

// TestVisible: what is hidden in the frame before leads elsewhere than back, and the rim of
// what moves is not trusted.
func TestVisible(t *testing.T) {
	const w, h = 20, 6
	to, from := pix.NewFlow(w, h), pix.NewFlow(w, h)
	for i := range to.DX {
		x := i % w
		if x >= 10 {
			to.DX[i] = -3 // what is right of the middle came from 3 to the left
		}
		if x >= 7 {
			from.DX[i] = 3
		}
	}
	got := visible(to, from)
	for x := range w {
		want := x != 9 && (x < 7 || x >= 10) // 7 and 8 were hidden, and 9 is at the rim
		if got.Known(2*w+x) != want {
			t.Errorf("column %d is seen: %v", x, !want)
		}
	}
}

// BenchmarkFlow measures the optical flow of a step, both ways, with the call.
func BenchmarkFlow(b *testing.B) {
	o := opened(b).(*optical)
	for _, size := range [][2]int{{480, 270}, {1280, 720}} {
		w, h := size[0], size[1]
		x, y := noise(1, w, h), noise(2, w, h)
		b.Run(map[bool]string{true: "720p", false: "270p"}[h == 720], func(b *testing.B) {
			for b.Loop() {
				if _, err := o.measure(b.Context(), x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
