// Package guard turns panics of tokenizers, metrics and data sets into errors, so
// that one of them costs the values it was asked for and never a run.
package guard

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Recover is deferred and stores a panic in err: what was being done, the value of the
// panic, and the line that panicked. Addresses are left out, so that the message is
// the same from run to run.
func Recover(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: panic: %v (in %s)", doing, p, site())
	}
}

// Call returns what f returns, or an error where it panics.
func Call[T any](doing string, f func() (T, error)) (v T, err error) {
	defer Recover(&err, doing)
	return f()
}

// site is the innermost function outside the runtime on the stack of a panic.
func site() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		if panicking && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s, %s:%d", f.Function, filepath.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return "unknown place"
		}
	}
}
