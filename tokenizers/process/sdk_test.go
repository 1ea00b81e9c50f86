package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/pix"
	"github.com/vtbench/vtbench/tokenizers"
)

// sdkOptions runs a script of the repository, or inline text, with the SDK on its
// path.
func sdkOptions(t testing.TB, script string, more map[string]string) tokenizers.Options {
	t.Helper()
	py := testenv.Python(t)
	sdk, err := filepath.Abs("python")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tok.py")
	if filepath.Ext(script) == ".py" {
		if file, err = filepath.Abs(script); err != nil {
			t.Fatal(err)
		}
	} else if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	opts := options(t, "", more)
	opts["command"] = quote(py) + " " + quote(file)
	opts["env"] += " PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + quote(sdk)
	return opts
}

const identityScript = `
import vtbench
print("hello from the module body")
class Identity:
    name = "identity"
    deterministic = True
    def reconstruct(self, images):
        return images
vtbench.serve(Identity())
`

// TestSDKIdentity: pixels arrive and come back, small and large, alone and
// together, through the pipe and through shared memory.
func TestSDKIdentity(t *testing.T) {
	t.Parallel()
	for _, shm := range []string{"true", "false"} {
		t.Run("shared_memory="+shm, func(t *testing.T) {
			t.Parallel()
			tok := mustOpen(t, sdkOptions(t, identityScript, map[string]string{"shared_memory": shm}))
			defer closeTok(t, tok)
			if got := tok.all[0].p.hello.Cookie != ""; got != (shm == "true") {
				t.Errorf("shared memory agreed on: %v", got)
			}
			for _, sizes := range [][][2]int{{{1, 1}}, {{300, 200}, {17, 5}, {300, 200}}, {{1024, 1024}, {1024, 1024}}, {{64, 64}}} {
				var in []pix.Image
				for i, s := range sizes {
					m := pix.New(s[0], s[1])
					for k := range m.Pix {
						m.Pix[k] = uint8(k*31 + i*7 + k>>8)
					}
					in = append(in, m)
				}
				out, err := tok.Reconstruct(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				for i := range in {
					if out[i].Err != nil || !out[i].Image.Equal(in[i]) {
						t.Errorf("%v: image %d came back changed: %v", sizes, i, out[i].Err)
					}
				}
			}
			if w := tok.Warnings(); len(w) > 0 {
				t.Errorf("warnings: %v", w)
			}
		})
	}
}

// TestSDKExample: the example in numpy, with codes, latents, decoding and
// neighbours.
func TestSDKExample(t *testing.T) {
	t.Parallel()
	k, opts, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: sdkOptions(t, "../../examples/tokenizers/numpy_blocks.py", nil)}, []tokenizers.Kind{Kind()})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := k.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tok.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	}()
	want := tokenizers.Info{
		Name: "numpy-blocks", Version: "1", Deterministic: true, External: true, MultipleOf: 8, Stride: 8, Channels: 3,
		Codebooks: []int{216}, BatchSize: 8, Params: map[string]string{"block": "8", "levels": "6", "sdk": "python 0.1.0"},
	}
	if diff := cmp.Diff(want, tok.Info()); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
	// Blocks of one colour of the codebook survive exactly.
	m := pix.New(16, 8)
	for y := range 8 {
		for x := range 16 {
			p := m.Row(y)[3*x : 3*x+3]
			p[0], p[1], p[2] = uint8(51*(x/8)), 102, 255
		}
	}
	out, err := tok.Reconstruct(t.Context(), []pix.Image{m, pix.New(12, 8)})
	if err != nil || out[0].Err != nil {
		t.Fatal(err, failures(out))
	}
	wantMatch(t, "an image of an odd size", out[1].Err, `needs sides that are multiples of 8, not 12×8`)
	if !out[0].Image.Equal(m) {
		t.Error("blocks in colours of the codebook came back changed")
	}
	codes := &tokenizers.Codes{Books: []tokenizers.Book{{Size: 216, Shape: []int{1, 2}, IDs: []int32{0*36 + 2*6 + 5, 1*36 + 2*6 + 5}}}}
	if diff := cmp.Diff(codes, out[0].Codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	back, err := tok.(tokenizers.Decoder).Decode(t.Context(), []*tokenizers.Codes{codes}, 16, 8)
	if err != nil || !back[0].Equal(m) {
		t.Errorf("decoding the codes: %v", err)
	}
	z, err := tok.(tokenizers.LatentEncoder).Latents(t.Context(), []pix.Image{m})
	if diff := cmp.Diff([]tokenizers.Latent{{Shape: []int{3, 1, 2}, Data: []float32{0, 51, 102, 102, 255, 255}}}, z); err != nil || diff != "" {
		t.Errorf("latents: %v\n%s", err, diff)
	}
	if d, err := tok.(tokenizers.Neighbourer).Distance(0, 0, 36); err != nil || d != 51 {
		t.Errorf("distance of neighbouring reds: %v, %v", d, err)
	}
}

