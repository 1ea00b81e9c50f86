package cli

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/tokenizers/tokenizertest"
	"github.com/vtbench/vtbench/tokenizers/zoo"
)

func TestListZoo(t *testing.T) {
	status, out, stderr := vtbench(t, "list", "tokenizers", "--zoo", "--format", "json")
	if status != ExitDone {
		t.Fatal(status, stderr)
	}
	var rows []struct {
		Name    string
		Details zoo.Preset
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	all, err := zoo.Presets()
	if err != nil || len(rows) != len(all) {
		t.Fatalf("%d rows for %d presets: %v", len(rows), len(all), err)
	}
	for _, r := range rows {
		if r.Name != "zoo:"+r.Details.Name || r.Details.Hub == "" {
			t.Errorf("row %+v", r)
		}
	}
	if status, _, stderr := vtbench(t, "list", "metrics", "--zoo"); status != ExitUsage || !strings.Contains(stderr, "list tokenizers") {
		t.Error(status, stderr)
	}
}

// oneLine is what every refusal of the zoo looks like.
var oneLine = regexp.MustCompile(`(?m)^vtbench: opening tokenizer ".*": zoo:([a-z0-9.-]+): .+; to mend it: .+$`)

// Where the libraries, or the folder, are missing, the program says so in a line and ends
// with status 5, whatever Python there is.
func TestZooLacks(t *testing.T) {
	py := testenv.Python(t)
	for _, args := range [][]string{
		{"conform", "zoo:flux1-vae,path=" + t.TempDir() + ",python=" + py},
		{"run", "--suite", "text", "--limit", "1", "-o", filepath.Join(t.TempDir(), "run"), "-t", "zoo:janus-pro,python=" + filepath.Join(t.TempDir(), "no-such-python")},
	} {
		status, _, stderr := vtbench(t, args...)
		if got := oneLine.FindAllString(stderr, -1); status != ExitMissing || len(got) != 1 {
			t.Errorf("%v: status %d, stderr:\n%s", args, status, stderr)
		}
	}
}

// TestTorchZoo puts presets at reduced width through `vtbench conform`: in CI a few of
// those that Debian's PyTorch has, with VTBENCH_ZOO=all every one, with names these.
func TestTorchZoo(t *testing.T) {
	py := os.Getenv("VTBENCH_TORCH_PYTHON")
	if py == "" {
		t.Skip("set VTBENCH_TORCH_PYTHON") //nolint:forbidigo // make test-torch and make test-zoo set it
	}
	names := []string{"taesd", "movq"}
	if asked := os.Getenv("VTBENCH_ZOO"); asked == "all" {
		all, err := zoo.Presets()
		if err != nil {
			t.Fatal(err)
		}
		names = nil
		for _, p := range all {
			names = append(names, p.Name)
		}
	} else if asked != "" {
		names = strings.Split(asked, ",")
	}
	t.Setenv("OMP_NUM_THREADS", "1") // these models are too small for threads
	root := testenv.Root(t)
	dir := t.TempDir()
	cmd := exec.Command(py, append([]string{"-c", "import os, sys\nfrom vtbench import zoo\nfor n in sys.argv[2:]: zoo.make(n, os.path.join(sys.argv[1], n))", dir}, names...)...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(root, "tokenizers", "process", "python"), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making the models: %v\n%s", err, out)
	}
	spec := func(preset, folder string) string {
		return "zoo:" + preset + ",device=cpu,path=" + filepath.Join(dir, folder) + ",python=" + py
	}
	type row struct{ OK, Skipped, Warnings, Failed int }
	rows := map[string]row{}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			status, out, stderr := vtbench(t, "conform", "--format", "json", spec(name, name))
			var report tokenizertest.Report
			if err := json.Unmarshal([]byte(out), &report); err != nil {
				t.Fatalf("status %d: %v\n%s", status, err, stderr)
			}
			r := row{
				report.Count(tokenizertest.OK), report.Count(tokenizertest.Skipped),
				report.Count(tokenizertest.Warning), report.Count(tokenizertest.Failed),
			}
			rows[name] = r
			t.Logf("%-18s %2d ok, %d failed, %d warnings, %d skipped", name, r.OK, r.Failed, r.Warnings, r.Skipped)
			// Untrained weights do not resemble their input, nor frames their own. And some
			// that take a first frame alone normalise over all frames of a window.
			known := []string{"resemblance", "clip frames", "clip causal"}
			for _, c := range report.Checks {
				if c.Status == tokenizertest.Failed || c.Status == tokenizertest.Warning && !slices.Contains(known, c.Name) {
					t.Errorf("%s: %s\n%s", c.Name, c.Status, c)
				}
			}
			if status != ExitDone {
				t.Errorf("status %d", status)
			}
		})
	}
	if file := os.Getenv("VTBENCH_ZOO_RESULTS"); file != "" && !t.Failed() {
		all := map[string]row{}
		if data, err := os.ReadFile(file); err == nil && os.Getenv("VTBENCH_ZOO") != "all" {
			if err := json.Unmarshal(data, &all); err != nil {
				t.Fatal(err)
			}
		}
		maps.Copy(all, rows)
		data, err := json.MarshalIndent(all, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	if !slices.Contains(names, "taesd") {
		return
	}
	t.Run("run", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "run")
		if status, _, stderr := vtbench(t, "run", "--suite", "text", "--limit", "1", "--quiet", "-o", out, "-t", "tiny="+spec("taesd", "taesd"), "-t", "resize"); status != ExitDone {
			t.Fatalf("status %d:\n%s", status, stderr)
		}
		data, err := os.ReadFile(filepath.Join(out, "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var m record.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(m.Tokenizers, func(t record.TokenEntry) bool { return t.Name == "tiny" })
		if i < 0 {
			t.Fatalf("%+v", m.Tokenizers)
		}
		info := m.Tokenizers[i].Info
		if len(info.Weights) != 64 || info.Stride != 8 || info.Params["preset"] != "taesd" || info.Params["source"] != "folder" {
			t.Errorf("the manifest has %+v", info)
		}
	})
	t.Run("does not fit", func(t *testing.T) {
		status, _, stderr := vtbench(t, "conform", spec("flux1-vae", "taesd"))
		if got := oneLine.FindStringSubmatch(stderr); status != ExitMissing || got == nil || got[1] != "flux1-vae" || !strings.Contains(got[0], "does not fit") {
			t.Errorf("status %d:\n%s", status, stderr)
		}
	})
	t.Run("no network", func(t *testing.T) {
		t.Setenv("HF_HOME", t.TempDir())
		status, _, stderr := vtbench(t, "conform", "zoo:sd-vae,mirror=http://127.0.0.1:1,python="+py)
		if got := oneLine.FindString(stderr); status != ExitMissing || !strings.Contains(got, "cannot be reached") {
			t.Errorf("status %d:\n%s", status, stderr)
		}
	})
}
