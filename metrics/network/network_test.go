package network_test

import (
	"context"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/network"
	"github.com/vtbench/vtbench/pix"
)

func needsRuntime(t *testing.T) {
	t.Helper()
	_, err := ort.Find("")
	testenv.Need(t, err)
}

func kind(t *testing.T, id string) metrics.Kind {
	t.Helper()
	for _, k := range network.Kinds() {
		if k.Specs[0].ID == id {
			return k
		}
	}
	t.Fatalf("no metric %s", id)
	return metrics.Kind{}
}

func images() (ref, got pix.Image) {
	ref, got = pix.New(40, 33), pix.New(40, 33)
	for i := range ref.Pix {
		ref.Pix[i], got.Pix[i] = uint8(i*7), uint8(i*7)/2
	}
	return ref, got
}

// The graph is the mean squared difference of what it is fed, so the result tells
// the range: [-1,1] doubles differences, [0,1] does not.
func TestPreprocessing(t *testing.T) {
	needsRuntime(t)
	ref, got := images()
	mse := 0.0
	for i := range ref.Pix {
		d := float64(ref.Pix[i]) - float64(got.Pix[i])
		mse += d * d
	}
	mse /= float64(len(ref.Pix))
	for id, scale := range map[string]float64{"lpips-alex": 2, "lpips-vgg": 2, "dists": 1} {
		m, err := kind(t, id).Open(t.Context(), metrics.Config{Options: map[string]string{id + ".model": "testdata/pair.onnx"}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.Prepare(t.Context(), metrics.Reference{Image: ref})
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.Score(t.Context(), got)
		if err != nil {
			t.Fatal(err)
		}
		want := mse * scale * scale / (255 * 255)
		if len(v) != 1 || math.Abs(v[0].Value-want) > 1e-5*want {
			t.Errorf("%s: %+v, want %v", id, v, want)
		}
		if _, err := s.Score(t.Context(), pix.New(41, 33)); err == nil {
			t.Errorf("%s: sizes that differ were scored", id)
		}
		if _, err := m.Prepare(t.Context(), metrics.Reference{Image: pix.New(8, 8)}); err == nil || !strings.Contains(err.Error(), "8×8") {
			t.Errorf("%s: a tiny image: %v", id, err)
		}
		if p := m.(metrics.Provenance).Provenance(); !strings.HasPrefix(p[id+".model"], "sha256:") || !strings.HasPrefix(p[id+".engine"], "ONNX Runtime 1.") {
			t.Errorf("%s: provenance %v", id, p)
		}
		if err := m.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Score(t.Context(), got); err == nil {
			t.Errorf("%s: scored after Close", id)
		}
	}
}

func TestMissingAndWrongModels(t *testing.T) {
	open := func(opts map[string]string) error {
		_, err := kind(t, "lpips-alex").Open(context.Background(), metrics.Config{Options: opts})
		return err
	}
	var need *missing.Error
	for _, opts := range []map[string]string{nil, {"lpips-alex.model": filepath.Join(t.TempDir(), "absent.onnx")}} {
		if err := open(opts); !errors.As(err, &need) || !strings.Contains(err.Error(), "export.py") {
			t.Errorf("%v: error %v, want one that says how to get the model", opts, err)
		}
	}
	if err := open(map[string]string{"lpips-alex.model": "testdata/pair.onnx", "lpips-alex.sha256": "00"}); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("a wrong checksum: %v", err)
	}
	needsRuntime(t)
	if err := open(map[string]string{"lpips-alex.model": "testdata/mean.onnx"}); err == nil || !strings.Contains(err.Error(), "want two images") {
		t.Errorf("a graph of one image: %v", err)
	}
	if err := open(map[string]string{"lpips-alex.model": "testdata/make_graphs.py"}); err == nil || !strings.Contains(err.Error(), "make_graphs.py") {
		t.Errorf("no graph at all: %v", err)
	}
}

func TestExtractor(t *testing.T) {
	needsRuntime(t)
	m := pix.New(4, 2)
	for i := 0; i < len(m.Pix); i += 3 {
		m.Pix[i], m.Pix[i+1], m.Pix[i+2] = 255, 51, 0
	}
	for _, tc := range []struct {
		opts map[string]string
		want [3]float32
	}{
		{map[string]string{}, [3]float32{1, .2, 0}},
		{map[string]string{"feature.range": "-1..1", "feature.side": "8"}, [3]float32{1, -.6, -1}},
		{map[string]string{"feature.range": "0..255"}, [3]float32{255, 51, 0}},
		{map[string]string{"feature.mean": "0.5:0.2:0", "feature.std": "0.5:1:2"}, [3]float32{1, 0, 0}},
	} {
		tc.opts["feature.model"] = "testdata/mean.onnx"
		e, err := network.OpenExtractor(tc.opts, "a set")
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Features(t.Context(), []pix.Image{m, m})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range got {
			if len(f) != 3 {
				t.Fatalf("%d features", len(f))
			}
			for i := range f {
				if math.Abs(float64(f[i]-tc.want[i])) > 1e-5*255 {
					t.Errorf("%v: features %v, want %v", tc.opts, f, tc.want)
				}
			}
		}
		if p := e.Provenance(); p.Reference != "a set" || p.Weights == "" || p.Layer != "out" || !strings.HasPrefix(p.Engine, "ONNX Runtime 1.") {
			t.Errorf("provenance %+v", p)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, opts := range []map[string]string{
		{"feature.range": "0..2"}, {"feature.side": "-1"}, {"feature.std": "1:0:1"}, {"feature.mean": "1:2"}, {},
	} {
		if _, err := network.OpenExtractor(opts, ""); err == nil {
			t.Errorf("%v was opened", opts)
		}
	}
}
