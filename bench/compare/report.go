package compare

import (
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
)

// ReportVersion is the version of the JSON of a [Report]; it rises when a field
// changes its meaning.
const ReportVersion = 1

// Verdict is what a row says in words.
type Verdict string

// The verdicts there are.
const (
	Better       Verdict = "better"
	Worse        Verdict = "worse"
	Changed      Verdict = "changed" // of metrics without a better end
	NoDifference Verdict = "no difference shown"
	Equivalent   Verdict = "equivalent"
	NotCompared  Verdict = "not compared"
)

// Report is the outcome of a comparison.
type Report struct {
	Schema     int         `json:"schema"`
	Program    string      `json:"program,omitempty"`
	Method     Method      `json:"method"`
	Sides      []SideInfo  `json:"sides"` // baselines, then the candidate
	Skews      []Skew      `json:"skews,omitempty"`
	Warnings   []string    `json:"warnings,omitempty"`
	Pairs      []Pair      `json:"pairs"`
	Unpaired   []Unpaired  `json:"unpaired,omitempty"`
	Tallies    []Tally     `json:"tallies"`
	Controls   []Control   `json:"controls,omitempty"`
	Rows       []Row       `json:"rows"`
	Fronts     []Front     `json:"fronts,omitempty"`
	Curves     []Curve     `json:"curves,omitempty"`
	Gates      *GateResult `json:"gates,omitempty"`
	WorstCases []WorstCase `json:"worst_cases,omitempty"`
	// Credits are those of the works of others that pictures of the candidate show.
	Credits []datasets.Credit `json:"credits,omitempty"`
}

// Samples are what is drawn for intervals: "images"; "clips" of films.
func (r *Report) Samples() string {
	images, clips := false, false
	for _, s := range r.Sides {
		for _, d := range s.Datasets {
			images, clips = images || d.Clips == 0, clips || d.Clips > 0
		}
	}
	switch {
	case images && clips:
		return "images or clips"
	case clips:
		return "clips"
	}
	return "images"
}

// Method says how the numbers were made.
type Method struct {
	Alpha     float64 `json:"alpha"`
	Level     float64 `json:"level"`
	Test      string  `json:"test"`
	Resamples int     `json:"resamples"`
	Seed      uint64  `json:"seed"`
	Power     float64 `json:"power"`
	Headline  int     `json:"headline_rows"` // that Holm corrected for
	Grid      int     `json:"grid_rows"`     // that Benjamini–Hochberg corrected for
}

// SideInfo says what stood on one side.
type SideInfo struct {
	Role      string      `json:"role"` // "baseline" or "candidate"
	Name      string      `json:"name"`
	Source    Source      `json:"source"`
	Origin    string      `json:"origin,omitempty"`
	Suite     SuiteID     `json:"suite"`
	Datasets  []DatasetID `json:"datasets"`
	Tokens    []TokenID   `json:"tokenizers"`
	Made      string      `json:"made,omitempty"`
	Program   string      `json:"program,omitempty"`
	Partial   bool        `json:"partial,omitempty"`
	Failures  int         `json:"failures"`
	FirstFail string      `json:"first_failure,omitempty"`
}

// A Pair is two tokenizers that were compared.
type Pair struct {
	Label         string `json:"label"`
	Baseline      string `json:"baseline"` // side and tokenizer: "runs/main#vq"
	Candidate     string `json:"candidate"`
	BaselineToken string `json:"baseline_tokenizer"`
	Token         string `json:"tokenizer"`
	SideIndex     int    `json:"side"` // of the baseline, into Sides
}

// Unpaired is a tokenizer that one side lacks.
type Unpaired struct {
	Side      string `json:"side"` // where it is: "baseline" or "candidate"
	Name      string `json:"name"` // of that side
	Tokenizer string `json:"tokenizer"`
}

