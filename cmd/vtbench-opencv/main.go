//go:build opencv

// Vtbench-opencv runs an ONNX graph in OpenCV's DNN module, for vtbench's option
// face.engine=opencv. It is a program of its own, because an exception inside OpenCV
// ends the process it happens in, and because OpenCV takes longer to load than vtbench
// to print its help.
//
//	go build -tags opencv -o bin/vtbench-opencv ./cmd/vtbench-opencv     (or: make opencv)
//
// It reads requests from stdin and answers on stdout, in the frames of
// tokenizers/process/wire: first it sends {"opencv", "outputs"}, then for each request
// {"shape": [n, 3, h, w]} with float32 values it sends {"sizes": […]} with those of all
// outputs, one behind the other. Exceptions end it; the reason is on stderr.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"gocv.io/x/gocv"

	"github.com/vtbench/vtbench/tokenizers/process/wire"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: vtbench-opencv MODEL.onnx")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vtbench-opencv:", err)
		os.Exit(1)
	}
}

func serve(model string, in io.Reader, out io.Writer) error {
	net := gocv.ReadNetFromONNX(model)
	defer net.Close() //nolint:errcheck // the process ends
	if net.Empty() {
		return fmt.Errorf("OpenCV %s reads nothing of %s", gocv.OpenCVVersion(), model)
	}
	var names []string
	for _, i := range net.GetUnconnectedOutLayers() {
		layer := net.GetLayer(i)
		names = append(names, layer.GetName())
	}
	if err := send(out, map[string]any{"opencv": gocv.OpenCVVersion(), "outputs": names}, nil); err != nil {
		return err
	}
	r := wire.NewReader(in)
	for {
		header, n, err := r.Next(wire.MaxFrame)
		if errors.Is(err, wire.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var req struct {
			Shape []int `json:"shape"`
		}
		if err := wire.Unmarshal(header, &req); err != nil {
			return err
		}
		body := make([]byte, n)
		if err := r.Body(body); err != nil {
			return err
		}
		want := 4
		for _, d := range req.Shape {
			want *= d
		}
		if len(req.Shape) != 4 || want != len(body) || want == 0 {
			return fmt.Errorf("a request of shape %v with %d bytes", req.Shape, len(body))
		}
		if err := forward(&net, names, req.Shape, body, out); err != nil {
			return err
		}
	}
}

func forward(net *gocv.Net, names []string, shape []int, body []byte, out io.Writer) error {
	blob, err := gocv.NewMatWithSizesFromBytes(shape, gocv.MatTypeCV32F, body)
	if err != nil {
		return err
	}
	defer blob.Close() //nolint:errcheck // frees memory
	net.SetInput(blob, "")
	var sizes []int
	var all []byte
	for _, m := range net.ForwardLayers(names) {
		v, err := m.DataPtrFloat32()
		if err != nil {
			return err
		}
		sizes = append(sizes, len(v))
		for _, x := range v {
			all = binary.LittleEndian.AppendUint32(all, math.Float32bits(x))
		}
		if err := m.Close(); err != nil {
			return err
		}
	}
	return send(out, map[string]any{"sizes": sizes}, all)
}

func send(out io.Writer, header any, body []byte) error {
	h, err := json.Marshal(header)
	if err != nil {
		return err
	}
	return wire.Write(out, h, body)
}
