// Package all is the one list of the data sets that ship. Adding one takes a
// folder and a line here.
package all

import (
	"context"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/icdar"
	"github.com/vtbench/vtbench/datasets/photos"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/datasets/textgen"
)

// Kinds lists every kind of data set, in the order in which it is shown.
func Kinds() []datasets.Kind {
	return []datasets.Kind{
		{
			Name:    textgen.ID,
			Summary: "rendered words, lines, signs, receipts, tables and numbers with exact labels; no download",
			Example: textgen.ID,
			Open: func(_ context.Context, arg string) (datasets.Dataset, error) {
				if err := datasets.NoArgument(textgen.ID, arg); err != nil {
					return nil, err
				}
				return textgen.New(textgen.Options{})
			},
		},
		{
			Name:    photos.ID,
			Summary: "natural photographs, free to use: people, animals, things, landscapes; no labels; from vtbench datasets pull",
			Example: photos.ID,
			Open: func(_ context.Context, arg string) (datasets.Dataset, error) {
				if err := datasets.NoArgument(photos.ID, arg); err != nil {
					return nil, err
				}
				return photos.New()
			},
		},
		{
			Name:    portraits.ID,
			Summary: "real faces, free to use, at many sizes on photographs, with key points; from vtbench datasets pull",
			Example: portraits.ID,
			Open: func(_ context.Context, arg string) (datasets.Dataset, error) {
				if err := datasets.NoArgument(portraits.ID, arg); err != nil {
					return nil, err
				}
				return portraits.New()
			},
		},
		{
			Name:    icdar.Name,
			Summary: "photographs with transcriptions, ICDAR 2013/2015 layout: images/ and gt/gt_NAME.txt, boxes or quads",
			Example: "icdar:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return icdar.Open(ctx, arg)
			},
		},
		{
			Name:    folder.Name,
			Summary: "all images of a folder and its subfolders; no labels, so pixel metrics only",
			Example: "folder:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return folder.Open(ctx, arg)
			},
		},
	}
}
