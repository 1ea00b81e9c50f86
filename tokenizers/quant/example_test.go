package quant_test

import (
	"context"
	"fmt"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// A tokenizer is opened as a user writes it; its codes decode to what it showed.
func Example() {
	ctx := context.Background()
	spec, err := tokenizers.ParseSpec("vq:patch=8,k=1024", quant.Kinds())
	if err != nil {
		fmt.Println(err)
		return
	}
	kind, opts, err := tokenizers.Resolve(spec, quant.Kinds())
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := kind.Open(ctx, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	recs, err := tok.Reconstruct(ctx, []pix.Image{pix.New(100, 60)})
	if err != nil {
		fmt.Println(err)
		return
	}
	book := recs[0].Codes.Books[0]
	fmt.Println(recs[0].Image.W, recs[0].Image.H, book.Size, book.Shape)

	back, err := tok.(tokenizers.Decoder).Decode(ctx, []*tokenizers.Codes{recs[0].Codes}, 100, 60)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(back[0].Equal(recs[0].Image))
	// Output:
	// 100 60 1024 [8 13]
	// true
}
