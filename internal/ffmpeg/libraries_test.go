package ffmpeg_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/testenv"
)

// TestLibraries builds a program that encodes by a shared library, as the ffmpeg of a
// distribution does: another library is another build, wherever both lie, and the C library
// is none.
func TestLibraries(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("asks Linux's loader")
	}
	testenv.Need(t, func() error { _, err := exec.LookPath("cc"); return err }())
	cc := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), "cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("cc %v: %v\n%s", args, err, out)
		}
	}
	src := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(src, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const program = "#include <stdio.h>\n#include <math.h>\nint main(int n, char **v) { printf(\"ffmpeg version %d Copyright\\n\", (int)ceil(n + .5)); return 0; }\n"
	// The same build id in both: it is what the libraries do that counts, not what they say.
	library := func(dir, body string) {
		t.Helper()
		cc("-shared", "-fPIC", "-Wl,-soname,libx264.so.164,--build-id=0x12", "-o", filepath.Join(dir, "libx264.so.164"), write("x264.c", body))
	}
	library(src, "int x264(void) { return 1; }\n")
	shared, alone := filepath.Join(src, "shared"), filepath.Join(src, "alone")
	cc("-o", shared, write("shared.c", "int x264(void);\n"+program+"int encode(void) { return x264(); }\n"),
		"-Wl,--no-as-needed,-rpath,$ORIGIN", filepath.Join(src, "libx264.so.164"), "-lm")
	cc("-o", alone, write("alone.c", program), "-lm")

	open := func(from, body string) *ffmpeg.Program {
		t.Helper()
		dir := t.TempDir()
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "ffmpeg")
		if err := os.WriteFile(path, b, 0o777); err != nil {
			t.Fatal(err)
		}
		if body != "" {
			library(dir, body)
		}
		// Found by another name, whose folder has no library.
		link := filepath.Join(t.TempDir(), "ffmpeg")
		if err := os.Symlink(path, link); err != nil {
			t.Fatal(err)
		}
		t.Setenv(ffmpeg.Env, link)
		p, err := ffmpeg.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	one, again, other := open(shared, "int x264(void) { return 1; }\n"), open(shared, "int x264(void) { return 1; }\n"), open(shared, "int x264(void) { return 2; }\n")
	if one.SHA256 != again.SHA256 {
		t.Error("the same program and library in two folders are two builds")
	}
	if one.SHA256 == other.SHA256 {
		t.Error("another library, and it is the same build")
	}
	b, err := os.ReadFile(alone)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if p := open(alone, ""); p.SHA256 != hex.EncodeToString(sum[:]) {
		t.Error("a program with the C library alone is not known by its file")
	}
}

// TestScript is a script in front of ffmpeg: what that says of itself is known at least.
func TestScript(t *testing.T) {
	dir := t.TempDir()
	path, says := filepath.Join(dir, "ffmpeg"), filepath.Join(dir, "says")
	var sums []string
	for _, v := range []string{"5.1", "7.0"} {
		if err := os.WriteFile(says, []byte("ffmpeg version "+v+" Copyright\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		path += "_" // its file is read once
		if err := os.WriteFile(path, []byte("#!/bin/sh\ncat "+says+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		t.Setenv(ffmpeg.Env, path)
		p, err := ffmpeg.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sums = append(sums, p.SHA256)
	}
	if sums[0] == sums[1] {
		t.Error("another ffmpeg behind the same script is the same build")
	}
}
