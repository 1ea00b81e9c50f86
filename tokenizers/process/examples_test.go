package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/plugin"
)

// inGo is a tokenizer for the other end of plugin.Serve: its one token is the mean
// of the image, and it fails on a small image whose first pixel is bad.
type inGo struct{}

func (inGo) Info() tokenizers.Info {
	return tokenizers.Info{Name: "in-go", Version: "1", Deterministic: true, Codebooks: []int{256}}
}

func flat(w, h int, level int32) pix.Image {
	m := pix.New(w, h)
	for k := range m.Pix {
		m.Pix[k] = uint8(level)
	}
	return m
}

func (inGo) Reconstruct(_ context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		if m.Pix[0] == bad && m.H == 16 {
			out[i].Err = os.ErrInvalid
			continue
		}
		sum := 0
		for _, v := range m.Pix {
			sum += int(v)
		}
		mean := int32(sum / len(m.Pix))
		out[i] = tokenizers.Reconstruction{Image: flat(m.W, m.H, mean), Codes: &tokenizers.Codes{Books: []tokenizers.Book{{Size: 256, Shape: []int{1}, IDs: []int32{mean}}}}}
	}
	return out, nil
}

func (inGo) Decode(_ context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		out[i] = flat(w, h, c.Books[0].IDs[0])
	}
	return out, nil
}

func (inGo) Latents(_ context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	out := make([]tokenizers.Latent, len(in))
	for i, m := range in {
		out[i] = tokenizers.Latent{Shape: []int{1, 1, 1}, Data: []float32{float32(m.Pix[0])}}
	}
	return out, nil
}

func serveGo() error { return plugin.Serve(context.Background(), inGo{}, os.Stdin, os.Stdout) }

// TestGoPlugin: a tokenizer in Go behind plugin.Serve.
func TestGoPlugin(t *testing.T) {
	t.Parallel()
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: options(t, "serve-go", nil)}, []tokenizers.Kind{Kind()})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := k.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tok.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	}()
	in := images(1, bad, 3)
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := inGo{}.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	wantMatch(t, "the bad image", out[1].Err, `image 1 of the batch: invalid argument`)
	for _, i := range []int{0, 2} {
		if out[i].Err != nil || !out[i].Image.Equal(want[i].Image) || out[i].Codes.Tokens() != 1 {
			t.Errorf("image %d: %v", i, out[i].Err)
		}
	}
	back, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{want[0].Codes}, 3, 2)
	if err != nil || !back[0].Equal(flat(3, 2, want[0].Codes.Books[0].IDs[0])) {
		t.Errorf("decode: %v", err)
	}
	z, err := tok.(tokenizers.LatentEncoder).Latents(t.Context(), in)
	if err != nil || z[2].Data[0] != 3 {
		t.Errorf("latents: %v, %v", z, err)
	}
}

// TestNodeExample: a plug-in written from docs/protocol.md alone.
func TestNodeExample(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Skip(t, "no node on PATH")
	}
	script, err := filepath.Abs("../../examples/tokenizers/plain_node.mjs")
	if err != nil {
		t.Fatal(err)
	}
	opts := options(t, "", nil)
	opts["command"] = quote(node) + " " + quote(script)
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := k.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tok.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	}()
	large := pix.New(701, 503)
	for k := range large.Pix {
		large.Pix[k] = uint8(k * 11)
	}
	in := append(images(1, 2), large)
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range in {
		if out[i].Err != nil {
			t.Fatal(i, out[i].Err)
		}
		if got, want := out[i].Image.Pix[0], m.Pix[0]>>4*17; got != want {
			t.Errorf("image %d: first byte %d, want %d", i, got, want)
		}
		back, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{out[i].Codes}, m.W, m.H)
		if err != nil || !back[0].Equal(out[i].Image) {
			t.Errorf("image %d: decoding its codes gives another image: %v", i, err)
		}
	}
}
