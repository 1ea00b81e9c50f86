package codec

import (
	"fmt"
	"image"
	"io"
	_ "unsafe" // for go:linkname

	"github.com/gen2brain/avif"
	"github.com/gen2brain/jpegxl"
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

// Functions of the shared libraries that tell their version.
const (
	webpVersionFunction = "WebPGetEncoderVersion"
	avifVersionFunction = "avifVersion"
	jxlVersionFunction  = "JxlEncoderVersion"
)

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
	version: webpVersionFunction,
	dynamic: gowebp.Dynamic,
	apt:     "libwebp-dev",
}

var avifLibrary = library{
	bundled: "libavif 1.1.1 with libaom 3.10.0 (wasm, gen2brain/avif v0.4.4)",
	soname:  "libavif.so",
	version: avifVersionFunction,
	dynamic: avif.Dynamic,
	apt:     "libavif-dev",
}

var jxlLibrary = library{
	bundled: "libjxl 0.11.0 (wasm, gen2brain/jpegxl v0.4.5)",
	soname:  "libjxl.so",
	version: jxlVersionFunction,
	dynamic: jpegxl.Dynamic,
	apt:     "libjxl-dev",
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

//go:linkname bundledAVIFEncode github.com/gen2brain/avif.encode
func bundledAVIFEncode(w io.Writer, m image.Image, quality, qualityAlpha, speed int, chroma image.YCbCrSubsampleRatio) error

//go:linkname bundledAVIFDecode github.com/gen2brain/avif.decode
func bundledAVIFDecode(r io.Reader, configOnly, decodeAll bool) (*avif.AVIF, image.Config, error)

//go:linkname bundledJXLEncode github.com/gen2brain/jpegxl.encode
func bundledJXLEncode(w io.Writer, m image.Image, quality, effort int) error

//go:linkname bundledJXLDecode github.com/gen2brain/jpegxl.decode
func bundledJXLDecode(r io.Reader, configOnly, decodeAll bool) (*jpegxl.JXL, image.Config, error)
