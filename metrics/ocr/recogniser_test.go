package ocr

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// some are samples of several widths, clean and hardly legible.
func some(t testing.TB) []sample {
	clean := corpus(t, 22, 1)[:16]
	return append(append(clean, seen(t, clean, 256, 0)...), damaged(t, clean, .2, 20)...)
}

// What is read of a crop depends on the crop alone: not on what is read at the same time,
// before or after.
func TestAReadingDoesNotDependOnNeighbours(t *testing.T) {
	testenv.Sequential(t)
	r := openFor(t, EnginePPOCR, nil)
	in := some(t)
	alone := make([]string, len(in))
	for i, s := range in {
		var err error
		if alone[i], err = r.ReadBox(t.Context(), s.img, s.box); err != nil {
			t.Fatal(err)
		}
	}
	if exact, _ := tally(in[:16], alone[:16]); exact < .8 {
		t.Errorf("%.0f %% of clean words read exactly", 100*exact)
	}
	together := make([]string, len(in))
	var wg sync.WaitGroup
	for i, s := range in {
		wg.Go(func() {
			text, err := r.ReadBox(t.Context(), s.img, s.box)
			if err != nil {
				t.Error(err)
			}
			together[i] = text
		})
	}
	wg.Wait()
	if d := cmp.Diff(alone, together); d != "" {
		t.Errorf("read alone (-) and all at once (+):\n%s", d)
	}
}

// A batch of the network gives what each crop gives alone, as far as texts go, since
// crops of a batch have one bucket of widths whatever the others are; its scores differ
// in the last bits, which is why crops are not batched.
func TestAloneAgainstBatched(t *testing.T) {
	testenv.Sequential(t)
	r := openFor(t, EnginePPOCR, nil).(*recogniser)
	buckets := map[int][][]float32{}
	for _, s := range some(t) {
		at, err := r.region(s.img, s.box)
		if err != nil {
			t.Fatal(err)
		}
		data, w := r.layout.input(s.img.Crop(at))
		if w%r.layout.step != 0 {
			t.Fatalf("an input is %d wide", w)
		}
		buckets[w] = append(buckets[w], data)
	}
	compared := 0
	for w, inputs := range buckets {
		if len(inputs) < 2 {
			continue
		}
		var batch []float32
		var alone []string
		for _, data := range inputs {
			batch = append(batch, data...)
			alone = append(alone, decoded(t, r, data, 1, w)...)
		}
		compared += len(inputs)
		if d := cmp.Diff(alone, decoded(t, r, batch, len(inputs), w)); d != "" {
			t.Errorf("%d wide, alone (-) and in a batch of %d (+):\n%s", w, len(inputs), d)
		}
	}
	if compared < 20 {
		t.Errorf("only %d crops were in a batch", compared)
	}
}

