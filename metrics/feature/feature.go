// Package feature measures how far a set of reconstructions is from a set of
// references in the space of some network's features: FID, KID, CMMD, precision and
// recall.
//
// Its opinion: such a number means nothing without what it was made of. Which
// network, which layer, how images were resized, which reference set and how many
// images there were are part of every [Score], and sets of different extraction
// refuse to be compared. All arithmetic is float64. A [Set] holds features by the
// id of their item, in the order of ids: sets that were gathered in any order, on
// any number of machines, give the same number to the last bit.
//
// Small sets bias FID upwards, by more than most tokenizers differ, so it carries
// a warning below 2,048 images or where its covariance is singular. The paired
// difference of two tokenizers on the same images ([PairedDifference]) is sounder:
// most of the bias cancels. For a few hundred images, prefer CMMD or KID.
//
// The network itself is somebody else's: an [Extractor].
package feature

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/vtbench/vtbench/pix"
)

// Provenance says where features come from. Two sets can be compared only if
// all of it but Reference is equal.
type Provenance struct {
	Extractor string `json:"extractor"`         // "inception-v3-fid", "clip-vit-l-14-336"
	Weights   string `json:"weights,omitempty"` // hex SHA-256 of the network's file
	Layer     string `json:"layer,omitempty"`   // "pool3"
	Resize    string `json:"resize"`            // "bicubic antialias 299", "none"
	Engine    string `json:"engine,omitempty"`  // what ran the network: "ONNX Runtime 1.27.0"
	// Reference names the set the features belong to ("coco-val-2017"); for
	// reconstructions, the set they reconstruct.
	Reference string `json:"reference"`
}

// comparable names what keeps two sets of features from being compared.
func (p Provenance) comparable(o Provenance) error {
	for _, f := range []struct{ name, a, b string }{
		{"extractor", p.Extractor, o.Extractor},
		{"weights", p.Weights, o.Weights},
		{"layer", p.Layer, o.Layer},
		{"resize", p.Resize, o.Resize},
		{"engine", p.Engine, o.Engine},
	} {
		if f.a != f.b {
			return fmt.Errorf("features are not comparable: %s is %q in one set and %q in the other", f.name, f.a, f.b)
		}
	}
	return nil
}

// An Extractor turns images into feature vectors, one each, all of one length.
type Extractor interface {
	Provenance() Provenance
	Features(ctx context.Context, in []pix.Image) ([][]float32, error)
}

// A Set is the feature vectors of a set of images by item id. It is not safe for
// concurrent use.
type Set struct {
	Provenance Provenance
	dim        int
	index      map[string]int // position in ids
	ids        []string
	rows       [][]float32
	sorted     bool
}

// NewSet returns an empty set.
func NewSet(p Provenance) *Set { return &Set{Provenance: p, index: map[string]int{}, sorted: true} }

// Add puts the features of one item into the set, which keeps the slice.
func (s *Set) Add(id string, features []float32) error {
	switch {
	case len(features) == 0:
		return fmt.Errorf("adding features of %q: there are none", id)
	case s.dim != 0 && len(features) != s.dim:
		return fmt.Errorf("adding features of %q: %d numbers, the other items have %d", id, len(features), s.dim)
	}
	if i := slices.IndexFunc(features, func(x float32) bool { return x-x != 0 }); i >= 0 {
		return fmt.Errorf("adding features of %q: number %d is %v", id, i, features[i])
	}
	if _, twice := s.index[id]; twice {
		return fmt.Errorf("adding features of %q: %w", id, errTwice)
	}
	s.dim = len(features)
	if n := len(s.ids); n > 0 && s.ids[n-1] > id {
		s.sorted = false
	}
	s.index[id] = len(s.ids)
	s.ids = append(s.ids, id)
	s.rows = append(s.rows, features)
	return nil
}

var errTwice = errors.New("the set has this item already")

