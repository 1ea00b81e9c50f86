package quant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/tokenizers"
)

// Vector quantization: a latent becomes the nearest of K codewords (squared
// Euclidean distance), the rule of VQ-VAE (van den Oord et al. 2017) with the
// encoder and decoder linear. What later systems added are options that combine:
// several codebooks one behind the other, side by side on groups of latents, or
// on means of neighbouring patches; other ways to fit, to assign and to make the
// codewords. Their names are presets (presets.go).
func vqRule() rule {
	return rule{
		name:    "vq",
		group:   groupVector,
		summary: "patches to codewords (PCA latents); codebooks in a row, in groups, at several scales",
		source:  "van den Oord et al. 2017, arXiv:1711.00937",
		example: "vq:patch=8,k=1024",
		options: []tokenizers.Option{
			patchOption(8),
			{
				Name: "k", Default: "1024", Help: "codewords of each codebook; several joined by - are one for each scale and depth in turn",
				Check: func(v string) error { _, err := parseNumbers(v, 2, maxWords); return err },
			},
			dimOption("PCA latents a codeword has; 0: as many as were fitted"),
			tokenizers.IntOption("groups", 1, 1, 64, "codebooks side by side, each for some of the latents"),
			tokenizers.ChoiceOption("split", "how latents are dealt to groups: equal products of variances, in turn, or in blocks", "eigenvalue", "interleaved", "contiguous"),
			tokenizers.IntOption("depth", 1, 1, 64, "codebooks one behind the other, each for what those before left over"),
			{
				Name: "scales", Default: "1", Help: "sides of the cells that are coded, in patches, coarse to fine, joined by -: 2-1 codes the mean of 2×2 patches, then what is left of each",
				Check: checkScales,
			},
			tokenizers.BoolOption("mask", false, "the first three codebooks see a third of the latents each"),
			tokenizers.IntOption("beam", 1, 1, 64, "partial sums kept while searching several codebooks"),
			tokenizers.ChoiceOption("assign", "nearest codeword, or least distance + lambda·bits of its id", "nearest", "ecvq"),
			tokenizers.FloatOption("lambda", 3000, 1e-3, 1e9, "price of a bit in squared grey values, for assign=ecvq"),
			tokenizers.ChoiceOption("fit", "how codewords are found: k-means, moving averages as VQ-VAE trains, or pairs of damaged and clean patches", "kmeans", "ema", "paired"),
			tokenizers.FloatOption("revive", 0, 0, 1e6, "fit=ema: a codeword used less often than this by a batch is drawn anew; 0: never"),
			tokenizers.ChoiceOption("degrade", "fit=paired: the damage", "blur", "jpeg"),
			tokenizers.ChoiceOption("words", "codewords of their own, or a frozen basis times one fitted linear map", "free", "linear"),
			tokenizers.ChoiceOption("basis", "words=linear: the basis", "gaussian", "samples", "photos"),
			tokenizers.IntOption("rank", 0, 0, 256, "words=linear: numbers of a basis vector; 0: as many as latents, 8 for photos"),
			tokenizers.IntOption("from", 0, 0, maxWords, "cluster the codebook of this many codewords to k; 0: k were fitted"),
			tokenizers.IntOption("coarse", 0, 0, 1<<16, "write an id as its cluster of this many and its rank in it; 0: as one number"),
			tokenizers.IntOption("topk", 1, 1, 64, "choose an id at random among those of this many nearest codewords"),
			tokenizers.ChoiceOption("repair", "how lost ids are guessed: nearest to the mean of those around, or most probable beside them", "neighbours", "markov"),
			tokenizers.ChoiceOption("norm", "l2: compare directions only; an id stands for the mean of what falls to it", "none", "l2"),
			fileOption(),
		},
		stem:   vqStem,
		open:   openVQ,
		extend: withBigram,
		fit:    fitVQ,
		refuse: refuseVQ,
	}
}

const maxWords = 1 << 20

