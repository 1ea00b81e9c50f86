// Package ci keeps the recipes for CI services in examples/ci right: the workflows
// are linted, the Action's metadata is read strictly, and every script is parsed by a
// shell. What the scripts do is tested in cmd/vtbench/internal/cli.
package ci

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rhysd/actionlint"

	"github.com/vtbench/vtbench/internal/testenv"
)

const root = "../.."

// recipe is the path of a file in examples/ci.
func recipe(name string) string { return filepath.Join(root, "examples", "ci", name) }

// step is a step of a workflow or of a composite Action.
type step struct {
	ID               string            `yaml:"id"`
	Name             string            `yaml:"name"`
	If               string            `yaml:"if"`
	Uses             string            `yaml:"uses"`
	With             map[string]any    `yaml:"with"`
	Run              string            `yaml:"run"`
	Shell            string            `yaml:"shell"`
	WorkingDirectory string            `yaml:"working-directory"`
	Env              map[string]string `yaml:"env"`
	ContinueOnError  bool              `yaml:"continue-on-error"`
}

type action struct {
	Name        string            `yaml:"name"`
	Description string            `yaml:"description"`
	Author      string            `yaml:"author"`
	Branding    map[string]string `yaml:"branding"`
	Inputs      map[string]struct {
		Description string  `yaml:"description"`
		Required    bool    `yaml:"required"`
		Default     *string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Description string `yaml:"description"`
		Value       string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []step `yaml:"steps"`
	} `yaml:"runs"`
}

