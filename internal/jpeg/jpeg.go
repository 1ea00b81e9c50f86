// Package jpeg decodes JPEG files to the pixels that libjpeg-turbo shows, and holds
// the arithmetic of libjpeg that other packages imitate.
//
// Its opinion: numbers are comparable only when everybody looks at the same pixels,
// and those are libjpeg-turbo's: Pillow, OpenCV, PyTorch and browsers decode with
// it. So every step is its integer arithmetic (jidctint.c, jdsample.c, jdcolor.c at
// their defaults: slow integer transform, "fancy" upsampling), which no library
// of the system can change. Baseline, extended and progressive files with Huffman
// codes, 8 bits a sample, any sampling factors that divide each other, grey, YCbCr,
// RGB, CMYK and YCCK are decoded; everything else is refused by its name. A file
// that ends early or whose codes are damaged is an error, not a picture that is
// grey below some line.
//
//	m, err := jpeg.Decode(file)   // m.Pix is RGB
package jpeg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
)

// Version of the decoder: it rises when the same file yields other pixels.
const Version = 1

// MaxPixels is the largest image that is decoded.
const MaxPixels = 200_000_000

// A Model says what the components of a file are.
type Model string

// The models that are decoded.
const (
	Gray  Model = "grey"
	YCbCr Model = "YCbCr"
	RGB   Model = "RGB"
	CMYK  Model = "CMYK"
	YCCK  Model = "YCCK"
)

// A Header is what a file says of itself.
type Header struct {
	W, H        int
	Model       Model
	Progressive bool
	EXIF        []byte // payload of the first APP1 segment named Exif, behind the name
	ICC         []byte // the colour profile, put together; nil where parts are missing
}

// An Image is a decoded file: R, G, B a pixel, row by row.
type Image struct {
	Header
	Pix []uint8 // 3*W*H
}

// zigzag maps the order in a file to the place in a block.
var zigzag = [64]uint8{
	0, 1, 8, 16, 9, 2, 3, 10,
	17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34,
	27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36,
	29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46,
	53, 60, 61, 54, 47, 55, 62, 63,
}

// slack is how many bytes kernels may read or write behind a row.
const slack = 64

type component struct {
	id     uint8
	h, v   int // sampling factors
	table  uint8
	w, hgt int // samples that the image needs
	bw, bh int // blocks that interleaved scans fill
	stride int // of plane
	plane  []uint8
	coef   []int16  // progressive only: bw*bh blocks
	sent   []uint64 // progressive only: which coefficients of each block are not zero
	quant  *[64]int32
	dc, ac uint8 // tables of the scan
	pred   int32
	level  [64]int8 // 1 + the lowest bit that was sent of each coefficient, 0 for none
}

type decoder struct {
	Header
	b   []byte
	pos int

	comp       []component
	hmax, vmax int
	mcuW, mcuH int // of the whole image
	quant      [4][64]int32
	haveQuant  [4]bool
	huff       [2][4]huffman // class, table
	interval   int           // MCUs between restarts, 0 for none

	jfif      bool
	adobe     int // transform of the Adobe segment, -1 without one
	icc       [][]byte
	iccBroken bool

	sos    []byte // the scan header read last
	eobrun int
	scans  int

	bits bitReader
}

// DecodeHeader reads the segments up to the frame header and the first scan.
func DecodeHeader(b []byte) (Header, error) {
	d := &decoder{b: b, adobe: -1}
	if _, err := d.segments(); err != nil {
		return Header{}, err
	}
	if len(d.comp) == 0 {
		return Header{}, errors.New("a scan comes before the frame header")
	}
	return d.Header, d.finishHeader()
}

// Decode decodes a file. CMYK and YCCK become RGB as Pillow converts them: without
// profiles, the inks multiplied, values taken as Adobe's inverted ones.
func Decode(b []byte) (Image, error) {
	d := &decoder{b: b, adobe: -1}
	defer d.release()
	for {
		more, err := d.segments()
		if err != nil {
			return Image{}, err
		}
		if !more {
			break
		}
		if err := d.scan(); err != nil {
			return Image{}, err
		}
	}
	if d.scans == 0 {
		return Image{}, errors.New("the file has no scan")
	}
	if !d.complete() {
		return Image{}, errors.New("the file ends before everything was sent: components, or bits of their coefficients, are missing")
	}
	return d.image()
}

