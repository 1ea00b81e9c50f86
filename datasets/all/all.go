// Package all is the one list of the data sets that ship. Adding one takes a
// folder and a line here.
package all

import (
	"context"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/faces"
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
			Name:    faces.WFLW,
			Summary: "faces in the wild with 98 points and attributes: WFLW_images/ and list_98pt_rect_attr_*.txt",
			Example: "wflw:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenWFLW(ctx, arg)
			},
		},
		{
			Name:    faces.COCO,
			Summary: "faces with key points in COCO's JSON, a file or its folder: 300W (68), COFW (29), AFLW (19), WFLW (98), or five",
			Example: "coco-face:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenCOCO(ctx, arg)
			},
		},
		{
			Name:    faces.TokBench,
			Summary: "TokBench's faces: images/face_data/wflw/ and annotations/face_meta.json",
			Example: "tokbench-face:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenTokBench(ctx, arg)
			},
		},
		{
			Name:    faces.LFW,
			Summary: "faces by person, PERSON/PERSON_0001.jpg, with the pairs of pairs.txt; no points",
			Example: "lfw:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenLFW(ctx, arg)
			},
		},
		{
			Name:    faces.CelebA,
			Summary: "faces of celebrities: img_align_celeba/, img_celeba/ or CelebA-HQ-img/ with their lists",
			Example: "celeba:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenCelebA(ctx, arg)
			},
		},
		{
			Name:    faces.FFHQ,
			Summary: "faces from Flickr at any size, with or without ffhq-dataset-v2.json",
			Example: "ffhq:DIR",
			Open: func(ctx context.Context, arg string) (datasets.Dataset, error) {
				return faces.OpenFFHQ(ctx, arg)
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
