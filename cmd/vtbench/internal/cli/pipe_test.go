//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A pipe, a link to one or a device where a file is wanted is refused at once,
// whoever reads it; opening it could wait for ever.
func TestPipesAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o600); err != nil {
		t.Fatal(err)
	}
	photos(t, "in", 2, false, 0)
	for _, name := range []string{"p.yaml", "p.png", "p.onnx", "p.json", "p.json.gz", "dir/manifest.json", "mixed/z.png", "models/models.yaml"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("p.yaml", "link.yaml"); err != nil {
		t.Fatal(err)
	}
	photos(t, "mixed", 2, false, 0)
	for _, args := range []string{
		"run --suite p.yaml", "run --suite link.yaml", "run --config p.yaml", "run --suite s.yaml --data p.png",
		"run --suite s.yaml --data folder:in -t onnx:model=p.onnx -o r1",
		"run --suite s.yaml --data folder:in -t folder:p.png -o r2",
		"score p.png in/a.png -m psnr", "score in/a.png p.png -m psnr",
		"score in/a.png in/b.png -m lpips-alex --option lpips-alex.model=p.onnx",
		"corrupt p.png out --type fog", "corrupt /dev/zero out --type fog",
		"report dir", "compare dir dir", "compare p.json.gz p.json.gz", "compare in in --gates p.yaml",
		"baseline show p.json.gz", "comment --report p.json --dry-run", "merge dir -o out",
	} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			if status, _, stderr := vtbench(t, strings.Fields(args)...); status == ExitDone || status == ExitInternal {
				t.Errorf("%s: status %d\n%s", args, status, stderr)
			}
		}()
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatalf("%s waits for a pipe", args)
		}
	}
	// In a folder of images it is left out, and the images are measured.
	if status, _, stderr := vtbench(t, "run", "--suite", "s.yaml", "--data", "folder:mixed", "-o", "r3", "--resamples", "100"); status != ExitDone {
		t.Errorf("a folder with a pipe: status %d\n%s", status, stderr)
	}
}