// segments reads marker segments up to a scan header, which it reads too. It
// returns false at the end of the image.
func (d *decoder) segments() (bool, error) {
	if d.pos == 0 {
		if len(d.b) < 2 || d.b[0] != 0xff || d.b[1] != 0xd8 {
			return false, errors.New("not a JPEG file: it does not begin with FF D8")
		}
		d.pos = 2
	}
	for {
		// Bytes between segments are skipped, as by libjpeg.
		for d.pos < len(d.b) && d.b[d.pos] != 0xff {
			d.pos++
		}
		for d.pos < len(d.b) && d.b[d.pos] == 0xff {
			d.pos++
		}
		if d.pos >= len(d.b) {
			if d.complete() {
				return false, nil // only the end marker is missing
			}
			return false, errors.New("the file ends early")
		}
		marker := d.b[d.pos]
		d.pos++
		switch {
		case marker == 0 || marker == 0x01 || marker >= 0xd0 && marker <= 0xd8:
			continue
		case marker == 0xd9:
			return false, nil
		}
		if d.pos+2 > len(d.b) {
			return false, errors.New("the file ends early")
		}
		n := int(binary.BigEndian.Uint16(d.b[d.pos:]))
		if n < 2 || d.pos+n > len(d.b) {
			return false, fmt.Errorf("segment FF %02X of %d bytes is longer than the file", marker, n)
		}
		seg := d.b[d.pos+2 : d.pos+n]
		d.pos += n
		var err error
		switch marker {
		case 0xc0, 0xc1, 0xc2:
			err = d.frame(marker, seg)
		case 0xc4:
			err = d.huffmanTables(seg)
		case 0xdb:
			err = d.quantTables(seg)
		case 0xdd:
			if len(seg) != 2 {
				return false, errors.New("the restart interval is malformed")
			}
			d.interval = int(binary.BigEndian.Uint16(seg))
		case 0xda:
			if len(d.comp) == 0 {
				return false, errors.New("a scan comes before the frame header")
			}
			if len(seg) < 1 || int(seg[0]) < 1 || int(seg[0]) > len(d.comp) || len(seg) != 4+2*int(seg[0]) {
				return false, errors.New("a scan header is malformed")
			}
			d.sos = seg
			return true, nil
		case 0xc3, 0xc7, 0xcb, 0xcf, 0xf7:
			err = errors.New("lossless JPEG is not read; convert it to PNG")
		case 0xc5, 0xc6, 0xcd, 0xce:
			err = errors.New("hierarchical JPEG is not read; convert it to PNG")
		case 0xc9, 0xca:
			err = errors.New("JPEG with arithmetic codes is not read; jpegtran without -arithmetic rewrites it without loss")
		case 0xdc:
			err = errors.New("the height stands behind the pixels (DNL), which is not read; jpegtran rewrites the file without loss")
		case 0xe0:
			d.jfif = d.jfif || len(seg) >= 5 && string(seg[:5]) == "JFIF\x00"
		case 0xe1:
			if len(seg) > 6 && string(seg[:6]) == "Exif\x00\x00" && d.EXIF == nil {
				d.EXIF = seg[6:]
			}
		case 0xe2:
			d.profile(seg)
		case 0xee:
			if len(seg) >= 12 && string(seg[:5]) == "Adobe" {
				d.adobe = int(seg[11])
			}
		}
		if err != nil {
			return false, err
		}
	}
}

// complete reports that every component was sent, to its last bit. (Of progressive
// files that leave bits out libjpeg shows a guess.)
func (d *decoder) complete() bool {
	for i := range d.comp {
		for _, l := range d.comp[i].level {
			if l != 1 {
				return false
			}
		}
	}
	return len(d.comp) > 0
}

// profile collects the numbered parts of a colour profile.
func (d *decoder) profile(seg []byte) {
	if len(seg) < 14 || string(seg[:12]) != "ICC_PROFILE\x00" {
		return
	}
	i, n := int(seg[12]), int(seg[13])
	if d.icc == nil {
		d.icc = make([][]byte, n)
	}
	if n != len(d.icc) || i < 1 || i > n {
		d.iccBroken = true
		return
	}
	d.icc[i-1] = seg[14:]
}

