//go:build cgo

package ocr

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/otiai10/gosseract/v2"
)

// engine is one Tesseract client. It is not safe for concurrent use.
type engine struct{ client *gosseract.Client }

// opening guards gosseract's initialisation, which points the process's stderr
// elsewhere while it runs and so must not overlap with itself.
var opening sync.Mutex

// silenced says that Tesseract's messages go nowhere. It prints statistics of its
// layout analysis for every crop without ink. The setting is the library's, not
// the client's, and must not be written while another client reads it.
var silenced bool // guarded by opening

// libraryVersion is the version of the Tesseract library.
func libraryVersion() string { return gosseract.Version() }

// openEngine starts a client; it costs about 60 ms and 8 to 15 MB.
func openEngine(data languageData, r recipe) (*engine, error) {
	opening.Lock()
	defer opening.Unlock()

	c := gosseract.NewClient()
	e := &engine{client: c}
	fail := func(err error) (*engine, error) {
		err = fmt.Errorf("starting Tesseract with language %q from %s: %w", data.lang, data.dir, err)
		return nil, errors.Join(err, e.close())
	}
	if err := c.SetTessdataPrefix(data.dir); err != nil {
		return fail(err)
	}
	if err := c.SetLanguage(strings.Split(data.lang, "+")...); err != nil {
		return fail(err)
	}
	// Variables that only count before initialisation reach Tesseract through a
	// configuration file; gosseract sets the others after it.
	if len(r.initVariables) > 0 {
		path, done, err := writeConfig(r.initVariables)
		if err != nil {
			return fail(err)
		}
		defer done()
		if err := c.SetConfigFile(path); err != nil {
			return fail(err)
		}
	}
	if !silenced {
		if err := c.DisableOutput(); err != nil {
			return fail(err)
		}
	}
	for _, v := range r.variables {
		if err := c.SetVariable(gosseract.SettableVariable(v.name), v.value); err != nil {
			return fail(err)
		}
	}
	if err := c.SetVariable("tessedit_pageseg_mode", fmt.Sprint(r.segmentation)); err != nil {
		return fail(err)
	}
	// The first recognition initialises; it is made on a blank line, so that
	// what is missing shows here and not on somebody's crop.
	if err := c.SetImageFromBytes(blankLine(r.height)); err != nil {
		return fail(err)
	}
	var err error
	serially(func() { _, err = c.Text() })
	if err != nil {
		return fail(err)
	}
	silenced = true
	return e, nil
}

// read recognises an image made by encode.
func (e *engine) read(img []byte) (string, error) {
	if err := e.client.SetImageFromBytes(img); err != nil {
		return "", fmt.Errorf("handing the crop to Tesseract: %w", err)
	}
	var text string
	var err error
	serially(func() { text, err = e.client.Text() })
	if err != nil {
		return "", fmt.Errorf("recognising a crop: %w", err)
	}
	return text, nil
}

func (e *engine) close() error {
	if err := e.client.Close(); err != nil {
		return fmt.Errorf("closing a Tesseract client: %w", err)
	}
	return nil
}

// writeConfig writes variables where Tesseract can read them, at path, until done is
// called.
func writeConfig(vars []variable) (path string, done func(), err error) {
	f, path, err := scratch()
	if err != nil {
		return "", nil, fmt.Errorf("writing Tesseract's configuration: %w; TMPDIR must name a folder that can be written", err)
	}
	done = func() {
		_ = f.Close() // it was written, and read by its path
		if path == f.Name() {
			_ = os.Remove(path) // best effort: a few bytes in the temporary folder
		}
	}
	var b strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "%s %s\n", v.name, v.value)
	}
	if _, err = f.WriteString(b.String()); err != nil {
		done()
		return "", nil, fmt.Errorf("writing Tesseract's configuration: %w", err)
	}
	return path, done, nil
}

// scratch opens a new temporary file, and says by which path it can be opened again. Where
// there are files without a name it has none, so that a process that is killed leaves
// nothing behind.
func scratch() (f *os.File, path string, err error) {
	if f, path, ok := nameless(); ok {
		return f, path, nil
	}
	if f, err = os.CreateTemp("", "vtbench-ocr-*.conf"); err != nil {
		return nil, "", err
	}
	return f, f.Name(), nil
}
