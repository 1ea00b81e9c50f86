package ocr

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/image/font/gofont/goregular"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// ofWords are the values that the suite of text asks for.
var ofWords = []string{idExact, idNED, idCER, idWER, idRelaxed}

func testMetric(t testing.TB, options map[string]string) metrics.Metric {
	t.Helper()
	m, err := Kind().Open(context.Background(), metrics.Config{Workers: 2, Options: options, Wanted: ofWords})
	testenv.Need(t, err)
	t.Cleanup(func() {
		if err := m.(*metric).Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// sign is an image of three words: one labelled rightly, one labelled with
// something else than it shows, one that is don't-care.
func sign(t testing.TB) (pix.Image, []datasets.Instance) {
	c := newCanvas(700, 200, color.White)
	street := c.word(t, goregular.TTF, 40, color.Black, 40, 40, "Street")
	bridge := c.word(t, goregular.TTF, 40, color.Black, 300, 40, "Bridge")
	other := c.word(t, goregular.TTF, 40, color.Black, 40, 130, "nobody")
	return c.pix(), []datasets.Instance{
		{ID: "a", Box: street, Text: "Street"},
		{ID: "b", Box: bridge, Text: "Tunnel"}, // no reader can read that here
		{ID: "c", Box: other, Text: "###", Ignore: true},
	}
}

// find returns the value of a metric on an instance.
func find(t testing.TB, values []metrics.Value, id, instance string) metrics.Value {
	t.Helper()
	for _, v := range values {
		if v.Metric == id && v.Instance == instance {
			return v
		}
	}
	t.Fatalf("no %s of %s in %v", id, instance, values)
	return metrics.Value{}
}

func score(t testing.TB, m metrics.Metric, ref metrics.Reference, got pix.Image) []metrics.Value {
	t.Helper()
	s, err := m.Prepare(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Score(context.Background(), got)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestScoreOfTheOriginalDropsNothing(t *testing.T) {
	m := testMetric(t, nil)
	img, instances := sign(t)
	got := score(t, m, metrics.Reference{Item: "sign", Image: img, Instances: instances}, img)
	want := []metrics.Value{
		{Metric: "t-acc", Instance: "a", Value: 1},
		{Metric: "t-ned", Instance: "a", Value: 1, Detail: "Street"},
		{Metric: "cer", Instance: "a", N: 6},
		{Metric: "wer", Instance: "a", N: 1},
		{Metric: "t-acc-relaxed", Instance: "a", Value: 1},
		{Metric: "t-acc", Instance: "b"},
		{Metric: "t-ned", Instance: "b", Detail: "Bridge"},
		{Metric: "cer", Instance: "b", Value: 1, N: 6},
		{Metric: "wer", Instance: "b", Value: 1, N: 1},
		{Metric: "t-acc-relaxed", Instance: "b"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("values (-want +got):\n%s", d)
	}
}

func TestUnreadableInstancesAreDroppedButMeasured(t *testing.T) {
	img, instances := sign(t)
	ref := metrics.Reference{Item: "sign", Image: img, Instances: instances}
	damaged := img.Clone()
	for y := 40; y < 60; y++ { // the upper half of both words
		clear(damaged.Row(y))
	}
	for _, tt := range []struct {
		readableOnly string
		drop         string
	}{{"", metrics.DropUnreadable}, {"true", metrics.DropUnreadable}, {"false", ""}} {
		options := map[string]string{}
		if tt.readableOnly != "" {
			options[OptionReadableOnly] = tt.readableOnly
		}
		values := score(t, testMetric(t, options), ref, damaged)
		if len(values) != 10 {
			t.Fatalf("%q: %d values, want five of two instances", tt.readableOnly, len(values))
		}
		for _, v := range values {
			want := ""
			if v.Instance == "b" {
				want = tt.drop
			}
			if v.Drop != want || v.Err != "" {
				t.Errorf("%q: %s of %s: drop %q, error %q; want drop %q", tt.readableOnly, v.Metric, v.Instance, v.Drop, v.Err, want)
			}
		}
		if v := find(t, values, "t-ned", "a"); v.Value >= 1 || v.Detail == "Street" {
			t.Errorf("half a word scores %v, read as %q", v.Value, v.Detail)
		}
	}
}

func TestUndefinedAndDegenerateInstances(t *testing.T) {
	img, _ := sign(t)
	instances := []datasets.Instance{
		{ID: "empty label", Box: image.Rect(400, 120, 500, 180)},
		{ID: "punctuation", Box: image.Rect(400, 120, 500, 180), Text: "!?"},
		{ID: "outside", Box: image.Rect(800, 10, 900, 40), Text: "x"},
		{ID: "no height", Box: image.Rect(10, 10, 90, 10), Text: "x"},
		{ID: "one pixel wide", Box: image.Rect(10, 10, 11, 60), Text: "x"},
		{ID: "huge", Box: image.Rect(math.MinInt, math.MinInt, math.MaxInt, math.MaxInt), Text: "x"},
	}
	m := testMetric(t, map[string]string{OptionReadableOnly: "false"})
	values := score(t, m, metrics.Reference{Item: "sign", Image: img, Instances: instances}, img)

	for _, id := range []string{"cer", "wer", "t-acc-relaxed"} {
		if v := find(t, values, id, "empty label"); v.Drop != metrics.DropUndefined || !math.IsNaN(v.Value) {
			t.Errorf("%s of an empty label is %v, drop %q", id, v.Value, v.Drop)
		}
	}
	if v := find(t, values, "t-acc", "empty label"); v.Value != 1 || v.Drop != "" {
		t.Errorf("nothing read where nothing is written scores %v, drop %q", v.Value, v.Drop)
	}
	if v := find(t, values, "t-acc-relaxed", "punctuation"); v.Drop != metrics.DropUndefined {
		t.Errorf("relaxed accuracy of punctuation: drop %q", v.Drop)
	}
	for _, id := range []string{"outside", "no height", "one pixel wide"} {
		for _, metric := range ofWords {
			if v := find(t, values, metric, id); !strings.Contains(v.Err, id) || !strings.Contains(v.Err, "box") {
				t.Errorf("%s of %q: error %q names neither instance nor box", metric, id, v.Err)
			}
		}
	}
	if v := find(t, values, "t-acc", "huge"); v.Err != "" {
		t.Errorf("a box beyond the image is not clipped to it: %s", v.Err)
	}
}

func TestFacesAreNotRead(t *testing.T) {
	img, _ := sign(t)
	faces := []datasets.Instance{
		{ID: "known", Box: image.Rect(400, 120, 500, 180), Identity: "somebody"},
		{ID: "annotated", Box: image.Rect(400, 120, 500, 180), Points: make([]datasets.Point, 5)},
	}
	m := testMetric(t, nil)
	if values := score(t, m, metrics.Reference{Item: "crowd", Image: img, Instances: faces}, img); len(values) != 0 {
		t.Errorf("faces were read: %+v", values)
	}
}

func TestReferenceIsReadOnce(t *testing.T) {
	m := testMetric(t, nil).(*metric)
	img, instances := sign(t)
	s, err := m.Prepare(context.Background(), metrics.Reference{Item: "sign", Image: img, Instances: instances})
	if err != nil {
		t.Fatal(err)
	}
	sc := s.(*scorer).views[0]
	if sc.original != nil {
		t.Error("Prepare has read the reference before anyone asked")
	}
	// A caller that gives up leaves the work to the next.
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Score(gone, img.Clone()); !errors.Is(err, context.Canceled) {
		t.Errorf("scoring without a context gives %v", err)
	}
	done := make(chan *sight)
	for range 8 {
		go func() {
			if _, err := s.Score(context.Background(), img.Clone()); err != nil {
				t.Error(err)
			}
			done <- sc.original
		}()
	}
	first := <-done
	for range 7 {
		if other := <-done; other != first {
			t.Error("the reference was read more than once")
		}
	}
}

func TestScoreRefusesWrongSizes(t *testing.T) {
	m := testMetric(t, nil)
	img, instances := sign(t)
	s, err := m.Prepare(context.Background(), metrics.Reference{Item: "sign", Image: img, Instances: instances})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []pix.Image{{}, pix.New(10, 10), {W: 700, H: 200, Pix: make([]uint8, 5)}} {
		if v, err := s.Score(context.Background(), bad); err == nil || !strings.Contains(err.Error(), "sign") {
			t.Errorf("%d×%d: values %v, error %v", bad.W, bad.H, v, err)
		}
	}
	if _, err := m.Prepare(context.Background(), metrics.Reference{Item: "nothing"}); err == nil {
		t.Error("an empty reference is accepted")
	}
}

func TestOptions(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"ocr.langs", "eng", `did you mean "ocr.lang"`},
		{OptionReadableOnly, "perhaps", "neither true nor false"},
		{OptionLang, "../../etc/passwd", "not a language name"},
		{OptionLang, "eng+", "not a language name"},
	} {
		_, err := Kind().Open(context.Background(), metrics.Config{Options: map[string]string{tt.key: tt.value}})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%s: error %v, want one that says %q", tt.key, tt.value, err, tt.want)
		}
	}
}

func TestSpecsMatchValues(t *testing.T) {
	m := &metric{wanted: map[string]bool{idGrapheme: true}}
	var want []string
	for _, s := range ownSpecs() {
		if s.Scope == metrics.PerInstance {
			want = append(want, s.ID)
		}
	}
	for _, r := range []reading{{text: "x"}, {err: errors.New("no")}} {
		var got []string
		for _, v := range m.values(datasets.Instance{ID: "1", Text: "x", Tags: []string{datasets.TagCell}}, r, false) {
			got = append(got, v.Metric)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("values do not follow Specs (-specs +values):\n%s", d)
		}
	}
}

func TestProvenance(t *testing.T) {
	p := testMetric(t, nil).(metrics.Provenance).Provenance()
	for _, key := range []string{"tesseract", "ocr.lang", "ocr.traineddata.eng", "ocr.segmentation", "ocr.height", "ocr.readable_only"} {
		if p[key] == "" {
			t.Errorf("provenance lacks %s: %v", key, p)
		}
	}
	if d := p["ocr.traineddata.eng"]; len(d) != len("sha256:")+64 {
		t.Errorf("digest of the language data is %q", d)
	}
}
