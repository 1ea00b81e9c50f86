package record

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vtbench/vtbench/internal/boundedjson"
	"github.com/vtbench/vtbench/internal/files"
	"github.com/vtbench/vtbench/internal/wholefile"
)

// Files of a run directory.
const (
	ManifestFile    = "manifest.json"
	RecordsFile     = "records.jsonl"
	GroupsFile      = "groups.jsonl" // which groups are committed, with check sums of their lines
	SummaryFile     = "summary.json"
	PerformanceFile = "performance.json"
	CodesFile       = "codes.jsonl"   // what tokens were used and what metrics of sets keep, by item
	TimingsFile     = "timings.jsonl" // what an item cost; the only values that differ between runs
	ImagesDir       = "images"
	CasesFile       = "cases.json" // in ImagesDir
	SealFile        = "seal.json"  // check sums of manifest, summary and images; a run that has it is complete
	LockFile        = "run.lock"   // who is writing
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

// maxJSON bounds the files of a run directory that are read whole; the summary of a
// large robustness run takes a fifth of it.
const maxJSON = 128 << 20

// ReadJSON reads a file that WriteJSON wrote.
func ReadJSON(path string, v any) error {
	b, err := files.Read(path, maxJSON)
	if err != nil {
		return fmt.Errorf("reading run: %w", err)
	}
	if err := boundedjson.Unmarshal(b, v, boundedjson.Default); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
