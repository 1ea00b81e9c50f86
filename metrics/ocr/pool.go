package ocr

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"sync"

	"github.com/vtbench/vtbench/pix"
)

// ErrClosed is what a closed pool answers.
var ErrClosed = errors.New("ocr: the pool is closed")

// Options say how a pool is set up. The zero value is one client for English.
type Options struct {
	Clients int    // most clients at once; less than 1 means 1
	Lang    string // Tesseract's language name or several, "eng+deu"; "" means "eng"
	DataDir string // folder of the .traineddata files; "" looks at TESSDATA_PREFIX, then where distributions keep them
}

// DefaultLang is the language read where none is named.
const DefaultLang = "eng"

// A Pool holds warm Tesseract clients. It is safe for concurrent use: as many
// callers as there are clients read at once, the others wait. What is read from
// a crop depends on the crop alone, not on the client or on what was read before.
type Pool struct {
	recipe recipe
	data   languageData
	// Slots wait in warm when they have a client and in cold when they have none
	// yet; whoever takes a slot owns it until it is put back.
	warm, cold chan *slot
	closing    chan struct{}
	closeOnce  sync.Once
	closeErr   error
}

type slot struct{ engine *engine }

// NewPool finds the language data, checks it, and starts the first client, so
// that whatever is missing shows here, as a *missing.Error. The other clients
// start when they are first needed.
func NewPool(ctx context.Context, opt Options) (*Pool, error) {
	return newPool(ctx, opt, standard)
}

func newPool(ctx context.Context, opt Options, r recipe) (*Pool, error) {
	lang := opt.Lang
	if lang == "" {
		lang = DefaultLang
	}
	data, err := findLanguage(lang, opt.DataDir)
	if err != nil {
		return nil, err
	}
	if err := data.try(ctx, r); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("trying Tesseract's language data: %w", ctx.Err())
		}
		return nil, missingLanguage(lang, fmt.Errorf("the data in %s are damaged: %w", data.dir, err))
	}
	n := max(opt.Clients, 1)
	p := &Pool{
		recipe:  r,
		data:    data,
		warm:    make(chan *slot, n),
		cold:    make(chan *slot, n),
		closing: make(chan struct{}),
	}
	for range n {
		p.cold <- &slot{}
	}
	s, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	p.put(s)
	return p, nil
}

// Clients is the most clients the pool will run.
func (p *Pool) Clients() int { return cap(p.warm) }

// Warm starts all clients that have not been started yet. Starting one takes
// about 60 ms, during which gosseract points the whole process's stderr at
// /dev/null: a program that writes there should warm its pool before.
func (p *Pool) Warm(ctx context.Context) error {
	for {
		select {
		case s := <-p.cold:
			if err := p.start(ctx, s); err != nil {
				return err
			}
			p.put(s)
		default:
			return nil
		}
	}
}

// Recognise reads the text of a crop: one line, any height. The result is what
// Tesseract says, stripped of white space at both ends and with inner runs of
// white space made one space; case and punctuation stay. A crop without
// readable text gives "".
//
// It waits for a free client until the context ends; a recognition that has
// begun is finished, which takes milliseconds (a tenth of a second for the
// longest line).
func (p *Pool) Recognise(ctx context.Context, crop pix.Image) (string, error) {
	line, err := p.recipe.encode(crop)
	if err != nil || line == nil {
		return "", err
	}
	s, err := p.take(ctx)
	if err != nil {
		return "", err
	}
	text, err := s.engine.read(line)
	if err != nil {
		// A client that failed once is not trusted again; its slot starts a new one.
		err = errors.Join(err, s.engine.close())
		s.engine = nil
	}
	p.put(s)
	if err != nil {
		return "", err
	}
	return tidy(text), nil
}

// ReadBox is [Crop] and [Pool.Recognise] in one: what the metrics do with every
// instance.
func (p *Pool) ReadBox(ctx context.Context, img pix.Image, box image.Rectangle) (string, error) {
	crop, err := p.recipe.crop(img, box)
	if err != nil {
		return "", err
	}
	return p.Recognise(ctx, crop)
}

func (p *Pool) region(img pix.Image, box image.Rectangle) (image.Rectangle, error) {
	return p.recipe.region(img, box)
}

// Provenance tells what the texts depend on besides this package's code.
func (p *Pool) Provenance() map[string]string {
	m := map[string]string{
		"tesseract":         libraryVersion(),
		"ocr.lang":          p.data.lang,
		"ocr.segmentation":  fmt.Sprint(p.recipe.segmentation),
		"ocr.height":        fmt.Sprint(p.recipe.height),
		"ocr.margin":        fmt.Sprintf("%g,%g", p.recipe.padX, p.recipe.padY),
		"ocr.interpolation": p.recipe.filter.name,
		"ocr.luma":          "BT.601",
	}
	for _, v := range slices.Concat(p.recipe.initVariables, p.recipe.variables) {
		m["ocr."+v.name] = v.value
	}
	for _, l := range slices.Sorted(maps.Keys(p.data.digest)) {
		m["ocr.traineddata."+l] = "sha256:" + p.data.digest[l]
	}
	return m
}

// Close waits for the recognitions that are under way and frees all clients.
// Callers that wait for a client get [ErrClosed]. Closing again does nothing.
func (p *Pool) Close() error {
	p.closeOnce.Do(func() {
		close(p.closing)
		var errs []error
		for range p.Clients() {
			var s *slot
			select {
			case s = <-p.warm:
			case s = <-p.cold:
			}
			if s.engine != nil {
				errs = append(errs, s.engine.close())
			}
		}
		p.closeErr = errors.Join(errs...)
	})
	return p.closeErr
}

// take waits for a slot with a client in it.
func (p *Pool) take(ctx context.Context) (*slot, error) {
	select { // a closed pool or an ended context wins over a free slot
	case <-p.closing:
		return nil, ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("waiting for a Tesseract client: %w", err)
	}
	select { // a warm slot wins over a cold one
	case s := <-p.warm:
		return s, nil
	default:
	}
	select {
	case <-p.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for a Tesseract client: %w", ctx.Err())
	case s := <-p.warm:
		return s, nil
	case s := <-p.cold:
		if err := p.start(ctx, s); err != nil {
			return nil, err
		}
		return s, nil
	}
}

// start gives a slot its client, or puts the slot back.
func (p *Pool) start(ctx context.Context, s *slot) error {
	err := ctx.Err()
	if err == nil {
		s.engine, err = openEngine(p.data, p.recipe)
	}
	if err != nil {
		p.put(s)
	}
	return err
}

func (p *Pool) put(s *slot) {
	if s.engine == nil {
		p.cold <- s
		return
	}
	p.warm <- s
}
