package ocr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"strings"

	"github.com/vtbench/vtbench/internal/suggest"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// The engines that read.
const (
	EngineTesseract = "tesseract" // Tesseract's LSTM reader
	EnginePPOCR     = "ppocr"     // the recogniser of PP-OCRv6, in ONNX Runtime
	EngineOwn       = "own"       // the user's recogniser, described by OptionRecogniser
)

// Engines lists the engines there are, the default first.
func Engines() []string { return []string{EngineTesseract, EnginePPOCR, EngineOwn} }

// A reader reads the text in boxes of images. What it reads depends on the pixels of the
// region alone. It is safe for concurrent use.
type reader interface {
	// region is the part of an image that the reading of a box depends on.
	region(img pix.Image, box image.Rectangle) (image.Rectangle, error)
	// ReadBox reads the text of a box: one word or line, white space at the ends removed
	// and every run of it inside made one space.
	ReadBox(ctx context.Context, img pix.Image, box image.Rectangle) (string, error)
	// Clients is how many boxes are worth reading at once.
	Clients() int
	Provenance() map[string]string
	Close() error
}

// tidy is what is done to the text of every engine.
func tidy(s string) string { return strings.Join(strings.Fields(s), " ") }

// setup is what the options say.
type setup struct {
	engines []string         // the first reads for the metrics without a suffix
	routes  map[string]route // of the first engine, by tag of an instance
	lang    string
	detect  string
	options map[string]string
	workers int
}

// A route is who reads the instances of a tag, in place of the first engine.
type route struct{ engine, lang string }

// splitRoutes reads OptionByTag: "ko=tesseract:kor,hi=tesseract:hin,zh=ppocr".
func splitRoutes(s string) (map[string]route, error) {
	out := map[string]route{}
	for entry := range strings.SplitSeq(s, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		tag, by, ok := strings.Cut(entry, "=")
		engine, lang, _ := strings.Cut(by, ":")
		switch {
		case !ok || tag == "":
			return nil, fmt.Errorf("option %s: %q: want TAG=ENGINE or TAG=tesseract:LANGUAGE", OptionByTag, entry)
		case !slices.Contains(Engines(), engine):
			return nil, fmt.Errorf("option %s: there is no engine %q%s", OptionByTag, engine, suggest.Hint(engine, Engines()))
		case lang != "" && engine != EngineTesseract:
			return nil, fmt.Errorf("option %s: %q: only tesseract takes a language", OptionByTag, entry)
		}
		if _, twice := out[tag]; twice {
			return nil, fmt.Errorf("option %s names the tag %q twice", OptionByTag, tag)
		}
		out[tag] = route{engine, lang}
	}
	return out, nil
}

// SplitEngines reads OptionEngine: engines by name, "" for the default.
func SplitEngines(s string) ([]string, error) {
	var out []string
	for name := range strings.SplitSeq(s, ",") {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case !slices.Contains(Engines(), name):
			return nil, fmt.Errorf("option %s: there is no engine %q%s; there are %s", OptionEngine, name, suggest.Hint(name, Engines()), strings.Join(Engines(), ", "))
		case slices.Contains(out, name):
			return nil, fmt.Errorf("option %s names %s twice", OptionEngine, name)
		default:
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		out = []string{EngineTesseract}
	}
	return out, nil
}

