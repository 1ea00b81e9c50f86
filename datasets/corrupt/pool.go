package corrupt

import "sync"

// pool recycles buffers between images: a run corrupts thousands of one size.
type pool[T any] struct{ p sync.Pool }

var (
	words  pool[uint64]
	floats pool[float32]
	bytes8 pool[uint8]
	shorts pool[uint16]
	ints   pool[uint32]
)

// get returns n elements of any content.
func (p *pool[T]) get(n int) []T {
	if b, ok := p.p.Get().(*[]T); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]T, n)
}

func (p *pool[T]) put(b []T) { p.p.Put(&b) }

// A border says which sample stands in for one outside: it maps any index to
// [0, n).
type border func(i, n int) int

// clamped repeats the edge: a a a | a b c (scipy's "nearest").
func clamped(i, n int) int { return min(max(i, 0), n-1) }

// mirrored repeats all but the edge: c b | a b c (OpenCV's reflect-101).
func mirrored(i, n int) int {
	if uint(i) < uint(n) {
		return i
	}
	if n == 1 {
		return 0
	}
	period := 2 * (n - 1)
	i %= period
	if i < 0 {
		i += period
	}
	return min(i, period-i)
}

// reflected repeats the edge too: b a | a b c (scipy's "reflect").
func reflected(i, n int) int {
	if uint(i) < uint(n) {
		return i
	}
	period := 2 * n
	i %= period
	if i < 0 {
		i += period
	}
	return min(i, period-1-i)
}
