// Claims measures what the published systems claim of their quantizers, and writes
// the table of docs/rules.md between its markers.
//
//	make claims
//
// runs the suite rules.yaml with vtbench, in which text is read and which plots come
// from, and then this program. The list of claims, with thresholds that were set before
// measuring, is claims.yaml. Images are those that nothing was fitted on, at 256×256
// pixels: rendered text, portraits and photographs.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	alldata "github.com/vtbench/vtbench/datasets/all"
	"github.com/vtbench/vtbench/datasets/corrupt"
	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/wholefile"
	"github.com/vtbench/vtbench/metrics/conformal"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/cheapest"
	"github.com/vtbench/vtbench/tokenizers/internal/sample"
	"github.com/vtbench/vtbench/tokenizers/quant"
)

//go:embed claims.yaml
var listed []byte

// A claim is one entry of the list.
type claim struct {
	ID        string   `yaml:"id"`
	System    string   `yaml:"system"`
	Claim     string   `yaml:"claim"`
	Measure   string   `yaml:"measure"`
	Of        arm      `yaml:"of"`
	Against   arm      `yaml:"against"`
	Curve     []string `yaml:"curve"`
	Rate      string   `yaml:"rate"`
	Least     float64  `yaml:"least"`
	Undecided string   `yaml:"undecided"`
}

// An arm is a tokenizer under a treatment.
type arm struct {
	Use    string `yaml:"use"`
	Input  string `yaml:"input"`  // blur, jpeg: done to the image before it
	Damage string `yaml:"damage"` // drop, random, repair, cluster: done to a fifth of its tokens
}

// share is how many of the tokens a damage hits.
const share = .2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "claims:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("claims", flag.ContinueOnError)
	out := flags.String("o", "docs/rules.md", "file whose tables are written anew, between its markers")
	figures := flags.String("plots", "docs/images", "folder for the plots")
	only := flags.Bool("only-plots", false, "draw the plots, and measure nothing")
	video := flags.Bool("only-films", false, "measure the claims of films, and nothing else")
	images := flags.Int("images", 24, "images of each kind")
	read := flags.String("run", "runs/rules", "run of rules.yaml, in which text was read")
	if err := flags.Parse(args); err != nil {
		return err
	}
	claims, err := list()
	if err != nil {
		return err
	}
	ofFilms, err := listClips()
	if err != nil {
		return err
	}
	if *video {
		body, err := films(ctx, ofFilms)
		if err != nil {
			return err
		}
		return write(*out, map[string]string{"films": body})
	}
	texts, err := readings(*read)
	if err != nil {
		return err
	}
	if err := plots(*read, *figures); err != nil || *only {
		return err
	}
	b := &bench{texts: texts, tokens: map[string]tokenizers.Tokenizer{}, seen: map[string][]outcome{}}
	for _, kind := range []struct{ name, set string }{{"text", "text-default"}, {"faces", "portraits-default"}, {"photographs", "photos-default"}} {
		s, err := load(ctx, kind.set, *images)
		if err != nil {
			return err
		}
		b.names, b.sets = append(b.names, kind.name), append(b.sets, s)
		fmt.Fprintf(os.Stderr, "%s: %d images of %s\n", kind.name, len(s.images), kind.set)
	}
	var table strings.Builder
	if err := b.table(ctx, &table, claims); err != nil {
		return err
	}
	var rates strings.Builder
	if err := b.rates(ctx, &rates); err != nil {
		return err
	}
	var bounds strings.Builder
	if err := b.bounds(ctx, &bounds); err != nil {
		return err
	}
	// Written before the films, which need ffmpeg: what was measured is not lost for want of it.
	if err := write(*out, map[string]string{"claims": table.String(), "rates": rates.String(), "bounds": bounds.String()}); err != nil {
		return err
	}
	body, err := films(ctx, ofFilms)
	if err != nil {
		return err
	}
	return write(*out, map[string]string{"films": body})
}

