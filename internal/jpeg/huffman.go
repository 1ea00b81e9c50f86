package jpeg

import (
	"encoding/binary"
	"errors"
)

// lookBits is how many bits a table resolves at once: most codes together with the
// value behind them.
const lookBits = 10

// A huffman is a table of codes. An entry of look tells, for the next bits of the
// data: length in bits 0 to 4, run in 8 to 11, size in 12 to 15. Where code and
// value fit into the lookup, flag is set, length counts both and the value stands
// in the upper half. An entry of 0 is a code that is longer.
type huffman struct {
	ok   bool
	look [1 << lookBits]uint32
	// Codes of length n are below maxCode[n], which is aligned to 16 bits; the
	// value of a code is values[code>>(16-n) + offset[n]].
	maxCode [18]uint32
	offset  [17]int32
	values  [256]uint8
}

const hasValue = 1 << 7

func (d *decoder) huffmanTables(seg []byte) error {
	for len(seg) > 0 {
		if len(seg) < 17 {
			return errors.New("a Huffman table is malformed")
		}
		class, id := seg[0]>>4, seg[0]&15
		total := 0
		for _, n := range seg[1:17] {
			total += int(n)
		}
		if class > 1 || id > 3 || total > 256 || len(seg) < 17+total {
			return errors.New("a Huffman table is malformed")
		}
		if err := d.huff[class][id].build(seg[1:17], seg[17:17+total], class == 0); err != nil {
			return err
		}
		seg = seg[17+total:]
	}
	return nil
}

func (h *huffman) build(counts, values []uint8, dc bool) error {
	*h = huffman{ok: true}
	copy(h.values[:], values)
	code, k := uint32(0), 0
	for n := 1; n <= 16; n++ {
		h.offset[n] = int32(k) - int32(code)
		for range counts[n-1] {
			if code >= 1<<n {
				return errors.New("a Huffman table has more codes than there can be")
			}
			v := values[k]
			if dc && v > 15 {
				return errors.New("a Huffman table for DC has sizes above 15")
			}
			if n <= lookBits {
				h.fill(code, n, v, dc)
			}
			code++
			k++
		}
		h.maxCode[n] = code << (16 - n)
		code <<= 1
	}
	h.maxCode[17] = 1<<32 - 1
	return nil
}

// fill enters one code into the lookup.
func (h *huffman) fill(code uint32, n int, v uint8, dc bool) {
	run, size := uint32(v>>4), int(v&15)
	if dc {
		run = 0
	}
	free := lookBits - n
	for rest := range uint32(1) << free {
		e := uint32(n) | run<<8 | uint32(size)<<12
		if size > 0 && size <= free {
			bits := int32(rest >> (free - size))
			e = uint32(n+size) | hasValue | run<<8 | uint32(size)<<12 | uint32(uint16(extend(bits, uint(size))))<<16
		}
		h.look[code<<free|rest] = e
	}
}

// extend is EXTEND of ITU-T T.81, F.2.2.1.
func extend(v int32, size uint) int32 {
	if v < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v
}

// A bitReader reads the entropy-coded data: acc holds n bits, the next one uppermost.
type bitReader struct {
	data []byte
	at   int
	acc  uint64
	n    int
	fake int // of n, bits that are no data: a marker, or the end, was met
}

func (r *bitReader) reset(b []byte, at int) { *r = bitReader{data: b, at: at} }

// overrun reports that bits were used which are not there.
func (r *bitReader) overrun() bool { return r.fake > r.n }

// fill makes n at least 32.
func (r *bitReader) fill() {
	if r.at+4 <= len(r.data) {
		x := binary.BigEndian.Uint32(r.data[r.at:])
		if y := ^x; (y-0x01010101)&^y&0x80808080 == 0 { // no byte is FF
			r.acc |= uint64(x) << ((32 - r.n) & 63)
			r.n += 32
			r.at += 4
			return
		}
	}
	r.fillSlow()
}

func (r *bitReader) fillSlow() {
	for r.n <= 56 {
		if r.at >= len(r.data) {
			r.pad()
			return
		}
		c := r.data[r.at]
		if c == 0xff {
			k := r.at + 1
			for k < len(r.data) && r.data[k] == 0xff {
				k++
			}
			if k >= len(r.data) || r.data[k] != 0 {
				r.pad()
				return
			}
			r.at = k
		}
		r.at++
		r.acc |= uint64(c) << ((56 - r.n) & 63)
		r.n += 8
	}
}

