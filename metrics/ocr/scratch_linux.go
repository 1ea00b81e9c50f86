//go:build cgo

package ocr

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// nameless opens a temporary file that no folder lists; it is gone once nobody has it open,
// however its process ends. Some file systems have none.
func nameless() (f *os.File, path string, ok bool) {
	fd, err := unix.Open(os.TempDir(), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, "", false
	}
	f = os.NewFile(uintptr(fd), "a temporary file without a name")
	path = fmt.Sprintf("/proc/self/fd/%d", fd)
	if _, err := os.Stat(path); err != nil { // no /proc here
		_ = f.Close() // nothing was written
		return nil, "", false
	}
	return f, path, true
}