func (d *decoder) quantTables(seg []byte) error {
	for len(seg) > 0 {
		wide, id := seg[0]>>4, seg[0]&15
		size := 64 * (1 + int(wide))
		if wide > 1 || id > 3 || len(seg) < 1+size {
			return errors.New("a quantisation table is malformed")
		}
		for i, z := range zigzag {
			if wide == 1 {
				d.quant[id][z] = int32(binary.BigEndian.Uint16(seg[1+2*i:]))
			} else {
				d.quant[id][z] = int32(seg[1+i])
			}
		}
		d.haveQuant[id] = true
		seg = seg[1+size:]
	}
	return nil
}

func (d *decoder) frame(marker byte, seg []byte) error {
	if len(d.comp) > 0 {
		return errors.New("the file has two frame headers")
	}
	if len(seg) < 6 {
		return errors.New("the frame header is malformed")
	}
	if bits := seg[0]; bits != 8 {
		return fmt.Errorf("JPEG of %d bits a sample is not read; convert it to PNG", bits)
	}
	d.Progressive = marker == 0xc2
	d.H, d.W = int(binary.BigEndian.Uint16(seg[1:])), int(binary.BigEndian.Uint16(seg[3:]))
	n := int(seg[5])
	switch {
	case d.H == 0 && d.W > 0:
		return errors.New("the height stands behind the pixels (DNL), which is not read; jpegtran rewrites the file without loss")
	case d.W == 0:
		return errors.New("the header says a width of 0")
	case d.W*d.H > MaxPixels:
		return fmt.Errorf("the header says %d×%d, more than the %d megapixels accepted", d.W, d.H, MaxPixels/1_000_000)
	case n != 1 && n != 3 && n != 4:
		return fmt.Errorf("JPEG of %d components is not read; 1, 3 and 4 are", n)
	case len(seg) != 6+3*n:
		return errors.New("the frame header is malformed")
	}
	d.hmax, d.vmax = 1, 1
	comp := make([]component, n)
	for i := range comp {
		s := seg[6+3*i:]
		c := component{id: s[0], h: int(s[1] >> 4), v: int(s[1] & 15), table: s[2]}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3 {
			return errors.New("the sampling factors or the quantisation table of a component are impossible")
		}
		for _, o := range comp[:i] {
			if o.id == c.id {
				return errors.New("two components have one id")
			}
		}
		d.hmax, d.vmax = max(d.hmax, c.h), max(d.vmax, c.v)
		comp[i] = c
	}
	d.mcuW = (d.W + 8*d.hmax - 1) / (8 * d.hmax)
	d.mcuH = (d.H + 8*d.vmax - 1) / (8 * d.vmax)
	for i := range comp {
		c := &comp[i]
		if d.hmax%c.h != 0 || d.vmax%c.v != 0 {
			return fmt.Errorf("chroma sampled %d×%d in %d×%d is not read, nor by libjpeg", c.h, c.v, d.hmax, d.vmax)
		}
		c.w, c.hgt = (d.W*c.h+d.hmax-1)/d.hmax, (d.H*c.v+d.vmax-1)/d.vmax
		c.bw, c.bh = d.mcuW*c.h, d.mcuH*c.v
		c.stride = 8*c.bw + slack
	}
	d.comp = comp
	return nil
}

// finishHeader tells the model by libjpeg's rules (jdapimin.c) and puts the
// profile together.
func (d *decoder) finishHeader() error {
	switch len(d.comp) {
	case 1:
		d.Model = Gray
	case 3:
		ids := string([]byte{d.comp[0].id, d.comp[1].id, d.comp[2].id})
		switch {
		case !d.jfif && d.adobe == 0, !d.jfif && d.adobe < 0 && ids == "RGB":
			d.Model = RGB
		default:
			d.Model = YCbCr
		}
	case 4:
		if d.Model = YCCK; d.adobe <= 0 {
			d.Model = CMYK
		}
	}
	d.ICC = nil
	if d.iccBroken {
		return nil
	}
	for _, p := range d.icc {
		if p == nil {
			d.ICC = nil
			return nil
		}
		d.ICC = append(d.ICC, p...)
	}
	return nil
}