// write puts tables between their markers in a file.
func write(file string, tables map[string]string) error {
	text, err := files.Read(file, files.MaxModel)
	if err != nil {
		return err
	}
	for marker, body := range tables {
		if text, err = replace(text, marker, body); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return wholefile.Write(file, text)
}

// kinds are the tokenizers that claims are about.
func kinds() []tokenizers.Kind { return append(quant.Kinds(), cheapest.Kind(quant.Kinds)) }

// list reads and checks the list.
func list() ([]claim, error) {
	var claims []claim
	if err := strictyaml.Decode("claims.yaml", listed, &claims); err != nil {
		return nil, err
	}
	kinds := kinds()
	for _, c := range claims {
		if c.Undecided != "" {
			continue
		}
		arms := []string{c.Of.Use}
		if c.Against.Use != "" {
			arms = append(arms, c.Against.Use)
		}
		for _, use := range append(arms, c.Curve...) {
			s, err := tokenizers.ParseSpec(use, kinds)
			if err == nil {
				_, _, err = tokenizers.Resolve(s, kinds)
			}
			if err != nil {
				return nil, fmt.Errorf("claim %s: %w", c.ID, err)
			}
		}
		if !slices.Contains([]string{"psnr", "t-ned", "usage", "usage-of-ceiling"}, c.Measure) || len(c.Curve) > 0 && c.Rate != "real" && c.Rate != "nominal" {
			return nil, fmt.Errorf("claim %s: measure %q at rate %q", c.ID, c.Measure, c.Rate)
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

// A set is the images of one kind, in clusters that are drawn together.
type set struct {
	images   []pix.Image
	clusters [][]int
}

const side = 256

func load(ctx context.Context, name string, n int) (*set, error) {
	d, err := datasets.Open(ctx, name, alldata.Kinds())
	if err != nil {
		return nil, err
	}
	s := &set{}
	at := map[string]int{}
	for i, id := range d.IDs() {
		if len(s.images) == n {
			break
		}
		item, err := d.Load(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, id, err)
		}
		m, _, err := pix.Fit(item.Image, side)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, id, err)
		}
		cluster := item.Cluster
		if cluster == "" {
			cluster = id
		}
		c, ok := at[cluster]
		if !ok {
			c = len(s.clusters)
			at[cluster] = c
			s.clusters = append(s.clusters, nil)
		}
		s.clusters[c] = append(s.clusters[c], len(s.images))
		s.images = append(s.images, m)
	}
	return s, nil
}

// An outcome is what an arm made of one image.
type outcome struct {
	psnr, nominal, real, capacity float64
	image                         pix.Image
	ids                           []int32 // of the first book
	size                          int
}

// bench keeps what was measured.
type bench struct {
	texts  *texts
	names  []string
	sets   []*set
	tokens map[string]tokenizers.Tokenizer
	seen   map[string][]outcome
}

func (b *bench) open(ctx context.Context, use string) (tokenizers.Tokenizer, error) {
	if t, ok := b.tokens[use]; ok {
		return t, nil
	}
	kinds := kinds()
	spec, err := tokenizers.ParseSpec(use, kinds)
	if err != nil {
		return nil, err
	}
	kind, opts, err := tokenizers.Resolve(spec, kinds)
	if err != nil {
		return nil, err
	}
	ctx = tokenizers.WithProgress(ctx, func(line string) { fmt.Fprintln(os.Stderr, use+":", line) })
	t, err := kind.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	b.tokens[use] = t
	return t, nil
}

// workers is how many images are measured at once; every tokenizer here may be called
// from several goroutines.
const workers = 4

// outcomes are those of an arm on a set.
func (b *bench) outcomes(ctx context.Context, a arm, k int) ([]outcome, error) {
	key := fmt.Sprint(a, k)
	if o, ok := b.seen[key]; ok {
		return o, nil
	}
	tok, err := b.open(ctx, a.Use)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.Use, err)
	}
	images := b.sets[k].images
	out, errs := make([]outcome, len(images)), make([]error, len(images))
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < len(images); i += workers {
				var err error
				if out[i], err = measure(ctx, tok, a, images[i], i); err != nil {
					errs[i] = fmt.Errorf("%s on image %d of %s: %w", a.Use, i, b.names[k], err)
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	b.seen[key] = out
	return out, nil
}

func measure(ctx context.Context, tok tokenizers.Tokenizer, a arm, img pix.Image, index int) (outcome, error) {
	shown, err := treat(img, a.Input)
	if err != nil {
		return outcome{}, err
	}
	rs, err := tok.Reconstruct(ctx, []pix.Image{shown})
	if err != nil {
		return outcome{}, err
	}
	r := rs[0]
	if r.Err != nil {
		return outcome{}, r.Err
	}
	px := float64(img.W * img.H)
	o := outcome{real: float64(r.Bits) / px, capacity: r.Capacity / px}
	if r.Codes != nil {
		for _, book := range r.Codes.Books {
			o.nominal += float64(len(book.IDs)) * math.Log2(float64(book.Size)) / px
		}
		o.ids, o.size = r.Codes.Books[0].IDs, r.Codes.Books[0].Size
	}
	if a.Damage != "" {
		codes, err := damage(tok, r.Codes, a.Damage, uint64(index))
		if err != nil {
			return outcome{}, err
		}
		decoder, ok := tok.(tokenizers.Decoder)
		if !ok {
			return outcome{}, errors.New("it cannot decode codes")
		}
		images, err := decoder.Decode(ctx, []*tokenizers.Codes{codes}, img.W, img.H)
		if err != nil {
			return outcome{}, err
		}
		r.Image = images[0]
	}
	o.image = r.Image
	o.psnr, err = quality.PSNR(img, r.Image)
	return o, err
}

// treat damages what the tokenizer is shown.
func treat(img pix.Image, how string) (pix.Image, error) {
	switch how {
	case "":
		return img, nil
	case "blur":
		return corrupt.Apply(img, "gaussian_blur", 2, corrupt.Options{})
	case "jpeg":
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img.RGBA(), &jpeg.Options{Quality: 10}); err != nil {
			return pix.Image{}, err
		}
		m, err := pix.Decode(&b, pix.Options{})
		return m.Image, err
	}
	return pix.Image{}, fmt.Errorf("there is no input %q", how)
}

