package run

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/vtbench/vtbench/bench/cache"
	"github.com/vtbench/vtbench/bench/identity"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// BenchmarkKeep is what the cache costs a reconstruction that is not in it: its keys, two
// look-ups, its pixels and 40 values written.
func BenchmarkKeep(b *testing.B) {
	for _, side := range []int{256, 512} {
		b.Run(fmt.Sprint(side), func(b *testing.B) {
			given := pix.New(side, side)
			noise := rand.New(rand.NewPCG(1, 1))
			for i := range given.Pix { // packs to a third, as reconstructions of text do
				given.Pix[i] = uint8(i/97) + uint8(noise.IntN(5))&4
			}
			got := given.Clone()
			var p part
			for i := range 40 {
				p.values = append(p.values, metrics.Value{Metric: "exact", Instance: fmt.Sprint(i), Value: 1, Detail: "a word"})
			}
			c, err := cache.Open(b.TempDir(), 0)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(got.Pix)))
			for i := 0; b.Loop(); i++ {
				got.Pix[0], got.Pix[1], got.Pix[2] = byte(i), byte(i>>8), byte(i>>16)
				key := identity.Pixels(got)
				if _, ok := c.Get(cache.Values, key); ok {
					b.Fatal("it is there")
				}
				k := &kept{cache: c}
				cl := &cell{in: &input{img: given}, key: key, result: result{Reconstruction: tokenizers.Reconstruction{Image: got}}}
				k.storeReconstruction(cl)
				parts, err := encodeParts(map[identity.Key]part{key: p})
				if err != nil {
					b.Fatal(err)
				}
				c.Put(cache.Values, key, parts)
			}
			if err := c.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
