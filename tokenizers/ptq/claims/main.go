// Claims measures what published systems claim of quantizing weights, from a run of
// weights.yaml, and writes the tables of docs/weights.md between their markers, and the
// plots.
//
//	vtbench run --suite tokenizers/ptq/claims/weights.yaml -o runs/weights-rules
//	vtbench run --suite weights -o runs/weights
//	go run ./tokenizers/ptq/claims
//
// `make claims` does all three. Claims, with thresholds that were set before measuring,
// are in claims.yaml.
package main

import (
	"bytes"
	_ "embed"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/reports/plot"
	"github.com/vtbench/vtbench/reports/view"
	"github.com/vtbench/vtbench/tokenizers/ptq"
)

//go:embed claims.yaml
var listed []byte

// of is the network that all claims are about.
const of = "conv-vq:f=4"

// claim is one entry of the list.
type claim struct {
	ID      string   `yaml:"id"`
	System  string   `yaml:"system"`
	Claim   string   `yaml:"claim"`
	Of      string   `yaml:"of"`
	Against string   `yaml:"against"`
	Curve   []string `yaml:"curve"`
	Measure string   `yaml:"measure"`
	Least   float64  `yaml:"least"`
}

// spec is what an arm is called in the run.
func spec(arm string) string {
	if arm == "float" {
		return of
	}
	return "ptq:of={" + of + "}," + arm
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "claims:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("claims", flag.ContinueOnError)
	out := flags.String("o", "docs/weights.md", "file whose tables are written anew, between its markers")
	figures := flags.String("plots", "docs/images", "folder for the plots")
	rules := flags.String("run", "runs/weights-rules", "run of weights.yaml")
	suite := flags.String("suite", "runs/weights", "run of the suite weights, which plots are of")
	table := flags.String("sensitivity", "tokenizers/ptq/sensitivity/conv-vq-f4.json", "what was measured of single layers")
	if err := flags.Parse(args); err != nil {
		return err
	}
	claims, err := list()
	if err != nil {
		return err
	}
	r, err := read(*rules)
	if err != nil {
		return err
	}
	text, err := files.Read(*out, files.MaxModel)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		marker string
		write  func(*strings.Builder) error
	}{
		{"rules", r.rules},
		{"best", r.best},
		{"claims", func(w *strings.Builder) error { return r.claims(w, claims) }},
	} {
		var w strings.Builder
		if err := part.write(&w); err != nil {
			return err
		}
		if text, err = replace(text, part.marker, w.String()); err != nil {
			return fmt.Errorf("%s: %w", *out, err)
		}
	}
	if err := plots(*suite, *figures); err != nil {
		return err
	}
	if err := layers(*table, *figures); err != nil {
		return err
	}
	return wholefile.Write(*out, text)
}

func list() ([]claim, error) {
	var claims []claim
	if err := strictyaml.Decode("claims.yaml", listed, &claims); err != nil {
		return nil, err
	}
	for _, c := range claims {
		if measures[c.Measure].dataset == "" || c.Of == "" || (c.Against == "") == (len(c.Curve) == 0) {
			return nil, fmt.Errorf("claim %s: want of, against or a curve, and a measure of those in main.go", c.ID)
		}
	}
	return claims, nil
}

// replace writes body between the markers of that name.
func replace(text []byte, marker, body string) ([]byte, error) {
	begin, end := "<!-- "+marker+" -->\n", "<!-- end of "+marker+" -->"
	i := bytes.Index(text, []byte(begin))
	j := bytes.Index(text, []byte(end))
	if i < 0 || j < i {
		return nil, fmt.Errorf("there are no markers %q and %q", strings.TrimSpace(begin), end)
	}
	return slices.Concat(text[:i+len(begin)], []byte(body), text[j:]), nil
}

// A measure is a metric on the data set that it is taken on.
type measure struct {
	dataset, unit string
	scale         float64
	places        int
}

var measures = map[string]measure{
	"psnr":             {"photos-small", " dB", 1, 2},
	"t-ned":            {"text-small", " points", 100, 1},
	"f-sim-calibrated": {"portraits-default", "", 1, 3},
}

// mark is the sum of a metric over an item, and the weight of what was summed.
type mark struct{ sum, n float64 }

