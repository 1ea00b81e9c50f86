package cli

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/limits"
	"github.com/vtbench/vtbench/internal/testenv"
)

// most is what reading a hostile input may allocate in all, garbage included, in MB. What
// is in use at one time is less; docs/limits.md has that.
const most = 1500

// Small inputs cannot take gigabytes, whoever reads them, and are refused with a message.
func TestHostileInputsTakeBoundedMemory(t *testing.T) {
	testenv.Sequential(t)
	for _, in := range limits.Inputs() {
		if in.Slow {
			continue
		}
		t.Run(in.Name, func(t *testing.T) {
			dir := t.TempDir()
			args, err := in.Make(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(dir)
			debug.FreeOSMemory()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			status, _, stderr := vtbench(t, args...)
			runtime.ReadMemStats(&after)
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > most {
				t.Errorf("%s allocates %d MB", strings.Join(args, " "), mb)
			}
			if status == ExitDone && strings.Contains(in.Name, "empty") || status == ExitInternal {
				t.Errorf("%s: status %d: %s", strings.Join(args, " "), status, stderr)
			}
			if len(stderr) > 4000 {
				t.Errorf("%s: %d bytes on stderr", strings.Join(args, " "), len(stderr))
			}
		})
	}
}
