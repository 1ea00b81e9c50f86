package compare

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/suite"
	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
)

// ImportOptions say of published results what their files do not.
type ImportOptions struct {
	Origin  string // where they were published: a page, a paper, a commit
	Dataset string // name of the data set; "" means the format's usual one
	Suite   string // likewise

	// Specs finds a metric by its id, or by its alias in files of others: which end is
	// better, how it is shown.
	Specs func(name string) (metrics.Spec, bool)

	// The rest is for CSV.
	Tokenizer string   // where there is no column of that name
	Condition string   // likewise; "" means "clean"
	Bins      []string // scale bins from small to large; nil takes them as they come
	Headline  []string // metrics that decide; nil means all
}

// maxImport bounds the size of a file to import: TokBench's largest has 25 MB.
const maxImport = 128 << 20

func importHeader(o ImportOptions, suite string) Header {
	if o.Suite != "" {
		suite = o.Suite
	}
	// Versions of imports are 0, which no suite, data set or metric of ours has: an
	// import is never taken for something that was measured here.
	return Header{Source: Imported, Origin: o.Origin, Suite: SuiteID{ID: suite}}
}

func importFile(name string, read func(io.Reader) error) error {
	f, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("importing: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > maxImport {
		return fmt.Errorf("importing %s: it has %d bytes, more than %d", name, st.Size(), maxImport)
	}
	if err := read(io.LimitReader(f, maxImport)); err != nil {
		return fmt.Errorf("importing %s: %w", name, err)
	}
	return nil
}

// tokBench is the layout of TokBench's per-instance files, of which the means are
// not used: {method: {setting: {results, details: {file: {results: […]}}}}}.
type tokBench map[string]map[string]struct {
	Details map[string]struct {
		Results []tokBenchInstance `json:"results"`
	} `json:"details"`
}

type tokBenchInstance struct {
	Ratio      *float64 `json:"ratio"`
	Accuracy   *float64 `json:"accuracy"`
	NED        *float64 `json:"ned"` // 1 − distance: higher is better
	Similarity *float64 `json:"similarity"`
}

const tokBenchSource = "TokBench, published per-instance results"

// tokBenchFields are the metrics of its files, by the names that they have there.
var tokBenchFields = []struct {
	alias string
	value func(tokBenchInstance) *float64
	edges map[int][]float64
}{
	{"tokbench:accuracy", func(in tokBenchInstance) *float64 { return in.Accuracy }, tokBenchText},
	{"tokbench:ned", func(in tokBenchInstance) *float64 { return in.NED }, tokBenchText},
	{"tokbench:similarity", func(in tokBenchInstance) *float64 { return in.Similarity }, tokBenchFace},
}

// tokBenchSpecs are the metrics that are called so here, in the order of the fields.
func tokBenchSpecs(o ImportOptions) ([]metrics.Spec, error) {
	var out []metrics.Spec
	for _, f := range tokBenchFields {
		s, ok := metrics.Spec{}, false
		if o.Specs != nil {
			s, ok = o.Specs(f.alias)
		}
		if !ok {
			return nil, fmt.Errorf("importing: no metric here is called %q elsewhere", f.alias)
		}
		s.Version, s.Scope, s.Source = 0, metrics.PerInstance, tokBenchSource
		out = append(out, s)
	}
	return out, nil
}

// Edges of TokBench's scale bins by resolution (compute_all_metrics.py, June 2025).
var (
	tokBenchText = map[int][]float64{256: {.02, .03, .04, 1}, 512: {.01, .02, .03, 1}, 1024: {.005, .01, .02, 1}}
	tokBenchFace = map[int][]float64{256: {.1, .2, .3, 1}, 512: {.05, .1, .2, 1}, 1024: {.02, .05, .1, 1}}
)

var tokBenchBins = []string{"small", "medium", "large"}

// ImportTokBench reads the per-instance results that TokBench publishes, one file a
// set. Their instances are pooled, as its tables do, in one data set whose items
// are named FILE/IMAGE; its own scale bins are applied.
func ImportTokBench(files []string, o ImportOptions) (*Results, error) {
	if len(files) == 0 {
		return nil, errors.New("importing: there is no file")
	}
	if o.Dataset == "" {
		o.Dataset = "tokbench"
	}
	specs, err := tokBenchSpecs(o)
	if err != nil {
		return nil, err
	}
	b := NewBuilder(files[0], importHeader(o, "tokbench"))
	for _, name := range files {
		stem := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
		if err := importFile(name, func(r io.Reader) error { return b.tokBench(stem, r, o.Dataset, specs) }); err != nil {
			return nil, err
		}
	}
	return b.imported(tokBenchBins, nil, specs)
}

