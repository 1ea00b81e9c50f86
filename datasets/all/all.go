// Package all is the one list of the data sets that ship. Adding one takes a
// folder and a line here.
package all

import (
	"context"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/datasets/archive"
	"github.com/vtbench/vtbench/datasets/clips"
	"github.com/vtbench/vtbench/datasets/crops"
	"github.com/vtbench/vtbench/datasets/document"
	"github.com/vtbench/vtbench/datasets/faces"
	"github.com/vtbench/vtbench/datasets/folder"
	"github.com/vtbench/vtbench/datasets/icdar"
	"github.com/vtbench/vtbench/datasets/manifest"
	"github.com/vtbench/vtbench/datasets/multilingual"
	"github.com/vtbench/vtbench/datasets/natural"
	"github.com/vtbench/vtbench/datasets/ocrsets"
	"github.com/vtbench/vtbench/datasets/parquet"
	"github.com/vtbench/vtbench/datasets/patterns"
	"github.com/vtbench/vtbench/datasets/photos"
	"github.com/vtbench/vtbench/datasets/portraits"
	"github.com/vtbench/vtbench/datasets/segmentation"
	"github.com/vtbench/vtbench/datasets/streets"
	"github.com/vtbench/vtbench/datasets/textgen"
	"github.com/vtbench/vtbench/datasets/video"
)

