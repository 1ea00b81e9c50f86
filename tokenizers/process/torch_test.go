package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/tokenizers"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
)

// torchPython is the variable that names a Python with torch and diffusers, as
// examples/tokenizers/setup-torch.sh makes one.
const torchPython = "VTBENCH_TORCH_PYTHON"

// TestTorchExamples makes the models of the PyTorch and diffusers examples with
// the examples themselves, and puts them through the conformance suite.
func TestTorchExamples(t *testing.T) {
	py := os.Getenv(torchPython)
	if py == "" {
		t.Skipf("set %s to a Python with torch and diffusers: examples/tokenizers/setup-torch.sh makes one", torchPython) //nolint:forbidigo // make test-torch sets it
	}
	py, err := filepath.Abs(py)
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs("python")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../../examples/tokenizers")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, needs string
		make, serve []string
	}{
		{"vqvae", "import torch", []string{"torch_vqvae.py", "--train", "25", "--ckpt", "vqvae.pt"}, []string{"torch_vqvae.py", "--ckpt", "vqvae.pt"}},
		{"AutoencoderKL", "from diffusers import AutoencoderKL", []string{"diffusers_vae.py", "kl", "--make", "AutoencoderKL"}, []string{"diffusers_vae.py", "kl"}},
		{"VQModel", "from diffusers import VQModel", []string{"diffusers_vae.py", "vq", "--make", "VQModel"}, []string{"diffusers_vae.py", "vq"}},
		{"AutoencoderDC", "from diffusers import AutoencoderDC", []string{"diffusers_vae.py", "dc", "--make", "AutoencoderDC"}, []string{"diffusers_vae.py", "dc"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out, err := exec.Command(py, "-c", c.needs).CombinedOutput(); err != nil {
				if c.name == "AutoencoderDC" { // the default environment is older
					t.Skipf("this environment cannot %q: %s", c.needs, last(out)) //nolint:forbidigo // see setup-torch.sh
				}
				testenv.Skip(t, "this environment cannot "+c.needs+": "+last(out))
			}
			dir := t.TempDir()
			cmd := exec.Command(py, append([]string{filepath.Join(examples, c.make[0])}, c.make[1:]...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("making the model: %v\n%s", err, out)
			}
			opts := options(t, "", map[string]string{"dir": dir})
			opts["command"] = quote(py) + " " + quote(filepath.Join(examples, c.serve[0]))
			for _, a := range c.serve[1:] {
				opts["command"] += " " + quote(a)
			}
			opts["env"] += " HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + quote(sdk)
			tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
				k, o, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
				if err != nil {
					return nil, err
				}
				return k.Open(ctx, o)
			}, tokenizertest.Options{})
		})
	}
}

// last returns the last line of a command's output.
func last(out []byte) string {
	var t tail
	if _, err := t.Write(out); err != nil {
		return err.Error()
	}
	return t.last(1, "")
}

// The example of the README works as it stands, on a CPU.
func TestTorchREADME(t *testing.T) {
	py := os.Getenv(torchPython)
	if py == "" {
		t.Skipf("set %s", torchPython) //nolint:forbidigo // make test-torch sets it
	}
	root := testenv.Root(t)
	page, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```python\n(# my_tok.py\n.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("the README has no my_tok.py")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "my_tok.py"), block[1], 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(py, "-c", "import torch; torch.save(torch.nn.Sequential(torch.nn.AvgPool2d(16), torch.nn.Upsample(scale_factor=16)), 'my_vqgan.pt')")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	opts := options(t, "", map[string]string{"dir": dir})
	opts["command"] = quote(py) + " my_tok.py"
	opts["env"] += " PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + quote(filepath.Join(root, "tokenizers", "process", "python"))
	tokenizertest.Conform(t, func(ctx context.Context) (tokenizers.Tokenizer, error) {
		k, o, err := tokenizers.Resolve(tokenizers.Spec{Kind: "process", Opts: opts}, []tokenizers.Kind{Kind()})
		if err != nil {
			return nil, err
		}
		return k.Open(ctx, o)
	}, tokenizertest.Options{})
}
