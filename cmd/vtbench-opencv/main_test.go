package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrongCommandLines(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "broken.dat")
	if err := os.WriteFile(file, []byte("no network"), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"":                                       "want a command",
		"dance":                                  `unknown command "dance"`,
		"jp2 -rate x":                            "invalid value",
		"jp2 50":                                 `unexpected argument "50"`,
		"flow fast":                              `unexpected argument "fast"`,
		"faces":                                  `-detector "": want LAYOUT=FILE`,
		"faces -detector yunet":                  `want LAYOUT=FILE`,
		"faces -detector yunet=" + dir + "/none": "no such file",
		"faces -detector yunet=" + file:          "converting dlib's face recognition model",
	} {
		err := run(context.Background(), strings.Fields(line))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want word of %s", line, err, want)
		}
		var bad usage
		if isUsage := !strings.Contains(line, "="); errors.As(err, &bad) != isUsage {
			t.Errorf("%q: %v is a usage error: %v", line, err, !isUsage)
		}
	}
}
