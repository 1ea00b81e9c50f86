package view

import (
	"strings"

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
	"ms-ssim":   {"structural similarity over several scales", "SSIM at five scales, combined; 1 is identical."},
	"lpips":     {"perceptual distance, 0 is identical", "Distance between deep features of both pictures; lower is better."},
	"f-sim":     {"similarity of face embeddings, 1 is the same", "Cosine between the embeddings of a face in the original and in the reconstruction, aligned by the same key points."},
	"rank-1":    {"share of faces recognised among all", "A reconstructed face counts if the nearest original face of the whole set is its own."},
	"rfid":      {"distance between distributions of features", "Depends on the extractor, the resize, the reference set and the number of images: compare only within one report."},
	"gmsd":      {"deviation of gradients, 0 is identical", "Spread of local gradient similarity; lower is better."},
	"haarpsi":   {"perceptual similarity from wavelets, 1 is identical", "Haar wavelet similarity, weighted by where edges are."},
	"vifp":      {"visual information kept", "Pixel-domain visual information fidelity; 1 is all of it."},
	"ciede2000": {"colour difference a person would see", "Mean CIEDE2000; about 1 is just noticeable, lower is better."},
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
	"usage": {
		"share of the codebook ever used",
		"Different codes that occur in this set over the codebook's size. Small sets use fewer codes, so compare only on equal data.",
	},
	"perplexity": {
		"codes in effective use",
		"exp of the entropy of how often each code is used: a codebook of 1024 with perplexity 100 works like 100 equally frequent codes.",
	},
	"flip-rate": {"share of tokens that change under damage", "Token ids of the damaged picture that differ from those of the clean one."},
}

// Explain words a metric; what is not known here is explained by its own title,
// unit and source.
func Explain(s metrics.Spec) Words {
	if w, ok := words[s.ID]; ok {
		return w
	}
	var w Words
	switch s.Better {
	case metrics.Higher:
		w.Short = "higher is better"
	case metrics.Lower:
		w.Short = "lower is better"
	default:
		w.Short = "descriptive"
	}
	if s.Source != "" {
		w.Long = "Defined by " + strings.TrimSuffix(s.Source, ".") + "."
	}
	return w
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
