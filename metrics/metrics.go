// Package metrics says what a metric is and how one is found by its id.
//
// Its opinion: an id names exactly one definition ("psnr" is RGB, "psnr-y" is
// luma), and a change of definition raises the version, so that two numbers
// under one id and version may be compared and any others may not. Scoring has
// two stages, because most of the work on a reference (its local moments, the
// words a reader finds in it) is the same for every tokenizer: [Metric.Prepare]
// does it once, the [Scorer] it returns is used many times.
//
// Nothing is dropped in silence: a value that must stay out of a mean is still
// returned, with the reason in [Value.Drop] or [Value.Err].
package metrics

import (
	"context"
	"errors"
	"slices"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// A Value is one measured number, or the reason why there is none.
type Value struct {
	Metric   string  // Spec.ID
	Instance string  // Instance.ID for PerInstance metrics, else ""
	Value    float64 // may be ±Inf (PSNR of identical images); kept out of the mean, with a count
	N        float64 // weight; 0 means 1
	// Weightless is a weight of 0, for metrics whose weight is measured: a class that
	// neither the labels nor the reconstruction have.
	Weightless bool
	Drop       string // why this value stays out of the mean ("unreadable"), "" when it counts
	Err        string // the measurement failed; Value means nothing
	Detail     string // what was seen: the text that was read
	// Warnings say why the value deserves less trust, in words; of values of whole sets.
	Warnings []string
}

// Reasons for which a value is kept out of a mean, as they appear in summaries.
const (
	DropUnreadable = "unreadable"  // the reader fails on the untouched original
	DropOutside    = "outside"     // the instance's scale lies outside the suite's bins
	DropIgnored    = "ignored"     // marked as don't-care by the data set
	DropFailed     = "failed"      // the tokenizer or the metric failed on it
	DropInfinite   = "infinite"    // ±Inf: cannot enter a mean
	DropUndefined  = "undefined"   // NaN by definition (WER of an empty reference)
	DropLoad       = "load_failed" // the image could not be read
	DropNotFound   = "not_found"   // nothing was found where something was expected
	DropPoints     = "bad_points"  // the key points make no face: left and right exchanged, far from any face
	DropBox        = "bad_box"     // the box does not hold its key points
	DropCut        = "cut_off"     // too much of it lies beyond the image
)

// Refused reports whether a reason is one for which a metric refuses a label that its data
// set takes for good.
func Refused(reason string) bool {
	return reason == DropPoints || reason == DropBox || reason == DropCut
}

// ErrAgain is wrapped by an error that says nothing about the image: a helper died, a
// device was lost. Values that are missing for it are measured again when the run is
// resumed.
var ErrAgain = errors.New("worth measuring again")

// Reference is what a reconstruction is scored against.
type Reference struct {
	Item      string // Item.ID, for messages and caches
	Image     pix.Image
	Instances []datasets.Instance
	Labels    *datasets.LabelMap // of the size of Image; nil where the item is no mask
}

// A Metric scores reconstructions; it may yield several related values from one
// pass (the words read from a crop give T-ACC, T-NED, CER and WER at once).
// Implementations are safe for concurrent use. A Metric that holds resources
// also implements io.Closer.
type Metric interface {
	// Specs lists what Score yields.
	Specs() []Spec
	// Prepare does the work that concerns the reference alone.
	Prepare(ctx context.Context, ref Reference) (Scorer, error)
}

// A Scorer scores reconstructions of one reference. It is safe for concurrent
// use; got has the size of the reference.
type Scorer interface {
	// Score returns one Value for every spec with scope image and one for every
	// spec × instance that is not Ignore with scope instance. An error means that
	// nothing could be scored; failures of a part are Values with Err set.
	Score(ctx context.Context, got pix.Image) ([]Value, error)
}

// Provenance is implemented by metrics whose values depend on software or models
// outside this repository (an OCR engine, a network): what ran, by name.
type Provenance interface {
	Provenance() map[string]string
}

// A Chooser is a metric of labelled things that scores some kinds of them only: words,
// or faces. One that is none scores every instance.
type Chooser interface {
	// Scores reports whether the metric scores an instance.
	Scores(in datasets.Instance) bool
}

// An Enroller is a metric that must have seen every original before it scores the
// first reconstruction: who of the whole set is most like this face? A run calls
// Enrol once for every item of its data sets, of all shards, perhaps several at once;
// what the metric makes of them must not depend on their order.
type Enroller interface {
	Enrol(ctx context.Context, ref Reference) error
}

// A Pairer is an Enroller that also wants to know which items of a data set are asked
// to be told apart; it is told before the first Enrol.
type Pairer interface {
	EnrolPairs(pairs []datasets.Pair)
}

// A Remarker is an Enroller that has something to say of the originals once it has seen
// all of them: how many people there are, what would mislead.
type Remarker interface {
	Remarks() []Remark
}

// A Remark is a sentence about the originals of a run, for its reports.
type Remark struct {
	Text string `json:"text"`
	// Head marks what belongs at the top of a report, such as the number of people.
	Head bool `json:"head,omitempty"`
}

// A Mapper is a metric that can show where in an image it sees damage.
type Mapper interface {
	// Damage returns one value a pixel, row-major: 0 where nothing is lost, 1 for
	// the worst that is told apart. ok is false where this metric has no map.
	Damage(ref, got pix.Image) (values []float32, ok bool, err error)
}

// An Observation is what a tokenizer emitted for one image besides pixels.
type Observation struct {
	Codes          *tokenizers.Codes // nil for continuous tokenizers
	Bits, FileBits int64             // 0 where there is no bitstream
	Capacity       float64           // bits that a noisy continuous latent can carry; 0 where that is not known
	// Latent is that of a continuous tokenizer, for a [LatentObserver] whose metrics are
	// asked for; nil otherwise.
	Latent *tokenizers.Latent
	W, H   int // of the image the tokenizer was given
	// Frames is how many frames of a film all of this is for; 0 stands for 1. Rate is how
	// many a second has; 0 where it is no film, or not known.
	Frames int
	Rate   float64
}

// An Observer measures tokens. What it sees of one image becomes per-image
// values and a compact state; the states of all images, stored in the run
// directory and added in any order, make the values of the set.
type Observer interface {
	// Specs lists what Observe (scope image) and Accumulator (scope corpus) yield.
	Specs() []Spec
	// Observe returns the values of one image and its state, "" when there is none.
	Observe(o Observation) (values []Value, state string, err error)
	// NewAccumulator returns an empty accumulator.
	NewAccumulator() Accumulator
}

// A LatentObserver looks at the latents of continuous tokenizers, which cost another
// pass of the encoder.
type LatentObserver interface {
	Observer
	// ObservesLatents does nothing; it tells such observers from others.
	ObservesLatents()
}

// An Accumulator gathers the states of many images; the result does not depend
// on their order.
type Accumulator interface {
	// Add takes in the state of one image.
	Add(state string) error
	// Merge takes in another accumulator of the same Observer.
	Merge(other Accumulator) error
	// Result returns the values of everything added; none when nothing was.
	Result() ([]Value, error)
}

// A Warner is an [Accumulator] that sees in a set what a reader must know before any
// number of it: that a codebook has collapsed.
type Warner interface {
	// Warnings says it, one sentence each, without the name of the tokenizer.
	Warnings() []string
}

// An Embedder turns an image into what metrics of sets keep of it, such as the
// features of a network. It is safe for concurrent use. One that holds resources also
// implements io.Closer.
type Embedder interface {
	// Embed returns the state of one image. It depends on that image alone, so the two
	// sets may have other sizes, other names and other counts.
	Embed(ctx context.Context, img pix.Image) (state string, err error)
}

// A Gathering takes in the states of one set. What it keeps is bounded: moments, or a
// sample that depends on the names of the items and on no order.
type Gathering interface {
	// Add takes in the state of one item.
	Add(item, state string) error
}

// Sets are metrics of a set against a set of references (scope [PerSet]): an [Embedder]
// sees every image once, and the stored states of all images make the values without
// it.
type Sets interface {
	// Open makes what embeds images; it may need a model.
	Open(ctx context.Context, cfg Config) (Embedder, error)
	// Gather returns an empty gathering. Of cfg, Options and Seed matter.
	Gather(cfg Config) Gathering
	// Compare returns a value of every metric that is wanted, with Err where there can
	// be none: of the set got against the references ref, both made by Gather.
	Compare(cfg Config, wanted []string, ref, got Gathering) ([]Value, error)
}

// StoredSets are [Sets] whose gatherings can be kept, so that a reference set is embedded
// once.
type StoredSets interface {
	Sets
	// Store writes a gathering.
	Store(g Gathering) ([]byte, error)
	// Restore reads what Store wrote; what was made by another version is an error.
	Restore(b []byte) (Gathering, error)
}

// OpenedSets are metrics of sets, ready to embed.
type OpenedSets struct {
	Specs []Spec
	Sets
	Embedder
}

// A CodeComparer measures how far the codes of an image changed: under damage, or by
// encoding its reconstruction again.
type CodeComparer interface {
	// Specs lists what Compare yields, one value an image each; the first needs no
	// knowledge of codewords.
	Specs() []Spec
	// Compare returns the values of one image. near knows the codewords of the
	// tokenizer; it is nil where there is no such knowledge, and values that need it are
	// absent then.
	Compare(before, after *tokenizers.Codes, near tokenizers.Neighbourer) ([]Value, error)
}

// A Kind is an entry of the registry: what a metric yields, known without
// opening it, and how to open it. Opening may probe libraries and models;
// listing never does. Exactly one of Open, Observer, Codes, Sets, Temporal and Follower is
// set.
type Kind struct {
	Specs    []Spec
	Temporal func(ctx context.Context, cfg Config) (Temporal, error)
	Follower Follower
	Open     func(ctx context.Context, cfg Config) (Metric, error)
	Observer Observer
	Codes    CodeComparer
	Sets     Sets
	// Beside lists metrics that options ask for beside the wanted ones, such as those of a
	// second engine; nil for none.
	Beside func(wanted []string, options map[string]string) ([]string, error)
	// Options is the word before the dot of options that several metrics share: "ocr". Those
	// of one metric begin with its id.
	Options string
	// NeedsModel marks metrics that need a file the user has to bring; "all" leaves
	// them out.
	NeedsModel bool
}

// Config is what opening a metric may depend on.
type Config struct {
	Workers int               // how many goroutines will score at once; pools size themselves by it
	Options map[string]string // of the suite or the command line, "ocr.lang": "eng"
	Seed    uint64            // of everything random
	// Wanted are the ids that are asked for, of all metrics; nil means all. A metric
	// that yields several values need not compute the others.
	Wanted []string
}

// Wants reports whether a metric is asked for.
func (c Config) Wants(id string) bool { return c.Wanted == nil || slices.Contains(c.Wanted, id) }

// Yields reports whether a kind yields any of the metrics.
func (k Kind) Yields(ids []string) bool {
	return slices.ContainsFunc(k.Specs, func(s Spec) bool { return slices.Contains(ids, s.ID) })
}

// Find returns the spec of a metric among kinds.
func Find(kinds []Kind, id string) (Spec, bool) {
	for _, k := range kinds {
		for _, s := range k.Specs {
			if s.ID == id {
				return s, true
			}
		}
	}
	return Spec{}, false
}

// Fill returns specs of which those that state too little, as in files of older
// versions, say what a metric of the same id and version does among kinds.
func Fill(specs []Spec, kinds []Kind) []Spec {
	out := slices.Clone(specs)
	for i, s := range out {
		if known, ok := Find(kinds, s.ID); ok && known.Version == s.Version && s.Show == (Display{}) {
			out[i] = known
		}
	}
	return out
}

// Func adapts a plain function of two images to a Metric of one value an image.
func Func(spec Spec, f func(ref, got pix.Image) (float64, error)) Metric {
	return funcMetric{spec: spec, f: f}
}

type funcMetric struct {
	spec Spec
	f    func(ref, got pix.Image) (float64, error)
}

func (m funcMetric) Specs() []Spec { return []Spec{m.spec} }

func (m funcMetric) Prepare(_ context.Context, ref Reference) (Scorer, error) {
	return ScorerFunc(func(_ context.Context, got pix.Image) ([]Value, error) {
		v, err := m.f(ref.Image, got)
		if err != nil {
			return nil, err
		}
		return []Value{{Metric: m.spec.ID, Value: v}}, nil
	}), nil
}

// ScorerFunc is a function that is a Scorer.
type ScorerFunc func(ctx context.Context, got pix.Image) ([]Value, error)

// Score calls f.
func (f ScorerFunc) Score(ctx context.Context, got pix.Image) ([]Value, error) { return f(ctx, got) }

// Static adapts a metric that needs no opening to a Kind.
func Static(m Metric) Kind {
	return Kind{Specs: m.Specs(), Open: func(context.Context, Config) (Metric, error) { return m, nil }}
}
