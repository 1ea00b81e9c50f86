package onnxfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/x448/float16"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
)

// Bounds of a model that is edited: the largest networks have some ten thousand nodes.
const (
	maxParts    = 1 << 20 // nodes, initializers, inputs and outputs
	maxElements = 1 << 29 // numbers of a tensor
)

// Fields of ModelProto and GraphProto.
const (
	modelGraph   = 7
	modelOpset   = 8
	graphNode    = 1
	graphTensor  = 5
	graphInput   = 11
	graphOutput  = 12
	graphSparse  = 15
	mainDomain   = ""
	mainDomainAs = "ai.onnx"
)

// A Model is an ONNX model taken apart to be edited. Whatever is not edited keeps the
// bytes that it had, in its place: nodes of unknown operators, fields that this program
// does not know.
type Model struct {
	outer []*part // fields of ModelProto
	inner []*part // fields of the GraphProto, which stands where outer has a nil
	opset int64
}

// A part is one field of a message.
type part struct {
	raw    []byte // tag and value; nil where it was edited or is new
	number protowire.Number
	node   *onnxpb.NodeProto
	tensor *onnxpb.TensorProto
	value  *onnxpb.ValueInfoProto
}

// A Node is one operator of a model; it is changed by [Model.Edit] only.
type Node struct {
	*onnxpb.NodeProto
	part *part
}

var decode = proto.UnmarshalOptions{RecursionLimit: 4 * maxDepth}

// Parse takes a model apart. The bytes must not be written to afterwards.
func Parse(data []byte) (*Model, error) {
	m := &Model{}
	graphs := 0
	err := cut(data, func(number protowire.Number, raw, value []byte) error {
		switch number {
		case modelGraph:
			if graphs++; graphs > 1 {
				return errors.New("it has two graphs")
			}
			m.outer = append(m.outer, nil)
			return m.parseGraph(value)
		case modelOpset:
			var set onnxpb.OperatorSetIdProto
			if err := decode.Unmarshal(value, &set); err != nil {
				return err
			}
			if set.GetDomain() == mainDomain || set.GetDomain() == mainDomainAs {
				m.opset = set.GetVersion()
			}
		}
		m.outer = append(m.outer, &part{raw: raw, number: number})
		return m.bounded()
	})
	if err != nil {
		return nil, fmt.Errorf("it is not an ONNX graph: %w", err)
	}
	if graphs == 0 {
		return nil, errors.New("it is not an ONNX graph: it has no graph")
	}
	return m, nil
}

func (m *Model) parseGraph(data []byte) error {
	return cut(data, func(number protowire.Number, raw, value []byte) error {
		p := &part{raw: raw, number: number}
		var err error
		switch number {
		case graphNode:
			p.node = &onnxpb.NodeProto{}
			err = decode.Unmarshal(value, p.node)
		case graphTensor:
			p.tensor = &onnxpb.TensorProto{}
			err = decode.Unmarshal(value, p.tensor)
		case graphInput, graphOutput:
			p.value = &onnxpb.ValueInfoProto{}
			err = decode.Unmarshal(value, p.value)
		}
		if err != nil {
			return err
		}
		m.inner = append(m.inner, p)
		return m.bounded()
	})
}

func (m *Model) bounded() error {
	if len(m.outer)+len(m.inner) > maxParts {
		return fmt.Errorf("it has more than %d parts", maxParts)
	}
	return nil
}

// cut yields the fields of a message: the number, all bytes, and the value of
// length-delimited ones.
func cut(b []byte, yield func(number protowire.Number, raw, value []byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		var value []byte
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b[n:])
		} else {
			number = 0 // no field of ours: those are all delimited
		}
		if err := yield(number, b[:n+size:n+size], value); err != nil {
			return err
		}
		b = b[n+size:]
	}
	return nil
}

// Bytes writes the model.
func (m *Model) Bytes() ([]byte, error) {
	var graph []byte
	for _, p := range m.inner {
		b, err := p.bytes()
		if err != nil {
			return nil, err
		}
		graph = append(graph, b...)
	}
	var out []byte
	for _, p := range m.outer {
		if p == nil {
			out = protowire.AppendBytes(protowire.AppendTag(out, modelGraph, protowire.BytesType), graph)
			continue
		}
		out = append(out, p.raw...)
	}
	if len(out) > MaxBytes-1 {
		return nil, fmt.Errorf("the edited graph has %d bytes; a graph has at most %d", len(out), MaxBytes-1)
	}
	return out, nil
}

