package ptq

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/vtbench/vtbench/internal/onnxfile"
	"github.com/vtbench/vtbench/internal/onnxfile/onnxpb"
	"github.com/vtbench/vtbench/tokenizers/quant/scalar"
)

// Fake quantization of activations: numbers go through as many values as bits allow and
// on as float32, so that the network computes what integer hardware would but for the
// order of sums.

// An actGrid is how one activation is quantized: (x−shift)/by is clipped and rounded to
// step·(id−zero), and goes back the same way.
type actGrid struct {
	bits      int
	step      float64
	zero      int
	shift, by []float64 // of channels; nil: none
}

// activationOf fits the grid of one scale for all channels: ends are drawn in together,
// by 20 factors, to the least squared error.
func activationOf(r *ranges, bits int) actGrid {
	return fitGrid(slices.Min(r.low), slices.Max(r.high), r.samples, bits)
}

func fitGrid(low, high float64, samples [][]float32, bits int) actGrid {
	top := float64(int(1)<<bits - 1)
	low, high = min(low, 0), max(high, 0) // zero, which padding has, stays a value
	if high == low {
		high = low + 1
	}
	var best actGrid
	least := math.Inf(1)
	for i := 20; i > 0; i-- {
		part := float64(i) / 20
		step := float64(float32((high - low) * part / top))
		if !(step > 0) {
			continue
		}
		g := actGrid{bits: bits, step: step, zero: int(math.Round(-low * part / step))}
		var e float64
		for _, s := range samples {
			for _, v := range s {
				d := float64(v) - g.value(float64(v))
				e += d * d
			}
		}
		if e < least {
			best, least = g, e
		}
	}
	return best
}

// value is what a number becomes, shift and channels left out.
func (g actGrid) value(x float64) float64 {
	id := math.RoundToEven(x/g.step) + float64(g.zero)
	return (min(max(id, 0), float64(int(1)<<g.bits-1)) - float64(g.zero)) * g.step
}

// folded is the grid that has a step and a zero point for every channel, written as one
// step after each channel was shifted and scaled (RepQ-ViT, arXiv:2212.08254): the one
// step is the mean of all, or the median, which DopQ-ViT takes. ratio is by how much the
// inputs of the next layer grow; its weights shrink by it.
func folded(r *ranges, bits int, median bool) (g actGrid, ratio []float64) {
	steps := make([]float64, len(r.low))
	shifts := make([]float64, len(r.low))
	middle := float64(int(1) << (bits - 1))
	for c := range steps {
		own := fitGrid(r.low[c], r.high[c], r.samples[c:c+1], bits)
		steps[c] = own.step
		// One zero point for all, so that the range lies where it did.
		shifts[c] = (middle - float64(own.zero)) * own.step
	}
	g = actGrid{bits: bits, zero: int(middle), step: mean(steps)}
	if median {
		sorted := slices.Sorted(slices.Values(steps))
		g.step = (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	}
	g.step = float64(float32(g.step))
	ratio = make([]float64, len(steps))
	for c, s := range steps {
		ratio[c] = s / g.step
	}
	g.shift, g.by = shifts, ratio
	return g, ratio
}

// smoothed is the grid of one step after every channel was divided by s, the root of its
// largest magnitude over that of the weights it meets (SmoothQuant with α = ½, as
// SVDQuant has it).
func smoothed(r *ranges, bits int, peaks []float64) (g actGrid, s []float64) {
	s = make([]float64, len(r.low))
	low, high := math.Inf(1), math.Inf(-1)
	samples := make([][]float32, len(s))
	for c := range s {
		peak := max(-r.low[c], r.high[c])
		s[c] = 1
		if peak > 0 && peaks[c] > 0 {
			s[c] = math.Sqrt(peak / peaks[c])
		}
		low, high = min(low, r.low[c]/s[c]), max(high, r.high[c]/s[c])
		for _, v := range r.samples[c] {
			samples[c] = append(samples[c], float32(float64(v)/s[c]))
		}
	}
	g = fitGrid(low, high, samples, bits)
	g.by = s
	return g, s
}

// dyadicStep makes the step a fraction of so many binary digits.
func (g *actGrid) dyadicStep(digits int) {
	m, e := scalar.Dyadic(g.step, min(digits, 24)) // what float32 has
	g.step = math.Ldexp(float64(m), -e)
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// leastOpset is the first operator set whose Clip takes its bounds as inputs.
const leastOpset = 11

// fakeQuantize puts an activation through a grid, for the nodes that use it.
func fakeQuantize(m *onnxfile.Model, uses []use, g actGrid, id int) error {
	if m.Opset() < leastOpset {
		return fmt.Errorf("activations need operator set %d, the graph has %d: export it with opset_version=%d, or leave abits out", leastOpset, m.Opset(), leastOpset)
	}
	name := func(what string) string { return fmt.Sprintf("vtbench/q%d/%s", id, what) }
	number := func(what string, v float64) string {
		m.AddTensor(floatTensor(name(what), nil, []float64{v}))
		return name(what)
	}
	value := uses[0].input
	var nodes []*onnxpb.NodeProto
	then := func(op, to string, more ...string) {
		nodes = append(nodes, &onnxpb.NodeProto{OpType: proto.String(op), Name: proto.String(name(to)), Input: append([]string{value}, more...), Output: []string{name(to)}})
		value = name(to)
	}
	channels := func(what string, v []float64) string {
		shape := []int64{int64(len(v))}
		u := uses[0]
		switch {
		case u.conv != nil:
			for range u.conv.kernel {
				shape = append(shape, 1)
			}
		case u.channel == -2:
			shape = append(shape, 1)
		}
		m.AddTensor(floatTensor(name(what), shape, v))
		return name(what)
	}
	if g.shift != nil {
		then("Sub", "shifted", channels("shift", g.shift))
	}
	if g.by != nil {
		then("Div", "scaled", channels("by", g.by))
	}
	if g.bits < 8 { // eight bits are what the integers end at by themselves
		top := float64(int(1)<<g.bits - 1)
		then("Clip", "clipped", number("low", -float64(g.zero)*g.step), number("high", (top-float64(g.zero))*g.step))
	}
	step := number("step", g.step)
	m.AddTensor(&onnxpb.TensorProto{
		Name: proto.String(name("zero")), DataType: proto.Int32(int32(onnxpb.TensorProto_UINT8)), RawData: []byte{byte(g.zero)},
	})
	then("QuantizeLinear", "ids", step, name("zero"))
	then("DequantizeLinear", "values", step, name("zero"))
	if g.by != nil {
		then("Mul", "unscaled", name("by"))
	}
	if g.shift != nil {
		then("Add", "unshifted", name("shift"))
	}
	m.InsertBefore(uses[0].node, nodes...)
	for _, u := range uses {
		m.Edit(u.node, func(n *onnxpb.NodeProto) { n.Input[u.at] = value })
	}
	return nil
}

func floatTensor(name string, shape []int64, v []float64) *onnxpb.TensorProto {
	t := &onnxpb.TensorProto{Name: proto.String(name), Dims: shape, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	for _, x := range v {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(float32(x)))
	}
	return t
}
