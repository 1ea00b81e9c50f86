package ffmpeg_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vtbench/vtbench/internal/ffmpeg"
	"github.com/vtbench/vtbench/internal/missing"
	"github.com/vtbench/vtbench/internal/testenv"
)

// fake has a script found as ffmpeg; it is given the arguments.
func fake(t *testing.T, script string) *ffmpeg.Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ffmpeg")
	script = "#!/bin/sh\ncase \"$*\" in *-version) echo 'ffmpeg version 5.1 Copyright'; exit;; esac\n" + script
	if err := os.WriteFile(path, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ffmpeg.Env, path)
	p, err := ffmpeg.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOpen(t *testing.T) {
	p := testenv.FFmpeg(t)
	if p.Version == "" || len(p.SHA256) != 64 || !filepath.IsAbs(p.Path) {
		t.Errorf("found %+v", p)
	}
	if again, err := ffmpeg.Open(t.Context()); err != nil || again != p {
		t.Errorf("opened again: %v, %v", again, err)
	}
	if err := p.Need("encoder ffv1", "decoder h264", "filter scale"); err != nil {
		t.Error(err)
	}
	var lacks *missing.Error
	if err := p.Need("filter scale", "encoder nonesuch"); !errors.As(err, &lacks) || !strings.Contains(err.Error(), "encoder nonesuch") || strings.Contains(err.Error(), "scale") {
		t.Errorf("a build without it: %v", err)
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for _, env := range []string{"", "/nonesuch/ffmpeg"} {
		t.Setenv(ffmpeg.Env, env)
		var lacks *missing.Error
		if _, err := ffmpeg.Open(t.Context()); !errors.As(err, &lacks) || !strings.Contains(err.Error(), "make deps-video") {
			t.Errorf("%s=%q: %v", ffmpeg.Env, env, err)
		}
	}
}

func TestAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho hello\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv(ffmpeg.Env, path)
	if _, err := ffmpeg.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
}

// TestStreams pipes frames through as they are, from a stream and from a file.
func TestStreams(t *testing.T) {
	p := testenv.FFmpeg(t)
	raw := make([]byte, 64*48*3*20)
	for i := range raw {
		raw[i] = byte(i * i >> 7)
	}
	file := filepath.Join(t.TempDir(), "-i") // named like an option
	if err := os.WriteFile(file, raw, 0o666); err != nil {
		t.Fatal(err)
	}
	format := []string{"-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x48"}
	t.Chdir(filepath.Dir(file))
	for name, in := range map[string]ffmpeg.Input{
		"stream": {Options: format, Reader: bytes.NewReader(raw)},
		"file":   {Options: format, File: "-i"},
	} {
		var out bytes.Buffer
		if err := p.Run(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{in}, Output: []string{"-f", "rawvideo", "pipe:1"}}, &out); err != nil {
			t.Fatal(name, err)
		}
		if !bytes.Equal(out.Bytes(), raw) {
			t.Errorf("%s: %d bytes go in, %d others come out", name, len(raw), out.Len())
		}
	}
}

// TestTwoStreams compares two streams, which ffmpeg reads side by side.
func TestTwoStreams(t *testing.T) {
	p := testenv.FFmpeg(t)
	raw := make([]byte, 64*48*3*50)
	in := func() ffmpeg.Input {
		return ffmpeg.Input{Options: []string{"-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x48"}, Reader: bytes.NewReader(raw)}
	}
	s, err := p.Start(t.Context(), ffmpeg.Job{
		Inputs: []ffmpeg.Input{in(), in()}, Level: "info",
		Output: []string{"-lavfi", "psnr", "-f", "null", "-"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, s); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(s.Log(), "average:inf") {
		t.Errorf("two equal streams: %s", s.Log())
	}
}

func TestFailureSaysWhy(t *testing.T) {
	p := testenv.FFmpeg(t)
	file := filepath.Join(t.TempDir(), "x.mp4")
	if err := os.WriteFile(file, bytes.Repeat([]byte("garbage"), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	err := p.Run(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{File: file}}, Output: []string{"-f", "rawvideo", "pipe:1"}}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "Invalid data") {
		t.Errorf("garbage: %v", err)
	}
}

// TestPlaylistsAreNotFollowed gives it files that name others.
func TestPlaylistsAreNotFollowed(t *testing.T) {
	p := testenv.FFmpeg(t)
	dir := t.TempDir()
	film := filepath.Join(dir, "film.y4m")
	if err := os.WriteFile(film, append([]byte("YUV4MPEG2 W16 H16 F25:1 Cmono\nFRAME\n"), make([]byte, 256)...), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]string{
		"hls":    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n" + film + "\n#EXT-X-ENDLIST\n",
		"url":    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
		"concat": "ffconcat version 1.0\nfile film.y4m\n",
	} {
		file := filepath.Join(dir, name+".mp4")
		if err := os.WriteFile(file, []byte(list), 0o666); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := p.Run(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{File: file}}, Output: []string{"-f", "rawvideo", "pipe:1"}}, &out)
		if err == nil || out.Len() > 0 || !strings.Contains(err.Error(), "whitelist") && !strings.Contains(err.Error(), "Invalid data") {
			t.Errorf("%s: %d bytes, %v", name, out.Len(), err)
		}
	}
	for _, in := range []string{"concat:" + film, "http://127.0.0.1:9/x.mp4", "pipe:0"} {
		if err := p.Run(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{File: in}}, Output: []string{"-f", "null", "-"}}, io.Discard); err == nil || !strings.Contains(err.Error(), "No such file") {
			t.Errorf("%s: %v", in, err)
		}
	}
}

