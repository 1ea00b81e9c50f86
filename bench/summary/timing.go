package summary

import (
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
)

// Performance is performance.json: what tokenizers cost on this machine. It is the one
// result that differs between equal runs.
type Performance struct {
	// Times are those of the run itself, beside everything else that it did.
	Times []Timing `json:"times"`
	// Alone are those with the machine to itself; empty unless they were asked for.
	Alone []Alone `json:"alone,omitempty"`
	// Stages is where the time of the run went, in its order; of what a resumed run did
	// before it was interrupted nothing is known.
	Stages []Stage `json:"stages,omitempty"`
}

// A Stage is a part of the work of a run, with the time that all goroutines together spent
// in it: with more of them than cores, waiting for one is in it, too.
type Stage struct {
	Name    string        `json:"name"`
	Seconds record.Number `json:"seconds"`
	Share   record.Number `json:"share"` // of all stages
}

// Timing is what a tokenizer cost during a run. Times are measured by the adapter with
// its device synchronised, after a warm-up.
type Timing struct {
	Tokenizer string        `json:"tokenizer"`
	Condition string        `json:"condition"`
	Images    int           `json:"images"`           // that were timed
	Cached    int           `json:"cached,omitempty"` // whose results another run left: not timed
	EncodeMS  record.Number `json:"encode_ms"`        // median of an image; null where the adapter cannot tell
	DecodeMS  record.Number `json:"decode_ms"`
	// MegapixelsS is an image's pixels over the medians of encoding and decoding.
	MegapixelsS record.Number `json:"megapixels_per_s"`
}

// Alone is what a tokenizer cost while nothing else was running.
type Alone struct {
	Tokenizer   string        `json:"tokenizer"`
	Condition   string        `json:"condition"`
	Batch       int           `json:"batch"`            // images a call for throughput
	Calls       int           `json:"calls"`            // that were timed
	LatencyMS   record.Number `json:"latency_ms"`       // median of a call with one image, on the clock
	EncodeMS    record.Number `json:"encode_ms"`        // of that call, as the adapter tells; null where it does not
	DecodeMS    record.Number `json:"decode_ms"`        //
	MegapixelsS record.Number `json:"megapixels_per_s"` // pixels of a batch over the median of its calls
	PeakMemory  int64         `json:"peak_memory"`      // bytes above what was in use before
	PeakDevice  int64         `json:"peak_device,omitempty"`
	Error       string        `json:"error,omitempty"`
}

// MedianTimes computes the medians of every tokenizer under every condition. Tokenizers
// that only bound the table have none.
func MedianTimes(dir string, m *record.Manifest) ([]Timing, error) {
	type key struct{ tokenizer, condition string }
	type sample struct {
		encode, decode []float64
		images, pixels int
		cached         int
	}
	samples := map[key]*sample{}
	for l, err := range record.Timings(dir) {
		if err != nil {
			return nil, err
		}
		k := key{l.Tokenizer, l.Condition}
		s := samples[k]
		if s == nil {
			s = &sample{}
			samples[k] = s
		}
		if l.Cached {
			s.cached++
			continue
		}
		s.images++
		s.pixels += l.Pixels
		if l.EncodeNS > 0 {
			s.encode = append(s.encode, float64(l.EncodeNS)/1e6)
		}
		if l.DecodeNS > 0 {
			s.decode = append(s.decode, float64(l.DecodeNS)/1e6)
		}
	}
	var out []Timing
	for _, t := range m.Tokenizers {
		if t.Info.Reference || t.Name == suite.Original {
			continue
		}
		for _, c := range m.Suite.Conditions() {
			s := samples[key{t.Name, c.String()}]
			if s == nil {
				continue
			}
			encode, decode := Median(s.encode), Median(s.decode)
			ms := 0.0
			for _, v := range []float64{encode, decode} {
				if !math.IsNaN(v) {
					ms += v
				}
			}
			speed := record.NaN
			if ms > 0 {
				speed = record.Number(float64(s.pixels) / float64(s.images) / 1e3 / ms)
			}
			out = append(out, Timing{
				Tokenizer: t.Name, Condition: c.String(), Images: s.images, Cached: s.cached,
				EncodeMS: record.Number(encode), DecodeMS: record.Number(decode), MegapixelsS: speed,
			})
		}
	}
	return out, nil
}

// Median sorts numbers and returns the one in the middle, the mean of two; NaN of none.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
