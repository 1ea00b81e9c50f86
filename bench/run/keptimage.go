package run

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// maxUnpacked bounds a result of a cache while it is unpacked.
const maxUnpacked = 1 << 30

// packer and unpacker compress what is kept; EncodeAll and DecodeAll may run at once.
var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2), zstd.WithEncoderCRC(false))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxUnpacked))
)

// keptHead is what stands before ids and pixels of a kept reconstruction.
type keptHead struct {
	W        int        `json:"w"`
	H        int        `json:"h"`
	Same     bool       `json:"same,omitempty"` // the pixels are those that were given
	Coded    bool       `json:"coded,omitempty"`
	Books    []keptBook `json:"books,omitempty"`
	Bits     int64      `json:"bits,omitempty"`
	FileBits int64      `json:"file_bits,omitempty"`
	Capacity float64    `json:"capacity,omitempty"`
}

type keptBook struct {
	Size  int   `json:"size"`
	Shape []int `json:"shape"`
	IDs   int   `json:"ids"`
}

var errKept = errors.New("a kept reconstruction that cannot be read")

// encodeReconstruction writes a reconstruction without its times: length and JSON of the
// head, ids, then pixels as differences to their left neighbour, all compressed.
func encodeReconstruction(rec *tokenizers.Reconstruction, given pix.Image) ([]byte, error) {
	h := keptHead{W: rec.Image.W, H: rec.Image.H, Bits: rec.Bits, FileBits: rec.FileBits, Capacity: rec.Capacity, Same: rec.Image.Equal(given)}
	n := 0
	if rec.Codes != nil {
		h.Coded = true
		for _, b := range rec.Codes.Books {
			h.Books = append(h.Books, keptBook{b.Size, b.Shape, len(b.IDs)})
			n += 4 * len(b.IDs)
		}
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, 4+len(head)+n+len(rec.Image.Pix))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	if rec.Codes != nil {
		for _, b := range rec.Codes.Books {
			for _, id := range b.IDs {
				out = binary.LittleEndian.AppendUint32(out, uint32(id))
			}
		}
	}
	if !h.Same {
		at := len(out)
		out = append(out, rec.Image.Pix...)
		p := out[at:]
		for i := len(p) - 1; i >= 3; i-- {
			p[i] -= p[i-3]
		}
	}
	return packer.EncodeAll(out, make([]byte, 0, len(out)/2)), nil // growing would take a third of the time
}

// decodeReconstruction reads what encodeReconstruction wrote for the same input.
func decodeReconstruction(b []byte, given pix.Image) (rec tokenizers.Reconstruction, err error) {
	if b, err = unpacker.DecodeAll(b, nil); err != nil {
		return rec, err
	}
	if len(b) < 4 {
		return rec, errKept
	}
	n := int(binary.LittleEndian.Uint32(b))
	b = b[4:]
	var h keptHead
	if n > len(b) || boundedjson.Unmarshal(b[:n], &h, boundedjson.Default) != nil {
		return rec, errKept
	}
	b = b[n:]
	rec.Bits, rec.FileBits, rec.Capacity = h.Bits, h.FileBits, h.Capacity
	if h.Coded {
		rec.Codes = &tokenizers.Codes{}
		for _, kb := range h.Books {
			if kb.IDs < 0 || kb.IDs > len(b)/4 {
				return rec, errKept
			}
			ids := make([]int32, kb.IDs)
			for i := range ids {
				ids[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
			}
			b = b[4*kb.IDs:]
			rec.Codes.Books = append(rec.Codes.Books, tokenizers.Book{Size: kb.Size, Shape: kb.Shape, IDs: ids})
		}
	}
	switch {
	case h.Same && h.W == given.W && h.H == given.H && len(b) == 0:
		rec.Image = given
	case !h.Same && h.W > 0 && h.H > 0 && len(b)%3 == 0 && len(b)/3/h.H == h.W && len(b) == 3*h.W*h.H:
		p := slices.Clone(b)
		for i := 3; i < len(p); i++ {
			p[i] += p[i-3]
		}
		rec.Image = pix.Image{W: h.W, H: h.H, Pix: p}
	default:
		return rec, errKept
	}
	return rec, rec.Codes.Validate()
}
