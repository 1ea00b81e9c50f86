package film_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/metrics/quality"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/film"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

func open(t testing.TB, text string) tokenizers.ClipTokenizer {
	t.Helper()
	_, err := ffmpeg.Open(t.Context())
	testenv.Need(t, err)
	tok, err := openText(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return tok.(tokenizers.ClipTokenizer)
}

func openText(ctx context.Context, text string) (tokenizers.Tokenizer, error) {
	spec, err := tokenizers.ParseSpec(text, film.Kinds())
	if err != nil {
		return nil, err
	}
	kind, opts, err := tokenizers.Resolve(spec, film.Kinds())
	if err != nil {
		return nil, err
	}
	return kind.Open(ctx, opts)
}

// pan is a film of n frames in which coloured waves move by two pixels a frame.
func pan(w, h, n int) pix.Clip {
	c := pix.Clip{Rate: 25}
	for t := range n {
		m := pix.New(w, h)
		for y := range h {
			for x := range w {
				u := float64(x + 2*t)
				p := m.Pix[3*(y*w+x):]
				p[0] = uint8(128 + 100*math.Sin(u/9)*math.Cos(float64(y)/13))
				p[1] = uint8(128 + 100*math.Sin((u+float64(y))/15))
				p[2] = uint8(128 + 100*math.Cos(u/21))
			}
		}
		c.Frames = append(c.Frames, m)
	}
	return c
}

func psnr(t *testing.T, in pix.Clip, out tokenizers.ClipReconstruction) float64 {
	t.Helper()
	sum := 0.
	for i := range in.Frames {
		v, err := quality.PSNR(in.Frames[i], out.Frames[i])
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum / float64(len(in.Frames))
}

// TestConform asks of every codec what is asked of everybody's tokenizers.
func TestConform(t *testing.T) {
	_, err := ffmpeg.Open(t.Context())
	testenv.Need(t, err)
	for _, text := range []string{"h264:preset=ultrafast", "hevc:preset=ultrafast", "vp9:preset=5", "av1:preset=12"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) { return openText(ctx, text) }, tokenizertest.Options{Side: 64})
		})
	}
}

// TestFilms: colours come back, fewer bits are worse, a film is cheaper than its frames one
// by one, odd sides are kept, and what is counted is the stream.
func TestFilms(t *testing.T) {
	for _, name := range []string{"h264", "hevc", "vp9", "av1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := pan(97, 75, 8)
			run := func(text string, in pix.Clip) tokenizers.ClipReconstruction {
				t.Helper()
				out, err := open(t, text).ReconstructClip(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if err := tokenizers.CheckClip(in, &out); err != nil {
					t.Fatal(err)
				}
				return out
			}
			fine, crude := run(name+":crf=12", in), run(name+":crf=50", in)
			if a, b := psnr(t, in, fine), psnr(t, in, crude); a < 32 || b > a-3 {
				t.Errorf("crf 12 has %.1f dB, crf 50 %.1f dB", a, b)
			}
			if fine.Bits < 2*crude.Bits || fine.FileBits < fine.Bits || crude.Encode <= 0 || crude.Decode <= 0 {
				t.Errorf("crf 12 takes %d bits (%d in its file), crf 50 %d", fine.Bits, fine.FileBits, crude.Bits)
			}
			stills, err := open(t, name+":crf=12").Reconstruct(t.Context(), in.Frames)
			if err != nil {
				t.Fatal(err)
			}
			apart := int64(0)
			for _, s := range stills {
				if s.Err != nil {
					t.Fatal(s.Err)
				}
				apart += s.Bits
			}
			if fine.Bits*3 > apart*2 {
				t.Errorf("%d bits together, %d one by one", fine.Bits, apart)
			}
			// What the encoder says of itself is no part of the film.
			one := run(name, pix.Clip{Frames: []pix.Image{pix.New(64, 64)}})
			if one.Bits > 8*200 {
				t.Errorf("a black frame takes %d bits", one.Bits)
			}
		})
	}
}