// parseNumbers reads whole numbers from lo to hi joined by -.
func parseNumbers(text string, lo, hi int) ([]int, error) {
	var out []int
	for field := range strings.SplitSeq(text, "-") {
		n, err := strconv.Atoi(field)
		if err != nil || n < lo || n > hi {
			return nil, fmt.Errorf("want whole numbers from %d to %d joined by -; %q is none", lo, hi, field)
		}
		out = append(out, n)
	}
	if len(out) > 64 {
		return nil, fmt.Errorf("%d numbers are more than 64", len(out))
	}
	return out, nil
}

func checkScales(v string) error {
	scales, err := parseNumbers(v, 1, 64)
	if err != nil {
		return err
	}
	for i, s := range scales {
		if i > 0 && s >= scales[i-1] {
			return fmt.Errorf("scales go from coarse to fine, as in %s", joinNumbers(slices.Compact(sortedDown(scales))))
		}
	}
	if last := scales[len(scales)-1]; last != 1 {
		return fmt.Errorf("the last scale is 1, so that every patch is coded: %s-1", v)
	}
	return nil
}

func sortedDown(n []int) []int {
	out := slices.Clone(n)
	slices.SortFunc(out, func(a, b int) int { return b - a })
	return out
}

func joinNumbers(n []int) string {
	parts := make([]string, len(n))
	for i, v := range n {
		parts[i] = strconv.Itoa(v)
	}
	return strings.Join(parts, "-")
}

// numbers are those of an option that was checked when the spec was resolved.
func numbers(o tokenizers.Options, name string) []int {
	out, _ := parseNumbers(o[name], 0, math.MaxInt32)
	return out
}

// refuseVQ says what of the options cannot go together, and what would.
func refuseVQ(o tokenizers.Options) error {
	k, scales, depth, groups := numbers(o, "k"), numbers(o, "scales"), o.Int("depth"), o.Int("groups")
	levels := len(scales) * depth
	single := levels*groups == 1 && len(k) == 1
	switch dim := defaultDim(o); {
	case o["file"] == "" && groups > dim:
		return fmt.Errorf("groups=%d of %d latents: groups=%d is the most", groups, dim, dim)
	case len(k) > 1 && len(k) != levels:
		return fmt.Errorf("k=%s: %d sizes for %d codebooks in a row: give one for all (k=%d) or %d", o["k"], len(k), levels, k[0], levels)
	case o.Bool("mask") && groups > 1:
		return errors.New("mask=true splits the latents itself: use groups=1")
	case o.Int("beam") > 1 && len(scales) > 1:
		return errors.New("beam searches codebooks of one scale: use beam=1, or scales=1")
	case o.Int("beam") > 1 && o["norm"] != "none":
		return errors.New("beam compares squared errors, norm=l2 does not: use beam=1")
	case o.Int("from") > 0 && !single, o.Int("coarse") > 0 && !single:
		return errors.New("from and coarse recode one codebook: use groups=1, depth=1, scales=1")
	case o.Int("from") > 0 && k[0] >= o.Int("from"):
		return fmt.Errorf("k=%d clusters of %d codewords: k=%d is the most", k[0], o.Int("from"), o.Int("from")-1)
	case o.Int("coarse") > 0 && o.Int("coarse") >= k[0]:
		return fmt.Errorf("coarse=%d clusters of %d codewords: coarse=%d is the most", o.Int("coarse"), k[0], k[0]-1)
	case o.Int("topk") > 1 && (!single || o.Int("coarse") > 0):
		return errors.New("topk chooses among the codewords of one codebook: use groups=1, depth=1, scales=1 and coarse=0, or topk=1")
	case o.Int("topk") > k[0]:
		return fmt.Errorf("topk=%d of %d codewords: topk=%d is the most", o.Int("topk"), k[0], k[0])
	case o["repair"] == "markov" && (!single || o.Int("coarse") > 0):
		return errors.New("repair=markov knows the neighbours of one codebook: use groups=1, depth=1, scales=1 and coarse=0, or repair=neighbours")
	case o["fit"] == "paired" && !single:
		return errors.New("fit=paired is for one codebook: use groups=1, depth=1, scales=1")
	case o["fit"] != "kmeans" && o["words"] != "free":
		return fmt.Errorf("fit=%s moves codewords freely: use words=free, or fit=kmeans", o["fit"])
	case o["assign"] == "ecvq" && (o["fit"] != "kmeans" || o["words"] != "free" || o["norm"] != "none"):
		return errors.New("assign=ecvq refits codewords and frequencies: use fit=kmeans, words=free and norm=none")
	case o["norm"] == "l2" && (o["fit"] != "kmeans" || o["words"] != "free"):
		return errors.New("norm=l2 is fitted by k-means of directions: use fit=kmeans and words=free")
	case o["words"] == "linear" && levels*groups > 1:
		return errors.New("words=linear is for one codebook: use groups=1, depth=1, scales=1")
	}
	return nil
}

