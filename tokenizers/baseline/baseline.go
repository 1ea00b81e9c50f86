// Package baseline holds the two upper bounds that stand in every table: the
// identity tokenizers.
//
// "resize" is the identity behind the same preparation as everybody else (fit,
// pad, and back): no tokenizer at that resolution can be asked to beat it.
// "original" is the untouched image: the runner knows it by name and skips the
// preparation, so that its row says what the reader, not the resolution, costs.
// Both are marked [tokenizers.Info.Reference]; a table ranks contestants below
// them, never among them.
package baseline

import (
	"context"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// Names of the two identity tokenizers.
const (
	Original = "original"
	Resize   = "resize"
)

// Kinds lists the identity tokenizers.
func Kinds() []tokenizers.Kind {
	return []tokenizers.Kind{
		kind(Original, "the untouched image: upper bound of the readers"),
		kind(Resize, "the image after fit, pad and back, without a tokenizer: upper bound of the resolution"),
	}
}

func kind(name, summary string) tokenizers.Kind {
	return tokenizers.Kind{
		Name:    name,
		Summary: summary,
		Example: name,
		Open: func(context.Context, tokenizers.Options) (tokenizers.Tokenizer, error) {
			return identity(name), nil
		},
	}
}

// identity hands every image back as it came. Images are read-only by
// convention, so the reconstruction shares its pixels with the input.
type identity string

func (t identity) Info() tokenizers.Info {
	return tokenizers.Info{
		Name:          string(t),
		Version:       "1",
		Deterministic: true, BatchInvariant: true,
		Concurrent: true,
		Reference:  true,
	}
}

func (t identity) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		start := time.Now()
		if err := m.Validate(); err != nil {
			out[i].Err = err
			continue
		}
		out[i].Image = m
		out[i].Encode = time.Since(start)
	}
	return out, nil
}
