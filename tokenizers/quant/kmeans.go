package quant

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// iterations bounds k-means in the fits.
const iterations = 40

// KMeans fits k codewords to vectors of dim numbers each: k-means++ seeding
// (Arthur & Vassilvitskii 2007, on a subsample), then at most iterations of
// Lloyd's algorithm, ended earlier when the mean squared distance falls by less
// than a thousandth. A codeword that nothing falls to is put where the error is
// largest. The result depends on vectors and seed only. It returns the codewords
// and the last mean squared distance.
func KMeans(vectors []float32, dim, k, iterations int, seed uint64) ([]float32, float64, error) {
	return weightedKMeans(vectors, nil, dim, k, iterations, seed)
}

// weightedKMeans is KMeans where vector i counts as weights[i] of them; nil: all as
// one.
func weightedKMeans(vectors []float32, weights []float64, dim, k, iterations int, seed uint64) ([]float32, float64, error) {
	if dim < 1 || len(vectors)%dim != 0 {
		return nil, 0, fmt.Errorf("k-means: %d numbers are not vectors of %d", len(vectors), dim)
	}
	n := len(vectors) / dim
	if k < 1 || k > n {
		return nil, 0, fmt.Errorf("k-means: %d codewords from %d vectors: at most as many codewords as vectors are possible", k, n)
	}
	words := seedWords(vectors, dim, k, rand.New(rand.NewPCG(seed, 0x6b6d65616e73)))
	last := math.Inf(1)
	for range iterations {
		mse, err := lloyd(words, vectors, weights, dim)
		if err != nil {
			return nil, 0, err
		}
		if mse >= last*(1-1e-3) {
			return words, mse, nil
		}
		last = mse
	}
	return words, last, nil
}

// lloyd moves every codeword to the weighted mean of what is nearest to it and
// returns the mean squared distance before the move.
func lloyd(words, vectors []float32, weights []float64, dim int) (float64, error) {
	n, k := len(vectors)/dim, len(words)/dim
	book, err := NewCodebook(words, dim, dim)
	if err != nil {
		return 0, err
	}
	ids, dist := assign(book, vectors)
	sums, counts, total, all := make([]float64, k*dim), make([]float64, k), 0.0, 0.0
	for i, id := range ids {
		weight := 1.0
		if weights != nil {
			weight = weights[i]
		}
		counts[id] += weight
		all += weight
		total += float64(weight * float64(dist[i]))
		sum := sums[int(id)*dim:][:dim]
		for j, v := range vectors[i*dim:][:dim] {
			sum[j] += float64(weight * float64(v))
		}
	}
	var worst []int // vectors by falling distance, only made when needed
	for id, c := range counts {
		word := words[id*dim:][:dim]
		if c > 0 {
			for j := range word {
				word[j] = float32(sums[id*dim+j] / c)
			}
			continue
		}
		if worst == nil {
			worst = make([]int, n)
			for i := range worst {
				worst[i] = i
			}
			slices.SortStableFunc(worst, func(a, b int) int { return cmp.Compare(dist[b], dist[a]) })
		}
		copy(word, vectors[worst[0]*dim:][:dim])
		if worst = worst[1:]; len(worst) == 0 {
			worst = nil
		}
	}
	return total / all, nil
}

// seedWords draws k vectors, each with a probability proportional to its squared
// distance from those drawn before.
func seedWords(vectors []float32, dim, k int, rng *rand.Rand) []float32 {
	n := len(vectors) / dim
	pick := rng.Perm(n)[:min(n, 16*k)]
	words := make([]float32, 0, k*dim)
	words = append(words, vectors[pick[0]*dim:][:dim]...)
	dist := make([]float32, len(pick))
	for i := range dist {
		dist[i] = float32(math.Inf(1))
	}
	for len(words) < k*dim {
		newest := words[len(words)-dim:]
		var total float64
		for i, p := range pick {
			if d := squared(vectors[p*dim:][:dim], newest, dist[i]); d < dist[i] {
				dist[i] = d
			}
			total += float64(dist[i])
		}
		target, chosen := rng.Float64()*total, len(pick)-1
		for i, d := range dist {
			if target -= float64(d); target < 0 {
				chosen = i
				break
			}
		}
		words = append(words, vectors[pick[chosen]*dim:][:dim]...)
	}
	return words
}

// squared is the squared distance of a and b, or something beyond bound.
func squared(a, b []float32, bound float32) float32 {
	var sum float32
	b = b[:len(a)]
	for i, v := range a {
		d := v - b[i]
		if sum += float32(d * d); sum > bound {
			return sum
		}
	}
	return sum
}

// assign finds the nearest codeword of every vector, on all processors.
func assign(book *Codebook, vectors []float32) ([]int32, []float32) {
	n := len(vectors) / book.dim
	ids, dist := make([]int32, n), make([]float32, n)
	var wg sync.WaitGroup
	workers := max(1, min(runtime.GOMAXPROCS(0), n))
	for w := range workers {
		wg.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				ids[i], dist[i] = book.Nearest(vectors[i*book.dim:][:book.dim])
			}
		})
	}
	wg.Wait()
	return ids, dist
}
