package pix

import (
	"errors"
	"fmt"
)

func isPNM(b []byte) bool {
	return len(b) > 2 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' && (b[2] == ' ' || b[2] == '\n' || b[2] == '\r' || b[2] == '\t' || b[2] == '#')
}

// decodePNM reads the first image of a PBM, PGM or PPM file, plain or raw, as the
// manual pages of Netpbm have it.
func decodePNM(b []byte, x *extracted) (Image, error) {
	kind := b[1]
	p := pnm{b: b, at: 2}
	w, err := p.number()
	if err != nil {
		return Image{}, fmt.Errorf("the width: %w", err)
	}
	h, err := p.number()
	if err != nil {
		return Image{}, fmt.Errorf("the height: %w", err)
	}
	if err := x.sized(w, h); err != nil {
		return Image{}, err
	}
	bitmap, plain := kind == '1' || kind == '4', kind <= '3'
	most := 1
	if !bitmap {
		if most, err = p.number(); err != nil {
			return Image{}, fmt.Errorf("the largest value: %w", err)
		}
		if most < 1 || most > 65535 {
			return Image{}, fmt.Errorf("the largest value is %d, want 1 to 65535", most)
		}
	}
	if most > 255 {
		x.note(NoteDepth)
	}
	channels := 1
	if kind == '3' || kind == '6' {
		channels = 3
	}
	// Before memory is taken: a sample has a byte at least, of a raw bitmap a bit.
	need := w * h * channels
	if kind == '4' {
		need = (w + 7) / 8 * h
	} else if !plain && most > 255 {
		need *= 2
	}
	if !plain {
		p.at++ // one blank
	}
	if len(b)-p.at < need {
		return Image{}, errors.New("the data ends early")
	}
	scale := func(v int) uint8 { return uint8((min(v, most)*255 + most/2) / most) }
	var sample func() (int, error)
	switch {
	case kind == '1':
		sample = func() (int, error) { v, err := p.bit(); return 1 - v, err }
	case plain:
		sample = p.number
	case kind == '4':
		n := 0
		sample = func() (int, error) {
			v := int(p.b[p.at]>>(7-n&7)) & 1
			if n++; n&7 == 0 || n%w == 0 {
				p.at++
				if n%w == 0 {
					n = 0
				}
			}
			return 1 - v, nil
		}
	case most > 255:
		sample = func() (int, error) { v := int(p.b[p.at])<<8 | int(p.b[p.at+1]); p.at += 2; return v, nil }
	default:
		sample = func() (int, error) { v := int(p.b[p.at]); p.at++; return v, nil }
	}
	m := New(w, h)
	if kind == '6' && most == 255 {
		copy(m.Pix, b[p.at:])
		return m, nil
	}
	for i := 0; i < len(m.Pix); i += 3 {
		for c := 0; c < 3; c++ {
			if c > 0 && channels == 1 {
				m.Pix[i+c] = m.Pix[i]
				continue
			}
			v, err := sample()
			if err != nil {
				return Image{}, err
			}
			m.Pix[i+c] = scale(v)
		}
	}
	return m, nil
}

type pnm struct {
	b  []byte
	at int
}

// skip goes over blanks and comments.
func (p *pnm) skip() {
	for p.at < len(p.b) {
		switch p.b[p.at] {
		case ' ', '\t', '\r', '\n', '\v', '\f':
			p.at++
		case '#':
			for p.at < len(p.b) && p.b[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

func (p *pnm) number() (int, error) {
	p.skip()
	v, digits := 0, 0
	for ; p.at < len(p.b) && p.b[p.at] >= '0' && p.b[p.at] <= '9'; p.at++ {
		if v, digits = 10*v+int(p.b[p.at]-'0'), digits+1; v > 1<<30 {
			return 0, errors.New("a number is too large")
		}
	}
	if digits == 0 {
		return 0, errors.New("a number is wanted")
	}
	return v, nil
}

// bit reads a digit of a plain bitmap, which need not be parted.
func (p *pnm) bit() (int, error) {
	p.skip()
	if p.at >= len(p.b) || p.b[p.at] != '0' && p.b[p.at] != '1' {
		return 0, errors.New("0 or 1 is wanted")
	}
	p.at++
	return int(p.b[p.at-1] - '0'), nil
}
