// Package quant makes tokenizers by composition: a linear transform of patches,
// fitted on photographs and rendered text, times a quantizer of its latents.
//
// Its opinion: most published tokenizers differ in their quantizer, and the
// quantizers can only be told apart when everything around them is the same. So
// the transform is the same for all, the best linear one (Karhunen–Loève, see
// [Transform]), and each rule is one file: its options, how it is fitted, how a
// vector becomes ids and ids a vector. "kl" has no quantizer and is the upper
// bound of the others on the same latents. Published systems are presets of a rule
// (presets.go), not rules: what they add is an option that the others can have too.
//
// A rule that only maps vectors to ids is a [Quantizer] and no more. What else one can
// do is an optional interface: [Grid] looks at neighbours and has books of other
// shapes, [Coder] and [Frequent] make the bitstream shorter, [Neighbours], [Mender] and
// [Clusters] serve token damage.
//
// Films are coded the same way ([ClipKinds]): blocks of space and time have a transform of
// their own ([Blocks]), with the quantizers of vq or none; or latents of patches are
// predicted from frame to frame (predict.go, dynamics.go), or given few bits along time
// (ternary.go).
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
	"slices"
	"strconv"
	"time"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/rangecoder"
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

// Grid is implemented by quantizers that look at where vectors lie: whose books
// have shapes of their own, or whose ids depend on neighbours. As a [Quantizer] it
// takes vectors for a row of patches.
type Grid interface {
	Quantizer
	// Shape is that of a book's ids on a grid of gw by gh patches. It depends on
	// nothing else.
	Shape(book, gw, gh int) []int
	// QuantizeGrid returns the ids of each book, row by row, of the vectors of a grid
	// of gw by gh patches. It must not write to x.
	QuantizeGrid(x []float32, gw, gh int) [][]int32
	// DequantizeGrid writes the vectors that ids stand for.
	DequantizeGrid(x []float32, ids [][]int32, gw, gh int)
}

// Neighbours is implemented by quantizers whose codewords have distances.
type Neighbours interface {
	// Nearby returns for every id of a book the nearest other id.
	Nearby(book int) ([]int32, error)
	// Distance is the Euclidean distance of two codewords of a book.
	Distance(book int, a, b int32) float64
}

// Mender is implemented by quantizers that can guess lost ids from those around them.
type Mender interface {
	// Mend returns the ids of a grid with a guess for each of which lost says so; their
	// values must not be used.
	Mend(ids [][]int32, lost [][]bool, gw, gh int) [][]int32
}

// Clusters is implemented by quantizers that sort their codewords into clusters.
type Clusters interface {
	// Alternatives lists the other ids that a book may have at a position without
	// leaving the cluster.
	Alternatives(ids [][]int32, book, at int) []int32
}

// A rule is a quantizer as a kind of tokenizer.
type rule struct {
	name, summary, example string
	group                  string // under which it is listed
	source                 string // where it is published
	options                []tokenizers.Option
	// stem names the shipped artefact that the options ask for.
	stem func(tokenizers.Options) string
	// dim is the number of latents that the options ask for; nil where that is the
	// option dim, 0 meaning as many as were fitted.
	dim func(tokenizers.Options) int
	// open makes the quantizer of an artefact for the latents of t; nil where they
	// stay as they are.
	open func(a *Artefact, t *Transform, opts tokenizers.Options) (Quantizer, error)
	// openBlocks is open for a rule of space–time blocks, whose option t is their number of
	// frames; nil for rules of patches.
	openBlocks func(a *Artefact, b *Blocks, opts tokenizers.Options) (Quantizer, error)
	// extend adds to a quantizer what is fitted after it, to the digest of which weights is
	// that; it returns the digest of what was added, "" where nothing was. nil: nothing is.
	extend func(ctx context.Context, q Quantizer, t *Transform, weights string, opts tokenizers.Options) (string, error)
	// refuse says what of the options cannot go together, and the nearest that does;
	// nil where all can.
	refuse func(tokenizers.Options) error
	// fit finds the rule's tensors, where they are codebooks how those are used, and
	// says in a few words how it went; nil where there is nothing to fit but the
	// transform.
	fit func(f *fitting) ([]Tensor, []Layout, map[string]string, error)
}

