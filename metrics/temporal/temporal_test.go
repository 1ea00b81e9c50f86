package temporal

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
)

// generator is that of testdata/golden.py.
type generator uint64

func (g *generator) next() int {
	*g = (1103515245**g + 12345) % (1 << 31)
	return int(*g >> 16)
}

func noise(seed, w, h int) pix.Image {
	g, m := generator(seed), pix.New(w, h)
	for i := range m.Pix {
		m.Pix[i] = uint8(g.next() & 255)
	}
	return m
}

func motion(seed, w, h int) *pix.Flow {
	g, f := generator(seed), pix.NewFlow(w, h)
	for i := range f.DX {
		f.DX[i] = float32(g.next()%193)/32 - 3
		f.DY[i] = float32(g.next()%193)/32 - 3
		if i%11 == 5 {
			f.DX[i], f.DY[i] = float32(math.NaN()), float32(math.NaN())
		}
	}
	return f
}

// steps returns the values of every step of a film.
func stepsOf(t *testing.T, ref, got []pix.Image, flow func(i int) *pix.Flow) []map[string]metrics.Value {
	t.Helper()
	seq, err := Steps{}.Begin(t.Context(), metrics.ClipInfo{ID: "c", W: ref[0].W, H: ref[0].H, Frames: len(ref)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := seq.Close(); err != nil {
			t.Error(err)
		}
	}()
	var out []map[string]metrics.Value
	for i := range ref {
		values, err := seq.Next(t.Context(), metrics.Frame{Index: i, Ref: ref[i], Got: got[i], Flow: flow(i)})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if len(values) != 0 {
				t.Errorf("the first frame has values: %v", values)
			}
			continue
		}
		m := map[string]metrics.Value{}
		for _, v := range values {
			m[v.Metric] = v
		}
		if len(m) != len(stepSpecs()) {
			t.Errorf("%d values, want one for each of %d specs", len(m), len(stepSpecs()))
		}
		out = append(out, m)
	}
	return out
}

type golden struct{ Cases, Flow []map[string]float64 }

func readGolden(t *testing.T) (g golden) {
	t.Helper()
	b, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) < 5 || len(g.Flow) < 3 {
		t.Fatalf("%d cases, %d of optical flow", len(g.Cases), len(g.Flow))
	}
	return g
}

// TestAgreesWithOpenCV holds the values against numpy and cv2.remap.
func TestAgreesWithOpenCV(t *testing.T) {
	golden := readGolden(t)
	for _, c := range golden.Cases {
		seed := int(c["seed"])
		ref := []pix.Image{noise(7*seed, 23, 17), noise(7*seed+1, 23, 17)}
		got := []pix.Image{noise(7*seed+2, 23, 17), noise(7*seed+3, 23, 17)}
		values := stepsOf(t, ref, got, func(i int) *pix.Flow {
			if i == 0 {
				return nil
			}
			return motion(seed, 23, 17)
		})[0]
		for _, id := range []string{Flicker, PSNR, WarpError, EWarp} {
			if got := values[id].Value; math.Abs(got-c[id]) > 2e-6*math.Abs(c[id]) { // remap works in float32
				t.Errorf("case %d: %s is %v, OpenCV has %v", seed, id, got, c[id])
			}
		}
	}
}

// TestIdentity: a film that is the original has no error, whatever moves in it.
func TestIdentity(t *testing.T) {
	film := []pix.Image{noise(1, 40, 30), noise(2, 40, 30), noise(3, 40, 30)}
	for _, v := range stepsOf(t, film, film, func(i int) *pix.Flow { return motion(i+1, 40, 30) }) {
		if v[Flicker].Value != 0 || v[WarpError].Value != 0 || !math.IsInf(v[PSNR].Value, 1) || v[SSIM].Value != 1 {
			t.Errorf("identity has %v", v)
		}
		if v[EWarp].Value <= 0 {
			t.Errorf("E_warp of noise is %v, as if it moved as told", v[EWarp].Value)
		}
	}
}