func (p *part) bytes() ([]byte, error) {
	if p.raw != nil {
		return p.raw, nil
	}
	var message proto.Message
	switch {
	case p.node != nil:
		message = p.node
	case p.tensor != nil:
		message = p.tensor
	default:
		message = p.value
	}
	value, err := proto.MarshalOptions{Deterministic: true}.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("writing the graph: %w", err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, p.number, protowire.BytesType), value), nil
}

// Opset is the version of the main operator set; 0 where none is stated.
func (m *Model) Opset() int64 { return m.opset }

// Nodes are the operators in their order.
func (m *Model) Nodes() []Node {
	var out []Node
	for _, p := range m.inner {
		if p.node != nil {
			out = append(out, Node{p.node, p})
		}
	}
	return out
}

// Producer is the node that computes a value; ok is false where none does.
func (m *Model) Producer(value string) (Node, bool) {
	for _, p := range m.inner {
		if p.node != nil && slices.Contains(p.node.GetOutput(), value) {
			return Node{p.node, p}, true
		}
	}
	return Node{}, false
}

// Tensor is the initializer of that name; ok is false where there is none.
func (m *Model) Tensor(name string) (t *onnxpb.TensorProto, ok bool) {
	for _, p := range m.inner {
		if p.tensor != nil && p.tensor.GetName() == name {
			return p.tensor, true
		}
	}
	return nil, false
}

// Tensors are the initializers in their order.
func (m *Model) Tensors() []*onnxpb.TensorProto {
	var out []*onnxpb.TensorProto
	for _, p := range m.inner {
		if p.tensor != nil {
			out = append(out, p.tensor)
		}
	}
	return out
}

// Outputs are the names of the outputs.
func (m *Model) Outputs() []string { return m.values(graphOutput) }

func (m *Model) values(number protowire.Number) []string {
	var out []string
	for _, p := range m.inner {
		if p.value != nil && p.number == number {
			out = append(out, p.value.GetName())
		}
	}
	return out
}

// Sparse says whether it has sparse initializers, which no [Model.Tensor] shows.
func (m *Model) Sparse() bool {
	return slices.ContainsFunc(m.inner, func(p *part) bool { return p.number == graphSparse })
}

// Edit changes a node.
func (m *Model) Edit(n Node, change func(*onnxpb.NodeProto)) {
	change(n.part.node)
	n.part.raw = nil
}

// EditTensor changes the initializer of that name, which must exist.
func (m *Model) EditTensor(name string, change func(*onnxpb.TensorProto)) {
	for _, p := range m.inner {
		if p.tensor != nil && p.tensor.GetName() == name {
			change(p.tensor)
			p.raw = nil
			return
		}
	}
}

// InsertBefore puts nodes before another one.
func (m *Model) InsertBefore(n Node, nodes ...*onnxpb.NodeProto) {
	at := slices.Index(m.inner, n.part)
	parts := make([]*part, len(nodes))
	for i, node := range nodes {
		parts[i] = &part{number: graphNode, node: node}
	}
	m.inner = slices.Insert(m.inner, at, parts...)
}

// Append puts nodes behind all others.
func (m *Model) Append(nodes ...*onnxpb.NodeProto) {
	for _, node := range nodes {
		m.inner = append(m.inner, &part{number: graphNode, node: node})
	}
}

// AddTensor adds an initializer.
func (m *Model) AddTensor(t *onnxpb.TensorProto) {
	m.inner = append(m.inner, &part{number: graphTensor, tensor: t})
}

// AddOutput makes a value that is computed within an output, if it is none. Its type is
// left to whoever runs the graph.
func (m *Model) AddOutput(name string) {
	if !slices.Contains(m.Outputs(), name) {
		m.inner = append(m.inner, &part{number: graphOutput, value: &onnxpb.ValueInfoProto{Name: &name}})
	}
}

