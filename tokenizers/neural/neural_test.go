package neural

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/memory"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// needRuntime skips where there is no ONNX Runtime.
func needRuntime(t testing.TB) {
	t.Helper()
	_, _, err := ort.Load("")
	testenv.Need(t, err)
}

func models(t testing.TB) []Model {
	t.Helper()
	list, err := Models()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What ships is what is promised: ten networks of one size, every file listed with its
// digest, and small.
func TestShipped(t *testing.T) {
	listed := map[string]bool{"models.json": true}
	var names []string
	steps := map[int]int{} // by stride
	for _, m := range models(t) {
		names = append(names, m.Name)
		if m.Parameters == 0 || m.Parameters > 800_000 {
			t.Errorf("%s has %d parameters, want at most 0.8 million", m.Name, m.Parameters)
		}
		if len(m.Curve) == 0 || steps[m.Stride] != 0 && m.Steps != steps[m.Stride] {
			t.Errorf("%s was trained for %d steps with %d points of its curve, the others of its stride for %d", m.Name, m.Steps, len(m.Curve), steps[m.Stride])
		}
		steps[m.Stride] = m.Steps
		for name := range m.Files {
			listed[name] = true
			if _, err := m.read(name); err != nil {
				t.Error(err)
			}
		}
	}
	if want := "kl-f8 vq-f8 fsq-f8 lfq-f8 rvq-f8 simvq-f8 kl-f4 vq-f4 kl-f16 vq-f16"; strings.Join(names, " ") != want {
		t.Errorf("there are %v, want %s", names, want)
	}
	total := int64(0)
	err := fs.WalkDir(files, "models", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !listed[d.Name()] {
			t.Errorf("%s belongs to no network", path)
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if total > 16<<20 {
		t.Errorf("all networks take %d bytes, want 16 MB", total)
	}
}

// They were trained on the photographs whose role is to fit, on nothing that is tested,
// and on text of another seed than the data sets'.
func TestTrainedOnItsRoleOnly(t *testing.T) {
	m, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range assets.Photographs(assets.Fit) {
		want = append(want, f.SHA256)
	}
	slices.Sort(want)
	if !slices.Equal(m.Images.Photographs, want) {
		t.Errorf("trained on the photographs %.12v, those to fit on are %.12v: run make train-neural", m.Images.Photographs, want)
	}
	if m.Images.TextSeed == textgen.DefaultSeed || m.Images.TextSeed == 0 {
		t.Errorf("trained on text of seed %d", m.Images.TextSeed)
	}
}

func TestConforms(t *testing.T) {
	needRuntime(t)
	for _, m := range models(t) {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			tokenizertest.Conform(t, func(context.Context) (tokenizers.Tokenizer, error) {
				return Open(m.Rule, m.Stride)
			}, tokenizertest.Options{Side: 48})
		})
	}
}

// testImage is test_image of train/export.py.
func testImage(w, h int) pix.Image {
	m := pix.New(w, h)
	for y := range h {
		row := m.Row(y)
		for x := range w {
			g := 240 - y%200
			if (x/9+y/7)%2 == 0 {
				g = (x*5 + y*y/29) % 256
			}
			b := (x*2 + y*2) % 256
			if (x+2*y)%31 < 4 {
				b = 15
			}
			row[3*x], row[3*x+1], row[3*x+2] = uint8((x*x/37+y*3)%256), uint8(g), uint8(b)
		}
	}
	return m
}

// What PyTorch made of the same weights when they were exported: within one level, and
// the same ids. The rest differs where a sum, taken in another order, falls on the other
// side of a rounding or of the border between two codewords.
func TestAgreesWithPyTorch(t *testing.T) {
	needRuntime(t)
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		W, H    int
		Torch   string
		Samples string
		Codes   []int32
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != len(models(t)) {
		t.Errorf("%d networks are compared of %d", len(cases), len(models(t)))
	}
	for _, c := range cases {
		i := slices.IndexFunc(models(t), func(m Model) bool { return m.Name == c.Name })
		if i < 0 {
			t.Fatalf("there is no network %s", c.Name)
		}
		m := models(t)[i]
		tok, err := Open(m.Rule, m.Stride)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tok.Reconstruct(t.Context(), []pix.Image{testImage(c.W, c.H)})
		if err := errors.Join(err, tok.(io.Closer).Close()); err != nil {
			t.Fatal(err)
		}
		want, err := base64.StdEncoding.DecodeString(c.Samples)
		if err != nil {
			t.Fatal(err)
		}
		far := 0
		for k, v := range want {
			if d := int(v) - int(got[0].Image.Pix[7*k]); d < -1 || d > 1 {
				far++
			}
		}
		if len(want) < 10000 || 1000*far > len(want) {
			t.Errorf("%s: %d of %d samples are more than one level away from PyTorch %s", c.Name, far, len(want), c.Torch)
		}
		var ids []int32
		if got[0].Codes != nil {
			for _, b := range got[0].Codes.Books {
				ids = append(ids, b.IDs...)
			}
		}
		other := 0
		for k := range min(len(ids), len(c.Codes)) {
			if ids[k] != c.Codes[k] {
				other++
			}
		}
		if len(ids) != len(c.Codes) || 1000*other > len(ids) {
			t.Errorf("%s: %d of %d ids differ from PyTorch's %d", c.Name, other, len(ids), len(c.Codes))
		}
	}
}

// A codeword's nearest one is at the least distance.
func TestNeighbours(t *testing.T) {
	needRuntime(t)
	tok, err := Open("rvq", 8)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tok.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	}()
	n := tok.(tokenizers.Neighbourer)
	for book, k := range tok.Info().Codebooks {
		near, err := n.Nearest(book)
		if err != nil || len(near) != k {
			t.Fatalf("book %d: %d nearest codes of %d, %v", book, len(near), k, err)
		}
		for _, a := range []int32{0, int32(k / 2), int32(k - 1)} {
			least, err := n.Distance(book, a, near[a])
			if err != nil || near[a] == a {
				t.Fatalf("book %d: nearest to %d is %d, %v", book, a, near[a], err)
			}
			for b := range int32(k) {
				if d, err := n.Distance(book, a, b); err != nil || b != a && d < least {
					t.Errorf("book %d: %d is %g from %d, nearer than its nearest at %g, %v", book, b, d, a, least, err)
				}
			}
		}
	}
	if _, err := n.Nearest(9); err == nil {
		t.Error("book 9 has neighbours")
	}
	if _, err := n.Distance(0, 0, 1<<20); err == nil {
		t.Error("a code beyond the book has a distance")
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open("fsq", 16); err == nil || !strings.Contains(err.Error(), "vq-f16") {
		t.Errorf("a network that does not ship: %v", err)
	}
	m := models(t)[0]
	m.Files = map[string]string{m.Name + ".decoder.onnx": strings.Repeat("0", 64)}
	if _, err := m.read(m.Name + ".decoder.onnx"); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a file of another digest: %v", err)
	}
	w := models(t)[1]
	w.Codebooks = []int{1 << 20}
	if _, err := w.codewords(); err == nil || !strings.Contains(err.Error(), "ends before") {
		t.Errorf("too few codewords: %v", err)
	}
}

// One image of 256×256 through every network, on one thread: the processor's time, which
// tells more than a clock where other things run too, and the most memory that the process
// had. So every network needs a process of its own; docs/neural.md has the command.
func BenchmarkReconstruct(b *testing.B) {
	needRuntime(b)
	img := testImage(256, 256)
	for _, m := range models(b) {
		b.Run(m.Name, func(b *testing.B) {
			tok, err := Open(m.Rule, m.Stride)
			if err != nil {
				b.Fatal(err)
			}
			reconstruct := func() {
				if _, err := tok.Reconstruct(b.Context(), []pix.Image{img}); err != nil {
					b.Fatal(err)
				}
			}
			reconstruct() // what is made once is no part of it
			b.SetBytes(int64(len(img.Pix)))
			began, n := cpuTime(b), 0
			for b.Loop() {
				reconstruct()
				n++
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(n)/1e6, "cpu-ms/op")
			b.ReportMetric(float64(memory.Peak())/1e6, "peak-MB")
			if err := tok.(io.Closer).Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// cpuTime is the processor time of this process so far.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
