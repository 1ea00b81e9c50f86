// Package ort finds ONNX Runtime and starts it, once for the whole program: the
// library has one environment a process, whoever comes first.
//
// Its opinion: what is looked for, and in which order, is short and said in full
// when nothing is found; a library that is named is the one that is used, and a
// name that does not work is an error instead of a reason to look elsewhere.
package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	ortlib "github.com/yalue/onnxruntime_go"

	"github.com/vtbench/vtbench/internal/missing"
)

// Env is the variable that names the library, or a folder that holds it.
const Env = "VTBENCH_ONNXRUNTIME"

// Version is the release that tokenizers/onnx/fetch.sh fetches and that is tested.
const Version = "1.27.0"

const mend = "run tokenizers/onnx/fetch.sh, or set " + Env + " (or --onnxruntime) to libonnxruntime.so of 1.24 or later"

var (
	mu     sync.Mutex
	loaded string // path of the library that is in use
)

// Load makes sure that ONNX Runtime runs. path names the library or its folder;
// "" looks for it: in $VTBENCH_ONNXRUNTIME, in vtbench's cache folder, beside the
// program, in the system's library folders. It returns the path in use and the
// version of the library.
func Load(path string) (file, version string, err error) {
	mu.Lock()
	defer mu.Unlock()
	if loaded != "" {
		if path != "" {
			if want, err := named(path); err != nil {
				return "", "", err
			} else if want != loaded {
				return "", "", fmt.Errorf("ONNX Runtime already runs from %s, %s cannot be used beside it: name one library for all", loaded, want)
			}
		}
		return loaded, ortlib.GetVersion(), nil
	}
	file, err = Find(path)
	if err != nil {
		return "", "", err
	}
	ortlib.SetSharedLibraryPath(file)
	// Errors come back from the calls; its own log would only repeat them.
	if err := ortlib.InitializeEnvironment(ortlib.WithLogLevelFatal()); err != nil {
		return "", "", &missing.Error{What: "a usable ONNX Runtime", Mend: mend, Err: fmt.Errorf("loading %s: %w", file, err)}
	}
	// There are no accounts of what a benchmark runs.
	if err := ortlib.DisableTelemetry(); err != nil {
		return "", "", fmt.Errorf("starting ONNX Runtime: %w", err)
	}
	loaded = file
	return loaded, ortlib.GetVersion(), nil
}

// Find returns the library that Load would use, without loading it.
func Find(path string) (string, error) {
	if path != "" {
		return named(path)
	}
	if env := os.Getenv(Env); env != "" {
		file, err := named(env)
		if err != nil {
			return "", fmt.Errorf("%s: %w", Env, err)
		}
		return file, nil
	}
	dirs := Folders()
	for _, d := range dirs {
		if file := in(d); file != "" {
			return file, nil
		}
	}
	return "", &missing.Error{What: "ONNX Runtime", Mend: mend, Err: fmt.Errorf("no %s in %s", base(), strings.Join(dirs, ", "))}
}

// Folders are the usual places, in the order they are looked at.
func Folders() []string {
	var dirs []string
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "vtbench", "onnxruntime-"+Version))
	}
	if exe, err := os.Executable(); err == nil {
		dirs = append(dirs, filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "lib"),
			filepath.Join(filepath.Dir(exe), "../lib/vtbench")) // of a package
	}
	dirs = append(dirs, "/usr/local/lib", "/opt/onnxruntime/lib", "/usr/lib", "/usr/lib64")
	switch runtime.GOARCH {
	case "amd64":
		dirs = append(dirs, "/usr/lib/x86_64-linux-gnu")
	case "arm64":
		dirs = append(dirs, "/usr/lib/aarch64-linux-gnu", "/opt/homebrew/lib")
	}
	return dirs
}

func base() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime*.dylib"
	}
	return "libonnxruntime.so*"
}

// in returns the library of a folder, the shortest name first: that is the link
// to the version in use.
func in(dir string) string {
	files, err := filepath.Glob(filepath.Join(dir, base()))
	if err != nil {
		return ""
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.Contains(f, "_providers_") })
	slices.SortFunc(files, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	for _, f := range files {
		if st, err := os.Stat(f); err == nil && st.Mode().IsRegular() {
			return f
		}
	}
	return ""
}

// named resolves what a user wrote.
func named(path string) (string, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", &missing.Error{What: "the ONNX Runtime library " + path, Mend: mend}
	case err != nil:
		return "", fmt.Errorf("looking for ONNX Runtime: %w", err)
	case st.IsDir():
		if file := in(path); file != "" {
			return file, nil
		}
		return "", &missing.Error{What: "ONNX Runtime", Mend: mend, Err: fmt.Errorf("no %s in %s", base(), path)}
	}
	return path, nil
}