// A scanSpec is what a scan header asks for.
type scanSpec struct {
	comp   []*component
	ss, se int // band of coefficients
	ah, al uint
}

// scan decodes the scan whose header was read last.
func (d *decoder) scan() error {
	d.scans++
	seg := d.sos
	n := int(seg[0])
	var s scanSpec
	for i := range n {
		c := d.byID(seg[1+2*i])
		if c == nil {
			return fmt.Errorf("a scan names component %d, which the frame header does not have", seg[1+2*i])
		}
		for _, o := range s.comp {
			if o == c {
				return errors.New("a scan names a component twice")
			}
		}
		t := seg[2+2*i]
		if c.dc, c.ac = t>>4, t&15; c.dc > 3 || c.ac > 3 {
			return errors.New("a scan names a Huffman table that cannot be")
		}
		s.comp = append(s.comp, c)
	}
	tail := seg[1+2*n:]
	s.ss, s.se, s.ah, s.al = int(tail[0]), int(tail[1]), uint(tail[2]>>4), uint(tail[2]&15)
	if !d.Progressive {
		s.ss, s.se, s.ah, s.al = 0, 63, 0, 0
	} else if s.ss > s.se || s.se > 63 || s.ss == 0 && s.se != 0 || s.ss > 0 && n != 1 || s.ah != 0 && s.ah != s.al+1 || s.al > 13 {
		return errors.New("the spectral band or the bits of a scan are impossible")
	}
	if err := d.prepare(&s); err != nil {
		return err
	}
	d.bits.reset(d.b, d.pos)
	d.eobrun = 0
	for i := range s.comp {
		s.comp[i].pred = 0
	}
	var err error
	switch {
	case s.ss > 0 && s.ah == 0:
		err = d.band(&s, d.acFirst)
	case s.ss > 0:
		err = d.band(&s, d.acRefine)
	case n == 1:
		err = d.single(&s)
	default:
		err = d.interleaved(&s)
	}
	d.pos = d.bits.end()
	return err
}

func (d *decoder) byID(id uint8) *component {
	for i := range d.comp {
		if d.comp[i].id == id {
			return &d.comp[i]
		}
	}
	return nil
}

// prepare checks the tables that a scan needs and takes memory for its components.
func (d *decoder) prepare(s *scanSpec) error {
	for _, c := range s.comp {
		if c.quant == nil {
			if !d.haveQuant[c.table] {
				return fmt.Errorf("quantisation table %d is missing", c.table)
			}
			t := d.quant[c.table] // as it was when the component began
			c.quant = &t
		}
		if s.ss == 0 && s.ah == 0 && !d.huff[0][c.dc].ok {
			return fmt.Errorf("the Huffman table DC %d is missing", c.dc)
		}
		if s.se > 0 && !d.huff[1][c.ac].ok {
			return fmt.Errorf("the Huffman table AC %d is missing", c.ac)
		}
		if err := c.progress(s); err != nil {
			return err
		}
		// A file of a few bytes must not cost the memory that its header claims: a
		// block takes one bit at least.
		if (c.bw*c.bh)/8 > len(d.b) {
			return fmt.Errorf("%d bytes cannot hold %d×%d pixels: the file is cut off or its header is wrong", len(d.b), d.W, d.H)
		}
		if c.plane == nil {
			c.plane = planes.get(c.stride*8*c.bh + slack)
		}
		if d.Progressive && c.coef == nil {
			c.coef, c.sent = coefficients.get(64*c.bw*c.bh), masks.get(c.bw*c.bh)
			clear(c.coef)
			clear(c.sent)
		}
	}
	return nil
}

// progress notes what a scan sends of a component. Nothing may be sent twice, which
// bounds the work that a file can ask for.
func (c *component) progress(s *scanSpec) error {
	for k := s.ss; k <= s.se; k++ {
		if want := int8(s.ah); c.level[k] != 0 && (want == 0 || c.level[k]-1 != want) || c.level[k] == 0 && want != 0 {
			return errors.New("the data is damaged: scans that do not follow each other")
		}
		c.level[k] = int8(s.al) + 1
	}
	return nil
}

