// Package neural ships small convolutional tokenizers that were trained for this
// program: one encoder, one decoder, one recipe, and six bottlenecks between them.
//
// Its opinion: published tokenizers differ in data, size, losses and steps as much as
// in their quantizer, so tables of them cannot say what the quantizer does. Here only
// the bottleneck differs. They are small, trained for minutes on a dozen photographs
// and rendered text: rows to compare with each other and to show what learning adds to
// a linear transform, no rivals of published models. What each scored stands in
// docs/neural.md, how it was trained in the folder train.
//
//	conv-vq           f8, 1024 codes
//	conv:rule=kl,f=4  the same by options
//
// Networks run in ONNX Runtime, which must be there. They take images whose sides are
// multiples of f.
package neural

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/onnx"
)

// version changes when the same networks and image would give another result, and when
// the networks were trained anew.
const version = "2"

// maxTokens along a side bound the memory of a call: 256² scores of 1024 codewords take
// 268 MB.
const maxTokens = 256

//go:embed models
var files embed.FS

// Rules are the bottlenecks, the continuous one first.
func Rules() []string { return []string{"kl", "vq", "fsq", "lfq", "rvq", "simvq"} }

// A Model is one trained network, as models.json describes it.
type Model struct {
	Name       string            `json:"name"` // "vq-f8"
	Rule       string            `json:"rule"`
	Stride     int               `json:"stride"`
	Channels   int               `json:"channels"`   // of the latent
	Codebooks  []int             `json:"codebooks"`  // empty for kl
	Parameters int               `json:"parameters"` // trained, codebooks left out
	Steps      int               `json:"steps"`      // after those of its trunk
	Curve      []json.RawMessage `json:"curve"`      // loss and PSNR while training
	Files      map[string]string `json:"files"`      // SHA-256 by name
}

// manifest is models.json, written by train/export.py.
type manifest struct {
	Recipe json.RawMessage `json:"recipe"`
	Images struct {
		SHA256      string   `json:"sha256"`
		TextSeed    uint64   `json:"text_seed"`
		Photographs []string `json:"photographs"` // their SHA-256
	} `json:"images"`
	Models []Model `json:"models"`
}

var shipped = sync.OnceValues(func() (manifest, error) {
	var m manifest
	data, err := files.ReadFile("models/models.json")
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return m, fmt.Errorf("reading the list of networks: %w", err)
	}
	return m, nil
})

// Models lists what ships.
func Models() ([]Model, error) {
	m, err := shipped()
	return slices.Clone(m.Models), err
}

// Kinds are conv, and one preset for each rule.
func Kinds() []tokenizers.Kind {
	stride := tokenizers.Option{Name: "f", Help: "pixels of one side of a token's cell: 4, 8 or 16", Default: "8", Check: func(v string) error {
		if v != "4" && v != "8" && v != "16" {
			return errors.New("want 4, 8 or 16")
		}
		return nil
	}}
	out := []tokenizers.Kind{{
		Name: "conv", Summary: "small convolutional tokenizers, trained alike but for their bottleneck", Example: "conv:rule=vq,f=8",
		Options: []tokenizers.Option{tokenizers.ChoiceOption("rule", "bottleneck", Rules()...), stride},
		Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			return Open(opts["rule"], opts.Int("f"))
		},
	}}
	for _, rule := range Rules() {
		out = append(out, tokenizers.Kind{
			Name: "conv-" + rule, Summary: "conv with rule=" + rule, Example: "conv-" + rule + ":f=8",
			Options: []tokenizers.Option{stride},
			Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
				return Open(rule, opts.Int("f"))
			},
		})
	}
	return out
}

// Open opens the network of a rule and a stride. The error is a missing.Error where
// there is no ONNX Runtime.
func Open(rule string, stride int) (tokenizers.Tokenizer, error) {
	m, err := find(rule, stride)
	if err != nil {
		return nil, err
	}
	name := "conv-" + m.Name
	read := func(part string) ([]byte, error) { return m.read(m.Name + part) }
	encoder, err := read(".encoder.onnx")
	if err != nil {
		return nil, err
	}
	decoder, err := read(".decoder.onnx")
	if err != nil {
		return nil, err
	}
	side := onnx.Sidecar{
		Name: "conv-" + rule, Version: version, Pixels: onnx.Pixels{Range: []float64{-1, 1}, Layout: "NCHW"},
		Reconstruction: "reconstruction", Latent: "latent",
		MultipleOf: stride, MinSide: stride, MaxSide: maxTokens * stride, Stride: stride, Batch: 1,
	}
	if len(m.Codebooks) > 0 {
		side.Codes, side.Codebooks = []string{"codes"}, m.Codebooks
	}
	if len(m.Codebooks) > 1 {
		side.BooksAxis = 1
	}
	t, err := onnx.OpenEmbedded(onnx.Embedded{Name: name, Encoder: encoder, Decoder: decoder, Sidecar: side})
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	c, err := m.complete(t, func(*tokenizers.Info) {})
	if err != nil {
		err = fmt.Errorf("opening %s: %w", name, err)
		if closer, ok := t.(io.Closer); ok {
			err = errors.Join(err, closer.Close())
		}
		return nil, err
	}
	return c, nil
}

func find(rule string, stride int) (Model, error) {
	m, err := shipped()
	if err != nil {
		return Model{}, err
	}
	var have []string
	for _, model := range m.Models {
		if model.Rule == rule && model.Stride == stride {
			return model, nil
		}
		have = append(have, model.Name)
	}
	return Model{}, fmt.Errorf("conv:rule=%s,f=%d is not among the networks that ship (%s)", rule, stride, strings.Join(have, ", "))
}

