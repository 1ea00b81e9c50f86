package quant

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/x448/float16"

	"github.com/vtbench/vtbench/internal/boundedjson"
)

// The format of a fitted artefact, little-endian:
//
//	0   4 bytes   "VTBQ"
//	4   u16       version of the format, 1
//	6   u16       0
//	8   u32       length of the header
//	12            header: JSON, [Header]
//	              the tensors in the header's order, without padding
//	end 32 bytes  SHA-256 of everything before
const (
	artefactMagic   = "VTBQ"
	artefactVersion = 1
	maxHeader       = 1 << 16
	maxHeaderMemory = 1 << 20
	maxTensorBytes  = 1 << 28
)

// A Header says what an artefact holds and where it comes from.
type Header struct {
	Rule      string            `json:"rule"`                // "pca", "vq", …
	Patch     int               `json:"patch"`               // side of a patch in pixels
	Frames    int               `json:"frames,omitempty"`    // of a space–time block; 0: a patch of one image
	Dim       int               `json:"dim"`                 // numbers per patch or block
	Transform string            `json:"transform,omitempty"` // digest of the transform artefact the numbers belong to
	Fit       map[string]string `json:"fit,omitempty"`       // how it was fitted: samples, seed, distortion
	Stages    []Layout          `json:"stages,omitempty"`
	Tensors   []Tensor          `json:"tensors"`
}

// A Tensor is a named array of numbers.
type Tensor struct {
	Name  string    `json:"name"`
	Type  string    `json:"type"` // f16 or f32
	Shape []int     `json:"shape"`
	Data  []float32 `json:"-"`
}

// An Artefact is what fitting leaves behind: a few small arrays and how they were fitted.
type Artefact struct {
	Header
	digest string
}

// Digest is the hex SHA-256 that ends the file; it identifies the weights.
func (a *Artefact) Digest() string { return a.digest }

// Tensor returns the named tensor, checked to have the shape.
func (a *Artefact) Tensor(name string, shape ...int) ([]float32, error) {
	for _, t := range a.Tensors {
		if t.Name != name {
			continue
		}
		if !slices.Equal(t.Shape, shape) {
			return nil, fmt.Errorf("tensor %q has shape %v, want %v", name, t.Shape, shape)
		}
		return t.Data, nil
	}
	return nil, fmt.Errorf("there is no tensor %q in a %q artefact", name, a.Rule)
}

// Has reports whether there is a tensor of that name.
func (a *Artefact) Has(name string) bool {
	return slices.ContainsFunc(a.Tensors, func(t Tensor) bool { return t.Name == name })
}

// Rows returns the first side of the named tensor, 0 where there is none.
func (a *Artefact) Rows(name string) int {
	for _, t := range a.Tensors {
		if t.Name == name && len(t.Shape) > 0 {
			return t.Shape[0]
		}
	}
	return 0
}

func (t Tensor) elements() (n, size int, err error) {
	switch t.Type {
	case "f16":
		size = 2
	case "f32":
		size = 4
	default:
		return 0, 0, fmt.Errorf("tensor %q is of type %q: want f16 or f32", t.Name, t.Type)
	}
	n = 1
	for _, s := range t.Shape {
		if s <= 0 || s > maxTensorBytes/size/n {
			return 0, 0, fmt.Errorf("tensor %q has shape %v: sides must be positive and the whole below %d bytes", t.Name, t.Shape, maxTensorBytes)
		}
		n *= s
	}
	return n, size, nil
}

// WriteTo writes the file. The digest is set from what was written. Numbers of
// an f16 tensor are rounded in the file, not in memory: read it back to use it.
func (a *Artefact) WriteTo(w io.Writer) (int64, error) {
	head, err := json.Marshal(a.Header)
	if err != nil {
		return 0, err
	}
	if len(head) > maxHeader {
		return 0, fmt.Errorf("header of %d bytes is longer than %d", len(head), maxHeader)
	}
	var b bytes.Buffer
	b.WriteString(artefactMagic)
	b.Write(binary.LittleEndian.AppendUint16(nil, artefactVersion))
	b.Write([]byte{0, 0})
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(head))))
	b.Write(head)
	for _, t := range a.Tensors {
		n, size, err := t.elements()
		if err != nil {
			return 0, err
		}
		if n != len(t.Data) {
			return 0, fmt.Errorf("tensor %q has %d numbers, its shape %v wants %d", t.Name, len(t.Data), t.Shape, n)
		}
		buf := make([]byte, 0, n*size)
		for _, v := range t.Data {
			if size == 2 {
				buf = binary.LittleEndian.AppendUint16(buf, float16.Fromfloat32(v).Bits())
			} else {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
			}
		}
		b.Write(buf)
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	a.digest = hex.EncodeToString(sum[:])
	return b.WriteTo(w)
}

// ReadArtefact decodes a file that [Artefact.WriteTo] wrote. Nothing of a file
// is used before its checksum has been found right.
func ReadArtefact(data []byte) (*Artefact, error) {
	const fixed = 12
	if len(data) < fixed+sha256.Size || string(data[:4]) != artefactMagic {
		return nil, errors.New("not a fitted artefact: it does not start with " + artefactMagic)
	}
	if v := binary.LittleEndian.Uint16(data[4:]); v != artefactVersion {
		return nil, fmt.Errorf("artefact is of format version %d, this program reads %d: fit it again", v, artefactVersion)
	}
	body, tail := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], tail) {
		return nil, errors.New("artefact is damaged: its SHA-256 does not match; fetch or fit it again")
	}
	n := binary.LittleEndian.Uint32(data[8:])
	if n > maxHeader || int(n) > len(body)-fixed {
		return nil, fmt.Errorf("artefact's header claims %d bytes", n)
	}
	a := &Artefact{digest: hex.EncodeToString(tail)}
	dec := json.NewDecoder(bytes.NewReader(body[fixed : fixed+n]))
	dec.DisallowUnknownFields()
	err := boundedjson.Check(body[fixed:fixed+n], &a.Header, maxHeaderMemory)
	if err == nil {
		err = dec.Decode(&a.Header)
	}
	if err != nil {
		return nil, fmt.Errorf("artefact's header: %w", err)
	}
	if a.Patch <= 0 || a.Patch > 256 || a.Frames < 0 || a.Frames > maxBlockFrames || a.Dim <= 0 || a.Dim > 3*a.Patch*a.Patch*max(a.Frames, 1) {
		return nil, fmt.Errorf("artefact's header: patch %d of %d frames with %d numbers each is not possible", a.Patch, max(a.Frames, 1), a.Dim)
	}
	rest := body[fixed+n:]
	for i := range a.Tensors {
		t := &a.Tensors[i]
		n, size, err := t.elements()
		if err != nil {
			return nil, err
		}
		if n*size > len(rest) {
			return nil, fmt.Errorf("artefact ends in tensor %q", t.Name)
		}
		t.Data = make([]float32, n)
		for j := range t.Data {
			if size == 2 {
				t.Data[j] = float16.Frombits(binary.LittleEndian.Uint16(rest[2*j:])).Float32()
			} else {
				t.Data[j] = math.Float32frombits(binary.LittleEndian.Uint32(rest[4*j:]))
			}
			if v := float64(t.Data[j]); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("tensor %q holds %v at position %d", t.Name, v, j)
			}
		}
		rest = rest[n*size:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("artefact has %d bytes behind its last tensor", len(rest))
	}
	return a, nil
}
