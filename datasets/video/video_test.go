package video_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

// encode runs ffmpeg as it is, to make films.
func encode(t *testing.T, args ...string) {
	t.Helper()
	p := testenv.FFmpeg(t)
	out, err := exec.Command(p.Path, append([]string{"-v", "error", "-y", "-nostdin"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg %q: %v: %s", args, err, out)
	}
}

// source is a moving picture of a size, that long.
func source(size string, seconds float64) []string {
	return []string{"-f", "lavfi", "-i", fmt.Sprintf("testsrc=s=%s:r=25:d=%g", size, seconds)}
}

var h264 = []string{"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"}

// film makes a film of 64×48.
func film(t *testing.T, file string, seconds float64, more ...string) {
	t.Helper()
	encode(t, slices.Concat(source("64x48", seconds), h264, more, []string{file})...)
}

func open(t *testing.T, arg string) *video.Set {
	t.Helper()
	s, err := video.Open(t.Context(), arg, datasets.Options{})
	testenv.Need(t, err)
	t.Cleanup(func() { end(t, s) })
	return s
}

func end(t *testing.T, s *video.Set) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}

// load loads all frames of a set: what each is, or why not.
func load(t *testing.T, s *video.Set) (items []datasets.Item, failed []string) {
	t.Helper()
	for i, id := range s.IDs() {
		it, err := s.Load(t.Context(), i)
		if err != nil {
			failed = append(failed, id+": "+err.Error())
			continue
		}
		if err := it.Image.Validate(); err != nil {
			t.Error(err)
		}
		items = append(items, it)
	}
	return items, failed
}

// y4m is a film of frames of one colour each, without chroma subsampling.
func y4m(w, h int, colours ...[3]uint8) []byte {
	b := fmt.Appendf(nil, "YUV4MPEG2 W%d H%d F25:1 Ip A1:1 C444\n", w, h)
	for _, c := range colours {
		b = append(b, "FRAME\n"...)
		for _, v := range c {
			b = append(b, slices.Repeat([]uint8{v}, w*h)...)
		}
	}
	return b
}

func write(t *testing.T, file string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestColours compares with BT.601 as it is written down (ITU-R BT.601-7, 2.5).
func TestColours(t *testing.T) {
	dir := t.TempDir()
	colours := [][3]uint8{{16, 128, 128}, {235, 128, 128}, {81, 90, 240}, {145, 54, 34}, {41, 240, 110}, {120, 100, 150}, {200, 140, 90}}
	write(t, filepath.Join(dir, "a.y4m"), y4m(33, 17, colours...))
	s := open(t, dir)
	items, failed := load(t, s)
	if len(items) != len(colours) || failed != nil {
		t.Fatalf("%d frames, %v", len(items), failed)
	}
	for i, it := range items {
		if it.Image.W != 33 || it.Image.H != 17 || it.Cluster != "a.y4m" {
			t.Errorf("frame %d is %d×%d of %q", i, it.Image.W, it.Image.H, it.Cluster)
		}
		y, cb, cr := float64(colours[i][0])-16, float64(colours[i][1])-128, float64(colours[i][2])-128
		y *= 255. / 219
		cb, cr = cb*255/224, cr*255/224
		want := [3]float64{y + 1.402*cr, y - .344136*cb - .714136*cr, y + 1.772*cb}
		for c, v := range want {
			v = math.Round(min(255, max(0, v)))
			if got := float64(it.Image.Pix[3*(33*8+16)+c]); math.Abs(got-v) > 1 {
				t.Errorf("colour %v: channel %d is %v, want %v", colours[i], c, got, v)
			}
		}
	}
	if d := cmp.Diff([]datasets.Clip{{ID: "a.y4m", Frames: len(colours), Rate: 25}}, s.Clips()); d != "" {
		t.Errorf("clips (-want +got):\n%s", d)
	}
}

// gray is frames whose level is their number.
func gray(n int) (c [][3]uint8) {
	for k := range n {
		c = append(c, [3]uint8{uint8(16 + k), 128, 128})
	}
	return c
}

func numbers(items []datasets.Item) (n []int) {
	for _, it := range items {
		n = append(n, int(math.Round(float64(it.Image.Pix[0])*219/255)))
	}
	return n
}

// TestPieces takes frames by their number.
func TestPieces(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.y4m"), y4m(16, 16, gray(40)...))
	for arg, want := range map[string]struct {
		ids  []string
		rate float64
	}{
		",frames=3":                  {[]string{"0000", "0001", "0002"}, 25},
		",start=37":                  {[]string{"0037", "0038", "0039"}, 25},
		",start=5,every=15":          {[]string{"0005", "0020", "0035"}, 25. / 15},
		",every=4,frames=2,start=39": {[]string{"0039"}, 25. / 4},
	} {
		s := open(t, dir+arg)
		items, failed := load(t, s)
		var ids []string
		for i, it := range items {
			ids = append(ids, strings.TrimPrefix(it.ID, "a.y4m/"))
			if n := numbers(items)[i]; fmt.Sprintf("%04d", n) != ids[i] {
				t.Errorf("%s: %s shows frame %d", arg, it.ID, n)
			}
		}
		if d := cmp.Diff(want.ids, ids); d != "" || failed != nil {
			t.Errorf("%s: %v (-want +got):\n%s", arg, failed, d)
		}
		if c := s.Clips(); len(c) != 1 || math.Abs(c[0].Rate-want.rate) > 1e-9 {
			t.Errorf("%s: clips %v, want rate %g", arg, c, want.rate)
		}
	}
	s := open(t, dir+",fps=5")
	if items, failed := load(t, s); len(items) != 8 || failed != nil || s.Clips()[0].Rate != 5 {
		t.Errorf("fps=5: %d frames, %v, %v", len(items), failed, s.Clips())
	}
	s = open(t, dir+",size=7x5,frames=1")
	if items, _ := load(t, s); len(items) != 1 || items[0].Image.W != 7 || items[0].Image.H != 5 {
		t.Errorf("size=7x5 gives %v", items)
	}
	s = open(t, dir+",start=40")
	if items, failed := load(t, s); items != nil || len(failed) != 1 || !strings.Contains(failed[0], "start=40") {
		t.Errorf("start=40 of 40: %v, %v", items, failed)
	}
	for arg, want := range map[string]string{
		",frame=3": "unknown option \"frame\"", ",frames=0": "want a whole number", ",size=3": "WIDTHxHEIGHT",
		",fps=x": "frames a second", ",frames=1,frames=2": "twice", ",rate=25": "the rate of a file is in it",
	} {
		if _, err := video.Open(t.Context(), dir+arg, datasets.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", arg, err, want)
		}
	}
}

// TestAnyOrder asks for frames of two films as a run does not.
func TestAnyOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.y4m", "b.y4m", "c.y4m", "d.y4m", "e.y4m", "f.y4m"} {
		write(t, filepath.Join(dir, name), y4m(16, 16, gray(6)...))
	}
	s := open(t, dir)
	order := []int{3, 4, 2, 9, 5, 0, 1, 1, 35, 10}
	for k := range 6 { // all films side by side, more than are kept open
		for c := range 6 {
			order = append(order, 6*c+k)
		}
	}
	for _, i := range order {
		it, err := s.Load(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if n := numbers([]datasets.Item{it})[0]; n != i%6 {
			t.Errorf("item %d (%s) shows frame %d", i, it.ID, n)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(t.Context(), 0); err != nil {
		t.Errorf("loading after Close: %v", err)
	}
}

// TestContainers reads what the common containers hold, with as many frames and the rate.
func TestContainers(t *testing.T) {
	p := testenv.FFmpeg(t)
	dir := t.TempDir()
	want := map[string]float64{}
	make := func(name string, rate float64, args ...string) {
		encode(t, append(args, filepath.Join(dir, name))...)
		want[name] = rate
	}
	src := source("64x48", .8)
	make("a.mp4", 25, slices.Concat(src, h264)...)
	make("b.mkv", 25, slices.Concat(src, h264)...)
	make("c.mov", 25, slices.Concat(src, h264)...)
	make("d.avi", 25, slices.Concat(src, []string{"-c:v", "mpeg4"})...)
	make("ntsc.mkv", 30000./1001, slices.Concat([]string{"-f", "lavfi", "-i", "testsrc=s=64x48:r=30000/1001:d=20", "-frames:v", "20"}, h264)...)
	make("odd.mp4", 25, slices.Concat(source("63x47", .8), []string{"-c:v", "libx264", "-pix_fmt", "yuv444p"})...)
	make("deep.mkv", 25, slices.Concat(src, []string{"-c:v", "ffv1", "-pix_fmt", "yuv420p10le"})...)
	if ok, err := p.Has("encoder libvpx-vp9"); err == nil && ok {
		make("e.webm", 25, slices.Concat(src, []string{"-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "100k"})...)
	}
	s := open(t, dir)
	items, failed := load(t, s)
	if failed != nil {
		t.Error(failed)
	}
	for _, c := range s.Clips() {
		if c.Frames != 20 || math.Abs(c.Rate-want[c.ID]) > 1e-6 {
			t.Errorf("%s has %d frames at %v a second, want 20 at %v", c.ID, c.Frames, c.Rate, want[c.ID])
		}
	}
	for _, it := range items {
		deep := slices.Contains(it.Notes, video.NoteDepth)
		if deep != (it.Cluster == "deep.mkv") || len(it.Notes) > 1 {
			t.Errorf("%s has the notes %q", it.ID, it.Notes)
		}
		if it.Cluster == "odd.mp4" && (it.Image.W != 63 || it.Image.H != 47) {
			t.Errorf("%s is %d×%d", it.ID, it.Image.W, it.Image.H)
		}
	}
}

// TestForms reads films of other pixels than eight bits of three colours: what is done with
// them is what is done with images, and it is said.
func TestForms(t *testing.T) {
	p := testenv.FFmpeg(t)
	dir := t.TempDir()
	want := map[string][]pix.Note{}
	colour := map[string][3]int{}
	make := func(name, format, source string, rgb [3]int, notes []pix.Note, more ...string) {
		args := []string{"-f", "lavfi", "-i", "color=" + source + ":s=16x16:r=25:d=0.12,format=rgba", "-pix_fmt", format}
		encode(t, slices.Concat(args, more, []string{filepath.Join(dir, name)})...)
		want[name], colour[name] = notes, rgb
	}
	ffv1 := []string{"-c:v", "ffv1"}
	raw := []string{"-c:v", "rawvideo"}
	full, half, none := [3]int{200, 100, 50}, [3]int{100, 50, 25}, [3]int{}
	deep, alpha := []pix.Note{video.NoteDepth}, []pix.Note{video.NoteAlpha}
	make("opaque.mkv", "bgr0", "0xC86432", full, nil, ffv1...)
	make("gray10.mkv", "gray10le", "0x505050", [3]int{80, 80, 80}, deep, ffv1...)
	make("rgb48.mov", "rgb48be", "0xC86432", full, deep, "-c:v", "png")
	make("planes10.mkv", "gbrp10le", "0xC86432", full, deep, ffv1...)
	make("rgb555.mov", "rgb555be", "0xC86432", [3]int{206, 99, 49}, nil, raw...)
	make("half.mkv", "bgra", "0xC86432@0x80", half, alpha, ffv1...)
	make("half-yuv.mkv", "yuva444p", "0xC86432@0x80", half, alpha, ffv1...)
	make("half-deep.mov", "rgba64be", "0xC86432@0x80", half, []pix.Note{video.NoteDepth, video.NoteAlpha}, "-c:v", "png")
	make("clear.mkv", "bgra", "0xC86432@0x00", none, alpha, ffv1...)
	make("full.mkv", "bgra", "0xC86432@0xFF", full, alpha, ffv1...)
	make("pq.mkv", "yuv420p10le", "0xC86432", full, []pix.Note{video.NoteDepth, video.NoteHDR}, "-c:v", "ffv1", "-color_trc", "smpte2084", "-color_primaries", "bt2020", "-vf", "setparams=color_trc=smpte2084")
	if ok, err := p.Has("encoder libvpx-vp9"); err == nil && ok {
		make("layer.webm", "yuva420p", "0xC86432@0x80", full, []pix.Note{video.NoteLayer}, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-lossless", "1")
	}
	items, failed := load(t, open(t, dir))
	if failed != nil || len(items) != 3*len(want) {
		t.Errorf("%d frames, %v", len(items), failed)
	}
	for _, it := range items {
		if !slices.Equal(it.Notes, want[it.Cluster]) {
			t.Errorf("%s has the notes %q, want %q", it.ID, it.Notes, want[it.Cluster])
		}
		for c, v := range it.Image.Pix[:3] {
			if w := colour[it.Cluster][c]; int(v) < w-3 || int(v) > w+3 {
				t.Errorf("%s is %v, want %v", it.ID, it.Image.Pix[:3], colour[it.Cluster])
				break
			}
		}
	}
}

// TestRotation turns a film as its file says, or leaves it.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	plain, turned := filepath.Join(dir, "plain.mp4"), filepath.Join(dir, "turned.mp4")
	film(t, plain, .2)
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	// The matrix of the track's header: (a, b, u, c, d, v, x, y, w), of which a, b, c and d
	// turn (ISO/IEC 14496-12, 8.3.2).
	m := b[bytes.Index(b, []byte("tkhd"))+44:]
	for i, v := range [9]uint32{0, 0xffff0000, 0, 0x00010000, 0, 0, 0, 64 << 16, 0x40000000} {
		binary.BigEndian.PutUint32(m[4*i:], v)
	}
	write(t, turned, b)
	s := open(t, turned)
	items, failed := load(t, s)
	if len(items) != 5 || failed != nil {
		t.Fatalf("%d frames, %v", len(items), failed)
	}
	upright, _ := load(t, open(t, plain))
	// Mirrored upside down, which ffmpeg calls a rotation by 0 degrees.
	for i, v := range [9]uint32{1 << 16, 0, 0, 0, 0xffff0000, 0, 0, 48 << 16, 0x40000000} {
		binary.BigEndian.PutUint32(m[4*i:], v)
	}
	mirrored := filepath.Join(dir, "mirrored.mp4")
	write(t, mirrored, b)
	for k, it := range first(load(t, open(t, mirrored))) {
		if a, b := upright[k].Image.Pix[3*(24*64+60)], it.Image.Pix[3*(23*64+60)]; !slices.Equal(it.Notes, []pix.Note{video.NoteRotated}) || max(a, b)-min(a, b) > 3 {
			t.Errorf("%s, which is mirrored, has the notes %q; %d, in the film that is not %d", it.ID, it.Notes, b, a)
		}
	}
	for k, it := range items {
		if it.Image.W != 48 || it.Image.H != 64 || !slices.Contains(it.Notes, video.NoteRotated) {
			t.Errorf("%s is %d×%d with the notes %q", it.ID, it.Image.W, it.Image.H, it.Notes)
			continue
		}
		// Counterclockwise by 90 degrees: what was right is up. Chroma is subsampled, so
		// colours of neighbours may differ; in even areas they do not.
		for c := range 3 {
			a, b := int(upright[k].Image.Pix[3*(24*64+60)+c]), int(it.Image.Pix[3*(3*48+24)+c])
			if a-b > 3 || b-a > 3 {
				t.Errorf("%s: channel %d is %d, in the film that is not turned %d", it.ID, c, b, a)
			}
		}
	}
	stored, err := video.Open(t.Context(), turned, datasets.Options{Decode: pix.Options{Stored: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer end(t, stored)
	it, err := stored.Load(t.Context(), 0)
	if err != nil || it.Image.W != 64 || len(it.Notes) != 0 || stored.Info().Digest == s.Info().Digest {
		t.Errorf("as it is stored: %d wide, notes %q, %v", it.Image.W, it.Notes, err)
	}
}

// TestDamageIsRepeatable decodes damaged films anew: what stands has the same pixels each time.
func TestDamageIsRepeatable(t *testing.T) {
	p := testenv.FFmpeg(t)
	for name, codec := range map[string][]string{
		"h264.mp4":  {"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p"},
		"mpeg4.avi": {"-c:v", "mpeg4", "-b:v", "400k"},
	} {
		if ok, err := p.Has("encoder " + codec[1]); err != nil || !ok {
			continue
		}
		file := filepath.Join(t.TempDir(), name)
		encode(t, slices.Concat([]string{"-f", "lavfi", "-i", "testsrc2=s=320x192:r=25:d=1.2,noise=alls=20:allf=t"}, codec, []string{file})...)
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		for range 16 {
			b[len(b)/4+rng.IntN(len(b)/2)] ^= 1 << rng.IntN(8)
		}
		write(t, file, b)
		var before []datasets.Item
		for i := range 3 {
			items, failed := load(t, open(t, file))
			if len(failed) != 1 || len(items) == 0 {
				t.Errorf("%s: %d frames, failures %q", name, len(items), failed)
			}
			if i > 0 && len(items) != len(before) {
				t.Errorf("%s: %d frames stand, and %d", name, len(items), len(before))
			}
			for k := range min(len(items), len(before)) {
				if !bytes.Equal(items[k].Image.Pix, before[k].Image.Pix) {
					t.Errorf("%s: %s has other pixels", name, items[k].ID)
					break
				}
			}
			before = items
		}
		t.Logf("%s: %d frames stand", name, len(before))
	}
}

func first(items []datasets.Item, _ []string) []datasets.Item { return items }

// TestManyStreams is a film of whose streams there is more to say than is kept: what the film
// is comes first.
func TestManyStreams(t *testing.T) {
	args := slices.Concat(source("64x48", .2), []string{"-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "0.2", "-map", "0", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le", "-c:a", "pcm_u8"})
	for i := range 60 {
		args = append(args, "-map", "1", fmt.Sprintf("-metadata:s:a:%d", i), "title="+strings.Repeat("commentary ", 300))
	}
	file := filepath.Join(t.TempDir(), "a.mkv")
	encode(t, append(args, file)...)
	items, failed := load(t, open(t, file))
	if len(items) != 5 || failed != nil || !slices.Equal(items[0].Notes, []pix.Note{video.NoteDepth}) {
		t.Errorf("%d frames, %v, notes %q", len(items), failed, items[0].Notes)
	}
}

// TestVariableRate keeps frames as they are and says that they have no rate.
func TestVariableRate(t *testing.T) {
	dir := t.TempDir()
	encode(t, slices.Concat(source("64x48", 2), []string{"-vf", "select='lt(n,10)+not(mod(n,7))'", "-fps_mode", "vfr"}, h264, []string{filepath.Join(dir, "a.mkv")})...)
	s := open(t, dir)
	items, failed := load(t, s)
	if len(items) != 16 || failed != nil || s.Clips()[0].Rate != 0 || !slices.Contains(items[0].Notes, video.NoteVariable) {
		t.Errorf("%d frames, %v, %v, notes %q", len(items), failed, s.Clips(), items[0].Notes)
	}
	even := open(t, dir+",fps=25")
	if items, failed := load(t, even); len(items) < 49 || failed != nil || even.Clips()[0].Rate != 25 || len(items[0].Notes) != 0 {
		t.Errorf("with fps=25: %d frames, %v, %v", len(items), failed, even.Clips())
	}
}

// TestBadFilms has every way in which a film may be no film. Each is named with its file,
// and the sound ones beside it stand.
func TestBadFilms(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	film(t, at("sound.mp4"), .4)
	film(t, at("one.mp4"), .04)
	film(t, at("whole.mkv"), 2)
	whole, err := os.ReadFile(at("whole.mkv"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, at("short.mkv"), whole[:len(whole)*2/3])
	film(t, at("index-last.mp4"), 2)
	b, err := os.ReadFile(at("index-last.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, at("short.mp4"), b[:len(b)*2/3])
	remove(t, at("index-last.mp4"))
	film(t, at("index-first.mp4"), 2, "-movflags", "+faststart")
	if b, err = os.ReadFile(at("index-first.mp4")); err != nil {
		t.Fatal(err)
	}
	write(t, at("short-behind-index.mp4"), b[:len(b)*2/3])
	remove(t, at("index-first.mp4"))
	// A file that says its samples are larger than it is.
	lying := slices.Clone(b)
	if i := strings.Index(string(lying), "stsz"); i > 0 {
		binary.BigEndian.PutUint32(lying[i+16+4*10:], 1<<30)
	}
	write(t, at("lying.mp4"), lying)
	encode(t, "-f", "lavfi", "-i", "sine=d=0.3", "-c:a", "aac", at("audio.mp4"))
	write(t, at("empty.mp4"), nil)
	write(t, at("zero.y4m"), y4m(16, 16))
	write(t, at("cut.y4m"), y4m(16, 16, gray(3)...)[:2000])
	encode(t, slices.Concat(source("64x48", 2), []string{"-c:v", "rawvideo", at("cut.avi")})...)
	if b, err = os.ReadFile(at("cut.avi")); err != nil {
		t.Fatal(err)
	}
	write(t, at("cut.avi"), b[:strings.Index(string(b), "movi")+4+10*(8+64*48*3)]) // between frames
	write(t, at("garbage.avi"), []byte(strings.Repeat("garbage", 5000)))
	write(t, at("list.mp4"), []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsound.mp4\n#EXT-X-ENDLIST\n"))
	write(t, at("concat.mkv"), []byte("ffconcat version 1.0\nfile sound.mp4\n"))
	write(t, at("url.mp4"), []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n"))
	write(t, at("huge.y4m"), []byte("YUV4MPEG2 W60000 H60000 F25:1 Cmono\nFRAME\nx"))
	encode(t, "-i", at("sound.mp4"), "-c", "copy", at("x.mp4"))
	if err := os.Rename(at("x.mp4"), at("-i.mp4")); err != nil {
		t.Fatal(err)
	}
	// Two sizes in one file.
	for i, size := range []string{"64x48", "48x64"} {
		encode(t, slices.Concat(source(size, .4), h264, []string{"-f", "mpegts", at(fmt.Sprintf("%d.ts", i))})...)
	}
	both, err := os.ReadFile(at("0.ts"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(at("1.ts"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, at("both.ts"), append(both, second...))
	encode(t, "-i", at("both.ts"), "-c", "copy", at("size.mkv"))

	s := open(t, dir)
	items, failed := load(t, s)
	frames := map[string]int{}
	for _, it := range items {
		frames[it.Cluster]++
	}
	said := map[string]string{}
	for _, f := range failed {
		name, why, _ := strings.Cut(f, "/lost: ")
		if said[name] != "" || !strings.Contains(why, name) {
			t.Errorf("%s fails twice, or is not named: %s", name, f)
		}
		said[name] = why
	}
	for name, want := range map[string]struct {
		least, most int
		says        string
	}{
		"sound.mp4":              {10, 10, ""},
		"-i.mp4":                 {10, 10, ""},
		"one.mp4":                {1, 1, ""},
		"whole.mkv":              {50, 50, ""},
		"short.mkv":              {10, 49, "cut short or damaged"},
		"short.mp4":              {0, 0, "no frame can be read"},
		"short-behind-index.mp4": {5, 49, "cut short or damaged"},
		"lying.mp4":              {5, 49, "cut short or damaged"},
		"audio.mp4":              {0, 0, "no picture"},
		"empty.mp4":              {0, 0, "the file is empty"},
		"zero.y4m":               {0, 0, "no frame"},
		"cut.y4m":                {2, 2, "cut short or damaged"},
		"cut.avi":                {10, 10, "cut short or damaged"},
		"garbage.avi":            {0, 0, "no frame can be read"},
		"list.mp4":               {0, 0, "no frame can be read"},
		"concat.mkv":             {0, 0, "no frame can be read"},
		"url.mp4":                {0, 0, "no frame can be read"},
		"huge.y4m":               {0, 0, "no frame can be read"},
		"size.mkv":               {10, 10, "64×48, and 48×64 from frame 10 on"},
	} {
		if n := frames[name]; n < want.least || n > want.most {
			t.Errorf("%s gives %d frames, want %d to %d; it says %q", name, n, want.least, want.most, said[name])
		}
		if (want.says == "") != (said[name] == "") || !strings.Contains(said[name], want.says) {
			t.Errorf("%s says %q, want %q", name, said[name], want.says)
		}
		if strings.Contains(said[name], " @ 0x") {
			t.Errorf("%s: the message is another in each run: %s", name, said[name])
		}
	}
	if it := items[slices.IndexFunc(items, func(it datasets.Item) bool { return it.Cluster == "short.mkv" })]; !slices.Contains(it.Notes, video.NoteDamaged) {
		t.Errorf("a frame of a damaged film has the notes %q", it.Notes)
	}
	// The way out.
	cut := open(t, at("size.mkv")+",frames=10")
	if items, failed := load(t, cut); len(items) != 10 || failed != nil {
		t.Errorf("the frames before the size changes: %d, %v", len(items), failed)
	}
}

// fake has a script found as ffmpeg.
func fake(t *testing.T, script string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	script = "#!/bin/sh\ncase \"$*\" in *-version) echo 'ffmpeg version 5.1 Copyright'; exit;; esac\n" + script
	if err := os.WriteFile(path, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ffmpeg.Env, path)
}

func TestHang(t *testing.T) {
	defer video.SetIdle(300e6)()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.mp4"), []byte("x"))
	if err := pix.New(8, 8).SavePNG(filepath.Join(dir, "1.png")); err != nil {
		t.Fatal(err)
	}
	fake(t, "sleep 300")
	s := open(t, dir)
	items, failed := load(t, s)
	if len(items) != 1 || len(failed) != 1 || !strings.Contains(failed[0], "a.mp4") || !strings.Contains(failed[0], "hangs") {
		t.Errorf("%d frames, %v", len(items), failed)
	}
	// One that hangs in the middle of a film.
	fake(t, `case "$*" in *framecrc*) for k in 0 1 2; do echo "0, $k, $k, 1, 8, 0x0"; echo "1, $k, ${k}0000, 1, 2, 0x0"; done;; *) printf '%048d' 0; sleep 300;; esac`)
	s = open(t, filepath.Join(dir, "a.mp4"))
	items, failed = load(t, s)
	if len(items) != 1 || len(failed) != 2 || !strings.Contains(failed[0], "a.mp4: frame 1") || !strings.Contains(failed[0], "hangs") {
		t.Errorf("%d frames, %v", len(items), failed)
	}
}

func TestMissing(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.mp4"), []byte("x"))
	t.Setenv(ffmpeg.Env, "/nonesuch/ffmpeg")
	var lacks *missing.Error
	if _, err := video.Open(t.Context(), dir, datasets.Options{}); !errors.As(err, &lacks) || !strings.Contains(err.Error(), "make deps-video") {
		t.Errorf("got %v", err)
	}
}

// TestFolders reads frames without ffmpeg.
func TestFolders(t *testing.T) {
	t.Setenv(ffmpeg.Env, "/nonesuch/ffmpeg")
	dir := t.TempDir()
	for _, name := range []string{"b/1.png", "b/2.png", "b/10.png", "a/x/0.png"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := pix.New(4, 4).SavePNG(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir+",rate=12.5")
	if d := cmp.Diff([]string{"a/x/0.png", "b/1.png", "b/2.png", "b/10.png"}, s.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]datasets.Clip{{ID: "a/x", First: 0, Frames: 1, Rate: 12.5}, {ID: "b", First: 1, Frames: 3, Rate: 12.5}}, s.Clips()); d != "" {
		t.Errorf("clips (-want +got):\n%s", d)
	}
	if err := pix.New(5, 4).SavePNG(filepath.Join(dir, "b", "2.png")); err != nil {
		t.Fatal(err)
	}
	if _, failed := load(t, open(t, dir)); len(failed) != 1 || !strings.Contains(failed[0], "b is 5×4, the first of the film 4×4") {
		t.Errorf("a frame of another size: %v", failed)
	}
	if _, err := video.Open(t.Context(), dir+",fps=5", datasets.Options{}); err == nil || !strings.Contains(err.Error(), "films in files") {
		t.Errorf("fps of folders: %v", err)
	}
}

func TestDAVIS(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bear/00000.jpg", "bear/00001.jpg", "camel/00000.jpg"} {
		b := filepath.Join(dir, "JPEGImages", "480p", name)
		write(t, b, nil)
		if err := pix.New(6, 4).SavePNG(b); err != nil { // told by content
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "ImageSets", "2017", "val.txt"), []byte("bear\nlost\n"))
	s, err := video.OpenDAVIS(t.Context(), dir, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"bear/00000.jpg", "bear/00001.jpg", "lost/lost"}, s.IDs()); d != "" {
		t.Errorf("ids (-want +got):\n%s", d)
	}
	items, failed := load(t, s)
	if len(items) != 2 || len(failed) != 1 || !strings.Contains(failed[0], "ImageSets/2017/val.txt lists") || s.Clips()[0].Rate != 24 {
		t.Errorf("%d frames, %v, %v", len(items), failed, s.Clips())
	}
	all, err := video.OpenDAVIS(t.Context(), dir+",set=all", datasets.Options{})
	if err != nil || len(all.IDs()) != 3 {
		t.Errorf("set=all: %v", err)
	}
	if _, err := video.OpenDAVIS(t.Context(), dir+",set=2017/train", datasets.Options{}); err == nil || !strings.Contains(err.Error(), "train.txt") {
		t.Errorf("a list that is not there: %v", err)
	}
}

func TestBunny(t *testing.T) {
	s, err := video.OpenBunny(t.Context(), "", datasets.Options{})
	testenv.Need(t, err)
	defer end(t, s)
	if d := cmp.Diff([]datasets.Clip{{ID: "bunny", Frames: 32, Rate: 25}}, s.Clips()); d != "" {
		t.Errorf("clips (-want +got):\n%s", d)
	}
	it, err := s.Load(t.Context(), 0)
	if err != nil || it.Image.W != 480 || it.Image.H != 270 || it.ID != "bunny/0000" || it.Cluster != "bunny" {
		t.Errorf("%s of %s, %d×%d, %v", it.ID, it.Cluster, it.Image.W, it.Image.H, err)
	}
	if c := s.Credits(); len(c) != 1 || c[0].Author != "Blender Foundation" || c[0].Licence != "CC-BY-3.0" {
		t.Errorf("credits %+v", c)
	}
	whole, err := video.OpenBunny(t.Context(), "every=66,size=1280x720", datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer end(t, whole)
	if d := cmp.Diff([]string{"bunny/0000", "bunny/0066"}, whole.IDs()); d != "" {
		t.Errorf("every 66th (-want +got):\n%s", d)
	}
}

// TestFlatMemory reads a film of many frames and looks at what is kept.
func TestFlatMemory(t *testing.T) {
	dir := t.TempDir()
	encode(t, slices.Concat(source("160x120", 16), h264, []string{filepath.Join(dir, "a.mp4")})...)
	s := open(t, dir)
	if n := len(s.IDs()); n != 400 { // 23 MB of frames
		t.Fatalf("%d frames", n)
	}
	before := live()
	for i := range s.IDs() {
		if _, err := s.Load(t.Context(), i); err != nil {
			t.Fatal(err)
		}
		if i%100 == 50 {
			if grown := live() - before; grown > 4<<20 {
				t.Errorf("%d MB are kept after %d frames", grown>>20, i)
			}
		}
	}
}

// TestCancel ends a film that is being decoded.
func TestCancel(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.y4m"), y4m(16, 16, gray(6)...))
	s := open(t, dir)
	if _, err := s.Load(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Load(t.Context(), 2); err != nil {
		t.Errorf("after that: %v", err)
	}
}