// AddInput adds an input of float32 numbers; sides below 1 are free.
func (m *Model) AddInput(name string, sides ...int64) {
	m.inner = append(m.inner, &part{number: graphInput, value: floats(name, sides)})
}

func floats(name string, sides []int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, s := range sides {
		d := &onnxpb.TensorShapeProto_Dimension{}
		if s > 0 {
			d.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: s}
		}
		shape.Dim = append(shape.Dim, d)
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape},
	}}}
}

// New is a model of an operator set with one output and these nodes; inputs and tensors
// are added to it.
func New(opset int64, output string, nodes ...*onnxpb.NodeProto) (*Model, error) {
	graph := &onnxpb.GraphProto{Name: proto.String("vtbench"), Node: nodes, Output: []*onnxpb.ValueInfoProto{floats(output, nil)}}
	graph.Output[0].Type = nil
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), Graph: graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(mainDomain), Version: &opset}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing a graph: %w", err)
	}
	return Parse(data)
}

// Inline reads the numbers of initializers that lie in files beside the graph, in the
// folder dir, into the graph. Tensors within attributes stay where they are, and are an
// error.
func (m *Model) Inline(dir string) error {
	room := int64(MaxBytes) // many tensors may name one part of a file
	for _, p := range m.inner {
		if p.tensor == nil || p.tensor.GetDataLocation() != onnxpb.TensorProto_EXTERNAL {
			continue
		}
		data, err := external(dir, p.tensor, room)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", p.tensor.GetName(), err)
		}
		room -= int64(len(data))
		p.tensor.RawData, p.tensor.ExternalData, p.tensor.DataLocation = data, nil, nil
		p.raw = nil
	}
	b, err := m.Bytes()
	if err != nil {
		return err
	}
	left, err := External(b)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("weights within attributes lie in %q: export them as initializers, or inside the graph", left[0])
	}
	return nil
}

// external reads the bytes of one tensor, of which there may be as many as there is room for.
func external(dir string, t *onnxpb.TensorProto, room int64) (_ []byte, err error) {
	entries := map[string]string{}
	for _, e := range t.GetExternalData() {
		entries[e.GetKey()] = e.GetValue()
	}
	location := filepath.FromSlash(entries["location"])
	if !filepath.IsLocal(location) {
		return nil, fmt.Errorf("its numbers are in %q, which is not beside the graph", location)
	}
	n, err := Elements(t)
	if err != nil {
		return nil, err
	}
	size, ok := width(t)
	if !ok {
		return nil, fmt.Errorf("its numbers are of type %s", TypeName(t.GetDataType()))
	}
	want := int64(n * size)
	if want > room {
		return nil, fmt.Errorf("the numbers beside the graph take more than %d bytes in all", MaxBytes)
	}
	number := func(key string, otherwise int64) (int64, error) {
		if entries[key] == "" {
			return otherwise, nil
		}
		v, err := strconv.ParseInt(entries[key], 10, 64)
		if err != nil || v < 0 {
			return 0, fmt.Errorf("the %s of its numbers is %q", key, entries[key])
		}
		return v, nil
	}
	offset, err := number("offset", 0)
	if err != nil {
		return nil, err
	}
	length, err := number("length", want)
	if err != nil {
		return nil, err
	}
	if length != want {
		return nil, fmt.Errorf("its shape %v needs %d bytes, the file is said to have %d", t.GetDims(), want, length)
	}
	f, err := files.Open(filepath.Join(dir, location))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() < offset || st.Size()-offset < want {
		return nil, fmt.Errorf("%s ends before its numbers do: %w", location, os.ErrInvalid)
	}
	data := make([]byte, want)
	if _, err := f.ReadAt(data, offset); err != nil {
		return nil, err
	}
	return data, nil
}

// TypeName is what ONNX calls the type of a tensor's numbers: "FLOAT16".
func TypeName(t int32) string { return onnxpb.TensorProto_DataType(t).String() }

// Elements is how many numbers a tensor has.
func Elements(t *onnxpb.TensorProto) (int, error) {
	n := int64(1)
	for _, d := range t.GetDims() {
		if d < 0 || d > maxElements {
			return 0, fmt.Errorf("its shape is %v", t.GetDims())
		}
		if n *= d; n > maxElements {
			return 0, fmt.Errorf("its shape %v has more than %d numbers", t.GetDims(), maxElements)
		}
	}
	return int(n), nil
}

