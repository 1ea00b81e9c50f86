package jpeg

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestTimeFiles prints how much processor time the files of VTBENCH_JPEGS take, for
// testdata/speed.py; it asserts no time.
func TestTimeFiles(t *testing.T) {
	names := os.Getenv("VTBENCH_JPEGS")
	if names == "" {
		t.Skip("VTBENCH_JPEGS names no files")
	}
	seconds := func() float64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
	}
	for range 15 {
		start := seconds()
		for _, name := range strings.Split(names, "\n") {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Decode(b); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Printf("seconds %.6f\n", seconds()-start)
	}
}
