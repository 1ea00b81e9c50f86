// Package onnxpb holds the messages of an ONNX file, generated from onnx.proto.
//
// onnx.proto is onnx/onnx-ml.proto of ONNX 1.17.0 (Apache-2.0), unchanged. Package
// onnxfile is what reads and edits files with it.
package onnxpb

//go:generate ./generate.sh
