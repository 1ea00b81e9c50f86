//go:build !cgo

package ocr

import "github.com/vtbench/vtbench/internal/missing"

// engine stands in where the program was built without cgo, and with it without
// Tesseract.
type engine struct{}

func libraryVersion() string { return "" }

func openEngine(languageData, recipe) (*engine, error) {
	return nil, &missing.Error{
		What: "Tesseract (this program was built with CGO_ENABLED=0)",
		Mend: "apt-get install g++ libtesseract-dev libleptonica-dev tesseract-ocr-eng, then build with CGO_ENABLED=1",
	}
}

func (*engine) read([]byte) (string, error) { return "", nil }

func (*engine) close() error { return nil }
