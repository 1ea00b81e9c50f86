package pix_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
)

// The numpy version of the preparation in docs/export.md makes our pixels, there and back.
func TestDocumentedPreparation(t *testing.T) {
	doc, err := os.ReadFile("../docs/export.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(doc), "```python\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("docs/export.md has no Python")
	}
	sizes := [][3]int{{61, 90, 64}, {200, 100, 64}, {301, 175, 128}, {3, 2, 64}, {1, 300, 32}, {64, 64, 64}, {64, 33, 64}, {7, 500, 33}}
	code += `
import sys
for line in sys.argv[1:]:
    w, h, side = map(int, line.split(","))
    m = np.frombuffer(sys.stdin.buffer.read(3 * w * h), np.uint8).reshape(h, w, 3)
    square, inside = fit(m, side)
    sys.stdout.buffer.write(square.tobytes())
    sys.stdout.buffer.write(restore(square, inside, w, h).tobytes())
`
	args := []string{"-c", code}
	var in, want bytes.Buffer
	for _, s := range sizes {
		args = append(args, fmt.Sprintf("%d,%d,%d", s[0], s[1], s[2]))
		m := source(s[0], s[1])
		in.Write(m.Pix)
		square, place, err := pix.Fit(m, s[2])
		if err != nil {
			t.Fatal(err)
		}
		back, err := place.Restore(square)
		if err != nil {
			t.Fatal(err)
		}
		want.Write(square.Pix)
		want.Write(back.Pix)
	}
	cmd := exec.Command(testenv.Python(t), args...)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != want.Len() {
		t.Fatalf("%d bytes, want %d", len(got), want.Len())
	}
	for _, s := range sizes {
		for _, part := range []struct {
			name string
			n    int
		}{{"fitted", 3 * s[2] * s[2]}, {"restored", 3 * s[0] * s[1]}} {
			differ := 0
			a, b := got[:part.n], want.Next(part.n)
			got = got[part.n:]
			for i := range a {
				if a[i] != b[i] {
					differ++
				}
			}
			if differ > 0 {
				t.Errorf("%d×%d in %d: %d of %d values %s in numpy differ from ours", s[0], s[1], s[2], differ, part.n, part.name)
			}
		}
	}
}
