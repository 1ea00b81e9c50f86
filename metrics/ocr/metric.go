package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/text"
	"github.com/vtbench/vtbench/pix"
)

// The options that opening the metric understands.
const (
	// OptionLang is the language to read, "eng" by default; several are joined by "+".
	OptionLang = "ocr.lang"
	// OptionReadableOnly says whether an instance that is not read exactly in the
	// untouched original stays out of all means; "true" by default, as in TokBench.
	OptionReadableOnly = "ocr.readable_only"
	// OptionData is the folder of the language data; by default TESSDATA_PREFIX,
	// then the system's.
	OptionData = "ocr.data"
)

var optionNames = []string{OptionLang, OptionReadableOnly, OptionData}

// The ids of the values.
const (
	idExact   = "t-acc"
	idNED     = "t-ned"
	idCER     = "cer"
	idWER     = "wer"
	idRelaxed = "t-acc-relaxed"
)

// version covers both the definitions and the standard recipe.
const version = 1

// Specs lists what the metric yields: one value an instance each.
func Specs() []metrics.Spec {
	const tokbench, jiwer = "TokBench (wjf5203/TokBench)", "jitsi/jiwer"
	spec := func(id, title string, better metrics.Direction, top float64, source, short, long string) metrics.Spec {
		return metrics.Spec{
			ID: id, Version: version, Title: title, Unit: "share", Better: better, Min: 0, Max: top,
			Scope: metrics.PerInstance, Source: source, Labels: true,
			Role: metrics.RoleQuality, Show: metrics.Percent(1), Margin: metrics.Margin{Absolute: .01}, Short: short, Long: long,
		}
	}
	binary := func(s metrics.Spec) metrics.Spec { s.Binary = true; return s }
	weighted := func(s metrics.Spec) metrics.Spec { s.Weighted = true; return s }
	as := func(alias string, s metrics.Spec) metrics.Spec { s.Alias = alias; return s }
	return []metrics.Spec{
		as("tokbench:accuracy", binary(spec(idExact, "T-ACC", metrics.Higher, 1, tokbench, "share of words read exactly",
			"Every labelled word is cut out of the reconstruction and read by an OCR engine. It counts only if every character is right, case included. 100 % is perfect reading; the upper bound is what the same engine reads after the same resizing without a tokenizer."))),
		as("tokbench:ned", spec(idNED, "T-NED", metrics.Higher, 1, tokbench, "average share of characters kept",
			"One minus the edit distance between label and reading over the longer of the two, averaged over words. Where T-ACC asks for the whole word, T-NED gives credit for most of it.")),
		weighted(spec(idCER, "CER", metrics.Lower, metrics.Unbounded(1), jiwer, "character errors per character of the labels",
			"Insertions, deletions and substitutions that turn what was read into the labels, summed over all words, over the number of characters in the labels. 0 % is perfect; it may exceed 100 % where the reader invents text.")),
		weighted(spec(idWER, "WER", metrics.Lower, metrics.Unbounded(1), jiwer, "word errors per word of the labels",
			"As CER, counted in words. 0 % is perfect; it may exceed 100 %.")),
		binary(spec(idRelaxed, "T-ACC relaxed", metrics.Higher, 1, "clovaai/deep-text-recognition-benchmark", "share of words read, ignoring case and punctuation",
			"As T-ACC, after both strings are lower-cased and stripped to letters and digits: forgives what a scene-text benchmark usually forgives.")),
	}
}

// Kind is the registry's entry.
func Kind() metrics.Kind { return metrics.Kind{Specs: Specs(), Open: open} }

func open(ctx context.Context, cfg metrics.Config) (metrics.Metric, error) {
	for key := range cfg.Options {
		if strings.HasPrefix(key, "ocr.") && !slices.Contains(optionNames, key) {
			return nil, fmt.Errorf("unknown option %q%s", key, suggest.Hint(key, optionNames))
		}
	}
	m := &metric{readableOnly: true}
	if s, ok := cfg.Options[OptionReadableOnly]; ok {
		var err error
		if m.readableOnly, err = strconv.ParseBool(s); err != nil {
			return nil, fmt.Errorf("option %s: %q is neither true nor false", OptionReadableOnly, s)
		}
	}
	// A client computes from start to end, so more of them than cores gain nothing.
	pool, err := NewPool(ctx, Options{
		Clients: min(cfg.Workers, runtime.GOMAXPROCS(0)),
		Lang:    cfg.Options[OptionLang],
		DataDir: cfg.Options[OptionData],
	})
	if err != nil {
		return nil, err
	}
	if err := pool.Warm(ctx); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	m.pool = pool
	return m, nil
}

type metric struct {
	pool         *Pool
	readableOnly bool
}

func (m *metric) Specs() []metrics.Spec { return Specs() }

func (m *metric) Close() error { return m.pool.Close() }

func (m *metric) Provenance() map[string]string {
	p := m.pool.Provenance()
	p[OptionReadableOnly] = strconv.FormatBool(m.readableOnly)
	return p
}

// Scores implements metrics.Chooser.
func (m *metric) Scores(in datasets.Instance) bool { return !in.Ignore && !in.IsFace() }

