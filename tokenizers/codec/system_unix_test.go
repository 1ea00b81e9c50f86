//go:build unix

package codec

import (
	"strings"
	"testing"
)

// TestSystemVersionNamesEncoders is libavif, whose bits are those of another library.
func TestSystemVersionNamesEncoders(t *testing.T) {
	for _, name := range []string{"libavif.so.16", "libavif.so.15"} {
		v, err := systemVersion(name, avifVersionFunction)
		if err != nil && strings.Contains(err.Error(), "cannot open") {
			continue
		}
		if err != nil || !strings.Contains(v, " with ") || !strings.Contains(v, "enc") || strings.ContainsRune(v, 0) {
			t.Errorf("%s is %q, %v: want its encoders with their versions", name, v, err)
		}
		t.Logf("%s is %s", name, v)
		return
	}
	t.Skip("no libavif here")
}
