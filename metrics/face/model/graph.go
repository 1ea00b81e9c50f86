package model

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// A graphWriter writes an ONNX model, as much of it as a converter needs. The bytes
// depend on nothing but the calls: converting twice gives one file.
// Source of the field numbers: onnx.proto of onnx/onnx.
type graphWriter struct {
	nodes, weights []byte
}

// Field numbers and constants of onnx.proto.
const (
	irVersion    = 8
	opsetVersion = 13

	typeFloat = 1 // TensorProto.DataType
	typeInt64 = 7

	attrInts = 7 // AttributeProto.AttributeType
)

func field(b []byte, n protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), message)
}

func text(b []byte, n protowire.Number, s string) []byte { return field(b, n, []byte(s)) }

func number(b []byte, n protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v)) //nolint:gosec // two's complement is the wire format
}

// floats adds a constant of floats.
func (g *graphWriter) floats(name string, data []float32, dims ...int64) {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	g.constant(name, typeFloat, raw, dims)
}

// ints adds a constant list of integers.
func (g *graphWriter) ints(name string, data ...int64) {
	raw := make([]byte, 0, 8*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v)) //nolint:gosec // two's complement is the format
	}
	g.constant(name, typeInt64, raw, []int64{int64(len(data))})
}

func (g *graphWriter) constant(name string, kind int64, raw []byte, dims []int64) {
	var t []byte
	for _, d := range dims {
		t = number(t, 1, d)
	}
	t = number(t, 2, kind)
	t = text(t, 8, name)
	t = field(t, 9, raw)
	g.weights = field(g.weights, 5, t)
}

// An attribute is a list of integers that a node has.
type attribute struct {
	name   string
	values []int64
}

// node adds an operation with one output.
func (g *graphWriter) node(op, out string, in []string, attrs ...attribute) {
	var n []byte
	for _, s := range in {
		n = text(n, 1, s)
	}
	n = text(n, 2, out)
	n = text(n, 3, out)
	n = text(n, 4, op)
	for _, a := range attrs {
		m := text(nil, 1, a.name)
		for _, v := range a.values {
			m = number(m, 8, v)
		}
		m = number(m, 20, attrInts)
		n = field(n, 5, m)
	}
	g.nodes = field(g.nodes, 1, n)
}

// value describes an input or output; a negative dimension is the free batch.
func value(name string, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		var dim []byte
		if d < 0 {
			dim = text(dim, 2, "n")
		} else {
			dim = number(dim, 1, d)
		}
		shape = field(shape, 1, dim)
	}
	tensor := field(number(nil, 1, typeFloat), 2, shape)
	return field(text(nil, 1, name), 2, field(nil, 1, tensor))
}

// model returns the file.
func (g *graphWriter) model(name string, in, out []byte) []byte {
	graph := append([]byte(nil), g.nodes...)
	graph = text(graph, 2, name)
	graph = append(graph, g.weights...)
	graph = field(graph, 11, in)
	graph = field(graph, 12, out)
	b := number(nil, 1, irVersion)
	b = text(b, 2, "vtbench")
	b = field(b, 7, graph)
	return field(b, 8, number(nil, 2, opsetVersion))
}