// TestChroma: columns of two colours in turn are what 4:2:0 loses.
func TestChroma(t *testing.T) {
	var in pix.Clip
	for range 4 {
		m := pix.New(64, 64)
		for i := range m.Pix {
			m.Pix[i] = 60
			if i%6 == 0 || i%6 == 5 { // red, then blue
				m.Pix[i] = 200
			}
		}
		in.Frames = append(in.Frames, m)
	}
	for _, name := range []string{"h264", "hevc", "vp9"} {
		sub, err := open(t, name+":crf=4").ReconstructClip(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		full, err := open(t, name+":crf=4,chroma=444").ReconstructClip(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := psnr(t, in, sub), psnr(t, in, full); b < a+6 {
			t.Errorf("%s: 4:2:0 has %.1f dB, 4:4:4 %.1f dB", name, a, b)
		}
	}
}

func TestBadInput(t *testing.T) {
	for text, want := range map[string]string{
		"h264:crf=52": "whole number from 0 to 51", "av1:chroma=444": "want one of 420", "vp9:preset=slow": "want one of 0, 1",
	} {
		if _, err := openText(t.Context(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	tok := open(t, "hevc")
	for name, in := range map[string]pix.Clip{
		"no frames": {}, "sizes differ": {Frames: []pix.Image{pix.New(64, 64), pix.New(64, 32)}}, "at least 32": {Frames: []pix.Image{pix.New(16, 16)}},
	} {
		if _, err := tok.ReconstructClip(t.Context(), in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestForeignPrograms: no ffmpeg, one that lacks an encoder, one that fails and one that
// returns too little are named.
func TestForeignPrograms(t *testing.T) {
	fake := func(script string) {
		path := filepath.Join(t.TempDir(), "ffmpeg")
		text := "#!/bin/sh\ncase \"$*\" in\n*-version*) echo 'ffmpeg version 7.0 Copyright'; exit;;\n*-encoders*) echo ' V..... libx264  x'; exit;;\n*-filters*|*-decoders*|*-demuxers*) exit;;\nesac\n" + script
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("VTBENCH_FFMPEG", path)
	}
	var lacks *missing.Error
	t.Setenv("VTBENCH_FFMPEG", filepath.Join(t.TempDir(), "none"))
	if _, err := openText(t.Context(), "h264"); !errors.As(err, &lacks) {
		t.Errorf("no ffmpeg: %v", err)
	}
	fake("exit 0")
	if _, err := openText(t.Context(), "av1"); !errors.As(err, &lacks) || !strings.Contains(err.Error(), "libsvtav1") {
		t.Errorf("no encoder: %v", err)
	}
	for script, want := range map[string]string{
		"echo '[error] out of codes' >&2; exit 3":        "out of codes",
		"cat <&3 >/dev/null; printf 0000":                "4 bytes came back for 1 frames of 8x8",
		"cat <&3 >/dev/null; head -c 9000000 </dev/zero": "more than the bound",
	} {
		fake(script)
		tok, err := openText(t.Context(), "h264")
		if err != nil {
			t.Fatal(err)
		}
		_, err = tok.(tokenizers.ClipTokenizer).ReconstructClip(t.Context(), pix.Clip{Frames: []pix.Image{pix.New(8, 8)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}

// BenchmarkWindow codes and decodes 16 frames of 256×256; the process is part of it.
func BenchmarkWindow(b *testing.B) {
	in := pan(256, 256, 16)
	for _, name := range []string{"h264", "hevc", "vp9", "av1"} {
		b.Run(name, func(b *testing.B) {
			tok := open(b, name)
			for b.Loop() {
				out, err := tok.ReconstructClip(b.Context(), in)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(out.Bits)/16/256/256, "bpp")
			}
			b.ReportMetric(16*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

func Example() {
	fmt.Println(film.Kinds()[0].Example)
	// Output: h264:crf=28
}
