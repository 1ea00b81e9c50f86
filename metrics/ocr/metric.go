package ocr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"math"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/vtbench/vtbench/datasets"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/metrics/text"
	"github.com/vtbench/vtbench/pix"
)

// The options that opening the metric understands.
const (
	// OptionEngine is what reads: "tesseract", the default, "ppocr" or "own". Of several,
	// joined by commas, the first yields the metrics without a suffix, each of the others
	// those with its name behind them.
	OptionEngine = "ocr.engine"
	// OptionByTag says who reads instances of a tag in place of the first engine:
	// "ko=tesseract:kor,zh=ppocr".
	OptionByTag = "ocr.by_tag"
	// OptionRecogniser is the file that describes the recogniser of the engine "own".
	OptionRecogniser = "ocr.recogniser"
	// OptionDetect says who finds the lines of a page: "none", the default, takes the
	// boxes of the labels, "ppocr" those that PP-OCR finds in each image.
	OptionDetect = "ocr.detect"
	// OptionLang is the language that Tesseract reads, "eng" by default; several are
	// joined by "+".
	OptionLang = "ocr.lang"
	// OptionReadableOnly says whether an instance that is not read exactly in the
	// untouched original stays out of all means; "true" by default, as in TokBench.
	OptionReadableOnly = "ocr.readable_only"
	// OptionData is the folder of Tesseract's language data; by default TESSDATA_PREFIX,
	// then the system's.
	OptionData = "ocr.data"
)

var optionNames = []string{OptionLang, OptionReadableOnly, OptionData, OptionEngine, OptionByTag, OptionRecogniser, OptionDetect}

// The ids of the values.
const (
	idExact    = "t-acc"
	idNED      = "t-ned"
	idCER      = "cer"
	idWER      = "wer"
	idRelaxed  = "t-acc-relaxed"
	idGrapheme = "cer-grapheme"
	idCell     = "cell-acc"
	idPage     = "page-ned"
	idPageCER  = "page-cer"
	idPageKept = "page-ned-original"
)

// beside are the metrics that engines behind the first have too.
var beside = []string{idExact, idNED, idCER, idPage}

// version covers both the definitions and the standard recipe.
const version = 1

// Specs lists what the metric yields: one value an instance each, and some of whole
// pages. Those of engines behind the first come last.
func Specs() []metrics.Spec {
	out := ownSpecs()
	for _, engine := range Engines() {
		out = append(out, besideSpecs(engine)...)
	}
	return out
}

// ownSpecs are those of the first engine.
func ownSpecs() []metrics.Spec {
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
	page := func(s metrics.Spec) metrics.Spec { s.Scope, s.Binned = metrics.PerImage, true; return s }
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
		weighted(spec(idGrapheme, "CER (graphemes)", metrics.Lower, metrics.Unbounded(1), "CER over extended grapheme clusters (UAX #29), both sides in NFC", "character errors per character, as a reader of the script counts them",
			"As CER, in extended grapheme clusters: a Devanagari syllable with its signs, or a letter with its accents, is one character, however many code points it has.")),
		binary(spec(idCell, "Cells", metrics.Higher, 1, "T-ACC of the cells of tables", "share of the cells of tables read exactly",
			"T-ACC of the instances that the data set tags as cells of a table.")),
		page(spec(idPage, "Page NED", metrics.Higher, 1, "one minus the edit distance of the page's text in reading order over the longer of the two", "share of a page's characters kept, in reading order",
			"All lines of the page are read, in the order of the labels, or where the engine looks for lines itself, in the order in which it finds them, and compared as one text. Lines that cannot be read in the original count too.")),
		page(weighted(spec(idPageCER, "Page CER", metrics.Lower, metrics.Unbounded(1), jiwer+", of the page's text in reading order", "character errors per character of whole pages",
			"As CER, of a page's text in reading order, lines that cannot be read in the original included."))),
		page(spec(idPageKept, "Page NED to original", metrics.Higher, 1, "OmniDoc-TokenBench (alibaba/OmniDoc-TokenBench): both texts are what the reader reads", "agreement of the text read in the reconstruction with the text read in the original",
			"OmniDoc-TokenBench's NED: the reference is what the reader makes of the original, not a label, so data without labels have it too. It says nothing of text that cannot be read in the original.")),
	}
}

// besideSpecs are those of an engine behind the first.
func besideSpecs(engine string) []metrics.Spec {
	var out []metrics.Spec
	for _, s := range ownSpecs() {
		if slices.Contains(beside, s.ID) {
			s.ID, s.Title, s.Alias = s.ID+"-"+engine, s.Title+" ("+titles[engine]+")", ""
			s.Long += " Read by " + titles[engine] + ", beside the engine of the suite."
			out = append(out, s)
		}
	}
	return out
}

// titles are how engines are called in tables.
var titles = map[string]string{EngineTesseract: "Tesseract", EnginePPOCR: "PP-OCR", EngineOwn: "own"}

