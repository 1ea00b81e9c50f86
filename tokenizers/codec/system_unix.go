//go:build unix

package codec

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// systemVersion calls a version function of a shared library that gives
// 0xMMmmpp (libwebp).
func systemVersion(soname, function string) (string, error) {
	handle, err := purego.Dlopen(soname, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return "", err
	}
	sym, err := purego.Dlsym(handle, function)
	if err != nil {
		return "", err
	}
	v, _, _ := purego.SyscallN(sym)
	return fmt.Sprintf("%d.%d.%d", v>>16&0xff, v>>8&0xff, v&0xff), nil
}
