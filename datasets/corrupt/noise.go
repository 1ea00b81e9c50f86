package corrupt

import (
	"math"
	"sync"
)

// gaussianNoise adds N(0, σ) to every channel sample; amount is σ of 1.
func gaussianNoise(j *job) { addNormal(j, func(uint8) float32 { return 1 }) }

// speckleNoise adds N(0, σ) times the sample.
func speckleNoise(j *job) { addNormal(j, func(v uint8) float32 { return float32(v) / 255 }) }

// addNormal adds normal noise whose strength depends on the sample, and cuts off
// at 0 and 255 like upstream.
func addNormal(j *job, gain func(v uint8) float32) {
	var strength [256]float32
	for v := range strength {
		strength[v] = gain(uint8(v)) * float32(255*j.amount)
	}
	n := 3 * j.in.W
	if j.gray {
		n = j.in.W
	}
	noise := floats.get(n)
	defer floats.put(noise)
	for y := range j.in.H {
		in, out := j.in.Row(y), j.out.Row(y)
		j.rng.normals(noise)
		if j.gray {
			for x, z := range noise {
				v := in[3*x]
				c := cut(float32(v) + float32(strength[v]*z))
				out[3*x], out[3*x+1], out[3*x+2] = c, c, c
			}
			continue
		}
		in, out = in[:len(noise)], out[:len(noise)]
		for i, z := range noise {
			v := in[i]
			out[i] = cut(float32(v) + float32(strength[v]*z))
		}
	}
}

// cut clips to [0, 255] and drops the fraction, as numpy.uint8 does of a clipped
// float. Noise goes over both ends unpredictably: without branches it is twice as
// fast.
func cut(v float32) uint8 { return uint8(min(max(int32(v), 0), 255)) }

// shotNoise replaces x by Poisson(x·c)/c; amount is c, the photons of white.
func shotNoise(j *job) {
	t := poissonFor(j.amount)
	draw := func(v uint8, u uint32) uint8 {
		e := t[int(v)<<aliasBits|int(u&(1<<aliasBits-1))]
		if u>>aliasBits&0xFFFF < uint32(e.keep) {
			return e.own
		}
		return e.other
	}
	for y := range j.in.H {
		in, out := j.in.Row(y), j.out.Row(y)
		if j.gray {
			for x := 0; x < len(out); x += 3 {
				c := draw(in[x], uint32(j.rng.next()))
				out[x], out[x+1], out[x+2] = c, c, c
			}
			continue
		}
		state := j.rng
		in = in[:len(out)]
		i := 0
		for ; i+1 < len(out); i += 2 {
			u := state.next()
			out[i] = draw(in[i], uint32(u))
			out[i+1] = draw(in[i+1], uint32(u>>32))
		}
		if i < len(out) {
			out[i] = draw(in[i], uint32(state.next()))
		}
		j.rng = state
	}
}

// Walker's alias method: a draw picks one of 128 equally likely cells, which
// holds at most two outcomes.
const aliasBits = 7

type aliasCell struct {
	keep       uint16 // chance of own, of 65536
	own, other uint8  // already Poisson(λ)/c in 8 bits
}

var (
	poissonMu     sync.Mutex
	poissonTables = map[float64][]aliasCell{}
)

// poissonFor returns the alias tables for all 256 sample values. They are few:
// one a severity.
func poissonFor(c float64) []aliasCell {
	poissonMu.Lock()
	defer poissonMu.Unlock()
	if t, ok := poissonTables[c]; ok {
		return t
	}
	t := make([]aliasCell, 256<<aliasBits)
	for v := range 256 {
		lambda := float64(v) / 255 * c
		poissonAlias(t[v<<aliasBits:(v+1)<<aliasBits], lambda, c)
	}
	if len(poissonTables) > 64 { // amounts of callers, not severities
		clear(poissonTables)
	}
	poissonTables[c] = t
	return t
}

// poissonAlias fills one alias table by Vose's method. Outcomes of 128 photons
// and more, less likely than 10^-13 at the most photons there can be, are left
// out.
func poissonAlias(cells []aliasCell, lambda, c float64) {
	const n = 1 << aliasBits
	var p [n]float64
	total := 0.0
	p[0] = exp(-lambda)
	for k := range n {
		if k > 0 {
			p[k] = p[k-1] * lambda / float64(k)
		}
		total += p[k]
	}
	value := func(k int) uint8 {
		return uint8(min(math.Floor(float64(min(float64(k)/c, 1)*255)), 255))
	}
	var small, large []int
	for k := range p {
		p[k] *= n / total
		if p[k] < 1 {
			small = append(small, k)
		} else {
			large = append(large, k)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		keep := math.Floor(float64(p[s]*65536) + 0.5)
		if keep > 65535 {
			cells[s] = aliasCell{keep: 65535, own: value(s), other: value(s)}
		} else {
			cells[s] = aliasCell{keep: uint16(keep), own: value(s), other: value(l)}
		}
		p[l] -= 1 - p[s]
		if p[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, k := range append(small, large...) {
		cells[k] = aliasCell{own: value(k), other: value(k)}
	}
}

// maxPhotons bounds shot noise's amount so that its alias tables hold every
// outcome that happens.
const maxPhotons = 60

// impulseNoise sets a share of channel samples to 0 or 255, half each.
func impulseNoise(j *job) {
	const bits = 21 // three draws of one word
	black := uint64(float64(j.amount/2*(1<<bits)) + 0.5)
	both := 2 * black
	hit := func(v uint8, u uint64) uint8 {
		// All ones where the draw is below: no branches, as they would be mispredicted.
		struck, dark := uint8(int64(u-both)>>63), uint8(int64(u-black)>>63)
		return v&^struck | struck&^dark
	}
	state := j.rng
	for y := range j.in.H {
		in, out := j.in.Row(y), j.out.Row(y)
		for x := 0; x+2 < len(out); x += 3 {
			u := state.next()
			i, o := in[x:x+3:x+3], out[x:x+3:x+3]
			if j.gray {
				o[0] = hit(i[0], u>>43)
				o[1], o[2] = o[0], o[0]
				continue
			}
			o[0], o[1], o[2] = hit(i[0], u>>43), hit(i[1], u>>22&(1<<bits-1)), hit(i[2], u>>1&(1<<bits-1))
		}
	}
	j.rng = state
}

// saltAndPepper sets a share of pixels, all channels of each, to white or black.
func saltAndPepper(j *job) {
	black := uint64(float64(j.amount / 2 * (1 << 32)))
	both := 2 * black
	state := j.rng
	for y := range j.in.H {
		in, out := j.in.Row(y), j.out.Row(y)
		copy(out, in)
		for x := 0; x+2 < len(out); x += 3 {
			u := state.next() >> 32
			if u >= both {
				continue
			}
			v := uint8(255)
			if u < black {
				v = 0
			}
			out[x], out[x+1], out[x+2] = v, v, v
		}
	}
	j.rng = state
}