// Prepare checks the reference. It is read when the first reconstruction needs
// that, and then never again.
func (m *metric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	if err := ref.Image.Validate(); err != nil {
		return nil, fmt.Errorf("preparing the text of %s: %w", ref.Item, err)
	}
	s := &scorer{metric: m, ref: ref.Image, item: ref.Item, turn: make(chan struct{}, 1)}
	for _, in := range ref.Instances {
		if m.Scores(in) {
			s.instances = append(s.instances, in)
		}
	}
	return s, nil
}

// scorer scores the text of one image.
type scorer struct {
	metric    *metric
	item      string
	ref       pix.Image
	instances []datasets.Instance

	turn     chan struct{} // held by whoever reads the reference or looks whether it has been read
	original []reading     // of the reference; nil until read; guarded by turn
}

// reading is what was read of one instance, or why nothing could be.
type reading struct {
	text string
	err  error
}

func (s *scorer) Score(ctx context.Context, got pix.Image) ([]metrics.Value, error) {
	if err := got.Validate(); err != nil {
		return nil, fmt.Errorf("scoring the text of %s: %w", s.item, err)
	}
	if got.W != s.ref.W || got.H != s.ref.H {
		return nil, fmt.Errorf("scoring the text of %s: reconstruction is %d×%d, reference %d×%d", s.item, got.W, got.H, s.ref.W, s.ref.H)
	}
	untouched := got.Same(s.ref)
	var original []reading
	if untouched || s.metric.readableOnly {
		var err error
		if original, err = s.readOriginal(ctx); err != nil {
			return nil, err
		}
	}
	seen := original
	if !untouched {
		var err error
		if seen, err = s.read(ctx, got, original); err != nil {
			return nil, err
		}
	}
	out := make([]metrics.Value, 0, len(Specs())*len(s.instances))
	for i, in := range s.instances {
		unreadable := !untouched && s.metric.readableOnly && original[i].err == nil && !text.Exact(in.Text, original[i].text)
		out = append(out, values(in, seen[i], unreadable)...)
	}
	return out, nil
}

// readOriginal reads the reference once for all reconstructions. Callers that
// come while it is being read wait; when the reading caller gives up, the next
// one takes over.
func (s *scorer) readOriginal(ctx context.Context) ([]reading, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the text of %s: %w", s.item, ctx.Err())
	}
	defer func() { <-s.turn }()
	if s.original == nil {
		r, err := s.read(ctx, s.ref, nil)
		if err != nil {
			return nil, err
		}
		s.original = r
	}
	return s.original, nil
}

// read reads all instances of an image, as many at once as there are clients.
// Where known is given, crops equal to those of the reference are not read again.
func (s *scorer) read(ctx context.Context, img pix.Image, known []reading) ([]reading, error) {
	out := make([]reading, len(s.instances))
	next := make(chan int, len(s.instances))
	for i := range s.instances {
		next <- i
	}
	close(next)
	pool := s.metric.pool
	var wg sync.WaitGroup
	for range min(pool.Clients(), len(s.instances)) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				in := s.instances[i]
				if known != nil && known[i].err == nil && pool.sameCrop(s.ref, img, in.Box) {
					out[i] = known[i]
					continue
				}
				out[i].text, out[i].err = pool.ReadBox(ctx, img, in.Box)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading the text of %s: %w", s.item, err)
	}
	for _, r := range out {
		if errors.Is(r.err, ErrClosed) { // concerns all, not this instance
			return nil, fmt.Errorf("reading the text of %s: %w", s.item, r.err)
		}
	}
	return out, nil
}

// sameCrop reports whether the crops of a box are equal in two images of one size.
func (p *Pool) sameCrop(a, b pix.Image, box image.Rectangle) bool {
	r, err := p.recipe.region(a, box)
	if err != nil {
		return false
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		if !bytes.Equal(a.Row(y)[3*r.Min.X:3*r.Max.X], b.Row(y)[3*r.Min.X:3*r.Max.X]) {
			return false
		}
	}
	return true
}

// values are those of one instance, in the order of Specs.
func values(in datasets.Instance, r reading, unreadable bool) []metrics.Value {
	if r.err != nil {
		msg := fmt.Sprintf("instance %q: %v", in.ID, r.err)
		var out []metrics.Value
		for _, s := range Specs() {
			out = append(out, metrics.Value{Metric: s.ID, Instance: in.ID, Err: msg})
		}
		return out
	}
	out := []metrics.Value{
		{Metric: idExact, Value: oneIf(text.Exact(in.Text, r.text))},
		{Metric: idNED, Value: text.Similarity(in.Text, r.text, text.CodePoint), Detail: r.text},
		rate(idCER, text.Characters(in.Text, r.text, text.CodePoint)),
		rate(idWER, text.Words(in.Text, r.text)),
		{Metric: idRelaxed},
	}
	relaxed, defined := text.Relaxed(in.Text, r.text)
	out[4].Value = oneIf(relaxed)
	if !defined {
		out[4].Value, out[4].Drop = math.NaN(), metrics.DropUndefined
	}
	for i := range out {
		out[i].Instance = in.ID
		if unreadable {
			out[i].Drop = metrics.DropUnreadable
		}
	}
	return out
}

func rate(id string, e text.Errors) metrics.Value {
	v := metrics.Value{Metric: id, Value: e.Rate(), N: float64(e.Length)}
	if e.Length == 0 {
		v.Drop = metrics.DropUndefined
	}
	return v
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
