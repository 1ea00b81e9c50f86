//go:build cgo

package ocr

import (
	"runtime"
	"testing"
)

func TestSeriallyLimitsOpenMPAndPutsItBack(t *testing.T) {
	if !openMP() {
		t.Skip("Tesseract comes without OpenMP here: there is nothing to limit") //nolint:forbidigo // a build of Tesseract, not a lack
	}
	runtime.LockOSThread() // the limit belongs to a thread
	defer runtime.UnlockOSThread()
	before := activeLevels()
	inside := -1
	serially(func() { inside = activeLevels() })
	if inside != 0 {
		t.Errorf("inside, %d levels of parallel regions may be active", inside)
	}
	if after := activeLevels(); after != before || before == 0 {
		t.Errorf("%d levels before, %d after", before, after)
	}
}
