package ci

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// The Jobs of examples/scale have no field that Kubernetes does not know, and say what an
// Indexed Job must.
func TestKubernetesJobs(t *testing.T) {
	dec := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(read(t, filepath.Join(root, "examples", "scale", "kubernetes.yaml")))))
	buf := make([]byte, 1<<20)
	var jobs []batchv1.Job
	for {
		n, err := dec.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var job batchv1.Job
		if err := strict.UnmarshalStrict(buf[:n], &job); err != nil {
			t.Fatalf("job %d: %v", len(jobs), err)
		}
		jobs = append(jobs, job)
	}
	if len(jobs) != 2 {
		t.Fatalf("%d jobs", len(jobs))
	}
	for _, j := range jobs {
		if j.APIVersion != "batch/v1" || j.Kind != "Job" || j.Name == "" || len(j.Spec.Template.Spec.Containers) != 1 || j.Spec.Template.Spec.RestartPolicy != "Never" {
			t.Errorf("job %q: %+v", j.Name, j.Spec.Template.Spec)
		}
		for _, c := range j.Spec.Template.Spec.Containers {
			shellParses(t, j.Name, c.Args[0])
		}
	}
	shards := jobs[0].Spec
	if shards.CompletionMode == nil || *shards.CompletionMode != batchv1.IndexedCompletion || shards.Completions == nil || shards.BackoffLimitPerIndex == nil {
		t.Errorf("the shards are no Indexed Job: %+v", shards)
	}
	for _, j := range jobs {
		for _, e := range j.Spec.Template.Spec.Containers[0].Env {
			if e.Name == "SHARDS" && e.Value != "8" || *shards.Completions != 8 {
				t.Errorf("%s: %s shards of %d completions", j.Name, e.Value, *shards.Completions)
			}
		}
	}
}

// Scripts of examples/scale are read by a shell, can be executed, and say which settings
// they read.
func TestScaleScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(root, "examples", "scale", "*.sh"))
	if err != nil || len(scripts) != 3 {
		t.Fatalf("%v, %v", scripts, err)
	}
	for _, path := range scripts {
		script := string(read(t, path))
		shellParses(t, filepath.Base(path), script)
		info, err := os.Stat(path)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s cannot be executed: %v", path, err)
		}
		if !strings.Contains(script, "set -euo pipefail") {
			t.Errorf("%s goes on after an error", path)
		}
	}
}