func (b *Builder) tokBench(stem string, r io.Reader, dataset string, specs []metrics.Spec) error {
	var file tokBench
	text, err := io.ReadAll(r)
	if err == nil {
		err = boundedjson.Unmarshal(text, &file, boundedjson.Default)
	}
	if err != nil {
		return fmt.Errorf("it is not laid out as TokBench's {method: {setting: {details: {image: {results}}}}}: %w", err)
	}
	values := 0
	for _, method := range slices.Sorted(maps.Keys(file)) {
		if method == "" {
			return errors.New("a method has an empty name: whose values these are is not known")
		}
		for _, setting := range slices.Sorted(maps.Keys(file[method])) {
			// Settings are "256" or end in "_256".
			side, err := strconv.Atoi(setting[strings.LastIndexByte(setting, '_')+1:])
			if err != nil || tokBenchText[side] == nil {
				return fmt.Errorf("%s: setting %q is not one of 256, 512, 1024", method, setting)
			}
			cond := suite.Condition{Resolution: side}.String()
			details := file[method][setting].Details
			for _, image := range slices.Sorted(maps.Keys(details)) {
				for i, in := range details[image].Results {
					if in.Ratio == nil {
						return fmt.Errorf("%s, %s, %s, instance %d has no ratio", method, setting, image, i)
					}
					rec := record.Record{Tokenizer: method, Dataset: dataset, Item: stem + "/" + image, Instance: fmt.Sprintf("%03d", i), Condition: cond}
					n := b.tokBenchValues(rec, in, side, specs)
					if n == 0 {
						return fmt.Errorf("%s, %s, %s, instance %d has none of accuracy, ned, similarity", method, setting, image, i)
					}
					values += n
				}
			}
		}
	}
	if values == 0 {
		return errors.New("it holds no values")
	}
	return nil
}

// tokBenchValues adds what one instance has and returns how many values that are.
func (b *Builder) tokBenchValues(rec record.Record, in tokBenchInstance, side int, specs []metrics.Spec) int {
	n := 0
	for k, f := range tokBenchFields {
		v := f.value(in)
		if v == nil {
			continue
		}
		n++
		x := rec
		x.Metric, x.Value, x.Drop = specs[k].ID, record.Num(*v), metrics.DropOutside
		edges := f.edges[side]
		for i, name := range tokBenchBins {
			if *in.Ratio >= edges[i] && *in.Ratio < edges[i+1] {
				x.Bin, x.Drop = name, ""
			}
		}
		b.Add(&x)
	}
	return n
}

// imported completes a header from what was added.
func (b *Builder) imported(bins, headline []string, specs []metrics.Spec) (*Results, error) {
	r := b.r
	tokens, sets, ids := map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}
	for k, c := range r.cells {
		tokens[k.tokenizer], ids[k.metric] = true, true
		if sets[k.dataset] == nil {
			sets[k.dataset] = map[string]bool{}
		}
		for _, v := range c.values {
			sets[k.dataset][r.units[v.unit].item] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		// "ori" is TokBench's name of the untouched image.
		bound := slices.Contains([]string{"ori", "original", "resize"}, strings.ToLower(name))
		r.Tokens = append(r.Tokens, TokenID{Name: name, Reference: bound})
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		r.Datasets = append(r.Datasets, DatasetID{Name: name, Items: len(sets[name])})
	}
	for _, s := range specs {
		if ids[s.ID] {
			r.Metrics = append(r.Metrics, s)
			if headline == nil {
				r.Headline = append(r.Headline, s.ID)
			}
		}
	}
	for _, id := range headline {
		if !ids[id] {
			return nil, fmt.Errorf("importing %s: headline metric %q has no values: there are %s", r.Name, id, strings.Join(slices.Sorted(maps.Keys(ids)), ", "))
		}
		r.Headline = append(r.Headline, id)
	}
	r.Bins = bins
	if len(r.Headline) > 0 {
		r.Worst = r.Headline[0]
	}
	return b.Results()
}

// csvColumns are the columns that a CSV file may have; see [ImportCSV].
var csvColumns = []string{"item", "metric", "value", "tokenizer", "dataset", "instance", "condition", "bin", "cluster", "n"}

