// Package quant makes tokenizers by composition: a linear transform of patches,
// fitted on photographs and rendered text, times a quantizer of its latents.
//
// Its opinion: most published tokenizers differ in their quantizer, and the
// quantizers can only be told apart when everything around them is the same. So
// the transform is the same for all, the best linear one (Karhunen–Loève, see
// [Transform]), and each rule is one file: its options, how it is fitted, how a
// vector becomes ids and ids a vector. "kl" has no quantizer and is the upper
// bound of the others on the same latents.
//
// What was fitted ships inside the program as small artefacts with a checksum
// (folder fitted, format in artefact.go); they were made by
//
//	go run ./tokenizers/quant/fit
//
// which also fits what does not ship, for the option file:
//
//	go run ./tokenizers/quant/fit -o my.vtbq vq:patch=8,k=777
//	vtbench run --suite text -t vq:file=my.vtbq
//
// Images of any size are taken: patches over the right and lower edge are filled
// up by repeating the last pixel, and cut off again.
package quant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"strconv"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Quantizer maps latents to ids and back. Its methods are called from several
// goroutines.
type Quantizer interface {
	// Books are the sizes of the codebooks; a vector gets one id from each.
	Books() []int
	// Quantize writes the ids of the vectors in x, book after book: with n
	// vectors, ids[b*n+i] is the id of vector i in book b.
	Quantize(ids []int32, x []float32)
	// Dequantize writes the vectors that ids stand for, in the same order.
	Dequantize(x []float32, ids []int32)
}

// Neighbours is implemented by quantizers whose codewords have distances.
type Neighbours interface {
	// Nearby returns for every id of a book the nearest other id.
	Nearby(book int) ([]int32, error)
	// Distance is the Euclidean distance of two codewords of a book.
	Distance(book int, a, b int32) float64
}

// A rule is a quantizer as a kind of tokenizer.
type rule struct {
	name, summary, example string
	options                []tokenizers.Option
	// stem names the shipped artefact that the options ask for.
	stem func(tokenizers.Options) string
	// dim is the number of latents that the options ask for; nil where that is the
	// option dim, 0 meaning as many as were fitted.
	dim func(tokenizers.Options) int
	// open makes the quantizer of an artefact for the latents of t; nil where they
	// stay as they are.
	open func(a *Artefact, t *Transform, opts tokenizers.Options) (Quantizer, error)
	// fit finds the rule's tensors for latents of dim numbers each, and says in a
	// few words how it went; nil where there is nothing to fit but the transform.
	fit func(latents []float32, dim int, opts tokenizers.Options, seed uint64) ([]Tensor, map[string]string, error)
}

// rules lists what there is; a new rule is a new file and a line here.
func rules() []rule {
	return []rule{klRule(), vqRule(), rvqRule(), fsqRule()}
}

// maxDim is the largest option dim: the samples of the largest patch.
const maxDim = 3 * 256 * 256

func patchOption(def int) tokenizers.Option {
	return tokenizers.IntOption("patch", def, 1, 256, "side of a patch in pixels; 4, 8 and 16 are shipped")
}

func dimOption(help string) tokenizers.Option {
	return tokenizers.IntOption("dim", 0, 0, maxDim, help)
}

func fileOption() tokenizers.Option {
	return tokenizers.Option{Name: "file", Help: "a fitted artefact instead of a shipped one; its patch and size then hold"}
}

// Kinds lists the compositions.
func Kinds() []tokenizers.Kind {
	var out []tokenizers.Kind
	for _, r := range rules() {
		out = append(out, tokenizers.Kind{
			Name: r.name, Summary: r.summary, Example: r.example, Options: r.options,
			Open: func(_ context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
				return r.tokenizer(opts)
			},
		})
	}
	return out
}

