package record

import (
	"iter"

	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/tokenizers"
)

// Manifest is manifest.json, written before anything is measured: all that is
// needed to say what the records mean and whether another run may be compared
// with or continue this one.
type Manifest struct {
	Schema     int            `json:"schema"`
	Suite      suite.Suite    `json:"suite"`        // as resolved
	SuiteHash  string         `json:"suite_digest"` // of the resolved suite
	Datasets   []DatasetEntry `json:"datasets"`
	Tokenizers []TokenEntry   `json:"tokenizers"`
	Metrics    []metrics.Spec `json:"metrics"`
	Seed       uint64         `json:"seed"`
	// Batch is how many images a tokenizer is given at once. Batches are cut from
	// the plan, so they are the same for any number of workers and after a resume.
	Batch     int             `json:"batch"`
	Bootstrap BootstrapConfig `json:"bootstrap"`
	Shard     string          `json:"shard,omitempty"` // "2/8"
	// KeepImages is which whole images of each data set are kept for the report, and Maps
	// are the metrics that draw where they see damage in them.
	KeepImages Keep  `json:"keep_images"`
	Maps       []Map `json:"maps,omitempty"`
	// LeftOut are the optional data sets and metrics of the suite that could not be
	// had, with the reason.
	LeftOut map[string]string `json:"left_out,omitempty"`
	// Provenance is what ran outside this repository: OCR engine, models.
	Provenance map[string]string `json:"provenance,omitempty"`
	// Remarks are what metrics had to say of the originals, once they had seen them.
	Remarks []metrics.Remark `json:"remarks,omitempty"`
	Host    Host             `json:"host"`
}

// A Map is a metric that draws where in an image it sees damage.
type Map struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// DatasetEntry is a data set of a run and how much of it was planned.
type DatasetEntry struct {
	Name  string        `json:"name"` // label in records
	Spec  string        `json:"spec"` // as written by the user
	Info  datasets.Info `json:"info"`
	Items int           `json:"items"` // planned in this run, or this shard of it
	// Planned is how many items all shards together have.
	Planned int `json:"planned"`
	Total   int `json:"total"` // in the data set
	// Credits are those of the works of others that it shows.
	Credits []datasets.Credit `json:"credits,omitempty"`
	// LeftOut is what is in the data set's folder but not in the data set.
	LeftOut files.Omissions `json:"left_out,omitempty"`
	// Clips are the films whose frames are the planned items, in their order.
	Clips []ClipEntry `json:"clips,omitempty"`
}

// Groups yields where in the data set the groups of a run begin and end: those that are
// committed together. Frames of a film are one, other items as many as a batch has.
func (d *DatasetEntry) Groups(batch int) iter.Seq2[int, int] {
	return func(yield func(first, end int) bool) {
		for _, c := range d.Clips {
			if !yield(c.First, c.First+c.Frames) {
				return
			}
		}
		for first := 0; first < d.Planned && len(d.Clips) == 0; first += batch {
			if !yield(first, min(first+batch, d.Planned)) {
				return
			}
		}
	}
}

// ClipEntry is a film of a data set: a run of its items that are frames, one after the
// other.
type ClipEntry struct {
	ID string `json:"id"` // what its frames have as their cluster
	// First is the place of its first frame among the planned items of the data set, from 0.
	First  int     `json:"first"`
	Frames int     `json:"frames"`
	Rate   float64 `json:"rate,omitempty"` // frames a second; 0 where it is not known
}

// TokenEntry is a tokenizer of a run.
type TokenEntry struct {
	Name    string             `json:"name"` // label in records
	Kind    string             `json:"kind"`
	Options tokenizers.Options `json:"options,omitempty"`
	Info    tokenizers.Info    `json:"info"`
	// LeftOut is what is in the tokenizer's folder and is no reconstruction.
	LeftOut files.Omissions `json:"left_out,omitempty"`
}

// BootstrapConfig says how intervals were made.
type BootstrapConfig struct {
	Resamples int     `json:"resamples"`
	Level     float64 `json:"level"`
	Method    string  `json:"method"` // "percentile", "bca"
}

// Host is where and when a run was made. It never enters a comparison of values.
type Host struct {
	Started string `json:"started"` // RFC 3339, UTC
	Program string `json:"program"` // vtbench version and commit
	// Build is the hex SHA-256 of the program's file: two builds may compute the last
	// digits differently.
	Build string `json:"build,omitempty"`
	Go    string `json:"go"`
	OS    string `json:"os"`
	CPU   string `json:"cpu,omitempty"`
	Cores int    `json:"cores"`
	// Features are extensions of the processor's instructions that change the last
	// digits of what engines compute: "avx2 fma".
	Features string `json:"features,omitempty"`
}

// MetricSpec returns the spec of a metric of this run.
func (m *Manifest) MetricSpec(id string) (metrics.Spec, bool) {
	for _, s := range m.Metrics {
		if s.ID == id {
			return s, true
		}
	}
	return metrics.Spec{}, false
}

// Token returns the entry of a tokenizer of this run.
func (m *Manifest) Token(name string) (TokenEntry, bool) {
	for _, t := range m.Tokenizers {
		if t.Name == name {
			return t, true
		}
	}
	return TokenEntry{}, false
}
