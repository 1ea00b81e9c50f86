package quant

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
)

// A bigram says which codewords of one codebook lie beside which: what a guess of a
// lost id goes by (repair=markov), in place of the transformer that "Extreme image
// compression using fine-tuned VQGANs" trains for it.
type bigram struct {
	prior []float64 // probability of every id
	links [4]links  // by the side on which the neighbour lies
}

// Sides on which a neighbour lies.
const (
	fromLeft = iota
	fromAbove
	fromRight
	fromBelow
)

// links are the ids seen beside each id, in ascending order.
type links struct {
	start []int32 // of each id's in next and count, and their end
	next  []int32
	count []float64
	total []float64 // of each id
}

// pair is how often id b lay behind id a.
type pair struct {
	a, b int32
	n    float64
}

// trust is how many times a neighbour must have been seen until what lay beside it
// counts as much as how frequent ids are in all.
const trust = 4

func newLinks(k int, pairs []pair) links {
	slices.SortFunc(pairs, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
	l := links{start: make([]int32, k+1), total: make([]float64, k)}
	for _, p := range pairs {
		l.start[p.a+1]++
		l.next, l.count = append(l.next, p.b), append(l.count, p.n)
		l.total[p.a] += p.n
	}
	for i := range k {
		l.start[i+1] += l.start[i]
	}
	return l
}

// of is how often b was seen beside a.
func (l *links) of(a, b int32) float64 {
	lo, hi := l.start[a], l.start[a+1]
	if i, ok := slices.BinarySearch(l.next[lo:hi], b); ok {
		return l.count[int(lo)+i]
	}
	return 0
}

// newBigram takes the pairs of ids side by side, left to right, and one above the
// other.
func newBigram(k int, across, down []pair) *bigram {
	g := &bigram{prior: make([]float64, k)}
	var all float64
	for i := range g.prior {
		g.prior[i] = .5
		all += .5
	}
	turn := func(pairs []pair) []pair {
		out := make([]pair, len(pairs))
		for i, p := range pairs {
			out[i] = pair{p.b, p.a, p.n}
			g.prior[p.a] += p.n
			g.prior[p.b] += p.n
			all += 2 * p.n
		}
		return out
	}
	g.links[fromRight], g.links[fromBelow] = newLinks(k, turn(across)), newLinks(k, turn(down))
	g.links[fromLeft], g.links[fromAbove] = newLinks(k, across), newLinks(k, down)
	for i := range g.prior {
		g.prior[i] /= all
	}
	return g
}

// guess is the most probable id between neighbours, −1 where there is none: those seen
// beside any of them are compared by p(id)·Π p(id | neighbour)/p(id), as if neighbours
// were independent given the id. ok is false where nothing was ever seen beside them.
func (g *bigram) guess(neighbours [4]int32) (id int32, ok bool) {
	best := math.Inf(-1)
	seen := map[int32]bool{}
	for side, n := range neighbours {
		if n < 0 {
			continue
		}
		l := &g.links[side]
		for _, c := range l.next[l.start[n]:l.start[n+1]] {
			if seen[c] {
				continue
			}
			seen[c] = true
			score := math.Log(g.prior[c])
			for s, m := range neighbours {
				if m < 0 {
					continue
				}
				l := &g.links[s]
				score += math.Log((l.of(m, c)/g.prior[c] + trust) / (l.total[m] + trust))
			}
			if score > best || score == best && c < id {
				best, id, ok = score, c, true
			}
		}
	}
	return id, ok
}

// mend replaces guesses by those that the neighbours that are left make most probable.
func (g *bigram) mend(out, ids []int32, lost []bool, w, h int) {
	at := func(x, y int) int32 {
		if x < 0 || y < 0 || x >= w || y >= h || lost[y*w+x] {
			return -1
		}
		return ids[y*w+x]
	}
	for i := range ids {
		if !lost[i] {
			continue
		}
		x, y := i%w, i/w
		var n [4]int32
		n[fromLeft], n[fromAbove], n[fromRight], n[fromBelow] = at(x-1, y), at(x, y-1), at(x+1, y), at(x, y+1)
		if id, ok := g.guess(n); ok {
			out[i] = id
		}
	}
}

// fitBigram counts the pairs of ids in whole images.
func fitBigram(ctx context.Context, q *staged, t *Transform, source Source) (across, down []pair, err error) {
	type edge [2]int32
	right, below := map[edge]float64{}, map[edge]float64{}
	for _, images := range [][]pix.Image{source.Photos, source.Pages} {
		for _, m := range images {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			gw, gh := t.Grid(m.W, m.H)
			ids := q.QuantizeGrid(t.Forward(m), gw, gh)[0]
			for y := range gh {
				for x := range gw {
					id := ids[y*gw+x]
					if x+1 < gw {
						right[edge{id, ids[y*gw+x+1]}]++
					}
					if y+1 < gh {
						below[edge{id, ids[(y+1)*gw+x]}]++
					}
				}
			}
		}
	}
	list := func(m map[edge]float64) []pair {
		out := make([]pair, 0, len(m))
		for e, n := range m {
			out = append(out, pair{e[0], e[1], n})
		}
		slices.SortFunc(out, func(x, y pair) int { return cmp.Or(cmp.Compare(x.a, y.a), cmp.Compare(x.b, y.b)) })
		return out
	}
	return list(right), list(below), nil
}

// bigramOf reads the bigram of a codebook from a cache, or counts it and puts it there.
func bigramOf(ctx context.Context, q *staged, t *Transform, weights, cache string, source func() (Source, error)) (*bigram, string, error) {
	id := sha256.Sum256(fmt.Append(nil, version, weights, t.Dim, q.stages[0].book.Size(), sample.Digest()))
	file := filepath.Join(cache, fmt.Sprintf("bigram-p%d-k%d-%x%s", t.Patch, q.stages[0].book.Size(), id[:6], extension))
	a, err := readFile(file)
	if errors.Is(err, os.ErrNotExist) {
		var images Source
		if images, err = source(); err != nil {
			return nil, "", fmt.Errorf("repair=markov counts which codes lie side by side in photographs: %w; repair=neighbours needs none", err)
		}
		tokenizers.Progress(ctx)("counting once which codes lie side by side, into " + file)
		a, err = writeBigram(ctx, q, t, images, file)
	}
	if err != nil {
		return nil, "", err
	}
	read := func(name string) ([]pair, error) {
		raw, err := a.Tensor(name, a.Rows(name), 3)
		if err != nil {
			return nil, err
		}
		k := float32(q.stages[0].book.Size())
		var out []pair
		for p := range slices.Chunk(raw, 3) {
			if !(p[0] >= 0 && p[0] < k && p[1] >= 0 && p[1] < k && p[2] > 0) {
				return nil, fmt.Errorf("reading %s: %v is no pair of ids below %v", file, p, k)
			}
			out = append(out, pair{int32(p[0]), int32(p[1]), float64(p[2])})
		}
		return out, nil
	}
	across, err := read("across")
	if err != nil {
		return nil, "", err
	}
	down, err := read("down")
	if err != nil {
		return nil, "", err
	}
	return newBigram(q.stages[0].book.Size(), across, down), a.Digest(), nil
}

func writeBigram(ctx context.Context, q *staged, t *Transform, source Source, file string) (*Artefact, error) {
	across, down, err := fitBigram(ctx, q, t, source)
	if err != nil {
		return nil, err
	}
	a := &Artefact{Header: Header{Rule: "bigram", Patch: t.Patch, Dim: t.Dim, Fit: map[string]string{
		"photographs": sample.Digest(), "images": source.Digest(),
	}}}
	for name, pairs := range map[string][]pair{"across": across, "down": down} {
		var data []float32
		for _, p := range pairs {
			data = append(data, float32(p.a), float32(p.b), float32(p.n))
		}
		a.Tensors = append(a.Tensors, Tensor{Name: name, Type: "f32", Shape: []int{len(pairs), 3}, Data: data})
	}
	slices.SortFunc(a.Tensors, func(x, y Tensor) int { return cmp.Compare(x.Name, y.Name) })
	var b bytes.Buffer
	if _, err := a.WriteTo(&b); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	if err := wholefile.Write(file, b.Bytes()); err != nil {
		return nil, err
	}
	return ReadArtefact(b.Bytes())
}

// withBigram is what repair=markov adds to a quantizer, and the digest of it.
func withBigram(ctx context.Context, q Quantizer, t *Transform, weights string, o tokenizers.Options) (string, error) {
	s, ok := q.(*staged)
	if o["repair"] != "markov" || !ok {
		return "", nil
	}
	cache, err := fittedFolder()
	if err != nil {
		return "", err
	}
	var digest string
	s.bigram, digest, err = bigramOf(ctx, s, t, weights, cache, func() (Source, error) { return Packaged(SourcePixels, SourceSeed) })
	return digest, err
}