type workflow struct {
	On          map[string]any    `yaml:"on"`
	Permissions map[string]string `yaml:"permissions"`
	Jobs        map[string]struct {
		Permissions map[string]string `yaml:"permissions"`
		Steps       []step            `yaml:"steps"`
	} `yaml:"jobs"`
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readAction(t *testing.T) action {
	t.Helper()
	var a action
	if err := yaml.NewDecoder(bytes.NewReader(read(t, filepath.Join(root, "action.yml"))), yaml.Strict()).Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

func readWorkflow(t *testing.T, name string) workflow {
	t.Helper()
	var w workflow
	if err := yaml.Unmarshal(read(t, name), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// workflows are those of the recipes, and those of this repository where it has any.
func workflows(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{recipe("github/*.yml"), root + "/examples/scale/*.yml", root + "/.github/workflows/*.yml", root + "/.github/workflows/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, found...)
	}
	if len(out) < 2 {
		t.Fatalf("there are workflows %v: want both halves at least", out)
	}
	return out
}

func lint(t *testing.T, dir, name string, content []byte) []*actionlint.Error {
	t.Helper()
	l, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	project, err := actionlint.NewProject(dir)
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Lint(name, content, project)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWorkflowsAreLinted(t *testing.T) {
	for _, name := range workflows(t) {
		for _, e := range lint(t, t.TempDir(), name, read(t, name)) {
			t.Error(e)
		}
	}
	// The linter does find something.
	bad := bytes.Replace(read(t, recipe("github/vtbench.yml")), []byte("ubuntu-24.04"), []byte("${{ github.nothing }}"), 1)
	if len(lint(t, t.TempDir(), "bad.yml", bad)) == 0 {
		t.Error("a wrong workflow passes")
	}
}

// The linter reads the metadata of a local Action where a workflow uses it.
func TestActionIsLinted(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil { // the sign of a project
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "action.yml"), read(t, filepath.Join(root, "action.yml")), 0o644); err != nil {
		t.Fatal(err)
	}
	use := func(with string) []*actionlint.Error {
		return lint(t, dir, filepath.Join(dir, ".github", "workflows", "use.yml"), []byte(`on: push
permissions: {}
jobs:
  a:
    runs-on: ubuntu-24.04
    steps:
      - id: vtbench
        uses: ./
        with:
`+with+"      - run: echo \"$STATUS\"\n        env:\n          STATUS: ${{ steps.vtbench.outputs.status }}\n"))
	}
	for _, e := range use("          baseline: b.json.gz\n          suite: text\n") {
		t.Error(e)
	}
	if len(use("          suite: text\n")) == 0 {
		t.Error("the required baseline may be left out")
	}
	if len(use("          baseline: b\n          no-such-input: x\n")) == 0 {
		t.Error("an input that does not exist is taken")
	}
	// The recipe gives the Action inputs that it has.
	a := readAction(t)
	for _, name := range workflows(t) {
		for job, j := range readWorkflow(t, name).Jobs {
			for _, s := range j.Steps {
				if !strings.HasPrefix(s.Uses, "vtbench/vtbench@") && s.Uses != "./" {
					continue
				}
				for k := range s.With {
					if _, ok := a.Inputs[k]; !ok {
						t.Errorf("%s: job %s gives the input %s, which does not exist", name, job, k)
					}
				}
				for k, in := range a.Inputs {
					if _, ok := s.With[k]; in.Required && !ok {
						t.Errorf("%s: job %s leaves out %s", name, job, k)
					}
				}
			}
		}
	}
}

var (
	inputUse  = regexp.MustCompile(`\binputs\.([A-Za-z0-9_-]+)`)
	outputUse = regexp.MustCompile(`\bsteps\.([A-Za-z0-9_-]+)\.outputs\.([A-Za-z0-9_-]+)`)
	pinned    = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@[0-9a-f]{40}$`)
	// The release that a commit is, for people and for what proposes updates.
	release = regexp.MustCompile(`uses: (\S+@[0-9a-f]{40}) # v[0-9]+\.[0-9]+\.[0-9]+\n`)
)

func TestActionMetadata(t *testing.T) {
	a := readAction(t)
	raw := string(read(t, filepath.Join(root, "action.yml")))
	if a.Runs.Using != "composite" || a.Name == "" || a.Description == "" {
		t.Errorf("got %q, %q, %q", a.Runs.Using, a.Name, a.Description)
	}
	used := map[string]bool{}
	for _, m := range inputUse.FindAllStringSubmatch(raw, -1) {
		used[m[1]] = true
		if _, ok := a.Inputs[m[1]]; !ok {
			t.Errorf("inputs.%s is used and not declared", m[1])
		}
	}
	for name, in := range a.Inputs {
		if !used[name] {
			t.Errorf("the input %s is declared and not used", name)
		}
		if in.Description == "" {
			t.Errorf("the input %s has no description", name)
		}
		if !in.Required && in.Default == nil {
			t.Errorf("the input %s is neither required nor has it a default", name)
		}
	}
	ids := map[string]string{}
	for i, s := range a.Runs.Steps {
		if (s.Run == "") == (s.Uses == "") {
			t.Errorf("step %d: want either run or uses", i)
		}
		if s.Run != "" && s.Shell != "bash" {
			t.Errorf("step %d: its shell is %q; a composite Action must name one", i, s.Shell)
		}
		if s.ID != "" {
			ids[s.ID] = s.Run
		}
	}
	for _, m := range outputUse.FindAllStringSubmatch(raw, -1) {
		if run, ok := ids[m[1]]; !ok || !strings.Contains(run, m[2]+"=") {
			t.Errorf("%s: no step %s sets it", m[0], m[1])
		}
	}
	for name, o := range a.Outputs {
		if o.Value == "" || o.Description == "" {
			t.Errorf("the output %s has no value or no description", name)
		}
	}
}

// allSteps calls f for the steps of the Action and of all workflows.
func allSteps(t *testing.T, f func(where string, s step)) {
	t.Helper()
	for _, s := range readAction(t).Runs.Steps {
		f("action.yml", s)
	}
	for _, name := range workflows(t) {
		for _, j := range readWorkflow(t, name).Jobs {
			for _, s := range j.Steps {
				f(name, s)
			}
		}
	}
}

// What is filled into a script becomes shell: names of branches and inputs reach
// scripts by the environment.
func TestNothingIsFilledIntoScripts(t *testing.T) {
	n := 0
	allSteps(t, func(where string, s step) {
		if s.Run == "" {
			return
		}
		n++
		if strings.Contains(s.Run, "${{") {
			t.Errorf("%s: an expression is filled into a script:\n%s", where, s.Run)
		}
		shellParses(t, where, s.Run)
	})
	if n < 4 {
		t.Errorf("only %d scripts were found", n)
	}
}

func shellParses(t *testing.T, where, script string) {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		testenv.Skip(t, "bash is not here")
	}
	cmd := exec.Command(bash, "-n")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", where, err, out)
	}
}

func TestActionsArePinned(t *testing.T) {
	allSteps(t, func(where string, s step) {
		switch {
		case s.Uses == "" || strings.HasPrefix(s.Uses, "./"):
		case !pinned.MatchString(s.Uses):
			t.Errorf("%s: %s names no commit: tags and branches can be moved", where, s.Uses)
		}
	})
	for _, name := range []string{filepath.Join(root, "action.yml"), recipe("github/vtbench.yml"), recipe("github/vtbench-comment.yml")} {
		text := string(read(t, name))
		if n, m := strings.Count(text, "uses: actions/"), len(release.FindAllString(text, -1)); n != m || n == 0 {
			t.Errorf("%s: %d actions, %d of them with the release behind the commit", name, n, m)
		}
	}
}

// A recipe runs no vtbench but the commit that its user wrote down, and says so to one who
// wrote none.
func TestRecipesWantACommit(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		testenv.Skip(t, "bash is not here")
	}
	commit, image := strings.Repeat("0a", 20), "golang:1@sha256:"+strings.Repeat("0a", 32)
	scripts := map[string]string{}
	for _, name := range []string{"github/vtbench.yml", "github/vtbench-comment.yml"} {
		for _, j := range readWorkflow(t, recipe(name)).Jobs {
			before := true // nothing of vtbench is used before the check
			for _, s := range j.Steps {
				if s.Name == "vtbench is pinned" {
					scripts[name], before = s.Run, false
				} else if before && (s.With["repository"] != nil || strings.Contains(s.Run, "vtbench") || strings.HasPrefix(s.Uses, "./")) {
					t.Errorf("%s: %s%s comes before the check", name, s.Uses, s.Run)
				}
			}
		}
	}
	var gitlab map[string]struct {
		BeforeScript []string `yaml:"before_script"`
	}
	if err := yaml.Unmarshal(read(t, recipe("gitlab/.gitlab-ci.yml")), &gitlab); err != nil {
		t.Fatal(err)
	}
	scripts["gitlab"] = gitlab["vtbench"].BeforeScript[0]
	for name, script := range scripts {
		for _, tc := range []struct {
			pinned, image string
			ok            bool
		}{
			{commit, image, true},
			{"", image, false},
			{"main", image, false},
			{"v1.0.0", image, false},
			{commit[:12], image, false},
			{commit + "0", image, false},
			{commit, "golang:1", name != "gitlab"},
		} {
			cmd := exec.Command(bash, "-e")
			cmd.Stdin = strings.NewReader(script)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "VTBENCH_PINNED=" + tc.pinned, "VTBENCH_IMAGE=" + tc.image}
			out, err := cmd.CombinedOutput()
			if (err == nil) != tc.ok {
				t.Errorf("%s with %q and %q: %v: %s", name, tc.pinned, tc.image, err, out)
			}
		}
	}
	if len(scripts) != 3 {
		t.Errorf("%d of 3 recipes check", len(scripts))
	}
}

