package ptq

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/onnx"
)

// Times measures every layer of the tokenizer of the options of a [Kind] alone, on one
// thread and on the input that it has for a page of text: the fastest of so many calls.
// weights is the digest of the network.
func Times(ctx context.Context, opts tokenizers.Options, kinds []tokenizers.Kind, calls int) (labels []string, times []time.Duration, weights string, err error) {
	inner, err := openInner(ctx, opts, kinds)
	if err != nil {
		return nil, nil, "", err
	}
	defer func() { err = errors.Join(err, closeOf(inner)) }()
	graphs, err := inner.Graphs()
	if err != nil {
		return nil, nil, "", err
	}
	n, err := parse(graphs)
	if err != nil {
		return nil, nil, "", err
	}
	images, err := calibrationSet(inner.Info(), true)
	if err != nil {
		return nil, nil, "", err
	}
	for _, l := range n.layers {
		took, err := n.time(ctx, inner, l, images[:1], calls)
		if err != nil {
			return nil, nil, "", fmt.Errorf("%s: %w", n.label(l), err)
		}
		labels, times = append(labels, n.label(l)), append(times, took)
	}
	return labels, times, inner.Info().Weights, nil
}

// time measures one layer: a graph of its node alone, in float32.
func (n *network) time(ctx context.Context, t onnx.Editable, l *layer, images []pix.Image, calls int) (_ time.Duration, err error) {
	u := l.uses[0]
	values := make([][]string, len(n.graphs))
	values[l.graph] = []string{u.input}
	graphs, err := n.bytes()
	if err != nil {
		return 0, err
	}
	shown, names, err := exposed(graphs, values)
	if err != nil {
		return 0, err
	}
	var shape []int64
	var input []float32
	if err := t.Observe(ctx, shown, names, images, func(_, _ int, _ string, s []int64, data []float32) error {
		shape, input = s, slices.Clone(data)
		return nil
	}); err != nil {
		return 0, err
	}
	alone := proto.Clone(u.node.NodeProto).(*onnxpb.NodeProto)
	alone.Input = []string{"x", "w"}
	if u.at == 1 {
		alone.Input = []string{"w", "x"}
	}
	alone.Output = []string{"y"}
	m, err := onnxfile.New(n.models[l.graph].Opset(), "y", alone)
	if err != nil {
		return 0, err
	}
	m.AddInput("x", make([]int64, len(shape))...)
	w := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: l.dims}
	onnxfile.SetFloats(w, l.values)
	m.AddTensor(w)
	data, err := m.Bytes()
	if err != nil {
		return 0, err
	}
	net, err := ort.OpenNetwork(l.name, data, "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	var best time.Duration
	for range calls {
		begun := time.Now()
		if err := net.Run(shape, input, func([]ort.Output) error { return nil }); err != nil {
			return 0, err
		}
		if took := time.Since(begun); best == 0 || took < best {
			best = took
		}
	}
	return best, nil
}
