#!/bin/sh
# Makes onnx.pb.go from onnx.proto, which is onnx/onnx-ml.proto of ONNX 1.17.0 as it
# stands there. Needs protoc (Debian: protobuf-compiler) and the plug-in of the protobuf
# module that go.mod names.
set -eu
cd "$(dirname "$0")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
GOBIN=$bin go install google.golang.org/protobuf/cmd/protoc-gen-go
PATH=$bin:$PATH protoc --go_out=. --go_opt=paths=source_relative \
  --go_opt=Monnx.proto=github.com/vtbench/vtbench/internal/onnxfile/onnxpb onnx.proto