// results are those of a run.
type results struct {
	tokens   []record.TokenEntry
	marks    map[string]map[string]map[string]mark // by metric, tokenizer, item
	clusters map[string][][]string                 // by metric: items that are drawn together
}

func read(dir string) (*results, error) {
	var m record.Manifest
	if err := record.ReadJSON(filepath.Join(dir, record.ManifestFile), &m); err != nil {
		return nil, fmt.Errorf("%w: `make claims` runs the suite first", err)
	}
	r := &results{tokens: m.Tokenizers, marks: map[string]map[string]map[string]mark{}, clusters: map[string][][]string{}}
	at := map[string]map[string]int{}
	for rec, err := range record.Records(dir) {
		if err != nil {
			return nil, err
		}
		if measures[rec.Metric].dataset != rec.Dataset || rec.Dataset == "" || rec.Tokenizer == "" || !strings.HasPrefix(rec.Condition, "clean") {
			continue
		}
		v, why := rec.Counted()
		if why != "" || rec.Drop != "" || math.IsInf(v, 0) {
			continue
		}
		if r.marks[rec.Metric] == nil {
			r.marks[rec.Metric], at[rec.Metric] = map[string]map[string]mark{}, map[string]int{}
		}
		of := r.marks[rec.Metric]
		if of[rec.Tokenizer] == nil {
			of[rec.Tokenizer] = map[string]mark{}
		}
		m := of[rec.Tokenizer][rec.Item]
		of[rec.Tokenizer][rec.Item] = mark{m.sum + v*rec.Weight(), m.n + rec.Weight()}
		cluster := rec.Cluster
		if cluster == "" {
			cluster = rec.Item
		}
		k, ok := at[rec.Metric][cluster]
		if !ok {
			k = len(r.clusters[rec.Metric])
			at[rec.Metric][cluster] = k
			r.clusters[rec.Metric] = append(r.clusters[rec.Metric], nil)
		}
		if !slices.Contains(r.clusters[rec.Metric][k], rec.Item) {
			r.clusters[rec.Metric][k] = append(r.clusters[rec.Metric][k], rec.Item)
		}
	}
	if len(r.marks) == 0 {
		return nil, fmt.Errorf("%s has no values", dir)
	}
	return r, nil
}

// mean is that of a metric over items, as the metric is told.
func (r *results) mean(metric, token string, items []string) float64 {
	var sum, n float64
	for _, i := range items {
		m := r.marks[metric][token][i]
		sum, n = sum+m.sum, n+m.n
	}
	return measures[metric].scale * sum / n
}

func (r *results) token(name string) (record.TokenEntry, error) {
	for _, t := range r.tokens {
		if t.Name == name {
			return t, nil
		}
	}
	return record.TokenEntry{}, fmt.Errorf("%s is not in the run: it belongs into tokenizers/ptq/claims/weights.yaml", name)
}

// fewest is how many clusters an interval needs.
const fewest = 6

// interval is a statistic of items with its 95 % percentile bootstrap interval over
// clusters; NaN ends where there are too few.
func (r *results) interval(metric string, f func(items []string) float64) (v, lo, hi float64) {
	clusters := r.clusters[metric]
	v = f(slices.Concat(clusters...))
	if len(clusters) < fewest {
		return v, math.NaN(), math.NaN()
	}
	const resamples = 1000
	rng := rand.New(rand.NewPCG(1, 95))
	draws := make([]float64, resamples)
	var items []string
	for d := range draws {
		items = items[:0]
		for range clusters {
			items = append(items, clusters[rng.IntN(len(clusters))]...)
		}
		draws[d] = f(items)
	}
	slices.Sort(draws)
	return v, draws[resamples*25/1000], draws[resamples*975/1000]
}

func number(v float64, places int) string {
	s := fmt.Sprintf("%+.*f", places, v)
	if strings.Trim(s, "+-0.") == "" {
		return strings.TrimLeft(s, "+-")
	}
	return s
}

