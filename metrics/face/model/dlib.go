package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// dlibSide is the side of the chips that dlib's network takes.
const dlibSide = 150

// dlibMean is what dlib subtracts from red, green and blue before it divides by 256
// (input_rgb_image_sized in dlib/dnn/input.h).
var dlibMean = [3]float32{122.782, 117.001, 104.298}

const dlibScale = 1. / 256

// FromDlib turns dlib_face_recognition_resnet_model_v1.dat (Davis King, public
// domain), dlib's own serialisation, into an ONNX graph from (n, 3, 150, 150) to
// (n, 128). Each affine layer is folded into the convolution before it.
//
// The file does not say how its layers are wired; that is in the C++ type anet_type
// of dlib's example dnn_face_recognition_ex.cpp, which is followed here: a 7×7
// convolution of stride 2, a pooling, then residual blocks of 32, 64, 128 and 256
// channels. dlib's peculiarities are kept: convolutions of stride 2 are not padded,
// and where a block's branches differ in size the smaller is filled up with zeros at
// the end, in channels and in space.
func FromDlib(dat []byte) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("converting dlib's face recognition model: %w", err)
	}
	r := dlibReader{data: dat}
	g := &graphWriter{}
	n := 0
	// conv reads a convolution with its affine layer and adds it to the graph.
	conv := func(in string, channels, filters, size, stride int) (string, error) {
		w, err := r.layer("con_4", filters*channels*size*size+filters)
		if err != nil {
			return "", err
		}
		a, err := r.layer("affine_", 2*filters)
		if err != nil {
			return "", err
		}
		each := channels * size * size
		weights, bias := w[:filters*each], w[filters*each:]
		for f := range filters {
			gamma, beta := a[f], a[filters+f]
			for i := f * each; i < (f+1)*each; i++ {
				weights[i] *= gamma
			}
			bias[f] = float32(float64(bias[f])*float64(gamma) + float64(beta))
		}
		n++
		name := fmt.Sprintf("conv%d", n)
		g.floats(name+".w", weights, int64(filters), int64(channels), int64(size), int64(size))
		g.floats(name+".b", bias, int64(filters))
		pad := int64(0)
		if stride == 1 {
			pad = int64(size / 2)
		}
		g.node("Conv", name, []string{in, name + ".w", name + ".b"},
			attribute{"kernel_shape", []int64{int64(size), int64(size)}},
			attribute{"pads", []int64{pad, pad, pad, pad}},
			attribute{"strides", []int64{int64(stride), int64(stride)}})
		return name, nil
	}
	relu := func(in string) string {
		g.node("Relu", in+".relu", []string{in})
		return in + ".relu"
	}
	x, err := conv("image", 3, 32, 7, 2)
	if err != nil {
		return fail(err)
	}
	x = relu(x)
	g.node("MaxPool", "pool", []string{x}, attribute{"kernel_shape", []int64{3, 3}}, attribute{"strides", []int64{2, 2}})
	x = "pool"
	side := ((dlibSide-7)/2+1-3)/2 + 1
	channels := 32
	for _, level := range []struct{ filters, blocks int }{{32, 3}, {64, 4}, {128, 3}, {256, 3}, {256, 1}} {
		for b := range level.blocks {
			down := b == 0 && level.filters != 32
			stride := 1
			if down {
				stride = 2
			}
			y, err := conv(x, channels, level.filters, 3, stride)
			if err != nil {
				return fail(err)
			}
			if y, err = conv(relu(y), level.filters, level.filters, 3, 1); err != nil {
				return fail(err)
			}
			short := x
			if down {
				short = y + ".short"
				g.node("AveragePool", short, []string{x}, attribute{"kernel_shape", []int64{2, 2}}, attribute{"strides", []int64{2, 2}})
				branch, pooled := (side-3)/2+1, (side-2)/2+1
				short = g.fill(short, level.filters-channels, max(0, branch-pooled))
				y = g.fill(y, 0, max(0, pooled-branch))
				side = max(branch, pooled)
			}
			channels = level.filters
			g.node("Add", y+".sum", []string{y, short})
			x = relu(y + ".sum")
		}
	}
	w, err := r.layer("fc_2", channels*128)
	if err != nil {
		return fail(err)
	}
	g.node("GlobalAveragePool", "mean", []string{x})
	g.node("Reshape", "flat", []string{"mean", "flat.shape"})
	g.ints("flat.shape", -1, int64(channels))
	g.floats("fc.w", w, int64(channels), 128)
	g.node("MatMul", "embedding", []string{"flat", "fc.w"})
	return g.model("dlib_resnet29", value("image", -1, 3, dlibSide, dlibSide), value("embedding", -1, 128)), nil
}