// tokenizer opens what the options ask for.
func (r rule) tokenizer(opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	var a *Artefact
	var err error
	if path := opts["file"]; path != "" {
		a, err = readFile(path)
	} else {
		a, err = shipped(r, opts)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	from := a
	if !a.Has("basis") {
		if from, err = transformOf(a); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	dim := opts.Int("dim")
	if r.dim != nil {
		dim = r.dim(opts)
	}
	if a != from { // the quantizer was fitted to this many latents
		if dim == 0 {
			dim = a.Dim
		}
		if dim > a.Dim {
			return nil, fmt.Errorf("%s: dim=%d: the codebook was fitted to %d latents", r.name, dim, a.Dim)
		}
	}
	t, err := ReadTransform(from, dim)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	q, err := r.open(a, t, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	params := map[string]string(maps.Clone(opts))
	params["patch"], params["dim"] = strconv.Itoa(t.Patch), strconv.Itoa(t.Dim)
	weights := a.Digest()
	if a != from {
		sum := sha256.Sum256([]byte(a.Digest() + from.Digest()))
		weights = hex.EncodeToString(sum[:])
	}
	info := tokenizers.Info{
		Name:          r.name,
		Version:       version,
		Weights:       weights,
		Deterministic: true, BatchInvariant: true,
		Concurrent: true,
		Stride:     t.Patch,
		Channels:   t.Dim,
		Params:     params,
	}
	if q == nil {
		return &continuous{t: t, info: info}, nil
	}
	info.Codebooks = q.Books()
	d := newDiscrete(t, q, info)
	if n, ok := q.(Neighbours); ok {
		return &neighbouring{discrete: d, n: n}, nil
	}
	return d, nil
}

// version changes when the same artefact and image would give another result, and
// when what ships was fitted on other data.
const version = "2"

func readFile(path string) (*Artefact, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	a, err := ReadArtefact(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return a, nil
}

// continuous is a transform alone.
type continuous struct {
	t    *Transform
	info tokenizers.Info
}

// Info implements [tokenizers.Tokenizer].
func (c *continuous) Info() tokenizers.Info { return c.info }

// Reconstruct implements [tokenizers.Tokenizer].
func (c *continuous) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return each(ctx, in, func(m pix.Image) (r tokenizers.Reconstruction) {
		start := time.Now()
		latents := c.t.Forward(m)
		encoded := time.Now()
		r.Image = c.t.Inverse(latents, m.W, m.H)
		r.Encode, r.Decode = encoded.Sub(start), time.Since(encoded)
		return r
	})
}

// Latents implements [tokenizers.LatentEncoder].
func (c *continuous) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	return latents(ctx, c.t, in)
}

// discrete is a transform and a quantizer.
type discrete struct {
	t     *Transform
	q     Quantizer
	books []int
	// pixels holds the patch of every id where there is one small codebook, so
	// that decoding is copying.
	pixels []uint8
	info   tokenizers.Info
}

// maxPixels bounds the table of decoded codewords.
const maxPixels = 64 << 20

func newDiscrete(t *Transform, q Quantizer, info tokenizers.Info) *discrete {
	d := &discrete{t: t, q: q, books: q.Books(), info: info}
	if k := d.books[0]; len(d.books) == 1 && k*t.Size() <= maxPixels {
		d.pixels = make([]uint8, k*t.Size())
		const chunk = 256
		ids, x, work := make([]int32, chunk), make([]float32, chunk*t.Dim), make([]float32, chunk*t.Size())
		for start := 0; start < k; start += chunk {
			n := min(chunk, k-start)
			for i := range n {
				ids[i] = int32(start + i)
			}
			q.Dequantize(x[:n*t.Dim], ids[:n])
			t.patches(d.pixels[start*t.Size():], work, x[:n*t.Dim])
		}
	}
	return d
}

// Info implements [tokenizers.Tokenizer].
func (d *discrete) Info() tokenizers.Info { return d.info }

// Reconstruct implements [tokenizers.Tokenizer].
func (d *discrete) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return each(ctx, in, func(m pix.Image) (r tokenizers.Reconstruction) {
		start := time.Now()
		gw, gh := d.t.Grid(m.W, m.H)
		n := gw * gh
		ids := make([]int32, len(d.books)*n)
		d.q.Quantize(ids, d.t.Forward(m))
		encoded := time.Now()
		r.Image = d.decode(ids, m.W, m.H)
		r.Encode, r.Decode = encoded.Sub(start), time.Since(encoded)
		r.Codes = &tokenizers.Codes{Books: make([]tokenizers.Book, len(d.books))}
		for b, size := range d.books {
			r.Codes.Books[b] = tokenizers.Book{Size: size, Shape: []int{gh, gw}, IDs: ids[b*n:][:n:n]}
		}
		return r
	})
}

func (d *discrete) decode(ids []int32, w, h int) pix.Image {
	if d.pixels == nil {
		gw, gh := d.t.Grid(w, h)
		x := make([]float32, gw*gh*d.t.Dim)
		d.q.Dequantize(x, ids)
		return d.t.Inverse(x, w, h)
	}
	m := pix.New(w, h)
	gw, _ := d.t.Grid(w, h)
	size := d.t.Size()
	for i, id := range ids {
		d.t.place(m, d.pixels[int(id)*size:][:size], i%gw, i/gw)
	}
	return m
}

// Decode implements [tokenizers.Decoder].
func (d *discrete) Decode(ctx context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("%s: decoding to %d×%d pixels: both sides must be positive", d.info.Name, w, h)
	}
	gw, gh := d.t.Grid(w, h)
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c == nil || len(c.Books) != len(d.books) {
			return nil, fmt.Errorf("%s: decoding image %d: want ids of %d codebooks", d.info.Name, i, len(d.books))
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("%s: decoding image %d: %w", d.info.Name, i, err)
		}
		ids := make([]int32, 0, len(d.books)*gw*gh)
		for b, book := range c.Books {
			if book.Size != d.books[b] || len(book.Shape) != 2 || book.Shape[0] != gh || book.Shape[1] != gw {
				return nil, fmt.Errorf("%s: decoding image %d to %d×%d: codebook %d has size %d and shape %v, want %d and [%d %d]",
					d.info.Name, i, w, h, b, book.Size, book.Shape, d.books[b], gh, gw)
			}
			ids = append(ids, book.IDs...)
		}
		out[i] = d.decode(ids, w, h)
	}
	return out, nil
}