// vqStem names the artefact: what of the options makes a difference to the fit.
func vqStem(o tokenizers.Options) string {
	k := o["k"]
	if from := o.Int("from"); from > 0 {
		k = strconv.Itoa(from)
	}
	s := fmt.Sprintf("vq-p%s-k%s", o["patch"], k)
	add := func(name, plain string) {
		if v := o[name]; v != plain {
			s += "-" + name + v
		}
	}
	if o.Int("groups") > 1 {
		add("groups", "")
		add("split", "eigenvalue")
	}
	if o.Bool("mask") {
		s += "-mask"
		add("split", "eigenvalue")
	}
	add("scales", "1")
	if o["assign"] == "ecvq" {
		add("lambda", "0")
	}
	if o["fit"] != "kmeans" {
		s += "-" + o["fit"]
		if o["fit"] == "paired" {
			s += "-" + o["degrade"]
		} else {
			add("revive", "0")
		}
	}
	if o["words"] == "linear" {
		s += "-" + o["basis"]
		add("rank", "0")
	}
	if o["norm"] != "none" {
		s += "-" + o["norm"]
	}
	// Last, since a deeper one holds the shallower ones.
	add("depth", "1")
	return s
}

// A Layout says how one codebook of an artefact is used.
type Layout struct {
	Pool      int     `json:"pool"`           // side in patches of what gets one id
	Level     int     `json:"level"`          // how many codebooks come before it within its scale and group
	Dims      []int   `json:"dims,omitempty"` // the latents it sees; absent: all
	Normalise bool    `json:"normalise,omitempty"`
	Lambda    float64 `json:"lambda,omitempty"` // price of a bit while assigning
	Basis     string  `json:"basis,omitempty"`  // codewords are a basis times a map
	Seed      uint64  `json:"seed,omitempty"`   // of a Gaussian basis
	Rank      int     `json:"rank,omitempty"`   // numbers of a basis vector
	Size      int     `json:"size"`             // codewords
}

// layouts says which codebooks the options ask for, coarse to fine. spread is the
// standard deviation of every latent.
func layouts(o tokenizers.Options, spread []float64) ([]Layout, error) {
	dim := len(spread)
	groups, depth, k := o.Int("groups"), o.Int("depth"), numbers(o, "k")
	if groups > dim {
		return nil, fmt.Errorf("groups=%d of %d latents: groups=%d is the most", groups, dim, dim)
	}
	if o.Bool("mask") && dim < 3 {
		return nil, fmt.Errorf("mask=true needs three latents at least, there are %d: use mask=false", dim)
	}
	sides := [][]int{nil}
	if groups > 1 {
		sides = deal(spread, groups, o["split"])
	}
	var thirds [][]int
	if o.Bool("mask") {
		thirds = deal(spread, 3, o["split"])
	}
	var out []Layout
	level := 0
	for _, pool := range numbers(o, "scales") {
		for d := range depth {
			size := k[0]
			if len(k) > 1 {
				size = k[level]
			}
			level++
			for _, dims := range sides {
				l := Layout{Pool: pool, Level: d, Dims: dims, Size: size, Normalise: o["norm"] == "l2"}
				if d < len(thirds) {
					l.Dims = thirds[d]
				}
				if o["assign"] == "ecvq" {
					l.Lambda = o.Float("lambda")
				}
				if o["words"] == "linear" {
					l.Basis, l.Rank = o["basis"], o.Int("rank")
					if l.Rank == 0 && l.Basis == "photos" {
						l.Rank = min(8, dim)
					} else if l.Rank == 0 {
						l.Rank = dim
					}
				}
				out = append(out, l)
			}
		}
	}
	return out, nil
}