// pad goes on with zeros, which are counted.
func (r *bitReader) pad() {
	r.fake += 64 - r.n
	r.n = 64
}

// restart drops what is left of the bits and goes behind the restart marker.
func (r *bitReader) restart() error {
	// What was read ahead cannot be behind a marker.
	for r.at+1 < len(r.data) {
		if r.data[r.at] == 0xff && r.data[r.at+1] != 0 && r.data[r.at+1] != 0xff {
			break
		}
		if r.n-r.fake > 7 || r.data[r.at] != 0xff { // data where the marker should be
			return errors.New("the data is damaged: a restart marker is missing")
		}
		r.at++
	}
	if r.at+1 >= len(r.data) {
		return errEnd
	}
	if m := r.data[r.at+1]; m < 0xd0 || m > 0xd7 {
		return errors.New("the data is damaged: a restart marker is missing")
	}
	*r = bitReader{data: r.data, at: r.at + 2}
	return nil
}

// end is where the segments go on: reading ahead never passes a marker.
func (r *bitReader) end() int { return r.at }

func (r *bitReader) bit() bool {
	if r.n < 1 {
		r.fill()
	}
	v := r.acc>>63 != 0
	r.acc <<= 1
	r.n--
	return v
}

// take reads size bits, at most 16.
func (r *bitReader) take(size uint) int32 {
	if r.n < 32 {
		r.fill()
	}
	v := int32(r.acc >> ((64 - size) & 63))
	r.acc <<= size & 63
	r.n -= int(size)
	return v
}

// symbol reads a code; -1 for none.
func (r *bitReader) symbol(h *huffman) int {
	if r.n < 32 {
		r.fill()
	}
	x := uint32(r.acc >> 48)
	for n := 1; n <= 16; n++ {
		if x < h.maxCode[n] {
			r.acc <<= n
			r.n -= n
			return int(h.values[(int32(x>>(16-n))+h.offset[n])&255])
		}
	}
	return -1
}

// difference reads by how much the mean of a block differs from the last one's; ok is
// false where no code has these bits.
func (r *bitReader) difference(h *huffman) (v int32, ok bool) {
	if r.n < 32 {
		r.fill()
	}
	e := h.look[r.acc>>(64-lookBits)]
	l, size := e&31, uint(e>>12&15)
	switch {
	case e&hasValue != 0:
		v = int32(int16(e >> 16))
		r.acc <<= l
		r.n -= int(l)
		return v, true
	case e != 0:
		r.acc <<= l
		r.n -= int(l)
	default:
		s := r.symbol(h)
		if s < 0 || s > 15 {
			return 0, false
		}
		size = uint(s)
	}
	if size > 0 {
		v = extend(r.take(size), size)
	}
	return v, true
}

// baseline reads a block of a sequential scan; last is the place in the file's
// order of the last coefficient that is not zero.
func (d *decoder) baseline(coef *[64]int16, c *component) (last int, err error) {
	dc, ac := &d.huff[0][c.dc&3], &d.huff[1][c.ac&3]
	r := &d.bits
	diff, ok := r.difference(dc)
	if !ok {
		return 0, errCode
	}
	c.pred += diff
	acc, n := r.acc, r.n
	coef[0] = int16(c.pred)
	for k := 1; k < 64; k++ {
		if n < 32 {
			r.acc, r.n = acc, n
			r.fill()
			acc, n = r.acc, r.n
		}
		e := ac.look[acc>>(64-lookBits)]
		l := e & 31
		acc <<= l
		n -= int(l)
		if e&hasValue != 0 {
			k += int(e >> 8 & 15)
			if k > 63 {
				return 0, errCode
			}
			coef[zigzag[k&63]&63] = int16(e >> 16)
			last = k
			continue
		}
		run, size := int(e>>8&15), uint(e>>12&15)
		if e == 0 {
			r.acc, r.n = acc, n
			v := r.symbol(ac)
			if v < 0 {
				return 0, errCode
			}
			if r.n < 32 {
				r.fill()
			}
			acc, n = r.acc, r.n
			run, size = v>>4, uint(v&15)
		}
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return 0, errCode
		}
		v := extend(int32(acc>>((64-size)&63)), size)
		acc <<= size & 63
		n -= int(size)
		coef[zigzag[k&63]&63] = int16(v)
		last = k
	}
	r.acc, r.n = acc, n
	return last, nil
}
