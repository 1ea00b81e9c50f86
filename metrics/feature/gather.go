package feature

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/metrics"
)

// Reservoir is how many vectors of a set are kept as they are. Of larger sets, FID and
// CMMD are those of all vectors, by their moments; KID, precision and recall those of
// a sample of this size, drawn by the names of the items and the seed.
const Reservoir = 10_000

// MaxDim bounds the numbers of a vector: covariances take eight bytes for each pair of
// them. The widest extractors that are in use have 4096.
const MaxDim = 8192

// Options of the metrics of this package.
const (
	// OptionKIDSubset is the number of images of a subset of KID, 1000 by definition:
	// another number is another metric.
	OptionKIDSubset = "kid.subset"
	// OptionN is the number of images that both sets must have; no value is made of others.
	OptionN = "feature.n"
	// OptionRecipe names the recipe that the others were taken from, with its digest.
	OptionRecipe = "feature.recipe"
)

// Ids of the metrics of sets.
const (
	idFID       = "fid"
	idKID       = "kid"
	idCMMD      = "cmmd"
	idPrecision = "precision"
	idRecall    = "recall"
	idDensity   = "density"
	idCoverage  = "coverage"
)

// Specs lists the metrics of sets.
func Specs() []metrics.Spec {
	spec := func(id, title, unit string, better metrics.Direction, lo, hi float64, show metrics.Display, margin metrics.Margin, source, short, long string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: 1, Title: title, Unit: unit, Better: better, Min: lo, Max: hi, Scope: metrics.PerSet, Source: source,
			Role: metrics.RoleQuality, Show: show, Margin: margin, Short: short, Long: long,
		}
	}
	inf := metrics.Unbounded(1)
	of := ", of the network that the option feature.model names"
	return []metrics.Spec{
		spec(idFID, "FID", "", metrics.Lower, 0, inf, metrics.Significant(3), metrics.Margin{Relative: .02},
			"Heusel et al. 2017: squared Fréchet distance of normal distributions with the means and sample covariances of the features"+of,
			"distance between distributions of features",
			"Depends on the extractor, the resize, the reference set and the number of images: compare only within one report, and with 2,048 images or more."),
		spec(idKID, "KID", "", metrics.Lower, -inf, inf, metrics.Significant(3), metrics.Margin{Relative: .02},
			"Bińkowski et al. 2018: unbiased squared maximum mean discrepancy with the kernel (x·y/d + 1)³, mean over 100 subsets of 1,000 (option kid.subset)"+of,
			"distance between distributions of features",
			"Unbiased for small sets, unlike FID, and so below 0 now and then; depends on the extractor as much. Of sets above 10,000 images a sample of that size counts."),
		spec(idCMMD, "CMMD", "", metrics.Lower, 0, inf, metrics.Significant(3), metrics.Margin{Relative: .02},
			"Jayasumana et al. 2024 (google-research/cmmd): squared maximum mean discrepancy of unit features, Gaussian kernel with σ 10, times 1,000"+of+", CLIP by convention",
			"distance between distributions of CLIP features",
			"Depends on the extractor; compare only within one report."),
		spec(idPrecision, "Precision", "share", metrics.Higher, 0, 1, metrics.Percent(1), metrics.Margin{Absolute: .01},
			"Kynkäänniemi et al. 2019, improved precision with k = 3"+of,
			"share of reconstructions that look like some of the references",
			"A reconstruction counts where it is as near to a reference as that one's third nearest other reference. Of sets above 10,000 images a sample of that size counts."),
		spec(idRecall, "Recall", "share", metrics.Higher, 0, 1, metrics.Percent(1), metrics.Margin{Absolute: .01},
			"Kynkäänniemi et al. 2019, improved recall with k = 3"+of,
			"share of references that some of the reconstructions look like",
			"As precision, the other way round: what references have and reconstructions leave out."),
		spec(idDensity, "Density", "", metrics.Higher, 0, inf, metrics.Significant(3), metrics.Margin{Absolute: .01},
			"Naeem et al. 2020 (clovaai/generative-evaluation-prdc), k = 5"+of,
			"how densely references lie around a reconstruction, 1 for sets that are alike",
			"Precision that a few references which lie alone cannot raise. Of sets above 10,000 images a sample of that size counts."),
		spec(idCoverage, "Coverage", "share", metrics.Higher, 0, 1, metrics.Percent(1), metrics.Margin{Absolute: .01},
			"Naeem et al. 2020 (clovaai/generative-evaluation-prdc), k = 5"+of,
			"share of references near which there is a reconstruction",
			"A reference counts where a reconstruction is nearer than its fifth nearest other reference. Of sets above 10,000 images a sample of that size counts."),
	}
}