// TestWhatMoves: an error that stands still flickers not at all, one that moves with the
// scene has no warping error, and both have the other.
func TestWhatMoves(t *testing.T) {
	const w, h, dx = 64, 48, 3
	scene := noise(5, w+20, h)
	dirt := noise(6, w+20, h)
	at := func(m pix.Image, x int) pix.Image {
		out := pix.New(w, h)
		for y := range h {
			copy(out.Row(y), m.Row(y)[3*x:])
		}
		return out
	}
	add := func(a, b pix.Image) pix.Image {
		out := pix.New(w, h)
		for i := range out.Pix {
			out.Pix[i] = a.Pix[i]/2 + b.Pix[i]/8
		}
		return out
	}
	half := func(a pix.Image) pix.Image { return add(a, pix.New(w, h)) }
	pan := func(int) *pix.Flow { // the scene goes right: what is at x was at x+dx of the scene before
		f := pix.NewFlow(w, h)
		for i := range f.DX {
			f.DX[i] = dx
		}
		return f
	}
	var ref, still, moving []pix.Image
	for i := range 4 {
		ref = append(ref, half(at(scene, dx*(4-i))))
		still = append(still, add(at(scene, dx*(4-i)), at(dirt, 0)))
		moving = append(moving, add(at(scene, dx*(4-i)), at(dirt, dx*(4-i))))
	}
	back := func(i int) *pix.Flow {
		f := pan(i)
		for k := range f.DX {
			f.DX[k] = -dx
		}
		return f
	}
	for _, v := range stepsOf(t, ref, still, back) {
		if v[Flicker].Value != 0 || v[WarpError].Value < 1 {
			t.Errorf("dirt on the lens: flicker %v, warping error %v", v[Flicker].Value, v[WarpError].Value)
		}
	}
	for _, v := range stepsOf(t, ref, moving, back) {
		if v[Flicker].Value < 1 || v[WarpError].Value != 0 {
			t.Errorf("dirt on the object: flicker %v, warping error %v", v[Flicker].Value, v[WarpError].Value)
		}
	}
}