func (d *decoder) release() {
	for i := range d.comp {
		planes.put(d.comp[i].plane)
		coefficients.put(d.comp[i].coef)
		masks.put(d.comp[i].sent)
	}
}

// A pool lends buffers.
type pool[T any] struct{ sync.Pool }

var (
	planes       pool[uint8]
	coefficients pool[int16]
	masks        pool[uint64]
)

func (p *pool[T]) get(n int) []T {
	if b, ok := p.Get().(*[]T); ok && cap(*b) >= n {
		return (*b)[:n]
	}
	return make([]T, n)
}

func (p *pool[T]) put(b []T) {
	if cap(b) > 0 {
		p.Put(&b)
	}
}

// single decodes a scan of one component, whose blocks are those that the image
// needs.
func (d *decoder) single(s *scanSpec) error {
	c := s.comp[0]
	w, h := (c.w+7)/8, (c.hgt+7)/8
	left := d.interval
	for y := range h {
		for x := range w {
			if d.interval > 0 && left == 0 {
				if err := d.restart(s); err != nil {
					return err
				}
				left = d.interval
			}
			left--
			if err := d.block(s, c, x, y); err != nil {
				return d.where(err, y*w+x, w*h)
			}
		}
		if d.bits.overrun() {
			return d.where(errEnd, y*w, w*h)
		}
	}
	return nil
}

// band decodes a scan of coefficients other than the means, which are of one component.
func (d *decoder) band(s *scanSpec, decode func(s *scanSpec, c *component, coefs []int16, sent []uint64) (done int, err error)) error {
	c := s.comp[0]
	w, h := (c.w+7)/8, (c.hgt+7)/8
	left := d.interval
	for y := range h {
		for x := 0; x < w; {
			n := w - x
			if d.interval > 0 {
				if left == 0 {
					if err := d.restart(s); err != nil {
						return err
					}
					left = d.interval
				}
				n = min(n, left)
				left -= n
			}
			at := y*c.bw + x
			if done, err := decode(s, c, c.coef[64*at:][:64*n], c.sent[at:][:n]); err != nil {
				return d.where(err, y*w+x+done, w*h)
			}
			x += n
		}
		if d.bits.overrun() {
			return d.where(errEnd, y*w, w*h)
		}
	}
	return nil
}

func (d *decoder) interleaved(s *scanSpec) error {
	left := d.interval
	for my := range d.mcuH {
		for mx := range d.mcuW {
			if d.interval > 0 && left == 0 {
				if err := d.restart(s); err != nil {
					return err
				}
				left = d.interval
			}
			left--
			for _, c := range s.comp {
				for y := range c.v {
					for x := range c.h {
						if err := d.block(s, c, mx*c.h+x, my*c.v+y); err != nil {
							return d.where(err, my*d.mcuW+mx, d.mcuW*d.mcuH)
						}
					}
				}
			}
		}
		if d.bits.overrun() {
			return d.where(errEnd, my*d.mcuW, d.mcuW*d.mcuH)
		}
	}
	return nil
}

var (
	errEnd  = errors.New("the data ends early")
	errCode = errors.New("the data is damaged: a code that no table has")
)

func (d *decoder) where(err error, block, blocks int) error {
	return fmt.Errorf("%w, after %d of %d blocks of scan %d", err, block, blocks, d.scans)
}

// restart goes on behind a restart marker.
func (d *decoder) restart(s *scanSpec) error {
	if d.bits.overrun() {
		return errEnd
	}
	if err := d.bits.restart(); err != nil {
		return err
	}
	d.eobrun = 0
	for _, c := range s.comp {
		c.pred = 0
	}
	return nil
}

// block decodes one block of a scan.
func (d *decoder) block(s *scanSpec, c *component, x, y int) error {
	if d.Progressive {
		return d.mean(s, c, (*[64]int16)(c.coef[64*(y*c.bw+x):]))
	}
	var coef [64]int16
	last, err := d.baseline(&coef, c)
	if err != nil {
		return err
	}
	at := c.plane[8*y*c.stride+8*x:]
	inverseBlock(at, c.stride, &coef, c.quant, last)
	return nil
}
