package onnx

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// folder copies graphs into a folder of its own and writes sidecars beside them.
func folder(t testing.TB, graphs string, sidecars map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for g := range strings.FieldsSeq(graphs) {
		data, err := os.ReadFile(filepath.Join("testdata", g))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, g), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range sidecars {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// openIn opens a spec whose files are in dir.
func openIn(ctx context.Context, dir string, opts map[string]string) (tokenizers.Tokenizer, error) {
	given := map[string]string{}
	for k, v := range opts {
		if k == "model" || k == "encoder" || k == "decoder" || k == "config" {
			v = filepath.Join(dir, v)
		}
		given[k] = v
	}
	k, o, err := tokenizers.Resolve(tokenizers.Spec{Name: "t", Kind: "onnx", Opts: given}, []tokenizers.Kind{Kind()})
	if err != nil {
		return nil, err
	}
	return k.Open(ctx, o)
}

func mustOpen(t testing.TB, dir string, opts map[string]string) tokenizers.Tokenizer {
	t.Helper()
	tok, err := openIn(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tok.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	})
	return tok
}

// ramp is the image of testdata/make_graphs.py.
func ramp(w, h int) pix.Image {
	m := pix.New(w, h)
	for y := range h {
		for x := range w {
			for c := range 3 {
				m.Row(y)[3*x+c] = uint8(x*9 + y*5 + c*40)
			}
		}
	}
	return m
}

// golden is what onnxruntime's own Python package computes; see
// testdata/make_graphs.py.
type golden struct {
	Width       int       `json:"width"`
	Height      int       `json:"height"`
	Autoencoder []int     `json:"autoencoder"`
	VQ          []int     `json:"vq"`
	VQIDs       []int32   `json:"vq_ids"`
	VQLatent    []float32 `json:"vq_latent"`
	ImagenetBGR []int     `json:"imagenet_bgr"`
	BytesNHWC   []int     `json:"bytes_nhwc"`
	TwoBooksIDs [][]int32 `json:"two_books_ids"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/graphs.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// nearly compares pixels with the golden ones. Conversions in float32 and float64
// may round a value that lies on a half differently, by one level.
func nearly(t *testing.T, m pix.Image, want []int) {
	t.Helper()
	off := 0
	for i, v := range m.Pix {
		switch d := int(v) - want[i]; {
		case d < -1 || d > 1:
			t.Fatalf("byte %d is %d, want %d", i, v, want[i])
		case d != 0:
			off++
		}
	}
	if off > len(want)/200 {
		t.Errorf("%d of %d bytes are off by one", off, len(want))
	}
}

const vqSidecar = `
name: tiny-vq
version: "3"
range: [-1, 1]
codes: [ids]
codebooks: [32]
latent: latent
multiple_of: 4
stride: 4
batch: 3
`

func TestAgainstPython(t *testing.T) {
	needRuntime(t)
	g := readGolden(t)
	in := []pix.Image{ramp(g.Width, g.Height)}
	for _, c := range []struct {
		name, graphs string
		sidecar      map[string]string
		opts         map[string]string
		want         []int
	}{
		{"one graph, defaults", "autoencoder.onnx", nil, map[string]string{"model": "autoencoder.onnx"}, g.Autoencoder},
		{"one graph, range said", "autoencoder.onnx", map[string]string{"autoencoder.yaml": "range: [-1, 1]\nlayout: nchw\ncolour: rgb\n"}, map[string]string{"model": "autoencoder.onnx"}, g.Autoencoder},
		{"encoder and decoder", "encoder.onnx decoder.onnx", nil, map[string]string{"encoder": "encoder.onnx", "decoder": "decoder.onnx"}, g.Autoencoder},
		{"two threads", "encoder.onnx decoder.onnx", nil, map[string]string{"encoder": "encoder.onnx", "decoder": "decoder.onnx", "threads": "2"}, g.Autoencoder},
		{"vq", "vq_encoder.onnx vq_decoder.onnx", map[string]string{"vq_encoder.yaml": vqSidecar}, map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"}, g.VQ},
		{
			"mean, std, BGR", "autoencoder.onnx",
			map[string]string{"other.yaml": "mean: [0.485, 0.456, 0.406]\nstd: [0.229, 0.224, 0.225]\ncolour: BGR\n"},
			map[string]string{"model": "autoencoder.onnx", "config": "other.yaml"},
			g.ImagenetBGR,
		},
		{"bytes in NHWC", "bytes_nhwc.onnx", nil, map[string]string{"model": "bytes_nhwc.onnx"}, g.BytesNHWC},
		{"fixed size and batch", "fixed.onnx", nil, map[string]string{"model": "fixed.onnx"}, g.Autoencoder},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok := mustOpen(t, folder(t, c.graphs, c.sidecar), c.opts)
			out, err := tok.Reconstruct(t.Context(), in)
			if err != nil || out[0].Err != nil {
				t.Fatal(err, out[0].Err)
			}
			if err := tokenizers.Check(in, out); err != nil || out[0].Err != nil {
				t.Fatal(err, out[0].Err)
			}
			nearly(t, out[0].Image, c.want)
		})
	}
}

func TestCodes(t *testing.T) {
	needRuntime(t)
	g := readGolden(t)
	m := ramp(g.Width, g.Height)
	dir := folder(t, "vq_encoder.onnx vq_decoder.onnx two_books.onnx", map[string]string{
		"vq_encoder.yaml": vqSidecar,
		"two_books.yaml":  "codes: [ids]\ncodebooks: [12, 12]\nbooks_axis: 1\n",
		"small.yaml":      strings.Replace(vqSidecar, "[32]", "[2]", 1),
	})
	opts := map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"}
	tok := mustOpen(t, dir, opts)
	info := tok.Info()
	if len(info.Weights) != 64 || info.Params["onnxruntime"] == "" {
		t.Errorf("info: %+v", info)
	}
	if info.WeightBytes == 0 || len(info.Params["sidecar"]) != 64 {
		t.Errorf("its files: %+v", info)
	}
	info.Weights, info.Params, info.WeightBytes = "", nil, 0
	want := tokenizers.Info{Name: "tiny-vq", Version: "3", Deterministic: true, Concurrent: true, MultipleOf: 4, Stride: 4, Channels: 12, Codebooks: []int{32}, BatchSize: 3}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	out, err := tok.Reconstruct(t.Context(), []pix.Image{m, ramp(8, 8), m, m, m, m})
	if err != nil {
		t.Fatal(err)
	}
	codes := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 32, Shape: []int{4, 6}, IDs: g.VQIDs}}}
	for _, i := range []int{0, 2, 5} {
		if diff := cmp.Diff(codes, out[i].Codes); diff != "" || out[i].Err != nil {
			t.Errorf("image %d: %v\n%s", i, out[i].Err, diff)
		}
	}
	if out[0].Encode <= 0 || out[0].Decode <= 0 {
		t.Errorf("times: %v, %v", out[0].Encode, out[0].Decode)
	}
	back, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{codes, codes, codes, codes}, g.Width, g.Height)
	if err != nil || !back[3].Equal(out[0].Image) {
		t.Errorf("decoding the codes gives another image: %v", err)
	}
	z, err := tok.(tokenizers.LatentEncoder).Latents(t.Context(), []pix.Image{m})
	if err != nil || !cmp.Equal(z[0].Shape, []int{12, 4, 6}) {
		t.Fatal(err, z)
	}
	for i, v := range z[0].Data {
		if d := v - g.VQLatent[i]; d > 1e-5 || d < -1e-5 {
			t.Fatalf("latent %d is %g, want %g", i, v, g.VQLatent[i])
		}
	}

	two := mustOpen(t, dir, map[string]string{"model": "two_books.onnx"})
	out, err = two.Reconstruct(t.Context(), []pix.Image{m, m})
	if err != nil || out[1].Err != nil {
		t.Fatal(err, out[1].Err)
	}
	wantTwo := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 12, Shape: []int{4, 6}, IDs: g.TwoBooksIDs[0]}, {Size: 12, Shape: []int{4, 6}, IDs: g.TwoBooksIDs[1]}}}
	if diff := cmp.Diff(wantTwo, out[1].Codes); diff != "" {
		t.Errorf("two codebooks (-want +got):\n%s", diff)
	}
	if _, ok := two.(tokenizers.Decoder); ok {
		t.Error("one graph is a Decoder")
	}

	// Ids beyond what the sidecar declares fail the item and name the output.
	opts["config"] = "small.yaml"
	small := mustOpen(t, dir, opts)
	out, err = small.Reconstruct(t.Context(), []pix.Image{m})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "ids of [ids]: codebook 0: id") {
		t.Errorf("ids beyond the codebook: %v, %v", err, out[0].Err)
	}
}

// TestRefusals: what does not fit is said when the model is opened, with the
// tensor's name.
func TestRefusals(t *testing.T) {
	needRuntime(t)
	dir := folder(t, "autoencoder.onnx encoder.onnx decoder.onnx vq_encoder.onnx vq_decoder.onnx four_channels.onnx half.onnx rank3.onnx two_inputs.onnx two_books.onnx fixed.onnx", map[string]string{
		"garbage.onnx":     "this is no protobuf",
		"unknown.yaml":     "rangee: [-1, 1]\n",
		"range.yaml":       "range: [1, -1]\n",
		"mean.yaml":        "mean: [0.5]\nstd: [1, 0, 1]\nlayout: CHWN\ncolour: YUV\n",
		"codes.yaml":       "codes: [tokens]\ncodebooks: [32]\n",
		"codes-float.yaml": "codes: [latent]\ncodebooks: [32]\n",
		"books.yaml":       "codes: [ids]\ncodebooks: [4, 4, 4]\nbooks_axis: 1\n",
		"noaxis.yaml":      "codes: [ids]\ncodebooks: [4, 4]\n",
		"nobooks.yaml":     "codes: [ids]\n",
		"latent-ids.yaml":  "latent: ids\n",
		"rec.yaml":         "reconstruction: image\n",
		"connect.yaml":     "connect: {z: latent}\n",
		"wrong-wire.yaml":  "connect: {ids: latent}\n",
		"nhwc.yaml":        "layout: NHWC\n",
	})
	for _, c := range []struct {
		opts map[string]string
		want string
	}{
		{map[string]string{}, `give model=FILE for one graph`},
		{map[string]string{"encoder": "encoder.onnx"}, `or encoder=FILE and decoder=FILE`},
		{map[string]string{"model": "autoencoder.onnx", "decoder": "decoder.onnx"}, `not both`},
		{map[string]string{"model": "none.onnx"}, `reading a model: stat .*none\.onnx: no such file`},
		{map[string]string{"model": "garbage.onnx"}, `reading .*garbage\.onnx: it is not an ONNX graph`},
		{map[string]string{"model": "autoencoder.onnx", "config": "none.yaml"}, `reading the sidecar: stat .*none\.yaml`},
		{map[string]string{"model": "autoencoder.onnx", "config": "unknown.yaml"}, `unknown\.yaml:1:1: unknown field "rangee", did you mean "range"\?`},
		{map[string]string{"model": "autoencoder.onnx", "config": "range.yaml"}, `range\.yaml: range is \[1 -1\]: want \[low, high\]`},
		{map[string]string{"model": "autoencoder.onnx", "config": "mean.yaml"}, `(?s)mean has 1 numbers.*std is \[1 0 1\].*layout is "CHWN".*colour is "YUV"`},
		{map[string]string{"model": "four_channels.onnx"}, `input "image" \(float \[\?, 4, \?, \?\]\): want 3 channels along axis 1 \(layout NCHW\), have 4`},
		{map[string]string{"model": "autoencoder.onnx", "config": "nhwc.yaml"}, `input "image" .*`},
		{map[string]string{"model": "half.onnx"}, `input "image" \(float16 \[\?, 3, \?, \?\]\): images must come in and go out as float`},
		{map[string]string{"model": "rank3.onnx"}, `input "image" .*: an image tensor has 4 axes: .*; one of clips has 5`},
		{map[string]string{"model": "two_inputs.onnx"}, `has 2 inputs \("image" .*, "noise" .*\): want one`},
		{map[string]string{"encoder": "encoder.onnx", "decoder": "vq_decoder.onnx"}, `output "latent" \(float .*\) of .*encoder\.onnx cannot feed input "ids" \(int64 .*: the types differ`},
		{map[string]string{"encoder": "vq_encoder.onnx", "decoder": "autoencoder.onnx"}, `nothing feeds input "image" .*vq_encoder\.onnx has "ids" .*, "latent" .*connect: \{image: …\}`},
		{map[string]string{"encoder": "encoder.onnx", "decoder": "decoder.onnx", "config": "connect.yaml"}, `connects input "z", which .*decoder\.onnx does not have; it has "latent"`},
		{map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx", "config": "wrong-wire.yaml"}, `cannot feed input "ids"`},
		{map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx", "config": "codes.yaml"}, `has no output "tokens", which the sidecar names; it has "ids"`},
		{map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx", "config": "codes-float.yaml"}, `output "latent" .* holds the codes: want int64 or int32`},
		{map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx", "config": "latent-ids.yaml"}, `output "ids" .* holds the latent: want float`},
		{map[string]string{"model": "two_books.onnx", "config": "books.yaml"}, `output "ids" \(int32 \[\?, 2, \?, \?\]\) has 2 entries along books_axis 1, codebooks has 3 sizes`},
		{map[string]string{"model": "two_books.onnx", "config": "noaxis.yaml"}, `say along which axis \(books_axis: 1\)`},
		{map[string]string{"model": "two_books.onnx", "config": "nobooks.yaml"}, `codes is given but codebooks is not`},
		{map[string]string{"model": "autoencoder.onnx", "config": "rec.yaml"}, `has no output "image", which the sidecar calls the reconstruction`},
		{map[string]string{"model": "autoencoder.onnx", "onnxruntime": "/no/such/lib.so"}, `the ONNX Runtime library /no/such/lib\.so is missing; to install it`},
	} {
		tok, err := openIn(t.Context(), dir, c.opts)
		if err == nil && strings.Contains(c.opts["config"], "nhwc") {
			// Free axes give no reason to refuse; the channel axis says it at the first image.
			out, err := tok.Reconstruct(t.Context(), []pix.Image{ramp(8, 8)})
			if err != nil || out[0].Err == nil {
				t.Errorf("the wrong layout went unnoticed: %v", err)
			}
			continue
		}
		if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
			t.Errorf("%v:\n got %v\nwant %s", c.opts, err, c.want)
		}
	}
}

// TestIsolation: an image that the graph cannot do fails alone.
func TestIsolation(t *testing.T) {
	needRuntime(t)
	nan := mustOpen(t, folder(t, "nan.onnx", map[string]string{"nan.yaml": "range: [0, 1]\n"}), map[string]string{"model": "nan.onnx"})
	good, zero := ramp(8, 8), ramp(8, 8)
	good.Pix[0] = 9
	zero.Pix[0] = 0
	out, err := nan.Reconstruct(t.Context(), []pix.Image{good, zero, good})
	if err != nil {
		t.Fatal(err)
	}
	if out[1].Err == nil || !strings.Contains(out[1].Err.Error(), `output "reconstruction" holds NaN at row 0, column 0`) {
		t.Errorf("NaN: %v", out[1].Err)
	}
	for _, i := range []int{0, 2} {
		if out[i].Err != nil {
			t.Errorf("image %d failed with its neighbour: %v", i, out[i].Err)
		}
	}
	// Without multiple_of the graph itself answers for sizes it cannot do.
	ae := mustOpen(t, folder(t, "autoencoder.onnx", nil), map[string]string{"model": "autoencoder.onnx"})
	out, err = ae.Reconstruct(t.Context(), []pix.Image{ramp(8, 8), ramp(9, 9), ramp(2, 2), {W: 4, H: 4}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", `output "reconstruction" has shape .*: want .*multiple_of`, `running .*autoencoder\.onnx`, `want 48 bytes, have 0`} {
		if got := out[i].Err; (want == "") != (got == nil) || got != nil && !regexp.MustCompile(want).MatchString(got.Error()) {
			t.Errorf("image %d: %v, want %q", i, got, want)
		}
	}
	// Another range than the graph's is found where it shows.
	off := mustOpen(t, folder(t, "autoencoder.onnx", map[string]string{"autoencoder.yaml": "range: [0, 255]\noutput: {range: [-1, 1]}\n"}), map[string]string{"model": "autoencoder.onnx"})
	out, err = off.Reconstruct(t.Context(), []pix.Image{ramp(8, 8)})
	if err != nil || out[0].Err == nil || !strings.Contains(out[0].Err.Error(), "far outside what range, mean and std") {
		t.Errorf("another range: %v, %v", err, out[0].Err)
	}
}

func TestFixed(t *testing.T) {
	needRuntime(t)
	tok := mustOpen(t, folder(t, "fixed.onnx", nil), map[string]string{"model": "fixed.onnx"})
	if in := tok.Info(); in.FixedW != 24 || in.FixedH != 16 || in.BatchSize != 2 {
		t.Errorf("info: %+v", in)
	}
	in := []pix.Image{ramp(24, 16), ramp(24, 16), ramp(24, 16)}
	in[2].Pix[0] ^= 255
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil || out[2].Err != nil || !out[0].Image.Equal(out[1].Image) || out[2].Image.Equal(out[1].Image) {
		t.Fatal(err, out[2].Err)
	}
	if alone, err := tok.Reconstruct(t.Context(), in[2:]); err != nil || !alone[0].Image.Equal(out[2].Image) {
		t.Errorf("alone it is another image: %v", err)
	}
}

func TestCancelAndClose(t *testing.T) {
	needRuntime(t)
	tok, err := openIn(t.Context(), folder(t, "autoencoder.onnx", nil), map[string]string{"model": "autoencoder.onnx"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tok.Reconstruct(ctx, []pix.Image{ramp(8, 8)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if _, err := tok.Reconstruct(ctx, []pix.Image{ramp(256, 256)}); err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("cancelled in the middle: %v", err)
				}
				return
			}
			cancel()
		}
	})
	wg.Wait()
	c := tok.(interface{ Close() error })
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := tok.Reconstruct(t.Context(), []pix.Image{ramp(8, 8)}); err == nil {
		t.Error("a closed tokenizer reconstructs")
	}
}

func TestConform(t *testing.T) {
	needRuntime(t)
	for name, c := range map[string]struct {
		graphs  string
		sidecar map[string]string
		opts    map[string]string
	}{
		"autoencoder": {"encoder.onnx decoder.onnx", map[string]string{"encoder.yaml": "multiple_of: 4\nlatent: latent\n"}, map[string]string{"encoder": "encoder.onnx", "decoder": "decoder.onnx"}},
		"vq":          {"vq_encoder.onnx vq_decoder.onnx", map[string]string{"vq_encoder.yaml": vqSidecar}, map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"}},
		"fixed":       {"fixed.onnx", nil, map[string]string{"model": "fixed.onnx"}},
		"bytes":       {"bytes_nhwc.onnx", map[string]string{"bytes_nhwc.yaml": "multiple_of: 4\n"}, map[string]string{"model": "bytes_nhwc.onnx"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.graphs, c.sidecar)
			tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
				return openIn(ctx, dir, c.opts)
			}, tokenizertest.Options{})
		})
	}
}

// TestConversion: every byte survives there and back in every convention.
func TestConversion(t *testing.T) {
	m := pix.New(16, 16)
	for i := range 256 {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = uint8(i), uint8(255-i), uint8(i*7)
	}
	for name, p := range map[string]Pixels{
		"default":  {},
		"0..1":     {Range: []float64{0, 1}},
		"bytes":    {Range: []float64{0, 255}},
		"imagenet": {Mean: []float64{.485, .456, .406}, Std: []float64{.229, .224, .225}, Colour: "BGR"},
	} {
		for _, layout := range layouts {
			b := imageTensor{layout: layout, bgr: p.Colour == "BGR", scales: p.scales(false)}
			frames := []pix.Image{m, m.Clone(), pix.New(m.W, m.H)}
			copy(frames[1].Pix, m.Pix[3:])
			if !b.clips() {
				frames = frames[:1]
			}
			data := make([]float32, 2*len(frames)*len(m.Pix))
			fill(b, data, [][]pix.Image{frames}, 2, func(lut *[256]float32, a affine) {
				for v := range lut {
					lut[v] = float32(float64(v)*a.scale + a.shift)
				}
			})
			at := b.steps(len(frames), m.W, m.H)
			for i := range 2 { // the second item repeats the first
				for f := range frames {
					got, err := b.floats(data[i*at.item+f*at.frame:], at, m.W, m.H)
					if err != nil || !got.Equal(frames[f]) {
						t.Errorf("%s, %s: bytes of frame %d changed: %v", name, layout, f, err)
					}
				}
			}
			data[at.row+at.col] = float32(math.Inf(1))
			if _, err := b.floats(data, at, m.W, m.H); err == nil {
				t.Errorf("%s, %s: an infinity passed", name, layout)
			}
		}
	}
}

// BenchmarkConvert is bytes to floats and back for a 512×512 image; the floor is
// reading 0.8 MB and writing 3.1 MB, and the reverse.
func BenchmarkConvert(b *testing.B) {
	var p Pixels
	br := imageTensor{layout: "NCHW", scales: p.scales(false)}
	m := ramp(512, 512)
	at := br.steps(1, m.W, m.H)
	data := make([]float32, len(m.Pix))
	b.Run("in", func(b *testing.B) {
		b.SetBytes(int64(len(m.Pix)))
		for b.Loop() {
			fill(br, data, [][]pix.Image{{m}}, 1, func(lut *[256]float32, a affine) {
				for v := range lut {
					lut[v] = float32(float64(v)*a.scale + a.shift)
				}
			})
		}
	})
	b.Run("out", func(b *testing.B) {
		b.SetBytes(int64(len(m.Pix)))
		for b.Loop() {
			if _, err := br.floats(data, at, m.W, m.H); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkReconstruct(b *testing.B) {
	needRuntime(b)
	tok := mustOpen(b, folder(b, "vq_encoder.onnx vq_decoder.onnx", map[string]string{"vq_encoder.yaml": vqSidecar}), map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"})
	in := []pix.Image{ramp(512, 512)}
	b.SetBytes(int64(len(in[0].Pix)))
	for b.Loop() {
		if out, err := tok.Reconstruct(b.Context(), in); err != nil || out[0].Err != nil {
			b.Fatal(err, out[0].Err)
		}
	}
}

// A model in another range is the model of a sidecar that declares it.
func TestInRange(t *testing.T) {
	needRuntime(t)
	dir := folder(t, "vq_encoder.onnx vq_decoder.onnx", map[string]string{
		"vq_encoder.yaml": vqSidecar, "other.yaml": strings.Replace(vqSidecar, "[-1, 1]", "[0, 255]", 1),
	})
	files := map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"}
	tok := mustOpen(t, dir, files)
	files["config"] = "other.yaml"
	want := mustOpen(t, dir, files)
	r := tok.(tokenizers.Ranger)
	if lo, hi, ok := r.Range(); lo != -1 || hi != 1 || !ok {
		t.Errorf("declared range %v, %v, %v", lo, hi, ok)
	}
	other, err := r.InRange(t.Context(), 0, 255)
	if err != nil {
		t.Fatal(err)
	}
	if _, closes := other.(interface{ Close() error }); closes {
		t.Error("it would close the sessions it shares")
	}
	in := []pix.Image{ramp(16, 12)}
	a, err := other.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := want.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if a[0].Err != nil || b[0].Err != nil || !a[0].Image.Equal(b[0].Image) || a[0].Image.Equal(c[0].Image) {
		t.Errorf("another range gives %v and %v, want the reconstruction of a sidecar that declares it", a[0].Err, b[0].Err)
	}
	if _, err := mustOpen(t, folder(t, "bytes_nhwc.onnx", nil), map[string]string{"model": "bytes_nhwc.onnx"}).(tokenizers.Ranger).InRange(t.Context(), 0, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("bytes in another range: %v", err)
	}
}

// Ids that no sidecar declares are pointed out: their tokens would go unmeasured.
func TestUndeclaredCodes(t *testing.T) {
	needRuntime(t)
	files := map[string]string{"encoder": "vq_encoder.onnx", "decoder": "vq_decoder.onnx"}
	dir := folder(t, "vq_encoder.onnx vq_decoder.onnx", nil)
	tok := mustOpen(t, dir, files)
	w := tok.(tokenizers.Witness).Warnings()
	if len(w) != 1 || !strings.Contains(w[0], `output "ids" (int64 [`) || !strings.Contains(w[0], "codes: [ids]") || !strings.Contains(w[0], "vq_encoder.yaml") {
		t.Errorf("warnings %q", w)
	}
	for _, c := range tokenizertest.Run(t.Context(), tok, tokenizertest.Options{}).Checks {
		if c.Name == "warnings" && c.Status != tokenizertest.Warning {
			t.Errorf("the check says %s", c)
		}
	}
	if w := mustOpen(t, folder(t, "vq_encoder.onnx vq_decoder.onnx", map[string]string{"vq_encoder.yaml": vqSidecar}), files).(tokenizers.Witness).Warnings(); len(w) > 0 {
		t.Errorf("declared, and yet %q", w)
	}
}
