package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/vtbench/vtbench/bench/compare"
	"github.com/vtbench/vtbench/internal/testenv"
)

// asProgram makes the test binary the program itself, so that scripts can run it.
const asProgram = "VTBENCH_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(cacheEnv) == "" { // nothing of a test is kept for its user
		if err := os.Setenv(cacheEnv, "off"); err != nil {
			panic(err)
		}
	}
	if os.Getenv(asProgram) != "" {
		if err := limitFiles(); err != nil {
			panic(err)
		}
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// program puts a vtbench into dir that is this test binary.
func program(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "vtbench")
	if err := os.WriteFile(name, []byte(fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asProgram, self)), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

// shell runs a script with settings, and nothing of this machine's CI.
func shell(t *testing.T, script string, env map[string]string) (status int, stdout, stderr string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		testenv.Skip(t, "bash is not here")
	}
	cmd := exec.Command(bash, "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for k, v := range env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

const gatesFile = `version: 1
gates:
  - {metric: psnr, level: error}
`

// The recipe for any shell, from the first baseline to a failed gate, and the step of
// the Action that calls it.
func TestCompareScript(t *testing.T) {
	root, err := filepath.Abs("../../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	photos(t, "in", 12, false, 0)
	for name, s := range map[string]string{"suite.yaml": suiteFile, "gates.yaml": gatesFile} {
		if err := os.WriteFile(name, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"VTBENCH": program(t, t.TempDir()), "VTBENCH_SUITE": "suite.yaml", "VTBENCH_TOKENIZERS": "\n  resize\n\tmine=jpeg:q=80  \n",
		"VTBENCH_RUN_ARGS": "--data\nfolder:in\n--quiet", "VTBENCH_GATES": "gates.yaml", "VTBENCH_BASELINE": "base.vtbench.json.gz", "VTBENCH_OUT": "first",
	}
	script := "exec " + filepath.Join(root, "examples", "ci", "compare.sh")

	status, _, stderr := shell(t, script, env)
	if status != ExitUsage || !strings.Contains(stderr, "first/new-baseline.vtbench.json.gz") {
		t.Fatalf("without a baseline: status %d, stderr %s", status, stderr)
	}
	if err := os.Rename("first/new-baseline.vtbench.json.gz", "base.vtbench.json.gz"); err != nil {
		t.Fatal(err)
	}

	env["VTBENCH_OUT"] = "same"
	status, stdout, stderr := shell(t, script, env)
	if status != ExitDone || !strings.Contains(stdout, "gates passed; no difference shown in 1 headline row") || strings.Contains(stdout, "::notice") {
		t.Errorf("the same again: status %d\n%s\n%s", status, stdout, stderr)
	}

	env["VTBENCH_OUT"], env["VTBENCH_TOKENIZERS"] = "worse", "resize\nmine=jpeg:q=5"
	env["VTBENCH_KEY"], env["VTBENCH_COMMIT"], env["VTBENCH_PR"] = "pixels", "0123456789ab", "12"
	env["GITHUB_ACTIONS"], env["GITHUB_STEP_SUMMARY"] = "true", "summary.md"
	status, stdout, stderr = shell(t, script, env)
	if status != ExitGate {
		t.Fatalf("worse: status %d\n%s\n%s", status, stdout, stderr)
	}
	for name, want := range map[string]string{
		"worse/compare.json": `"verdict": "worse"`, "worse/comment.md": "<!-- vtbench:pixels -->\n### ❌ vtbench: gates failed", "worse/junit.xml": "<failure ",
		"worse/annotations.txt": "::error title=PSNR", "summary.md": "### ❌ vtbench", "worse/pr": "12\n", "worse/new-baseline.vtbench.json.gz": "\x1f\x8b",
	} {
		b, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(b), want) {
			t.Errorf("%s: %v, want %q in it:\n%.2000s", name, err, want, b)
		}
	}
	if b, err := os.ReadFile("worse/comment.md"); err != nil || !strings.Contains(string(b), "0123456789ab") {
		t.Errorf("the comment does not name the commit: %v", err)
	}
	if !strings.Contains(stdout, "\n::error title=PSNR") {
		t.Errorf("no annotation:\n%s", stdout)
	}
	// Nothing to compare is shown with its reason; what failed earlier leaves no old results.
	env["VTBENCH_OUT"], env["VTBENCH_TOKENIZERS"], env["VTBENCH_GATES"], env["GITHUB_STEP_SUMMARY"] = "none", "resize", "", "nothing.md"
	if status, _, stderr := shell(t, script, env); status != ExitItemsFailed {
		t.Errorf("without the tokenizer: status %d, %s", status, stderr)
	}
	if b, err := os.ReadFile("nothing.md"); err != nil || !strings.Contains(string(b), "mine is in the baseline") {
		t.Errorf("without the tokenizer the summary is %q, %v", b, err)
	}
	env["VTBENCH_TOKENIZERS"] = "nosuch"
	if status, _, stderr := shell(t, script, env); status != ExitUsage {
		t.Errorf("no such tokenizer: status %d, %s", status, stderr)
	}
	if left, err := filepath.Glob("none/*.*"); err != nil || len(left) > 0 {
		t.Errorf("left of an earlier comparison: %v, %v", left, err)
	}
	env["VTBENCH_GATES"] = "gates.yaml"
	// A stored comparison is published without its data.
	if status, out, stderr := vtbench(t, "comment", "--report", "worse/compare.json", "--dry-run"); status != ExitDone || !strings.Contains(out, "gates failed") {
		t.Errorf("comment: status %d, %s", status, stderr)
	}

	// A run that is there is taken as it is; a wrong one is an error of its own.
	env["VTBENCH_OUT"], env["VTBENCH_RUN"] = "again", "worse/run"
	if status, _, stderr := shell(t, script, env); status != ExitGate {
		t.Errorf("a stored run: status %d, %s", status, stderr)
	}
	env["VTBENCH_RUN"] = "absent"
	if status, _, stderr := shell(t, script, env); status != ExitUsage || !strings.Contains(stderr, "absent") {
		t.Errorf("an absent run: status %d, %s", status, stderr)
	}
	env["VTBENCH_RUN"], env["VTBENCH_OUT"], env["VTBENCH_TOKENIZERS"] = "", "wrong", "no-such-tokenizer"
	if status, _, stderr := shell(t, script, env); status != ExitUsage || !strings.Contains(stderr, "no-such-tokenizer") {
		t.Errorf("a wrong tokenizer: status %d, %s", status, stderr)
	}

	// Failed items are counted, and end in 4 where no gate minds.
	photos(t, "in", 11, true, 0)
	env["VTBENCH_OUT"], env["VTBENCH_TOKENIZERS"], env["VTBENCH_GATES"] = "broken", "resize\nmine=jpeg:q=80", ""
	env["VTBENCH_COMPARE_ARGS"] = "--allow-version-skew"
	if status, stdout, stderr := shell(t, script, env); status != ExitItemsFailed || !strings.Contains(stdout, "NOT LIKE WITH LIKE") {
		t.Errorf("a damaged image: status %d\n%s\n%s", status, stdout, stderr)
	}
	actionStep(t, root, env)
}

// What the page on pull requests tells people to type is understood.
func TestPullRequestDocs(t *testing.T) {
	b, err := os.ReadFile("../../../../docs/pull-requests.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(b), "\\\n", " ")
	commands := regexp.MustCompile("(?m)^(?:[A-Z_]+=\\S+ )*(vtbench .*)$|`(vtbench (?:run|compare|baseline|comment) [^`]*)`").FindAllStringSubmatch(text, -1)
	if len(commands) < 12 {
		t.Errorf("only %d commands were found", len(commands))
	}
	for _, m := range commands {
		line := m[1] + m[2]
		args := words(line)[1:]
		root := (&app{out: io.Discard, err: io.Discard}).root()
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("%s: no such command: %v", line, err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if f := cmd.Flags().Lookup("format"); f != nil && cmd.Name() == "compare" {
			if _, err := compareFormat(f.Value.String()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) != 1 {
		t.Fatalf("%d gates files, want one", len(blocks))
	}
	if _, err := compare.ParseGates("docs/pull-requests.md", []byte(blocks[0][1])); err != nil {
		t.Error(err)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("../../../../docs", link[1])); err != nil {
			t.Errorf("a link leads nowhere: %v", err)
		}
	}
}

// words splits a line as a shell does, without expansions.
func words(line string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`).FindAllString(line, -1) {
		out = append(out, strings.NewReplacer("'", "", `"`, "").Replace(m))
	}
	return out
}

// actionStep runs the step of action.yml as the service would: its inputs as
// environment, its outputs in a file.
func actionStep(t *testing.T, root string, env map[string]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Runs struct {
			Steps []struct {
				ID  string            `yaml:"id"`
				Run string            `yaml:"run"`
				Env map[string]string `yaml:"env"`
			} `yaml:"steps"`
		} `yaml:"runs"`
	}
	if err := yaml.Unmarshal(b, &action); err != nil {
		t.Fatal(err)
	}
	for _, s := range action.Runs.Steps {
		if s.ID != "compare" {
			continue
		}
		env["VTBENCH_RUN"], env["VTBENCH_OUT"], env["VTBENCH_GATES"], env["VTBENCH_COMPARE_ARGS"] = "worse/run", "action", "gates.yaml", ""
		for k := range env {
			if _, ok := s.Env[k]; !ok && strings.HasPrefix(k, "VTBENCH_") {
				t.Errorf("the Action cannot set %s", k)
			}
		}
		env["GITHUB_ACTION_PATH"], env["GITHUB_OUTPUT"] = root, "output.txt"
		status, _, stderr := shell(t, "set -eo pipefail\n"+s.Run, env)
		out, err := os.ReadFile("output.txt")
		if status != 0 || err != nil || string(out) != "status=3\n" {
			t.Errorf("the step: status %d, %v, outputs %q, %s", status, err, out, stderr)
		}
		return
	}
	t.Error("action.yml has no step compare")
}