// rules lists what there is; a new rule is a new file and a line here.
func rules() []rule {
	return []rule{klRule(), vqRule(), fsqRule(), scalarRule()}
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

// Kinds lists the compositions: the rules with all their options, and behind each
// its presets. They code frames of films one by one; [ClipKinds] lists those that code them
// together.
func Kinds() []tokenizers.Kind {
	var out []tokenizers.Kind
	for _, r := range all() {
		out = append(out, r.kind())
	}
	return out
}

func (r rule) kind() tokenizers.Kind {
	return tokenizers.Kind{
		Name: r.name, Group: r.group, Summary: r.summary, Source: r.source, Example: r.example, Options: r.options,
		Open: func(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
			return r.tokenizer(ctx, opts)
		},
	}
}

// tokenizer opens what the options ask for.
func (r rule) tokenizer(ctx context.Context, opts tokenizers.Options) (tokenizers.Tokenizer, error) {
	if r.refuse != nil {
		if err := r.refuse(opts); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
	}
	var a *Artefact
	var err error
	if path := opts["file"]; path != "" {
		a, err = readFile(path)
	} else {
		a, err = find(ctx, r, opts)
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
	if r.openBlocks != nil {
		c, err := r.clips(a, from, dim, opts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		return c, nil
	}
	if from.Frames > 0 {
		return nil, fmt.Errorf("%s: %s is of space–time blocks, not of patches: use kl3d or vq3d with it", r.name, opts["file"])
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
	weights := together(a, from)
	if r.extend != nil {
		more, err := r.extend(ctx, q, t, weights, opts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if more != "" {
			sum := sha256.Sum256([]byte(weights + more))
			weights = hex.EncodeToString(sum[:])
		}
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
		noise := opts.Float("noise")
		c, err := newContinuous(t, noise, info)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		return c, nil
	}
	info.Codebooks = q.Books()
	d, err := newDiscrete(t, q, info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	n, near := q.(Neighbours)
	m, mends := q.(Mender)
	c, clusters := q.(Clusters)
	switch {
	case near && mends:
		return &mending{&neighbouring{discrete: d, n: n}, m}, nil
	case near:
		return &neighbouring{discrete: d, n: n}, nil
	case clusters:
		return &clustered{d, c}, nil
	}
	return d, nil
}

// together is the digest of an artefact and of the transform it was fitted to, which may be
// the same.
func together(a, from *Artefact) string {
	if a == from {
		return a.Digest()
	}
	sum := sha256.Sum256([]byte(a.Digest() + from.Digest()))
	return hex.EncodeToString(sum[:])
}

// version changes when the same artefact and image would give another result, and
// when what ships was fitted on other data.
const version = "3"

func readFile(path string) (*Artefact, error) {
	data, err := files.Read(path, files.MaxModel)
	if err != nil {
		return nil, err
	}
	a, err := ReadArtefact(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return a, nil
}

// discrete is a transform and a quantizer.
type discrete struct {
	t     *Transform
	q     Grid
	coder Coder
	books []int
	// pixels holds the patch of every id where there is one small codebook, so
	// that decoding is copying.
	pixels []uint8
	info   tokenizers.Info
}

// maxPixels bounds the table of decoded codewords.
const maxPixels = 16 << 20

func newDiscrete(t *Transform, q Quantizer, info tokenizers.Info) (*discrete, error) {
	d := &discrete{t: t, q: onGrid(q), books: q.Books(), info: info}
	var ok bool
	if d.coder, ok = q.(Coder); !ok {
		f, err := newFrequencies(q)
		if err != nil {
			return nil, err
		}
		d.coder = f
	}
	if k := d.books[0]; len(d.books) == 1 && k*t.Size() <= maxPixels && slices.Equal(d.q.Shape(0, 2, 2), []int{2, 2}) {
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
	return d, nil
}

// Info implements [tokenizers.Tokenizer].
func (d *discrete) Info() tokenizers.Info { return d.info }

// Reconstruct implements [tokenizers.Tokenizer].
func (d *discrete) Reconstruct(ctx context.Context, in []pix.Image) ([]tokenizers.Reconstruction, error) {
	return each(ctx, in, func(m pix.Image) (r tokenizers.Reconstruction) {
		start := time.Now()
		gw, gh := d.t.Grid(m.W, m.H)
		ids := d.q.QuantizeGrid(d.t.Forward(m), gw, gh)
		var e rangecoder.Encoder
		d.coder.Encode(&e, ids)
		r.Bits = max(1, 8*int64(len(e.Finish()))) // 0 would say that there is no bitstream
		encoded := time.Now()
		r.Image = d.decode(ids, m.W, m.H)
		r.Encode, r.Decode = encoded.Sub(start), time.Since(encoded)
		r.Codes = &tokenizers.Codes{Books: make([]tokenizers.Book, len(d.books))}
		for b, size := range d.books {
			r.Codes.Books[b] = tokenizers.Book{Size: size, Shape: d.q.Shape(b, gw, gh), IDs: ids[b]}
		}
		return r
	})
}

func (d *discrete) decode(ids [][]int32, w, h int) pix.Image {
	gw, gh := d.t.Grid(w, h)
	if d.pixels == nil {
		x := make([]float32, gw*gh*d.t.Dim)
		d.q.DequantizeGrid(x, ids, gw, gh)
		return d.t.Inverse(x, w, h)
	}
	m := pix.New(w, h)
	size := d.t.Size()
	for i, id := range ids[0] {
		d.t.place(m, d.pixels[int(id)*size:][:size], i%gw, i/gw)
	}
	return m
}

// Decode implements [tokenizers.Decoder].
func (d *discrete) Decode(ctx context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	if w < 1 || h < 1 {
		return nil, fmt.Errorf("%s: decoding to %d×%d pixels: both sides must be positive", d.info.Name, w, h)
	}
	out := make([]pix.Image, len(codes))
	for i, c := range codes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ids, err := d.ids(c, w, h)
		if err != nil {
			return nil, fmt.Errorf("%s: decoding image %d to %d×%d: %w", d.info.Name, i, w, h, err)
		}
		out[i] = d.decode(ids, w, h)
	}
	return out, nil
}

// ids are those of codes that fit a w by h image.
func (d *discrete) ids(c *tokenizers.Codes, w, h int) ([][]int32, error) {
	if c == nil || len(c.Books) != len(d.books) {
		return nil, fmt.Errorf("want ids of %d codebooks", len(d.books))
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	gw, gh := d.t.Grid(w, h)
	out := make([][]int32, len(d.books))
	for b, book := range c.Books {
		if want := d.q.Shape(b, gw, gh); book.Size != d.books[b] || !slices.Equal(book.Shape, want) {
			return nil, fmt.Errorf("codebook %d has size %d and shape %v, want %d and %v", b, book.Size, book.Shape, d.books[b], want)
		}
		out[b] = book.IDs
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

// mending is a discrete tokenizer that can guess lost codes.
type mending struct {
	*neighbouring
	m Mender
}

// Repair implements [tokenizers.Repairer].
func (d *mending) Repair(codes *tokenizers.Codes, lost [][]bool, w, h int) (*tokenizers.Codes, error) {
	ids, err := d.ids(codes, w, h)
	if err != nil {
		return nil, fmt.Errorf("%s: repairing codes: %w", d.info.Name, err)
	}
	if len(lost) != len(ids) {
		return nil, fmt.Errorf("%s: repairing codes: told of losses in %d codebooks, there are %d", d.info.Name, len(lost), len(ids))
	}
	for b := range ids {
		if len(lost[b]) != len(ids[b]) {
			return nil, fmt.Errorf("%s: repairing codes: told of %d positions of codebook %d, it has %d", d.info.Name, len(lost[b]), b, len(ids[b]))
		}
	}
	gw, gh := d.t.Grid(w, h)
	out := &tokenizers.Codes{Books: slices.Clone(codes.Books)}
	for b, mended := range d.m.Mend(ids, lost, gw, gh) {
		out.Books[b].IDs = mended
	}
	return out, nil
}

// clustered is a discrete tokenizer whose codewords are sorted into clusters.
type clustered struct {
	*discrete
	c Clusters
}

// Alternatives implements [tokenizers.Clusterer].
func (d *clustered) Alternatives(codes *tokenizers.Codes, b, at int) ([]int32, error) {
	if len(codes.Books) != len(d.books) || b < 0 || b >= len(codes.Books) || at < 0 || at >= len(codes.Books[b].IDs) {
		return nil, fmt.Errorf("%s: there is no position %d of codebook %d", d.info.Name, at, b)
	}
	ids := make([][]int32, len(codes.Books))
	for i, book := range codes.Books {
		ids[i] = book.IDs
	}
	return d.c.Alternatives(ids, b, at), nil
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
		out[i] = planar(t.Forward(m), t.Dim, gw, gh)
	}
	return out, nil
}

// planar are latents channel by channel.
func planar(x []float32, dim, gw, gh int) tokenizers.Latent {
	data := make([]float32, len(x))
	for p := range gw * gh {
		for c := range dim {
			data[c*gw*gh+p] = x[p*dim+c]
		}
	}
	return tokenizers.Latent{Shape: []int{dim, gh, gw}, Data: data}
}
