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
	var ids []int32
	for range iterations {
		var mse float64
		var err error
		mse, ids, err = lloyd(words, vectors, weights, dim, ids)
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
// returns the mean squared distance before the move, and the codeword of every vector;
// guesses are those of the move before, or nil.
func lloyd(words, vectors []float32, weights []float64, dim int, guesses []int32) (float64, []int32, error) {
	n, k := len(vectors)/dim, len(words)/dim
	book, err := NewCodebook(words, dim, dim)
	if err != nil {
		return 0, nil, err
	}
	ids, dist := assign(book, vectors, guesses)
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
	return total / all, ids, nil
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

// assign finds the nearest codeword of every vector, on all processors. Guesses, where
// they are not nil, are codewords that are probably near: they change how long it takes.
func assign(book *Codebook, vectors []float32, guesses []int32) ([]int32, []float32) {
	n := len(vectors) / book.dim
	ids, dist := make([]int32, n), make([]float32, n)
	// In the order of their first coordinate, so that consecutive searches look at the
	// same part of a codebook that is larger than the caches.
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		return cmp.Compare(vectors[int(a)*book.dim], vectors[int(b)*book.dim])
	})
	var wg sync.WaitGroup
	workers := max(1, min(runtime.GOMAXPROCS(0), n))
	for w := range workers {
		wg.Go(func() {
			for _, i := range order[n*w/workers : n*(w+1)/workers] {
				guess := int32(-1)
				if guesses != nil {
					guess = guesses[i]
				}
				ids[i], dist[i] = book.nearest(vectors[int(i)*book.dim:][:book.dim], guess, -1)
			}
		})
	}
	wg.Wait()
	return ids, dist
}
