package jpeg

import "math/bits"

// In a progressive file scans send bands of coefficients, and bits of them, for
// the whole image in turn, so that all coefficients are kept until the last one. Beside
// them stands a word a block, sent, that tells which coefficients after the mean are not
// zero, by their place in the file's order: the scans that refine touch only these, and
// most blocks have few.

// mean decodes a block of a scan of means.
func (d *decoder) mean(s *scanSpec, c *component, coef *[64]int16) error {
	if s.ah > 0 {
		if d.bits.bit() {
			coef[0] |= 1 << s.al
		}
		return nil
	}
	diff, ok := d.bits.difference(&d.huff[0][c.dc&3])
	if !ok {
		return errCode
	}
	c.pred += diff
	coef[0] = int16(c.pred << s.al)
	return nil
}

// acFirst decodes consecutive blocks of the first scan of a band; done is how many it
// has decoded.
func (d *decoder) acFirst(s *scanSpec, c *component, coefs []int16, sent []uint64) (done int, err error) {
	h := &d.huff[1][c.ac&3]
	r := &d.bits
	acc, n := r.acc, r.n
	al := s.al & 15
	for i := 0; i < len(sent); i++ {
		if d.eobrun > 0 {
			skip := min(d.eobrun, len(sent)-i)
			d.eobrun -= skip
			i += skip - 1
			continue
		}
		coef := (*[64]int16)(coefs[64*i:])
		set := sent[i]
		for k := s.ss; k <= s.se; k++ {
			if n < 32 {
				r.acc, r.n = acc, n
				r.fill()
				acc, n = r.acc, r.n
			}
			e := h.look[acc>>(64-lookBits)]
			l := e & 31
			acc <<= l
			n -= int(l)
			if e&hasValue != 0 {
				if k += int(e >> 8 & 15); k > s.se {
					return i, errCode
				}
				coef[zigzag[k&63]&63] = int16(e>>16) << al
				set |= 1 << (k & 63)
				continue
			}
			run, size := int(e>>8&15), uint(e>>12&15)
			if e == 0 {
				r.acc, r.n = acc, n
				v := r.symbol(h)
				if v < 0 {
					return i, errCode
				}
				if r.n < 32 {
					r.fill()
				}
				acc, n = r.acc, r.n
				run, size = v>>4, uint(v&15)
			}
			if size == 0 {
				if run == 15 {
					k += 15
					continue
				}
				d.eobrun = 1<<run - 1
				if run > 0 {
					d.eobrun += int(acc >> (64 - run))
					acc <<= run
					n -= run
				}
				break
			}
			if k += run; k > s.se {
				return i, errCode
			}
			coef[zigzag[k&63]&63] = int16(extend(int32(acc>>((64-size)&63)), size) << al)
			set |= 1 << (k & 63)
			acc <<= size & 63
			n -= int(size)
		}
		sent[i] = set
	}
	r.acc, r.n = acc, n
	return len(sent), nil
}

// acRefine decodes consecutive blocks of a scan that sends one more bit of a band; done
// is how many it has decoded.
func (d *decoder) acRefine(s *scanSpec, c *component, coefs []int16, sent []uint64) (done int, err error) {
	h := &d.huff[1][c.ac&3]
	r := &d.bits
	acc, n := r.acc, r.n
	al := s.al & 15
	band := (^uint64(0) >> (63 - s.se)) &^ (1<<s.ss - 1)
	for i := range sent {
		coef := (*[64]int16)(coefs[64*i:])
		old := sent[i] & band // those that await a bit
		for k := s.ss; d.eobrun == 0 && k <= s.se; k++ {
			if n < 32 {
				r.acc, r.n = acc, n
				r.fill()
				acc, n = r.acc, r.n
			}
			e := h.look[acc>>(64-lookBits)]
			run, value := int(e>>8&15), int16(e>>16)
			if e&hasValue != 0 && e>>12&15 == 1 {
				l := e & 31
				acc <<= l
				n -= int(l)
			} else {
				r.acc, r.n = acc, n
				v := r.symbol(h)
				if v < 0 || v&15 > 1 {
					return i, errCode
				}
				run, value = v>>4, 0
				switch {
				case v&15 == 1:
					value = 2*int16(r.take(1)) - 1
				case run != 15:
					d.eobrun = 1 << run
					if run > 0 {
						d.eobrun += int(r.take(uint(run)))
					}
				}
				acc, n = r.acc, r.n
				if d.eobrun > 0 {
					break
				}
			}
			// The code stands for run coefficients that stay zero and the one after
			// them; those in between that are not zero have their bits here.
			for old != 0 {
				at := bits.TrailingZeros64(old)
				if run < at-k {
					break
				}
				run -= at - k
				k = at + 1
				old &= old - 1
				if n < 1 {
					r.acc, r.n = acc, n
					r.fill()
					acc, n = r.acc, r.n
				}
				refine(&coef[zigzag[at&63]&63], acc, al)
				acc <<= 1
				n--
			}
			if k += run; k > s.se {
				if value != 0 {
					return i, errCode
				}
				break
			}
			if value != 0 {
				coef[zigzag[k&63]&63] = value << al
				sent[i] |= 1 << (k & 63)
			}
		}
		if d.eobrun == 0 {
			continue
		}
		d.eobrun--
		for ; old != 0; old &= old - 1 {
			if n < 1 {
				r.acc, r.n = acc, n
				r.fill()
				acc, n = r.acc, r.n
			}
			refine(&coef[zigzag[bits.TrailingZeros64(old)&63]&63], acc, al)
			acc <<= 1
			n--
		}
	}
	r.acc, r.n = acc, n
	return len(sent), nil
}

// refine adds the uppermost bit of acc to a coefficient, away from zero, where it does
// not have it yet. Bits are as often 0 as 1, so that no branch tells them apart.
func refine(p *int16, acc uint64, al uint) {
	v := *p
	sign := v >> 15
	bit := int16(acc>>63) &^ (v >> (al & 15))
	*p = v + (bit<<(al&15) ^ sign - sign)
}
