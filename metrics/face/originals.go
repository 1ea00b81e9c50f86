package face

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/vtbench/vtbench/metrics/face/model"
	"github.com/vtbench/vtbench/pix"
)

// keptOriginals is how many images' faces and how many faces' embeddings are kept: a few
// kilobytes each.
const keptOriginals = 4096

// originals remembers what the networks said about originals. A run meets each of them
// several times: when it is enrolled, and under every condition that is scored against
// it.
type originals struct {
	e     *engine
	found *lru.Cache[[sha256.Size]byte, *remembered[[]model.Detection]]
	faces *lru.Cache[[sha256.Size]byte, *remembered[[]float32]]
}

// A remembered is computed by whoever asks first; who asks meanwhile waits.
type remembered[T any] struct {
	mu   sync.Mutex
	done bool
	v    T
}

func (r *remembered[T]) get(compute func() (T, error)) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done {
		v, err := compute()
		if err != nil {
			return v, err // the next one tries again
		}
		r.v, r.done = v, true
	}
	return r.v, nil
}

func newOriginals(e *engine) *originals {
	// Only a size below 1 is an error.
	found, _ := lru.New[[sha256.Size]byte, *remembered[[]model.Detection]](keptOriginals)
	faces, _ := lru.New[[sha256.Size]byte, *remembered[[]float32]](keptOriginals)
	return &originals{e, found, faces}
}

func entry[T any](c *lru.Cache[[sha256.Size]byte, *remembered[T]], img pix.Image) *remembered[T] {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(img.W)), uint64(img.H))) //nolint:gosec // not below 0
	h.Write(img.Pix)
	fresh := &remembered[T]{}
	if old, ok, _ := c.PeekOrAdd([sha256.Size]byte(h.Sum(nil)), fresh); ok {
		return old
	}
	return fresh
}

// Detect implements model.Detector.
func (o *originals) Detect(ctx context.Context, img pix.Image) ([]model.Detection, error) {
	return entry(o.found, img).get(func() ([]model.Detection, error) { return o.e.Detect(ctx, img) })
}

// Embed implements embedder.
func (o *originals) Embed(ctx context.Context, chips []pix.Image) ([][]float32, error) {
	out := make([][]float32, len(chips))
	for i, c := range chips {
		e, err := entry(o.faces, c).get(func() ([]float32, error) {
			got, err := o.e.Embed(ctx, []pix.Image{c})
			if err != nil {
				return nil, err
			}
			return got[0], nil
		})
		if err != nil {
			return nil, err
		}
		out[i] = e
	}
	return out, nil
}