// decoded runs the network on several inputs of one width at once.
func decoded(t testing.TB, r *recogniser, data []float32, n, w int) (texts []string) {
	t.Helper()
	err := r.net.Run([]int64{int64(n), 3, int64(r.layout.height), int64(w)}, data, func(out []ort.Output) error {
		each := len(out[0].Data) / n
		for i := range n {
			text, err := r.decode(ort.Output{Shape: []int64{1, out[0].Shape[1], out[0].Shape[2]}, Data: out[0].Data[i*each : (i+1)*each]})
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestDecode(t *testing.T) {
	scores := func(classes int, best ...int) ort.Output {
		o := ort.Output{Shape: []int64{1, int64(len(best)), int64(classes)}, Data: make([]float32, classes*len(best))}
		for step, c := range best {
			o.Data[step*classes+c] = 1
		}
		return o
	}
	for _, tt := range []struct {
		name string
		l    layout
		out  ort.Output
		want string
	}{
		{"CTC merges repeats, and a blank parts them", layout{decode: decodeCTC, special: "first"}, scores(4, 0, 1, 1, 0, 1, 2, 2, 0), "aab"},
		{"CTC with the blank last", layout{decode: decodeCTC, special: "last"}, scores(4, 3, 0, 0, 3, 0, 1), "aab"},
		{"repeats are letters where steps are", layout{decode: decodeAutoregressive, special: "first"}, scores(4, 1, 1, 3, 0, 2), "aac"},
		{"the end token last", layout{decode: decodeAutoregressive, special: "last"}, scores(4, 0, 2, 3, 1), "ac"},
		{"without an end", layout{decode: decodeAutoregressive, special: "last"}, scores(4, 0, 2), "ac"},
	} {
		r := &recogniser{layout: tt.l, chars: []string{"a", "b", "c"}, net: new(ort.Network)}
		if got, err := r.decode(tt.out); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
		if _, err := r.decode(scores(5, 1)); err == nil {
			t.Errorf("%s: five classes for three characters are accepted", tt.name)
		}
	}
}

// What a network is given, by hand: order of channels, mean and deviation, where the
// padding is.
func TestInput(t *testing.T) {
	m := pix.New(4, 2)
	for i := range m.Pix {
		m.Pix[i] = []uint8{255, 0, 51}[i%3]
	}
	l := layout{height: 2, width: 6, channels: "bgr", mean: []float32{.5, .5, .5}, sdev: []float32{.5, .5, .25}, pad: 0}
	got, w := l.input(m)
	var want []float32
	for _, inside := range []float32{-.6, -1, 2} { // .2, 0, 1
		outside := float32(-1)
		if inside == 2 {
			outside = -2
		}
		for range 2 {
			want = append(want, inside, inside, inside, inside, outside, outside)
		}
	}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b float32) bool { return a-b < 1e-6 && b-a < 1e-6 })); w != 6 || d != "" {
		t.Errorf("%d wide (-want +got):\n%s", w, d)
	}
	// A crop too long for its width is as wide as there is room, and lower.
	l = layout{height: 4, width: 8, channels: "gray", mean: []float32{0}, sdev: []float32{1}, pad: 0}
	white := pix.New(40, 10)
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	got, _ = l.input(white)
	for y := range 4 {
		for x := range 8 {
			want := float32(0)
			if y < 2 {
				want = 1
			}
			if v := got[y*8+x]; v-want > 1e-6 || want-v > 1e-6 {
				t.Errorf("(%d, %d) is %g, want %g", x, y, v, want)
			}
		}
	}
	l.stretch = true
	if got, _ = l.input(white); got[3*8+7] < .999 {
		t.Error("a stretched crop leaves the corner free")
	}
	// Any width: the least multiple that holds the crop.
	l = layout{height: 8, step: 32, channels: "gray", mean: []float32{0}, sdev: []float32{1}}
	for _, tt := range []struct{ w, want int }{{1, 32}, {40, 32}, {41, 64}, {100000, widest}} {
		m := pix.New(tt.w, 10)
		if _, w := l.input(m); w != tt.want {
			t.Errorf("a crop of %d×10 is %d wide, want %d", tt.w, w, tt.want)
		}
	}
}

// PP-OCR's network, described as a user would describe his own, reads as PP-OCR does.
func TestOwnRecogniser(t *testing.T) {
	b, _, err := asset(ppocrRecogniser)
	testenv.Need(t, err)
	dir := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("rec.onnx", b)
	known := openFor(t, EnginePPOCR, nil).(*recogniser)
	write("chars.txt", []byte(strings.Join(known.chars, "\n")+"\n"))
	yaml := fmt.Sprintf("file: rec.onnx\nsha256: %s\ndecode: ctc\nheight: 48\nchannels: bgr\nmean: [.5, .5, .5]\nstd: [.5, .5, .5]\npad: .5\ncharset_file: chars.txt\nmargin: [%g, %g]\n",
		digestOf(b), ppocr.padX, ppocr.padY)
	path := filepath.Join(dir, "rec.yaml")
	write("rec.yaml", []byte(yaml))
	own := openFor(t, EngineOwn, map[string]string{OptionRecogniser: path})
	c := newCanvas(300, 80, color.White)
	box := c.word(t, goregular.TTF, 30, color.Black, 20, 20, "Hamburg 7")
	for _, r := range []reader{known, own} {
		got, err := r.ReadBox(t.Context(), c.pix(), box)
		if err != nil || got != "Hamburg 7" {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if p := own.Provenance()["ocr.own"]; !strings.HasPrefix(p, "rec.onnx sha256:"+digestOf(b)) {
		t.Errorf("the provenance says %q", p)
	}

	for name, tt := range map[string]struct{ old, new, want string }{
		"digest":       {digestOf(b), strings.Repeat("0", 64), "it is another file"},
		"no digest":    {"sha256: " + digestOf(b), "", "sha256 is missing; write sha256: " + digestOf(b)},
		"decode":       {"decode: ctc", "decode: ctx", `did you mean "ctc"`},
		"unknown key":  {"pad: .5", "pads: .5", "pads"},
		"height":       {"height: 48", "height: 32", "the description says"},
		"characters":   {"chars.txt", "few.txt", "a class for each of the 2 characters"},
		"no charset":   {"charset_file: chars.txt\n", "", "0 of charset"},
		"two charsets": {"pad: .5", "charset: abc", "2 of charset"},
		"mean":         {"mean: [.5, .5, .5]", "mean: [.5]", "one for each of the 3 channels"},
		"std":          {"std: [.5, .5, .5]", "std: [.5, 0, .5]", "above 0"},
		"elsewhere":    {"file: rec.onnx", "file: ../rec.onnx", "beside this one"},
		"missing":      {"file: rec.onnx", "file: none.onnx", "none.onnx is missing"},
		"margin":       {"margin: [", "margin: [-1, ", "margin"},
	} {
		write("few.txt", []byte("a\nb"))
		write("100%d.yaml", []byte(strings.Replace(yaml, tt.old, tt.new, 1)))
		_, err := Kind().Open(t.Context(), metrics.Config{Options: map[string]string{OptionEngine: EngineOwn, OptionRecogniser: filepath.Join(dir, "100%d.yaml")}})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: %v, want an error that says %q", name, err, tt.want)
		}
	}
}

func TestEngineOptions(t *testing.T) {
	for _, tt := range []struct {
		key, value, want string
	}{
		{OptionEngine, "tesseact", `did you mean "tesseract"`},
		{OptionEngine, "ppocr,ppocr", "twice"},
		{OptionEngine, "own", "belong together"},
		{OptionRecogniser, "x.yaml", "belong together"},
		{OptionByTag, "ko:tesseract", "want TAG=ENGINE"},
		{OptionByTag, "ko=tessract", `did you mean "tesseract"`},
		{OptionByTag, "ko=ppocr:kor", "only tesseract takes a language"},
		{OptionByTag, "ko=ppocr,ko=tesseract", "twice"},
		{OptionDetect, "tesseract", "want none or ppocr"},
	} {
		_, err := Kind().Open(t.Context(), metrics.Config{Options: map[string]string{tt.key: tt.value}})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: error %v, want one that says %q", tt.key, tt.value, err, tt.want)
		}
	}
}

// Engines stand side by side: each with what it could read in the original, and under
// names of its own.
func TestEnginesSideBySide(t *testing.T) {
	options := map[string]string{OptionEngine: "tesseract, ppocr"}
	wanted := append([]string{idPage}, ofWords...)
	more, err := Kind().Beside(wanted, options)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"t-acc-ppocr", "t-ned-ppocr", "cer-ppocr", "page-ned-ppocr"}, more); d != "" {
		t.Errorf("metrics beside (-want +got):\n%s", d)
	}
	wanted = append(wanted, more...)
	m, err := Kind().Open(t.Context(), metrics.Config{Workers: 2, Options: options, Wanted: wanted})
	testenv.Need(t, err)
	defer m.(*metric).Close() //nolint:errcheck // nothing to lose
	have := map[string]bool{}
	for _, s := range m.Specs() {
		have[s.ID] = true
	}
	for _, id := range wanted {
		if !have[id] {
			t.Errorf("the metric does not say that it yields %s", id)
		}
	}
	img, instances := sign(t)
	ref := metrics.Reference{Item: "sign", Image: img, Instances: instances}
	damaged := img.Clone()
	for y := 40; y < 52; y++ {
		clear(damaged.Row(y))
	}
	for _, got := range []pix.Image{img, damaged} {
		values := score(t, m, ref, got)
		if n := 2*5 + 2*3 + 2; len(values) != n {
			t.Errorf("%d values, want %d", len(values), n)
		}
		drop := metrics.DropUnreadable
		if got.Same(img) {
			drop = ""
			for _, id := range []string{"t-acc", "t-acc-ppocr"} {
				if v := find(t, values, id, "a"); v.Value != 1 {
					t.Errorf("%s of a clean word is %g", id, v.Value)
				}
			}
			if v := find(t, values, "page-ned", ""); v.Value < .5 || v.Value >= 1 {
				t.Errorf("the page scores %g: its second label is another word", v.Value)
			}
		}
		for _, id := range []string{"t-acc", "t-acc-ppocr", "cer-ppocr"} {
			if v := find(t, values, id, "b"); v.Drop != drop {
				t.Errorf("%s of a word that cannot be read: drop %q, want %q", id, v.Drop, drop)
			}
		}
	}
	p := m.(metrics.Provenance).Provenance()
	if p[OptionEngine] != "tesseract,ppocr" || !strings.Contains(p["ocr.ppocr"], "sha256:") || p["tesseract"] == "" {
		t.Errorf("provenance: %v", p)
	}
}

