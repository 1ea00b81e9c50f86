package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/vtbench/vtbench/bench/record"
)

// The recipes of examples/scale, each with its merge: what comes out is the directory of
// one run. Machines, Slurm and Kubernetes are stood in for by what they set.
func TestScaleRecipes(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	recipe := func(name string) string { return filepath.Join(root, "examples", "scale", name) }
	t.Chdir(t.TempDir())
	photos(t, "in", 5, false, 0)
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	common := []string{"--suite", "s.yaml", "--data", "folder:in", "--resamples", "100", "--batch", "1"}
	if status, _, stderr := vtbench(t, append([]string{"run", "-q", "-o", "whole"}, common...)...); status != ExitDone {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	bin := t.TempDir()
	name := program(t, bin)
	equal := func(t *testing.T, dir string) {
		t.Helper()
		for _, f := range []string{record.RecordsFile, record.CodesFile, record.GroupsFile, record.SummaryFile, record.SealFile} {
			want, err := os.ReadFile(filepath.Join("whole", f))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s of %s is not that of one run: %v", f, dir, err)
			}
		}
	}
	must := func(t *testing.T, script string, env map[string]string) {
		t.Helper()
		if status, stdout, stderr := shell(t, script, env); status != ExitDone {
			t.Fatalf("status %d\n%s\n%s", status, stdout, stderr)
		}
	}

	t.Run("ssh", func(t *testing.T) {
		// A machine that is called, less the way there; the second is away at first.
		ssh := filepath.Join(bin, "ssh")
		if err := os.WriteFile(ssh, []byte("#!/bin/sh\nhost=$1; shift\n[ $host = two ] && [ ! -e up ] && exit 255\nexec sh -c \"$*\"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"VTBENCH": name, "VTBENCH_HOSTS": "one two", "VTBENCH_SSH": ssh}
		script := recipe("ssh.sh") + " 'runs of ssh' " + strings.Join(common, " ")
		if status, _, stderr := shell(t, script, env); status != 1 || !strings.Contains(stderr, "shard 2/2 on two ended with status 255") {
			t.Errorf("a machine that is away: status %d, %s", status, stderr)
		}
		if err := os.WriteFile("up", nil, 0o644); err != nil {
			t.Fatal(err)
		}
		must(t, script, env)
		equal(t, "runs of ssh")
	})

	t.Run("slurm", func(t *testing.T) {
		env := map[string]string{"VTBENCH": name, "VTBENCH_OUT": "slurm", "VTBENCH_ARGS": strings.Join(common, " "), "SLURM_CPUS_PER_TASK": "1"}
		if status, _, stderr := shell(t, recipe("slurm-merge.sh"), env); status != 2 || !strings.Contains(stderr, "no shard was measured") {
			t.Errorf("a merge of nothing: status %d, %s", status, stderr)
		}
		for _, i := range []string{"1", "3", "2", "2"} { // one is requeued
			env["SLURM_ARRAY_TASK_ID"], env["SLURM_ARRAY_TASK_COUNT"], env["SLURM_ARRAY_TASK_MIN"], env["SLURM_ARRAY_TASK_MAX"] = i, "3", "1", "3"
			must(t, recipe("slurm-array.sh"), env)
		}
		// One task of the array, submitted again, does not know how many there were.
		env["SLURM_ARRAY_TASK_COUNT"], env["SLURM_ARRAY_TASK_MIN"], env["SLURM_ARRAY_TASK_MAX"] = "1", "2", "2"
		if status, _, stderr := shell(t, recipe("slurm-array.sh"), env); status == 0 || !strings.Contains(stderr, "VTBENCH_SHARDS") {
			t.Errorf("a task alone: status %d, %s", status, stderr)
		}
		env["VTBENCH_SHARDS"] = "3"
		must(t, recipe("slurm-array.sh"), env)
		must(t, recipe("slurm-merge.sh"), env)
		equal(t, "slurm")
	})

	t.Run("kubernetes", func(t *testing.T) {
		b, err := os.ReadFile(recipe("kubernetes.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		runs, err := filepath.Abs("k8s")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(runs, 0o755); err != nil {
			t.Fatal(err)
		}
		dec := yaml.NewDecoder(bytes.NewReader(b))
		var scripts []string
		for range 2 {
			var job struct {
				Spec struct {
					Template struct {
						Spec struct{ Containers []struct{ Args []string } }
					}
				}
			}
			if err := dec.Decode(&job); err != nil {
				t.Fatal(err)
			}
			s := job.Spec.Template.Spec.Containers[0].Args[0]
			s = strings.ReplaceAll(strings.ReplaceAll(s, "/runs/", runs+"/"), "vtbench run --suite text", "vtbench run "+strings.Join(common, " "))
			scripts = append(scripts, s)
		}
		env := map[string]string{"SHARDS": "2", "POLL": "0.1", "PATH": bin + ":" + os.Getenv("PATH")}
		for i := range 2 {
			env["JOB_COMPLETION_INDEX"] = fmt.Sprint(i)
			must(t, scripts[0], env)
		}
		must(t, scripts[1], env)
		equal(t, filepath.Join("k8s", "text"))
	})

	t.Run("matrix", func(t *testing.T) {
		b, err := os.ReadFile(recipe("github.yml"))
		if err != nil {
			t.Fatal(err)
		}
		var flow struct {
			Jobs map[string]struct {
				Strategy struct{ Matrix struct{ Shard []int } }
				Steps    []struct{ Name, Run string }
			}
		}
		if err := yaml.Unmarshal(b, &flow); err != nil {
			t.Fatal(err)
		}
		step := func(job, name string) string {
			for _, s := range flow.Jobs[job].Steps {
				if s.Name == name {
					return strings.ReplaceAll(strings.ReplaceAll(s.Run, "bin/vtbench", filepath.Join(bin, "vtbench")), "--suite text", strings.Join(common, " "))
				}
			}
			t.Fatalf("no step %q", name)
			return ""
		}
		if err := os.Mkdir("matrix", 0o755); err != nil {
			t.Fatal(err)
		}
		for _, i := range flow.Jobs["shard"].Strategy.Matrix.Shard {
			must(t, step("shard", "Measure"), map[string]string{"SHARD": fmt.Sprint(i)})
		}
		must(t, step("merge", "Merge"), nil)
		equal(t, filepath.Join("runs", "text"))
	})
}
