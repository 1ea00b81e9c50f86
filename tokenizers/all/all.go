// Package all is the one place that lists the kinds of tokenizers that vtbench has.
//
// There is no registration by import: a kind that is not in this list does not
// exist, and the order of the list is the order in which kinds are shown. It needs
// a C compiler, since ONNX Runtime does. A program that has kinds of its own
// appends to it:
//
//	kinds := append(all.Kinds(), mine.Kind())
//	spec, err := tokenizers.ParseSpec("jpeg:q=20", kinds)
package all

import (
	"context"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/video"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/baseline"
	"github.com/vtbench/vtbench/tokenizers/cheapest"
	"github.com/vtbench/vtbench/tokenizers/codec"
	"github.com/vtbench/vtbench/tokenizers/film"
	"github.com/vtbench/vtbench/tokenizers/folder"
	"github.com/vtbench/vtbench/tokenizers/jp2"
	"github.com/vtbench/vtbench/tokenizers/neural"
	"github.com/vtbench/vtbench/tokenizers/onnx"
	"github.com/vtbench/vtbench/tokenizers/process"
	"github.com/vtbench/vtbench/tokenizers/ptq"
	"github.com/vtbench/vtbench/tokenizers/quant"
	"github.com/vtbench/vtbench/tokenizers/zoo"
)

// Kinds returns all kinds: upper bounds, codecs, quantizers, networks and what is made of
// them, then the adapters to everything else.
func Kinds() []tokenizers.Kind {
	return slices.Concat(
		grouped("upper bounds", baseline.Kinds()...),
		grouped("codecs", append(codec.Kinds(), jp2.Kind())...),
		quant.Kinds(), // has groups of its own
		quant.ClipKinds(),
		grouped("codecs of films", film.Kinds()...),
		grouped("networks", neural.Kinds()...),
		grouped("combinations", cheapest.Kind(Kinds), ptq.Kind(Kinds)),
		grouped("released", zoo.Kind()),
		grouped("adapters", process.Kind(), process.FDKind(), onnx.Kind(), folder.Kind(films())),
	)
}

// films reads reconstructions that are films in files, as the data sets of such are read.
func films() folder.Films {
	return folder.Films{Is: video.IsFilm, Open: func(ctx context.Context, file string, decode pix.Options) (datasets.Dataset, error) {
		return video.Open(ctx, file, datasets.Options{Decode: decode})
	}}
}

// grouped lists kinds under a heading.
func grouped(name string, kinds ...tokenizers.Kind) []tokenizers.Kind {
	for i := range kinds {
		kinds[i].Group = name
	}
	return kinds
}
