package face

import (
	"errors"
	"fmt"

	"github.com/vtbench/vtbench/internal/ort"
)

// onnx is a network of images in ONNX Runtime.
type onnx struct {
	net    *ort.Network
	single bool // exported for one image at a time
}

// openONNX opens an ONNX file that is in memory already. library names ONNX
// Runtime, "" looks for it.
func openONNX(name string, file []byte, library string) (*onnx, error) {
	n, err := ort.OpenNetwork(name, file, library)
	if err != nil {
		return nil, err
	}
	in := n.Input()
	if len(in) != 4 {
		return nil, errors.Join(fmt.Errorf("reading %s: want an input in 4 dimensions (batch, 3, height, width), it has %v", name, in), n.Close())
	}
	return &onnx{net: n, single: in[0] == 1}, nil
}

// Label implements model.Network.
func (n *onnx) Label() string { return n.net.Name() }

// Outputs implements model.Network.
func (n *onnx) Outputs() []string { return n.net.Outputs() }

// Close frees the session; later runs fail.
func (n *onnx) Close() error { return n.net.Close() }

// Run implements model.Network. It may be called at once from many goroutines; each
// call computes on one thread.
func (n *onnx) Run(batch, side int, data []float32) (out [][]float32, err error) {
	if !n.single || batch == 1 {
		return n.call(batch, side, data)
	}
	out = make([][]float32, len(n.Outputs()))
	each := len(data) / batch
	for i := range batch {
		one, err := n.call(1, side, data[i*each:(i+1)*each])
		if err != nil {
			return nil, err
		}
		for k := range out {
			out[k] = append(out[k], one[k]...)
		}
	}
	return out, nil
}

func (n *onnx) call(batch, side int, data []float32) (out [][]float32, err error) {
	err = n.net.Run([]int64{int64(batch), 3, int64(side), int64(side)}, data, func(values []ort.Output) error {
		for _, v := range values {
			out = append(out, append([]float32(nil), v.Data...))
		}
		return nil
	})
	return out, err
}
