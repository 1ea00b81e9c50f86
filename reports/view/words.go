package view

import (
	"strings"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// Words explain a metric to somebody who meets it for the first time.
type Words struct {
	Short string // a noun phrase for under a heading
	Long  string // one or two sentences; what to beware of
}

var words = map[string]Words{
	"t-acc": {
		"share of words read exactly",
		"Every labelled word is cut out of the reconstruction and read by an OCR engine. It counts only if every character is right, case included. 100 % is perfect reading; the upper bound is what the same engine reads after the same resizing without a tokenizer.",
	},
	"t-acc-relaxed": {
		"share of words read, ignoring case and punctuation",
		"As T-ACC, after both strings are lower-cased and stripped to letters and digits: forgives what a scene-text benchmark usually forgives.",
	},
	"t-ned": {
		"average share of characters kept",
		"One minus the edit distance between label and reading over the longer of the two, averaged over words. Where T-ACC asks for the whole word, T-NED gives credit for most of it.",
	},
	"f-sim-calibrated": {
		"how much a face is still the same person: 1 is the original, 0 an average stranger",
		"Original and reconstruction are aligned by the same five key points and embedded by a face recogniser. The cosine of the two embeddings is stretched so that different people score 0 on average: some recognisers call even strangers 0.8 alike.",
	},
	"f-sim": {
		"cosine of the face embeddings of original and reconstruction",
		"TokBench's F-Sim. What a value means depends on the recogniser, which the method section names: compare with the strangers of the same run, and with no number of another recogniser.",
	},
	"f-dist": {
		"distance of the face embeddings of original and reconstruction",
		"The Euclidean distance, which recognisers state their thresholds in; dlib's is 0.6.",
	},
	"f-sim-stranger": {
		"calibrated similarity to the most similar stranger of the set",
		"The highest calibrated similarity of the reconstruction to the original of anybody else of the set. Where F-Sim comes down to it, the face could be somebody else's.",
	},
	"face-verified": {
		"share of faces that the recogniser's own threshold calls the same person",
		"F-Dist within the threshold that the authors of the recogniser publish.",
	},
	"face-tar": {
		"share of faces accepted as themselves where 1 in 1,000 strangers would be",
		"The threshold comes from pairs of different people among the originals of the set, so it needs about 46 people or more.",
	},
	"face-pairs": {
		"share of the data set's pairs that are rightly called the same person or not",
		"The protocol of Labeled Faces in the Wild, the first face of each pair reconstructed and the second not; thresholds are chosen on the originals of the other folds. Only data sets with pairs have it.",
	},
	"face-rank1": {
		"share of faces whose most similar original of all of the set is the same person",
		"Every face of the set is a candidate. With few people it is easy: the number of identities stands at the top.",
	},
	"face-detected": {
		"share of faces that a detector still finds",
		"Of the faces that the detector finds in the original, those that it finds in the reconstruction at the same place (IoU of 0.5 and more).",
	},
	"face-nme": {
		"how far detected key points move, in distances of the eyes",
		"Mean distance of the five points detected in the original and in the reconstruction, over the distance of the eyes. Faces that are not found any more have none.",
	},
	"face-psnr": {"pixel fidelity within the face's box", "PSNR on RGB of the box around each face, against the undamaged original."},
	"face-ssim": {"structural similarity within the face's box", "SSIM (Wang 2004) of the box around each face, against the undamaged original."},
	"cer": {
		"character errors per character of the labels",
		"Insertions, deletions and substitutions that turn what was read into the labels, summed over all words, over the number of characters in the labels. 0 % is perfect; it may exceed 100 % where the reader invents text.",
	},
	"wer": {
		"word errors per word of the labels",
		"As CER, counted in words. 0 % is perfect; it may exceed 100 %.",
	},
	"psnr": {
		"pixel fidelity, logarithmic",
		"Peak signal-to-noise ratio over all pixels and channels. It rewards getting every pixel nearly right and hardly notices that small text has become unreadable.",
	},
	"psnr-y": {"pixel fidelity in brightness", "PSNR of the luma channel alone; not comparable with PSNR over RGB."},
	"ssim": {
		"structural similarity, 1 is identical",
		"Compares local brightness, contrast and structure (Gaussian window, mean of channels). Closer to what people see than PSNR, still an average over the whole picture.",
	},
	"ssim-uniform": {"structural similarity with a uniform window", "scikit-image's default; not comparable with the Gaussian SSIM."},
	"ssim-wang":    {"structural similarity of brightness, pooled first", "As the authors' own program computes it; not comparable with SSIM at full size."},
	"ms-ssim":      {"structural similarity over several scales, 1 is identical", "SSIM at five scales, combined: details count, and so do shapes."},
	"iw-ssim":      {"structural similarity where there is something to see", "MS-SSIM weighted by how much information each place holds; 1 is identical."},
	"fsim":         {"similarity of edges, 1 is identical", "Phase congruency and gradients of brightness."},
	"fsimc":        {"similarity of edges and colours, 1 is identical", "FSIM with chroma."},
	"gmsd":         {"deviation of gradients, 0 is identical", "Spread of local gradient similarity: one bad place counts more than the same damage spread evenly."},
	"haarpsi":      {"perceptual similarity from wavelets, 1 is identical", "Haar wavelet similarity, weighted by where edges are."},
	"mdsi":         {"deviation of gradients and colours, 0 is identical", "Mean deviation similarity of gradients and chroma."},
	"vifp":         {"visual information kept, 1 is all of it", "Visual information fidelity in the pixel domain; sharpening can raise it above 1."},
	"psnr-hvs":     {"PSNR by the eye's contrast sensitivity", "PSNR in the DCT domain: errors of frequencies that people see well count more."},
	"psnr-hvs-m":   {"PSNR by contrast sensitivity and masking", "As PSNR-HVS; errors that texture hides count less."},
	"nlpd":         {"perceptual distance, 0 is identical", "Normalised Laplacian pyramid: local contrast at six scales."},
	"ciede2000":    {"colour difference a person would see", "Mean CIEDE2000 over pixels; about 1 is just noticeable."},
	"ssimulacra2":  {"perceptual quality, 100 is identical", "Tuned to people's judgements of compressed pictures: 90 is visually lossless, 70 high, 50 medium, 30 low."},
	"mse":          {"squared pixel error", "Mean squared difference of 8-bit values; PSNR is its logarithm."},
	"mae":          {"absolute pixel error", "Mean absolute difference of 8-bit values."},
	"lpips-alex":   {"perceptual distance, 0 is identical", "Distance between AlexNet features of both pictures."},
	"lpips-vgg":    {"perceptual distance, 0 is identical", "Distance between VGG features of both pictures; not comparable with the AlexNet one."},
	"dists":        {"perceptual distance of structure and texture, 0 is identical", "Forgives a texture that was replaced by one of the same kind."},
	"fid":          {"distance between distributions of features", "Depends on the extractor, the resize, the reference set and the number of images: compare only within one report."},
	"kid":          {"distance between distributions of features", "Unbiased for small sets, unlike FID; depends on the extractor as much."},
	"cmmd":         {"distance between distributions of CLIP features", "Depends on the extractor; compare only within one report."},
	"bpp-real": {
		"bits per pixel of the actual file",
		"Size of the bitstream without its container over the number of pixels the tokenizer saw. Only for tokenizers that write one.",
	},
	"bpp-nominal": {
		"bits per pixel of the tokens at fixed length",
		"Number of tokens × log₂ of the codebook size, over pixels: what the tokens cost before any entropy coding.",
	},
	"bpp-entropy": {
		"bits per pixel of the tokens at their entropy",
		"Number of tokens × entropy of how often each code is used in this set: what an ideal coder that knows the frequencies would need.",
	},
	"bpp-file": {"bits per pixel of the file, container included", "As the real rate, with headers and metadata: what a disk sees."},
	"tokens":   {"tokens an image", "Number of token ids of an image, over all codebooks."},
	"code-usage": {
		"share of the codebook ever used",
		"Different codes that occur in this set over the codebook's size. Small sets use fewer codes, so compare only on equal data.",
	},
	"code-dead":           {"codes never used", "Entries of the codebook that occur nowhere in this set. Small sets use fewer codes."},
	"code-entropy":        {"bits of information a token", "Entropy of how often each code is used; log₂ of the codebook's size at most."},
	"code-entropy-mm":     {"bits of information a token, corrected for small sets", "Miller and Madow's correction: entropy is underestimated from few tokens."},
	"code-effective":      {"codes in effective use, rare ones counted less", "1/Σp²: the number of equally frequent codes that would repeat as often."},
	"code-joint-entropy":  {"bits of information of all codebooks together", "Entropy of the tuples of codes at a position."},
	"code-joint-used":     {"different tuples of codes", "Combinations of codes of all codebooks that occur."},
	"code-position-usage": {"codes used at one position, on average", "Share of the codebook that occurs at a position of the grid, averaged over positions."},
	"code-position-info":  {"what the position tells about the code", "Mutual information of position and code, in bits."},
	"code-perplexity": {
		"codes in effective use",
		"exp of the entropy of how often each code is used: a codebook of 1024 with perplexity 100 works like 100 equally frequent codes.",
	},
	"token-flip":        {"share of tokens that change under damage", "Token ids of the damaged picture that differ from those of the clean one; on clean pictures, those that encoding the reconstruction again changes."},
	"codeword-distance": {"how far flipped tokens moved", "Mean distance between the codewords of flipped tokens, in units of the tokenizer's own codebook: not comparable between tokenizers."},
}

// Explain words a metric; what is not known here is explained by its own title,
// unit and source.
func Explain(s metrics.Spec) Words {
	if w, ok := words[s.ID]; ok {
		return w
	}
	w := Words{Short: "as its source defines it"}
	if s.Source != "" {
		w.Long = "Defined by " + strings.TrimSuffix(s.Source, ".") + "."
	}
	return w
}

// About is what a data set says of itself: what it shows, and its licence.
func About(d datasets.Info) string {
	out := ""
	if d.Title != "" {
		out += "; " + d.Title
	}
	if d.Licence != "" {
		out += "; " + d.Licence
	}
	return out
}

// BetterWord is "higher is better", "lower is better" or "".
func BetterWord(d metrics.Direction) string {
	switch d {
	case metrics.Higher:
		return "higher is better"
	case metrics.Lower:
		return "lower is better"
	}
	return ""
}
