// Package summary computes what records say: means, intervals, scores of robustness
// and times, each with its counts.
//
// Its opinion: a mean without the number of values that were kept out of it, and why,
// is no result. Rows depend on (suite, data, tokenizers, seed) alone, never on time or
// machine, so equal runs have equal summaries. Intervals resample images, with all that
// was measured on one image together.
//
//	r, err := summary.Open("runs/text", nil)
//	row, ok := r.Summary.Find("vq", "text-default", "clean@256", summary.BinMean, "t-acc")
package summary

import (
	"cmp"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/sanity"
)

// Bins that are not scale bins of a suite.
const (
	BinAll  = ""     // metrics of whole images and sets; instances of all bins pooled
	BinMean = "mean" // unweighted mean of the suite's bins, TokBench's headline
)

// A Row of a summary: one metric of one tokenizer under one condition in one bin.
type Row struct {
	Tokenizer string         `json:"tokenizer"`
	Suite     string         `json:"suite"`
	Dataset   string         `json:"dataset"`
	Condition string         `json:"condition"`
	Bin       string         `json:"bin"`
	Metric    string         `json:"metric"`
	Mean      record.Number  `json:"mean"` // null where nothing was kept
	Lo        record.Number  `json:"lo"`   // 95 % interval; null where there is none
	Hi        record.Number  `json:"hi"`
	N         int            `json:"n"`        // values that went into the mean
	Clusters  int            `json:"clusters"` // independent units among them
	Dropped   map[string]int `json:"dropped,omitempty"`
	// Warnings say why the interval deserves less trust ("few_clusters").
	Warnings []string `json:"warnings,omitempty"`
}

// Summary is summary.json: the machine-readable result of a run. It depends on
// (suite, data, tokenizers, seed) alone, never on time or machine.
type Summary struct {
	Schema int   `json:"schema"`
	Rows   []Row `json:"rows"`
	// Robustness has scores over conditions; only for suites with corruptions.
	Robustness []RobustRow `json:"robustness,omitempty"`
	// Transfer compares each resolution with the next; only for suites that ask for it.
	Transfer []TransferRow `json:"transfer,omitempty"`
	// Distributions has a histogram of every metric that the suite lists for it.
	Distributions []Distribution `json:"distributions,omitempty"`
	Errors        []Failure      `json:"errors,omitempty"` // every item that failed, in plan order
	Alarms        []Alarm        `json:"alarms,omitempty"` // adapters that are probably wrong, codebooks that collapsed
	Notes         []ItemNote     `json:"notes,omitempty"`  // what was assumed or lost in decoding
	Lost          []LostLabel    `json:"lost,omitempty"`   // labels that cannot be used
}

// Collapse is the kind of an alarm about codes or latents that are hardly used.
const Collapse sanity.Kind = "collapse"

// An Alarm says what must be known of a tokenizer on a data set before its numbers: that
// its reconstructions look as if its adapter were wrong, with the likely cause, or that
// its codes or latents have collapsed.
type Alarm struct {
	Tokenizer string      `json:"tokenizer"`
	Dataset   string      `json:"dataset"`
	Kind      sanity.Kind `json:"kind"`
	Text      string      `json:"text"`
}

// An ItemNote says of how many items of a data set something was said when they
// were decoded.
type ItemNote struct {
	Dataset string `json:"dataset"`
	Note    string `json:"note"`
	Items   int    `json:"items"`
	First   string `json:"first"` // an item it was said of
}

// A LostLabel says how many labels of a data set cannot be used for one reason.
type LostLabel struct {
	Dataset string `json:"dataset"`
	Reason  string `json:"reason"`
	Labels  int    `json:"labels"`
	First   string `json:"first"` // file, line and what stands there
}

// WholeSet stands for the item of a failure that concerns a value of the whole set.
const WholeSet = "(whole set)"

// A Failure is an item that could not be loaded, reconstructed or scored.
type Failure struct {
	Tokenizer string `json:"tokenizer,omitempty"`
	Dataset   string `json:"dataset"`
	Item      string `json:"item"`
	Instance  string `json:"instance,omitempty"`
	Condition string `json:"condition,omitempty"`
	Metric    string `json:"metric,omitempty"`
	Error     string `json:"error"`
}

// Distinct are failures without those that cost more values of one image: of further
// metrics or instances. They are what is counted wherever failures are.
func Distinct(all []Failure) []Failure {
	seen := map[Failure]bool{}
	var out []Failure
	for _, f := range all {
		k := f
		k.Instance, k.Metric = "", ""
		if !seen[k] {
			seen[k] = true
			out = append(out, f)
		}
	}
	return out
}

// Alike gathers failures of one reason, the gravest first: items that could not be loaded,
// those that a tokenizer failed on, then values. An item that is missing is not hidden
// behind hundreds that are too small for one metric. The failures of each are Distinct.
func Alike(all []Failure) [][]Failure {
	var out [][]Failure
	at := map[string]int{}
	for _, f := range Distinct(all) {
		i, there := at[f.Error]
		if !there {
			i = len(out)
			at[f.Error] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	gravity := func(f Failure) int {
		switch {
		case f.Tokenizer == "":
			return 0
		case f.Metric == "":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b []Failure) int { return cmp.Compare(gravity(a[0]), gravity(b[0])) })
	return out
}

// Find returns the row of exactly this key.
func (s *Summary) Find(tokenizer, dataset, condition, bin, metric string) (Row, bool) {
	for _, r := range s.Rows {
		if r.Tokenizer == tokenizer && r.Dataset == dataset && r.Condition == condition && r.Bin == bin && r.Metric == metric {
			return r, true
		}
	}
	return Row{}, false
}

// A RobustRow of a summary is one score of one tokenizer, over conditions of one
// resolution. Its interval resamples images, each with all its conditions.
type RobustRow struct {
	Tokenizer  string `json:"tokenizer"`
	Dataset    string `json:"dataset"`
	Resolution int    `json:"resolution"`
	// Against is "" for fidelity, what the tokenizer was shown (for labels: what can
	// be read), and "clean" for restoration.
	Against    string        `json:"against,omitempty"`
	Metric     string        `json:"metric"`
	Score      string        `json:"score"`
	Corruption string        `json:"corruption,omitempty"` // for scores of one corruption
	Value      record.Number `json:"value"`                // null where it is undefined
	Lo         record.Number `json:"lo"`
	Hi         record.Number `json:"hi"`
	Clusters   int           `json:"clusters"`
	Bins       bool          `json:"bins,omitempty"` // unweighted mean over scale bins, as in the headline
	Warnings   []string      `json:"warnings,omitempty"`
}

// FindRobust returns the robustness score of exactly this key.
func (s *Summary) FindRobust(tokenizer, dataset string, resolution int, against, metric, score, corruption string) (RobustRow, bool) {
	for _, r := range s.Robustness {
		if r.Tokenizer == tokenizer && r.Dataset == dataset && r.Resolution == resolution && r.Against == against &&
			r.Metric == metric && r.Score == score && r.Corruption == corruption {
			return r, true
		}
	}
	return RobustRow{}, false
}
