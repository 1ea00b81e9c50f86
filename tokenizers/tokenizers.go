// Package tokenizers says what a tokenizer is: something that turns images into
// tokens and back.
//
// Its opinion: the harness measures reconstructions, so Reconstruct is the one
// method everybody must have; codes, bits and times come along in the result,
// and whatever else a tokenizer can do (decode codes, hand out latents) is an
// optional interface. One bad image costs one item, never its batch.
package tokenizers

import (
	"context"
	"fmt"
	"time"

	"github.com/vtbench/vtbench/pix"
)

// A Tokenizer turns images into tokens and back. Reconstruct is called from one
// goroutine at a time unless Info().Concurrent; a tokenizer that holds resources
// also implements io.Closer.
type Tokenizer interface {
	Info() Info
	// Reconstruct runs a batch. It returns exactly len(in) results in the order of
	// in, each of the size of its input, or an error when the whole batch is lost.
	// What concerns one image only goes into that Reconstruction's Err. The inputs
	// must not be written to.
	Reconstruct(ctx context.Context, in []pix.Image) ([]Reconstruction, error)
}

// Info describes a tokenizer well enough to trust a cached result of it.
type Info struct {
	Name    string `json:"name"`              // "vq", "taming-vqgan-f16"
	Version string `json:"version"`           // of the adapter or the library
	Weights string `json:"weights,omitempty"` // hex SHA-256 of what was learned, "" where nothing was
	// Code is the hex SHA-256 of a program outside this one that computes the results, ""
	// where it does not say: they are then never taken from a cache.
	Code          string `json:"code,omitempty"`
	Deterministic bool   `json:"deterministic"` // same input, same output, bit by bit
	// BatchInvariant says that an image's result is the same, bit by bit, in any batch
	// and at any place of it, so that batches may be cut anywhere.
	BatchInvariant bool              `json:"batch_invariant,omitempty"`
	Concurrent     bool              `json:"concurrent,omitempty"`   // Reconstruct may be called from several goroutines
	External       bool              `json:"external,omitempty"`     // computes outside this process: not counted against the workers
	MultipleOf     int               `json:"multiple_of,omitempty"`  // sides must be multiples of it; 0 or 1: any
	FixedW         int               `json:"fixed_w,omitempty"`      // the only width it takes; 0: any
	FixedH         int               `json:"fixed_h,omitempty"`      // the only height it takes; 0: any
	MinSide        int               `json:"min_side,omitempty"`     // shortest side it takes; 0: 1
	MaxSide        int               `json:"max_side,omitempty"`     // longest side it takes; 0: any
	Stride         int               `json:"stride,omitempty"`       // pixels of one side of a token's cell
	Channels       int               `json:"channels,omitempty"`     // numbers a position of the latent has
	Codebooks      []int             `json:"codebooks,omitempty"`    // size of each; empty for continuous tokenizers
	BatchSize      int               `json:"batch_size,omitempty"`   // images it likes to get at once; 0: no preference
	Reference      bool              `json:"reference,omitempty"`    // an upper bound of the table, not a contestant
	WeightBytes    int64             `json:"weight_bytes,omitempty"` // of the files that hold what was learned; 0: it does not say
	Clips          *ClipInfo         `json:"clips,omitempty"`        // of a [ClipTokenizer]; nil: frames of films are coded one by one
	ScaledBack     bool              `json:"scaled_back,omitempty"`  // what it returns was scaled to the original's size elsewhere
	Params         map[string]string `json:"params,omitempty"`       // resolved options, encoder versions
}

// Reconstruction is what became of one image.
type Reconstruction struct {
	Image pix.Image
	Codes *Codes // nil for continuous tokenizers
	// Bits is the size of the coded image without container overhead, where a
	// bitstream really exists; 0 otherwise. FileBits is the same with its container.
	Bits, FileBits int64
	// Capacity is how many bits a continuous latent with noise can carry at most, so
	// that it has a place on an axis of rates; 0 where nothing bounds it.
	Capacity float64
	// Encode and Decode are measured by the adapter with its device synchronised;
	// 0 where it cannot tell.
	Encode, Decode time.Duration
	// Err says that this image failed; the other fields then mean nothing.
	Err error
}

// Codes are the tokens of one image: one Book a codebook (residual depths and
// groups are books of equal shape, coarse-to-fine levels are books of their own).
type Codes struct {
	Books []Book
}

// A Book holds the ids drawn from one codebook for one image.
type Book struct {
	Size  int     // number of entries of the codebook, K
	Shape []int   // grid of the positions, row-major: {h, w}, {n}
	IDs   []int32 // len is the product of Shape; each in [0, Size)
}

// Validate checks shapes and ranges; the error names the book and the position.
func (c *Codes) Validate() error {
	if c == nil {
		return nil
	}
	for b, book := range c.Books {
		if book.Size <= 0 {
			return fmt.Errorf("codebook %d: size is %d, must be positive", b, book.Size)
		}
		n := 1
		for _, s := range book.Shape {
			if s <= 0 {
				return fmt.Errorf("codebook %d: shape %v has a side that is not positive", b, book.Shape)
			}
			n *= s
		}
		if n != len(book.IDs) {
			return fmt.Errorf("codebook %d: shape %v wants %d ids, have %d", b, book.Shape, n, len(book.IDs))
		}
		for i, id := range book.IDs {
			if id < 0 || int(id) >= book.Size {
				return fmt.Errorf("codebook %d: id %d at position %d is outside 0..%d", b, id, i, book.Size-1)
			}
		}
	}
	return nil
}

// Tokens is the number of ids over all books.
func (c *Codes) Tokens() int {
	if c == nil {
		return 0
	}
	n := 0
	for _, b := range c.Books {
		n += len(b.IDs)
	}
	return n
}