// fill adds zeros behind the channels and below and right of the picture.
func (g *graphWriter) fill(in string, channels, space int) string {
	if channels <= 0 && space <= 0 {
		return in
	}
	out := in + ".filled"
	c, s := int64(max(channels, 0)), int64(space)
	g.ints(out+".pads", 0, 0, 0, 0, 0, c, s, s)
	g.node("Pad", out, []string{in, out + ".pads"})
	return out
}

// dlibReader finds the parameters of layers, in the order in which they are applied.
type dlibReader struct {
	data []byte
	at   int
}

// layer returns the parameters of the next layer of a kind.
func (r *dlibReader) layer(tag string, want int) ([]float32, error) {
	mark := append([]byte{1, byte(len(tag))}, tag...) //nolint:gosec // tags are short
	i := bytes.Index(r.data[r.at:], mark)
	if i < 0 {
		return nil, fmt.Errorf("there is no further layer %s behind byte %d", tag, r.at)
	}
	r.at += i + len(mark)
	if tag == "fc_2" { // numbers of outputs and inputs stand before the parameters
		for range 2 {
			if _, err := r.integer(); err != nil {
				return nil, fmt.Errorf("reading layer %s: %w", tag, err)
			}
		}
	}
	out, err := r.tensor()
	if err != nil {
		return nil, fmt.Errorf("reading layer %s: %w", tag, err)
	}
	if len(out) != want {
		return nil, fmt.Errorf("layer %s has %d parameters, want %d: another network", tag, len(out), want)
	}
	return out, nil
}

// tensor reads version, four sizes, and floats.
func (r *dlibReader) tensor() ([]float32, error) {
	var head [5]int64
	for i := range head {
		v, err := r.integer()
		if err != nil {
			return nil, err
		}
		head[i] = v
	}
	if head[0] != 2 {
		return nil, fmt.Errorf("tensor of version %d, want 2", head[0])
	}
	n := int64(1)
	for _, d := range head[1:] {
		if d < 0 || d > 1<<24 {
			return nil, fmt.Errorf("a size of %d", d)
		}
		if n *= d; n > int64(len(r.data)-r.at)/4 {
			return nil, errors.New("the file ends within the parameters")
		}
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(r.data[r.at+4*i:]))
	}
	r.at += 4 * len(out)
	return out, nil
}

// integer reads dlib's packed integer: a byte with the count of bytes and the sign,
// then the bytes, the lowest first (dlib/serialize.h).
func (r *dlibReader) integer() (int64, error) {
	if r.at >= len(r.data) {
		return 0, errors.New("the file ends within a number")
	}
	head := r.data[r.at]
	n := int(head & 0x7f)
	if n > 8 || r.at+1+n > len(r.data) {
		return 0, fmt.Errorf("byte %d is no number", r.at)
	}
	var v uint64
	for i := n - 1; i >= 0; i-- {
		v = v<<8 | uint64(r.data[r.at+1+i])
	}
	r.at += 1 + n
	if head&0x80 != 0 {
		return -int64(v), nil //nolint:gosec // sizes; checked by the caller
	}
	return int64(v), nil //nolint:gosec // sizes; checked by the caller
}