// deal splits latents into groups. By eigenvalues, every group gets about the same
// product of variances: latents by falling variance go to the group that has the
// least so far (the eigenvalue allocation of optimised product quantization, Ge et
// al. 2013).
func deal(spread []float64, groups int, split string) [][]int {
	out := make([][]int, groups)
	dim := len(spread)
	switch split {
	case "interleaved":
		for d := range dim {
			out[d%groups] = append(out[d%groups], d)
		}
	case "contiguous":
		for d := range dim {
			g := d * groups / dim
			out[g] = append(out[g], d)
		}
	default:
		order := make([]int, dim)
		for d := range order {
			order[d] = d
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case spread[a] > spread[b]:
				return -1
			case spread[a] < spread[b]:
				return 1
			}
			return 0
		})
		// Logarithms against the smallest spread, so that all are positive and a
		// latent more is never less.
		least := max(spread[order[dim-1]], 1e-6)
		sums := make([]float64, groups)
		for i, d := range order {
			to := 0
			for g := range sums {
				if len(out[g]) == 0 && len(out[to]) > 0 || (len(out[g]) == 0) == (len(out[to]) == 0) && sums[g] < sums[to] {
					to = g
				}
			}
			// Nobody goes empty.
			if rest := dim - i; rest <= groups {
				for g := range out {
					if len(out[g]) == 0 {
						to = g
						break
					}
				}
			}
			out[to] = append(out[to], d)
			sums[to] += 2*math.Log(max(spread[d], 1e-6)/least) + 1e-3
		}
		for _, g := range out {
			slices.Sort(g)
		}
	}
	return out
}

// openVQ makes the quantizer of an artefact.
func openVQ(a *Artefact, t *Transform, o tokenizers.Options) (Quantizer, error) {
	return openStages(a, t.Dim, o)
}

// openStages makes it for the first dim latents.
func openStages(a *Artefact, dim int, o tokenizers.Options) (Quantizer, error) {
	if len(a.Stages) == 0 {
		return nil, errors.New("the artefact has no codebooks: fit it again")
	}
	q := &staged{dim: dim, beam: o.Int("beam"), topk: o.Int("topk")}
	depth, deepest := o.Int("depth"), 0
	for i, l := range a.Stages {
		deepest = max(deepest, l.Level+1)
		if l.Level >= depth {
			continue
		}
		s, err := openStage(a, dim, i)
		if err != nil {
			return nil, fmt.Errorf("codebook %d: %w", i, err)
		}
		if len(s.dims) > 0 {
			q.stages = append(q.stages, s)
		}
	}
	if depth > deepest {
		return nil, fmt.Errorf("depth=%d: %d codebooks in a row were fitted: depth=%d is the most", depth, deepest, deepest)
	}
	if depth < deepest && a.Stages[0].Pool > 1 {
		return nil, fmt.Errorf("depth=%d: the finer scale was fitted to what depth=%d leaves over", depth, deepest)
	}
	if o.Int("from") > 0 {
		if err := cluster(&q.stages[0], numbers(o, "k")[0]); err != nil {
			return nil, err
		}
	}
	if c := o.Int("coarse"); c > 0 {
		return newRecoded(q, c)
	}
	return q, nil
}