// rules lists all that was run: bits, size, and the differences from the float network.
func (r *results) rules(w *strings.Builder) error {
	full, err := r.token(of)
	if err != nil {
		return err
	}
	all := func(metric string) []string { return slices.Concat(r.clusters[metric]...) }
	fmt.Fprintf(w, "| `ptq:of={%s},` | bits | with all that is stored | kB of the file | T-NED, points | F-Sim | PSNR, dB |\n|---|---:|---:|---:|---:|---:|---:|\n", of)
	fmt.Fprintf(w, "| float16, as it ships | 16 | | %.0f | %.1f | %.3f | %.2f |\n", float64(full.Info.WeightBytes)/1000,
		r.mean("t-ned", of, all("t-ned")), r.mean("f-sim-calibrated", of, all("f-sim-calibrated")), r.mean("psnr", of, all("psnr")))
	for _, t := range r.tokens {
		arm, ok := strings.CutPrefix(t.Name, "ptq:of={"+of+"},")
		if !ok {
			continue
		}
		arm, _, _ = strings.Cut(arm, ",sensitivity=")
		cells := []string{"`" + arm + "`", t.Info.Params["nominal_bits"], t.Info.Params["real_bits"], fmt.Sprintf("%.0f", float64(t.Info.WeightBytes)/1000)}
		for _, metric := range []string{"t-ned", "f-sim-calibrated", "psnr"} {
			v, lo, hi := r.interval(metric, func(items []string) float64 { return r.mean(metric, t.Name, items) - r.mean(metric, of, items) })
			p := measures[metric].places
			cell := number(v, p)
			if !math.IsNaN(lo) {
				cell += " [" + number(lo, p) + ", " + number(hi, p) + "]"
			}
			cells = append(cells, cell)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
	return nil
}

// best names, for each number of bits, the best rule by each metric and those that are no
// worse: whose paired interval of the difference holds zero.
func (r *results) best(w *strings.Builder) error {
	fmt.Fprintln(w, "| kB, at most | by T-NED | by PSNR |\n|---:|---|---|")
	for _, most := range []float64{150, 225, 250, 300, 350, 450, 800} {
		cells := []string{fmt.Sprintf("%.0f", most)}
		for _, metric := range []string{"t-ned", "psnr"} {
			items := slices.Concat(r.clusters[metric]...)
			var best string
			var names []string
			for _, t := range r.tokens {
				if !strings.HasPrefix(t.Name, "ptq:") || float64(t.Info.WeightBytes) > most*1000 {
					continue
				}
				names = append(names, t.Name)
				if best == "" || r.mean(metric, t.Name, items) > r.mean(metric, best, items) {
					best = t.Name
				}
			}
			if best == "" {
				cells = append(cells, "–")
				continue
			}
			var ties []string
			for _, n := range names {
				_, lo, _ := r.interval(metric, func(items []string) float64 { return r.mean(metric, best, items) - r.mean(metric, n, items) })
				if n != best && lo <= 0 {
					ties = append(ties, n)
				}
			}
			cell := short(best)
			switch {
			case len(ties) > 4:
				cell += fmt.Sprintf("; no worse: %s and %d more", joined(ties[:3]), len(ties)-3)
			case len(ties) > 0:
				cell += "; no worse: " + joined(ties)
			}
			cells = append(cells, cell)
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
	return nil
}

func short(name string) string {
	name, _, _ = strings.Cut(name, ",sensitivity=")
	return "`" + strings.TrimPrefix(strings.TrimPrefix(name, "ptq:of={"+of+"},"), "rule=") + "`"
}

func joined(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = short(n)
	}
	return strings.Join(out, ", ")
}

func (r *results) claims(w *strings.Builder, claims []claim) error {
	fmt.Fprintln(w, "| claim | measured | at least | verdict |\n|---|---|---|---|")
	for _, c := range claims {
		m := measures[c.Measure]
		first, err := r.token(spec(c.Of))
		if err != nil {
			return fmt.Errorf("claim %s: %w", c.ID, err)
		}
		arm, _, _ := strings.Cut(c.Of, ",sensitivity=")
		what := "`" + arm + "` less "
		var f func(items []string) float64
		if c.Against != "" {
			other, err := r.token(spec(c.Against))
			if err != nil {
				return fmt.Errorf("claim %s: %w", c.ID, err)
			}
			what += "`" + c.Against + "`"
			f = func(items []string) float64 {
				return r.mean(c.Measure, first.Name, items) - r.mean(c.Measure, other.Name, items)
			}
		} else {
			var x []float64
			var family []record.TokenEntry
			for _, arm := range c.Curve {
				t, err := r.token(spec(arm))
				if err != nil {
					return fmt.Errorf("claim %s: %w", c.ID, err)
				}
				family, x = append(family, t), append(x, math.Log(float64(t.Info.WeightBytes)))
			}
			what += "the curve of `" + strings.Join(c.Curve, "`, `") + "` at its size"
			f = func(items []string) float64 {
				y := make([]float64, len(family))
				for i, t := range family {
					y[i] = r.mean(c.Measure, t.Name, items)
				}
				return r.mean(c.Measure, first.Name, items) - along(x, y, math.Log(float64(first.Info.WeightBytes)))
			}
		}
		v, lo, hi := r.interval(c.Measure, f)
		verdict := "undecided"
		switch {
		case lo >= c.Least:
			verdict = "holds"
		case hi < c.Least:
			verdict = "does not"
		}
		fmt.Fprintf(w, "| %s: %s | %s: %s | %s%s | %s: %s [%s, %s] |\n", c.System, c.Claim, strings.ToUpper(c.Measure), what,
			fmt.Sprint(c.Least), m.unit, verdict, number(v, m.places), number(lo, m.places), number(hi, m.places))
	}
	return nil
}

// along interpolates, and continues the first and the last piece beyond the ends.
func along(x, y []float64, at float64) float64 {
	i := 1
	for i < len(x)-1 && x[i] < at {
		i++
	}
	return y[i-1] + (y[i]-y[i-1])*(at-x[i-1])/(x[i]-x[i-1])
}

// shown are the figures of docs/weights.md.
var shown = []string{
	"size-t-ned-text-small-clean-256", "size-t-ned-text-small-gaussian_noise-3-256",
	"size-psnr-photos-small-clean-256", "size-f-sim-calibrated-portraits-default-clean-256",
}

// plots draws the figures of size that a report of the suite has.
func plots(dir, folder string) error {
	r, err := summary.Open(dir, nil)
	if err != nil {
		return err
	}
	v, err := view.New(r)
	if err != nil {
		return err
	}
	drawn := 0
	for _, f := range plot.Figures(v) {
		if !slices.Contains(shown, f.Name) {
			continue
		}
		b, err := f.Figure.PNG()
		if err != nil {
			return err
		}
		if err := wholefile.Write(filepath.Join(folder, "weights-"+f.Name+".png"), b); err != nil {
			return err
		}
		drawn++
	}
	if drawn < len(shown) {
		return fmt.Errorf("%s has %d of the figures %s", dir, drawn, strings.Join(shown, ", "))
	}
	return nil
}

// layers draws what each layer is worth.
func layers(file, folder string) error {
	s, err := ptq.ReadSensitivities(file)
	if err != nil {
		return err
	}
	f := plot.Figure{
		Title: "Layers by sensitivity: what is lost with one at 2 bits, " + s.Of,
		X:     plot.Axis{Label: "layer"}, Y: plot.Axis{Label: "loss, points of a hundred", Scale: 100},
		Note: "Below zero: by chance. Drop of T-NED on 12 images of text, of F-Sim on 12 portraits of two people.",
	}
	read := plot.Series{Name: "T-NED", Style: view.Style{Colour: 0, Marker: 0}, Line: true}
	faces := plot.Series{Name: "F-Sim", Style: view.Style{Colour: 1, Marker: 1}, Line: true}
	for i, l := range s.Layers {
		f.X.Names = append(f.X.Names, fmt.Sprint(i+1))
		point := func(y float64) plot.Point {
			return plot.Point{X: float64(i), Y: y, Lo: math.NaN(), Hi: math.NaN(), XLo: math.NaN(), XHi: math.NaN()}
		}
		read.Points, faces.Points = append(read.Points, point(l.TNED)), append(faces.Points, point(l.FSim))
	}
	f.Series = []plot.Series{read, faces}
	b, err := f.PNG()
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(folder, "weights-layers.png"), b)
}
