package vmaf

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics"
	"github.com/vtbench/vtbench/pix"
)

// film is n frames of moving texture, with noise of a given strength on them.
func film(n, w, h, noise int) []pix.Image {
	var out []pix.Image
	seed := uint32(1)
	for t := range n {
		m := pix.New(w, h)
		for i := range m.Pix {
			x, y := i/3%w+3*t, i/3/w+t
			v := 128 + 70*math.Sin(float64(x)/6)*math.Cos(float64(y)/9) + 30*math.Sin(float64(x*y)/300)
			if noise > 0 {
				seed = seed*1664525 + 1013904223
				v += float64(int(seed>>16)%(2*noise+1) - noise)
			}
			m.Pix[i] = uint8(min(max(v, 0), 255))
		}
		out = append(out, m)
	}
	return out
}

func open(t *testing.T) *Metric {
	t.Helper()
	m, err := Open(t.Context())
	testenv.Need(t, err)
	return m
}

func score(t *testing.T, m *Metric, ref, got []pix.Image) (float64, error) {
	t.Helper()
	s, err := m.Begin(t.Context(), metrics.ClipInfo{ID: "c", W: ref[0].W, H: ref[0].H, Frames: len(ref)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range ref {
		if v, err := s.Next(t.Context(), metrics.Frame{Index: i, Ref: ref[i], Got: got[i]}); err != nil || v != nil {
			return 0, err
		}
	}
	v, err := s.End(t.Context())
	if err != nil || len(v) != 1 || v[0].Metric != ID {
		return 0, errors.Join(err, errors.New("no value"))
	}
	return v[0].Value, nil
}

// TestAgainstTheCommandLine: the score is what ffmpeg tells of the same films in files of YUV.
func TestAgainstTheCommandLine(t *testing.T) {
	m := open(t)
	ref, got := film(12, 192, 160, 0), film(12, 192, 160, 24)
	dir := t.TempDir()
	write := func(name string, frames []pix.Image) string {
		var raw bytes.Buffer
		for _, f := range frames {
			raw.Write(f.Pix)
		}
		path := filepath.Join(dir, name+".y4m")
		cmd := exec.Command(m.program.Path, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "192x160", "-r", "25", "-i", "-",
			"-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact", "-pix_fmt", "yuv420p", "-y", path)
		cmd.Stdin = &raw
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		return path
	}
	b, err := exec.Command(m.program.Path, "-hide_banner", "-i", write("got", got), "-i", write("ref", ref), "-lavfi", "libvmaf", "-f", "null", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	found := said.FindSubmatch(b)
	if found == nil {
		t.Fatalf("ffmpeg told no score: %s", b)
	}
	want, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	v, err := score(t, m, ref, got)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(v-want) > 1e-4 || v < 1 || v > 99 {
		t.Errorf("VMAF is %v, the command line says %v", v, want)
	}
	same, err := score(t, m, ref, ref)
	if err != nil || same < 95 || same <= v {
		t.Errorf("a film compared with itself has %v, %v", same, err)
	}
}

func TestBadInput(t *testing.T) {
	m := open(t)
	if _, err := score(t, m, film(2, 64, 64, 0), film(2, 64, 48, 0)); err == nil || !strings.Contains(err.Error(), "64×48") {
		t.Errorf("frames of two sizes: %v", err)
	}
	if _, err := m.Begin(t.Context(), metrics.ClipInfo{ID: "tiny", W: 16, H: 64}); err == nil || !strings.Contains(err.Error(), "tiny") {
		t.Errorf("frames that are too small: %v", err)
	}
	s, err := m.Begin(t.Context(), metrics.ClipInfo{ID: "empty", W: 64, H: 64})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := s.End(t.Context()); err == nil {
		t.Errorf("a film without frames has %v", v)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("VTBENCH_FFMPEG", filepath.Join(t.TempDir(), "none"))
	var lacks *missing.Error
	if _, err := Open(t.Context()); !errors.As(err, &lacks) {
		t.Errorf("no ffmpeg: %v", err)
	}
}

// TestCancelled: frames are not waited for by nobody.
func TestCancelled(t *testing.T) {
	m := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	s, err := m.Begin(ctx, metrics.ClipInfo{ID: "c", W: 512, H: 512})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	f := film(1, 512, 512, 0)[0]
	for range 100 {
		if _, err = s.Next(t.Context(), metrics.Frame{Ref: f, Got: f}); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("a program that was ended takes frames")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestDyingProgram: an ffmpeg that ends in the middle costs the clip, with what it said.
func TestDyingProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ffmpeg")
	text := "#!/bin/sh\ncase \"$*\" in\n*-version*) echo 'ffmpeg version 7.0 Copyright'; exit;;\n*-filters*) echo ' ... libvmaf  VV->V  x'; exit;;\n*-encoders*|*-decoders*|*-demuxers*) exit;;\nesac\nhead -c 100 <&3 >/dev/null; echo '[error] no memory for a frame' >&2; exit 1\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VTBENCH_FFMPEG", path)
	m, err := Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	frames := film(3, 256, 256, 0)
	if _, err := score(t, m, frames, frames); err == nil || !strings.Contains(err.Error(), "no memory for a frame") {
		t.Errorf("%v", err)
	}
}
