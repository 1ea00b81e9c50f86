package cli

import (
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
	"github.com/vtbench/vtbench/tokenizers/folder"
	"github.com/vtbench/vtbench/tokenizers/jp2"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/process"
)

// tokenizerKinds are all kinds of tokenizers: the built-in ones, and the adapters
// to everything else.
func tokenizerKinds() []tokenizers.Kind {
	return append(alltok.Kinds(), jp2.Kind(), process.Kind(), onnx.Kind(), folder.Kind())
}
