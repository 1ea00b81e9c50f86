package quant

import "slices"

// Groups that rules are listed under.
const (
	groupContinuous = "continuous latents"
	groupVector     = "vector quantizers"
	groupScalar     = "scalar quantizers"
)

// A preset is a rule with some options set: the quantizer of a published system
// under its name. All options of the rule can be given beside it.
type preset struct {
	name, of, summary string
	source            string
	set               map[string]string
	example           string // options to show; "" for the name alone
}

// presets lists the named settings of the rules; a new one is an entry here, and
// an artefact in fit/main.go where its rule has something to fit.
func presets() []preset {
	return []preset{
		{
			name: "rvq", of: "vq", summary: "residual: a sum of codewords, one from each of several codebooks",
			source: "Juang & Gray 1982; SoundStream, RQ-VAE, ResGen, Mogo",
			set:    map[string]string{"depth": "4", "k": "256"}, example: "patch=8,depth=4",
		},
		{
			name: "fq", of: "vq", summary: "factorized: a codebook for each of several groups of latents",
			source: "FQGAN, arXiv:2411.16681; groups by eigenvalue allocation, Ge et al. 2013",
			set:    map[string]string{"groups": "2", "k": "256"}, example: "groups=2",
		},
		{
			name: "grvq", of: "vq", summary: "grouped residual: codebooks in a row for each group of latents",
			source: "HiFi-Codec, arXiv:2305.02765",
			set:    map[string]string{"groups": "2", "depth": "2", "k": "256"}, example: "groups=2,depth=2",
		},
		{
			name: "mcrvq", of: "vq", summary: "masked-channel residual: the first three codebooks see a third of the latents each",
			source: "Language-Codec, arXiv:2402.12208",
			set:    map[string]string{"depth": "8", "mask": "true", "k": "256"}, example: "depth=8",
		},
		{
			name: "vq2", of: "vq", summary: "two scales: a code for 2×2 patches, then one for what is left of each",
			source: "VQ-VAE-2, arXiv:1906.00446; hierarchical inpainting (Peng et al. 2021); VAR's residual order",
			set:    map[string]string{"scales": "2-1", "k": "256"}, example: "scales=2-1",
		},
		{
			name: "multi-vq", of: "vq", summary: "groups of codebooks at two scales, entropy-constrained",
			source: "McQuic, arXiv:2203.10897; assignment as ECVQ, Chou et al. 1989",
			set:    map[string]string{"groups": "2", "scales": "2-1", "k": "256", "assign": "ecvq", "lambda": "3000"}, example: "lambda=3000",
		},
		{
			name: "simvq", of: "vq", summary: "codewords are a frozen Gaussian basis times one linear map",
			source: "SimVQ, arXiv:2411.02038; map by least squares in place of gradients",
			set:    map[string]string{"words": "linear", "basis": "gaussian"}, example: "k=1024",
		},
		{
			name: "vq-lc", of: "vq", summary: "codewords are cluster centres of photographs times one linear map",
			source: "VQGAN-LC, arXiv:2406.11837; centres of latents in place of CLIP features",
			set:    map[string]string{"words": "linear", "basis": "photos", "k": "4096"}, example: "k=4096",
		},
		{
			name: "vq-ema", of: "vq", summary: "codewords moved by averages over batches, as networks train them",
			source: "van den Oord et al. 2017, appendix A.1",
			set:    map[string]string{"fit": "ema"}, example: "k=1024",
		},
		{
			name: "ctf", of: "vq", summary: "an id is written as a cluster of codewords and a rank in it",
			source: "CTF, coarse-to-fine tokens (abstract only; clustering is ours)",
			set:    map[string]string{"k": "4096", "coarse": "256"}, example: "k=4096,coarse=256",
		},
		{
			name: "vq-kmeans-rate", of: "vq", summary: "a codebook clustered to fewer codewords: several rates from one",
			source: "Extreme compression with fine-tuned VQGAN (abstract only; weights by use are ours)",
			set:    map[string]string{"k": "256", "from": "4096"}, example: "k=256,from=4096",
		},
		{
			name: "vq-degrade", of: "vq", summary: "codewords of damaged patches that stand for clean ones",
			source: "VQD-SR, arXiv:2303.09826; pairs by conditional means are ours",
			set:    map[string]string{"fit": "paired"}, example: "degrade=blur",
		},
		{
			name: "lfq", of: "scalar", summary: "look-up free: the signs of latents are the bits of an id",
			source: "MAGVIT-v2, arXiv:2310.05737; magnitudes by least squares",
			set:    map[string]string{"bits": "1", "scale": "learned", "dim": "16", "pack": "16"}, example: "dim=16",
		},
		{
			name: "bsq", of: "scalar", summary: "binary spherical: signs of the direction of a rotated patch, and its length",
			source: "BSQ, arXiv:2406.07548; the length takes 8 bits, since no network makes up for it",
			set:    map[string]string{"bits": "1", "scale": "gaussian", "per": "row", "rotate": "hadamard"}, example: "dim=32",
		},
		{
			name: "uniform", of: "scalar", summary: "equally spaced values, the step by least squared error",
			source: "AQT, EfficientQAT arXiv:2407.11062, HAWQ",
			set:    map[string]string{}, example: "bits=4",
		},
		{
			name: "statsq", of: "scalar", summary: "the scale is twice the mean magnitude",
			source: "OFQ, arXiv:2302.02210",
			set:    map[string]string{"scale": "statsq"}, example: "bits=4",
		},
		{
			name: "repq", of: "scalar", summary: "channel-wise with both ends searched; folds into one scale without loss",
			source: "RepQ-ViT, arXiv:2212.08254; RepQuant, arXiv:2402.05628",
			set:    map[string]string{"scheme": "asymmetric"}, example: "bits=4",
		},
		{
			name: "tanq", of: "scalar", summary: "values dense near the largest, on a tangent grid",
			source: "DopQ-ViT, arXiv:2408.03291 (abstract only; the grid is ours)",
			set:    map[string]string{"grid": "tan"}, example: "bits=4",
		},
		{
			name: "mosf", of: "scalar", summary: "one scale for all latents: the median of theirs",
			source: "DopQ-ViT, arXiv:2408.03291 (abstract only)",
			set:    map[string]string{"per": "median"}, example: "bits=4",
		},
		{
			name: "noisy", of: "scalar", summary: "one scale; fixed noise before rounding, taken off after",
			source: "NoisyQuant, arXiv:2211.16056",
			set:    map[string]string{"per": "tensor", "noise": "true"}, example: "bits=4",
		},
		{
			name: "hadamard", of: "scalar", summary: "Hadamard rotation, then the best grid for a normal distribution",
			source: "QuEST, arXiv:2502.05003",
			set:    map[string]string{"rotate": "hadamard", "per": "row", "scale": "gaussian", "bits": "2"}, example: "bits=2",
		},
		{
			name: "nuq", of: "scalar", summary: "values where the numbers are; one latent of 128 kept exactly",
			source: "KVQuant, arXiv:2401.18079; one outlier a block, so that its place has a fixed length",
			set:    map[string]string{"grid": "kmeans", "outliers": "128", "bits": "3"}, example: "bits=3,outliers=128",
		},
		{
			name: "ternary-fft", of: "scalar", summary: "latents of large range two bits, the others one in the Fourier domain",
			source: "VidKV, arXiv:2503.16257; real transform, so that numbers are not doubled",
			set:    map[string]string{"allocate": "ranges", "rotate": "fourier", "bits": "1.5"}, example: "bits=1.5",
		},
		{
			name: "mixed", of: "scalar", summary: "bits of each latent by how much error they take",
			source: "HAWQ-V3, arXiv:2011.10680; its integer programme by dynamic programming",
			set:    map[string]string{"allocate": "mixed", "grid": "kmeans", "bits": "2"}, example: "bits=2",
		},
		{
			name: "value-driven", of: "scalar", summary: "bits of each latent by entropy, 8 for one patch of 64",
			source: "QuantMCU (abstract only; the rule is ours)",
			set:    map[string]string{"allocate": "entropy", "scale": "minmax", "fine": "64"}, example: "loss=4,fine=64",
		},
		{
			name: "dyadic", of: "scalar", summary: "scales are whole numbers over powers of two",
			source: "HAWQ-V3, arXiv:2011.10680",
			set:    map[string]string{"dyadic": "31", "bits": "8", "scale": "minmax"}, example: "bits=8,dyadic=31",
		},
		{
			name: "lowrank", of: "scalar", summary: "the latents of largest spread at 16 bits, the rest at few",
			source: "SVDQuant, arXiv:2411.05007",
			set:    map[string]string{"keep": "2", "bits": "2"}, example: "keep=2,bits=2",
		},
	}
}

// rule is the preset as a rule of its own.
func (p preset) rule(r rule) rule {
	r.name, r.summary, r.source = p.name, p.summary, p.source
	r.example = p.name
	if p.example != "" {
		r.example += ":" + p.example
	}
	r.options = slices.Clone(r.options)
	for i, o := range r.options {
		if v, ok := p.set[o.Name]; ok {
			r.options[i].Default = v
		}
	}
	return r
}

// all lists rules and presets.
func all() []rule {
	var out []rule
	for _, r := range rules() {
		out = append(out, r)
		for _, p := range presets() {
			if p.of == r.name {
				out = append(out, p.rule(r))
			}
		}
	}
	return out
}