// TestSDKErrors: Python's own failures reach the item they belong to.
func TestSDKErrors(t *testing.T) {
	t.Parallel()
	script := `
import vtbench
import os, sys
import numpy as np
class Touchy:
    name = "touchy"
    value_range = (0.0, 1.0)
    def reconstruct(self, images):
        first = images[:, 0, 0, 0]
        if (first == 1).any():
            raise ValueError("one \x1b[31mcannot be\x1b[0m")
        if (first == 2).any():
            os._exit(5)
        if (first == 3).any():
            sys.exit("asked to leave")
        out = images / np.float32(255)
        out[first == 4, 0, 0, 1] = np.nan
        out[first == 5] *= 255
        if (first == 6).any():
            os.write(1, b"native library: step 1\n")
        return out
vtbench.serve(Touchy())
`
	tok := mustOpen(t, sdkOptions(t, script, nil))
	defer closeTok(t, tok)
	in := images(0, 1, 2, 3, 4, 5, 6)
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{
		1: `image 1 of the batch: ValueError: one .*cannot be.* \(tok\.py:\d+\)`,
		2: `image 2 of the batch: it exited with status 5`,
		3: `image 3 of the batch: it exited with status 1; the end of its stderr: .*asked to leave`,
		4: `1 values are NaN or infinite, the first nan at row 0, column 0, channel 1`,
		5: `values from .* to 255 where the declared range is 0 to 1`,
	} {
		wantMatch(t, fmt.Sprintf("image %d", i), out[i].Err, want)
	}
	for _, i := range []int{0, 6} {
		if out[i].Err != nil || !out[i].Image.Equal(in[i]) {
			t.Errorf("image %d: %v", i, out[i].Err)
		}
	}
}

// TestSDKScriptsThatServeNothing: what is wrong with the script is in the error.
func TestSDKScriptsThatServeNothing(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{
		"import vtbench\nclass Tok: pass\n": `status 0 before it was told to, and answered nothing: .* in Python by vtbench\.serve\(…\)`,
		"import vtbench\nclass Tok:\n    def reconstruct(self, images): pass\nvtbench.serve(Tok)\n": `Tok is a class: give an object of it, Tok\(\)`,
		"import vtbench\nvtbench.serve(len, multiple=8)\n":                                          `unknown option 'multiple', did you mean 'multiple_of'`,
	} {
		_, err := Open(t.Context(), sdkOptions(t, script, nil))
		wantMatch(t, script, err, want)
	}
}

// TestSDKPrintBeforeImport: a native print before vtbench is imported is an error
// that names the mend, and the mend works.
func TestSDKPrintBeforeImport(t *testing.T) {
	t.Parallel()
	script := "import os\nos.write(1, b'Setting up [LPIPS] perceptual loss\\n')\n" + identityScript
	opts := sdkOptions(t, script, nil)
	_, err := Open(t.Context(), opts)
	wantMatch(t, "open", err, `carries text .*"Setting up \[LPIPS\] perceptual loss\\n.*python -m vtbench`)
	py, file, ok := strings.Cut(opts["command"], " ")
	if !ok {
		t.Fatal(opts["command"])
	}
	opts["command"] = py + " -m vtbench " + file
	tok := mustOpen(t, opts)
	defer closeTok(t, tok)
	if out, err := tok.Reconstruct(t.Context(), images(1)); err != nil || out[0].Err != nil {
		t.Fatal(err, failures(out))
	}
}

