package summary

import (
	"math"
	"slices"

	"github.com/vtbench/vtbench/bench/record"
)

// MedianTimes reads the medians of every tokenizer under every condition.
func MedianTimes(dir string, m *record.Manifest) ([]Timing, error) {
	type key struct{ tokenizer, condition string }
	type sample struct {
		encode, decode []float64
		pixels         int
		n              int
		total          float64
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
		s.n++
		if l.EncodeNS > 0 {
			s.encode = append(s.encode, float64(l.EncodeNS)/1e6)
		}
		if l.DecodeNS > 0 {
			s.decode = append(s.decode, float64(l.DecodeNS)/1e6)
		}
		if t := l.EncodeNS + l.DecodeNS; t > 0 {
			s.pixels += l.Pixels
			s.total += float64(t) / 1e9
		}
	}
	var out []Timing
	for _, t := range m.Tokenizers {
		for _, c := range m.Suite.Conditions() {
			s := samples[key{t.Name, c.String()}]
			if s == nil {
				continue
			}
			out = append(out, Timing{
				Tokenizer: t.Name, Condition: c.String(), Images: s.n,
				EncodeMS: record.Number(median(s.encode)), DecodeMS: record.Number(median(s.decode)),
				MegapixelsS: record.Number(float64(s.pixels) / 1e6 / s.total),
			})
		}
	}
	return out, nil
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

// Timing is one line of performance.json: what a tokenizer cost on this machine.
// Times are measured by the adapter with its device synchronised.
type Timing struct {
	Tokenizer   string        `json:"tokenizer"`
	Condition   string        `json:"condition"`
	Images      int           `json:"images"`
	EncodeMS    record.Number `json:"encode_ms"` // median of an image; null where the adapter cannot tell
	DecodeMS    record.Number `json:"decode_ms"`
	MegapixelsS record.Number `json:"megapixels_per_s"` // input pixels over encode plus decode
}
