package view

import (
	"fmt"
	"math"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/reports/format"
)

// A Cost is one column of what tokenizers cost on the machine of the run.
type Cost struct {
	Title, Hint string
	of          func(tokenizer string) (text string, sort float64, ok bool)
}

// Of is a tokenizer's cell; ok is false where there is nothing to show.
func (c Cost) Of(tokenizer string) (text string, sort float64, ok bool) { return c.of(tokenizer) }

// Costs lists the columns that any tokenizer has under a condition: medians of the run,
// what was measured with the machine to itself, and the size of the weights.
func (v *View) Costs(condition string) []Cost {
	run := func(of func(Timing) record.Number, show func(float64) string) func(string) (string, float64, bool) {
		return func(tokenizer string) (string, float64, bool) {
			t, ok := v.Timing(tokenizer, condition)
			return shown(float64(of(t)), ok, show)
		}
	}
	list := []Cost{
		{"encode (ms)", "median of an image during the run", run(func(t Timing) record.Number { return t.EncodeMS }, format.Millis)},
		{"decode (ms)", "median of an image during the run", run(func(t Timing) record.Number { return t.DecodeMS }, format.Millis)},
		{"MP/s", "megapixels a second by these medians", run(func(t Timing) record.Number { return t.MegapixelsS }, speed)},
	}
	for _, a := range []struct {
		title, hint string
		of          func(i int) float64
		show        func(float64) string
	}{
		{"alone (ms)", "median of a call with one image, with the machine to itself", func(i int) float64 { return float64(v.Alone[i].LatencyMS) }, format.Millis},
		{"alone (MP/s)", "megapixels a second in batches, with the machine to itself", func(i int) float64 { return float64(v.Alone[i].MegapixelsS) }, speed},
		{"memory (MB)", "most memory in use above what was in use before, with the machine to itself", func(i int) float64 { return float64(v.Alone[i].PeakMemory) / 1e6 }, whole},
		{"device memory (MB)", "most memory of the accelerator in use, as the adapter tells", func(i int) float64 { return float64(v.Alone[i].PeakDevice) / 1e6 }, whole},
	} {
		list = append(list, Cost{a.title, a.hint, func(tokenizer string) (string, float64, bool) {
			for i := range v.Alone {
				if v.Alone[i].Tokenizer == tokenizer && v.Alone[i].Condition == condition {
					return shown(a.of(i), v.Alone[i].Error == "", a.show)
				}
			}
			return "", 0, false
		}})
	}
	list = append(list, Cost{"weights (kB)", "size of the files of the network", func(tokenizer string) (string, float64, bool) {
		for _, t := range v.Tokens {
			if t.Name == tokenizer {
				return shown(float64(t.Info.WeightBytes)/1000, true, func(kB float64) string { return format.Group(whole(kB)) })
			}
		}
		return "", 0, false
	}})
	var out []Cost
	for _, c := range list {
		for _, t := range v.Tokens {
			if _, _, ok := c.Of(t.Name); ok {
				out = append(out, c)
				break
			}
		}
	}
	return out
}

func shown(x float64, ok bool, show func(float64) string) (string, float64, bool) {
	if !ok || math.IsNaN(x) || x <= 0 {
		return "", 0, false
	}
	return show(x), x, true
}

func speed(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func whole(x float64) string { return fmt.Sprintf("%.0f", x) }

// Work says in one line where the time of the run went: "metrics 81 %, tokenizers 12 %, …";
// "" where that is not known.
func (v *View) Work() string {
	var parts []string
	for _, s := range v.Stages {
		parts = append(parts, fmt.Sprintf("%s %s %%", s.Name, format.Style{Scale: 100, Places: 1}.Number(float64(s.Share))))
	}
	return strings.Join(parts, ", ")
}