// width is how many bytes a number takes.
func width(t *onnxpb.TensorProto) (int, bool) {
	switch onnxpb.TensorProto_DataType(t.GetDataType()) {
	case onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT64:
		return 8, true
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT32, onnxpb.TensorProto_UINT32:
		return 4, true
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_INT16, onnxpb.TensorProto_UINT16:
		return 2, true
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8, onnxpb.TensorProto_BOOL:
		return 1, true
	}
	return 0, false
}

// Floats reads the numbers of a tensor of type FLOAT, FLOAT16, BFLOAT16 or DOUBLE, whose
// data is in the graph. Those of a DOUBLE are rounded.
func Floats(t *onnxpb.TensorProto) ([]float32, error) {
	n, err := Elements(t)
	if err != nil {
		return nil, err
	}
	if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL {
		return nil, errors.New("its numbers lie in another file")
	}
	raw := t.GetRawData()
	kind := onnxpb.TensorProto_DataType(t.GetDataType())
	size, _ := width(t)
	// A graph says them as bytes, or as a list of a type.
	var listed int
	var at func(i int) float32
	switch kind {
	case onnxpb.TensorProto_FLOAT:
		list := t.GetFloatData()
		listed, at = len(list), func(i int) float32 { return list[i] }
		if raw != nil {
			at = func(i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])) }
		}
	case onnxpb.TensorProto_DOUBLE:
		list := t.GetDoubleData()
		listed, at = len(list), func(i int) float32 { return float32(list[i]) }
		if raw != nil {
			at = func(i int) float32 {
				return float32(math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])))
			}
		}
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
		list := t.GetInt32Data()
		bits := func(i int) uint16 { return uint16(list[i]) }
		if raw != nil {
			bits = func(i int) uint16 { return binary.LittleEndian.Uint16(raw[2*i:]) }
		}
		listed = len(list)
		at = func(i int) float32 { return float16.Frombits(bits(i)).Float32() }
		if kind == onnxpb.TensorProto_BFLOAT16 {
			at = func(i int) float32 { return math.Float32frombits(uint32(bits(i)) << 16) }
		}
	default:
		return nil, fmt.Errorf("its numbers are of type %s, not of a floating-point one", kind)
	}
	if raw != nil {
		if len(raw)%size != 0 {
			return nil, fmt.Errorf("its %d bytes are no numbers of %d", len(raw), size)
		}
		listed = len(raw) / size
	}
	if listed != n {
		return nil, fmt.Errorf("its shape %v wants %d numbers, it has %d", t.GetDims(), n, listed)
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = at(i)
	}
	return out, nil
}

// Rounded is what a number becomes in a tensor of that type.
func Rounded(v float32, dataType int32) float32 {
	switch onnxpb.TensorProto_DataType(dataType) {
	case onnxpb.TensorProto_FLOAT16:
		return float16.Fromfloat32(min(max(v, -65504), 65504)).Float32()
	case onnxpb.TensorProto_BFLOAT16:
		return math.Float32frombits(uint32(bfloat(v)) << 16)
	}
	return v
}

// bfloat rounds to nearest, ties to even.
func bfloat(v float32) uint16 {
	b := math.Float32bits(v)
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// SetFloats writes numbers into a tensor of a floating-point type, as bytes.
func SetFloats(t *onnxpb.TensorProto, values []float32) {
	var raw []byte
	for _, v := range values {
		switch onnxpb.TensorProto_DataType(t.GetDataType()) {
		case onnxpb.TensorProto_FLOAT16:
			raw = binary.LittleEndian.AppendUint16(raw, float16.Fromfloat32(min(max(v, -65504), 65504)).Bits())
		case onnxpb.TensorProto_BFLOAT16:
			raw = binary.LittleEndian.AppendUint16(raw, bfloat(v))
		case onnxpb.TensorProto_DOUBLE:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)))
		default:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	t.RawData, t.FloatData, t.DoubleData, t.Int32Data = raw, nil, nil, nil
}