// damage hits a fifth of the tokens, the same ones for every way.
func damage(tok tokenizers.Tokenizer, codes *tokenizers.Codes, how string, seed uint64) (*tokenizers.Codes, error) {
	out := &tokenizers.Codes{Books: slices.Clone(codes.Books)}
	lost := make([][]bool, len(out.Books))
	rng := rand.New(rand.NewPCG(seed, 20))
	for b := range out.Books {
		book := &out.Books[b]
		book.IDs = slices.Clone(book.IDs)
		lost[b] = make([]bool, len(book.IDs))
		mode := frequent(book.IDs)
		for i := range book.IDs {
			hit, pick := rng.Float64() < share, rng.Uint64()
			if !hit {
				continue
			}
			switch how {
			case "drop":
				book.IDs[i] = mode
			case "random":
				book.IDs[i] = int32(pick % uint64(book.Size))
			case "repair":
				lost[b][i] = true
			case "cluster":
				c, ok := tok.(tokenizers.Clusterer)
				if !ok {
					return nil, errors.New("it has no clusters of codes")
				}
				others, err := c.Alternatives(codes, b, i)
				if err != nil {
					return nil, err
				}
				if len(others) > 0 {
					book.IDs[i] = others[pick%uint64(len(others))]
				}
			default:
				return nil, fmt.Errorf("there is no damage %q", how)
			}
		}
	}
	if how != "repair" {
		return out, nil
	}
	r, ok := tok.(tokenizers.Repairer)
	if !ok {
		return nil, errors.New("it cannot guess lost codes")
	}
	return r.Repair(out, lost, side, side)
}

