package compare

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics"
)

// BaselineSuffix is how baseline files end.
const BaselineSuffix = ".vtbench.json.gz"

// BaselineVersion is the version of the baseline file format.
const BaselineVersion = 1

const baselineFormat = "vtbench-baseline"

// Bounds of a baseline file, which a pull request may bring: what it unpacks to, and what
// that becomes. A value takes ten bytes of the first and a hundred of the second.
const (
	maxBaseline       = 256 << 20
	maxBaselineMemory = 512 << 20
)

// baselineFile is the envelope. The checksum is over the bytes of Data, so that a
// merge conflict or an edit by hand is noticed.
type baselineFile struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	Data    json.RawMessage `json:"data"`
}

// baselineData holds values by columns; repeated keys would be most of the file.
type baselineData struct {
	Header  Header           `json:"header"`
	Units   []baselineItem   `json:"items"`
	Bins    []string         `json:"bin_names"`
	Reasons []string         `json:"reasons"`
	Series  []baselineSeries `json:"series"`
	Corpus  []corpusValue    `json:"corpus,omitempty"`
}

// baselineItem is an item and its instances; units are numbered in this order.
type baselineItem struct {
	Dataset   string   `json:"dataset"`
	Item      string   `json:"item"`
	Cluster   string   `json:"cluster,omitempty"`
	Instances []string `json:"instances"` // "" is the item itself
}

// baselineSeries is one metric of one tokenizer under one condition. Columns that
// hold only their default are left out.
type baselineSeries struct {
	Dataset   string    `json:"dataset"`
	Tokenizer string    `json:"tokenizer"`
	Condition string    `json:"condition"`
	Metric    string    `json:"metric"`
	Units     []int32   `json:"units"` // the first, then distances; they ascend
	Values    []float64 `json:"values"`
	Weights   []float64 `json:"weights,omitempty"` // default 1
	Bins      []uint16  `json:"bins,omitempty"`    // default 0, the bin of name ""
	Reasons   []uint8   `json:"reasons,omitempty"` // default 0: the value counts
}

// SaveOptions say what of the results a baseline file keeps; the zero value keeps all.
type SaveOptions struct {
	Tokenizers func(TokenID) bool
	Metrics    []string // patterns
}

func (o SaveOptions) metric(id string) bool { return matchesAny(o.Metrics, id) }

// Save writes results as a baseline file: values and reasons, no images and no
// text that was read. Equal results give equal bytes.
func (r *Results) Save(path string, o SaveOptions) error {
	b, err := r.encode(o)
	if err != nil {
		return fmt.Errorf("writing baseline %s: %w", path, err)
	}
	return wholefile.Write(path, b)
}