// A Tally counts what went into the rows of one metric of a pair, and what did not.
type Tally struct {
	Pair      int    `json:"pair"`
	Dataset   string `json:"dataset"`
	Condition string `json:"condition"`
	Metric    string `json:"metric"`
	Paired    int    `json:"paired"`
	Missing   int    `json:"missing,omitempty"` // only the baseline has a record
	New       int    `json:"new,omitempty"`     // only the candidate has one
	// Failed counts values that one side measured and the other failed to.
	FailedCandidate int `json:"failed_candidate,omitempty"`
	FailedBaseline  int `json:"failed_baseline,omitempty"`
	FailedBoth      int `json:"failed_both,omitempty"`
	// Infinite counts values that are infinite on one side only, such as the PSNR of
	// an exact reconstruction: nothing can be subtracted from them, but nothing is
	// lost either.
	Infinite int `json:"infinite,omitempty"`
	// Dropped counts values kept out of one side for other reasons.
	DroppedCandidate int `json:"dropped_candidate,omitempty"`
	DroppedBaseline  int `json:"dropped_baseline,omitempty"`
	DroppedBoth      int `json:"dropped_both,omitempty"`
	Moved            int `json:"moved,omitempty"` // in another scale bin or of another weight
	// Examples name some of the items behind Missing and the failures.
	Examples []string `json:"examples,omitempty"`
}

// Lost is how many values one side has and the other lacks.
func (t Tally) Lost() int {
	return t.Missing + t.New + t.FailedCandidate + t.FailedBaseline + t.DroppedCandidate + t.DroppedBaseline + t.Infinite + t.Moved
}

// LostByCandidate is how many values the baseline has that the candidate lacks.
func (t Tally) LostByCandidate() int { return t.Missing + t.FailedCandidate + t.DroppedCandidate }

// A Control is an upper bound (original, resize) that both sides measured. It does
// not depend on any tokenizer: where it differs, the harness or its surroundings
// changed, and every other row is in doubt.
type Control struct {
	Tokenizer string        `json:"tokenizer"`
	Baseline  string        `json:"baseline"`
	Values    int           `json:"values"`
	Differing int           `json:"differing"`
	Largest   record.Number `json:"largest"` // difference
	Metric    string        `json:"metric,omitempty"`
}

// Row is one line of the comparison: a metric of a pair under one condition in one
// bin. Numbers that do not exist are null.
type Row struct {
	Pair      int               `json:"pair"`
	Dataset   string            `json:"dataset"`
	Condition string            `json:"condition"`
	Bin       string            `json:"bin"` // "", "mean" or a scale bin
	Metric    string            `json:"metric"`
	Title     string            `json:"title"`
	Unit      string            `json:"unit"`
	Better    metrics.Direction `json:"better"`
	Show      metrics.Display   `json:"show,omitzero"` // how its values are written
	Headline  bool              `json:"headline,omitempty"`
	ByClass   bool              `json:"by_class,omitempty"` // bins are classes of masks

	Baseline   record.Number `json:"baseline"`
	Candidate  record.Number `json:"candidate"`
	Delta      record.Number `json:"delta"`
	Percent    record.Number `json:"percent"`
	Lo         record.Number `json:"lo"`
	Hi         record.Number `json:"hi"`
	P          record.Number `json:"p"`
	Adjusted   record.Number `json:"p_adjusted"`
	Correction string        `json:"correction,omitempty"` // "holm" or "bh"
	N          int           `json:"n"`                    // paired values
	Clusters   int           `json:"clusters"`             // independent units among them
	Lost       int           `json:"lost,omitempty"`       // values the baseline has and the candidate lacks, all bins
	Margin     record.Number `json:"margin"`               // smallest difference that matters
	// Detectable is the smallest true difference that this data would have shown,
	// with the power of Method, to be significant and to matter. Null where no
	// difference could have been significant: Why says so.
	Detectable record.Number `json:"detectable"`
	Effect     record.Number `json:"effect"` // Cohen's d_z over clusters
	Verdict    Verdict       `json:"verdict"`
	Why        string        `json:"why,omitempty"`
	Warnings   []string      `json:"warnings,omitempty"`

	spec      metrics.Spec
	films     bool // samples are clips
	se        float64
	differing int // clusters of which the sides differ
}

// Spec returns as much of the metric as a style of numbers needs.
func (r Row) Spec() metrics.Spec {
	return metrics.Spec{ID: r.Metric, Title: r.Title, Unit: r.Unit, Better: r.Better, Show: r.Show}
}

// Regression is by how much the candidate is worse than the baseline, in the
// metric's units; negative where it is better. It is NaN for metrics without a
// better end.
func (r Row) Regression() float64 {
	switch r.Better {
	case metrics.Higher:
		return -float64(r.Delta)
	case metrics.Lower:
		return float64(r.Delta)
	}
	return nan
}

// Headline returns the rows that decide.
func (r *Report) Headline() []Row {
	var out []Row
	for _, x := range r.Rows {
		if x.Headline {
			out = append(out, x)
		}
	}
	return out
}

