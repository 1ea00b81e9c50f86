// Package model holds what is known about the networks that find and recognise faces:
// how an image is given to them, how their outputs are read, and how a face is aligned
// for them. What runs a network is somebody else's: ONNX Runtime in metrics/face, OpenCV
// in cmd/vtbench-opencv. So both engines compute the same up to the network itself.
package model

import "path/filepath"

// A Network is an opened graph with one float input. Run may be called at once from
// many goroutines where its engine says so.
type Network interface {
	// Label names the network in errors.
	Label() string
	// Outputs are the names of the outputs, in the order of Run's results.
	Outputs() []string
	// Run feeds a batch of planar images, 3·side·side numbers each, and returns the
	// outputs, each with those of all images one behind the other.
	Run(batch, side int, data []float32) ([][]float32, error)
	Close() error
}

// Graph returns the ONNX graph of a file: what ends in .dat is dlib's own format and is
// converted, everything else is taken as it is.
func Graph(name string, file []byte) ([]byte, error) {
	if filepath.Ext(name) == ".dat" {
		return FromDlib(file)
	}
	return file, nil
}