// Kind is the registry's entry.
func Kind() metrics.Kind {
	return metrics.Kind{Specs: Specs(), Open: open, Beside: alongside, Options: "ocr"}
}

// alongside lists the metrics of engines behind the first, of those that are wanted.
func alongside(wanted []string, options map[string]string) ([]string, error) {
	engines, err := SplitEngines(options[OptionEngine])
	if err != nil {
		return nil, err
	}
	var out []string
	for _, engine := range engines[1:] {
		for _, id := range beside {
			if slices.Contains(wanted, id) {
				out = append(out, id+"-"+engine)
			}
		}
	}
	return out, nil
}

func open(ctx context.Context, cfg metrics.Config) (_ metrics.Metric, err error) {
	s, err := setupOf(cfg)
	if err != nil {
		return nil, err
	}
	m := &metric{setup: s, readableOnly: true, wanted: map[string]bool{}}
	for _, spec := range Specs() {
		m.wanted[spec.ID] = cfg.Wanted == nil || slices.Contains(cfg.Wanted, spec.ID)
	}
	if o, ok := cfg.Options[OptionReadableOnly]; ok {
		if m.readableOnly, err = strconv.ParseBool(o); err != nil {
			return nil, fmt.Errorf("option %s: %q is neither true nor false", OptionReadableOnly, o)
		}
	}
	if m.readers, err = openReaders(ctx, s); err != nil {
		return nil, err
	}
	if s.detect != "" {
		if m.detector, err = openDetector(s); err != nil {
			return nil, errors.Join(err, m.readers.Close())
		}
	}
	return m, nil
}

type metric struct {
	setup        setup
	readers      *readers
	detector     *detector // nil where the labels' boxes are read
	readableOnly bool
	wanted       map[string]bool
}

// Specs are those of the engines that are open. Titles of pages say where their lines
// were looked for.
func (m *metric) Specs() []metrics.Spec {
	out := ownSpecs()
	for _, engine := range m.setup.engines[1:] {
		out = append(out, besideSpecs(engine)...)
	}
	if m.detector != nil {
		for i, s := range out {
			if s.Scope == metrics.PerImage {
				out[i].Title += ", lines found"
				out[i].Long += " Lines were looked for by PP-OCR's detector in each image."
			}
		}
	}
	return out
}

func (m *metric) Close() error {
	err := m.readers.Close()
	if m.detector != nil {
		err = errors.Join(err, m.detector.Close())
	}
	return err
}

func (m *metric) Provenance() map[string]string {
	p := m.readers.provenance(m.setup)
	p[OptionReadableOnly] = strconv.FormatBool(m.readableOnly)
	if m.detector != nil {
		p[OptionDetect] = m.detector.file
		p[OptionDetect+".engine"] = "ONNX Runtime " + m.detector.run
	}
	return p
}

// Scores implements metrics.Chooser.
func (m *metric) Scores(in datasets.Instance) bool { return !in.Ignore && !in.IsFace() && !in.IsEdge() }

// Prepare checks the reference. It is read when the first reconstruction needs
// that, and then never again.
func (m *metric) Prepare(_ context.Context, ref metrics.Reference) (metrics.Scorer, error) {
	if err := ref.Image.Validate(); err != nil {
		return nil, fmt.Errorf("preparing the text of %s: %w", ref.Item, err)
	}
	s := &scorer{metric: m, ref: ref.Image, item: ref.Item}
	for _, in := range ref.Instances {
		switch {
		case !m.Scores(in):
		case in.WholePage():
			s.pages = append(s.pages, in)
		default:
			s.instances = append(s.instances, in)
		}
	}
	for i := range m.readers.eyes {
		s.views = append(s.views, &view{scorer: s, eye: &m.readers.eyes[i], turn: make(chan struct{}, 1)})
	}
	return s, nil
}

// scorer scores the text of one image.
type scorer struct {
	metric    *metric
	item      string
	ref       pix.Image
	instances []datasets.Instance // words and lines
	pages     []datasets.Instance // whose text is that of the whole image, without boxes
	views     []*view             // one an engine
}

// A view is what one engine has read of the reference.
type view struct {
	*scorer
	eye      *eye
	turn     chan struct{} // held by whoever reads the reference or looks whether it has been read
	original *sight        // of the reference; nil until read; guarded by turn
}

// A sight is what an engine reads in an image.
type sight struct {
	instances []reading
	page      reading // all lines in reading order, where they are looked for
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
	var out []metrics.Value
	for i, v := range s.views {
		values, err := v.score(ctx, got, untouched)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			values = slices.DeleteFunc(values, func(v metrics.Value) bool { return !slices.Contains(beside, v.Metric) })
			for k := range values {
				values[k].Metric += "-" + v.eye.engine
			}
		}
		out = append(out, values...)
	}
	return slices.DeleteFunc(out, func(v metrics.Value) bool { return !s.metric.wanted[v.Metric] }), nil
}

