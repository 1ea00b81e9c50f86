// Package all is the one place that lists the built-in kinds of tokenizers that
// need no C compiler.
//
// There is no registration by import: a kind that is not in this list does not
// exist, and the order of the list is the order in which kinds are shown. A
// program that has adapters of its own appends to it:
//
//	kinds := append(all.Kinds(), onnx.Kind())
//	spec, err := tokenizers.ParseSpec("jpeg:q=20", kinds)
package all

import (
	"slices"

	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/baseline"
	"github.com/vtbench/vtbench/tokenizers/codec"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

// Kinds returns the built-in kinds, upper bounds first.
func Kinds() []tokenizers.Kind {
	return slices.Concat(
		baseline.Kinds(),
		codec.Kinds(),
		quant.Kinds(),
	)
}
