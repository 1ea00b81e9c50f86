package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// SchemaVersion is the version of every file of a run directory. It rises when
// a field changes its meaning; new optional fields leave it alone.
const SchemaVersion = 1

// Original is the name of the tokenizer that hands an image through untouched,
// without the way through the tokenizer's resolution: the upper bound of every
// table.
const Original = "original"

// A Record is one measured value, one line of records.jsonl. Records of one item
// are contiguous and items come in plan order, whatever the number of workers. A
// record without a tokenizer holds for all of them: an image that could not be
// loaded (no instance), an instance that is never scored (Drop says why).
type Record struct {
	Tokenizer string  `json:"tokenizer,omitempty"` // empty where the item itself could not be loaded
	Suite     string  `json:"suite"`
	Dataset   string  `json:"dataset"`
	Item      string  `json:"item"`
	Cluster   string  `json:"cluster,omitempty"` // unit that is resampled, where it is not the item
	Instance  string  `json:"instance,omitempty"`
	Condition string  `json:"condition,omitempty"` // "clean@256", "gaussian_noise/3@512"
	Metric    string  `json:"metric,omitempty"`
	Value     *Number `json:"value,omitempty"`
	Error     string  `json:"error,omitempty"`
	Note      string  `json:"note,omitempty"` // "inf", "-inf" or "nan" where Value is null
	Bin       string  `json:"bin,omitempty"`  // scale bin of the instance
	N         float64 `json:"n,omitempty"`    // weight in a micro-average, where it is not 1
	Drop      string  `json:"drop,omitempty"` // why the value stays out of the mean
	Detail    string  `json:"detail,omitempty"`
	Expected  string  `json:"expected,omitempty"` // the label Detail is to be compared with
}

// Number is a float64 that JSON can hold: infinities and NaN become null.
type Number float64

// MarshalJSON writes null for what JSON has no number for.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); math.IsInf(f, 0) || math.IsNaN(f) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("reading a number: %w", err)
	}
	*n = Number(f)
	return nil
}

// Num returns a pointer to f, for optional fields.
func Num(f float64) *Number { n := Number(f); return &n }

// Float returns the value of a record as a float64, ±Inf and NaN restored from
// the note; ok is false where the record holds an error instead.
func (r *Record) Float() (v float64, ok bool) {
	switch r.Note {
	case "inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	case "nan":
		return math.NaN(), true
	}
	if r.Value == nil {
		return 0, false
	}
	return float64(*r.Value), true
}

// Weight is N, or 1 where it is not stated.
func (r *Record) Weight() float64 {
	if r.N == 0 {
		return 1
	}
	return r.N
}

// A Condition is what was done to an image on its way to the tokenizer.
type Condition struct {
	Corruption string // "" for clean
	Severity   int
	Resolution int    // side of the square the tokenizer sees; 0 for the image's own size
	Against    string // "" scores against the reference the tokenizer saw, "clean" against the undamaged one
}

// AgainstClean marks scores of a corrupted condition against the undamaged
// original (restoration) instead of what the tokenizer was shown (fidelity).
const AgainstClean = "clean"

// String is the form used in records: "clean@256", "fog/3@512", "fog/3@512~clean".
func (c Condition) String() string {
	s := "clean"
	if c.Corruption != "" {
		s = c.Corruption + "/" + strconv.Itoa(c.Severity)
	}
	if c.Resolution > 0 {
		s += "@" + strconv.Itoa(c.Resolution)
	}
	if c.Against != "" {
		s += "~" + c.Against
	}
	return s
}

