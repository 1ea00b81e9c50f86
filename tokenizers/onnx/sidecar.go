package onnx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Sidecar says what a graph does not: what its numbers mean. It is a YAML file
// beside the model (vae.onnx, vae.yaml). Everything in it is optional.
type Sidecar struct {
	file   string // where it is, or would be
	digest string // hex SHA-256 of the file, "" where there is none

	Name    string `yaml:"name"`    // the model's file name
	Version string `yaml:"version"` // "1"

	Pixels `yaml:",inline"`
	// Output describes the reconstruction where it differs from the input.
	Output *Pixels `yaml:"output"`

	// Reconstruction names the output that holds the image; needed where several
	// could.
	Reconstruction string `yaml:"reconstruction"`
	// Connect maps inputs of the decoder to outputs of the encoder, where names
	// differ and there is more than one of each.
	Connect map[string]string `yaml:"connect"`

	// Codes names the outputs that hold ids: one for each codebook, or one that
	// stacks them along BooksAxis.
	Codes     []string `yaml:"codes"`
	Codebooks []int    `yaml:"codebooks"`  // number of entries of each
	BooksAxis int      `yaml:"books_axis"` // axis of the codebooks in a stacked output, counted with the batch's as 0
	Latent    string   `yaml:"latent"`     // output that holds the continuous latent, [n, c, h, w] or [n, c, t, h, w]

	// Clips says which windows of films a graph of 5 axes takes: {multiple: 4, causal: true}.
	// Where its number of frames is fixed, that is the only one.
	Clips *tokenizers.ClipInfo `yaml:"clips"`

	MultipleOf int `yaml:"multiple_of"` // sides must be multiples of it
	MinSide    int `yaml:"min_side"`
	MaxSide    int `yaml:"max_side"`
	Width      int `yaml:"width"`  // the only width it takes
	Height     int `yaml:"height"` // the only height it takes
	Stride     int `yaml:"stride"` // pixels of one side of a token's cell
	Batch      int `yaml:"batch"`  // most images at once; 0: the graph's own, or 8

	Deterministic *bool `yaml:"deterministic"` // true unless said otherwise
	// BatchInvariant says that an image's result does not depend on its batch, bit by
	// bit. Kernels may add in another order for another batch, so it is false unless
	// said otherwise; `vtbench conform` checks it.
	BatchInvariant bool `yaml:"batch_invariant"`
}

// Pixels say how bytes become the numbers of a tensor and back.
type Pixels struct {
	// Range is what 0 and 255 become, before Mean and Std: [-1, 1] is usual, [0, 1]
	// the default where Mean and Std are given, [0, 255] what byte tensors have.
	Range  []float64 `yaml:"range"`
	Mean   []float64 `yaml:"mean"`   // subtracted, by channel in R, G, B order
	Std    []float64 `yaml:"std"`    // divided by
	Layout string    `yaml:"layout"` // one of layouts; found in the shape where that shows it
	Colour string    `yaml:"colour"` // RGB or BGR
}

// readSidecar reads the file of that name, or the one beside the model where the
// name is "". No file there means defaults.
func readSidecar(file, model string) (*Sidecar, error) {
	s := &Sidecar{}
	beside := file == ""
	if beside {
		file = strings.TrimSuffix(model, filepath.Ext(model)) + ".yaml"
	}
	s.file = file
	data, err := files.Read(file, strictyaml.MaxBytes)
	if errors.Is(err, os.ErrNotExist) && beside {
		return s, s.check("no sidecar beside " + model)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sidecar: %w", err)
	}
	if err := strictyaml.Decode(file, data, s); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	s.digest = hex.EncodeToString(sum[:])
	return s, s.check(file)
}