// A Decoder can turn codes back into images; needed for token damage.
type Decoder interface {
	// Decode returns one image of w by h for every element of codes.
	Decode(ctx context.Context, codes []*Codes, w, h int) ([]pix.Image, error)
}

// A Latent is the continuous representation of one image, before any codebook.
type Latent struct {
	Shape []int // {channels, h, w}
	Data  []float32
	// LogVariance is the natural logarithm of the variance of every number's posterior,
	// in the same order; nil where there is none.
	LogVariance []float32
}

// A LatentEncoder hands out latents, for collapse statistics.
type LatentEncoder interface {
	Latents(ctx context.Context, in []pix.Image) ([]Latent, error)
}

// A Neighbourer knows which other code is nearest to each one of a book; needed
// for nearest-code damage and codeword distances.
type Neighbourer interface {
	// Nearest returns for every id of the book the nearest other id.
	Nearest(book int) ([]int32, error)
	// Distance returns the Euclidean distance between two codewords of the book.
	Distance(book int, a, b int32) (float64, error)
}

// A Repairer can guess lost codes from those that are left.
type Repairer interface {
	// Repair returns the codes of a w by h image with a guess for every id that is
	// lost: lost[b][i] says so of id i of book b, whose value must not be used. It
	// does not change its arguments.
	Repair(codes *Codes, lost [][]bool, w, h int) (*Codes, error)
}

// A Clusterer knows which codes stand for much the same.
type Clusterer interface {
	// Alternatives returns the other ids that book b may have at position at without
	// leaving the cluster of the one it has; none where there is no other.
	Alternatives(codes *Codes, b, at int) ([]int32, error)
}

// A Warmer has work to do before the first batch that should not be timed.
type Warmer interface {
	Warm(ctx context.Context, w, h int) error
}

// A Ranger can be had again as if its model took and gave pixels of another range:
// `vtbench conform` tries some where a reconstruction does not resemble its input.
type Ranger interface {
	// Range is what the bytes 0 and 255 become; ok is false where that is not known.
	Range() (lo, hi float64, ok bool)
	// InRange returns the same model with another range; the caller closes it where it
	// is an io.Closer. The error is errors.ErrUnsupported where a range means nothing.
	InRange(ctx context.Context, lo, hi float64) (Tokenizer, error)
}

// A Meter tells what a tokenizer that computes outside this process has in memory.
type Meter interface {
	// ResetPeak forgets what was in use before.
	ResetPeak()
	// PeakMemory is the most that was in use since ResetPeak, in bytes, in the memory of
	// the machine and of accelerators; 0 where it cannot be told.
	PeakMemory() (host, device int64)
}

// A Guest is served by the program that started this one. When that is gone, nobody waits
// for results.
type Guest interface {
	// Gone is closed when the other side is lost for good: it closed its streams, broke the
	// protocol or did not answer in time. It is nil where the tokenizer is no such guest.
	Gone() <-chan struct{}
	// Why says what happened, once Gone is closed.
	Why() error
}

// Accepts says whether a w by h image satisfies the input constraints; the
// error names the constraint.
func (in Info) Accepts(w, h int) error {
	switch {
	case in.FixedW > 0 && w != in.FixedW, in.FixedH > 0 && h != in.FixedH:
		return fmt.Errorf("%s takes only %d×%d images, not %d×%d", in.Name, in.FixedW, in.FixedH, w, h)
	case in.MultipleOf > 1 && (w%in.MultipleOf != 0 || h%in.MultipleOf != 0):
		return fmt.Errorf("%s needs sides that are multiples of %d, not %d×%d", in.Name, in.MultipleOf, w, h)
	case min(w, h) < in.MinSide:
		return fmt.Errorf("%s needs sides of at least %d, not %d×%d", in.Name, in.MinSide, w, h)
	case in.MaxSide > 0 && max(w, h) > in.MaxSide:
		return fmt.Errorf("%s takes sides of at most %d, not %d×%d", in.Name, in.MaxSide, w, h)
	}
	return nil
}

// A SizeError says that a reconstruction has another size than its input. Adapters that
// see it themselves return it, too, so that a run can tell what is wrong with all.
type SizeError struct {
	W, H, WantW, WantH int
	Text               string
}

// Error implements error.
func (e *SizeError) Error() string { return e.Text }

// Check enforces the contract of Reconstruct on what an adapter returned: the
// number of results, and for each that did not fail its size and its codes.
// Results that break the contract get an Err; the others stand.
func Check(in []pix.Image, out []Reconstruction) error {
	if len(out) != len(in) {
		return fmt.Errorf("tokenizer returned %d results for a batch of %d", len(out), len(in))
	}
	for i := range out {
		r := &out[i]
		if r.Err != nil {
			continue
		}
		if err := r.Image.Validate(); err != nil {
			r.Err = fmt.Errorf("checking the reconstruction: %w", err)
		} else if r.Image.W != in[i].W || r.Image.H != in[i].H {
			r.Err = &SizeError{
				W: r.Image.W, H: r.Image.H, WantW: in[i].W, WantH: in[i].H,
				Text: fmt.Sprintf("checking the reconstruction: it is %d×%d, its input was %d×%d", r.Image.W, r.Image.H, in[i].W, in[i].H),
			}
		} else if err := r.Codes.Validate(); err != nil {
			r.Err = fmt.Errorf("checking the codes: %w", err)
		} else if r.Bits < 0 || r.FileBits < 0 || !(r.Capacity >= 0) || r.Encode < 0 || r.Decode < 0 {
			r.Err = fmt.Errorf("checking the reconstruction: bits (%d, %d) and times (%v, %v) must not be negative", r.Bits, r.FileBits, r.Encode, r.Decode)
		}
	}
	return nil
}
