package quant

import (
	"errors"
	"math"

	"github.com/vtbench/vtbench/internal/rangecoder"
)

// recodeSeed makes clusters of codewords; they follow from the codebook alone.
const recodeSeed = 20160421

// cluster turns a codebook into one of k codewords: the codewords are vectors for
// k-means, each with the weight of how often it was used. It gives a codebook
// several rates without fitting to images again (the idea of "Extreme image
// compression using fine-tuned VQGANs", of which only the abstract was read).
func cluster(s *stage, k int) error {
	if s.out != nil || s.penalty || s.normalise {
		return errors.New("from: only a plain codebook can be clustered: use fit=kmeans, assign=nearest and norm=none")
	}
	weights := usage(s)
	words, _, err := weightedKMeans(s.words(), weights, len(s.dims), k, iterations, recodeSeed)
	if err != nil {
		return err
	}
	book, err := NewCodebook(words, len(s.dims), len(s.dims))
	if err != nil {
		return err
	}
	counts := make([]float64, k)
	for id, w := range weights {
		to, _ := book.Nearest(s.book.Word(int32(id)))
		counts[to] += w
	}
	s.book, s.bits = book, bitsOf(counts)
	return nil
}

// usage is the share of every id in the fit; equal shares where it is not known.
func usage(s *stage) []float64 {
	out := make([]float64, s.book.Size())
	for i := range out {
		out[i] = 1 / float64(len(out))
		if s.bits != nil {
			out[i] = math.Exp2(-s.bits[i])
		}
	}
	return out
}

// recoded writes the ids of one codebook as two: the cluster of the codeword, and
// its rank within it (CTF, coarse to fine; only the abstract was read, the
// clustering by k-means is ours). Nothing is lost; but the first id alone says
// about where the codeword is, and the second may change without much harm.
type recoded struct {
	base    *staged
	size    int       // of the largest cluster
	members [][]int32 // codewords of every cluster
	cluster []int32   // of every codeword
	rank    []int32   // of every codeword in its cluster
	coarse  *rangecoder.Static
	fine    []*rangecoder.Static // of every cluster
}

var _ Clusters = (*recoded)(nil)

func newRecoded(q *staged, clusters int) (*recoded, error) {
	s := &q.stages[0]
	weights := usage(s)
	centres, _, err := weightedKMeans(s.words(), weights, len(s.dims), clusters, iterations, recodeSeed)
	if err != nil {
		return nil, err
	}
	book, err := NewCodebook(centres, len(s.dims), len(s.dims))
	if err != nil {
		return nil, err
	}
	r := &recoded{base: q, members: make([][]int32, clusters), cluster: make([]int32, len(weights)), rank: make([]int32, len(weights))}
	for id := range weights {
		c, _ := book.Nearest(s.word(int32(id)))
		r.cluster[id], r.rank[id] = c, int32(len(r.members[c]))
		r.members[c] = append(r.members[c], int32(id))
		r.size = max(r.size, len(r.members[c]))
	}
	coarse := make([]float64, clusters)
	for c, members := range r.members {
		fine := make([]float64, r.size)
		for rank, id := range members {
			coarse[c] += weights[id]
			fine[rank] = weights[id]
		}
		m, err := rangecoder.NewStatic(fine[:max(1, len(members))])
		if err != nil {
			return nil, err
		}
		r.fine = append(r.fine, m)
	}
	if r.coarse, err = rangecoder.NewStatic(coarse); err != nil {
		return nil, err
	}
	return r, nil
}

// Books implements [Quantizer].
func (r *recoded) Books() []int { return []int{len(r.members), r.size} }

// Shape implements [Grid].
func (r *recoded) Shape(_, gw, gh int) []int { return []int{gh, gw} }

// Quantize implements [Quantizer].
func (r *recoded) Quantize(ids []int32, x []float32) {
	n := len(ids) / 2
	r.split(ids[:n], ids[n:], r.base.QuantizeGrid(x, n, 1)[0])
}

func (r *recoded) split(coarse, fine, ids []int32) {
	for i, id := range ids {
		coarse[i], fine[i] = r.cluster[id], r.rank[id]
	}
}

// join returns the codewords. A rank that its cluster does not have, as damage may
// bring about, counts round from its first.
func (r *recoded) join(coarse, fine []int32) []int32 {
	out := make([]int32, len(coarse))
	for i, c := range coarse {
		if m := r.members[c]; len(m) > 0 {
			out[i] = m[int(fine[i])%len(m)]
		}
	}
	return out
}

// Dequantize implements [Quantizer].
func (r *recoded) Dequantize(x []float32, ids []int32) {
	n := len(ids) / 2
	r.base.DequantizeGrid(x, [][]int32{r.join(ids[:n], ids[n:])}, n, 1)
}

// QuantizeGrid implements [Grid].
func (r *recoded) QuantizeGrid(x []float32, gw, gh int) [][]int32 {
	ids := r.base.QuantizeGrid(x, gw, gh)[0]
	out := [][]int32{make([]int32, len(ids)), make([]int32, len(ids))}
	r.split(out[0], out[1], ids)
	return out
}

// DequantizeGrid implements [Grid].
func (r *recoded) DequantizeGrid(x []float32, ids [][]int32, gw, gh int) {
	r.base.DequantizeGrid(x, [][]int32{r.join(ids[0], ids[1])}, gw, gh)
}

// Encode implements [Coder]: the rank by the frequencies of its cluster.
func (r *recoded) Encode(e *rangecoder.Encoder, ids [][]int32) {
	for i, c := range ids[0] {
		rangecoder.Encode(e, r.coarse, int(c))
		rangecoder.Encode(e, r.fine[c], int(ids[1][i])%r.fine[c].Symbols())
	}
}

// Decode implements [Coder].
func (r *recoded) Decode(d *rangecoder.Decoder, ids [][]int32) error {
	for i := range ids[0] {
		c, err := rangecoder.Decode(d, r.coarse)
		if err != nil {
			return err
		}
		rank, err := rangecoder.Decode(d, r.fine[c])
		if err != nil {
			return err
		}
		ids[0][i], ids[1][i] = int32(c), int32(rank)
	}
	return nil
}

// Alternatives implements [Clusters]: none of the coarse book, the other ranks of the
// fine one.
func (r *recoded) Alternatives(ids [][]int32, book, at int) []int32 {
	if book == 0 {
		return nil
	}
	n := len(r.members[ids[0][at]])
	var out []int32
	for rank := range int32(n) {
		if rank != ids[1][at]%int32(max(n, 1)) {
			out = append(out, rank)
		}
	}
	return out
}

// bitsOf are −log2 of shares; of what was never seen as of half an occurrence.
func bitsOf(counts []float64) []float64 {
	var sum float64
	least := math.Inf(1)
	for _, c := range counts {
		sum += c
		if c > 0 {
			least = min(least, c)
		}
	}
	out := make([]float64, len(counts))
	for i, c := range counts {
		if c <= 0 {
			c = least / 2
		}
		out[i] = min(-math.Log2(c/sum), 32)
	}
	return out
}
