package feature

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"gonum.org/v1/gonum/mat"
)

// storeMagic begins a stored gathering; it changes with the form.
const storeMagic = "vtbench features 1\n"

// WriteTo writes a gathering, so that a reference set need not be embedded again: the
// vectors that are kept, by name, and the moments of all.
func (g *Gathering) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	b.WriteString(storeMagic)
	put := func(v ...uint64) {
		for _, x := range v {
			b.Write(binary.LittleEndian.AppendUint64(nil, x))
		}
	}
	text := func(s string) {
		put(uint64(len(s)))
		b.WriteString(s)
	}
	put(uint64(g.limit), g.seed, uint64(g.dim), uint64(g.n), uint64(len(g.kept)))
	text(g.zero)
	s := g.set() // in the order of names
	for i, id := range s.ids {
		text(id)
		for _, x := range s.rows[i] {
			b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
	}
	for _, m := range []*Moments{g.all, g.unit} {
		if m == nil {
			put(0)
			continue
		}
		m.flush()
		put(uint64(m.n))
		for _, x := range m.mean {
			put(math.Float64bits(x))
		}
		for i := range g.dim {
			for j := i; j < g.dim; j++ {
				put(math.Float64bits(m.m2.At(i, j)))
			}
		}
	}
	n, err := w.Write(b.Bytes())
	return int64(n), err
}

// errStored is returned for bytes that are no stored gathering.
var errStored = errors.New("these are no stored features, or not all of them")

// ReadGathering reads what WriteTo wrote.
func ReadGathering(b []byte) (*Gathering, error) {
	rest, ok := bytes.CutPrefix(b, []byte(storeMagic))
	if !ok {
		return nil, errStored
	}
	bad := false
	get := func() uint64 {
		if len(rest) < 8 {
			bad = true
			return 0
		}
		v := binary.LittleEndian.Uint64(rest)
		rest = rest[8:]
		return v
	}
	text := func() string {
		n := get()
		if bad || n > uint64(len(rest)) {
			bad = true
			return ""
		}
		s := string(rest[:n])
		rest = rest[n:]
		return s
	}
	limit, seed, dim, n, kept := get(), get(), get(), get(), get()
	zero := text()
	if bad || limit < 1 || limit > Reservoir || dim < 1 || dim > MaxDim || kept > limit || kept > n || n > math.MaxInt64/2 {
		return nil, errStored
	}
	g := gather(int(limit), seed)
	g.dim, g.n, g.zero = int(dim), int64(n), zero
	for range kept {
		id := text()
		if bad || uint64(len(rest)) < 4*dim || g.names[id] {
			return nil, errStored
		}
		f := make([]float32, dim)
		for i := range f {
			f[i] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*i:]))
		}
		rest = rest[4*dim:]
		heap.Push(&g.kept, sampled{g.hash(id), id, f})
		g.names[id] = true
	}
	for _, to := range []**Moments{&g.all, &g.unit} {
		count := get()
		if count == 0 || bad {
			continue
		}
		if uint64(len(rest)) < 8*(dim+dim*(dim+1)/2) {
			return nil, errStored
		}
		m := &Moments{n: int64(count), mean: make([]float64, dim), m2: mat.NewSymDense(int(dim), nil)}
		for i := range m.mean {
			m.mean[i] = math.Float64frombits(get())
		}
		for i := range int(dim) {
			for j := i; j < int(dim); j++ {
				m.m2.SetSym(i, j, math.Float64frombits(get()))
			}
		}
		*to = m
	}
	if bad || len(rest) > 0 || (g.all == nil) != (g.unit == nil) || g.all == nil && n != kept {
		return nil, fmt.Errorf("%w: %d bytes are left", errStored, len(rest))
	}
	return g, nil
}
