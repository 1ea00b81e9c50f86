package ptq

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/ptq/weights"
)

// The format of packed networks, little-endian:
//
//	0   4 bytes   "VTBW"
//	4   u16       version of the format, 1
//	6   u16       0
//	8   u32       length of the header
//	12            header: JSON, [Header]
//	              the graphs without the weights of the layers, each compressed (zstd)
//	              the layers' forms, bit by bit, each from a whole byte on
//	end 32 bytes  SHA-256 of everything before
const (
	packedMagic   = "VTBW"
	packedVersion = 1
	fixedBytes    = 12
	maxHeader     = 16 << 20
	maxHeaderUse  = 64 << 20
	// maxInflation bounds what a compressed graph becomes, but for a first megabyte:
	// graphs are names and shapes, and what was left out.
	maxInflation = 256
	// leastWindow is what decompressing takes of memory, however small the graph.
	leastWindow = 1 << 20
)

// A Header says what a packed network holds.
type Header struct {
	Graphs []PackedGraph     `json:"graphs"`
	Layers []Layer           `json:"layers"`
	Left   []LeftOut         `json:"left_out"`
	Made   map[string]string `json:"made,omitempty"` // rule, bits, of what, calibrated on what
}

// A PackedGraph is one graph without the weights of its layers.
type PackedGraph struct {
	Name  string `json:"name"`
	Size  int    `json:"size"`  // bytes
	Bytes int    `json:"bytes"` // compressed
	Was   int    `json:"was"`   // of the graph before, with all its weights
}

// A Layer is one quantized matrix.
type Layer struct {
	Graph    int    `json:"graph"`
	Label    string `json:"label"` // "encoder Conv_12"
	Op       string `json:"op"`
	Tensor   string `json:"tensor,omitempty"`   // initializer that holds the weights
	Constant string `json:"constant,omitempty"` // or what the constant node gives
	layout
	Kind  int32   `json:"type"`  // of its numbers, as ONNX counts types
	Bits  float64 `json:"bits"`  // that were asked for
	Error float64 `json:"error"` // of its outputs, of their energy, on the calibration images
	Bytes int     `json:"bytes"` // of its form
	// Nominal is how many bits the codes take, without scales and books.
	Nominal float64 `json:"nominal"`
}

// Weights is how many weights a layer has.
func (l Layer) Weights() int { return l.Rows * l.Cols }

type entry struct {
	Layer
	layer *layer
	form  weights.Form
}

// A Packed network is one that was quantized and not yet written.
type Packed struct {
	network *network
	entries []entry
	made    map[string]string
}

// Bytes writes the file.
func (p *Packed) Bytes() ([]byte, error) {
	head := Header{Left: p.network.left, Made: p.made}
	var body []byte
	for _, e := range p.entries {
		p.network.set(e.layer, nil)
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("packing weights: %w", err)
	}
	graphs, err := p.network.bytes()
	if err != nil {
		return nil, err
	}
	for i, g := range graphs {
		z := encoder.EncodeAll(g.Data, nil)
		head.Graphs = append(head.Graphs, PackedGraph{Name: filepath.Base(g.Name), Size: len(g.Data), Bytes: len(z), Was: len(p.network.graphs[i].Data)})
		body = append(body, z...)
	}
	for _, e := range p.entries {
		var w weights.Writer
		weights.Write(&w, e.form)
		b := w.Bytes()
		e.Layer.Bytes, e.Nominal = len(b), e.form.Nominal()
		head.Layers = append(head.Layers, e.Layer)
		body = append(body, b...)
	}
	header, err := json.Marshal(head)
	if err != nil {
		return nil, fmt.Errorf("packing weights: %w", err)
	}
	if len(header) > maxHeader {
		return nil, fmt.Errorf("packing weights: a header of %d bytes; %d are the most", len(header), maxHeader)
	}
	out := append([]byte(packedMagic), binary.LittleEndian.AppendUint16(nil, packedVersion)...)
	out = append(out, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(header)))
	out = append(append(out, header...), body...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

// An Unpacked network is what a file holds: graphs with the weights that its bits stand
// for, which are the ones that are measured.
type Unpacked struct {
	Header
	Graphs []onnx.Graph
	Digest string // hex SHA-256
	Bytes  int    // of the file
}

// Weights is how many weights are quantized.
func (u *Unpacked) Weights() int {
	n := 0
	for _, l := range u.Layers {
		n += l.Weights()
	}
	return n
}

// Nominal is how many bits a quantized weight takes by its code alone, and Real with
// everything that is stored for it: scales, zero points, books, outliers, branches.
func (u *Unpacked) Nominal() float64 {
	var sum float64
	for _, l := range u.Layers {
		sum += l.Nominal
	}
	return sum / float64(max(1, u.Weights()))
}

// Real is the bits of the file that a quantized weight takes.
func (u *Unpacked) Real() float64 {
	sum := 0
	for _, l := range u.Layers {
		sum += 8 * l.Bytes
	}
	return float64(sum) / float64(max(1, u.Weights()))
}

// ErrNotPacked says that a file is none that this program wrote.
var ErrNotPacked = errors.New("not a packed network")

// Unpack reads a file that [Packed.Bytes] wrote. Nothing of it is used before its
// checksum has been found right, and nothing is made that its size does not allow.
func Unpack(data []byte) (*Unpacked, error) {
	if len(data) < fixedBytes+sha256.Size || string(data[:4]) != packedMagic {
		return nil, fmt.Errorf("%w: it does not start with %s", ErrNotPacked, packedMagic)
	}
	if v := binary.LittleEndian.Uint16(data[4:]); v != packedVersion {
		return nil, fmt.Errorf("%w that this program reads: it is of version %d, version %d is read", ErrNotPacked, v, packedVersion)
	}
	body, tail := data[:len(data)-sha256.Size], data[len(data)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], tail) {
		return nil, fmt.Errorf("%w: its SHA-256 does not match", ErrNotPacked)
	}
	u, err := unpack(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotPacked, err)
	}
	u.Digest, u.Bytes = hex.EncodeToString(tail), len(data)
	return u, nil
}