// ParseCondition reads what String wrote.
func ParseCondition(s string) (Condition, error) {
	var c Condition
	head, against, _ := strings.Cut(s, "~")
	c.Against = against
	name, size, sized := strings.Cut(head, "@")
	if sized {
		n, err := strconv.Atoi(size)
		if err != nil || n <= 0 {
			return Condition{}, fmt.Errorf("condition %q: %q is not a resolution", s, size)
		}
		c.Resolution = n
	}
	if name == "clean" {
		return c, nil
	}
	corruption, severity, ok := strings.Cut(name, "/")
	n, err := strconv.Atoi(severity)
	if !ok || corruption == "" || err != nil {
		return Condition{}, fmt.Errorf("condition %q: want clean or CORRUPTION/SEVERITY, with @RESOLUTION", s)
	}
	c.Corruption, c.Severity = corruption, n
	return c, nil
}

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
	Mean      Number         `json:"mean"` // null where nothing was kept
	Lo        Number         `json:"lo"`   // 95 % interval; null where there is none
	Hi        Number         `json:"hi"`
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
	// Distributions has a histogram of every metric that the suite lists for it.
	Distributions []Distribution `json:"distributions,omitempty"`
	Errors        []Failure      `json:"errors,omitempty"` // every item that failed, in plan order
}

// A Distribution is a histogram of single values: those that count in the mean, in
// bars of equal width from Lo to Hi; what lies beyond is in the first or last bar.
type Distribution struct {
	Tokenizer string `json:"tokenizer"`
	Dataset   string `json:"dataset"`
	Condition string `json:"condition"`
	Metric    string `json:"metric"`
	Lo        Number `json:"lo"`
	Hi        Number `json:"hi"`
	Counts    []int  `json:"counts"`
}

// bars is how many bars a distribution has.
const bars = 50

func (d *Distribution) add(v float64) {
	lo, hi := float64(d.Lo), float64(d.Hi)
	i := int((v - lo) / (hi - lo) * bars)
	d.Counts[min(max(i, 0), bars-1)]++
}

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

// Find returns the row of exactly this key.
func (s *Summary) Find(tokenizer, dataset, condition, bin, metric string) (Row, bool) {
	for _, r := range s.Rows {
		if r.Tokenizer == tokenizer && r.Dataset == dataset && r.Condition == condition && r.Bin == bin && r.Metric == metric {
			return r, true
		}
	}
	return Row{}, false
}

// Timing is one line of performance.json: what a tokenizer cost on this machine.
// Times are measured by the adapter with its device synchronised.
type Timing struct {
	Tokenizer   string `json:"tokenizer"`
	Condition   string `json:"condition"`
	Images      int    `json:"images"`
	EncodeMS    Number `json:"encode_ms"` // median of an image; null where the adapter cannot tell
	DecodeMS    Number `json:"decode_ms"`
	MegapixelsS Number `json:"megapixels_per_s"` // input pixels over encode plus decode
}

// A Case is an instance or an image shown in a report, with the files that show it.
type Case struct {
	Why            string  `json:"why"` // "worst", "sample" (chosen beforehand, not by result), "image" (whole)
	Tokenizer      string  `json:"tokenizer"`
	Dataset        string  `json:"dataset"`
	Item           string  `json:"item"`
	Instance       string  `json:"instance,omitempty"`
	Condition      string  `json:"condition"`
	Bin            string  `json:"bin,omitempty"`
	Metric         string  `json:"metric,omitempty"`
	Value          *Number `json:"value,omitempty"`
	Expected       string  `json:"expected,omitempty"`     // the label
	Got            string  `json:"got,omitempty"`          // what was read
	GotOriginal    string  `json:"got_original,omitempty"` // in the undamaged original
	GotDamaged     string  `json:"got_damaged,omitempty"`  // in what the tokenizer was shown, where that was damaged
	Original       string  `json:"original"`               // path of the picture, relative to the run directory, "/" separated
	Damaged        string  `json:"damaged,omitempty"`      // likewise: what the tokenizer was shown, where that was damaged
	Reconstruction string  `json:"reconstruction"`         // likewise
	Heat           string  `json:"heat,omitempty"`         // likewise: where a metric sees damage, black for none
}