// score returns the values of one engine, under the names of the first.
func (s *view) score(ctx context.Context, got pix.Image, untouched bool) ([]metrics.Value, error) {
	m := s.metric
	var original *sight
	if untouched || m.readableOnly || m.wanted[idPageKept] {
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
	var out []metrics.Value
	for i, in := range s.instances {
		unreadable := !untouched && m.readableOnly && original.instances[i].err == nil && !text.Exact(in.Text, original.instances[i].text)
		out = append(out, m.values(in, seen.instances[i], unreadable)...)
	}
	return append(out, s.pageValues(seen, original)...), nil
}

// readOriginal reads the reference once for all reconstructions. Callers that
// come while it is being read wait; when the reading caller gives up, the next
// one takes over.
func (s *view) readOriginal(ctx context.Context) (*sight, error) {
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

// read reads all instances of an image, as many at once as the engine likes, and the
// page. Where known is given, crops equal to those of the reference are not read again.
func (s *view) read(ctx context.Context, img pix.Image, known *sight) (*sight, error) {
	out := &sight{instances: make([]reading, len(s.instances))}
	err := s.each(ctx, len(s.instances), func(i int) error {
		in := s.instances[i]
		by := s.eye.of(in.Tags)
		if known != nil && known.instances[i].err == nil && sameCrop(by, s.ref, img, in.Box) {
			out.instances[i] = known.instances[i]
			return nil
		}
		r := &out.instances[i]
		r.text, r.err = by.ReadBox(ctx, img, in.Box)
		return r.err
	})
	if err == nil && s.metric.detector != nil {
		out.page.text, out.page.err = s.readPage(ctx, img)
		err = unusable(ctx, out.page.err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the text of %s: %w", s.item, err)
	}
	return out, nil
}

// readPage looks for the lines of an image and reads them in order.
func (s *view) readPage(ctx context.Context, img pix.Image) (string, error) {
	boxes, err := s.metric.detector.lines(ctx, img)
	if err != nil {
		return "", err
	}
	lines := make([]reading, len(boxes))
	err = s.each(ctx, len(boxes), func(i int) error {
		lines[i].text, lines[i].err = s.eye.reader.ReadBox(ctx, img, boxes[i])
		return lines[i].err
	})
	if err != nil {
		return "", err
	}
	return joined(lines)
}

// each calls f for 0 to n−1, several at once. Only what concerns all of them is an
// error: that the context has ended, or that the engine is closed.
func (s *view) each(ctx context.Context, n int, f func(int) error) error {
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for range min(s.eye.clients(), n) {
		wg.Go(func() {
			for i := range next {
				if ctx.Err() != nil {
					return
				}
				errs[i] = f(i)
			}
		})
	}
	wg.Wait()
	return unusable(ctx, errs...)
}

// unusable is the first of errors that concerns all instances.
func unusable(ctx context.Context, errs ...error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, err := range errs {
		if errors.Is(err, ErrClosed) {
			return err
		}
	}
	return nil
}

// sameCrop reports whether the crops of a box are equal in two images of one size.
func sameCrop(by reader, a, b pix.Image, box image.Rectangle) bool {
	r, err := by.region(a, box)
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
func (m *metric) values(in datasets.Instance, r reading, unreadable bool) []metrics.Value {
	ids := []string{idExact, idNED, idCER, idWER, idRelaxed}
	if m.wanted[idGrapheme] {
		ids = append(ids, idGrapheme)
	}
	if slices.Contains(in.Tags, datasets.TagCell) {
		ids = append(ids, idCell)
	}
	out := make([]metrics.Value, 0, len(ids))
	for _, id := range ids {
		v := metrics.Value{Metric: id}
		switch {
		case r.err != nil:
			v.Err = fmt.Sprintf("instance %q: %v", in.ID, r.err)
		case id == idExact || id == idCell:
			v.Value = oneIf(text.Exact(in.Text, r.text))
		case id == idNED:
			v.Value, v.Detail = text.Similarity(in.Text, r.text, text.CodePoint), r.text
		case id == idCER:
			v = rate(id, text.Characters(in.Text, r.text, text.CodePoint))
		case id == idWER:
			v = rate(id, text.Words(in.Text, r.text))
		case id == idGrapheme:
			v = rate(id, text.Characters(norm.NFC.String(in.Text), norm.NFC.String(r.text), text.Grapheme))
		case id == idRelaxed:
			relaxed, defined := text.Relaxed(in.Text, r.text)
			v.Value = oneIf(relaxed)
			if !defined {
				v.Value, v.Drop = math.NaN(), metrics.DropUndefined
			}
		}
		if unreadable && v.Err == "" {
			v.Drop = metrics.DropUnreadable
		}
		v.Instance = in.ID
		out = append(out, v)
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
