package ptq

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/ptq/weights"
)

// A LeftOut is what keeps its numbers, and why.
type LeftOut struct {
	Graph  int    `json:"graph"`
	Name   string `json:"name"` // of the node or the initializer
	What   string `json:"what"` // "Conv", "initializer"
	Count  int    `json:"count,omitempty"`
	Reason string `json:"reason"`
}

// A layer is one matrix of weights and the nodes that multiply by it.
type layer struct {
	graph  int
	name   string // of its first node
	op     string
	root   root
	values []float32 // of the root
	kind   int32     // its data type
	layout
	place []int32 // of row r, column c in the root: place[r*cols+c]
	dims  []int64 // of the weights as the node has them
	uses  []use
	part  int // of a network of several graphs: where it stands among all layers
}

// A layout says where a matrix stands in a tensor: rows × columns as they are, or in
// Groups, of which each has a block of columns × rows.
type layout struct {
	Rows   int  `json:"rows"`
	Cols   int  `json:"cols"`
	Inputs bool `json:"inputs,omitempty"` // inputs come first, as in ConvTranspose and MatMul
	Groups int  `json:"groups,omitempty"` // with Inputs
}

// places are where the weights stand, row by row.
func (l layout) places() []int32 {
	out := make([]int32, 0, l.Rows*l.Cols)
	if !l.Inputs {
		for i := range l.Rows * l.Cols {
			out = append(out, int32(i))
		}
		return out
	}
	inner := l.Rows / l.Groups
	for g := range l.Groups {
		for r := range inner {
			for c := range l.Cols {
				out = append(out, int32((g*l.Cols+c)*inner+r))
			}
		}
	}
	return out
}

// A root is where the numbers of a weight stand: an initializer, or a constant node.
type root struct {
	tensor string         // name of the initializer, "" for a constant
	node   *onnxfile.Node // the constant
	value  string         // what nodes call it
	cast   int32          // type that it is computed with in; 0: its own
}

// A use is one node that multiplies its input by the layer's weights.
type use struct {
	node    onnxfile.Node
	at      int    // which input of the node the activation is
	input   string // its name
	channel int    // axis of the input along which channels lie; negative: from the end
	conv    *convolution
	groups  int
}

// A convolution says which inputs of a window a position has.
type convolution struct {
	kernel, strides, pads, dilations []int
	auto                             string
	transposed                       bool
}

// A network is the graphs of a tokenizer taken apart.
type network struct {
	graphs []onnx.Graph
	models []*onnxfile.Model
	layers []*layer
	left   []LeftOut
}

// maxLayers bounds a network.
const maxLayers = 10000

func parse(graphs []onnx.Graph) (*network, error) {
	n := &network{graphs: graphs}
	for g, graph := range graphs {
		m, err := onnxfile.Parse(graph.Data)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", graph.Name, err)
		}
		n.models = append(n.models, m)
		if err := n.find(g, m); err != nil {
			return nil, fmt.Errorf("reading %s: %w", graph.Name, err)
		}
	}
	for i, l := range n.layers {
		l.part = i
	}
	return n, nil
}