func unpack(body []byte) (*Unpacked, error) {
	n := int(binary.LittleEndian.Uint32(body[8:]))
	if n > maxHeader || n > len(body)-fixedBytes {
		return nil, fmt.Errorf("its header is said to have %d bytes", n)
	}
	u := &Unpacked{}
	header, body := body[fixedBytes:fixedBytes+n], body[fixedBytes+n:]
	if err := boundedjson.Unmarshal(header, &u.Header, maxHeaderUse); err != nil {
		return nil, fmt.Errorf("its header: %w", err)
	}
	take := func(n int) ([]byte, error) {
		if n < 0 || n > len(body) {
			return nil, fmt.Errorf("%d bytes are said to be in %d", n, len(body))
		}
		part := body[:n]
		body = body[n:]
		return part, nil
	}
	var models []*onnxfile.Model
	for _, g := range u.Header.Graphs {
		z, err := take(g.Bytes)
		if err != nil {
			return nil, err
		}
		if g.Size < 0 || g.Size > onnxfile.MaxBytes || g.Size > maxInflation*len(z)+1<<20 {
			return nil, fmt.Errorf("a graph of %d bytes is said to be in %d", g.Size, len(z))
		}
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(max(g.Size, leastWindow))))
		if err != nil {
			return nil, err
		}
		data, err := decoder.DecodeAll(z, nil)
		decoder.Close()
		if err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		if len(data) != g.Size {
			return nil, fmt.Errorf("graph %s has %d bytes, not %d", g.Name, len(data), g.Size)
		}
		m, err := onnxfile.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("graph %s: %w", g.Name, err)
		}
		models = append(models, m)
	}
	for _, l := range u.Layers {
		part, err := take(l.Bytes)
		if err != nil {
			return nil, err
		}
		if l.Graph < 0 || l.Graph >= len(models) {
			return nil, fmt.Errorf("layer %q is of graph %d", l.Label, l.Graph)
		}
		f, err := weights.Read(weights.NewReader(part))
		if err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Label, err)
		}
		if err := l.fill(models[l.Graph], f); err != nil {
			return nil, fmt.Errorf("layer %q: %w", l.Label, err)
		}
	}
	if len(body) > 0 {
		return nil, fmt.Errorf("%d bytes are left behind its last layer", len(body))
	}
	for i, m := range models {
		b, err := m.Bytes()
		if err != nil {
			return nil, err
		}
		u.Graphs = append(u.Graphs, onnx.Graph{Name: u.Header.Graphs[i].Name, Data: b})
	}
	return u, nil
}

// fill writes the weights of a form into its graph.
func (l Layer) fill(m *onnxfile.Model, f weights.Form) error {
	rows, cols := f.Size()
	if rows != l.Rows || cols != l.Cols || l.Inputs && (l.Groups < 1 || l.Rows%l.Groups != 0) {
		return fmt.Errorf("its form is of %d×%d weights, it of %d×%d in %d groups", rows, cols, l.Rows, l.Cols, l.Groups)
	}
	own := &layer{layout: l.layout, values: make([]float32, rows*cols), kind: l.Kind}
	put := func(t *onnxpb.TensorProto) error {
		n, err := onnxfile.Elements(t)
		if err != nil {
			return err
		}
		if n != rows*cols || t.GetDataType() != l.Kind || len(t.GetRawData()) > 0 {
			return fmt.Errorf("the graph has no %d numbers of type %s to fill in", rows*cols, onnxfile.TypeName(l.Kind))
		}
		own.place = own.places()
		onnxfile.SetFloats(t, own.stored(f.Decode()))
		return nil
	}
	if l.Tensor != "" {
		if _, ok := m.Tensor(l.Tensor); !ok {
			return fmt.Errorf("the graph has no initializer %q", l.Tensor)
		}
		var err error
		m.EditTensor(l.Tensor, func(t *onnxpb.TensorProto) { err = put(t) })
		return err
	}
	node, ok := m.Producer(l.Constant)
	a := attribute(node.NodeProto, "value")
	if !ok || a.GetT() == nil {
		return fmt.Errorf("the graph has no constant %q", l.Constant)
	}
	var err error
	m.Edit(node, func(*onnxpb.NodeProto) { err = put(a.GetT()) })
	return err
}
