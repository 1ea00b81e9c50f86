package ci

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
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

// What runs workers has no field that Kubernetes does not know; all of it has the login, and
// selectors find what they are for.
func TestKubernetesWorkers(t *testing.T) {
	dec := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(read(t, filepath.Join(root, "examples", "scale", "kubernetes-workers.yaml")))))
	buf := make([]byte, 1<<20)
	var pods []corev1.PodTemplateSpec
	var service corev1.Service
	kinds := map[string]int{}
	for {
		n, err := dec.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var of struct{ Kind string }
		if err := strict.Unmarshal(buf[:n], &of); err != nil {
			t.Fatal(err)
		}
		kinds[of.Kind]++
		var into any
		var job batchv1.Job
		var set appsv1.StatefulSet
		var deployment appsv1.Deployment
		switch of.Kind {
		case "Service":
			into = &service
		case "Job":
			into = &job
		case "StatefulSet":
			into = &set
		case "Deployment":
			into = &deployment
		default:
			t.Fatalf("kind %q", of.Kind)
		}
		if err := strict.UnmarshalStrict(buf[:n], into); err != nil {
			t.Fatalf("%s: %v", of.Kind, err)
		}
		switch of.Kind {
		case "Job":
			pods = append(pods, job.Spec.Template)
			shellParses(t, job.Name, job.Spec.Template.Spec.Containers[0].Args[0])
		case "StatefulSet":
			pods = append(pods, set.Spec.Template)
			if set.Spec.Selector.MatchLabels["app"] != set.Spec.Template.Labels["app"] || service.Spec.Selector["app"] != set.Spec.Template.Labels["app"] || set.Spec.ServiceName != service.Name {
				t.Errorf("the service does not find the server: %v, %v", service.Spec.Selector, set.Spec.Template.Labels)
			}
		case "Deployment":
			pods = append(pods, deployment.Spec.Template)
			if deployment.Spec.Selector.MatchLabels["app"] != deployment.Spec.Template.Labels["app"] {
				t.Errorf("the deployment does not find its pods: %v", deployment.Spec.Template.Labels)
			}
		}
	}
	if kinds["Service"] != 1 || kinds["Job"] != 1 || kinds["StatefulSet"] != 1 || kinds["Deployment"] != 1 {
		t.Errorf("it has %v", kinds)
	}
	for _, p := range pods {
		c := p.Spec.Containers[0]
		if len(c.Env) == 0 || c.Env[0].Name != "VTBENCH_NATS_LOGIN" || c.Env[0].Value != "/secret/login" {
			t.Errorf("container %s has no login: %v", c.Name, c.Env)
		}
	}
}

// Scripts of examples/scale are read by a shell, can be executed, and say which settings
// they read.
func TestScaleScripts(t *testing.T) {
	scripts, err := filepath.Glob(filepath.Join(root, "examples", "scale", "*.sh"))
	if err != nil || len(scripts) != 4 {
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
