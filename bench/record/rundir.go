package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/vtbench/vtbench/internal/wholefile"
)

// Files of a run directory.
const (
	ManifestFile    = "manifest.json"
	RecordsFile     = "records.jsonl"
	SummaryFile     = "summary.json"
	PerformanceFile = "performance.json"
	CodesFile       = "codes.jsonl"   // what tokens were used, by item: states of observers
	TimingsFile     = "timings.jsonl" // what an item cost; the only values that differ between runs
	ImagesDir       = "images"
	CasesFile       = "cases.json" // in imagesDir
)

// WriteJSON writes a file whole or not at all, indented for people and diffs.
func WriteJSON(path string, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encoding %s: %w", path, err)
	}
	return wholefile.Write(path, buf.Bytes())
}

func ReadJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading run: %w", err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
