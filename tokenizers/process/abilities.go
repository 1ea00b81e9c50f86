package process

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

// maxNeighbours is the largest codebook whose nearest codes are searched: the
// search is quadratic, and beyond this it is minutes.
const maxNeighbours = 32768

// The optional interfaces are types of their own, so that a tokenizer has exactly
// those its plug-in announced.
type (
	decoder    struct{ t *Tokenizer }
	latents    struct{ t *Tokenizer }
	neighbours struct{ t *Tokenizer }
	clips      struct{ t *Tokenizer }
)

// withAbilities returns the tokenizer with the optional interfaces that the
// plug-in said it has.
func (t *Tokenizer) withAbilities() tokenizers.Tokenizer {
	d := slices.Contains(t.can, wire.CanDecode) && len(t.info.Codebooks) > 0
	l := slices.Contains(t.can, wire.CanLatents)
	n := slices.Contains(t.can, wire.CanCodebook) && len(t.info.Codebooks) > 0
	c := slices.Contains(t.can, wire.CanClips)
	switch (has{d, l, n, c}) {
	case has{true, true, true, true}:
		return struct {
			*Tokenizer
			decoder
			latents
			neighbours
			clips
		}{t, decoder{t}, latents{t}, neighbours{t}, clips{t}}
	case has{true, true, true, false}:
		return struct {
			*Tokenizer
			decoder
			latents
			neighbours
		}{t, decoder{t}, latents{t}, neighbours{t}}
	case has{true, true, false, true}:
		return struct {
			*Tokenizer
			decoder
			latents
			clips
		}{t, decoder{t}, latents{t}, clips{t}}
	case has{true, true, false, false}:
		return struct {
			*Tokenizer
			decoder
			latents
		}{t, decoder{t}, latents{t}}
	case has{true, false, true, true}:
		return struct {
			*Tokenizer
			decoder
			neighbours
			clips
		}{t, decoder{t}, neighbours{t}, clips{t}}
	case has{true, false, true, false}:
		return struct {
			*Tokenizer
			decoder
			neighbours
		}{t, decoder{t}, neighbours{t}}
	case has{true, false, false, true}:
		return struct {
			*Tokenizer
			decoder
			clips
		}{t, decoder{t}, clips{t}}
	case has{true, false, false, false}:
		return struct {
			*Tokenizer
			decoder
		}{t, decoder{t}}
	case has{false, true, true, true}:
		return struct {
			*Tokenizer
			latents
			neighbours
			clips
		}{t, latents{t}, neighbours{t}, clips{t}}
	case has{false, true, true, false}:
		return struct {
			*Tokenizer
			latents
			neighbours
		}{t, latents{t}, neighbours{t}}
	case has{false, true, false, true}:
		return struct {
			*Tokenizer
			latents
			clips
		}{t, latents{t}, clips{t}}
	case has{false, true, false, false}:
		return struct {
			*Tokenizer
			latents
		}{t, latents{t}}
	case has{false, false, true, true}:
		return struct {
			*Tokenizer
			neighbours
			clips
		}{t, neighbours{t}, clips{t}}
	case has{false, false, true, false}:
		return struct {
			*Tokenizer
			neighbours
		}{t, neighbours{t}}
	case has{false, false, false, true}:
		return struct {
			*Tokenizer
			clips
		}{t, clips{t}}
	}
	return t
}

// has says which abilities a plug-in announced: decoder, latents, neighbours, clips.
type has [4]bool