// The half that runs a stranger's code can write nothing; the half that can write
// runs nothing of theirs.
func TestForkSafety(t *testing.T) {
	run := readWorkflow(t, recipe("github/vtbench.yml"))
	if _, ok := run.On["pull_request"]; !ok || run.On["pull_request_target"] != nil {
		t.Errorf("the run is started by %v", run.On)
	}
	for k, v := range run.Permissions {
		if v != "read" && v != "none" {
			t.Errorf("the run may %s: %s", v, k)
		}
	}
	raw := string(read(t, recipe("github/vtbench.yml")))
	if strings.Contains(raw, "secrets.") || strings.Contains(raw, "github.token") {
		t.Error("the run holds a token or a secret")
	}
	for _, j := range run.Jobs {
		if j.Permissions != nil {
			t.Errorf("a job of the run has permissions of its own: %v", j.Permissions)
		}
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
				t.Error("checkout leaves a token behind for the code that runs next")
			}
		}
	}
	post := readWorkflow(t, recipe("github/vtbench-comment.yml"))
	if len(post.On) != 1 || post.On["workflow_run"] == nil {
		t.Errorf("the publisher is started by %v", post.On)
	}
	if post.Permissions == nil || len(post.Permissions) != 0 {
		t.Errorf("the publisher starts with permissions %v, want none", post.Permissions)
	}
	for _, j := range post.Jobs {
		var may []string
		for k, v := range j.Permissions {
			may = append(may, k+":"+v)
		}
		slices.Sort(may)
		if got := strings.Join(may, " "); got != "actions:read pull-requests:write" {
			t.Errorf("the publisher may %s", got)
		}
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/checkout@") || strings.HasPrefix(s.Uses, "vtbench/") {
				t.Errorf("the publisher uses %s", s.Uses)
			}
			if s.Run != "" && strings.Contains(s.Run, "artefact/") && !strings.Contains(s.Run, "--event") {
				t.Errorf("the publisher uses the artefact without the event:\n%s", s.Run)
			}
		}
	}
}

