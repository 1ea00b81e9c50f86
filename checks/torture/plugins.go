package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vtbench/vtbench/bench/record"
)

// plugins are tokenizers of somebody else that break every rule of the protocol. They
// are those of the tests of tokenizers/process.
func plugins() []kind {
	return []kind{{
		name:    "plug-ins that crash, hang, lie, print, flood and leave children",
		promise: "a plug-in costs its own values; those of others are unchanged, its output is shown without control characters, and none of its processes is left",
		full:    130, short: 8, try: (*attempt).misbehaved,
	}}
}

// modes are the ways in which the plug-in misbehaves, as its source lists them.
func modes(root string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(root, "tokenizers/process/hostile_test.go"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range regexp.MustCompile(`case ((?:"[a-z0-9-]+"(?:, )?)+):|mode [!=]= "([a-z0-9-]+)"`).FindAllStringSubmatch(string(b), -1) {
		for _, w := range regexp.MustCompile(`[a-z0-9-]+`).FindAllString(m[1]+" "+m[2], -1) {
			if !slices.Contains([]string{"host", "helper", "serve-go", "sleeper"}, w) {
				out = append(out, w)
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if len(out) < 40 {
		return nil, fmt.Errorf("only %d ways to misbehave are found in hostile_test.go", len(out))
	}
	return out, nil
}

// squares makes images that plug-ins get as they are; at the first pixel of one they
// misbehave.
func (a *attempt) squares() (string, error) {
	dir := a.path("squares")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for i := range 3 {
		m := image.NewNRGBA(image.Rect(0, 0, 32, 32))
		for k := range m.Pix {
			m.Pix[k] = uint8(40 + 50*i + k%7*8)
			if k%4 == 3 {
				m.Pix[k] = 255
			}
		}
		if i == 1 {
			m.Pix[0] = 13
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.png", i)), b.Bytes(), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// plugin starts a run whose tokenizer misbehaves.
func (a *attempt) plugin(dir, mode, timeout string) *process {
	squares, err := a.squares()
	if err != nil {
		panic(err)
	}
	config := a.write("plugin.yaml", fmt.Appendf(nil, `suite: %q
data: [%q]
resolutions: [32]
resamples: 100
output: %q
tokenizers:
  - use: resize
  - name: hostile
    use: "process:%s"
    options: {env: "VTBENCH_TEST_MODE=%s VTBENCH_TORTURE=%s", start_timeout: %s, first_batch_timeout: %s, batch_timeout: %s, stop_timeout: 2s, restarts: 2}
`, a.in.suite, "folder:"+squares, dir, a.hostile, mode, a.mark(), timeout, timeout, timeout))
	return a.start(limits{}, nil, "run", "-q", "-c", config)
}

// mark finds the processes of a case.
func (a *attempt) mark() string {
	return fmt.Sprintf("%d.%d.%s", os.Getpid(), a.n, filepath.Base(filepath.Dir(a.dir)))
}

// left fails where a process of the plug-in is left after a moment.
func (a *attempt) left(mode string) error {
	want := []byte("VTBENCH_TORTURE=" + a.mark() + "\x00")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return err
		}
		alive := ""
		for _, f := range list {
			if b, err := os.ReadFile(f); err == nil && bytes.Contains(append(b, 0), want) {
				alive = filepath.Dir(f)
			}
		}
		if alive == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: a process of the plug-in is left: %s", mode, alive)
		}
	}
}

func (a *attempt) misbehaved() error {
	mode := a.modes[a.n%len(a.modes)]
	dir := a.path("run")
	p := a.plugin(dir, mode, one(a, "1s", "2s", "5s"))
	o, err := p.wait()
	if err == nil {
		err = o.check([]int{0, 2, 4}, []string{"run with the plug-in", mode})
	}
	if err == nil {
		err = a.left(mode)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", mode, err)
	}
	if o.status == 2 { // refused before anything was measured
		return nil
	}
	alone := a.path("alone")
	squares := a.path("squares")
	if _, err := a.expect([]int{0}, "run", "-q", "--suite", a.in.suite, "--data", "folder:"+squares, "-r", "32", "--resamples", "100", "-t", "resize", "-o", alone); err != nil {
		return err
	}
	want, err1 := recordsOf(alone)
	got, err2 := recordsOf(dir)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("%s: %w", mode, err)
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		return fmt.Errorf("%s: values of other tokenizers are not those of a run without the plug-in", mode)
	}
	state, err := record.Verify(dir)
	if err == nil && state.Damage != nil {
		err = state.Damage
	}
	return err
}

// recordsOf are the lines of records of tokenizers other than the plug-in.
func recordsOf(dir string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(dir, record.RecordsFile))
	if err != nil {
		return nil, err
	}
	var out []string
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r record.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		if r.Tokenizer != "hostile" && !strings.HasPrefix(r.Tokenizer, "process") {
			out = append(out, lines.Text())
		}
	}
	return out, lines.Err()
}
