package clips

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
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
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

var update = flag.Bool("update", false, "write testdata/golden.json from this build; raise Version with it")

func set(t testing.TB, id string) *Set {
	t.Helper()
	s, err := New(id)
	if id == PhotosID || id == PortraitsID {
		testenv.Need(t, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// load is frame k of a clip.
func load(t testing.TB, s *Set, clip string, k int) datasets.Item {
	t.Helper()
	i := slices.Index(s.ids, fmt.Sprintf("%s/%04d", clip, k))
	item, err := s.Load(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

func find(it datasets.Item, text string) (datasets.Instance, bool) {
	i := slices.IndexFunc(it.Instances, func(in datasets.Instance) bool { return in.Text == text })
	if i < 0 {
		return datasets.Instance{}, false
	}
	return it.Instances[i], true
}

var all = []string{ID, StaticID, LinearID}

func TestNames(t *testing.T) {
	if _, err := New("clips-none"); err == nil {
		t.Error("clips that do not exist open")
	}
	digests := map[string]bool{}
	for _, id := range all {
		digests[set(t, id).Info().Digest] = true
	}
	if len(digests) != len(all) {
		t.Error("two sets have the same digest")
	}
}

// TestPhotographs: clips over fetched photographs move as they say, and faces have the same
// points throughout, moved.
func TestPhotographs(t *testing.T) {
	for _, id := range []string{PhotosID, PortraitsID} {
		s, err := New(id)
		testenv.Need(t, err)
		if len(s.Credits()) == 0 || s.Info().Licence == "Apache-2.0" {
			t.Errorf("%s has no credits, or the licence of drawings", id)
		}
		tracks := 0
		for _, c := range s.Clips() {
			before, it := load(t, s, c.ID, 10), load(t, s, c.ID, 11)
			known, off := 0, 0.
			for i := range it.Flow.DX {
				if !it.Flow.Known(i) {
					continue
				}
				known++
				x, y := float64(i%it.Image.W)+float64(it.Flow.DX[i]), float64(i/it.Image.W)+float64(it.Flow.DY[i])
				x0, y0 := min(int(x+.5), it.Image.W-1), min(int(y+.5), it.Image.H-1)
				off += math.Abs(float64(it.Image.Pix[3*i]) - float64(before.Image.Pix[3*(y0*it.Image.W+x0)]))
			}
			if known < len(it.Flow.DX)/2 || off/float64(known) > 8 { // the nearest pixel, not an interpolated one
				t.Errorf("%s/%s: motion of %d pixels is known, and off by %.1f grey levels", id, c.ID, known, off/float64(known))
			}
			for _, in := range it.Instances {
				if !in.IsFace() {
					continue
				}
				tracks++
				was := before.Instances[slices.IndexFunc(before.Instances, func(o datasets.Instance) bool { return o.ID == in.ID })]
				for k, p := range in.Points {
					i := int(p.Y)*it.Image.W + int(p.X)
					if dx, dy := was.Points[k].X-p.X-float64(it.Flow.DX[i]), was.Points[k].Y-p.Y-float64(it.Flow.DY[i]); math.Abs(dx)+math.Abs(dy) > .1 {
						t.Errorf("%s/%s: point %d of %s is %.2f, %.2f off the motion", id, c.ID, k, in.ID, dx, dy)
					}
				}
			}
		}
		if (tracks > 0) != (id == PortraitsID) {
			t.Errorf("%s has %d faces", id, tracks)
		}
	}
}

// No word lies over another one that is scored.
func TestWordsDoNotOverlap(t *testing.T) {
	s := set(t, ID)
	for i := range s.clips {
		f, err := s.films[i]()
		if err != nil {
			t.Fatal(err)
		}
		for k := range frames {
			ins := f.instances(f.shotOf(k), k)
			for a := range ins {
				for b := range a {
					if ins[a].Box.Overlaps(ins[b].Box) {
						t.Errorf("%s/%d: %q lies over %q", s.clips[i].ID, k, ins[a].Text, ins[b].Text)
					}
				}
			}
		}
	}
}

// The golden file is this package's own output on linux/amd64; its purpose is that the same
// version never yields other pixels, labels or motion on any machine.
func TestGolden(t *testing.T) {
	type frame struct{ ID, Pixels, Labels string }
	got := map[string][]frame{}
	for _, id := range all {
		s := set(t, id)
		got[id+" "+s.Info().Digest] = nil
		for _, c := range s.Clips() {
			it := load(t, s, c.ID, 19)
			b, err := json.Marshal(it.Instances)
			if err != nil {
				t.Fatal(err)
			}
			h := sha256.New()
			h.Write(b)
			for i := range it.Flow.DX {
				if it.Flow.Known(i) {
					_, _ = fmt.Fprintf(h, "%d %.3f %.3f\n", i, it.Flow.DX[i], it.Flow.DY[i])
				}
			}
			key := id + " " + s.Info().Digest
			got[key] = append(got[key], frame{it.ID, it.Image.Digest(), hex.EncodeToString(h.Sum(nil))})
		}
	}
	name := filepath.Join("testdata", "golden.json")
	if *update {
		b, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]frame{}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pixels, labels or motion changed; raise Version and run with -update (-want +got):\n%s", d)
	}
}

// warp returns the largest and the mean difference, in levels, between a frame and the one
// before it moved by its flow, where that is known, and the share of pixels where it is.
func warp(now, before datasets.Item) (most int, mean, known float64) {
	f, w := now.Flow, now.Image.W
	n := 0
	for i := range f.DX {
		if !f.Known(i) {
			continue
		}
		x, y := float64(i%w)+float64(f.DX[i]), float64(i/w)+float64(f.DY[i])
		x0, y0 := int(math.Floor(x+1e-4)), int(math.Floor(y+1e-4))
		x1, y1 := min(x0+1, w-1), min(y0+1, now.Image.H-1)
		fx, fy := max(0, x-float64(x0)), max(0, y-float64(y0))
		at := func(x, y, c int) float64 { return float64(before.Image.Pix[3*(y*w+x)+c]) }
		for c := range 3 {
			v := (at(x0, y0, c)*(1-fx)+at(x1, y0, c)*fx)*(1-fy) + (at(x0, y1, c)*(1-fx)+at(x1, y1, c)*fx)*fy
			d := int(math.Abs(math.Round(v) - float64(now.Image.Pix[3*i+c])))
			most = max(most, d)
			mean += float64(d)
		}
		n++
	}
	return most, mean / float64(max(1, 3*n)), float64(n) / float64(len(f.DX))
}

// Every frame is the one before, moved by its flow: exactly where motion is by whole pixels,
// and within what interpolation costs where it is not.
func TestFlowReproducesFrames(t *testing.T) {
	const none = -1 // brightness changes
	for _, tc := range []struct {
		set, clip string
		most      int     // levels
		mean      float64 // levels
		known     float64 // least share of pixels
	}{
		{PhotosID, "forest", 0, 0, .98},
		{PhotosID, "boats", 0, 0, .98},
		{PhotosID, "bridge", 0, 0, .96},
		{PhotosID, "facade", 120, 2.5, .99},
		{PhotosID, "picos", 120, 3, .98},
		{PortraitsID, "eileen-collins-pan", 0, 0, .98},
		{PortraitsID, "eileen-collins-zoom", 120, 1.6, .99},
		{PortraitsID, "grace-hopper-pan", 120, 3.5, .98},
		{PortraitsID, "grace-hopper-zoom", 120, 2.5, .99},
		{ID, "pan", 0, 0, .98},
		{ID, "credits", 0, 0, .98},
		{ID, "word", 0, 0, .97},
		{ID, "occlusion", 0, 0, .9},
		{ID, "cut", 0, 0, 0},
		{ID, "zoom", 120, 1.6, .99},
		{ID, "rotate", 120, 1.6, .98},
		{ID, "shake", 120, 1.6, .97},
		{ID, "drift", 120, 1.6, .98},
		{ID, "fade", none, 0, 1},
		{ID, "ramp", none, 0, 1},
		{StaticID, "static-00", 0, 0, .98},
		{StaticID, "static-50", 0, 0, .98},
		{StaticID, "static-95", 0, 0, .98},
		{LinearID, "cycle", 0, 0, .98},
		{LinearID, "cycle-fast", 0, 0, .96},
		{LinearID, "crossfade", none, 0, 1},
		{LinearID, "ramp", none, 0, 1},
		{LinearID, "decay", none, 0, 1},
	} {
		t.Run(tc.clip, func(t *testing.T) {
			t.Parallel()
			s := set(t, tc.set)
			for _, k := range []int{1, 6, 13, 14, 20, last} {
				now, before := load(t, s, tc.clip, k), load(t, s, tc.clip, k-1)
				most, mean, known := warp(now, before)
				t.Logf("%s/%d: most %d, mean %.3f, known %.4f", tc.clip, k, most, mean, known)
				if tc.clip == "cut" {
					if k == 13 != (known == 0) {
						t.Errorf("frame %d: %.3f of the motion is known", k, known)
					}
				} else if known < tc.known {
					t.Errorf("frame %d: %.3f of the motion is known, want %.3f", k, known, tc.known)
				}
				if tc.mean > 0 && k != 1 {
					// The same without motion: what is measured above is interpolation alone.
					still := now
					still.Flow = pix.NewFlow(now.Image.W, now.Image.H)
					if _, blind, _ := warp(still, before); blind < 2*mean {
						t.Errorf("frame %d differs by %.3f levels where it is moved, and by %.3f where it is not", k, mean, blind)
					}
				}
				if tc.most != none && (most > tc.most || mean > tc.mean) {
					t.Errorf("frame %d moved by its flow differs by %d levels, %.3f on average; want %d and %.3f at most", k, most, mean, tc.most, tc.mean)
				}
			}
		})
	}
}

// A word's corners are those of the first frame, moved as the clip is said to move.
func TestLabelsMoveAsStated(t *testing.T) {
	s := set(t, ID)
	unit := func(x, y float64) datasets.Point { return datasets.Point{X: x, Y: y} }
	for _, tc := range []struct {
		clip, text string
		first      int
		to         func(p datasets.Point, k int) datasets.Point // of frame `first` in frame k
	}{
		{"pan", "Museum", 0, func(p datasets.Point, k int) datasets.Point { return unit(p.X-3*float64(k), p.Y-float64(k)) }},
		{"drift", "North Beach", 0, func(p datasets.Point, k int) datasets.Point {
			return unit(p.X-1.375*float64(k), p.Y-.625*float64(k))
		}},
		{"credits", "Nadia Petrov", 0, func(p datasets.Point, k int) datasets.Point { return unit(p.X, p.Y-2*float64(k)) }},
		{"word", "Ferry", 0, func(p datasets.Point, k int) datasets.Point { return unit(p.X+8*float64(k), p.Y+2*float64(k)) }},
		{"fade", "Channel 4", 0, func(p datasets.Point, _ int) datasets.Point { return p }},
		{"zoom", "Mind the gap", 0, func(p datasets.Point, k int) datasets.Point {
			g := 1 + float64(k)/32
			return unit((p.X-240)*g+240, (p.Y-135)*g+135)
		}},
		{"rotate", "Bakery Lane", 0, func(p datasets.Point, k int) datasets.Point {
			a := 2*math.Atan(float64(2*k-31)*.0016) - 2*math.Atan(-31*.0016)
			x, y := p.X-240, p.Y-135
			return unit(math.Cos(a)*x-math.Sin(a)*y+240, math.Sin(a)*x+math.Cos(a)*y+135)
		}},
	} {
		start := s.films[slices.IndexFunc(s.clips, func(c datasets.Clip) bool { return c.ID == tc.clip })]
		f, err := start()
		if err != nil {
			t.Fatal(err)
		}
		var w *word
		for _, l := range f.shots[0].layers {
			if o, ok := l.(*word); ok && o.line.Text == tc.text {
				w = o
			}
		}
		from := w.corners(w.move.at(0)) // also where the frame cuts it off
		scored := 0
		for k := range frames {
			it := datasets.Item{ID: fmt.Sprintf("%s/%04d", tc.clip, k), Instances: f.instances(f.shotOf(k), k)}
			in, ok := find(it, tc.text)
			var want []datasets.Point
			for _, p := range from {
				want = append(want, tc.to(p, k))
			}
			box := around(want)
			if !box.In(image.Rect(0, 0, width, height)) {
				if ok && !in.Ignore {
					t.Errorf("%s: %q is cut off and scored", it.ID, tc.text)
				}
				continue
			}
			if !ok || len(in.Quad) != 4 {
				t.Fatalf("%s: %q is missing, or has no corners", it.ID, tc.text)
			}
			scored++
			for i, p := range in.Quad {
				if math.Hypot(p.X-want[i].X, p.Y-want[i].Y) > 1e-9 {
					t.Errorf("%s: corner %d of %q is at %v, want %v", it.ID, i, tc.text, p, want[i])
				}
			}
			if in.Box != box {
				t.Errorf("%s: %q is in %v, want %v", it.ID, tc.text, in.Box, box)
			}
		}
		if scored < 4 {
			t.Errorf("%s: %q is whole in %d frames only", tc.clip, tc.text, scored)
		}
	}
}

// The box of a word holds its ink, and its ink fills the box: without the word, pixels
// change within it alone, and up to its sides.
func TestBoxesHoldTheInk(t *testing.T) {
	for _, name := range []string{"pan", "zoom", "rotate", "shake", "credits"} {
		s := set(t, ID)
		f, err := s.films[slices.IndexFunc(s.clips, func(c datasets.Clip) bool { return c.ID == name })]()
		if err != nil {
			t.Fatal(err)
		}
		const k = 9
		with, labels, _ := f.frame(k)
		layers := f.shots[0].layers
		for i, l := range layers {
			w, ok := l.(*word)
			if !ok {
				continue
			}
			in, ok := find(datasets.Item{Instances: labels}, w.line.Text)
			if !ok || in.Ignore {
				continue
			}
			f.shots[0].layers = slices.Delete(slices.Clone(layers), i, i+1)
			without, _, _ := f.frame(k)
			f.shots[0].layers = layers
			var ink image.Rectangle
			for p := range with.W * with.H {
				if !bytes.Equal(with.Pix[3*p:3*p+3], without.Pix[3*p:3*p+3]) {
					ink = ink.Union(image.Rect(p%with.W, p/with.W, p%with.W+1, p/with.W+1))
				}
			}
			slack := 2
			if name == "rotate" { // the corners of the box are further out than the letters
				slack = in.Box.Dy() / 2
			}
			if !ink.In(in.Box) || !in.Box.Inset(slack).In(ink) {
				t.Errorf("%s: the ink of %q is in %v, its box is %v", name, in.Text, ink, in.Box)
			}
		}
	}
}

// A word behind the bar is not scored while any of it is hidden, and not there while all of
// it is; it comes back under its own name.
func TestHiddenWords(t *testing.T) {
	s := set(t, ID)
	states := map[string]string{}
	ids := map[string]string{}
	for k := range frames {
		it := load(t, s, "occlusion", k)
		for _, text := range []string{"Garden", "Library", "Closed on Monday"} {
			in, ok := find(it, text)
			state := "-"
			if ok {
				if state = "+"; in.Ignore {
					state = "o"
				}
				if was := ids[text]; was != "" && was != in.ID {
					t.Errorf("%q is track %s and then %s", text, was, in.ID)
				}
				ids[text] = in.ID
			}
			if h := states[text]; h == "" || h[len(h)-1:] != state {
				states[text] += state
			}
		}
	}
	want := map[string]string{"Garden": "+o-o+", "Library": "+o-o+", "Closed on Monday": "+o+"}
	if d := cmp.Diff(want, states); d != "" {
		t.Errorf("how words are seen (+), seen in part (o) and hidden (-):\n%s", d)
	}
	// What comes out from behind the bar has no motion: it was hidden.
	it := load(t, s, "occlusion", 10) // the bar is at 30 to 174; in the frame before, 12 to 156
	unknown := 0
	for y := range height {
		for x := range 12 {
			if it.Flow.Known(y*width + x) {
				continue
			}
			unknown++
		}
		for x := 12; x < 30; x++ {
			if it.Flow.Known(y*width + x) {
				t.Fatalf("(%d, %d) was behind the bar, and its motion is known", x, y)
			}
		}
	}
	if unknown > 0 {
		t.Errorf("the motion of %d pixels that were never hidden is not known", unknown)
	}
}

// A faded word is not scored below half, and not there at nothing.
func TestFadedWords(t *testing.T) {
	s := set(t, ID)
	for k := range frames {
		it := load(t, s, "fade", k)
		in, ok := find(it, "Good evening")
		if ok != (k > 0) || ok && in.Ignore != (k*20 < 128) {
			t.Errorf("frame %d: there %v, ignored %v", k, ok, in.Ignore)
		}
		in, ok = find(it, "The late show")
		if ok != (k < last) || ok && in.Ignore != ((last-k)*20 < 128) {
			t.Errorf("frame %d: there %v, ignored %v", k, ok, in.Ignore)
		}
	}
}

// The share of the clips of clips-static that stands is the stated one, to the pixel, and
// all begin with the same frame.
func TestStaticShare(t *testing.T) {
	s := set(t, StaticID)
	first := load(t, s, s.clips[0].ID, 0)
	for i, c := range s.Clips() {
		if a := load(t, s, c.ID, 0); !a.Image.Equal(first.Image) {
			t.Errorf("%s begins with another frame", c.ID)
		}
		stands := make([]bool, width*height)
		for p := range stands {
			stands[p] = true
		}
		var before pix.Image
		for k := range frames {
			it := load(t, s, c.ID, k)
			for p := range stands {
				stands[p] = stands[p] && (k == 0 || bytes.Equal(before.Pix[3*p:3*p+3], it.Image.Pix[3*p:3*p+3]))
			}
			before = it.Image
		}
		n := 0
		for _, v := range stands {
			if v {
				n++
			}
		}
		if got, want := float64(n)/float64(len(stands)), float64(shares[i])/100; math.Abs(got-want) > 1e-3 {
			t.Errorf("%s: a share of %.4f stands, want %.2f", c.ID, got, want)
		}
	}
}

// Clips of clips-linear follow their rule but for rounding.
func TestLinear(t *testing.T) {
	s := set(t, LinearID)
	for k := 1; k < frames; k += 6 {
		for _, tc := range []struct {
			clip   string
			dx, dy int
		}{{"cycle", 2, 1}, {"cycle-fast", -7, 3}} {
			a, b := load(t, s, tc.clip, k-1).Image, load(t, s, tc.clip, k).Image
			for y := range height {
				for x := range width {
					p, q := 3*(y*width+x), 3*((y-tc.dy+height)%height*width+(x-tc.dx+width)%width)
					if !bytes.Equal(b.Pix[p:p+3], a.Pix[q:q+3]) {
						t.Fatalf("%s/%d: (%d, %d) is not what left", tc.clip, k, x, y)
					}
				}
			}
		}
		cross := [3]pix.Image{load(t, s, "crossfade", 0).Image, load(t, s, "crossfade", k).Image, load(t, s, "crossfade", last).Image}
		decay := [2]pix.Image{load(t, s, "decay", k-1).Image, load(t, s, "decay", k).Image}
		for i := range cross[0].Pix {
			a := float64(k) / last
			if want := float64(cross[0].Pix[i])*(1-a) + float64(cross[2].Pix[i])*a; math.Abs(want-float64(cross[1].Pix[i])) > 1.5 {
				t.Fatalf("crossfade/%d: value %d is %d, want %.1f", k, i, cross[1].Pix[i], want)
			}
			if want := float64(decay[0].Pix[i]) * 15 / 16; math.Abs(want-float64(decay[1].Pix[i])) > 1.5 {
				t.Fatalf("decay/%d: value %d is %d, want %.1f", k, i, decay[1].Pix[i], want)
			}
		}
	}
}

// A face's key points are those of the portrait, moved as the clip is said to move, and the
// pixels around them are the portrait's.
func TestFacesMoveAsStated(t *testing.T) {
	t.Parallel()
	s := set(t, PortraitsID)
	for i, p := range portraits.People() {
		cam := cameras[i]
		for k := range frames {
			f := float64(k)
			scale := .75 + f/128
			for name, to := range map[string]func(q datasets.Point) datasets.Point{
				"pan": func(q datasets.Point) datasets.Point {
					return datasets.Point{X: q.X + f*cam.move.X, Y: q.Y + f*cam.move.Y - cam.top}
				},
				"zoom": func(q datasets.Point) datasets.Point {
					return datasets.Point{X: (q.X-cam.centre.X)*scale + 192, Y: (q.Y-cam.centre.Y)*scale + 144}
				},
			} {
				c := slices.IndexFunc(s.clips, func(c datasets.Clip) bool { return c.ID == p.Name+"-"+name })
				film, err := s.films[c]()
				if err != nil {
					t.Fatal(err)
				}
				ins := film.instances(film.shots[0], k)
				if len(ins) != 1 || !ins[0].IsFace() || ins[0].Ignore || ins[0].Identity != p.Name || ins[0].ID != p.Name || len(ins[0].Points) != 5 {
					t.Fatalf("%s-%s/%04d: %+v", p.Name, name, k, ins)
				}
				for j, q := range ins[0].Points {
					if w := to(p.Points[j]); math.Hypot(q.X-w.X, q.Y-w.Y) > 1e-9 || !in(q, ins[0].Box) {
						t.Errorf("%s-%s/%04d: point %d at %v of %v, want %v", p.Name, name, k, j, q, ins[0].Box, w)
					}
				}
				a := to(datasets.Point{X: float64(p.Face.Min.X), Y: float64(p.Face.Min.Y)})
				if math.Abs(a.X-float64(ins[0].Box.Min.X)) > .5 || math.Abs(a.Y-float64(ins[0].Box.Min.Y)) > .5 {
					t.Errorf("%s-%s/%04d: box %v, want one from %v", p.Name, name, k, ins[0].Box, a)
				}
			}
		}
	}
	// By whole pixels, the face is the photograph's, to the bit.
	p := portraits.People()[0]
	path, err := assets.Path(p.File)
	testenv.Need(t, err)
	photo, err := pix.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	it := load(t, s, p.Name+"-pan", 11)
	if !it.Image.Crop(it.Instances[0].Box).Equal(photo.Crop(p.Face)) {
		t.Error("the face is not that of the photograph")
	}
}

func in(p datasets.Point, r image.Rectangle) bool {
	return image.Pt(int(p.X), int(p.Y)).In(r)
}

func TestWithoutPhotographs(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for _, id := range []string{PhotosID, PortraitsID} {
		_, err := New(id)
		var lacks *missing.Error
		if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "datasets pull") {
			t.Errorf("%s: the error is %v", id, err)
		}
	}
}

// No ground ends inside of a frame.
func TestGroundsCoverFrames(t *testing.T) {
	for _, id := range append([]string{PhotosID, PortraitsID}, all...) {
		t.Run(id, func(t *testing.T) { groundsCoverFrames(t, set(t, id)) })
	}
}

func groundsCoverFrames(t *testing.T, s *Set) {
	t.Helper()
	for i, c := range s.Clips() {
		f, err := s.films[i]()
		if err != nil {
			t.Fatal(err)
		}
		for k := range frames {
			for _, l := range f.shotOf(k).layers {
				g, ok := l.(*ground)
				if !ok || g.wraps {
					continue
				}
				back := g.move.at(k).inverse()
				win := g.window
				if win.Empty() {
					win = image.Rect(0, 0, f.w, f.h)
				}
				for _, p := range quad(back, float64(win.Min.X), float64(win.Min.Y), float64(win.Max.X), float64(win.Max.Y)) {
					if p.X < -1e-9 || p.Y < -1e-9 || p.X > float64(g.img.W)+1e-9 || p.Y > float64(g.img.H)+1e-9 {
						t.Errorf("%s/%d: a corner of the frame is at %v of a ground of %d×%d", c.ID, k, p, g.img.W, g.img.H)
					}
				}
			}
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	s := set(b, ID)
	for _, clip := range []string{"pan", "zoom", "drift"} {
		b.Run(clip, func(b *testing.B) {
			load(b, s, clip, 1)
			b.SetBytes(3 * width * height)
			for b.Loop() {
				load(b, s, clip, 9)
			}
		})
	}
}
