package face

import (
	"errors"
	"fmt"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/internal/ort"
)

// onnx is a network in ONNX Runtime.
type onnx struct {
	name    string
	names   []string
	single  bool // exported for one image at a time
	session *ortlib.DynamicAdvancedSession
	mu      sync.RWMutex // held for reading while running; Close waits for all
	closed  bool
}

// openONNX opens an ONNX file that is in memory already. library names ONNX
// Runtime, "" looks for it.
func openONNX(name string, file []byte, library string) (*onnx, error) {
	if _, _, err := ort.Load(library); err != nil {
		return nil, err
	}
	in, out, err := ortlib.GetInputOutputInfoWithONNXData(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(in) != 1 || in[0].DataType != ortlib.TensorElementDataTypeFloat || len(in[0].Dimensions) != 4 {
		return nil, fmt.Errorf("reading %s: want one input of float32 in 4 dimensions (batch, 3, height, width), it has %v", name, in)
	}
	n := &onnx{name: name, single: in[0].Dimensions[0] == 1}
	for _, o := range out {
		if o.DataType != ortlib.TensorElementDataTypeFloat {
			return nil, fmt.Errorf("reading %s: output %s is %v, want float32", name, o.Name, o.DataType)
		}
		n.names = append(n.names, o.Name)
	}
	opts, err := ortlib.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	// One thread a call: the harness makes as many calls at once as it has workers.
	err = errors.Join(opts.SetIntraOpNumThreads(1), opts.SetInterOpNumThreads(1))
	if err == nil {
		n.session, err = ortlib.NewDynamicAdvancedSessionWithONNXData(file, []string{in[0].Name}, n.names, opts)
	}
	if err = errors.Join(err, opts.Destroy()); err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return n, nil
}

// Label implements model.Network.
func (n *onnx) Label() string { return n.name }

// Outputs implements model.Network.
func (n *onnx) Outputs() []string { return n.names }

// Close frees the session; later runs fail.
func (n *onnx) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	return n.session.Destroy()
}

// Run implements model.Network. It may be called at once from many goroutines; each
// call computes on one thread.
func (n *onnx) Run(batch, side int, data []float32) (out [][]float32, err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.closed {
		return nil, fmt.Errorf("%s is closed", n.name)
	}
	if !n.single || batch == 1 {
		return n.call(batch, side, data)
	}
	out = make([][]float32, len(n.names))
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
	values := make([]ortlib.Value, len(n.names))
	in, err := ortlib.NewTensor(ortlib.NewShape(int64(batch), 3, int64(side), int64(side)), data)
	if err != nil {
		return nil, fmt.Errorf("running %s: %w", n.name, err)
	}
	defer func() {
		for _, v := range append(values, in) {
			if v != nil {
				err = errors.Join(err, v.Destroy())
			}
		}
	}()
	if err := n.session.Run([]ortlib.Value{in}, values); err != nil {
		return nil, fmt.Errorf("running %s: %w", n.name, err)
	}
	for i, v := range values {
		t, ok := v.(*ortlib.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("running %s: output %s is no float32 tensor", n.name, n.names[i])
		}
		out = append(out, append([]float32(nil), t.GetData()...))
	}
	return out, nil
}
