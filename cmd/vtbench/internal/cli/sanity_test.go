package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vtbench/vtbench/bench/summary"
	"github.com/vtbench/vtbench/internal/sanity"
	"github.com/vtbench/vtbench/pix"
)

// A run says in its table, its summary and its report whose adapter is probably wrong,
// and says nothing of the others.
func TestRunNamesWrongAdapters(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := vtbench(t, "datasets", "export", "text-default", "todo", "--limit", "4", "-r", "64"); status != ExitDone {
		t.Fatal(stderr)
	}
	wrong := map[string]struct {
		of   func(m pix.Image) pix.Image
		kind sanity.Kind
	}{
		"tenth": {func(m pix.Image) pix.Image {
			for i := range m.Pix {
				m.Pix[i] /= 10
			}
			return m
		}, sanity.Range},
		"bgr": {func(m pix.Image) pix.Image {
			for i := 0; i < len(m.Pix); i += 3 {
				m.Pix[i], m.Pix[i+2] = m.Pix[i+2], m.Pix[i]
			}
			return m
		}, sanity.Channels},
		"black": {func(m pix.Image) pix.Image { return pix.New(m.W, m.H) }, sanity.Constant},
		"same":  {func(m pix.Image) pix.Image { return m }, sanity.Identical},
		"twice": {func(m pix.Image) pix.Image {
			big, err := pix.Resize(m, 2*m.W, 2*m.H)
			if err != nil {
				t.Fatal(err)
			}
			return big
		}, sanity.Size},
	}
	args := []string{"run", "--suite", "s.yaml", "--limit", "4", "-r", "64", "-o", "r", "-t", "jpeg:q=20", "-t", "png", "-t", "vq:patch=16,k=256"}
	for name, w := range wrong {
		for _, e := range exportLines(t, "todo") {
			m, err := pix.Load(filepath.Join("todo", e.File))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(name, e.File)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := w.of(m).SavePNG(file); err != nil {
				t.Fatal(err)
			}
		}
		args = append(args, "-t", name+"=folder:"+name)
	}
	status, out, stderr := vtbench(t, args...)
	if status != ExitItemsFailed { // those of another size
		t.Fatalf("status %d\n%s", status, stderr)
	}
	var s summary.Summary
	b, err := os.ReadFile(filepath.Join("r", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	html, err := os.ReadFile(filepath.Join("r", "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Alarms) != len(wrong) {
		t.Errorf("%d alarms, want %d: %+v", len(s.Alarms), len(wrong), s.Alarms)
	}
	for _, a := range s.Alarms {
		if wrong[a.Tokenizer].kind != a.Kind || a.Dataset != "text-default" {
			t.Errorf("%+v", a)
		}
		if !strings.Contains(out, "note: "+a.Tokenizer+" on text-default: ") {
			t.Errorf("the table does not say it of %s:\n%s", a.Tokenizer, out)
		}
		if !bytes.Contains(html, []byte(a.Tokenizer+" on text-default: ")) {
			t.Errorf("the report does not say it of %s", a.Tokenizer)
		}
	}
}

// A run says in its table, its summary and its reports whose codebook or latent has
// collapsed, once for all resolutions, and says nothing of the others.
func TestRunNamesCollapse(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("s.yaml", []byte(suiteFile), 0o644); err != nil {
		t.Fatal(err)
	}
	status, out, stderr := vtbench(t, "run", "--suite", "s.yaml", "--limit", "4", "-r", "128,256", "-m", "+code-usage,latent-active", "-o", "r",
		"-t", "vq:k=1024", "-t", "vq-ema:k=1024", "-t", "kl:dim=16,noise=4", "-t", "many=kl:patch=4,dim=48,noise=60")
	if status != ExitDone {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	var s summary.Summary
	b, err := os.ReadFile(filepath.Join("r", "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"vq-ema:k=1024": "the codebook has collapsed: it uses ", "many": "the latent has collapsed in part: "}
	if len(s.Alarms) != len(want) {
		t.Errorf("%d alarms, want %d: %+v", len(s.Alarms), len(want), s.Alarms)
	}
	for _, a := range s.Alarms {
		if a.Kind != summary.Collapse || !strings.HasPrefix(a.Text, want[a.Tokenizer]) || want[a.Tokenizer] == "" {
			t.Errorf("%+v", a)
		}
		said := a.Tokenizer + " on text-default: "
		html, err := os.ReadFile(filepath.Join("r", "report.html"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out, "note: "+said) || !bytes.Contains(html, []byte(said)) {
			t.Errorf("table or report do not say %q:\n%s", said, out)
		}
	}
}