// Kinds lists every kind of data set, in the order in which it is shown.
func Kinds() []datasets.Kind {
	return []datasets.Kind{
		builtin(textgen.ID, "rendered words, lines, signs, receipts, tables and numbers with exact labels; no download",
			func() (datasets.Dataset, error) { return textgen.New(textgen.Options{}) }),
		builtin(textgen.SmallID, "windows of text-default's scenes, 384 pixels and about four texts each",
			func() (datasets.Dataset, error) { return textgen.NewSmall(textgen.Options{}) }),
		builtin(patterns.ID, "drawn test patterns: slanted edges, zone plates, stars, gratings, noise of known spectrum, ramps, patches; no download",
			func() (datasets.Dataset, error) { return patterns.New(), nil }),
		builtin(streets.ID, "drawn label maps of street scenes in the 19 classes of Cityscapes, for the suite masks; no download",
			func() (datasets.Dataset, error) { return streets.New(), nil }),
		builtin(crops.ID, "crops of natural photographs, free to use: people, fur, foliage, water, architecture, sky, night; from vtbench datasets pull",
			func() (datasets.Dataset, error) { return crops.New() }),
		builtin(photos.ID, "natural photographs, free to use: people, animals, things, landscapes; no labels; from vtbench datasets pull",
			func() (datasets.Dataset, error) { return photos.New() }),
		builtin(photos.SmallID, "the photographs of photos-default as squares of 256 pixels",
			func() (datasets.Dataset, error) { return photos.NewSmall() }),
		builtin(portraits.ID, "real faces, free to use, at many sizes on photographs, with key points; from vtbench datasets pull",
			func() (datasets.Dataset, error) { return portraits.New() }),
		builtin(document.ID, "rendered pages: running text, columns, tables, forms, formulas, captions, footnotes, code, in 6 to 14 points; no download",
			func() (datasets.Dataset, error) { return document.New(document.Options{}) }),
		builtin(document.ScanID, "the pages of document-default as a scanner delivers them: uneven light, blur, noise",
			func() (datasets.Dataset, error) { return document.New(document.Options{Scan: true}) }),
		builtin(multilingual.ID, "rendered pages in Chinese, Japanese, Korean, Hindi, Arabic, Russian and Latin with diacritics; fonts from "+multilingual.Mend,
			func() (datasets.Dataset, error) { return multilingual.New(multilingual.Options{}) }),
		builtin(clips.ID, "drawn clips with exact words, tracks and motion: pans, zoom, rotation, credits, fades, a bar in front, a cut, shake, light; no download",
			func() (datasets.Dataset, error) { return clips.New(clips.ID) }),
		builtin(clips.StaticID, "drawn clips that differ in how much of them stands: 0, 25, 50, 75, 95 percent; no labels, exact motion; no download",
			func() (datasets.Dataset, error) { return clips.New(clips.StaticID) }),
		builtin(clips.LinearID, "drawn clips in which every frame is a linear function of the one before: cycles, crossfade, ramp, decay; no download",
			func() (datasets.Dataset, error) { return clips.New(clips.LinearID) }),
		{
			Name: video.Bunny, Summary: "the first 32 frames of a piece of Big Buck Bunny at 480x270; bunny:size=1280x720 for all 132 at their own; from vtbench datasets pull, by ffmpeg from make deps-video", Example: video.Bunny,
			Open: func(ctx context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
				return video.OpenBunny(ctx, arg, o)
			},
		},
		builtin(clips.PhotosID, "clips with exact motion over natural photographs, some with words; from vtbench datasets pull",
			func() (datasets.Dataset, error) { return clips.New(clips.PhotosID) }),
		builtin(clips.PortraitsID, "clips with exact motion over two portraits, with key points; from vtbench datasets pull",
			func() (datasets.Dataset, error) { return clips.New(clips.PortraitsID) }),
		ofFolder(icdar.Name, "photographs with transcriptions, ICDAR 2013/2015 layout: images/ and gt/gt_NAME.txt, boxes or quads", icdar.Open),
		ofFolder(ocrsets.TokBench, "TokBench's text: images/text_data/SET/ and annotations/text_SET.json", ocrsets.OpenTokBench),
		ofFolder(ocrsets.COCOText, "scene text of COCO-Text: cocotext.v2.json beside train2014/; ,set=train behind the folder for another part than val", ocrsets.OpenCOCOText),
		ofFolder(ocrsets.TextOCR, "scene text of TextOCR: TextOCR_0.1_val.json beside train_val_images/ or train_images/", ocrsets.OpenTextOCR),
		ofFolder(ocrsets.CORD, "receipts of CORD by word: image/ and json/", ocrsets.OpenCORD),
		ofFolder(ocrsets.SROIE, "receipts of SROIE by line: images/ and annotations/, or img/ and box/", ocrsets.OpenSROIE),
		ofFolder(ocrsets.FUNSD, "forms of FUNSD by word: images/ and annotations/", ocrsets.OpenFUNSD),
		ofFolder(ocrsets.OmniDoc, "OmniDoc-TokenBench: images of documents without labels, for page-ned-original", ocrsets.OpenOmniDoc),
		ofFolder(parquet.Name, "Parquet files with an image a row, as Hugging Face serves them; ,text=COLUMN or ,page=COLUMN behind the path", parquet.Open),
		ofFolder(natural.ImageNet, "photographs of ImageNet by class: val/n01440764/*.JPEG, or all in one folder with LOC_val_solution.csv", natural.OpenImageNet),
		ofFolder(natural.Kodak, "the 24 photographs of Kodak: kodim01.png to kodim24.png", natural.OpenKodak),
		ofFolder(natural.DIV2K, "photographs of DIV2K in full resolution: DIV2K_valid_HR/ or DIV2K_train_HR/", natural.OpenDIV2K),
		ofFolder(natural.CLIC, "photographs of CLIC: all PNG files of a part", natural.OpenCLIC),
		ofFolder(segmentation.Cityscapes, "label maps of Cityscapes, 19 classes: gtFine/val/CITY/*_gtFine_labelIds.png, labelTrainIds or color", segmentation.OpenCityscapes),
		ofFolder(segmentation.ADE20K, "label maps of ADE20K, 150 classes: ADEChallengeData2016/annotations/validation/*.png", segmentation.OpenADE20K),
		ofFolder(faces.WFLW, "faces in the wild with 98 points and attributes: WFLW_images/ and list_98pt_rect_attr_*.txt", faces.OpenWFLW),
		ofFolder(faces.COCO, "faces with key points in COCO's JSON, a file or its folder: 300W (68), COFW (29), AFLW (19, 21), WFLW (98), LaPa (106), or five", faces.OpenCOCO),
		ofFolder(faces.TokBench, "TokBench's faces: images/face_data/wflw/ and annotations/face_meta.json", faces.OpenTokBench),
		ofFolder(faces.LFW, "faces by person, PERSON/PERSON_0001.jpg, with the pairs of pairs.txt; no points", faces.OpenLFW),
		ofFolder(faces.CelebA, "faces of celebrities: img_align_celeba/, img_celeba/ or CelebA-HQ-img/ with their lists", faces.OpenCelebA),
		ofFolder(faces.FFHQ, "faces from Flickr at any size, with or without ffhq-dataset-v2.json", faces.OpenFFHQ),
		{
			Name: manifest.Name, Summary: "a list of images in JSON lines, with what is known of each; from vtbench datasets import", Example: manifest.Name + ":FILE.jsonl",
			Open: func(ctx context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
				return manifest.Open(ctx, arg, o)
			},
		},
		{
			Name: archive.Webdataset, Summary: "shards of WebDataset, read where they are; no labels", Example: archive.Webdataset + ":val-{000..049}.tar",
			Open: func(ctx context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
				return archive.OpenShards(ctx, arg, o)
			},
		},
		{
			Name: archive.Name, Summary: "all images of a zip, tar or tar.gz file, without unpacking it; no labels", Example: archive.Name + ":FILE",
			Open: func(ctx context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
				return archive.Open(ctx, arg, o)
			},
		},
		ofFolder(video.Name, "films: files (MP4, MOV, WebM, Matroska, AVI, Y4M) by ffmpeg from make deps-video, and folders of frames; options behind the path: ,frames=48,every=2,size=480x270", video.Open),
		ofFolder(video.DAVIS, "films of DAVIS: JPEGImages/480p/NAME/ of ImageSets/2017/val.txt; ,set=2017/train behind the folder for another part", video.OpenDAVIS),
		ofFolder(video.TokBench, "TokBench's films, with text and faces: videos/ and video_annotations/", video.OpenTokBench),
		ofFolder(folder.Name, "all images of a folder and its subfolders; no labels, so pixel metrics only", folder.Open),
	}
}

// builtin is a data set of vtbench's own, which takes nothing behind its name.
func builtin(id, summary string, open func() (datasets.Dataset, error)) datasets.Kind {
	return datasets.Kind{
		Name: id, Summary: summary, Example: id,
		Open: func(_ context.Context, arg string, _ datasets.Options) (datasets.Dataset, error) {
			if err := datasets.NoArgument(id, arg); err != nil {
				return nil, err
			}
			return open()
		},
	}
}

// ofFolder is a layout in which the user has files.
func ofFolder[D datasets.Dataset](name, summary string, open func(context.Context, string, datasets.Options) (D, error)) datasets.Kind {
	return datasets.Kind{
		Name: name, Summary: summary, Example: name + ":DIR",
		Open: func(ctx context.Context, arg string, o datasets.Options) (datasets.Dataset, error) {
			return open(ctx, arg, o)
		},
	}
}