// Decode implements tokenizers.Decoder. One code that cannot be decoded fails the
// call: its error names the element.
func (d decoder) Decode(ctx context.Context, codes []*tokenizers.Codes, w, h int) ([]pix.Image, error) {
	out := make([]pix.Image, len(codes))
	errs := make([]error, len(codes))
	jobs := make([]job, len(codes))
	if err := d.t.info.Accepts(w, h); err != nil {
		return nil, fmt.Errorf("decoding with plug-in %q: %w", d.t.c.label, err)
	}
	for i, c := range codes {
		if c == nil || len(c.Books) != len(d.t.info.Codebooks) {
			return nil, fmt.Errorf("decoding with plug-in %q: element %d needs ids of %d codebooks", d.t.c.label, i, len(d.t.info.Codebooks))
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("decoding with plug-in %q: element %d: %w", d.t.c.label, i, err)
		}
		it := wire.Item{W: w, H: h, Blank: true}
		var body []byte
		for _, b := range c.Books {
			it.Books = append(it.Books, wire.Book{Size: b.Size, Shape: b.Shape})
			body = wire.AppendIDs(body, b.IDs)
		}
		jobs[i] = job{
			n: i, item: it, body: [][]byte{body}, back: 3 * w * h,
			take: func(it wire.Item, p wire.Payload) error {
				if it.W != w || it.H != h {
					return fmt.Errorf("it decoded to %d×%d where %d×%d was asked for", it.W, it.H, w, h)
				}
				out[i] = pix.Image{W: w, H: h, Pix: p.Pix}
				return nil
			},
			fail: func(err error) { errs[i] = err },
		}
	}
	if err := d.t.run(ctx, wire.Decode, jobs, nil); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// Latents implements tokenizers.LatentEncoder.
func (l latents) Latents(ctx context.Context, in []pix.Image) ([]tokenizers.Latent, error) {
	out := make([]tokenizers.Latent, len(in))
	errs := make([]error, len(in))
	jobs := make([]job, len(in))
	for i, m := range in {
		err := m.Validate()
		if err == nil {
			err = l.t.info.Accepts(m.W, m.H)
		}
		if err != nil {
			return nil, fmt.Errorf("latents from plug-in %q: image %d: %w", l.t.c.label, i, err)
		}
		jobs[i] = job{
			n: i, item: wire.Item{W: m.W, H: m.H}, body: [][]byte{m.Pix},
			back: 12 * m.W * m.H, // as many floats as the image has bytes is ample
			take: func(it wire.Item, p wire.Payload) error {
				if len(it.Floats) != 3 {
					return fmt.Errorf("it returned a latent of shape %v: want channels, height, width", it.Floats)
				}
				if k := slices.IndexFunc(p.Floats, notFinite); k >= 0 {
					return fmt.Errorf("its latent holds %v at position %d: latents must be finite", p.Floats[k], k)
				}
				out[i] = tokenizers.Latent{Shape: it.Floats, Data: p.Floats}
				return nil
			},
			fail: func(err error) { errs[i] = err },
		}
	}
	if err := l.t.run(ctx, wire.Latents, jobs, nil); err != nil {
		return nil, err
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

func notFinite(f float32) bool { return math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) }

// A book holds the vectors of one codebook, and the nearest other code of each
// once that was asked for.
type book struct {
	k, d    int
	vec     []float32 // k rows of d
	nearest []int32
}

// Bounds of a codebook that is fetched: numbers of a vector, and bytes of all.
const (
	maxWidth    = 1 << 14
	maxCodebook = 256 << 20
)

// fetchLimit is how long a plug-in may take to hand over a codebook.
const fetchLimit = 5 * time.Minute

// codebook fetches the vectors of one codebook, once.
func (n neighbours) codebook(i int) (*book, error) {
	t := n.t
	t.mu.Lock()
	b := t.books[i]
	t.mu.Unlock()
	if b != nil {
		return b, nil
	}
	if i < 0 || i >= len(t.info.Codebooks) {
		return nil, fmt.Errorf("plug-in %q has %d codebooks, none with number %d", t.c.label, len(t.info.Codebooks), i)
	}
	k := t.info.Codebooks[i]
	if k > maxCodebook/4 {
		return nil, t.name(fmt.Errorf("codebook %d has %d entries: the vectors of so many are not fetched", i, k))
	}
	ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
	defer cancel()
	r, err := t.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer t.release(r)
	if err := t.ready(ctx, r); err != nil {
		return nil, t.name(err)
	}
	resp, raw, err := r.p.ask(ctx, &wire.Request{Type: wire.Codebook, Book: i}, min(4*k*maxWidth, maxCodebook), 0, nil, fetchLimit)
	if err == nil && resp.Type != wire.Result {
		err = faultf("it answered with a %q", wire.Clean(resp.Type, 40))
	}
	var parts []wire.Payload
	if err == nil {
		parts, err = wire.Split(resp.Items, raw)
	}
	if err != nil {
		var f *fault
		if errors.As(err, &f) || ctx.Err() != nil {
			r.drop()
		}
		return nil, t.name(fmt.Errorf("fetching codebook %d: %w", i, err))
	}
	if len(parts) != 1 || len(resp.Items[0].Floats) != 2 || resp.Items[0].Floats[0] != k {
		return nil, t.name(fmt.Errorf("codebook %d: want one array of shape [%d, width]", i, k))
	}
	b = &book{k: k, d: resp.Items[0].Floats[1], vec: parts[0].Floats}
	if j := slices.IndexFunc(b.vec, notFinite); j >= 0 {
		return nil, t.name(fmt.Errorf("codebook %d holds %v in entry %d: vectors must be finite", i, b.vec[j], j/b.d))
	}
	t.mu.Lock()
	t.books[i] = b
	t.mu.Unlock()
	return b, nil
}

// Nearest implements tokenizers.Neighbourer. Among equally near codes the lowest
// is taken.
func (n neighbours) Nearest(i int) ([]int32, error) {
	b, err := n.codebook(i)
	if err != nil {
		return nil, err
	}
	n.t.mu.Lock()
	defer n.t.mu.Unlock()
	if b.nearest != nil {
		return b.nearest, nil
	}
	if b.k < 2 || b.k > maxNeighbours {
		return nil, n.t.name(fmt.Errorf("codebook %d has %d entries: nearest codes are searched for 2 to %d", i, b.k, maxNeighbours))
	}
	near := make([]int32, b.k)
	workers := min(runtime.GOMAXPROCS(0), b.k)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for a := w; a < b.k; a += workers {
				best := math.Inf(1)
				for c := range b.k {
					if c == a {
						continue
					}
					if d := b.distance2(a, c, best); d < best {
						best, near[a] = d, int32(c)
					}
				}
			}
		})
	}
	wg.Wait()
	b.nearest = near
	return near, nil
}

// distance2 is the squared Euclidean distance of two entries, or anything above
// stop once it is known to be larger.
func (b *book) distance2(i, j int, stop float64) float64 {
	x, y := b.vec[i*b.d:(i+1)*b.d], b.vec[j*b.d:(j+1)*b.d]
	var sum float64
	for len(x) > 0 {
		n := min(len(x), 16)
		for k := range n {
			d := float64(x[k]) - float64(y[k])
			sum += d * d
		}
		if sum > stop {
			return sum
		}
		x, y = x[n:], y[n:]
	}
	return sum
}

// Distance implements tokenizers.Neighbourer.
func (n neighbours) Distance(i int, x, y int32) (float64, error) {
	b, err := n.codebook(i)
	if err != nil {
		return 0, err
	}
	if x < 0 || y < 0 || int(x) >= b.k || int(y) >= b.k {
		return 0, n.t.name(fmt.Errorf("codebook %d has no entries %d and %d: it has 0 to %d", i, x, y, b.k-1))
	}
	return math.Sqrt(b.distance2(int(x), int(y), math.Inf(1))), nil
}