func frequent(ids []int32) int32 {
	counts := map[int32]int{}
	best := int32(0)
	for _, id := range ids {
		if counts[id]++; counts[id] > counts[best] || counts[id] == counts[best] && id < best {
			best = id
		}
	}
	return best
}

// A value is a statistic of chosen images.
type value func(images []int) float64

// interval is a statistic with its 95 % percentile bootstrap interval over
// clusters. It is resampled as a whole, since neither a curve nor the union of used
// codes is a mean over images.
func interval(s *set, f value) (v, lo, hi float64) {
	const resamples = 1000
	v = f(slices.Concat(s.clusters...))
	rng := rand.New(rand.NewPCG(1, 95))
	draws := make([]float64, resamples)
	var images []int
	for d := range draws {
		images = images[:0]
		for range s.clusters {
			images = append(images, s.clusters[rng.IntN(len(s.clusters))]...)
		}
		draws[d] = f(images)
	}
	slices.Sort(draws)
	return v, draws[resamples*25/1000], draws[resamples*975/1000]
}

// jackknife is a statistic with a 95 % interval from leaving out one cluster after
// the other. A set drawn with repetitions has fewer different codes than one without,
// so that the bootstrap of a union is biased.
func jackknife(s *set, f value) (v, lo, hi float64) {
	n := float64(len(s.clusters))
	v = f(slices.Concat(s.clusters...))
	var without []float64
	var middle, squares float64
	for c := range s.clusters {
		w := f(slices.Concat(slices.Concat(s.clusters[:c]...), slices.Concat(s.clusters[c+1:]...)))
		without = append(without, w)
		middle += w / n
	}
	for _, w := range without {
		squares += (w - middle) * (w - middle)
	}
	const deviations = 1.96
	e := deviations * math.Sqrt((n-1)/n*squares)
	return v, v - e, v + e
}

func mean(of []outcome, images []int, get func(outcome) float64) float64 {
	var sum float64
	for _, i := range images {
		sum += get(of[i])
	}
	return sum / float64(len(images))
}

func psnrOf(o outcome) float64 { return o.psnr }

// statistic is what a claim compares, on one set.
func (b *bench) statistic(ctx context.Context, c claim, k int) (value, error) {
	of, err := b.outcomes(ctx, c.Of, k)
	if err != nil {
		return nil, err
	}
	switch {
	case c.Measure == "usage-of-ceiling":
		return func(images []int) float64 { u, ceiling := usage(of, images); return u / ceiling }, nil
	case c.Measure == "usage":
		other, err := b.outcomes(ctx, c.Against, k)
		if err != nil {
			return nil, err
		}
		return func(images []int) float64 {
			u, _ := usage(of, images)
			v, _ := usage(other, images)
			return u - v
		}, nil
	case len(c.Curve) > 0:
		var family [][]outcome
		for _, use := range c.Curve {
			o, err := b.outcomes(ctx, arm{Use: use, Input: c.Of.Input}, k)
			if err != nil {
				return nil, err
			}
			family = append(family, o)
		}
		rate := func(o outcome) float64 { return o.nominal }
		if c.Rate == "real" {
			rate = func(o outcome) float64 { return o.real }
		}
		return func(images []int) float64 {
			var x, y []float64
			for _, o := range family {
				x, y = append(x, math.Log(mean(o, images, rate))), append(y, mean(o, images, psnrOf))
			}
			return mean(of, images, psnrOf) - along(x, y, math.Log(mean(of, images, rate)))
		}, nil
	case c.Against.Use != "":
		other, err := b.outcomes(ctx, c.Against, k)
		if err != nil {
			return nil, err
		}
		return func(images []int) float64 {
			return mean(of, images, psnrOf) - mean(other, images, psnrOf)
		}, nil
	}
	return func(images []int) float64 { return mean(of, images, psnrOf) }, nil
}

// along interpolates, and continues the first and the last piece beyond the ends.
func along(x, y []float64, at float64) float64 {
	i := 1
	for i < len(x)-1 && x[i] < at {
		i++
	}
	return y[i-1] + (y[i]-y[i-1])*(at-x[i-1])/(x[i]-x[i-1])
}

