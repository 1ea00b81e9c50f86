package cli

import (
	"testing"

	"github.com/vtbench/vtbench/bench/record"
)

// Pages and cells of the suite of documents are told apart by the size of their letters,
// and a second engine stands beside the first.
func TestDocumentSuite(t *testing.T) {
	t.Chdir(t.TempDir())
	// The second item is a table. Tesseract takes a quarter of the time here.
	status, _, stderr := vtbench(t, "run", "--suite", "document", "--limit", "2", "-r", "512", "-t", "resize", "-o", "r",
		"--option", "ocr.engine=tesseract", "-m", "page-ned,t-ned,cell-acc,psnr")
	if status != ExitDone {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	bins := map[string]map[string]int{}
	for r, err := range record.Records("r") {
		if err != nil {
			t.Fatal(err)
		}
		if r.Tokenizer != "resize" || r.Error != "" {
			continue
		}
		if bins[r.Metric] == nil {
			bins[r.Metric] = map[string]int{}
		}
		bins[r.Metric][r.Bin]++
	}
	if b := bins["page-ned"]; b["6pt"] != 1 || b["8pt"] != 1 || len(b) != 2 {
		t.Errorf("pages by bin: %v", b)
	}
	if b := bins["cell-acc"]; b["8pt"] < 20 || len(b) != 1 {
		t.Errorf("cells by bin: %v", b)
	}
	if b := bins["psnr"]; b[""] != 2 {
		t.Errorf("images have no bin: %v", b)
	}
	if len(bins["t-ned"]) < 2 {
		t.Errorf("lines by bin: %v", bins["t-ned"])
	}
}