// TestHang ends one that says nothing, with its children, and tells what it had said.
func TestHang(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "alive")
	for name, script := range map[string]string{
		"silent":            "echo 'stuck at 7' >&2; (sleep 2; touch " + mark + ") & wait",
		"some, then silent": "echo abc; echo 'stuck at 7' >&2; sleep 300",
		"closed its output": "echo 'stuck at 7' >&2; exec >&-; sleep 300",
	} {
		t.Run(name, func(t *testing.T) {
			p := fake(t, script)
			err := p.Run(t.Context(), ffmpeg.Job{Idle: 300 * time.Millisecond}, io.Discard)
			if !errors.Is(err, ffmpeg.ErrHung) || !strings.Contains(err.Error(), "stuck at 7") {
				t.Errorf("got %v", err)
			}
		})
	}
	time.Sleep(2 * time.Second)
	if _, err := os.Stat(mark); err == nil {
		t.Error("its child went on")
	}
}

// TestSlowReader takes its time between reads, which is not ffmpeg's fault.
func TestSlowReader(t *testing.T) {
	p := fake(t, "echo abc; sleep .2; echo def")
	s, err := p.Start(t.Context(), ffmpeg.Job{Idle: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // told by what is read
	b := make([]byte, 4)
	if _, err := io.ReadFull(s, b); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if rest, err := io.ReadAll(s); err != nil || string(rest) != "def\n" {
		t.Errorf("after a pause: %q, %v", rest, err)
	}
}

func TestBounds(t *testing.T) {
	p := fake(t, "yes >&2 & yes")
	var out bytes.Buffer
	err := p.Run(t.Context(), ffmpeg.Job{MaxOutput: 1 << 20}, &out)
	if err == nil || !strings.Contains(err.Error(), "more than the bound") || out.Len() > 1<<20 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
	if len(err.Error()) > 2000 {
		t.Errorf("what it said is repeated at length %d", len(err.Error()))
	}
}

func TestCancel(t *testing.T) {
	p := fake(t, "sleep 300")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := p.Run(ctx, ffmpeg.Job{}, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestCloseEarly leaves a stream of which enough was read.
func TestCloseEarly(t *testing.T) {
	p := fake(t, "yes")
	s, err := p.Start(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{Reader: endless{}}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(s, make([]byte, 100)); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestFeedFails has the stream that it is fed fail.
func TestFeedFails(t *testing.T) {
	p := fake(t, "cat <&3")
	broken := errors.New("broken")
	err := p.Run(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{Reader: io.MultiReader(strings.NewReader("abc"), failing{broken})}}}, io.Discard)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestMemory has it ask for more than it may have.
func TestMemory(t *testing.T) {
	python := testenv.Python(t)
	p := fake(t, "sleep .3; exec "+python+" -c 'b = bytearray(1 << 30); print(len(b))'")
	err := p.Run(t.Context(), ffmpeg.Job{MaxMemory: 256 << 20}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "MemoryError") {
		t.Errorf("got %v", err)
	}
}

// Who feeds an ffmpeg that reads nothing, and does not look at its output meanwhile, is told.
func TestFeedingWhatHangs(t *testing.T) {
	p := fake(t, "sleep 60")
	r, w := io.Pipe()
	s, err := p.Start(t.Context(), ffmpeg.Job{Inputs: []ffmpeg.Input{{Reader: r}}, Output: []string{"pipe:1"}, Idle: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err = w.Write(make([]byte, 1<<20)); err != nil {
			break
		}
	}
	if err == nil {
		t.Error("a hundred MB were taken by nobody")
	}
	if _, err := io.Copy(io.Discard, s); !errors.Is(err, ffmpeg.ErrHung) || !strings.Contains(err.Error(), "has read nothing") {
		t.Errorf("%v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