// TestSDKCommand: a shell script on image files, without a line of Python.
func TestSDKCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"enc.sh": `gzip -9 -c "$1" >"$2"`, "dec.sh": `gzip -dc "$1" >"$2"`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	opts := sdkOptions(t, identityScript, map[string]string{"dir": dir})
	py, _, _ := strings.Cut(opts["command"], " ")
	opts["command"] = py + ` -m vtbench.command --encode './enc.sh {in} {out}' --decode ./dec.sh --image ppm --name gz --deterministic`
	tok := mustOpen(t, opts)
	defer closeTok(t, tok)
	in := images(1, 2)
	out, err := tok.Reconstruct(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		if out[i].Err != nil || !out[i].Image.Equal(in[i]) || out[i].FileBits == 0 || out[i].Encode == 0 {
			t.Errorf("image %d: %v, %d bits, %v", i, out[i].Err, out[i].FileBits, out[i].Encode)
		}
	}
}

// TestSDKOwnTests runs the SDK's own tests.
func TestSDKOwnTests(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(testenv.Python(t), "-m", "unittest", "discover", "-s", "tests")
	cmd.Dir = "python"
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// BenchmarkOverhead is what the process adapter costs over an identity in this
// process: a batch there and back through the Python SDK. The floor is two copies
// of every pixel on each side of a pipe (four in all), or two and a half through
// shared memory; SetBytes counts the pixels of the batch once.
func BenchmarkOverhead(b *testing.B) {
	for _, shm := range []string{"true", "false"} {
		tok := mustOpen(b, sdkOptions(b, identityScript, map[string]string{"shared_memory": shm}))
		for _, side := range []int{256, 512, 1024} {
			for _, n := range []int{1, 8, 32} {
				b.Run(fmt.Sprintf("shm=%s/side=%d/batch=%d", shm, side, n), func(b *testing.B) {
					in := make([]pix.Image, n)
					for i := range in {
						in[i] = pix.New(side, side)
						for k := range in[i].Pix {
							in[i].Pix[k] = uint8(k)
						}
					}
					b.SetBytes(int64(3 * side * side * n))
					for b.Loop() {
						out, err := tok.Reconstruct(b.Context(), in)
						if err != nil || out[n-1].Err != nil {
							b.Fatal(err, out[n-1].Err)
						}
					}
					b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N*n), "ms/image")
				})
			}
		}
		closeTok(b, tok)
	}
}

// A plug-in that says which range it uses is started again with others, and the one
// that fits is named.
func TestRangeIsTried(t *testing.T) {
	t.Parallel()
	script := `
import os
import numpy as np
import vtbench
lo, hi = (float(v) for v in os.environ.get("VTBENCH_RANGE", "0..1").split(".."))
class Mine:
    name, version, deterministic, batch_invariant = "mine", "1", True, True
    params = {"range": f"{lo:g}..{hi:g}"}
    value_range = (lo, hi)
    def reconstruct(self, images):
        x = lo + images.astype(np.float32) * ((hi - lo) / 255)
        return np.tanh(3 * x) / np.tanh(3)  # what a model made for -1..1 may do
vtbench.serve(Mine())
`
	tok := mustOpen(t, sdkOptions(t, script, nil))
	defer closeTok(t, tok)
	if lo, hi, ok := tok.Range(); lo != 0 || hi != 1 || !ok {
		t.Errorf("range %v, %v, %v", lo, hi, ok)
	}
	if !tok.Info().BatchInvariant {
		t.Error("batch_invariant was lost on its way")
	}
	other, err := tok.InRange(t.Context(), -1, 1)
	if err != nil {
		t.Fatal(err)
	}
	closeTok(t, other.(*Tokenizer))
	if lo, hi, _ := other.(*Tokenizer).Range(); lo != -1 || hi != 1 {
		t.Errorf("it was started with %v to %v", lo, hi)
	}
	same := mustOpen(t, sdkOptions(t, identityScript, nil))
	defer closeTok(t, same)
	if _, err := same.InRange(t.Context(), -1, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a plug-in without a range: %v", err)
	}
}