// find lists the layers of a graph, and what is left out.
func (n *network) find(g int, m *onnxfile.Model) error {
	byRoot := map[string]*layer{}
	refused := map[string]string{} // roots that cannot be layers, why
	consumers := map[string][]string{}
	nodes := m.Nodes()
	constants := map[string]*onnxfile.Node{}
	producers := map[string]*onnxfile.Node{}
	for i := range nodes {
		node := &nodes[i]
		for _, in := range node.GetInput() {
			consumers[in] = append(consumers[in], nodeName(*node))
		}
		for _, out := range node.GetOutput() {
			producers[out] = node
		}
		if node.GetOpType() == "Constant" && len(node.GetOutput()) == 1 {
			constants[node.GetOutput()[0]] = node
		}
	}
	for _, node := range nodes {
		reason := func(why string) {
			n.left = append(n.left, LeftOut{Graph: g, Name: nodeName(node), What: node.GetOpType(), Reason: why})
		}
		for _, a := range node.GetAttribute() {
			if a.GetG() != nil || len(a.GetGraphs()) > 0 {
				reason("weights within its subgraph are not looked for")
			}
		}
		if !slices.Contains([]string{"Conv", "ConvTranspose", "MatMul", "Gemm"}, node.GetOpType()) || node.GetDomain() != "" && node.GetDomain() != "ai.onnx" {
			if quantizedOps[node.GetOpType()] {
				reason("its weights are quantized already")
			}
			continue
		}
		if len(node.GetInput()) < 2 || len(node.GetOutput()) != 1 {
			reason("it has no weights")
			continue
		}
		l := &layer{graph: g, name: nodeName(node), op: node.GetOpType()}
		at := 1
		var t *onnxpb.TensorProto
		var turned bool
		var why string
		l.root, t, turned, why = rootOf(m, node.GetInput()[1], constants, producers)
		if t == nil && node.GetOpType() == "MatMul" {
			r, left, leftTurned, _ := rootOf(m, node.GetInput()[0], constants, producers)
			if left != nil {
				l.root, t, turned, why, at = r, left, leftTurned, "", 0
			}
		}
		if t == nil {
			reason(why)
			continue
		}
		if why := l.shape(node, t, at == 0, turned); why != "" {
			reason(why)
			continue
		}
		if onlyCompared(node, nodes) {
			reason("what it computes is only compared (ArgMax, TopK): it searches a codebook, which is no weight")
			continue
		}
		if first := byRoot[l.root.value]; first != nil {
			if !slices.Equal(first.place, l.place) {
				refused[l.root.value] = "it shares its weights with " + first.name + ", which reads them in another order"
				reason(refused[l.root.value])
				continue
			}
			first.uses = append(first.uses, l.uses...)
			continue
		}
		values, err := onnxfile.Floats(t)
		if err != nil {
			reason(err.Error())
			continue
		}
		l.values, l.kind = values, t.GetDataType()
		byRoot[l.root.value] = l
		n.layers = append(n.layers, l)
		if len(n.layers) > maxLayers {
			return fmt.Errorf("it has more than %d layers", maxLayers)
		}
	}
	// What others than these nodes read must not change.
	n.layers = slices.DeleteFunc(n.layers, func(l *layer) bool {
		if l.graph != g {
			return false
		}
		why := refused[l.root.value]
		if others := chainReaders(l, consumers, producers); why == "" && others != "" {
			why = "its weights are read by " + others + ", too"
		}
		if why == "" && l.root.tensor != "" && slices.Contains(m.Outputs(), l.root.value) {
			why = "its weights are an output of the graph"
		}
		if why != "" {
			n.left = append(n.left, LeftOut{Graph: g, Name: l.name, What: l.op, Count: len(l.values), Reason: why})
			delete(byRoot, l.root.value)
		}
		return why != ""
	})
	for _, t := range m.Tensors() {
		count, err := onnxfile.Elements(t)
		if byRoot[t.GetName()] != nil || err != nil || count < minListed {
			continue
		}
		what := "numbers of type " + onnxfile.TypeName(t.GetDataType())
		if readers := consumers[t.GetName()]; len(readers) > 0 {
			what += " that " + readers[0] + " reads"
		}
		n.left = append(n.left, LeftOut{Graph: g, Name: t.GetName(), What: "initializer", Count: count, Reason: what + ", no weights of a Conv, ConvTranspose, MatMul or Gemm"})
	}
	if m.Sparse() {
		n.left = append(n.left, LeftOut{Graph: g, Name: n.graphs[g].Name, What: "graph", Reason: "its sparse initializers are not quantized"})
	}
	return nil
}

// minListed is how many numbers an initializer has that is worth a line of what was left
// out: biases and constants of shapes have fewer, or are told together.
const minListed = 1

// quantizedOps hold weights of few bits.
var quantizedOps = map[string]bool{
	"QLinearConv": true, "QLinearMatMul": true, "ConvInteger": true, "MatMulInteger": true, "MatMulNBits": true, "QGemm": true, "QAttention": true, "DequantizeLinear": true,
}

// onlyCompared says whether all that becomes of a node's output is which of its numbers
// is the largest.
func onlyCompared(node onnxfile.Node, nodes []onnxfile.Node) bool {
	reached := map[string]bool{node.GetOutput()[0]: true}
	compared := false
	for _, n := range nodes { // in order: what reads comes behind what is read
		if !slices.ContainsFunc(n.GetInput(), func(in string) bool { return reached[in] }) {
			continue
		}
		switch n.GetOpType() {
		case "ArgMax", "ArgMin":
			compared = true
		case "Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Neg", "Add", "Sub", "ReduceMax", "ReduceMin", "Max", "Gather", "GatherElements", "Identity", "Cast", "Shape", "Slice", "Concat", "Expand", "Pad":
			for _, out := range n.GetOutput() {
				reached[out] = true
			}
		default:
			return false
		}
	}
	return compared
}

