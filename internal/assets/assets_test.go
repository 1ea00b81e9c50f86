package assets

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

func TestListIsSound(t *testing.T) {
	m, err := parse(embedded)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != 1 || len(Files()) == 0 {
		t.Errorf("version %d with %d files", m.Version, len(Files()))
	}
}

func TestListFaults(t *testing.T) {
	const good = "{path: a/b.png, role: test, sha256: 88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5, licence: CC0-1.0, author: x, title: y}"
	for name, list := range map[string]string{
		"unknown source":  "version: 1\npackages: [{name: p, from: web, files: []}]",
		"unknown key":     "version: 1\npackages: [{name: p, from: pypi, url: x}]",
		"short digest":    "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "88431cd9", "", 1) + "]}]",
		"no licence":      "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "CC0-1.0", `""`, 1) + "]}]",
		"escapes":         "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "a/b.png", "../b.png", 1) + "]}]",
		"no role":         "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "role: test, ", "", 1) + "]}]",
		"unknown role":    "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "role: test", "role: train", 1) + "]}]",
		"role of a model": "version: 1\npackages: [{name: p, from: pypi, use: model, files: [" + good + "]}]",
		"two roles":       "version: 1\npackages: [{name: p, from: pypi, files: [" + good + "," + strings.Replace(strings.Replace(good, "a/b", "a/c", 1), "role: test", "role: fit", 1) + "]}]",
		"path for a name": "version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "role:", "as: ../c.png, role:", 1) + "]}]",
		"same name":       "version: 1\npackages: [{name: p, from: pypi, files: [" + good + "," + strings.Replace(good, "a/b", "c/b", 1) + "]}]",
	} {
		if _, err := parse([]byte(list)); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	m, err := parse([]byte("version: 1\npackages: [{name: p, from: pypi, files: [" + strings.Replace(good, "role:", "as: c.png, role:", 1) + "]}]"))
	if err != nil || m.Packages[0].Files[0].Name != "c.png" || m.Packages[0].Files[0].Path != "a/b.png" {
		t.Errorf("a file with a name of its own: %+v, %v", m, err)
	}
	if _, err := parse([]byte("version: 1\npackages: [{name: p, from: pypi, files: [" + good + "]}]")); err != nil {
		t.Errorf("a sound list: %v", err)
	}
}

// A photograph is handed out for its own role only, whether it was fetched or not.
func TestRoles(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var lacks *missing.Error
	roles := []Role{Fit, Calibrate, Test}
	for _, of := range roles {
		photographs := Photographs(of)
		if len(photographs) == 0 {
			t.Errorf("no photograph has the role %s", of)
		}
		for _, f := range photographs {
			for _, wanted := range roles {
				_, err := Collect(wanted, f.Name)
				if refused := err != nil && strings.Contains(err.Error(), "its role"); refused != (of != wanted) {
					t.Errorf("%s, to %s with, is wanted to %s with: %v", f.Name, of, wanted, err)
				}
				if of == wanted && !errors.As(err, &lacks) {
					t.Errorf("%s: %v", f.Name, err)
				}
			}
			// What is fitted on it ships under the program's own licence.
			if of == Fit && (strings.Contains(f.Licence, "-SA-") || strings.Contains(f.Licence, "GPL")) {
				t.Errorf("%s is to be fitted on, but its licence is %s", f.Name, f.Licence)
			}
		}
	}
	for _, name := range []string{"astronaut.png", "grace_hopper.jpg"} {
		if f, _ := Find(name); f.Role != Test {
			t.Errorf("the portrait %s has the role %q", name, f.Role)
		}
	}
	if n, want := len(Photographs(Fit))+len(Photographs(Calibrate))+len(Photographs(Test)), len(Files(Photo)); n != want {
		t.Errorf("%d of %d photographs have a role", n, want)
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
	err := Pull(t.Context(), io.Discard, Files())
	if err == nil || !strings.Contains(err.Error(), "scikit-image") || !strings.Contains(err.Error(), "lomiri") {
		t.Errorf("without clients: %v", err)
	}
}

// A source distribution is opened below its top folder, and only the wanted files of
// it are taken. pip is played by a script that leaves what pip would leave.
func TestSourceDistribution(t *testing.T) {
	if _, err := exec.LookPath("tar"); err != nil {
		testenv.Skip(t, "needs tar")
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"p-1.0/p/models/a.dat": "a", "p-1.0/p/models/unwanted.dat": "b", "p-1.0/setup.py": ""} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "p-1.0.tar.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	pip := "#!/bin/sh\ncase \"$*\" in *--no-binary\\ p*p==1.0) cp \"$(dirname \"$0\")\"/*.tar.gz . ;; *) echo \"no $*\"; exit 1 ;; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "python3"), []byte(pip), 0o700); err != nil { //nolint:gosec // it must run
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))

	dir := t.TempDir()
	want := File{Name: "a.dat", Path: "p/models/a.dat", SHA256: sum([]byte("a"))}
	p := pack{Name: "p", From: "pypi-sdist", Version: "1.0", Files: []File{want}}
	if err := p.pull(t.Context(), dir, p.Files); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(want.in(dir)); err != nil || string(b) != "a" {
		t.Errorf("kept %q, %v", b, err)
	}
	root, done, err := p.sdist(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(root, "p/models/unwanted.dat"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file nobody asked for was unpacked: %v", err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	p.Files[0].Path = "p/models/none.dat"
	if err := p.pull(t.Context(), dir, p.Files); err == nil {
		t.Error("a file that the package lacks was found")
	}
	p.Version = "2.0"
	if err := p.pull(t.Context(), dir, p.Files); err == nil || !strings.Contains(err.Error(), "no -m pip") {
		t.Errorf("the error %v does not say what pip said", err)
	}
}