// Latents implements [tokenizers.LatentEncoder].
func (d *discrete) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	return latents(ctx, d.t, in)
}

// neighbouring is a discrete tokenizer whose codewords have distances.
type neighbouring struct {
	*discrete
	n Neighbours
}

// Nearest implements [tokenizers.Neighbourer].
func (d *neighbouring) Nearest(book int) ([]int32, error) {
	if book < 0 || book >= len(d.books) {
		return nil, fmt.Errorf("%s: there is no codebook %d", d.info.Name, book)
	}
	return d.n.Nearby(book)
}

// Distance implements [tokenizers.Neighbourer].
func (d *neighbouring) Distance(book int, a, b int32) (float64, error) {
	if book < 0 || book >= len(d.books) {
		return 0, fmt.Errorf("%s: there is no codebook %d", d.info.Name, book)
	}
	if k := int32(d.books[book]); a < 0 || a >= k || b < 0 || b >= k {
		return 0, fmt.Errorf("%s: codebook %d has no pair of ids %d and %d", d.info.Name, book, a, b)
	}
	return d.n.Distance(book, a, b), nil
}

// each runs one image after the other; a bad one costs itself only.
func each(ctx context.Context, in []pix.Image, one func(pix.Image) tokenizers.Reconstruction) ([]tokenizers.Reconstruction, error) {
	out := make([]tokenizers.Reconstruction, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.Validate(); err != nil {
			out[i].Err = err
			continue
		}
		out[i] = one(m)
	}
	return out, nil
}

// latents are channel by channel, as networks have them.
func latents(ctx context.Context, t *Transform, in []pix.Image) ([]tokenizers.Latent, error) {
	out := make([]tokenizers.Latent, len(in))
	for i, m := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.Validate(); err != nil {
			return nil, fmt.Errorf("latents of image %d: %w", i, err)
		}
		gw, gh := t.Grid(m.W, m.H)
		x := t.Forward(m)
		data := make([]float32, len(x))
		for p := range gw * gh {
			for c := range t.Dim {
				data[c*gw*gh+p] = x[p*t.Dim+c]
			}
		}
		out[i] = tokenizers.Latent{Shape: []int{t.Dim, gh, gw}, Data: data}
	}
	return out, nil
}
