package ocr

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vtbench/vtbench/internal/assets"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/ort"
	"github.com/vtbench/vtbench/internal/strictyaml"
	"github.com/vtbench/vtbench/internal/suggest"
)

// The files of PP-OCRv6; internal/assets knows their digests and where they come from.
const (
	ppocrRecogniser = "PP-OCRv6_rec_small.onnx"
	ppocrDetector   = "PP-OCRv6_det_small.onnx"
)

// asset reads a network of vtbench's own, checked by its digest.
func asset(name string) ([]byte, string, error) {
	path, err := assets.Path(name)
	if err != nil {
		return nil, "", err
	}
	b, err := files.Read(path, files.MaxModel)
	if err != nil {
		return nil, "", fmt.Errorf("reading a model: %w", err)
	}
	digest := digestOf(b)
	if known, _ := assets.Find(name); digest != known.SHA256 {
		return nil, "", known.Verify() // it says what to do
	}
	return b, name + " sha256:" + digest, nil
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// openPPOCR opens PP-OCRv6's recogniser; its characters stand in the file's metadata,
// without the space, which comes last.
func openPPOCR(s setup) (reader, error) {
	b, file, err := asset(ppocrRecogniser)
	if err != nil {
		return nil, err
	}
	return openRecogniser(s, EnginePPOCR, ppocrRecogniser, file, b, ppocr, func(n *ort.Network) ([]string, error) {
		chars, err := charactersIn(n, "character")
		return append(chars, " "), err
	})
}

func openRecogniser(s setup, engine, name, file string, b []byte, l layout, chars func(*ort.Network) ([]string, error)) (_ reader, err error) {
	library := s.options["onnxruntime"]
	_, version, err := ort.Load(library)
	if err != nil {
		return nil, err
	}
	n, err := ort.OpenNetwork(name, b, library)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	in := n.Input()
	channels := int64(3)
	if l.channels == "gray" {
		channels = 1
	}
	want := []int64{1, channels, int64(l.height), int64(l.width)}
	if len(in) != len(want) {
		return nil, fmt.Errorf("%s takes an input of %d dimensions, want 4: batch, channels, height, width", name, len(in))
	}
	for i, d := range in {
		if d > 0 && want[i] > 0 && d != want[i] {
			return nil, fmt.Errorf("%s takes %v (batch, channels, height, width), the description says %v", name, in, want)
		}
	}
	if in[3] > 0 && l.width == 0 {
		return nil, fmt.Errorf("%s takes inputs %d wide only: state width: %d", name, in[3], in[3])
	}
	list, err := chars(n)
	if err != nil {
		return nil, err
	}
	r := newRecogniser(engine, n, l, list, file, version, s.computing())
	// A first, blank line shows whether classes and characters agree.
	blank := make([]float32, int(channels)*l.height*max(l.width, 4*l.step))
	err = n.Run([]int64{1, channels, int64(l.height), int64(max(l.width, 4*l.step))}, blank, func(out []ort.Output) error {
		_, err := r.decode(out[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// maxCharacters bounds a list of characters.
const maxCharacters = 1 << 20

// charactersIn reads the characters from a file's metadata, one a line.
func charactersIn(n *ort.Network, key string) ([]string, error) {
	s, ok, err := n.Metadata(key)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%s has no metadata %q: where are its characters?", n.Name(), key)
	}
	return lines(s), nil
}

// lines parts a list of characters, one a line; a last end of line is none.
func lines(s string) []string {
	s = strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	return strings.Split(s, "\n")
}

// description is the file that OptionRecogniser names. Paths are relative to it.
type description struct {
	File   string `yaml:"file"`
	SHA256 string `yaml:"sha256"`
	Decode string `yaml:"decode"` // "ctc", "autoregressive"
	Height int    `yaml:"height"`
	Width  int    `yaml:"width"` // 0: as wide as the text
	Step   int    `yaml:"step"`  // of which such a width is a multiple; 32
	Fit    string `yaml:"fit"`   // "keep", the default, "stretch"
	// Channels is their order: "rgb", the default, "bgr", "gray".
	Channels string    `yaml:"channels"`
	Mean     []float32 `yaml:"mean"` // of values from 0 to 1, one a channel; 0
	SDev     []float32 `yaml:"std"`  // 1
	Pad      float32   `yaml:"pad"`  // beside a crop, from 0 to 1; 0
	// Special says where the blank of CTC, or the end token, stands among the classes:
	// "first", the default, "last".
	Special string `yaml:"special"`
	// Charset is the characters in the order of the classes; CharsetFile holds one a
	// line, CharsetKey names metadata of the ONNX file that does. Exactly one is given.
	Charset     string `yaml:"charset"`
	CharsetFile string `yaml:"charset_file"`
	CharsetKey  string `yaml:"charset_key"`
	// Margin is what a crop has beside and above the box, as shares of its height.
	Margin []float64 `yaml:"margin"`
}

// maxSide bounds what a description may ask for.
const maxSide = 8192

// layout checks the description and fills in what it leaves open.
func (d *description) layout(path string) (layout, error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	}
	choice := func(field, got string, known ...string) string {
		if got == "" {
			return known[0]
		}
		if !slices.Contains(known, got) {
			bad("%s is %q: want %s%s", field, got, strings.Join(known, ", "), suggest.Hint(got, known))
		}
		return got
	}
	if d.File == "" || !filepath.IsLocal(d.File) {
		bad("file is %q: want an ONNX file beside this one", d.File)
	}
	if d.Decode == "" {
		bad("decode is missing: want %s or %s", decodeCTC, decodeAutoregressive)
	}
	l := layout{
		decode: choice("decode", d.Decode, decodeCTC, decodeAutoregressive),
		height: d.Height, width: d.Width, step: d.Step, pad: d.Pad,
		stretch:  choice("fit", d.Fit, "keep", "stretch") == "stretch",
		channels: choice("channels", d.Channels, "rgb", "bgr", "gray"),
		special:  choice("special", d.Special, "first", "last"),
		mean:     d.Mean, sdev: d.SDev,
	}
	if l.step == 0 {
		l.step = 32
	}
	if l.height < 8 || l.height > maxSide || l.width < 0 || l.width > maxSide || l.step < 1 || l.step > maxSide {
		bad("height %d, width %d, step %d: want a height from 8 to %d, a width of 0 (any) or more, a step of 1 or more", l.height, l.width, l.step, maxSide)
	}
	if l.stretch && l.width == 0 {
		bad("fit: stretch needs a width")
	}
	n := 3
	if l.channels == "gray" {
		n = 1
	}
	if l.mean == nil {
		l.mean = make([]float32, n)
	}
	if l.sdev == nil {
		l.sdev = slices.Repeat([]float32{1}, n)
	}
	if len(l.mean) != n || len(l.sdev) != n {
		bad("mean has %d values and std %d: want one for each of the %d channels", len(l.mean), len(l.sdev), n)
	}
	for _, v := range l.sdev {
		if !(v > 0) {
			bad("std is %v: want numbers above 0", l.sdev)
			break
		}
	}
	if !(l.pad >= 0 && l.pad <= 1) {
		bad("pad is %g: want 0 to 1", l.pad)
	}
	switch {
	case d.Margin == nil:
	case len(d.Margin) != 2 || !(d.Margin[0] >= 0 && d.Margin[0] <= 2 && d.Margin[1] >= 0 && d.Margin[1] <= 2):
		bad("margin is %v: want two shares of the height from 0 to 2, beside and above the text", d.Margin)
	default:
		l.padX, l.padY = d.Margin[0], d.Margin[1]
	}
	given := 0
	for _, s := range []string{d.Charset, d.CharsetFile, d.CharsetKey} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		bad("%d of charset, charset_file and charset_key are given: want one", given)
	}
	return l, errors.Join(errs...)
}

// characters are those of the description, in the order of the classes.
func (d *description) characters(dir string, n *ort.Network) (out []string, err error) {
	switch {
	case d.CharsetKey != "":
		out, err = charactersIn(n, d.CharsetKey)
	case d.CharsetFile != "":
		var b []byte
		if !filepath.IsLocal(d.CharsetFile) {
			return nil, fmt.Errorf("charset_file is %q: want a file below %s", d.CharsetFile, dir)
		}
		if b, err = files.Read(filepath.Join(dir, d.CharsetFile), 4*maxCharacters); err == nil {
			out = lines(string(b))
		}
	default:
		for _, r := range d.Charset {
			out = append(out, string(r))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the characters of %s: %w", n.Name(), err)
	}
	if len(out) > maxCharacters {
		return nil, fmt.Errorf("%s has %d characters: at most %d are read", n.Name(), len(out), maxCharacters)
	}
	for i, c := range out {
		if c == "" || !utf8.ValidString(c) {
			return nil, fmt.Errorf("character %d of %s is %q: want one a line, in UTF-8", i+1, n.Name(), c)
		}
	}
	return out, nil
}

// openOwn opens the recogniser that OptionRecogniser describes.
func openOwn(s setup) (reader, error) {
	path := s.options[OptionRecogniser]
	text, err := files.Read(path, strictyaml.MaxBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; docs/ocr.md says what the file holds", OptionRecogniser, err)
	}
	var d description
	if err := strictyaml.Decode(path, text, &d); err != nil {
		return nil, err
	}
	l, err := d.layout(path)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	file := filepath.Join(dir, d.File)
	b, err := files.Read(file, files.MaxModel)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &missing.Error{What: file, Mend: "put the network there, or mend " + path, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("reading a recogniser: %w", err)
	}
	digest := digestOf(b)
	if d.SHA256 == "" {
		return nil, fmt.Errorf("%s: sha256 is missing; write sha256: %s there if %s is the file you mean", path, digest, d.File)
	}
	if !strings.EqualFold(d.SHA256, digest) {
		return nil, fmt.Errorf("%s has SHA-256 %s, %s says %s: it is another file", file, digest, path, d.SHA256)
	}
	return openRecogniser(s, EngineOwn, d.File, d.File+" sha256:"+digest, b, l, func(n *ort.Network) ([]string, error) {
		return d.characters(dir, n)
	})
}