// nodeName is what a node is called: by its name, or what it computes.
func nodeName(n onnxfile.Node) string {
	if n.GetName() != "" {
		return n.GetName()
	}
	if len(n.GetOutput()) > 0 {
		return n.GetOutput()[0]
	}
	return n.GetOpType()
}

// rootOf follows a weight back to its numbers, through casts, identities and one
// transposition of a matrix. t is nil where that ends elsewhere, and why says where.
func rootOf(m *onnxfile.Model, value string, constants, producers map[string]*onnxfile.Node) (r root, t *onnxpb.TensorProto, turned bool, why string) {
	var cast int32
	for range 8 {
		if t, ok := m.Tensor(value); ok {
			return root{tensor: value, value: value, cast: cast}, t, turned, ""
		}
		if c := constants[value]; c != nil {
			for _, a := range c.GetAttribute() {
				if a.GetName() == "value" && a.GetT() != nil {
					return root{node: c, value: value, cast: cast}, a.GetT(), turned, ""
				}
			}
			return r, nil, false, "its weights are a constant that is no tensor"
		}
		p := producers[value]
		switch {
		case p == nil:
			return r, nil, false, fmt.Sprintf("its weights are an input of the graph (%s)", value)
		case p.GetOpType() == "Identity":
		case p.GetOpType() == "Cast":
			if cast == 0 { // the last one before the node that multiplies
				cast = int32(integer(p.NodeProto, "to", 0))
			}
		case p.GetOpType() == "Transpose" && !turned:
			if perm := ints(p.NodeProto, "perm"); perm != nil && !slices.Equal(perm, []int64{1, 0}) {
				return r, nil, false, "its weights are transposed in more than two axes"
			}
			turned = true
		case p.GetOpType() == "DequantizeLinear":
			return r, nil, false, "its weights are quantized already"
		default:
			return r, nil, false, fmt.Sprintf("its weights are computed while running (by %s)", p.GetOpType())
		}
		value = p.GetInput()[0]
	}
	return r, nil, false, "its weights are computed while running"
}

// chainReaders names a node that reads the weights of a layer, or what is cast from them,
// and is none of its uses.
func chainReaders(l *layer, consumers map[string][]string, producers map[string]*onnxfile.Node) string {
	own := map[string]bool{}
	for _, u := range l.uses {
		own[nodeName(u.node)] = true
	}
	pending := []string{l.root.value}
	for len(pending) > 0 {
		value := pending[0]
		pending = pending[1:]
		for _, reader := range consumers[value] {
			if own[reader] {
				continue
			}
			next := ""
			for out, p := range producers {
				if nodeName(*p) == reader && (p.GetOpType() == "Cast" || p.GetOpType() == "Identity" || p.GetOpType() == "Transpose") {
					next = out
				}
			}
			if next == "" {
				return reader
			}
			pending = append(pending, next)
		}
	}
	return ""
}