func (r *Results) encode(o SaveOptions) ([]byte, error) {
	kept := map[string]bool{}
	h := r.Header
	h.Tokens = nil
	for _, t := range r.Tokens {
		if o.Tokenizers == nil || o.Tokenizers(t) {
			kept[t.Name] = true
			h.Tokens = append(h.Tokens, t)
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("no tokenizer is left to save")
	}
	h.Metrics = slices.DeleteFunc(slices.Clone(h.Metrics), func(s metrics.Spec) bool { return !o.metric(s.ID) })
	h.Headline = slices.DeleteFunc(slices.Clone(h.Headline), func(id string) bool { return !o.metric(id) })
	if len(h.Metrics) == 0 {
		return nil, fmt.Errorf("no metric matches %s", strings.Join(o.Metrics, ", "))
	}
	if !o.metric(h.Worst) {
		h.Worst = ""
	}
	h.WorstOf = maps.Clone(h.WorstOf)
	maps.DeleteFunc(h.WorstOf, func(_, id string) bool { return !o.metric(id) })
	h.Failures = slices.DeleteFunc(slices.Clone(h.Failures), func(f summary.Failure) bool {
		return f.Tokenizer != "" && !kept[f.Tokenizer] || f.Metric != "" && !o.metric(f.Metric)
	})
	slices.SortStableFunc(h.Failures, func(a, b summary.Failure) int {
		return cmp.Or(cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Tokenizer, b.Tokenizer),
			cmp.Compare(a.Condition, b.Condition), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Metric, b.Metric))
	})
	if h.Source == FromRun {
		h.Source = FromBaseline
	}
	// Bins and units are numbered anew by name, so that the bytes do not depend on
	// the order of the records.
	d := baselineData{Header: h, Bins: slices.Sorted(slices.Values(r.binNames)), Reasons: reasons} // the first is "" for none
	bins := make([]uint16, len(r.binNames))
	for i, name := range r.binNames {
		bins[i] = uint16(slices.Index(d.Bins, name))
	}
	keys := slices.DeleteFunc(r.keys(), func(k cellKey) bool { return !kept[k.tokenizer] || !o.metric(k.metric) })
	used := make([]bool, len(r.units))
	for _, k := range keys {
		for _, v := range r.cells[k].values {
			used[v.unit] = true
		}
	}
	var order []int32
	for i, u := range used {
		if u {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		x, y := r.units[a], r.units[b]
		return cmp.Or(cmp.Compare(x.dataset, y.dataset), cmp.Compare(x.item, y.item), cmp.Compare(x.instance, y.instance))
	})
	number := make([]int32, len(r.units))
	for i, u := range order {
		number[u] = int32(i)
		x := r.units[u]
		it := baselineItem{Dataset: x.dataset, Item: x.item, Instances: []string{x.instance}}
		if x.cluster != x.item {
			it.Cluster = x.cluster
		}
		// Instances of one item may lie in several clusters.
		if k := len(d.Units) - 1; k >= 0 && d.Units[k].Dataset == it.Dataset && d.Units[k].Item == it.Item && d.Units[k].Cluster == it.Cluster {
			d.Units[k].Instances = append(d.Units[k].Instances, x.instance)
			continue
		}
		d.Units = append(d.Units, it)
	}
	for _, k := range keys {
		d.Series = append(d.Series, r.series(k, number, bins))
	}
	for _, c := range r.corpus {
		if kept[c.Tokenizer] && o.metric(c.Metric) {
			d.Corpus = append(d.Corpus, c)
		}
	}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression) // no name, no time: equal bytes
	if err != nil {
		return nil, err
	}
	// Written by hand because encoding/json would compact Data once more.
	if _, err := fmt.Fprintf(z, `{"format":%q,"version":%d,"sha256":%q,"data":%s}`+"\n", baselineFormat, BaselineVersion, hex.EncodeToString(sum[:]), data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// keys lists the cells in a fixed order.
func (r *Results) keys() []cellKey {
	out := make([]cellKey, 0, len(r.cells))
	for k := range r.cells {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.tokenizer, b.tokenizer),
			cmp.Compare(a.condition, b.condition), cmp.Compare(a.metric, b.metric))
	})
	return out
}

func (r *Results) series(k cellKey, number []int32, bin []uint16) baselineSeries {
	s := baselineSeries{Dataset: k.dataset, Tokenizer: k.tokenizer, Condition: k.condition, Metric: k.metric}
	values := slices.Clone(r.cells[k].values)
	slices.SortFunc(values, func(a, b value) int { return int(number[a.unit]) - int(number[b.unit]) })
	last := int32(0)
	var weights, bins, dropped bool
	for _, v := range values {
		n := number[v.unit]
		s.Units = append(s.Units, n-last)
		last = n
		s.Values = append(s.Values, v.v)
		s.Weights = append(s.Weights, v.n)
		s.Bins = append(s.Bins, bin[v.bin])
		s.Reasons = append(s.Reasons, v.reason)
		weights, bins, dropped = weights || v.n != 1, bins || v.bin != 0, dropped || v.reason != 0
	}
	if !weights {
		s.Weights = nil
	}
	if !bins {
		s.Bins = nil
	}
	if !dropped {
		s.Reasons = nil
	}
	return s
}

func loadBaseline(path string, kinds []metrics.Kind) (*Results, error) {
	f, err := files.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading baseline: %w", err)
	}
	defer f.Close()
	r, err := decodeBaseline(f, kinds)
	if err != nil {
		return nil, fmt.Errorf("reading baseline %s: %w", path, err)
	}
	r.Name = filepath.ToSlash(filepath.Clean(path))
	return r, nil
}

// decodeBaseline reads a baseline file and checks everything in it that code
// relies on: the file comes from a repository that anybody may have edited.
func decodeBaseline(f io.Reader, kinds []metrics.Kind) (*Results, error) {
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("it is not a file made by `vtbench baseline save`: %w", err)
	}
	raw, err := io.ReadAll(io.LimitReader(z, maxBaseline+1))
	if err != nil {
		return nil, fmt.Errorf("it is cut off or damaged: %w", err)
	}
	if len(raw) > maxBaseline {
		return nil, fmt.Errorf("it unpacks to more than %d bytes", maxBaseline)
	}
	var file baselineFile
	if err := boundedjson.Unmarshal(raw, &file, 2*maxBaseline); err != nil {
		return nil, fmt.Errorf("it is not a baseline: %w", err)
	}
	if file.Format != baselineFormat {
		return nil, fmt.Errorf("its format is %q, not %s", file.Format, baselineFormat)
	}
	if file.Version != BaselineVersion {
		return nil, fmt.Errorf("it has version %d, this program reads %d: save it again with `vtbench baseline save`", file.Version, BaselineVersion)
	}
	sum := sha256.Sum256(file.Data)
	if got := hex.EncodeToString(sum[:]); got != file.SHA256 {
		return nil, fmt.Errorf("its checksum is %.12s…, it says %.12s…: it was changed after it was saved; take it from version control again", got, file.SHA256)
	}
	var d baselineData
	if err := boundedjson.Unmarshal(file.Data, &d, maxBaselineMemory); err != nil {
		return nil, fmt.Errorf("its data cannot be read: %w", err)
	}
	d.Header.Metrics = metrics.Fill(d.Header.Metrics, kinds)
	return d.results()
}

