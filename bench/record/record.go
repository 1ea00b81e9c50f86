// Package record holds what a run writes: records, journals, the manifest and the
// files of a run directory.
//
// Its opinion: one measured value is one line that can be read alone, and whatever
// has no value says why. Everything else (means, intervals, tables) is computed from
// these files and can be made again without models.
//
//	for r, err := range record.Records("runs/text") {
//		if err == nil && r.Error != "" {
//			fmt.Println(r.Item, r.Error)
//		}
//	}
package record

import (
	"math"

	"github.com/vtbench/vtbench/metrics"
)

// SchemaVersion is the version of every file of a run directory. It rises when
// a field changes its meaning; new optional fields leave it alone.
const SchemaVersion = 2

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
	Again     bool    `json:"again,omitempty"` // the error says nothing about the image: resuming measures it again
	Note      string  `json:"note,omitempty"`  // "inf", "-inf" or "nan" where Value is null
	Bin       string  `json:"bin,omitempty"`   // scale bin of the instance
	N         float64 `json:"n,omitempty"`     // weight in a micro-average, where it is not 1
	// Weightless is a weight of 0: the value is of a class that was not there.
	Weightless bool   `json:"weightless,omitempty"`
	Drop       string `json:"drop,omitempty"` // why the value stays out of the mean
	Detail     string `json:"detail,omitempty"`
	Expected   string `json:"expected,omitempty"` // the label Detail is to be compared with
	// Notes, in a record of nothing else, say what was assumed or lost when the item
	// was decoded.
	Notes []string `json:"notes,omitempty"`
}

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

// Counted returns the value of a record, and why it stays out of a mean; "" where it
// counts.
func (r *Record) Counted() (v float64, reason string) {
	v, ok := r.Float()
	switch {
	case r.Error != "" || !ok:
		return v, metrics.DropFailed
	case r.Drop != "":
		return v, r.Drop
	}
	return v, Uncountable(v)
}

// Uncountable says why a measured value cannot enter a mean; "" where it can.
func Uncountable(v float64) (reason string) {
	switch {
	case math.IsInf(v, 0):
		return metrics.DropInfinite
	case math.IsNaN(v):
		return metrics.DropUndefined
	}
	return ""
}

// Weight is N, or 1 where it is not stated.
func (r *Record) Weight() float64 {
	if r.Weightless {
		return 0
	}
	if r.N == 0 {
		return 1
	}
	return r.N
}