func attribute(n *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

func ints(n *onnxpb.NodeProto, name string) []int64 { return attribute(n, name).GetInts() }

func integer(n *onnxpb.NodeProto, name string, otherwise int64) int64 {
	if a := attribute(n, name); a != nil {
		return a.GetI()
	}
	return otherwise
}

// shape works out where the matrix stands in the weights. why says that it is none.
func (l *layer) shape(node onnxfile.Node, t *onnxpb.TensorProto, left, turned bool) (why string) {
	var dims []int
	n, err := onnxfile.Elements(t)
	if err != nil {
		return err.Error()
	}
	if n == 0 || n > weights.MaxWeights {
		return fmt.Sprintf("it has %d weights", n)
	}
	for _, d := range t.GetDims() {
		dims = append(dims, int(d))
	}
	input := 0
	if left {
		input = 1
	}
	u := use{node: node, at: input, input: node.GetInput()[input], channel: 1, groups: 1}
	switch node.GetOpType() {
	case "Conv", "ConvTranspose":
		if len(dims) < 3 || turned {
			return fmt.Sprintf("its weights have %d axes", len(dims))
		}
		u.groups = int(integer(node.NodeProto, "group", 1))
		if u.groups < 1 || dims[0]%u.groups != 0 {
			return fmt.Sprintf("its %d filters are not %d groups", dims[0], u.groups)
		}
		if u.conv, why = convolutionOf(node, dims[2:]); why != "" {
			return why
		}
		l.layout = layout{Rows: dims[0], Cols: n / dims[0]}
		if node.GetOpType() == "ConvTranspose" {
			// [inputs, outputs/groups, kernel…]: a row is an output and a place of the kernel.
			u.conv.transposed = true
			l.layout = layout{Rows: u.groups * (n / dims[0]), Cols: dims[0] / u.groups, Inputs: true, Groups: u.groups}
		}
	case "MatMul", "Gemm":
		if len(dims) != 2 {
			return fmt.Sprintf("its weights have %d axes: want a matrix", len(dims))
		}
		byRows := left // whether rows of the stored matrix are outputs
		u.channel = -1
		if left {
			u.channel = -2
		}
		if node.GetOpType() == "Gemm" {
			if integer(node.NodeProto, "transA", 0) != 0 {
				u.channel = -2
			}
			byRows = integer(node.NodeProto, "transB", 0) != 0
		}
		if turned {
			byRows = !byRows
		}
		l.layout = layout{Rows: dims[1], Cols: dims[0], Inputs: true, Groups: 1}
		if byRows {
			l.layout = layout{Rows: dims[0], Cols: dims[1]}
		}
	}
	l.place = l.places()
	l.dims = slices.Clone(t.GetDims())
	if turned {
		slices.Reverse(l.dims)
	}
	l.uses = []use{u}
	return ""
}

func convolutionOf(node onnxfile.Node, kernel []int) (*convolution, string) {
	c := &convolution{kernel: kernel, auto: string(attribute(node.NodeProto, "auto_pad").GetS())}
	axes := len(kernel)
	get := func(name string, n, otherwise int) []int {
		out := make([]int, n)
		given := ints(node.NodeProto, name)
		for i := range out {
			out[i] = otherwise
			if i < len(given) {
				out[i] = int(given[i])
			}
		}
		return out
	}
	c.strides, c.dilations, c.pads = get("strides", axes, 1), get("dilations", axes, 1), get("pads", 2*axes, 0)
	for _, v := range slices.Concat(c.strides, c.dilations) {
		if v < 1 || v > 1<<16 {
			return nil, fmt.Sprintf("its strides %v and dilations %v are not possible", c.strides, c.dilations)
		}
	}
	return c, ""
}

// matrix are the weights as rules see them.
func (l *layer) matrix() []float64 {
	out := make([]float64, len(l.place))
	for i, at := range l.place {
		out[i] = float64(l.values[at])
	}
	return out
}

// stored are decoded weights as the graph has them, in its order and of its type.
func (l *layer) stored(decoded []float64) []float32 {
	out := make([]float32, len(l.values))
	for i, at := range l.place {
		out[at] = onnxfile.Rounded(float32(decoded[i]), l.kind)
	}
	return out
}

// set writes weights into the graph.
func (n *network) set(l *layer, values []float32) {
	m := n.models[l.graph]
	if l.root.tensor != "" {
		m.EditTensor(l.root.tensor, func(t *onnxpb.TensorProto) { onnxfile.SetFloats(t, values) })
		return
	}
	m.Edit(*l.root.node, func(node *onnxpb.NodeProto) {
		onnxfile.SetFloats(attribute(node, "value").GetT(), values)
	})
}

// bytes are the graphs as they are now.
func (n *network) bytes() ([]onnx.Graph, error) {
	out := make([]onnx.Graph, len(n.models))
	for i, m := range n.models {
		b, err := m.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.graphs[i].Name, err)
		}
		out[i] = onnx.Graph{Name: n.graphs[i].Name, Data: b}
	}
	return out, nil
}

// side is what a graph is called in tables.
func (n *network) side(g int) string {
	if len(n.graphs) == 1 {
		return "model"
	}
	return []string{"encoder", "decoder"}[g]
}

// label names a layer among those of all graphs.
func (n *network) label(l *layer) string {
	return n.side(l.graph) + " " + strings.TrimPrefix(l.name, "/")
}