func setupOf(cfg metrics.Config) (setup, error) {
	o := cfg.Options
	for key := range o {
		if strings.HasPrefix(key, "ocr.") && !slices.Contains(optionNames, key) {
			return setup{}, fmt.Errorf("unknown option %q%s", key, suggest.Hint(key, optionNames))
		}
	}
	s := setup{lang: o[OptionLang], detect: o[OptionDetect], options: o, workers: max(cfg.Workers, 1)}
	var err error
	if s.engines, err = SplitEngines(o[OptionEngine]); err != nil {
		return s, err
	}
	if s.routes, err = splitRoutes(o[OptionByTag]); err != nil {
		return s, err
	}
	switch s.detect {
	case "", "none":
		s.detect = ""
	case EnginePPOCR:
	default:
		return s, fmt.Errorf("option %s is %q: want none or %s", OptionDetect, s.detect, EnginePPOCR)
	}
	uses := slices.Contains(s.engines, EngineOwn)
	for _, r := range s.routes {
		uses = uses || r.engine == EngineOwn
	}
	if uses != (o[OptionRecogniser] != "") {
		return s, fmt.Errorf("%s and an engine %q belong together: give both or neither", OptionRecogniser, EngineOwn)
	}
	return s, nil
}

// readers are the opened engines of a metric.
type readers struct {
	opened map[route]reader
	eyes   []eye // one for each of setup.engines
}

// An eye is an engine as a metric uses it: one reader, or one for each tag.
type eye struct {
	engine string
	reader reader
	byTag  map[string]reader
}

// of is the reader of an instance with these tags.
func (e eye) of(tags []string) reader {
	for _, t := range tags {
		if r, ok := e.byTag[t]; ok {
			return r
		}
	}
	return e.reader
}

// clients is the most boxes that are worth reading at once.
func (e eye) clients() int {
	n := e.reader.Clients()
	for _, r := range e.byTag {
		n = max(n, r.Clients())
	}
	return n
}

func openReaders(ctx context.Context, s setup) (_ *readers, err error) {
	r := &readers{opened: map[route]reader{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	for i, name := range s.engines {
		e := eye{engine: name}
		if e.reader, err = r.open(ctx, s, route{name, s.lang}); err != nil {
			return nil, err
		}
		if i == 0 && len(s.routes) > 0 {
			e.byTag = map[string]reader{}
			for _, tag := range slices.Sorted(maps.Keys(s.routes)) {
				if e.byTag[tag], err = r.open(ctx, s, s.routes[tag]); err != nil {
					return nil, err
				}
			}
		}
		r.eyes = append(r.eyes, e)
	}
	return r, nil
}

// open opens an engine, once for each language.
func (r *readers) open(ctx context.Context, s setup, key route) (reader, error) {
	if key.engine != EngineTesseract {
		key.lang = ""
	} else if key.lang == "" {
		key.lang = DefaultLang
	}
	if there, ok := r.opened[key]; ok {
		return there, nil
	}
	var opened reader
	var err error
	switch key.engine {
	case EngineTesseract:
		opened, err = openTesseract(ctx, s, key.lang)
	case EnginePPOCR:
		opened, err = openPPOCR(s)
	case EngineOwn:
		opened, err = openOwn(s)
	}
	if err != nil {
		return nil, err
	}
	r.opened[key] = opened
	return opened, nil
}

func openTesseract(ctx context.Context, s setup, lang string) (reader, error) {
	p, err := NewPool(ctx, Options{Clients: s.computing(), Lang: lang, DataDir: s.options[OptionData]})
	if err != nil {
		return nil, err
	}
	if err := p.Warm(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// provenance of all engines. That of Tesseract alone is what it was before there were
// others, so that older runs can be compared.
func (r *readers) provenance(s setup) map[string]string {
	out := map[string]string{}
	lang := cmp.Or(s.lang, DefaultLang)
	for key, e := range r.opened {
		p := e.Provenance()
		if key.engine == EngineTesseract && key.lang != lang {
			delete(p, OptionLang) // of a route, which is told below
		}
		maps.Copy(out, p)
	}
	if len(s.engines) > 1 || s.engines[0] != EngineTesseract || len(s.routes) > 0 {
		out[OptionEngine] = strings.Join(s.engines, ",")
	}
	if len(s.routes) > 0 {
		out[OptionByTag] = s.options[OptionByTag]
	}
	return out
}

func (r *readers) Close() error {
	var errs []error
	for _, e := range r.opened {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}