// Merge takes in another set of the same extraction; no item may be in both. On
// an error nothing was taken in.
func (s *Set) Merge(o *Set) error {
	if err := s.Provenance.comparable(o.Provenance); err != nil {
		return fmt.Errorf("merging: %w", err)
	}
	if s.Provenance.Reference != o.Provenance.Reference {
		return fmt.Errorf("merging: the features are of %q and %q", s.Provenance.Reference, o.Provenance.Reference)
	}
	if s.dim != 0 && o.dim != 0 && s.dim != o.dim {
		return fmt.Errorf("merging: vectors of %d and %d numbers", s.dim, o.dim)
	}
	for _, id := range o.ids {
		if _, twice := s.index[id]; twice {
			return fmt.Errorf("merging features of %q: %w", id, errTwice)
		}
	}
	for i, id := range o.ids {
		if err := s.Add(id, o.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Len is the number of items.
func (s *Set) Len() int { return len(s.ids) }

// Dim is the length of the vectors, 0 while there are none.
func (s *Set) Dim() int { return s.dim }

// IDs returns the ids in ascending order, the order of everything computed.
func (s *Set) IDs() []string {
	s.sort()
	return slices.Clone(s.ids)
}

// Features returns the vector of an item.
func (s *Set) Features(id string) ([]float32, bool) {
	i, ok := s.index[id]
	if !ok {
		return nil, false
	}
	return s.rows[i], true
}

func (s *Set) sort() {
	if s.sorted {
		return
	}
	order := make([]int, len(s.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.ids[a], s.ids[b]) })
	ids, rows := make([]string, len(order)), make([][]float32, len(order))
	for i, k := range order {
		ids[i], rows[i] = s.ids[k], s.rows[k]
		s.index[ids[i]] = i
	}
	s.ids, s.rows, s.sorted = ids, rows, true
}

// matrix returns the vectors as rows, in the order of ids.
func (s *Set) matrix() *mat.Dense {
	s.sort()
	m := mat.NewDense(len(s.ids), s.dim, nil)
	for i, row := range s.rows {
		out := m.RawRowView(i)
		for j, x := range row {
			out[j] = float64(x)
		}
	}
	return m
}

// A Warning says why a score deserves less trust.
type Warning string

// The warnings there are.
const (
	// WarnFewSamples: FID of fewer than [EnoughForFID] images; it is biased upwards
	// and comparable with that of equally many images only.
	WarnFewSamples Warning = "few_samples"
	// WarnSingular: there are not more images than features, so that the covariance
	// of a set is singular.
	WarnSingular Warning = "singular_covariance"
	// WarnReference: the two sets name different reference sets.
	WarnReference Warning = "other_reference"
)

// Text words a warning.
func (w Warning) Text() string {
	switch w {
	case WarnFewSamples:
		return fmt.Sprintf("fewer than %d images: it is biased upwards, and comparable with that of equally many images only", EnoughForFID)
	case WarnSingular:
		return "not more images than features: the covariance of a set is singular"
	case WarnReference:
		return "the two sets name different reference sets"
	}
	return string(w)
}

// EnoughForFID is the number of images below which FID carries [WarnFewSamples]:
// the 2,048 features of Inception v3. Published figures use 10,000 to 50,000.
const EnoughForFID = 2048

// A Score is a distance between two sets with what it was made of.
type Score struct {
	Metric     string     `json:"metric"` // "fid", "kid", "cmmd"
	Value      float64    `json:"value"`
	Spread     float64    `json:"spread,omitempty"` // KID: standard deviation over subsets
	N          int        `json:"n"`
	ReferenceN int        `json:"reference_n"`
	Dim        int        `json:"dim"`
	Provenance Provenance `json:"provenance"`
	Warnings   []Warning  `json:"warnings,omitempty"`
}

func newScore(metric string, ref, got *Set, least int) (Score, error) {
	if err := checkPair(ref, got, least); err != nil {
		return Score{}, fmt.Errorf("computing %s: %w", metric, err)
	}
	s := Score{Metric: metric, N: got.Len(), ReferenceN: ref.Len(), Dim: ref.dim, Provenance: got.Provenance}
	s.Provenance.Reference = ref.Provenance.Reference
	if ref.Provenance.Reference != got.Provenance.Reference {
		s.Warnings = append(s.Warnings, WarnReference)
	}
	return s, nil
}

func checkPair(ref, got *Set, least int) error {
	if err := ref.Provenance.comparable(got.Provenance); err != nil {
		return err
	}
	if ref.Len() < least || got.Len() < least {
		return fmt.Errorf("%d references and %d reconstructions, at least %d of each are needed", ref.Len(), got.Len(), least)
	}
	if ref.dim != got.dim {
		return fmt.Errorf("vectors of %d and %d numbers", ref.dim, got.dim)
	}
	return nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