// ImportCSV reads one value a line, with a header that names the columns: item,
// metric and value are required, tokenizer, dataset, instance, condition, bin,
// cluster and n (the weight) are optional. An empty value is a failure; inf, −inf
// and nan are counted and stay out of means.
func ImportCSV(name string, o ImportOptions) (*Results, error) {
	b := NewBuilder(name, importHeader(o, "imported"))
	var specs []metrics.Spec
	err := importFile(name, func(r io.Reader) (err error) {
		specs, err = b.csv(r, o)
		return err
	})
	if err != nil {
		return nil, err
	}
	bins := o.Bins
	if bins == nil {
		bins = slices.DeleteFunc(slices.Clone(b.r.binNames), func(s string) bool { return s == "" })
	}
	return b.imported(bins, o.Headline, specs)
}

func (b *Builder) csv(r io.Reader, o ImportOptions) ([]metrics.Spec, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	at := map[string]int{}
	for i, c := range head {
		c = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(c, "\ufeff"))) // spreadsheets write a byte-order mark
		if !slices.Contains(csvColumns, c) {
			return nil, fmt.Errorf("unknown column %q%s; there are %s", c, suggest.Hint(c, csvColumns), strings.Join(csvColumns, ", "))
		}
		if _, twice := at[c]; twice {
			return nil, fmt.Errorf("column %s stands there twice", c)
		}
		at[c] = i
	}
	for _, c := range csvColumns[:3] {
		if _, ok := at[c]; !ok {
			return nil, fmt.Errorf("it has no column %s", c)
		}
	}
	if _, ok := at["tokenizer"]; !ok && o.Tokenizer == "" {
		return nil, errors.New("it has no column tokenizer: say whose values these are")
	}
	or := func(s, d string) string {
		if s == "" {
			return d
		}
		return s
	}
	_, instances := at["instance"]
	var specs []metrics.Spec
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			if len(specs) == 0 {
				return nil, errors.New("it holds no values")
			}
			return specs, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		if i := slices.IndexFunc(row, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
			return nil, fmt.Errorf("line %d, column %d is not UTF-8: save the file as such, or two names may become one", line, i+1)
		}
		field := func(c string) string {
			if i, ok := at[c]; ok {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		rec := record.Record{
			Tokenizer: or(field("tokenizer"), o.Tokenizer), Dataset: or(field("dataset"), or(o.Dataset, "imported")), Item: field("item"),
			Cluster: field("cluster"), Instance: field("instance"), Condition: or(field("condition"), or(o.Condition, "clean")),
			Metric: field("metric"), Bin: field("bin"),
		}
		if rec.Item == "" || rec.Metric == "" || rec.Tokenizer == "" {
			return nil, fmt.Errorf("line %d: item, metric and tokenizer must not be empty", line)
		}
		if _, err := suite.ParseCondition(rec.Condition); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if err := csvNumbers(&rec, field("value"), field("n")); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if !slices.ContainsFunc(specs, func(s metrics.Spec) bool { return s.ID == rec.Metric }) {
			s, ok := metrics.Spec{}, false
			if o.Specs != nil {
				s, ok = o.Specs(rec.Metric)
			}
			if !ok {
				return nil, fmt.Errorf("line %d: metric %q is not known: say which end of it is better", line, rec.Metric)
			}
			s.ID, s.Version, s.Scope, s.Source = strings.Clone(rec.Metric), 0, metrics.PerImage, "imported"
			if instances {
				s.Scope = metrics.PerInstance
			}
			specs = append(specs, s)
		}
		b.Add(&rec)
	}
}

func csvNumbers(rec *record.Record, value, weight string) error {
	if weight != "" {
		n, err := strconv.ParseFloat(weight, 64)
		if err != nil || !(n > 0) || math.IsInf(n, 0) {
			return fmt.Errorf("n is %q, want a weight above 0", weight)
		}
		rec.N = n
	}
	if value == "" {
		rec.Error = "no value"
		return nil
	}
	v, err := strconv.ParseFloat(strings.Replace(value, "−", "-", 1), 64)
	switch {
	case err != nil:
		return fmt.Errorf("value is %q, want a number", value)
	case math.IsNaN(v):
		rec.Note = "nan"
	case math.IsInf(v, 1):
		rec.Note = "inf"
	case math.IsInf(v, -1):
		rec.Note = "-inf"
	default:
		rec.Value = record.Num(v)
	}
	return nil
}
