package ort

import (
	"errors"
	"fmt"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"
)

// A Network is an ONNX file with one float32 input, opened to compute on one thread a
// call. It is safe for concurrent use.
type Network struct {
	name    string
	input   []int64 // dimensions as exported; below 1 where any is taken
	outputs []string
	session *ortlib.DynamicAdvancedSession
	mu      sync.RWMutex // held for reading while running; Close waits for all
	closed  bool
}

// ErrClosed is what a closed network answers.
var ErrClosed = errors.New("the network is closed")

// An Output is what a network computed, row-major. Data is valid until the function that
// was given it returns.
type Output struct {
	Shape []int64
	Data  []float32
}

// OpenNetwork opens an ONNX file that is in memory already; name is for messages.
// library names ONNX Runtime, "" looks for it.
func OpenNetwork(name string, file []byte, library string) (*Network, error) {
	if _, _, err := Load(library); err != nil {
		return nil, err
	}
	in, out, err := ortlib.GetInputOutputInfoWithONNXData(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(in) != 1 || in[0].DataType != ortlib.TensorElementDataTypeFloat {
		return nil, fmt.Errorf("reading %s: want one input of float32, it has %v", name, in)
	}
	n := &Network{name: name, input: append([]int64{}, in[0].Dimensions...)}
	for _, o := range out {
		if o.DataType != ortlib.TensorElementDataTypeFloat {
			return nil, fmt.Errorf("reading %s: output %s is %v, want float32", name, o.Name, o.DataType)
		}
		n.outputs = append(n.outputs, o.Name)
	}
	opts, err := ortlib.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	// Callers make as many calls at once as there are cores. Without the arena, memory
	// goes back after a call: inputs of many shapes would each keep their own.
	err = errors.Join(opts.SetIntraOpNumThreads(1), opts.SetInterOpNumThreads(1), opts.SetCpuMemArena(false), opts.SetMemPattern(false))
	if err == nil {
		n.session, err = ortlib.NewDynamicAdvancedSessionWithONNXData(file, []string{in[0].Name}, n.outputs, opts)
	}
	if err = errors.Join(err, opts.Destroy()); err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return n, nil
}

// Name is what the network is called in messages.
func (n *Network) Name() string { return n.name }

// Input is the shape of the input as exported; a dimension below 1 takes any size.
func (n *Network) Input() []int64 { return append([]int64{}, n.input...) }

// Outputs are the names of the outputs, in the order in which [Network.Run] hands them out.
func (n *Network) Outputs() []string { return append([]string{}, n.outputs...) }

// Metadata returns what the file says under a key of its own.
func (n *Network) Metadata(key string) (value string, ok bool, err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.closed {
		return "", false, fmt.Errorf("%s: %w", n.name, ErrClosed)
	}
	m, err := n.session.GetModelMetadata()
	if err != nil {
		return "", false, fmt.Errorf("reading the metadata of %s: %w", n.name, err)
	}
	value, ok, err = m.LookupCustomMetadataMap(key)
	if err = errors.Join(err, m.Destroy()); err != nil {
		return "", false, fmt.Errorf("reading the metadata of %s: %w", n.name, err)
	}
	return value, ok, nil
}

// Run computes the outputs of an input of the given shape and hands them to use.
func (n *Network) Run(shape []int64, data []float32, use func([]Output) error) (err error) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if n.closed {
		return fmt.Errorf("%s: %w", n.name, ErrClosed)
	}
	in, err := ortlib.NewTensor(ortlib.NewShape(shape...), data)
	if err != nil {
		return fmt.Errorf("running %s: %w", n.name, err)
	}
	values := make([]ortlib.Value, len(n.outputs))
	defer func() {
		for _, v := range append(values, in) {
			if v != nil {
				err = errors.Join(err, v.Destroy())
			}
		}
	}()
	if err := n.session.Run([]ortlib.Value{in}, values); err != nil {
		return fmt.Errorf("running %s: %w", n.name, err)
	}
	out := make([]Output, len(values))
	for i, v := range values {
		t, ok := v.(*ortlib.Tensor[float32])
		if !ok {
			return fmt.Errorf("running %s: output %s is no float32 tensor", n.name, n.outputs[i])
		}
		out[i] = Output{Shape: t.GetShape(), Data: t.GetData()}
	}
	return use(out)
}

// Close frees the network once the calls under way have ended; later runs fail.
func (n *Network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	n.closed = true
	return n.session.Destroy()
}
