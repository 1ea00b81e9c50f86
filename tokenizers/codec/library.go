package codec

import (
	"fmt"
	"image"
	"io"
	_ "unsafe" // for go:linkname

	gowebp "github.com/gen2brain/webp"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/tokenizers"
)

// Values of the option lib.
const (
	libBundled = "bundled"
	libSystem  = "system"
)

func libOption() tokenizers.Option {
	return tokenizers.ChoiceOption("lib", "whose encoder: the one in this program, or the system's shared library", libBundled, libSystem)
}

// A library is a C codec that comes compiled into this program and may also be
// installed on the system.
type library struct {
	bundled string       // what is compiled in, with its version
	soname  string       // the shared library that lib=system loads
	version string       // its function that tells its version
	dynamic func() error // nil where the shared library was loaded
	apt     string       // the package that brings the library
}

var webpLibrary = library{
	bundled: "libwebp 1.4.0 (wasm, gen2brain/webp v0.5.5)",
	soname:  "libwebp.so",
	version: "WebPGetEncoderVersion",
	dynamic: gowebp.Dynamic,
	apt:     "libwebp-dev",
}

// resolve names the encoder that lib asks for, or says how to get it.
func (l library) resolve(lib string) (string, error) {
	if lib != libSystem {
		return l.bundled, nil
	}
	if err := l.dynamic(); err != nil {
		return "", &missing.Error{What: l.soname, Mend: "apt-get install " + l.apt, Err: err}
	}
	v, err := systemVersion(l.soname, l.version)
	if err != nil {
		return "", fmt.Errorf("asking %s for its version: %w", l.soname, err)
	}
	return fmt.Sprintf("%s %s (system)", l.soname, v), nil
}

// gen2brain's packages decide at start-up between their WebAssembly module and a
// shared library, for the whole process and without a switch; only a build tag
// turns that off, and a benchmark whose bits depend on a build tag is no
// benchmark. These names reach the WebAssembly path whatever was found. They are
// tied to the versions in go.mod: TestBundledEncoders fails when one moves.

//go:linkname bundledWebP github.com/gen2brain/webp.encode
func bundledWebP(w io.Writer, m image.Image, quality, method int, lossless, exact bool) error
