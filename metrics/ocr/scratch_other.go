//go:build cgo && !linux

package ocr

import "os"

// nameless opens a temporary file that no folder lists: there are none here.
func nameless() (f *os.File, path string, ok bool) { return nil, "", false }