// Encode makes the state of a vector: its numbers as little-endian float32 in base64.
func Encode(features []float32) string {
	b := make([]byte, 0, 4*len(features))
	for _, x := range features {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// Decode reads what Encode wrote.
func Decode(state string) ([]float32, error) {
	b, err := base64.RawStdEncoding.DecodeString(state)
	if err != nil {
		return nil, fmt.Errorf("reading features: %w", err)
	}
	if len(b) == 0 || len(b)%4 != 0 {
		return nil, fmt.Errorf("reading features: %d bytes are no float32 numbers", len(b))
	}
	if n := len(b) / 4; n > MaxDim {
		return nil, fmt.Errorf("reading features: a vector of %d numbers, at most %d are read", n, MaxDim)
	}
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

// A Gathering is one set, in bounded memory: all vectors up to [Reservoir], beyond it
// a sample of them and the moments of all. It is not safe for concurrent use.
type Gathering struct {
	limit int
	seed  uint64
	dim   int
	n     int64
	kept  sample
	names map[string]bool // of the items that are kept
	// Moments of all vectors, and of all vectors at unit length; nil while all are kept.
	all, unit *Moments
	zero      string // an item whose features are all zero and have no direction
}

var _ metrics.Gathering = (*Gathering)(nil)

// Gather returns an empty gathering.
func Gather(seed uint64) *Gathering { return gather(Reservoir, seed) }

func gather(limit int, seed uint64) *Gathering {
	return &Gathering{limit: limit, seed: seed, names: map[string]bool{}}
}

// sample is a heap of vectors, the largest hash on top.
type sample []sampled

type sampled struct {
	hash     uint64
	item     string
	features []float32
}

func (a sampled) compare(b sampled) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.item, b.item))
}

func (s sample) Len() int           { return len(s) }
func (s sample) Less(i, j int) bool { return s[i].compare(s[j]) > 0 }
func (s sample) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *sample) Push(x any)        { *s = append(*s, x.(sampled)) }
func (s *sample) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

// Add implements metrics.Gathering.
func (g *Gathering) Add(item, state string) error {
	f, err := Decode(state)
	if err != nil {
		return fmt.Errorf("%s: %w", item, err)
	}
	return g.AddFeatures(item, f)
}

// AddFeatures takes in the vector of an item and keeps the slice.
func (g *Gathering) AddFeatures(item string, f []float32) error {
	switch {
	case len(f) == 0:
		return fmt.Errorf("adding features of %q: there are none", item)
	case len(f) > MaxDim:
		return fmt.Errorf("adding features of %q: a vector of %d numbers, at most %d are taken", item, len(f), MaxDim)
	case g.dim != 0 && len(f) != g.dim:
		return fmt.Errorf("adding features of %q: %d numbers, the other items have %d", item, len(f), g.dim)
	case g.names[item]:
		return fmt.Errorf("adding features of %q: %w", item, errTwice)
	}
	if i := slices.IndexFunc(f, func(x float32) bool { return x-x != 0 }); i >= 0 {
		return fmt.Errorf("adding features of %q: number %d is %v", item, i, f[i])
	}
	g.dim = len(f)
	if len(g.kept) == g.limit && g.all == nil {
		g.all, g.unit = &Moments{}, &Moments{}
		for _, s := range g.set().rows { // in the order of names
			if err := g.moments(s); err != nil {
				return fmt.Errorf("adding features: %w", err)
			}
		}
	}
	if g.all != nil {
		if err := g.moments(f); err != nil {
			return fmt.Errorf("adding features of %q: %w", item, err)
		}
	}
	if !slices.ContainsFunc(f, func(x float32) bool { return x != 0 }) {
		g.zero = item
	}
	g.n++
	heap.Push(&g.kept, sampled{g.hash(item), item, f})
	g.names[item] = true
	if len(g.kept) > g.limit {
		delete(g.names, heap.Pop(&g.kept).(sampled).item)
	}
	return nil
}

// hash orders items for the sample.
func (g *Gathering) hash(item string) uint64 {
	h := sha256.Sum256([]byte(strconv.FormatUint(g.seed, 10) + "\x00" + item))
	return binary.LittleEndian.Uint64(h[:8])
}

func (g *Gathering) moments(f []float32) error {
	if err := g.all.Add(f); err != nil {
		return err
	}
	length := 0.0
	for _, x := range f {
		length += float64(x) * float64(x)
	}
	u := make([]float32, len(f))
	for i, x := range f {
		u[i] = float32(float64(x) / max(math.Sqrt(length), math.SmallestNonzeroFloat64))
	}
	return g.unit.Add(u)
}

// N is the number of vectors taken in.
func (g *Gathering) N() int64 { return g.n }

// set is what is kept, in the order of names.
func (g *Gathering) set() *Set {
	s := NewSet(Provenance{})
	for _, x := range g.kept {
		s.index[x.item] = len(s.ids)
		s.ids, s.rows = append(s.ids, x.item), append(s.rows, x.features)
	}
	s.dim, s.sorted = g.dim, false
	s.sort()
	return s
}

