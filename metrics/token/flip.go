package token

import (
	"fmt"
	"slices"

	"github.com/vtbench/vtbench/tokenizers"
)

// Flips count the tokens that a corruption, or encoding a second time, changed.
// The Flips of a set are the sum of those of its images. The stability of a
// tokenizer under a corruption is Rate less the Rate of re-encoding (its noise
// floor); both belong in a report.
type Flips struct {
	Tokens  int64
	Flipped int64
	// Distance sums the Euclidean distances between the codewords before and after,
	// over Measured flipped tokens.
	Distance float64
	Measured int64
}

// Compare counts the tokens that differ between two encodings of an image.
// codewords may be nil; then no distances are measured.
func Compare(before, after *tokenizers.Codes, codewords tokenizers.Neighbourer) (Flips, error) {
	if before == nil || after == nil {
		return Flips{}, fmt.Errorf("comparing tokens: %w", errNoCodes)
	}
	if len(before.Books) != len(after.Books) {
		return Flips{}, fmt.Errorf("comparing tokens: %d codebooks before, %d after", len(before.Books), len(after.Books))
	}
	var f Flips
	for k, b := range before.Books {
		a := after.Books[k]
		if a.Size != b.Size || !slices.Equal(a.Shape, b.Shape) || len(a.IDs) != len(b.IDs) {
			return Flips{}, fmt.Errorf("comparing tokens: codebook %d has %d entries in shape %v before, %d in shape %v after", k, b.Size, b.Shape, a.Size, a.Shape)
		}
		for i, id := range b.IDs {
			f.Tokens++
			if id == a.IDs[i] {
				continue
			}
			f.Flipped++
			if codewords == nil {
				continue
			}
			d, err := codewords.Distance(k, id, a.IDs[i])
			if err != nil {
				return Flips{}, fmt.Errorf("comparing tokens: distance of codes %d and %d of codebook %d: %w", id, a.IDs[i], k, err)
			}
			f.Distance += d
			f.Measured++
		}
	}
	return f, nil
}

// Add sums two counts.
func (f Flips) Add(o Flips) Flips {
	return Flips{f.Tokens + o.Tokens, f.Flipped + o.Flipped, f.Distance + o.Distance, f.Measured + o.Measured}
}

// Rate is the share of tokens that changed, NaN without tokens.
func (f Flips) Rate() float64 { return ratio(float64(f.Flipped), f.Tokens) }

// MeanDistance is the mean distance of a flipped token's codewords, NaN where
// none was measured.
func (f Flips) MeanDistance() float64 { return ratio(f.Distance, f.Measured) }

// Codes restores what [Decode] kept in order; an error for books larger than
// [MaxGrid].
func (s State) Codes() (*tokenizers.Codes, error) {
	out := &tokenizers.Codes{}
	for i, b := range s.Books {
		if b.IDs == nil {
			return nil, fmt.Errorf("restoring codes: codebook %d has more than %d positions, only counts were kept", i, MaxGrid)
		}
		out.Books = append(out.Books, tokenizers.Book{Size: b.Size, Shape: b.Shape, IDs: b.IDs})
	}
	return out, nil
}
