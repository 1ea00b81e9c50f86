package baseline

import (
	"context"
	"testing"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func TestIdentities(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			open := func(ctx context.Context) (tokenizers.Tokenizer, error) { return k.Open(ctx, nil) }
			tokenizertest.Conform(t, open, tokenizertest.Options{})
			tok, err := open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if in := tok.Info(); !in.Reference || in.Name != k.Name {
				t.Errorf("info is %+v: want a reference called %s", in, k.Name)
			}
			m := pix.New(5, 3)
			for i := range m.Pix {
				m.Pix[i] = uint8(17 * i)
			}
			out, err := tok.Reconstruct(t.Context(), []pix.Image{m, {}})
			if err != nil {
				t.Fatal(err)
			}
			if !out[0].Image.Same(m) || out[0].Codes != nil || out[0].Bits != 0 {
				t.Errorf("the first result is not the image itself: %+v", out[0])
			}
			if out[1].Err == nil {
				t.Error("an image without pixels is no error")
			}
		})
	}
}
