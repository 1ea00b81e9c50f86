package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gocv.io/x/gocv"

	"github.com/vtbench/vtbench/internal/opencv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

func flowInfo() tokenizers.Info {
	version := gocv.OpenCVVersion()
	return tokenizers.Info{
		Name: opencv.Program, Version: "OpenCV " + version, Deterministic: true,
		Params: map[string]string{opencv.ParamOpenCV: version},
	}
}

// farneback is the operation [opencv.FlowFarneback].
func farneback(_ context.Context, args json.RawMessage, raw []byte) (any, []byte, error) {
	var in opencv.Image
	if err := json.Unmarshal(args, &in); err != nil {
		return nil, nil, err
	}
	half := len(raw) / 2
	before, frame := pix.Image{W: in.W, H: in.H, Pix: raw[:half]}, pix.Image{W: in.W, H: in.H, Pix: raw[half:]}
	if err := errors.Join(before.Validate(), frame.Validate()); err != nil {
		return nil, nil, err
	}
	a, err := grey(before)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close() //nolint:errcheck // frees memory
	b, err := grey(frame)
	if err != nil {
		return nil, nil, err
	}
	defer b.Close() //nolint:errcheck // frees memory
	var out []byte
	for _, pair := range [][2]gocv.Mat{{b, a}, {a, b}} {
		flow, err := flowOf(pair[0], pair[1], 8*in.W*in.H)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, flow...)
	}
	return struct{}{}, out, nil
}

// grey is an image in one channel, as cvtColor makes it.
func grey(m pix.Image) (gocv.Mat, error) {
	rgb, err := gocv.NewMatFromBytes(m.H, m.W, gocv.MatTypeCV8UC3, m.Pix)
	if err != nil {
		return gocv.Mat{}, fmt.Errorf("handing a frame to OpenCV: %w", err)
	}
	defer rgb.Close() //nolint:errcheck // frees memory
	out := gocv.NewMat()
	gocv.CvtColor(rgb, &out, gocv.ColorRGBToGray)
	return out, nil
}

// flowOf is the flow from one frame to another, size bytes of 32-bit floats.
func flowOf(from, to gocv.Mat, size int) ([]byte, error) {
	flow := gocv.NewMat()
	defer flow.Close() //nolint:errcheck // frees memory
	p := opencv.FarnebackParams
	gocv.CalcOpticalFlowFarneback(from, to, &flow, p.PyramidScale, p.Levels, p.Window, p.Iterations, p.PolySize, p.PolySigma, 0)
	b := flow.ToBytes()
	if len(b) != size {
		return nil, fmt.Errorf("OpenCV returned a flow of %d bytes, want %d", len(b), size)
	}
	return b, nil
}