// Compare returns the values of the wanted metrics of the set got against ref; those
// that cannot be computed have Err.
func Compare(cfg metrics.Config, wanted []string, ref, got *Gathering) ([]metrics.Value, error) {
	if ref.dim != 0 && got.dim != 0 && ref.dim != got.dim {
		return nil, fmt.Errorf("comparing sets of features: vectors of %d and %d numbers", ref.dim, got.dim)
	}
	kid := KIDOptions{Seed: cfg.Seed, Workers: cfg.Workers}
	if s, ok := cfg.Options[OptionKIDSubset]; ok {
		n, err := strconv.Atoi(s)
		if err != nil || n < 2 {
			return nil, fmt.Errorf("%s=%s: want a whole number from 2", OptionKIDSubset, s)
		}
		kid.Size = n
	}
	short := ""
	if asked, ok := cfg.Options[OptionN]; ok {
		n, err := strconv.ParseInt(asked, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s=%s: want a whole number from 1", OptionN, asked)
		}
		if ref.n != n || got.n != n {
			short = fmt.Sprintf("%d references and %d images, the recipe is about %d of each", ref.n, got.n, n)
		}
	}
	a, b := ref.set(), got.set()
	var out []metrics.Value
	for _, spec := range Specs() {
		if !slices.Contains(wanted, spec.ID) {
			continue
		}
		if short != "" {
			out = append(out, metrics.Value{Metric: spec.ID, Err: short})
			continue
		}
		var s Score
		var err error
		switch spec.ID {
		case idFID:
			s, err = fid(ref, got, a, b)
		case idKID:
			s, err = KID(a, b, kid)
		case idCMMD:
			s, err = cmmd(ref, got, a, b)
		case idPrecision:
			s, err = Precision(a, b)
		case idRecall:
			s, err = Recall(a, b)
		case idDensity:
			s, err = Density(a, b)
		case idCoverage:
			s, err = Coverage(a, b)
		}
		v := metrics.Value{Metric: spec.ID, Value: s.Value}
		if err != nil {
			v = metrics.Value{Metric: spec.ID, Err: err.Error()}
		}
		for _, w := range s.Warnings {
			v.Warnings = append(v.Warnings, w.Text())
		}
		out = append(out, v)
	}
	return out, nil
}

func fid(ref, got *Gathering, a, b *Set) (Score, error) {
	if ref.all == nil && got.all == nil {
		return FID(a, b)
	}
	s := Score{Metric: idFID, N: int(got.n), ReferenceN: int(ref.n), Dim: got.dim}
	var err error
	s.Value, err = Frechet(momentsOfAll(ref.all, a), momentsOfAll(got.all, b))
	if err != nil {
		return Score{}, fmt.Errorf("computing fid: %w", err)
	}
	s.Warnings = fidWarnings(s)
	return s, nil
}

func momentsOfAll(all *Moments, kept *Set) *Moments {
	if all != nil {
		return all
	}
	return momentsOf(kept.matrix())
}

// cmmd of sets of which not all vectors are kept. With x·y = t and a = 1/σ², the kernel
// of unit vectors is e^−a·Σ (a·t)ᵏ/k!, and the mean of tᵏ over pairs of two sets is the
// product of the means of their k-th powers (x, xxᵀ, …). The terms up to k = 2 follow
// from moments of all vectors; those beyond are at most 7e-4 of CMMD's scale together,
// and taken from the sample.
func cmmd(ref, got *Gathering, a, b *Set) (Score, error) {
	if ref.all == nil && got.all == nil {
		return CMMD(a, b)
	}
	s := Score{Metric: idCMMD, N: int(got.n), ReferenceN: int(ref.n), Dim: got.dim}
	if zero := cmp.Or(ref.zero, got.zero); zero != "" {
		return Score{}, fmt.Errorf("computing cmmd: the features of %q are all zero and have no direction", zero)
	}
	x, err := unit(a)
	if err == nil {
		var y *mat.Dense
		if y, err = unit(b); err == nil {
			s.Value, err = cmmdOf(ref.unit, got.unit, x, y)
		}
	}
	if err != nil {
		return Score{}, fmt.Errorf("computing cmmd: %w", err)
	}
	return s, nil
}

func cmmdOf(ref, got *Moments, x, y *mat.Dense) (float64, error) {
	if ref == nil {
		ref = momentsOf(mat.DenseCopyOf(x))
	}
	if got == nil {
		got = momentsOf(mat.DenseCopyOf(y))
	}
	mr, mg := ref.Mean(), got.Mean()
	second := 0.0
	d := len(mr)
	for i := range d {
		for j := range d {
			r := ref.m2.At(i, j)/float64(ref.n) + mr[i]*mr[j]
			g := got.m2.At(i, j)/float64(got.n) + mg[i]*mg[j]
			second += (r - g) * (r - g)
		}
	}
	const c = 1. / (cmmdSigma * cmmdSigma)
	rest := meanOf(x, x, tail) + meanOf(y, y, tail) - 2*meanOf(x, y, tail)
	v := cmmdScale * math.Exp(-c) * (c*squaredDistance(mr, mg) + c*c/2*second + rest)
	if !finite(v) {
		return 0, errors.New("the features are not finite")
	}
	return v, nil
}

// tail is Σ (t/σ²)ᵏ/k! from k = 3 on.
func tail(t float64) float64 {
	x := t / (cmmdSigma * cmmdSigma)
	return x * x * x / 6 * (1 + x/4*(1+x/5*(1+x/6))) // to 1e-10 of itself: |x| ≤ .01
}
