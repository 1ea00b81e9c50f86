package codec_test

import (
	"context"
	"fmt"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/codec"
)

// Bits is what the pixels cost, FileBits the file.
func Example() {
	ctx := context.Background()
	spec, err := tokenizers.ParseSpec("jpeg:q=50", codec.Kinds())
	if err != nil {
		fmt.Println(err)
		return
	}
	kind, opts, err := tokenizers.Resolve(spec, codec.Kinds())
	if err != nil {
		fmt.Println(err)
		return
	}
	tok, err := kind.Open(ctx, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	recs, err := tok.Reconstruct(ctx, []pix.Image{pix.New(16, 16)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(recs[0].Image.W, recs[0].Image.H, recs[0].Bits < recs[0].FileBits)
	// Output: 16 16 true
}
