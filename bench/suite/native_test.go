package suite_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vtbench/vtbench/bench/suite"
)

const nativeYAML = `id: own
version: 1
title: Own
question: Is it?
datasets: [d]
resolutions: [256, native]
transfer: true
score_at: original
metrics: [psnr]
headline: [psnr]
tokenizers: [resize]
`

func loadYAML(t *testing.T, text string) (suite.Suite, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return suite.Load(file)
}

// The word native survives YAML, JSON and the names of conditions.
func TestNative(t *testing.T) {
	s, err := loadYAML(t, nativeYAML)
	if err != nil {
		t.Fatal(err)
	}
	want := suite.Resolutions{256, suite.Native}
	if !cmp.Equal(s.Resolutions, want) || !s.Transfer {
		t.Errorf("read as %v, transfer %v", s.Resolutions, s.Transfer)
	}
	b, err := json.Marshal(s.Resolutions)
	if err != nil || string(b) != `[256,"native"]` {
		t.Errorf("written as %s, %v", b, err)
	}
	var back suite.Resolutions
	if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(back, want) {
		t.Errorf("read back as %v, %v", back, err)
	}
	c := s.Conditions()[1]
	if c.String() != "clean@native" || suite.Size(c.Resolution) != "native size" || suite.Size(256) != "256 px" {
		t.Errorf("the condition is %s, %s", c, suite.Size(c.Resolution))
	}
	if got, err := suite.ParseCondition("clean@native"); err != nil || got != c {
		t.Errorf("parsed as %+v, %v", got, err)
	}
	for _, wrong := range []string{"clean@-1", "clean@nativ", "clean@"} {
		if _, err := suite.ParseCondition(wrong); err == nil {
			t.Errorf("%s is a condition", wrong)
		}
	}
}

func TestNativeFaults(t *testing.T) {
	for message, change := range map[string]string{
		"neither a side in pixels nor native": strings.Replace(nativeYAML, "native", "own", 1),
		"outside 16..8192; native":            strings.Replace(nativeYAML, "native", "-1000", 1),
		"there is one resolution":             strings.Replace(nativeYAML, ", native", "", 1),
		"batch must not be":                   nativeYAML + "batch: -1\n",
		"at squares only":                     nativeYAML + "corruptions: [{type: token_drop, severities: [1]}]\n",
	} {
		if _, err := loadYAML(t, change); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("want %q, got %v", message, err)
		}
	}
}
