package neural

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// torchPython is the variable that names a Python with PyTorch.
const torchPython = "VTBENCH_TORCH_PYTHON"

// TestTorchRecipe runs the tests of the recipe: training, resuming, exporting.
func TestTorchRecipe(t *testing.T) {
	py := os.Getenv(torchPython)
	if py == "" {
		t.Skipf("set %s to a Python with torch and numpy (Debian: python3-torch)", torchPython) //nolint:forbidigo // make test-torch sets it
	}
	py, err := filepath.Abs(py)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(py, "-m", "unittest", "-v", "test_train")
	cmd.Dir = "train"
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