// read returns a file of the model if its digest is right.
func (m Model) read(name string) ([]byte, error) {
	data, err := files.ReadFile("models/" + name)
	if err != nil {
		return nil, fmt.Errorf("reading the network %s: %w", m.Name, err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != m.Files[name] {
		return nil, fmt.Errorf("reading the network %s: %s has SHA-256 %x where models.json says %q", m.Name, name, sum, m.Files[name])
	}
	return data, nil
}

// An opened model, with what ONNX Runtime does not know.
type opened struct {
	tokenizers.Tokenizer
	tokenizers.LatentEncoder
	io.Closer
	model  Model
	graphs onnx.Editable
	info   tokenizers.Info
}

// Graphs implements [onnx.Editable].
func (o opened) Graphs() ([]onnx.Graph, error) { return o.graphs.Graphs() }

// WithGraphs implements [onnx.Editable].
func (o opened) WithGraphs(graphs []onnx.Graph, describe func(*tokenizers.Info)) (tokenizers.Tokenizer, error) {
	t, err := o.graphs.WithGraphs(graphs, func(*tokenizers.Info) {})
	if err != nil {
		return nil, err
	}
	c, err := o.model.complete(t, describe)
	if err != nil {
		return nil, errors.Join(err, t.(io.Closer).Close()) // an Editable of package onnx has it
	}
	return c, nil
}

// Observe implements [onnx.Editable].
func (o opened) Observe(ctx context.Context, graphs []onnx.Graph, names [][]string, in []pix.Image, see func(image, graph int, name string, shape []int64, data []float32) error) error {
	return o.graphs.Observe(ctx, graphs, names, in, see)
}

// Info implements tokenizers.Tokenizer.
func (o opened) Info() tokenizers.Info { return o.info }

// coded is an opened model that has codes.
type coded struct {
	opened
	tokenizers.Decoder
	codewords
}

// complete adds what ONNX Runtime does not know; describe changes what it says of itself.
func (m Model) complete(t tokenizers.Tokenizer, describe func(*tokenizers.Info)) (tokenizers.Tokenizer, error) {
	latents, hasLatents := t.(tokenizers.LatentEncoder)
	closer, closes := t.(io.Closer)
	graphs, editable := t.(onnx.Editable)
	if !hasLatents || !closes || !editable {
		return nil, errors.New("its graphs hand out no latents")
	}
	o := opened{Tokenizer: t, LatentEncoder: latents, Closer: closer, model: m, graphs: graphs, info: t.Info()}
	// One call at a time: workers that wait cost no memory.
	o.info.Concurrent = false
	o.info.Channels = m.Channels
	o.info.Params = maps.Clone(o.info.Params)
	o.info.Params["rule"], o.info.Params["f"] = m.Rule, strconv.Itoa(m.Stride)
	describe(&o.info)
	if len(m.Codebooks) == 0 {
		return o, nil
	}
	decoder, ok := t.(tokenizers.Decoder)
	if !ok {
		return nil, errors.New("its decoder does not take codes alone")
	}
	words, err := m.codewords()
	if err != nil {
		return nil, err
	}
	return coded{opened: o, Decoder: decoder, codewords: words}, nil
}

// codewords of every book, one behind the other, each of dim numbers.
type codewords struct {
	books   [][]float32
	dim     int
	nearest []func() []int32
}

func (m Model) codewords() (codewords, error) {
	data, err := m.read(m.Name + ".words")
	if err != nil {
		return codewords{}, err
	}
	c := codewords{dim: m.Channels}
	for _, k := range m.Codebooks {
		n := k * m.Channels
		if len(data) < 4*n {
			return codewords{}, fmt.Errorf("%s.words ends before %d codewords of %d numbers", m.Name, k, m.Channels)
		}
		book := make([]float32, n)
		for i := range book {
			book[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		data = data[4*n:]
		c.books = append(c.books, book)
		c.nearest = append(c.nearest, sync.OnceValue(func() []int32 { return nearest(book, m.Channels) }))
	}
	if len(data) > 0 {
		return codewords{}, fmt.Errorf("%s.words has %d bytes behind its last codeword", m.Name, len(data))
	}
	return c, nil
}

// nearest finds the nearest other codeword of each.
func nearest(book []float32, dim int) []int32 {
	out := make([]int32, len(book)/dim)
	for a := range out {
		least := math.Inf(1)
		for b := range out {
			if d := squared(book, dim, a, b); a != b && d < least {
				least, out[a] = d, int32(b)
			}
		}
	}
	return out
}

func squared(book []float32, dim, a, b int) float64 {
	sum := 0.0
	for i := range dim {
		d := float64(book[a*dim+i]) - float64(book[b*dim+i])
		sum += d * d
	}
	return sum
}

// Nearest implements tokenizers.Neighbourer.
func (c codewords) Nearest(book int) ([]int32, error) {
	if book < 0 || book >= len(c.books) {
		return nil, fmt.Errorf("there is no codebook %d, only %d of them", book, len(c.books))
	}
	return slices.Clone(c.nearest[book]()), nil
}

// Distance implements tokenizers.Neighbourer: in the space of the latent.
func (c codewords) Distance(book int, a, b int32) (float64, error) {
	if book < 0 || book >= len(c.books) {
		return 0, fmt.Errorf("there is no codebook %d, only %d of them", book, len(c.books))
	}
	if n := int32(len(c.books[book]) / c.dim); min(a, b) < 0 || max(a, b) >= n {
		return 0, fmt.Errorf("codebook %d has %d codewords, not %d and %d", book, n, a, b)
	}
	return math.Sqrt(squared(c.books[book], c.dim, int(a), int(b))), nil
}
