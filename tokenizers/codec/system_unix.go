//go:build unix

package codec

import (
	"bytes"
	"fmt"

	"github.com/ebitengine/purego"
)

// systemVersion asks a shared library for its version through the function that
// it has for that: each of the three has its own way to say it.
func systemVersion(soname, function string) (string, error) {
	handle, err := purego.Dlopen(soname, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return "", err
	}
	sym, err := purego.Dlsym(handle, function)
	if err != nil {
		return "", err
	}
	switch function {
	case avifVersionFunction: // "1.1.1"
		var f func() string
		purego.RegisterFunc(&f, sym)
		// libavif codes by libraries of others: "dav1d [dec]:1.0.0, aom [enc/dec]:3.6.0"
		sym, err := purego.Dlsym(handle, "avifCodecVersions")
		if err != nil {
			return "", err
		}
		var codecs func(*[256]byte)
		purego.RegisterFunc(&codecs, sym)
		var said [256]byte
		codecs(&said)
		by, _, _ := bytes.Cut(said[:], []byte{0})
		return fmt.Sprintf("%s with %s", f(), by), nil
	case jxlVersionFunction: // 11000 is 0.11.0
		var f func() uint32
		purego.RegisterFunc(&f, sym)
		v := f()
		return fmt.Sprintf("%d.%d.%d", v/1000000, v/1000%1000, v%1000), nil
	case webpVersionFunction: // 0x010400 is 1.4.0
		var f func() int32
		purego.RegisterFunc(&f, sym)
		v := f()
		return fmt.Sprintf("%d.%d.%d", v>>16&0xff, v>>8&0xff, v&0xff), nil
	}
	return "", fmt.Errorf("no way known to call %s", function)
}
