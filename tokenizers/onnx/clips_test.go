package onnx

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// clipGolden is what onnxruntime's own Python package computes; see testdata/make_clips.py.
type clipGolden struct {
	Width  int   `json:"width"`
	Height int   `json:"height"`
	Frames int   `json:"frames"`
	VQ     []int `json:"vq"`
	IDs    struct {
		Shape []int   `json:"shape"`
		Data  []int32 `json:"data"`
	} `json:"ids"`
	Fixed []int `json:"fixed"`
	Bytes []int `json:"bytes"`
}

// rampClip is the clip of testdata/make_clips.py.
func rampClip(w, h, n int) pix.Clip {
	c := pix.Clip{Rate: 25}
	for t := range n {
		m := pix.New(w, h)
		for y := range h {
			for x := range w {
				for k := range 3 {
					m.Row(y)[3*x+k] = uint8(x*9 + y*5 + t*11 + k*40)
				}
			}
		}
		c.Frames = append(c.Frames, m)
	}
	return c
}

const clipsSidecar = "codes: [ids]\ncodebooks: [64]\nlatent: latent\nmultiple_of: 4\nstride: 4\nclips: {multiple: 4, causal: true}\n"

func openClips(t *testing.T) tokenizers.ClipTokenizer {
	dir := folder(t, "clips_encoder.onnx clips_decoder.onnx", map[string]string{"clips_encoder.yaml": clipsSidecar})
	return mustOpen(t, dir, map[string]string{"encoder": "clips_encoder.onnx", "decoder": "clips_decoder.onnx"}).(tokenizers.ClipTokenizer)
}

func TestClipsAgainstPython(t *testing.T) {
	needRuntime(t)
	data, err := os.ReadFile("testdata/clips.json")
	if err != nil {
		t.Fatal(err)
	}
	var g clipGolden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	size := 3 * g.Width * g.Height
	all := rampClip(g.Width, g.Height, g.Frames)
	check := func(t *testing.T, tok tokenizers.ClipTokenizer, frames int, want []int) tokenizers.ClipReconstruction {
		t.Helper()
		in := pix.Clip{Frames: all.Frames[:frames]}
		out, err := tok.ReconstructClip(t.Context(), in)
		if err == nil {
			err = tokenizers.CheckClip(in, &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range out.Frames {
			nearly(t, f, want[i*size:(i+1)*size])
		}
		return out
	}
	t.Run("ids", func(t *testing.T) {
		tok := openClips(t)
		if c := tok.Info().Clips; c == nil || *c != (tokenizers.ClipInfo{Multiple: 4, Causal: true}) {
			t.Errorf("clips are %+v", c)
		}
		out := check(t, tok, g.Frames, g.VQ)
		want := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 64, Shape: g.IDs.Shape, IDs: g.IDs.Data}}}
		if diff := cmp.Diff(want, out.Codes); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
		if out.Encode <= 0 || out.Decode <= 0 {
			t.Errorf("times are %v and %v", out.Encode, out.Decode)
		}
	})
	t.Run("fixed", func(t *testing.T) {
		tok := mustOpen(t, folder(t, "clips_fixed.onnx", nil), map[string]string{"model": "clips_fixed.onnx"}).(tokenizers.ClipTokenizer)
		if c := tok.Info().Clips; c == nil || *c != (tokenizers.ClipInfo{Fixed: 5}) {
			t.Errorf("clips are %+v", c)
		}
		check(t, tok, 5, g.Fixed)
		if _, err := tok.ReconstructClip(t.Context(), rampClip(16, 12, 4)); err == nil || !strings.Contains(err.Error(), "a window of 4 frames: it takes 5") {
			t.Errorf("four frames: %v", err)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		tok := mustOpen(t, folder(t, "clips_bytes.onnx", map[string]string{"clips_bytes.yaml": "clips: {multiple: 4, causal: true}\n"}), map[string]string{"model": "clips_bytes.onnx"})
		check(t, tok.(tokenizers.ClipTokenizer), g.Frames, g.Bytes)
	})
}