// The provenance of a run with Tesseract alone is what it was before there were other
// engines: such runs can be compared with older ones.
func TestProvenanceOfTesseractAlone(t *testing.T) {
	p := testMetric(t, nil).(metrics.Provenance).Provenance()
	for _, key := range []string{OptionEngine, OptionByTag, OptionDetect} {
		if v, ok := p[key]; ok {
			t.Errorf("it has %s: %q", key, v)
		}
	}
}

// Instances of a tag are read by the engine of the tag.
func TestByTag(t *testing.T) {
	m, err := Kind().Open(t.Context(), metrics.Config{
		Workers: 1, Wanted: []string{idNED},
		Options: map[string]string{OptionByTag: "other=ppocr"},
	})
	testenv.Need(t, err)
	defer m.(*metric).Close() //nolint:errcheck // nothing to lose
	e := m.(*metric).readers.eyes[0]
	if _, ok := e.of([]string{"x", "other"}).(*recogniser); !ok {
		t.Error("the tag is not heeded")
	}
	if _, ok := e.of([]string{"x"}).(*Pool); !ok {
		t.Error("what has no such tag is not read by the first engine")
	}
	if p := m.(metrics.Provenance).Provenance(); p[OptionByTag] != "other=ppocr" || p["ocr.ppocr"] == "" {
		t.Errorf("provenance: %v", p)
	}
}

