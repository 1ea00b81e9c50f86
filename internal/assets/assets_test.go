package assets

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vtbench/vtbench/internal/missing"
)

func TestListIsSound(t *testing.T) {
	m, err := parse(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != 1 || len(Files("")) == 0 {
		t.Errorf("version %d with %d files", m.Version, len(Files("")))
	}
}

func TestListFaults(t *testing.T) {
	const good = "{path: a/b.png, sha256: 88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5, licence: CC0-1.0, author: x, title: y}"
	for name, list := range map[string]string{
		"unknown source": "version: 1\npackages: [{name: p, from: web, files: []}]",
		"unknown key":    "version: 1\npackages: [{name: p, from: pypi, url: x}]",
		"short digest":   "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "88431cd9", "", 1) + "]}]",
		"no licence":     "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "CC0-1.0", `""`, 1) + "]}]",
		"escapes":        "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "a/b.png", "../b.png", 1) + "]}]",
		"same name":      "version: 1\npackages: [{name: p, from: pypi, files: [" + good + "," + strings.Replace(good, "a/b", "c/b", 1) + "]}]",
	} {
		if _, err := parse([]byte(list)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	if _, err := parse([]byte("version: 1\npackages: [{name: p, from: pypi, files: [" + good + "]}]")); err != nil {
		t.Errorf("a sound list: %v", err)
	}
}

func TestMissingAndDamagedFiles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var lacks *missing.Error
	if _, err := Path("astronaut.png"); !errors.As(err, &lacks) || !strings.Contains(err.Error(), Mend(Photo)) {
		t.Errorf("a file that was not fetched: %v", err)
	}
	if _, err := Path("nobody.png"); err == nil || errors.As(err, &lacks) {
		t.Errorf("a file that is not on the list: %v", err)
	}
	f, ok := Find("astronaut.png")
	if !ok {
		t.Fatal("astronaut.png is not on the list")
	}
	if err := f.Verify(); !errors.As(err, &lacks) {
		t.Errorf("verifying a file that was not fetched: %v", err)
	}
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.in(dir), []byte("half of it"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Verify(); err == nil || errors.As(err, &lacks) || !strings.Contains(err.Error(), f.in(dir)) {
		t.Errorf("verifying a damaged file: %v", err)
	}
}

// What a package holds is kept if its digest is right, and the rest is named.
func TestKeepChecksDigests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "assets")
	right := File{Name: "a.png", Path: "x/a.png", SHA256: sum([]byte("a"))}
	wrong := File{Name: "b.png", Path: "x/b.png", SHA256: sum([]byte("c"))}
	absent := File{Name: "c.png", Path: "x/c.png", SHA256: sum([]byte("c"))}
	root := fstest.MapFS{"x/a.png": {Data: []byte("a")}, "x/b.png": {Data: []byte("b")}}
	err := keep(root, dir, []File{wrong, right, absent})
	if err == nil || !strings.Contains(err.Error(), "x/b.png") || !strings.Contains(err.Error(), "x/c.png") || strings.Contains(err.Error(), "a.png") {
		t.Errorf("the error is %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Name() != filepath.Base(right.in(dir)) {
		t.Errorf("kept: %v", files)
	}
}

// Nothing is started when nothing is missing.
func TestPullOfNothing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", "")
	var log strings.Builder
	if err := Pull(t.Context(), &log, nil); err != nil || log.Len() != 0 {
		t.Errorf("error %v, log %q", err, log.String())
	}
	err := Pull(t.Context(), io.Discard, Files(""))
	if err == nil || !strings.Contains(err.Error(), "scikit-image") || !strings.Contains(err.Error(), "lomiri") {
		t.Errorf("without clients: %v", err)
	}
}
