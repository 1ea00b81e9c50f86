package corrupt

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"sync"
)

// stream is SplitMix64 (Steele, Lea, Flood 2014): a counter put through a mixing
// function, cheap enough to be inlined into pixel loops. Numbers are drawn in
// the order of pixels by one goroutine an image, so that they depend on the key
// alone.
//
// It stands in place of math/rand/v2 for its normals, which are made from whole blocks of
// numbers, 2 to 3 times as fast as NormFloat64 (BenchmarkNormals, BenchmarkRandNormals);
// a uniform number costs as much in both.
type stream uint64

const golden = 0x9E3779B97F4A7C15 // 2^64 over the golden ratio

// newStream keys a stream by everything that tells one corrupted image from
// another. SHA-256 keeps streams of similar keys apart.
func newStream(seed uint64, name string, label uint64, key string) stream {
	h := sha256.New()
	var b [8]byte
	put := func(v uint64) {
		binary.LittleEndian.PutUint64(b[:], v)
		h.Write(b[:])
	}
	put(seed)
	put(label)
	put(uint64(len(name)))
	h.Write([]byte(name))
	h.Write([]byte(key))
	return stream(binary.LittleEndian.Uint64(h.Sum(nil)))
}

// amountLabel tells amounts from severities, which are small integers.
func amountLabel(amount float64) uint64 { return math.Float64bits(amount) ^ 1<<63 }

func (s *stream) next() uint64 {
	*s += golden
	z := uint64(*s)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// float returns a number in [0, 1) of 53 bits.
func (s *stream) float() float64 { return float64(float64(s.next()>>11) * 0x1p-53) }

// between returns a number in [lo, hi).
func (s *stream) between(lo, hi float64) float64 { return lo + float64((hi-lo)*s.float()) }

// below returns an integer in [0, n).
func (s *stream) below(n int) int {
	if n <= 1 {
		s.next()
		return 0
	}
	return int((s.next() >> 32) * uint64(n) >> 32)
}

// Ziggurat of 256 layers for the normal distribution (Marsaglia, Tsang 2000;
// Doornik 2005 for the constants): zigEdge is where the tail starts, zigArea the
// area of a layer.
const (
	zigEdge = 3.6541528853610088
	zigArea = 0.00492867323399
	zigBits = 23 // of the position within a layer; with sign and layer a draw takes 32
)

type zigTable struct {
	k    [256]int32   // below: inside the layer's core
	w    [256]float32 // position to value
	f    [257]float64 // density at the layer's edges
	edge [257]float64
}

var ziggurat = sync.OnceValue(func() *zigTable {
	t := new(zigTable)
	// Layer 0 holds the base strip and the tail: its virtual edge is area over density.
	fEdge := exp(-zigEdge * zigEdge / 2)
	t.edge[0], t.edge[1] = zigArea/fEdge, zigEdge
	t.f[1] = fEdge
	for i := 2; i < 256; i++ {
		t.f[i] = zigArea/t.edge[i-1] + t.f[i-1]
		t.edge[i] = math.Sqrt(-2 * log(t.f[i]))
	}
	t.edge[256], t.f[256] = 0, 1
	for i := range 256 {
		t.k[i] = int32(t.edge[i+1] / t.edge[i] * (1 << zigBits))
		t.w[i] = float32(t.edge[i] / (1 << zigBits))
	}
	return t
})

// normals fills dst with draws from the standard normal distribution, in steps of
// 2^-23 of a layer's width.
func (s *stream) normals(dst []float32) {
	t := ziggurat()
	state := *s
	i := 0
	for ; i+1 < len(dst); i += 2 {
		u := state.next()
		a, b := int32(uint32(u)), int32(uint32(u>>32))
		la, lb := uint8(a), uint8(b)
		a >>= 8
		b >>= 8
		dst[i] = float32(a) * t.w[la]
		if (a^a>>31)-a>>31 >= t.k[la] {
			dst[i] = t.slow(&state, a, la)
		}
		dst[i+1] = float32(b) * t.w[lb]
		if (b^b>>31)-b>>31 >= t.k[lb] {
			dst[i+1] = t.slow(&state, b, lb)
		}
	}
	if i < len(dst) {
		a := int32(uint32(state.next()))
		l := uint8(a)
		a >>= 8
		dst[i] = float32(a) * t.w[l]
		if (a^a>>31)-a>>31 >= t.k[l] {
			dst[i] = t.slow(&state, a, l)
		}
	}
	*s = state
}

// slow finishes the one draw in 80 that falls outside its layer's core.
func (t *zigTable) slow(s *stream, a int32, layer uint8) float32 {
	for {
		x := math.Abs(float64(a)) * float64(t.w[layer])
		sign := float64(1)
		if a < 0 {
			sign = -1
		}
		switch {
		case a < 0 && -a < t.k[layer] || a >= 0 && a < t.k[layer]:
			return float32(sign * x)
		case layer == 0:
			// Marsaglia's tail: exponential, kept with probability exp(−e²/2).
			for {
				e := -log(1-s.float()) / zigEdge
				y := -log(1 - s.float())
				if 2*y > float64(e*e) {
					return float32(sign * (zigEdge + e))
				}
			}
		default:
			lo, hi := t.f[layer], t.f[int(layer)+1]
			if lo+float64(s.float()*(hi-lo)) < exp(float64(-x*x)/2) {
				return float32(sign * x)
			}
		}
		a = int32(uint32(s.next()))
		layer = uint8(a)
		a >>= 8
	}
}