// TestClipsOfStills: an image is the first of as few equal frames as are taken, with codes
// that decode to it and the latent of that frame.
func TestClipsOfStills(t *testing.T) {
	needRuntime(t)
	tok := openClips(t)
	in := []pix.Image{ramp(24, 16), ramp(24, 16)}
	in[1].Pix[0] ^= 0x80
	out, err := tok.Reconstruct(t.Context(), in)
	if err == nil {
		err = tokenizers.Check(in, out)
	}
	if err != nil || out[1].Err != nil {
		t.Fatal(err, out[1].Err)
	}
	window, err := tok.ReconstructClip(t.Context(), pix.Clip{Frames: in[1:]})
	if err != nil || !window.Frames[0].Equal(out[1].Image) {
		t.Errorf("an image and the window of it differ: %v", err)
	}
	if diff := cmp.Diff([]int{1, 4, 6}, out[1].Codes.Books[0].Shape); diff != "" {
		t.Errorf("shape (-want +got):\n%s", diff)
	}
	back, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{out[0].Codes, out[1].Codes}, 24, 16)
	if err != nil || !back[1].Equal(out[1].Image) {
		t.Errorf("decoding the codes of an image: %v", err)
	}
	z, err := tok.(tokenizers.LatentEncoder).Latents(t.Context(), in)
	if err != nil || !cmp.Equal(z[1].Shape, []int{12, 4, 6}) {
		t.Errorf("latents: %v, %v", z, err)
	}
}

func TestClipRefusals(t *testing.T) {
	needRuntime(t)
	dir := folder(t, "clips_encoder.onnx clips_decoder.onnx clips_fixed.onnx clips_to_image.onnx autoencoder.onnx", map[string]string{
		"images.yaml":   "clips: {multiple: 4}\n",
		"fours.yaml":    "clips: {multiple: 4}\n",
		"contrary.yaml": "clips: {fixed: 8, max: 4}\n",
		"layout.yaml":   "layout: NCHW\n",
		"unknown.yaml":  "clips: {every: 4}\n",
	})
	for _, c := range []struct {
		opts map[string]string
		want string
	}{
		{map[string]string{"model": "clips_to_image.onnx"}, `input "clip" .* and output "out" .*: both must hold images \(4 axes\) or clips \(5\)`},
		{map[string]string{"model": "autoencoder.onnx", "config": "images.yaml"}, `clips is in .*images\.yaml, and input "image" .* holds images: want 5 axes`},
		{map[string]string{"model": "clips_fixed.onnx", "config": "fours.yaml"}, `input "clip" .* has 5 frames, and clips in .*fours\.yaml says otherwise: a window of 5 frames: it takes 8`},
		{map[string]string{"model": "clips_fixed.onnx", "config": "contrary.yaml"}, `contrary\.yaml: clips: fixed 8 is above max 4`},
		{map[string]string{"model": "clips_fixed.onnx", "config": "layout.yaml"}, `input "clip" .*: layout NCHW of the sidecar has 4 axes`},
		{map[string]string{"model": "clips_fixed.onnx", "config": "unknown.yaml"}, `unknown field "every"`},
	} {
		_, err := openIn(t.Context(), dir, c.opts)
		if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
			t.Errorf("%v:\n got %v\nwant %s", c.opts, err, c.want)
		}
	}
	// Nothing said of the windows: taken as they come, with a warning, and a wrong number
	// names the mend.
	tok := mustOpen(t, dir, map[string]string{"encoder": "clips_encoder.onnx", "decoder": "clips_decoder.onnx"})
	if w := tok.(tokenizers.Witness).Warnings(); len(w) != 2 || !strings.Contains(w[1], "put clips: {multiple: 4, causal: true} into") {
		t.Errorf("warnings are %q", w)
	}
	_, err := tok.(tokenizers.ClipTokenizer).ReconstructClip(t.Context(), rampClip(16, 12, 4))
	if err == nil || !strings.Contains(err.Error(), "clips says which numbers of frames it takes") {
		t.Errorf("four frames: %v", err)
	}
	if _, ok := mustOpen(t, dir, map[string]string{"model": "autoencoder.onnx"}).(tokenizers.ClipTokenizer); ok {
		t.Error("a graph of images takes clips")
	}
}

func TestClipConform(t *testing.T) {
	needRuntime(t)
	for name, c := range map[string]struct {
		graphs  string
		sidecar map[string]string
		opts    map[string]string
	}{
		"ids":   {"clips_encoder.onnx clips_decoder.onnx", map[string]string{"clips_encoder.yaml": clipsSidecar}, map[string]string{"encoder": "clips_encoder.onnx", "decoder": "clips_decoder.onnx"}},
		"fixed": {"clips_fixed.onnx", map[string]string{"clips_fixed.yaml": "multiple_of: 4\n"}, map[string]string{"model": "clips_fixed.onnx"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.graphs, c.sidecar)
			tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
				return openIn(ctx, dir, c.opts)
			}, tokenizertest.Options{Side: 32})
		})
	}
}