// check fills defaults and refuses what cannot be.
func (s *Sidecar) check(file string) error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", file, fmt.Sprintf(format, args...)))
	}
	s.Pixels.check("", bad)
	if s.Output != nil {
		s.Output.inherit(&s.Pixels)
		s.Output.check("output.", bad)
	}
	switch {
	case len(s.Codes) == 0 && len(s.Codebooks) > 0:
		bad("codebooks is given but codes is not: name the output that holds the ids")
	case len(s.Codes) > 0 && len(s.Codebooks) == 0:
		bad("codes is given but codebooks is not: say how many entries each codebook has")
	case len(s.Codes) > 1 && len(s.Codes) != len(s.Codebooks):
		bad("codes names %d outputs, codebooks has %d sizes: they must agree", len(s.Codes), len(s.Codebooks))
	case len(s.Codes) == 1 && len(s.Codebooks) > 1 && s.BooksAxis < 1:
		bad("one output holds the ids of %d codebooks: say along which axis (books_axis: 1)", len(s.Codebooks))
	}
	if err := s.Clips.Validate(); err != nil {
		bad("%v", err)
	}
	for i, k := range s.Codebooks {
		if k < 1 || k > 1<<30 {
			bad("codebooks[%d] is %d: want 1 or more", i, k)
		}
	}
	for name, v := range map[string]int{"multiple_of": s.MultipleOf, "min_side": s.MinSide, "max_side": s.MaxSide, "width": s.Width, "height": s.Height, "stride": s.Stride, "batch": s.Batch, "books_axis": s.BooksAxis} {
		if v < 0 || v > 1<<24 {
			bad("%s is %d: want 0 or more", name, v)
		}
	}
	return errors.Join(errs...)
}

func (p *Pixels) inherit(from *Pixels) {
	if p.Range == nil {
		p.Range = from.Range
	}
	if p.Mean == nil {
		p.Mean = from.Mean
	}
	if p.Std == nil {
		p.Std = from.Std
	}
	if p.Layout == "" {
		p.Layout = from.Layout
	}
	if p.Colour == "" {
		p.Colour = from.Colour
	}
}

func (p *Pixels) check(prefix string, bad func(string, ...any)) {
	if p.Range != nil && (len(p.Range) != 2 || !(p.Range[1] > p.Range[0])) {
		bad("%srange is %v: want [low, high], for example [-1, 1]", prefix, p.Range)
	}
	if p.Mean != nil && len(p.Mean) != 3 {
		bad("%smean has %d numbers: want 3, in R, G, B order", prefix, len(p.Mean))
	}
	if p.Std != nil && (len(p.Std) != 3 || min(p.Std[0], p.Std[1], p.Std[2]) <= 0) {
		bad("%sstd is %v: want 3 positive numbers, in R, G, B order", prefix, p.Std)
	}
	if p.Layout = strings.ToUpper(p.Layout); p.Layout != "" && !slices.Contains(layouts, p.Layout) {
		bad("%slayout is %q: want one of %s", prefix, p.Layout, strings.Join(layouts, ", "))
	}
	if p.Colour = strings.ToUpper(p.Colour); p.Colour != "" && p.Colour != "RGB" && p.Colour != "BGR" {
		bad("%scolour is %q: want RGB or BGR", prefix, p.Colour)
	}
}

// layouts of images and of clips: N is the batch, T the time.
var layouts = []string{"NCHW", "NHWC", "NCTHW", "NTCHW", "NTHWC"}

// affine is v = byte*scale + shift for one channel of the image.
type affine struct{ scale, shift float64 }

// scales works out the conversion of each channel, R, G, B.
func (p *Pixels) scales(bytes bool) [3]affine {
	lo, hi := -1.0, 1.0
	switch {
	case p.Range != nil:
		lo, hi = p.Range[0], p.Range[1]
	case bytes:
		lo, hi = 0, 255
	case p.Mean != nil || p.Std != nil:
		lo, hi = 0, 1
	}
	var out [3]affine
	for c := range out {
		mean, std := 0.0, 1.0
		if p.Mean != nil {
			mean = p.Mean[c]
		}
		if p.Std != nil {
			std = p.Std[c]
		}
		out[c] = affine{scale: (hi - lo) / 255 / std, shift: (lo - mean) / std}
	}
	return out
}