// TestUnknownMotion: where nothing is known of the motion the value is dropped, not 0.
func TestUnknownMotion(t *testing.T) {
	film := []pix.Image{noise(1, 16, 16), noise(2, 16, 16)}
	cut := pix.NewFlow(16, 16)
	for i := range cut.DX {
		cut.DX[i] = float32(math.NaN())
	}
	out := pix.NewFlow(16, 16)
	for i := range out.DX {
		out.DX[i] = 99 // from outside
	}
	for name, f := range map[string]*pix.Flow{"none": nil, "a cut": cut, "from outside": out} {
		v := stepsOf(t, film, film, func(int) *pix.Flow { return f })[0]
		if v[WarpError].Drop != DropMotion || v[EWarp].Drop != DropMotion || v[Flicker].Drop != "" {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestSizesThatDiffer(t *testing.T) {
	for name, frames := range map[string][]metrics.Frame{
		"got":    {{Ref: noise(1, 16, 16), Got: noise(1, 16, 12)}},
		"before": {{Ref: noise(1, 16, 16), Got: noise(1, 16, 16)}, {Index: 1, Ref: noise(1, 12, 16), Got: noise(1, 12, 16)}},
		"flow":   {{Ref: noise(1, 16, 16), Got: noise(1, 16, 16)}, {Index: 1, Ref: noise(1, 16, 16), Got: noise(1, 16, 16), Flow: pix.NewFlow(4, 4)}},
		"broken": {{Ref: noise(1, 16, 16), Got: noise(1, 16, 16)}, {Index: 1, Ref: noise(1, 16, 16), Got: noise(1, 16, 16), Flow: &pix.Flow{W: 16, H: 16}}},
		"empty":  {{}},
	} {
		seq, err := Steps{}.Begin(context.Background(), metrics.ClipInfo{ID: "c"})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			_, err = seq.Next(t.Context(), f)
		}
		if err == nil || !strings.Contains(err.Error(), "of c") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSSIMOfChanges: a film that stands still in the original and not in the reconstruction
// loses the structure of its changes.
func TestSSIMOfChanges(t *testing.T) {
	a := noise(1, 32, 32)
	v := stepsOf(t, []pix.Image{a, a}, []pix.Image{a, noise(9, 32, 32)}, func(int) *pix.Flow { return nil })[0]
	grey := pix.New(32, 32)
	for i := range grey.Pix {
		grey.Pix[i] = 128
	}
	want, err := quality.SSIM(grey, change(a, noise(9, 32, 32)))
	if err != nil || v[SSIM].Value != want || want > .3 {
		t.Errorf("t-SSIM %v, want %v, %v", v[SSIM].Value, want, err)
	}
}

func TestFollowers(t *testing.T) {
	k := func(v float64) metrics.Seen { return metrics.Seen{Value: v, Known: true} }
	e := func(v float64) metrics.Seen { return metrics.Seen{Value: v, Known: true, Edge: true} }
	var away metrics.Seen
	lost := metrics.Seen{Failed: true}
	tested := map[string]bool{}
	for _, c := range []struct {
		id   string
		seen []metrics.Seen
		want float64
		drop string
		err  bool
	}{
		{Stability, []metrics.Seen{k(1), k(0), away, k(1), k(1)}, .75, "", false},
		{Stability, []metrics.Seen{away, away}, 0, metrics.DropUnreadable, false},
		{Stability, []metrics.Seen{k(1), lost}, 0, "", true},
		{Flips, []metrics.Seen{k(1), k(0), away, k(0), k(1), k(1)}, 2. / 3, "", false},
		{Flips, []metrics.Seen{k(1), away, k(0)}, 0, metrics.DropUndefined, false},
		{TextTrack, []metrics.Seen{k(1), away, k(.5)}, .75, "", false},
		{FaceTrack, []metrics.Seen{k(-.5), k(1)}, .25, "", false},
		{FaceTrack, []metrics.Seen{away}, 0, metrics.DropNotFound, false},
		{TextJitter, []metrics.Seen{k(1), k(.5), k(.75)}, .375, "", false},
		{FaceJitter, []metrics.Seen{k(-.5), k(.5)}, 1, "", false},
		{FirstFrame, []metrics.Seen{e(30), k(32), k(34), e(28), k(33)}, 29 - 33, "", false},
		{FirstFrame, []metrics.Seen{e(math.Inf(1)), k(math.Inf(1))}, 0, metrics.DropUndefined, false},
		{BoundaryFlicker, []metrics.Seen{{Edge: true}, k(1), k(2), e(5), k(3)}, 3, "", false},
		{BoundaryFlicker, []metrics.Seen{{Edge: true}, k(1)}, 0, metrics.DropUndefined, false},
	} {
		for _, f := range Followers() {
			if f.Specs()[0].ID != c.id {
				continue
			}
			tested[c.id] = true
			got, err := f.Follow(c.seen)
			if c.err {
				if err == nil || !strings.Contains(err.Error(), f.Of()+" is missing in 1 of 2 frames") {
					t.Errorf("%s of a lost frame: %v, %v", c.id, got, err)
				}
				continue
			}
			if err != nil || len(got) != 1 || got[0].Metric != c.id || got[0].Drop != c.drop || c.drop == "" && got[0].Value != c.want {
				t.Errorf("%s of %v: %+v, %v, want %v %s", c.id, c.seen, got, err, c.want, c.drop)
			}
		}
	}
	if len(tested) != len(Followers()) {
		t.Errorf("%d of %d followers are tested", len(tested), len(Followers()))
	}
}

// TestVectorsAreExact: sums of any length are those of plain Go, and none overflows.
func TestVectorsAreExact(t *testing.T) {
	black, white := make([]uint8, 200_001), bytes.Repeat([]byte{255}, 200_001)
	frames := [][]uint8{noise(1, 300, 223).Pix, noise(2, 300, 223).Pix, noise(3, 300, 223).Pix, noise(4, 300, 223).Pix}
	for _, n := range []int{0, 1, 15, 16, 17, 100, 1<<16 - 1, 1 << 16, 1<<16 + 17, 200_001} {
		check := func(r0, r1, g0, g1 []uint8) {
			t.Helper()
			a, s := differences(r0, r1, g0, g1)
			b, q := differencesGo(r0, r1, g0, g1)
			if a != b || s != q {
				t.Errorf("%d bytes: sums %d and %d, want %d and %d", n, a, s, b, q)
			}
		}
		check(black[:n], white[:n], white[:n], black[:n])
		check(white[:n], black[:n], black[:n], white[:n])
		k := min(n, len(frames[0])-1)
		check(frames[0][1:k+1], frames[1][:k], frames[2][1:k+1], frames[3][:k]) // at odd addresses
	}
}

// BenchmarkStep measures the values of a step; the floor of flicker and t-psnr is reading four
// frames.
func BenchmarkStep(b *testing.B) {
	for _, size := range [][2]int{{480, 270}, {1280, 720}} {
		w, h := size[0], size[1]
		film := []pix.Image{noise(1, w, h), noise(2, w, h)}
		flow := pix.NewFlow(w, h)
		for i := range flow.DX {
			flow.DX[i], flow.DY[i] = -1.375, -.625 // as in the drawn clip drift
		}
		for _, id := range []string{Flicker, SSIM, WarpError} {
			b.Run(id+"/"+map[bool]string{true: "720p", false: "270p"}[h == 720], func(b *testing.B) {
				seq, _ := Steps{wanted: func(s string) bool { return s == id }}.Begin(b.Context(), metrics.ClipInfo{ID: "c"})
				b.SetBytes(int64(4 * 3 * w * h))
				for i := 0; b.Loop(); i++ {
					if _, err := seq.Next(b.Context(), metrics.Frame{Index: i, Ref: film[i%2], Got: film[(i+1)%2], Flow: flow}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