// usage is the share of the codebook that images use together, and the most that as
// many tokens can.
func usage(of []outcome, images []int) (used, ceiling float64) {
	seen := map[int32]bool{}
	n := 0
	for _, i := range images {
		n += len(of[i].ids)
		for _, id := range of[i].ids {
			seen[id] = true
		}
	}
	k := float64(of[0].size)
	return float64(len(seen)) / k, 1 - math.Exp(-float64(n)/k)
}

// fewest is how many clusters an interval needs; of fewer only the value is shown.
const fewest = 6

// verdict reads an interval against the threshold.
func verdict(lo, hi, least float64) string {
	switch {
	case lo >= least:
		return "holds"
	case hi < least:
		return "does not"
	}
	return "undecided"
}

func (b *bench) table(ctx context.Context, w *strings.Builder, claims []claim) error {
	fmt.Fprintf(w, "| claim | measured | at least |")
	for _, n := range b.names {
		fmt.Fprintf(w, " %s |", n)
	}
	fmt.Fprintf(w, "\n|---|---|---|%s\n", strings.Repeat("---|", len(b.names)))
	for _, c := range claims {
		if c.Undecided != "" {
			continue
		}
		unit := map[string]string{"psnr": " dB", "t-ned": " points"}[c.Measure]
		fmt.Fprintln(os.Stderr, c.ID)
		fmt.Fprintf(w, "| %s: %s | %s | %g%s |", c.System, c.Claim, c.what(), c.Least, unit)
		if c.Measure == "t-ned" {
			if err := b.texts.row(w, c); err != nil {
				return fmt.Errorf("claim %s: %w", c.ID, err)
			}
			continue
		}
		for k := range b.names {
			f, err := b.statistic(ctx, c, k)
			if err != nil {
				return fmt.Errorf("claim %s: %w", c.ID, err)
			}
			v, lo, hi := interval(b.sets[k], f)
			if c.Measure != "psnr" {
				v, lo, hi = jackknife(b.sets[k], f)
			}
			if len(b.sets[k].clusters) < fewest {
				fmt.Fprintf(w, " %s |", decimals(v))
				continue
			}
			fmt.Fprintf(w, " %s: %s (%s … %s) |", verdict(lo, hi, c.Least), decimals(v), decimals(lo), decimals(hi))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "\nWhat cannot be decided here:\n\n| claim | why |\n|---|---|")
	for _, c := range claims {
		if c.Undecided != "" {
			fmt.Fprintf(w, "| %s: %s | %s |\n", c.System, c.Claim, c.Undecided)
		}
	}
	return nil
}

// decimals writes two digits behind the point, and nothing as nothing.
func decimals(v float64) string {
	if s := fmt.Sprintf("%.2f", v); s != "-0.00" {
		return s
	}
	return "0.00"
}

// what says which numbers a claim compares.
func (c claim) what() string {
	out := "`" + c.Of.String() + "`"
	switch {
	case len(c.Curve) > 0:
		out += " less the curve of `" + strings.Join(c.Curve, "`, `") + "` at its " + c.Rate + " rate"
	case c.Against.Use != "":
		out += " less `" + c.Against.String() + "`"
	}
	switch c.Measure {
	case "psnr":
	case "t-ned":
		out = "T-NED: " + out
	default:
		out = strings.ReplaceAll(c.Measure, "-", " ") + ": " + out
	}
	return out
}

func (a arm) String() string {
	out := a.Use
	if a.Input != "" {
		out += " after " + a.Input
	}
	if a.Damage != "" {
		out += " with a fifth " + map[string]string{"drop": "dropped", "random": "random", "repair": "repaired", "cluster": "swapped in clusters"}[a.Damage]
	}
	return out
}

// rates lists every preset by its default: fixed-length and real bits side by side,
// since they rank rules differently.
func (b *bench) rates(ctx context.Context, w *strings.Builder) error {
	fmt.Fprint(w, "| rule | bpp, fixed length | bpp, coded |")
	for _, n := range b.names {
		fmt.Fprintf(w, " %s, dB |", n)
	}
	fmt.Fprintf(w, " text read, T-NED %% |\n|---|---|---|%s\n", strings.Repeat("---|", len(b.names)+1))
	for _, kind := range quant.Kinds() {
		var nominal, coded, capacity float64
		var cells []string
		for k := range b.names {
			o, err := b.outcomes(ctx, arm{Use: kind.Example}, k)
			if err != nil {
				return err
			}
			all := slices.Concat(b.sets[k].clusters...)
			n := float64(len(b.names))
			nominal += mean(o, all, func(o outcome) float64 { return o.nominal }) / n
			coded += mean(o, all, func(o outcome) float64 { return o.real }) / n
			capacity += mean(o, all, func(o outcome) float64 { return o.capacity }) / n
			cells = append(cells, fmt.Sprintf("%.2f", mean(o, all, psnrOf)))
		}
		shares, err := b.texts.of(kind.Example)
		if err != nil {
			return err
		}
		cells = append(cells, fmt.Sprintf("%.1f", 100*shares(b.texts.all())))
		rates := fmt.Sprintf("%.3f | %.3f", nominal, coded)
		if nominal == 0 {
			rates = "– | –"
			if capacity > 0 {
				rates = fmt.Sprintf("– | %.3f (capacity)", capacity)
			}
		}
		fmt.Fprintf(w, "| `%s` | %s | %s |\n", kind.Example, rates, strings.Join(cells, " | "))
	}
	return nil
}

// bounded are the tokenizers whose errors are bounded, misses the shares of blocks that
// may exceed their bound.
var (
	bounded = []string{"kl:dim=32", "vq:k=1024", "rvq"}
	misses  = []float64{.1, .05}
)

// bounds calibrates block-wise error bounds on the photographs that are there for
// that, and measures what they cover on others.
func (b *bench) bounds(ctx context.Context, w *strings.Builder) error {
	var calibration []pix.Image
	for _, f := range assets.Photographs(assets.Calibrate) {
		path, err := assets.Path(f.Name)
		if err != nil {
			return err
		}
		m, err := pix.Load(path)
		if err != nil {
			return err
		}
		fitted, _, err := pix.Fit(sample.Shrink(m, 1024), side)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		calibration = append(calibration, fitted)
	}
	k := slices.Index(b.names, "photographs")
	fmt.Fprintln(w, "| tokenizer | stated | covered | mean bound, grey values | |\n|---|---|---|---|---|")
	for _, use := range bounded {
		var got []pix.Image
		tok, err := b.open(ctx, use)
		if err != nil {
			return err
		}
		for i, img := range calibration {
			o, err := measure(ctx, tok, arm{Use: use}, img, i)
			if err != nil {
				return err
			}
			got = append(got, o.image)
		}
		of, err := b.outcomes(ctx, arm{Use: use}, k)
		if err != nil {
			return err
		}
		for _, alpha := range misses {
			fit, err := conformal.Calibrate(calibration, got, alpha)
			if err != nil {
				return err
			}
			covers := make([]conformal.Coverage, len(of))
			for i, o := range of {
				if covers[i], err = fit.Cover(b.sets[k].images[i], o.image); err != nil {
					return err
				}
			}
			total := func(images []int) (all conformal.Coverage) {
				for _, i := range images {
					all = all.Add(covers[i])
				}
				return all
			}
			v, lo, hi := interval(b.sets[k], func(images []int) float64 { return total(images).Rate() })
			fmt.Fprintf(w, "| `%s` | %g %% | %.1f %% (%.1f … %.1f) | %.0f | %s |\n", use, 100*(1-alpha), 100*v, 100*lo, 100*hi,
				total(slices.Concat(b.sets[k].clusters...)).MeanWidth(), verdict(lo, hi, 1-alpha))
		}
	}
	return nil
}
