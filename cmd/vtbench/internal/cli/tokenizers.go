package cli

import (
	"slices"

	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// tokenizerKinds are all kinds of tokenizers, those that need a C library
// included.
func tokenizerKinds() []tokenizers.Kind {
	return slices.Concat(alltok.Kinds())
}
