package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The same arguments write the same files, and the index says what the pixels are.
func TestWritesTheSameFiles(t *testing.T) {
	var first [4][]byte
	for round := range 2 {
		dir := t.TempDir()
		var log bytes.Buffer
		if err := run(t.Context(), []string{"-o", dir, "-pages", "6", "-photographs=false"}, &log); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"train.rgb", "train.json", "validate.rgb", "validate.json"} {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 {
				first[i] = data
			} else if !bytes.Equal(first[i], data) {
				t.Errorf("%s differs", name)
			}
		}
	}
	var ix index
	if err := json.Unmarshal(first[1], &ix); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, e := range ix.Images {
		size += 3 * e.W * e.H
	}
	if len(ix.Images) != 6 || size != len(first[0]) || bytes.Equal(first[0][:1000], first[2][:1000]) {
		t.Errorf("%d images of %d bytes in a file of %d", len(ix.Images), size, len(first[0]))
	}
}

func TestRefuses(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for want, args := range map[string][]string{
		"datasets pull": {"-o", t.TempDir(), "-pages", "1"},
		"too many":      {"x"},
	} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q in it", args, err, want)
		}
	}
}
