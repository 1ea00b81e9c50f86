// Package modelindex writes a run as the `model-index` of a Hugging Face model card: the
// block of YAML that a page of a model shows its evaluation results from.
//
// Its opinion: a card shows what the suite's headline shows, each number with its interval
// and count beside it, and says which data and which version of the suite it is of. What
// has no value has no place in the format, whose readers want a number; such rows are named
// in a comment, so that they are not lost.
//
// The format is that of huggingface_hub.EvalResult
// (https://github.com/huggingface/hub-docs/blob/main/modelcard.md).
package modelindex

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/reports/format"
)

// Project is where a card says that its numbers come from.
const Project = "https://github.com/vtbench/vtbench"

// Write writes the tokenizers of a run that are no upper bounds, or the one that is named;
// one that is not in the run is an error that lists those that are. A card is of one model:
// its readers take the first.
func Write(w io.Writer, run *summary.Run, tokenizer string) error {
	var names, shown []string
	for _, t := range run.Manifest.Tokenizers {
		names = append(names, t.Name)
		if t.Name == tokenizer || tokenizer == "" && !t.Info.Reference {
			shown = append(shown, t.Name)
		}
	}
	if len(shown) == 0 && tokenizer != "" {
		return fmt.Errorf("%s has no tokenizer %q, only %s", run.Dir, tokenizer, strings.Join(names, ", "))
	}
	if len(shown) == 0 {
		return fmt.Errorf("%s has upper bounds only (%s): name one of them", run.Dir, strings.Join(names, ", "))
	}
	var b bytes.Buffer
	b.WriteString("model-index:\n")
	for _, name := range shown {
		fmt.Fprintf(&b, "- name: %s\n", quoted(name))
		if err := results(&b, run, name); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// A place is a data set under a condition.
type place struct{ dataset, condition string }

func results(b *bytes.Buffer, run *summary.Run, name string) error {
	m := &run.Manifest
	specs := map[string]metrics.Spec{}
	for _, s := range m.Metrics {
		specs[s.ID] = s
	}
	sets := map[string]record.DatasetEntry{}
	for _, d := range m.Datasets {
		sets[d.Name] = d
	}
	rows := map[place]map[string]summary.Row{}
	var order []place
	for _, r := range run.Summary.Rows {
		at := place{r.Dataset, r.Condition}
		if r.Tokenizer != name || r.Bin != "" && r.Bin != summary.BinMean {
			continue
		}
		if rows[at] == nil {
			rows[at] = map[string]summary.Row{}
			order = append(order, at)
		}
		if has, ok := rows[at][r.Metric]; !ok || has.Bin == "" {
			rows[at][r.Metric] = r
		}
	}
	b.WriteString("  results:\n")
	written := 0
	for _, at := range order {
		var with, without []summary.Row
		for _, id := range m.Suite.Metrics {
			switch r, ok := rows[at][id]; {
			case ok && finite(r.Mean):
				with = append(with, r)
			case ok:
				without = append(without, r)
			}
		}
		for _, r := range without {
			fmt.Fprintf(b, "  # %s of %s, %s has no value%s\n", format.Line(r.Metric), format.Line(at.dataset), format.Line(at.condition), why(r.Dropped))
		}
		if len(with) == 0 {
			continue
		}
		written++
		d := sets[at.dataset]
		fmt.Fprintf(b, "  - task:\n      type: image-to-image\n      name: %s\n", quoted("image reconstruction, suite "+m.Suite.ID+": "+m.Suite.Question))
		fmt.Fprintf(b, "    dataset:\n      type: %s\n      name: %s\n      config: %s\n", quoted(at.dataset), quoted(cmp.Or(d.Info.Title, at.dataset)), quoted(at.condition))
		if d.Info.Digest != "" {
			fmt.Fprintf(b, "      revision: %s\n", quoted(d.Info.Digest))
		}
		fmt.Fprintf(b, "      args:\n        items: %d\n        version: %d\n", d.Items, d.Info.Version)
		b.WriteString("    metrics:\n")
		for _, r := range with {
			s := specs[r.Metric]
			fmt.Fprintf(b, "    - type: %s\n      value: %s\n      name: %s\n      args:\n", quoted(r.Metric), number(r.Mean), quoted(title(s)))
			if finite(r.Lo) && finite(r.Hi) {
				fmt.Fprintf(b, "        ci95_low: %s\n        ci95_high: %s\n", number(r.Lo), number(r.Hi))
			}
			fmt.Fprintf(b, "        n: %d\n        metric_version: %d\n        better: %s\n", r.N, s.Version, quoted(string(s.Better)))
			if r.Bin != "" {
				fmt.Fprintf(b, "        over: %s\n", quoted("mean of bins by "+m.Suite.Bins.Scale))
			}
			for _, reason := range slices.Sorted(maps.Keys(r.Dropped)) {
				fmt.Fprintf(b, "        %s: %d\n", quoted("dropped_"+reason), r.Dropped[reason])
			}
		}
		fmt.Fprintf(b, "    source:\n      name: %s\n      url: %s\n", quoted(fmt.Sprintf("%s, suite %s %d", m.Host.Program, m.Suite.ID, m.Suite.Version)), quoted(Project))
	}
	if written == 0 {
		return fmt.Errorf("%s: %s has no value of any metric, so there is nothing for a model card", run.Dir, name)
	}
	return nil
}

func title(s metrics.Spec) string {
	if s.Unit == "" {
		return cmp.Or(s.Title, s.ID)
	}
	return cmp.Or(s.Title, s.ID) + " (" + s.Unit + ")"
}

func why(dropped map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(dropped)) {
		parts = append(parts, fmt.Sprintf("%d %s", dropped[k], k))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func finite(v record.Number) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// number writes a float that YAML 1.1, which the card's readers take it for, reads as one:
// with a point and without an exponent.
func number(v record.Number) string {
	s := strconv.FormatFloat(float64(v), 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// quoted writes a string that nothing takes for a number, a date or a switch: JSON's strings
// are YAML's.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(strings.ToValidUTF8(s, "�")); err != nil {
		return `""` // a string always encodes
	}
	return strings.TrimSuffix(b.String(), "\n")
}