// Count is how many rows have the verdict.
func (r *Report) Count(v Verdict, headline bool) int {
	n := 0
	for _, x := range r.Rows {
		if x.Verdict == v && (!headline || x.Headline) {
			n++
		}
	}
	return n
}

// Front is a Pareto front of rate against one metric.
type Front struct {
	Dataset   string            `json:"dataset"`
	Condition string            `json:"condition"`
	Metric    string            `json:"metric"`
	Title     string            `json:"title"`
	Unit      string            `json:"unit"`
	Better    metrics.Direction `json:"better"`
	Show      metrics.Display   `json:"show,omitzero"`
	Rate      string            `json:"rate"` // metric of the rate, one for all points
	Points    []FrontPoint      `json:"points"`
}

// Spec returns as much of the metric as a style of numbers needs.
func (f Front) Spec() metrics.Spec {
	return metrics.Spec{ID: f.Metric, Title: f.Title, Unit: f.Unit, Better: f.Better, Show: f.Show}
}

// FrontPoint is one tokenizer on it or below it.
type FrontPoint struct {
	Name        string        `json:"name"`
	Role        string        `json:"role"`
	Source      Source        `json:"source"`
	Dataset     string        `json:"dataset,omitempty"` // of imports on other data than the front's; they dominate nothing
	Rate        record.Number `json:"rate"`              // null where the tokenizer has none
	Value       record.Number `json:"value"`
	N           int           `json:"n"`
	DominatedBy []string      `json:"dominated_by,omitempty"` // at most its rate and at least its quality
}

// Curve is a comparison of two families of tokenizers at equal quality and at equal rate.
type Curve struct {
	Baseline  string            `json:"baseline"`
	Candidate string            `json:"candidate"`
	Dataset   string            `json:"dataset"`
	Condition string            `json:"condition"`
	Metric    string            `json:"metric"`
	Title     string            `json:"title"`
	Unit      string            `json:"unit"`
	Better    metrics.Direction `json:"better,omitempty"`
	Show      metrics.Display   `json:"show,omitzero"`
	Rate      string            `json:"rate"`       // metric of the rate; "" where they have none
	Points    [2]int            `json:"points"`     // of baseline and candidate
	BDRate    record.Number     `json:"bd_rate"`    // percent; negative saves rate; null with Why
	BDQuality record.Number     `json:"bd_quality"` // in the metric's units; null where there is none
	Overlap   record.Number     `json:"overlap"`
	Why       string            `json:"why,omitempty"` // why there is no BD-rate
	Warnings  []string          `json:"warnings,omitempty"`
}

// Spec returns as much of the metric as a style of numbers needs.
func (c Curve) Spec() metrics.Spec {
	return metrics.Spec{ID: c.Metric, Title: c.Title, Unit: c.Unit, Better: c.Better, Show: c.Show}
}

// Compared reports whether the comparison compared anything: a difference of values, of
// curves, or imported values set beside ours.
func (r *Report) Compared() bool {
	known := func(v record.Number) bool { return !math.IsNaN(float64(v)) }
	return slices.ContainsFunc(r.Rows, func(x Row) bool { return known(x.Delta) }) ||
		slices.ContainsFunc(r.Curves, func(c Curve) bool { return known(c.BDRate) || known(c.BDQuality) }) ||
		slices.ContainsFunc(r.Fronts, func(f Front) bool {
			return slices.ContainsFunc(f.Points, func(p FrontPoint) bool { return p.Source == Imported })
		})
}

// WorstCase is an instance that lost most from baseline to candidate.
type WorstCase struct {
	Pair      int           `json:"pair"`
	Dataset   string        `json:"dataset"`
	Item      string        `json:"item"`
	Instance  string        `json:"instance,omitempty"`
	Condition string        `json:"condition"`
	Bin       string        `json:"bin,omitempty"`
	Metric    string        `json:"metric"`
	Baseline  record.Number `json:"baseline"`
	Candidate record.Number `json:"candidate"`
	// What the label says and what was read: in the baseline's reconstruction and in the
	// candidate's. "" where nothing was, or the metric reads nothing.
	Label          string `json:"label,omitempty"`
	ReadBaseline   string `json:"read_baseline,omitempty"`
	ReadCandidate  string `json:"read_candidate,omitempty"`
	Original       string `json:"original,omitempty"`        // picture, relative to the candidate's run
	BaselineImage  string `json:"baseline_image,omitempty"`  // relative to the baseline's run
	CandidateImage string `json:"candidate_image,omitempty"` // relative to the candidate's run
}