// openStage reads one codebook for the first dim latents.
func openStage(a *Artefact, dim, i int) (stage, error) {
	l := a.Stages[i]
	if l.Pool < 1 || l.Pool > 64 || l.Size < 2 || l.Size > maxWords || l.Level < 0 {
		return stage{}, fmt.Errorf("a layout of %d codewords for cells of %d×%d patches is not possible", l.Size, l.Pool, l.Pool)
	}
	all := l.Dims
	if all == nil {
		all = upTo(a.Dim)
	}
	for j, d := range all {
		if d < 0 || d >= a.Dim || j > 0 && d <= all[j-1] {
			return stage{}, fmt.Errorf("latents %v are not an ascending choice of %d", all, a.Dim)
		}
	}
	words, err := l.read(a, i, len(all))
	if err != nil {
		return stage{}, err
	}
	var out []float32
	if name := tensorName(i, "out"); a.Has(name) {
		if out, err = a.Tensor(name, l.Size, len(all)); err != nil {
			return stage{}, err
		}
	}
	var bits []float64
	if name := tensorName(i, "bits"); a.Has(name) {
		raw, err := a.Tensor(name, l.Size)
		if err != nil {
			return stage{}, err
		}
		for _, b := range raw {
			if b < 0 || b > 64 {
				return stage{}, fmt.Errorf("an id of %v bits is not possible", b)
			}
			bits = append(bits, float64(b))
		}
	}
	keep := 0 // ascending, so that what is kept is a beginning
	for keep < len(all) && all[keep] < dim {
		keep++
	}
	return makeStage(l, all[:keep], len(all), words, out, bits)
}

// makeStage puts a codebook together, of the first of stride columns.
func makeStage(l Layout, dims []int, stride int, words, out []float32, bits []float64) (stage, error) {
	s := stage{pool: l.Pool, dims: dims, normalise: l.Normalise, penalty: l.Lambda > 0, bits: bits}
	n := len(dims)
	if n == 0 {
		return s, nil
	}
	if s.penalty && bits == nil {
		return stage{}, errors.New("a price of bits and no frequencies")
	}
	if s.penalty {
		// A codeword farther away in one coordinate more: its distance then is the
		// squared error plus lambda times the bits of its id, and the exact search
		// serves. Where the codewords are and what ids stand for stay the same.
		wide := make([]float32, 0, l.Size*(n+1))
		for i := range l.Size {
			wide = append(wide, words[i*stride:][:n]...)
			wide = append(wide, float32(math.Sqrt(l.Lambda*bits[i])))
		}
		words, stride = wide, n+1
		n++
	}
	var err error
	if s.book, err = NewCodebook(words, stride, n); err != nil {
		return stage{}, err
	}
	if out != nil {
		full := len(out) / l.Size
		s.out = make([]float32, 0, l.Size*len(dims))
		for i := range l.Size {
			s.out = append(s.out, out[i*full:][:len(dims)]...)
		}
	}
	return s, nil
}

func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func tensorName(i int, what string) string { return fmt.Sprintf("%d.%s", i, what) }

// read returns the codewords of stage i, n numbers each.
func (l Layout) read(a *Artefact, i, n int) ([]float32, error) {
	if l.Basis == "" {
		return a.Tensor(tensorName(i, "words"), l.Size, n)
	}
	linear, err := a.Tensor(tensorName(i, "map"), l.Rank, n)
	if err != nil {
		return nil, err
	}
	var basis []float32
	if l.Basis == "gaussian" {
		basis = gaussianBasis(l.Size, l.Rank, l.Seed)
	} else if basis, err = a.Tensor(tensorName(i, "basis"), l.Size, l.Rank); err != nil {
		return nil, err
	}
	words := make([]float32, l.Size*n)
	multiply(words, basis, linear, l.Size, n, l.Rank)
	return words, nil
}