func TestClosedRecogniser(t *testing.T) {
	r := openFor(t, EnginePPOCR, nil).(*recogniser)
	s := some(t)[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	if _, err := r.ReadBox(ctx, s.img, s.box); err == nil {
		t.Error("a caller that gave up was served")
	}
	for range cap(r.slots) {
		<-r.slots
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadBox(t.Context(), s.img, s.box); err != ErrClosed { //nolint:errorlint // the sentinel itself is promised
		t.Errorf("a closed engine says %v", err)
	}
}

func TestReadingOrder(t *testing.T) {
	line := func(x, y, w int) image.Rectangle { return image.Rect(x, y, x+w, y+20) }
	for _, tt := range []struct {
		name string
		want []image.Rectangle
	}{
		{"a paragraph", []image.Rectangle{line(10, 10, 400), line(10, 40, 390), line(10, 70, 120)}},
		{"two columns below a heading, above a footnote", []image.Rectangle{
			line(10, 10, 700),
			line(10, 60, 330), line(10, 90, 320), line(10, 120, 300), line(10, 150, 90),
			line(380, 61, 330), line(380, 91, 330), line(380, 121, 200),
			line(10, 300, 700),
		}},
		{"a table, row by row", []image.Rectangle{
			line(10, 10, 100), line(200, 10, 60), line(400, 10, 60),
			line(10, 40, 80), line(200, 40, 60), line(400, 40, 50),
			line(10, 70, 80), line(200, 70, 60), line(400, 70, 50),
		}},
		{"a form, field by field", []image.Rectangle{
			line(10, 10, 80), line(200, 10, 300), line(10, 40, 60), line(200, 40, 250), line(10, 70, 70), line(200, 70, 260),
		}},
	} {
		got := append([]image.Rectangle{}, tt.want...)
		for i := range got { // any order
			j := (i*7 + 3) % len(got)
			got[i], got[j] = got[j], got[i]
		}
		if d := cmp.Diff(tt.want, readingOrder(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

// A page whose lines are not known is read by looking for them; without that it is an
// error, not a zero.
func TestPagesWithoutBoxes(t *testing.T) {
	testenv.Sequential(t)
	c := newCanvas(760, 200, color.White)
	c.word(t, goregular.TTF, 28, color.Black, 20, 20, "The first line of a page")
	c.word(t, goregular.TTF, 28, color.Black, 20, 80, "and the second one 2024")
	ref := metrics.Reference{Item: "page", Image: c.pix(), Instances: []datasets.Instance{{
		ID: "all", Box: boundsOf(c.pix()), Text: "The first line of a page\nand the second one 2024", Tags: []string{datasets.TagPage},
	}}}
	wanted := []string{idExact, idPage, idPageCER, idPageKept}
	for _, detect := range []string{"none", EnginePPOCR} {
		m, err := Kind().Open(t.Context(), metrics.Config{Workers: 2, Wanted: wanted, Options: map[string]string{OptionEngine: EnginePPOCR, OptionDetect: detect}})
		testenv.Need(t, err)
		values := score(t, m, ref, c.pix())
		if err := m.(*metric).Close(); err != nil {
			t.Error(err)
		}
		ned, kept := find(t, values, idPage, ""), find(t, values, idPageKept, "")
		if len(values) != 3 {
			t.Errorf("%d values: %+v", len(values), values)
		}
		if detect == "none" {
			if !strings.Contains(ned.Err, OptionDetect) || !strings.Contains(kept.Err, OptionDetect) {
				t.Errorf("without boxes: %+v, %+v", ned, kept)
			}
			continue
		}
		if ned.Value < .95 || kept.Value != 1 || ned.Err != "" {
			t.Errorf("with lines found: %+v, %+v", ned, kept)
		}
		found := false
		for _, s := range m.Specs() {
			found = found || s.ID == idPage && strings.Contains(s.Title, "lines found")
		}
		if !found {
			t.Error("the title of the metric does not say that lines were looked for")
		}
	}
}