func TestGitLab(t *testing.T) {
	name := recipe("gitlab/.gitlab-ci.yml")
	var f map[string]struct {
		Stage        string            `yaml:"stage"`
		Image        string            `yaml:"image"`
		Rules        []map[string]any  `yaml:"rules"`
		Variables    map[string]string `yaml:"variables"`
		Cache        map[string]any    `yaml:"cache"`
		BeforeScript []string          `yaml:"before_script"`
		Script       []string          `yaml:"script"`
		Artifacts    struct {
			When     string            `yaml:"when"`
			ExpireIn string            `yaml:"expire_in"`
			Paths    []string          `yaml:"paths"`
			Reports  map[string]string `yaml:"reports"`
		} `yaml:"artifacts"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(read(t, name)), yaml.Strict()).Decode(&f); err != nil {
		t.Fatal(err)
	}
	known := settings(t)
	for job, j := range f {
		shellParses(t, name, strings.Join(append(slices.Clone(j.BeforeScript), j.Script...), "\n"))
		if j.Artifacts.Reports["junit"] != "vtbench-out/junit.xml" || j.Artifacts.When != "always" {
			t.Errorf("job %s: artefacts are %+v", job, j.Artifacts)
		}
		for v := range j.Variables {
			if strings.HasPrefix(v, "VTBENCH_") && v != "VTBENCH_PINNED" && v != "VTBENCH_IMAGE" && !known[v] {
				t.Errorf("job %s sets %s, which compare.sh does not know", job, v)
			}
		}
	}
}

// settings are the variables that compare.sh reads.
func settings(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{(VTBENCH[A-Z_]*):-`).FindAllStringSubmatch(string(read(t, recipe("compare.sh"))), -1) {
		out[m[1]] = true
	}
	return out
}

func TestScriptAndActionAgree(t *testing.T) {
	script := string(read(t, recipe("compare.sh")))
	shellParses(t, "compare.sh", script)
	info, err := os.Stat(recipe("compare.sh"))
	if err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("compare.sh cannot be executed: %v, %v", info.Mode(), err)
	}
	known := settings(t)
	for v := range known {
		if !regexp.MustCompile(`(?m)^#   ` + v + ` `).MatchString(script) {
			t.Errorf("compare.sh reads %s and does not say so", v)
		}
	}
	set := 0
	for _, s := range readAction(t).Runs.Steps {
		for v := range s.Env {
			if strings.HasPrefix(v, "VTBENCH_") {
				if set++; !known[v] {
					t.Errorf("action.yml sets %s, which compare.sh does not know", v)
				}
			}
		}
	}
	if set != len(known)-1 { // the program itself is on the PATH
		t.Errorf("action.yml sets %d of %d settings", set, len(known))
	}
}