func (d *baselineData) results() (*Results, error) {
	b := NewBuilder("", d.Header)
	r := b.r
	r.corpus = d.Corpus
	if len(d.Bins) > 0 {
		if d.Bins[0] != "" {
			return nil, fmt.Errorf("the first bin is %q: want the empty one", d.Bins[0])
		}
		r.binNames = d.Bins
	}
	if err := r.bounded(); err != nil {
		return nil, err
	}
	known := map[string]map[string]bool{"data set": {}, "tokenizer": {}, "metric": {}}
	for _, x := range d.Header.Datasets {
		known["data set"][x.Name] = true
	}
	for _, x := range d.Header.Tokens {
		known["tokenizer"][x.Name] = true
	}
	for _, x := range d.Header.Metrics {
		known["metric"][x.ID] = true
	}
	for _, it := range d.Units {
		if len(r.units)+len(it.Instances) > maxUnits {
			return nil, fmt.Errorf("it has more than %d images and instances", maxUnits)
		}
		for _, in := range it.Instances {
			if n := len(r.units); int(r.unit(it.Dataset, it.Item, it.Cluster, in)) != n {
				return nil, fmt.Errorf("instance %q of %s stands there twice", in, it.Item)
			}
		}
	}
	translate := make([]uint8, len(d.Reasons))
	for i, s := range d.Reasons {
		translate[i] = reasonIndex(s)
	}
	for i := range d.Series {
		s := &d.Series[i]
		k := cellKey{s.Dataset, s.Tokenizer, s.Condition, s.Metric}
		for _, x := range []struct{ what, name string }{{"data set", k.dataset}, {"tokenizer", k.tokenizer}, {"metric", k.metric}} {
			if !known[x.what][x.name] {
				return nil, fmt.Errorf("it has values of %s %q, which its header does not name", x.what, x.name)
			}
		}
		if r.cells[k] != nil {
			return nil, fmt.Errorf("%s of %s under %s stands there twice", k.metric, k.tokenizer, k.condition)
		}
		c, err := s.cell(len(r.units), len(r.binNames), translate)
		if err != nil {
			return nil, fmt.Errorf("%s of %s under %s: %w", k.metric, k.tokenizer, k.condition, err)
		}
		for _, v := range c.values {
			if r.units[v.unit].dataset != k.dataset {
				return nil, fmt.Errorf("%s of %s under %s has a value of data set %s", k.metric, k.tokenizer, k.condition, r.units[v.unit].dataset)
			}
		}
		r.cells[k] = c
	}
	return b.Results()
}

func (s *baselineSeries) cell(units, bins int, translate []uint8) (*cell, error) {
	n := len(s.Units)
	for name, l := range map[string]int{"weights": len(s.Weights), "bins": len(s.Bins), "reasons": len(s.Reasons)} {
		if l != 0 && l != n {
			return nil, fmt.Errorf("%d units but %d %s", n, l, name)
		}
	}
	if len(s.Values) != n {
		return nil, fmt.Errorf("%d units but %d values", n, len(s.Values))
	}
	c := &cell{values: make([]value, n)}
	at := int64(0)
	for i := range n {
		if d := int64(s.Units[i]); d < 0 || d == 0 && i > 0 {
			return nil, errors.New("units do not ascend")
		}
		if at += int64(s.Units[i]); at >= int64(units) {
			return nil, fmt.Errorf("unit %d of %d", at, units)
		}
		v := value{unit: int32(at), v: s.Values[i], n: 1}
		if s.Weights != nil {
			if v.n = s.Weights[i]; v.n < 0 {
				return nil, fmt.Errorf("weight %g", v.n)
			}
		}
		if s.Bins != nil {
			if v.bin = s.Bins[i]; int(v.bin) >= bins {
				return nil, fmt.Errorf("bin %d of %d", v.bin, bins)
			}
		}
		if s.Reasons != nil {
			if int(s.Reasons[i]) >= len(translate) {
				return nil, fmt.Errorf("reason %d of %d", s.Reasons[i], len(translate))
			}
			v.reason = translate[s.Reasons[i]]
		}
		c.values[i] = v
	}
	return c, nil
}
