package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/vtbench/vtbench/internal/testenv"
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
			conform(t, opts)
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

// modelsPy are what snippets of the docs take for granted: a package of the reader's own, and a model.
const modelsPy = `
import torch
from torch.nn import functional as F

class Grey(torch.nn.Module):
    "Means of side x side pixels in 1024 greys."
    side = 16

    def encode(self, x):
        return ((F.avg_pool2d(x.mean(1, keepdim=True), self.side)[:, 0] + 1) * 511.5).round().long().clamp(0, 1023)

    def decode(self, ids):
        return F.interpolate(ids[:, None] / 511.5 - 1, scale_factor=self.side).repeat(1, 3, 1, 1)

class VQGAN(Grey):
    @classmethod
    def load(cls, path):
        return cls()

    def encode(self, x):
        return x, 0.0, super().encode(x)

    decode_code = Grey.decode

class Film(Grey):
    "The first frame alone, then the third of every four."
    side = 8

    def encode(self, x):  # [n, 3, t, h, w]
        t = x.shape[2]
        assert t % 4 == 1, t
        kept = [0, *range(3, t, 4)]
        return torch.stack([super(Film, self).encode(x[:, :, i]) for i in kept], 1)

    def decode(self, ids):  # [n, t', h', w']
        frames = [super(Film, self).decode(ids[:, i]) for i in range(ids.shape[1])]
        return torch.stack(frames[:1] + [f for f in frames[1:] for _ in range(4)], 2)
`

// TestTorchREADME: the snippets of the pages that serve a module work as they stand, on a CPU.
func TestTorchREADME(t *testing.T) {
	py := os.Getenv(torchPython)
	if py == "" {
		t.Skipf("set %s", torchPython) //nolint:forbidigo // make test-torch sets it
	}
	root := testenv.Root(t)
	sdk := filepath.Join("tokenizers", "process", "python")
	for _, c := range []struct{ name, page, block, before string }{
		{"README", "README.md", `# my_tok.py\n.*?`, ""},
		{"adding a tokenizer", "docs/adding-a-tokenizer.md", `import vtbench[^\n]*\nfrom my_package import VQGAN.*?`, ""},
		{"SDK", filepath.Join(sdk, "README.md"), `vtbench.serve\(vtbench.from_torch\(\n    model, .*?`, "import vtbench, my_package\nmodel = my_package.Grey()\n"},
		{"SDK, films", filepath.Join(sdk, "README.md"), `vtbench.serve\(vtbench.from_torch\(\n    model,\n    range=\(-1, 1\),\n    video=True.*?`, "import vtbench, my_package\nmodel = my_package.Film()\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join(root, c.page))
			if err != nil {
				t.Fatal(err)
			}
			block := regexp.MustCompile("(?s)```python\n(" + c.block + ")```").FindSubmatch(page)
			if block == nil {
				t.Fatalf("%s has no such snippet", c.page)
			}
			dir := t.TempDir()
			for name, text := range map[string]string{"my_tok.py": c.before + string(block[1]), "my_package.py": modelsPy} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(py, "-c", "import torch; torch.save(torch.nn.Sequential(torch.nn.AvgPool2d(16), torch.nn.Upsample(scale_factor=16)), 'my_vqgan.pt')")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			opts := options(t, "", map[string]string{"dir": dir})
			opts["command"] = quote(py) + " my_tok.py"
			opts["env"] += " PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=" + quote(filepath.Join(root, sdk))
			conform(t, opts)
		})
	}
}
