package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/vtbench/vtbench/bench/record"
	"github.com/vtbench/vtbench/internal/testenv"
	"github.com/vtbench/vtbench/internal/workwire"
	"github.com/vtbench/vtbench/tokenizers"
	alltok "github.com/vtbench/vtbench/tokenizers/all"
)

// background starts a program that ends with the test.
func background(t testing.TB, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s %s said:\n%s", filepath.Base(name), strings.Join(args, " "), said.String())
		}
	})
	return cmd
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// TestWorkers: the directory of any number of workers is that of one process, byte for byte
// but for times, with an image that cannot be read and pictures; and the recipes say how to
// start them.
func TestWorkers(t *testing.T) {
	work := testenv.Build(t, "cmd/vtbench-work")
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	main := program(t, bin)
	t.Chdir(t.TempDir())
	t.Setenv(workwire.WorkEnv, work)
	t.Setenv(workwire.MainEnv, main)
	photos(t, "in", 10, true, 0)
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	common := []string{"--suite", "s.yaml", "--data", "folder:in", "--resamples", "100", "--batch", "2", "-t", "resize", "-t", "jpeg:q=30", "-t", "fsq:patch=8"}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(main, slices.Concat([]string{"run", "-q"}, common, args)...)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != ExitItemsFailed) {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("-o", "whole", "-j", "1", "--no-cache")
	equal := func(dir string) {
		t.Helper()
		n := 0
		for _, of := range []string{"whole", dir} {
			if err := filepath.WalkDir(of, func(path string, d os.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				rel, err := filepath.Rel(of, path)
				if err != nil {
					return err
				}
				switch rel {
				case record.ManifestFile, record.TimingsFile, record.PerformanceFile, record.LockFile, "report.html", "report.md":
					return nil
				}
				n++
				a, errA := os.ReadFile(filepath.Join("whole", rel))
				b, errB := os.ReadFile(filepath.Join(dir, rel))
				if errA != nil || errB != nil || !bytes.Equal(a, b) {
					t.Errorf("%s of %s is not that of one process: %v, %v", rel, dir, errA, errB)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if n < 20 {
			t.Errorf("only %d files were compared", n)
		}
	}
	address := freePort(t)
	url := "nats://" + address
	background(t, nil, work, "serve", "--listen", address, "--store", filepath.Join(t.TempDir(), "queue"))

	for _, n := range []int{1, 2, 4, 8} {
		t.Run(fmt.Sprint(n, " workers"), func(t *testing.T) {
			for range n {
				background(t, nil, work, "--nats", url, "-j", "1", "--no-cache")
			}
			dir := fmt.Sprint("by ", n)
			run("-o", dir, "--workers", url)
			equal(dir)
		})
	}

	t.Run("a server of its own, its status", func(t *testing.T) {
		own := freePort(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			run("-o", "own", "--listen", own)
		}()
		var out string
		for begun := time.Now(); !strings.Contains(out, "no worker"); time.Sleep(50 * time.Millisecond) {
			if _, out, _ = vtbench(t, "status", "nats://"+own); time.Since(begun) > time.Minute {
				t.Fatalf("the status is %q", out)
			}
		}
		for _, want := range []string{"suite pixels", "0 units done", "fsq:patch=8"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
		background(t, nil, work, "--nats", "nats://"+own, "--no-cache")
		<-done
		equal("own")
		if _, err := os.Stat("own.queue"); err == nil {
			t.Error("the server's folder is left behind")
		}
	})

	t.Run("slurm", func(t *testing.T) {
		env := []string{
			"VTBENCH_WORK=" + work, "VTBENCH=" + main, "VTBENCH_NATS=" + url, "VTBENCH_IDLE=3s", "VTBENCH_CACHE=off",
			"VTBENCH_WORK_ARGS=-t resize -t jpeg -t fsq -t original", "SLURM_CPUS_PER_TASK=1", "SLURM_ARRAY_TASK_ID=1", "SLURM_JOB_ID=7",
		}
		cmd := background(t, env, "bash", filepath.Join(root, "examples/scale/slurm-workers.sh"))
		run("-o", "slurm", "--workers", url)
		equal("slurm")
		if err := cmd.Wait(); err != nil {
			t.Errorf("a worker without work: %v", err)
		}
	})

	t.Run("kubernetes", func(t *testing.T) {
		b, err := os.ReadFile(filepath.Join(root, "examples/scale/kubernetes-workers.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		type container struct{ Command, Args []string }
		containers := map[string]container{}
		dec := yaml.NewDecoder(bytes.NewReader(b))
		for {
			var doc struct {
				Kind     string
				Metadata struct{ Name string }
				Spec     struct {
					Template struct {
						Spec struct{ Containers []container }
					}
				}
			}
			if dec.Decode(&doc) != nil {
				break
			}
			for _, c := range doc.Spec.Template.Spec.Containers {
				containers[doc.Metadata.Name] = c
			}
		}
		login := filepath.Join(t.TempDir(), "login")
		if err := os.WriteFile(login, []byte("bench:secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := freePort(t)
		runs, err := filepath.Abs("k8s")
		if err != nil {
			t.Fatal(err)
		}
		here := func(name string) []string {
			c, ok := containers[name]
			if !ok {
				t.Fatalf("there is no container of %s", name)
			}
			var out []string
			for _, a := range slices.Concat(c.Command, c.Args) {
				for _, r := range [][2]string{
					{"vtbench-queue:4222", at},
					{"0.0.0.0:4222", at},
					{"/queue", t.TempDir()},
					{"/runs", runs},
					{"vtbench run --suite text", main + " run " + strings.Join(common, " ")},
				} {
					a = strings.ReplaceAll(a, r[0], r[1])
				}
				out = append(out, a)
			}
			if out[0] == workwire.WorkProgram {
				out[0] = work
			}
			return out
		}
		env := []string{"VTBENCH_NATS_LOGIN=" + login, "VTBENCH=" + main, "VTBENCH_WORK=" + work, "VTBENCH_CACHE=off"}
		for _, name := range []string{"vtbench-queue", "vtbench-workers"} {
			args := here(name)
			background(t, env, args[0], args[1:]...)
		}
		args := here("vtbench-run")
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		equal(filepath.Join("k8s", "text"))
	})

	t.Run("what cannot be asked for", func(t *testing.T) {
		for want, args := range map[string][]string{
			"exclude each other": {"--workers", url, "--listen", address},
			"--shard":            {"--workers", url, "--shard", "1/2"},
			"--timing":           {"--workers", url, "--timing"},
		} {
			status, _, stderr := vtbench(t, slices.Concat([]string{"run", "-q", "-o", "none"}, common, args)...)
			if status != ExitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%v: status %d, %s", args, status, stderr)
			}
		}
	})
}

// BenchmarkWorkers is the suite text by one process with two workers, and by two processes of
// one worker each with a server and the run beside them: wall clock and processor time of
// both. More tokenizers, or fewer, are named by VTBENCH_BENCH_ARGS.
func BenchmarkWorkers(b *testing.B) {
	work, main := testenv.Build(b, "cmd/vtbench-work"), testenv.Build(b, "cmd/vtbench")
	env := []string{workwire.WorkEnv + "=" + work, workwire.MainEnv + "=" + main, "VTBENCH_CACHE=off"}
	args := slices.Concat([]string{"run", "-q", "--suite", "text"}, strings.Fields(os.Getenv("VTBENCH_BENCH_ARGS")))
	var alone, together, aloneCPU, togetherCPU time.Duration
	for b.Loop() {
		timed := func(wall, cpu *time.Duration, more ...string) {
			cmd := exec.Command(main, slices.Concat(args, more)...)
			cmd.Env = append(os.Environ(), env...)
			began := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			*wall += time.Since(began)
			*cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		timed(&alone, &aloneCPU, "-j", "2", "-o", filepath.Join(b.TempDir(), "alone"))
		address := freePort(b)
		var workers []*exec.Cmd
		for range 2 {
			workers = append(workers, background(b, env, work, "--nats", "nats://"+address, "-j", "1", "--idle", "3s"))
		}
		timed(&together, &togetherCPU, "--listen", address, "-o", filepath.Join(b.TempDir(), "together"))
		for _, w := range workers {
			if err := w.Process.Signal(syscall.SIGTERM); err != nil {
				b.Fatal(err)
			}
			if err := w.Wait(); err != nil {
				b.Fatal(err)
			}
			togetherCPU += w.ProcessState.UserTime() + w.ProcessState.SystemTime()
		}
	}
	n := float64(b.N)
	b.ReportMetric(alone.Seconds()/n, "s-alone")
	b.ReportMetric(together.Seconds()/n, "s-together")
	b.ReportMetric(100*alone.Seconds()/together.Seconds(), "%-wall")
	b.ReportMetric(aloneCPU.Seconds()/n, "cpu-s-alone")
	b.ReportMetric(togetherCPU.Seconds()/n, "cpu-s-together")
	b.ReportMetric(0, "ns/op")
}

// A worker opens what its own command line names, and no command that came with a run.
func TestWhatAWorkerOpens(t *testing.T) {
	entry := func(kind, key, value string) record.TokenEntry {
		return record.TokenEntry{Name: "x", Kind: kind, Options: tokenizers.Options{key: value}}
	}
	python := entry("process", "", "")
	spec, err := tokenizers.ParseSpecs("x=process:python3 my_tok.py", alltok.Kinds())
	if err != nil {
		t.Fatal(err)
	}
	if _, python.Options, err = tokenizers.Resolve(spec[0], alltok.Kinds()); err != nil {
		t.Fatal(err)
	}
	other := python
	other.Options = tokenizers.Options{}
	for k, v := range python.Options {
		other.Options[k] = strings.ReplaceAll(v, "my_tok", "rm_all")
	}
	nested := entry("cheapest", "of", "{process:python3 my_tok.py}")
	for _, tc := range []struct {
		named []string
		e     record.TokenEntry
		may   bool
	}{
		{nil, entry("jpeg", "q", "20"), true},
		{nil, python, false},
		{nil, nested, false},
		{[]string{"jpeg"}, entry("jpeg", "q", "20"), true},
		{[]string{"jpeg"}, entry("webp", "q", "20"), false},
		{[]string{"jpeg"}, entry("resize", "", ""), true},
		{[]string{"process"}, python, false},
		{[]string{"cheapest"}, nested, false},
		{[]string{"process:python3 my_tok.py"}, python, true},
		{[]string{"process:python3 my_tok.py"}, other, false},
	} {
		may, err := (&unitFlags{tokenizers: tc.named}).may(tc.e)
		if err != nil || may != tc.may {
			t.Errorf("-t %q opens %s %v: %v, %v; want %v", tc.named, tc.e.Kind, tc.e.Options, may, err, tc.may)
		}
	}
	// What is asked for all the same is refused.
	job := workwire.Job{Manifest: record.Manifest{Tokenizers: []record.TokenEntry{python}}, Lanes: [][]string{{"x"}}}
	lane := 0
	var in, out bytes.Buffer
	enc := json.NewEncoder(&in)
	for _, m := range []workwire.ToWorker{{Job: &job}, {Lane: &lane}} {
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{out: &out, err: &out, quiet: true}
	if err := a.units(context.Background(), &unitFlags{cache: cacheFlags{off: true}}, &in); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, `"serves":[]`) || !strings.Contains(got, "refused") || !strings.Contains(got, "name it with -t") {
		t.Errorf("it says %s", got)
	}
}
