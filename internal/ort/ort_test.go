package ort

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
)

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"libonnxruntime.so.1.27.0", "libonnxruntime.so.1", "libonnxruntime_providers_shared.so"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := filepath.Join(dir, "libonnxruntime.so.1")
	for _, c := range []struct{ env, path, want string }{
		{"", dir, want},
		{"", filepath.Join(dir, "libonnxruntime.so.1.27.0"), filepath.Join(dir, "libonnxruntime.so.1.27.0")},
		{dir, "", want},
		{"/nowhere", dir, want}, // what is named goes before the variable
	} {
		t.Setenv(Env, c.env)
		if got, err := Find(c.path); err != nil || got != c.want {
			t.Errorf("$%s=%q, path %q: %q, %v", Env, c.env, c.path, got, err)
		}
	}
	// A name that does not work is no reason to look elsewhere.
	for _, path := range []string{"/nowhere/lib.so", t.TempDir()} {
		t.Setenv(Env, path)
		_, err := Find("")
		var miss *missing.Error
		if !errors.As(err, &miss) || !strings.Contains(err.Error(), Env+": ") || !strings.Contains(err.Error(), "fetch.sh") {
			t.Errorf("$%s=%s: %v", Env, path, err)
		}
	}
	// In the cache folder, where fetch.sh puts it.
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv(Env, "")
	there := filepath.Join(cache, "vtbench", "onnxruntime-"+Version)
	if err := os.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	lib := filepath.Join(there, "libonnxruntime.so.1")
	if err := os.WriteFile(lib, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(""); err != nil || got != lib {
		t.Errorf("cache: %q, %v", got, err)
	}
	// A file that is no library is an error that says what to do.
	_, _, err := Load(lib)
	var miss *missing.Error
	if !errors.As(err, &miss) {
		t.Errorf("loading a text file: %v", err)
	}
}
